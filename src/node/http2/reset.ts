/** The end of a stream before its time. */
import type { ServerHttp2Stream } from 'node:http2'

const resetHere: WeakSet<ServerHttp2Stream> = new WeakSet()

/**
 * Resets a stream (RFC 9113 §6.4). Not for one whose answer is complete, nor with NO_ERROR for one whose answer is not: a
 * client would take the part for the whole.
 */
export function resetStream(stream: ServerHttp2Stream, code: number): void {
  if (stream.closed) return
  resetHere.add(stream)
  stream.close(code)
}

/** Whether it was the client that gave the stream up, or made node:http2 give it up. */
export function wasGivenUp(stream: ServerHttp2Stream): boolean {
  return (stream.aborted || stream.rstCode !== 0) && !resetHere.has(stream)
}
