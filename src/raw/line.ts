/**
 * Line framing: a message ends at LF; a CR right before it is dropped, and so is an empty line. What is left
 * when the stream ends is a message, byte for byte.
 *
 * A line that lies whole in one chunk is reported where it lies. Otherwise it is gathered, and no byte is
 * searched twice.
 */
import { FramingError } from './errors.ts'
import type { Framing, FramingReader, MessageSink } from './framing.ts'
import { Holding } from './holding.ts'

const LF = 0x0a
const CR = 0x0d
const EMPTY = new Uint8Array(0)

/**
 * Reads lines from one byte stream.
 *
 * @example
 * import { LineReader } from 'portmanteau/raw'
 *
 * const lines: string[] = []
 * const reader = new LineReader(
 *   {
 *     message: (chunk, start, end) => lines.push(String.fromCharCode(...chunk.subarray(start, end))),
 *     fail: (code) => lines.push(code),
 *   },
 *   1024,
 * )
 * const bytes = Uint8Array.of(0x68, 0x69, 0x0d, 0x0a, 0x21)
 * reader.push(bytes, 0, bytes.length)
 * reader.end()
 * // lines is ['hi', '!']
 */
export class LineReader implements FramingReader {
  private readonly sink: MessageSink
  private readonly limit: number
  private readonly holding: Holding
  private failed: boolean

  /** @param limit bytes that a line may have, its LF and the CR before it not counted */
  constructor(sink: MessageSink, limit: number) {
    this.sink = sink
    this.limit = limit
    this.holding = new Holding()
    this.failed = false
  }

  get held(): number {
    return this.holding.length
  }

  push(chunk: Uint8Array, pos: number, end: number): number {
    while (pos < end && !this.failed) {
      const newline = chunk.indexOf(LF, pos)
      if (newline < 0 || newline >= end) return this.hold(chunk, pos, end)
      if (this.holding.length === 0) this.report(chunk, pos, newline)
      else this.finishHeld(chunk, pos, newline)
      if (this.failed) return pos
      pos = newline + 1
    }
    return pos
  }

  end(): void {
    if (this.failed || this.holding.length === 0) return
    const line = this.holding.take()
    if (line.length > this.limit) this.fail()
    else this.sink.message(line, 0, line.length)
  }

  private report(chunk: Uint8Array, start: number, end: number): void {
    if (end > start && chunk[end - 1] === CR) end--
    if (end - start > this.limit) this.fail()
    else if (end > start) this.sink.message(chunk, start, end)
  }

  private finishHeld(chunk: Uint8Array, pos: number, newline: number): void {
    this.hold(chunk, pos, newline)
    if (this.failed) return
    const line = this.holding.take()
    this.report(line, 0, line.length)
  }

  /** One byte over the limit may be held: it can turn out to be the CR of the line's end. */
  private hold(chunk: Uint8Array, pos: number, end: number): number {
    if (this.holding.length + end - pos > this.limit + 1) {
      this.fail()
      return pos
    }
    this.holding.append(chunk, pos, end, this.limit + 1)
    return end
  }

  private fail(): void {
    this.failed = true
    this.holding.drop()
    this.sink.fail(FramingError.messageTooLarge)
  }
}

const NEWLINE = Uint8Array.of(LF)

/** The default framing: one message a line, written with LF, read with LF or CRLF. */
export const lineFraming: Framing = {
  name: 'line',
  createReader: (sink, limit) => new LineReader(sink, limit),
  header: () => EMPTY,
  trailer: NEWLINE,
}
