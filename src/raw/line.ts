/**
 * Line framing: a message ends at LF; a CR right before it is dropped, and so is an empty line. What is left
 * when the stream ends is a message, byte for byte.
 *
 * A line that lies whole in one chunk is reported where it lies. Otherwise its bytes are copied into one
 * buffer that doubles as it grows, so that a line dripped byte by byte costs its bytes and no more, and no
 * byte is searched twice.
 */
import { type Framing, FramingError, type FramingReader, type MessageSink } from './framing.ts'

const LF = 0x0a
const CR = 0x0d
const EMPTY = new Uint8Array(0)
const FIRST_CAPACITY = 256

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
  held: number
  private readonly sink: MessageSink
  private readonly limit: number
  private buffer: Uint8Array
  private failed: boolean

  /** @param limit bytes that a line may have, its LF and the CR before it not counted */
  constructor(sink: MessageSink, limit: number) {
    this.held = 0
    this.sink = sink
    this.limit = limit
    this.buffer = EMPTY
    this.failed = false
  }

  push(chunk: Uint8Array, pos: number, end: number): number {
    while (pos < end && !this.failed) {
      const newline = chunk.indexOf(LF, pos)
      if (newline < 0 || newline >= end) return this.hold(chunk, pos, end)
      if (this.held === 0) this.report(chunk, pos, newline)
      else this.finishHeld(chunk, pos, newline)
      if (this.failed) return pos
      pos = newline + 1
    }
    return pos
  }

  end(): void {
    if (this.failed || this.held === 0) return
    const line = this.takeHeld()
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
    const line = this.takeHeld()
    this.report(line, 0, line.length)
  }

  /** One byte over the limit may be held: it can turn out to be the CR of the line's end. */
  private hold(chunk: Uint8Array, pos: number, end: number): number {
    const held = this.held + end - pos
    if (held > this.limit + 1) {
      this.fail()
      return pos
    }
    if (held > this.buffer.length) this.grow(held)
    this.buffer.set(chunk.subarray(pos, end), this.held)
    this.held = held
    return end
  }

  private grow(needed: number): void {
    const larger = new Uint8Array(Math.max(needed, this.buffer.length * 2, FIRST_CAPACITY))
    larger.set(this.buffer.subarray(0, this.held))
    this.buffer = larger
  }

  /** The buffer goes to the sink for good: the next held line starts a new one. */
  private takeHeld(): Uint8Array {
    const line = this.buffer.subarray(0, this.held)
    this.buffer = EMPTY
    this.held = 0
    return line
  }

  private fail(): void {
    this.failed = true
    this.held = 0
    this.buffer = EMPTY
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
