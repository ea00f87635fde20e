/**
 * The end of a stream before its time (RFC 9113 §6.4). In `close`, whatever the code, node:http2 ends the answer first, and
 * a client takes the part that it has for the whole; only `destroy` with an error resets: with CANCEL where the error is
 * that of an abort signal, else with INTERNAL_ERROR.
 */
import { constants, type ServerHttp2Stream } from 'node:http2'
import { addAbortSignal, Duplex } from 'node:stream'
import { LONGEST_TIMEOUT } from '../limits/deadlines.ts'

const resetHere: WeakSet<ServerHttp2Stream> = new WeakSet()

/** Resets a stream whose answer will not be complete, with INTERNAL_ERROR. */
export function breakOff(stream: ServerHttp2Stream): void {
  if (stream.closed || stream.destroyed) return
  resetHere.add(stream)
  // Nobody hears of it but node:http2.
  stream.destroy(new Error('Cannot complete the answer: it was cut off'))
}

/**
 * The answer is whole, and no more of the request is wanted (RFC 9113 §8.1): what still comes of it is dropped for so many
 * milliseconds, then the stream is reset with NO_ERROR. At once it would overtake the answer: curl 7.88 reads none that
 * comes in one piece with the reset.
 */
export function dropRequest(stream: ServerHttp2Stream, milliseconds: number): void {
  if (stream.endAfterHeaders || stream.closed) return
  stream.resume()
  const timer = setTimeout(
    () => stream.close(constants.NGHTTP2_NO_ERROR),
    Math.min(milliseconds, LONGEST_TIMEOUT),
  )
  timer.unref()
  stream.once('close', () => clearTimeout(timer))
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
