/**
 * No framing: each read is a message as it comes, and nothing is ever kept. Where one message ends is the network's
 * choice: two writes of the peer may come as one message, one write as several.
 */
import type { Framing, FramingReader, MessageSink } from './framing.ts'

const EMPTY = new Uint8Array(0)

/**
 * Reports each read. A read over the limit comes in pieces of that size: as the cuts mean nothing, no peer is to blame.
 *
 * @example
 * import { NoneReader } from 'portmanteau/raw'
 *
 * const sizes: number[] = []
 * const reader = new NoneReader({ message: (_, start, end) => sizes.push(end - start), fail() {} }, 4)
 * reader.push(new Uint8Array(6), 0, 6)
 * // sizes is [4, 2]
 */
export class NoneReader implements FramingReader {
  readonly held: number
  private readonly sink: MessageSink
  private readonly limit: number

  /** @param limit bytes that a message may have, at least 1 */
  constructor(sink: MessageSink, limit: number) {
    this.held = 0
    this.sink = sink
    this.limit = Math.max(1, Math.floor(limit))
  }

  push(chunk: Uint8Array, pos: number, end: number): number {
    while (pos < end) {
      const stop = Math.min(end, pos + this.limit)
      this.sink.message(chunk, pos, stop)
      pos = stop
    }
    return pos
  }

  end(): void {}
}

/** Bytes as they come, both ways. */
export const noneFraming: Framing = {
  name: 'none',
  createReader: (sink, limit) => new NoneReader(sink, limit),
  header: () => EMPTY,
  trailer: EMPTY,
}
