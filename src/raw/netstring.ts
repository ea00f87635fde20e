/**
 * Netstring framing (D. J. Bernstein, "Netstrings", 1997): `5:hello,` — the length in ASCII digits, a colon, the bytes,
 * a comma. Strict: a length has no sign, no white space and no leading zero; `0:,` is an empty message.
 *
 * States: PAYLOAD, DIGITS (at least one read, not a zero), START (before the first digit), ZERO (read, so that only a
 * colon can follow), FAILED. A digit that takes the length over the limit fails at once, so that no number grows
 * beyond it. A message is reported at its comma; where all of it lies in one chunk, where it lies.
 */
import { FramingError, type FramingErrorCode } from './errors.ts'
import type { Framing, FramingReader, MessageSink } from './framing.ts'
import { Holding } from './holding.ts'

const PAYLOAD = 0
const DIGITS = 1
const START = 2
const ZERO = 3
const FAILED = 4

const COLON = 0x3a
const COMMA = 0x2c
const DIGIT_0 = 0x30

/**
 * Reads netstrings from one byte stream.
 *
 * @example
 * import { NetstringReader } from 'portmanteau/raw'
 *
 * const messages: string[] = []
 * const reader = new NetstringReader(
 *   {
 *     message: (chunk, start, end) => messages.push(String.fromCharCode(...chunk.subarray(start, end))),
 *     fail: (code) => messages.push(code),
 *   },
 *   1024,
 * )
 * const bytes = Uint8Array.of(0x32, 0x3a, 0x68, 0x69, 0x2c)
 * reader.push(bytes, 0, bytes.length)
 * // messages is ['hi']
 */
export class NetstringReader implements FramingReader {
  private readonly sink: MessageSink
  private readonly limit: number
  private readonly holding: Holding
  private state: number
  private length: number

  /** @param limit bytes that a message may have, what is around it not counted */
  constructor(sink: MessageSink, limit: number) {
    this.sink = sink
    this.limit = Math.min(limit, Number.MAX_SAFE_INTEGER)
    this.holding = new Holding()
    this.state = START
    this.length = 0
  }

  get held(): number {
    return this.holding.length
  }

  push(chunk: Uint8Array, pos: number, end: number): number {
    while (pos < end) {
      switch (this.state) {
        case PAYLOAD:
          pos = this.payload(chunk, pos, end)
          break
        case FAILED:
          return pos
        default:
          pos = this.lengthByte(chunk[pos], pos)
      }
    }
    return pos
  }

  end(): void {
    if (this.state !== START && this.state !== FAILED) this.fail(FramingError.messageIncomplete, 0)
  }

  private lengthByte(byte: number, pos: number): number {
    const digit = byte - DIGIT_0
    if (byte === COLON && this.state !== START) this.state = PAYLOAD
    else if (digit < 0 || digit > 9 || this.state === ZERO)
      return this.fail(FramingError.netstringInvalid, pos)
    else {
      this.state = this.state === START && digit === 0 ? ZERO : DIGITS
      this.length = this.length * 10 + digit
      if (this.length > this.limit) return this.fail(FramingError.messageTooLarge, pos)
    }
    return pos + 1
  }

  private payload(chunk: Uint8Array, pos: number, end: number): number {
    const { holding, length } = this
    const stop = pos + length - holding.length
    if (stop >= end) {
      holding.append(chunk, pos, end, length)
      return end
    }
    if (chunk[stop] !== COMMA) return this.fail(FramingError.netstringInvalid, stop)
    this.state = START
    this.length = 0
    if (holding.length === 0) this.sink.message(chunk, pos, stop)
    else {
      holding.append(chunk, pos, stop, length)
      this.sink.message(holding.take(), 0, length)
    }
    return stop + 1
  }

  private fail(code: FramingErrorCode, pos: number): number {
    this.state = FAILED
    this.holding.drop()
    this.sink.fail(code)
    return pos
  }
}

const TRAILER = Uint8Array.of(COMMA)

/** Netstrings, both ways. */
export const netstringFraming: Framing = {
  name: 'netstring',
  createReader: (sink, limit) => new NetstringReader(sink, limit),
  header: (length) => Uint8Array.from(`${length}:`, (character) => character.charCodeAt(0)),
  trailer: TRAILER,
}
