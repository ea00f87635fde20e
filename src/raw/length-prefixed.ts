/**
 * Length-prefixed framing: before each message its length, as an unsigned integer of 1, 2 or 4 bytes, in either order.
 * A length of 0 is an empty message.
 *
 * States: PREFIX (`read` bytes of it seen), PAYLOAD, FAILED. A message that lies whole in one chunk is reported where
 * it lies. A length over the limit fails at the prefix's last byte, before anything of the message is kept; buffers
 * grow by what has arrived, never by what was declared. A stream that ends inside a prefix or a message fails.
 */
import { FramingError, type FramingErrorCode, RawError } from './errors.ts'
import type { Framing, FramingReader, MessageSink } from './framing.ts'
import { Holding } from './holding.ts'

const PREFIX = 0
const PAYLOAD = 1
const FAILED = 2

const EMPTY = new Uint8Array(0)

/** How a length is written. */
export interface LengthPrefix {
  /** Bytes of the prefix: 1, 2 or 4. Default 4. */
  readonly bytes?: 1 | 2 | 4
  /** Whether its least significant byte comes first. Default `false`: network order. */
  readonly littleEndian?: boolean
}

/**
 * Reads length-prefixed messages from one byte stream.
 *
 * @example
 * import { LengthPrefixedReader } from 'portmanteau/raw'
 *
 * const messages: string[] = []
 * const sink = {
 *   message: (chunk: Uint8Array, start: number, end: number) =>
 *     messages.push(String.fromCharCode(...chunk.subarray(start, end))),
 *   fail: (code: string) => messages.push(code),
 * }
 * const reader = new LengthPrefixedReader(sink, 1024, 2, false)
 * const bytes = Uint8Array.of(0x00, 0x02, 0x68, 0x69)
 * reader.push(bytes, 0, bytes.length)
 * // messages is ['hi']
 */
export class LengthPrefixedReader implements FramingReader {
  private readonly sink: MessageSink
  private readonly limit: number
  private readonly size: number
  private readonly littleEndian: boolean
  private readonly holding: Holding
  private state: number
  /** Bytes of the prefix at hand that were seen, and the length in them. */
  private read: number
  private length: number

  /**
   * @param limit bytes that a message may have, its prefix not counted
   * @param size bytes of the prefix: 1, 2 or 4
   */
  constructor(sink: MessageSink, limit: number, size: number, littleEndian: boolean) {
    this.sink = sink
    this.limit = limit
    this.size = size
    this.littleEndian = littleEndian
    this.holding = new Holding()
    this.state = PREFIX
    this.read = 0
    this.length = 0
  }

  get held(): number {
    return this.holding.length
  }

  push(chunk: Uint8Array, pos: number, end: number): number {
    while (pos < end) {
      switch (this.state) {
        case PREFIX:
          pos = this.prefix(chunk, pos, end)
          break
        case PAYLOAD:
          pos = this.payload(chunk, pos, end)
          break
        default:
          return pos
      }
    }
    return pos
  }

  end(): void {
    if (this.state === PAYLOAD || (this.state === PREFIX && this.read > 0))
      this.fail(FramingError.messageIncomplete)
  }

  private prefix(chunk: Uint8Array, pos: number, end: number): number {
    while (pos < end) {
      const byte = chunk[pos]
      // Not by shifts: 32 bits of length do not fit a signed integer.
      if (this.littleEndian) this.length += byte * 2 ** (8 * this.read)
      else this.length = this.length * 256 + byte
      this.read++
      if (this.read === this.size) return this.prefixed(chunk, pos)
      pos++
    }
    return pos
  }

  /** At the prefix's last byte. */
  private prefixed(chunk: Uint8Array, pos: number): number {
    if (this.length > this.limit) {
      this.fail(FramingError.messageTooLarge)
      return pos
    }
    pos++
    this.read = 0
    if (this.length === 0) this.sink.message(chunk, pos, pos)
    else this.state = PAYLOAD
    return pos
  }

  private payload(chunk: Uint8Array, pos: number, end: number): number {
    const { holding, length } = this
    const stop = pos + length - holding.length
    if (stop > end) {
      holding.append(chunk, pos, end, length)
      return end
    }
    this.state = PREFIX
    this.length = 0
    if (holding.length === 0) this.sink.message(chunk, pos, stop)
    else {
      holding.append(chunk, pos, stop, length)
      this.sink.message(holding.take(), 0, length)
    }
    return stop
  }

  private fail(code: FramingErrorCode): void {
    this.state = FAILED
    this.holding.drop()
    this.sink.fail(code)
  }
}

/**
 * The framing of a length prefix. Its `header` throws {@link RawError} `ERR_LENGTH_PREFIX_TOO_SMALL` for a message
 * that is longer than the prefix can say.
 *
 * @throws {RawError} `ERR_RAW_OPTION` if the prefix is not of 1, 2 or 4 bytes
 *
 * @example
 * import { createLengthPrefixedFraming } from 'portmanteau/raw'
 *
 * const framing = createLengthPrefixedFraming({ bytes: 2, littleEndian: true })
 * framing.header(258) // 02 01
 */
export function createLengthPrefixedFraming(prefix: LengthPrefix = {}): Framing {
  const size = prefix.bytes ?? 4
  const littleEndian = prefix.littleEndian ?? false
  if (size !== 1 && size !== 2 && size !== 4)
    throw new RawError(
      'ERR_RAW_OPTION',
      `Cannot make the framing: a prefix of ${size} bytes is not 1, 2 or 4`,
    )
  return {
    name: 'length-prefixed',
    createReader: (sink, limit) => new LengthPrefixedReader(sink, limit, size, littleEndian),
    header: (length) => prefixOf(length, size, littleEndian),
    trailer: EMPTY,
  }
}

function prefixOf(length: number, size: number, littleEndian: boolean): Uint8Array {
  const longest = 2 ** (8 * size) - 1
  if (length > longest)
    throw new RawError(
      'ERR_LENGTH_PREFIX_TOO_SMALL',
      `Cannot write the message: it is ${length} bytes long, and its prefix can say ${longest}`,
    )
  const header = new Uint8Array(size)
  for (let index = 0; index < size; index++) {
    const at = littleEndian ? index : size - 1 - index
    header[at] = length >>> (8 * index)
  }
  return header
}

/** The usual one: 4 bytes, in network order. */
export const lengthPrefixedFraming: Framing = createLengthPrefixedFraming()
