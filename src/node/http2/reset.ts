/**
 * The end of a stream before its time (RFC 9113 §6.4). In `close`, whatever the code, node:http2 ends the answer first, and
 * a client takes the part that it has for the whole; only `destroy` with an error resets: with CANCEL where the error is
 * that of an abort signal, else with INTERNAL_ERROR.
 */
import type { ServerHttp2Stream } from 'node:http2'
import { addAbortSignal, Duplex } from 'node:stream'
import { PortmanteauError } from '../errors.ts'

const resetHere: WeakSet<ServerHttp2Stream> = new WeakSet()

/** Resets a stream whose answer will not be complete, with INTERNAL_ERROR. */
export function breakOff(stream: ServerHttp2Stream): void {
  if (stream.closed || stream.destroyed) return
  resetHere.add(stream)
  stream.destroy(new PortmanteauError('ERR_HTTP2_ANSWER_CUT', 'Cannot complete the answer: it was cut off'))
}

/** Has `destroy` reset the stream with CANCEL; `cancelled` is called before, for there will be an error on it. */
export function cancelOnDestroy(stream: ServerHttp2Stream, cancelled: () => void): void {
  stream.destroy = (error) => {
    if (error !== undefined || stream.closed || stream.destroyed) {
      return Duplex.prototype.destroy.call(stream, error) as ServerHttp2Stream
    }
    resetHere.add(stream)
    cancelled()
    return addAbortSignal(AbortSignal.abort(), stream)
  }
}

/** Whether it was the client that gave the stream up, or made node:http2 give it up. */
export function wasGivenUp(stream: ServerHttp2Stream): boolean {
  return (stream.aborted || stream.rstCode !== 0) && !resetHere.has(stream)
}
