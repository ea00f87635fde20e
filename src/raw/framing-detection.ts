/**
 * A framing chosen by the first bytes of each connection. What is told from lines for certain is read as what it is,
 * all else is lines:
 *
 * | first bytes                    | framing                      | decided                                          |
 * |--------------------------------|------------------------------|--------------------------------------------------|
 * | `{` or `[`                     | json                         | when that value is whole                         |
 * | a digit                        | netstring                    | at the comma of a whole one with no LF before it |
 * | `00 00`, two bytes not both 00 | length-prefixed, 4, big      | at the 4th byte, if the length is in the limit   |
 * | anything else                  | line                         | at the first byte that fits no row               |
 *
 * A message is delivered at its end anyway, so waiting for it holds up nobody; a line is held up only as long as it
 * could be the beginning of something else. A string, number or literal of JSON on a line of its own is that line. A
 * first netstring with an LF in it is taken for lines. Other length prefixes look like text or like
 * anything, and are never chosen.
 *
 * States: DECIDED (all goes to the chosen reader), START, JSON and NETSTRING (a probe, a reader of that framing, is
 * asked what it makes of the bytes), PREFIX. Bounded: after DETECTION_LIMIT bytes of a value or netstring
 * that is right so far it is one. Up to there the bytes are kept, and then pushed into the chosen reader from the first.
 */
import { FramingError, type FramingErrorCode } from './errors.ts'
import type { Framing, FramingReader, MessageSink } from './framing.ts'
import { Holding } from './holding.ts'
import { JsonReader, jsonFraming } from './json.ts'
import { lengthPrefixedFraming } from './length-prefixed.ts'
import { lineFraming } from './line.ts'
import { NetstringReader, netstringFraming } from './netstring.ts'

const DECIDED = 0
const START = 1
const JSON_VALUE = 2
const NETSTRING = 3
const PREFIX = 4

const LF = 0x0a

/** Bytes in which a framing is chosen. */
export const DETECTION_LIMIT = 1024

/** What a probe has reported first. */
const NOTHING = 0
const MESSAGE = 1
const REFUSED = 2
const OVER_LIMIT = 3

/** Takes note of the first report of a probe. */
class Probe implements MessageSink {
  seen: number

  constructor() {
    this.seen = NOTHING
  }

  message(): void {
    if (this.seen === NOTHING) this.seen = MESSAGE
  }

  fail(code: FramingErrorCode): void {
    if (this.seen !== NOTHING) return
    const overLimit = code === FramingError.messageTooLarge || code === FramingError.jsonTooDeep
    this.seen = overLimit ? OVER_LIMIT : REFUSED
  }
}

/**
 * Chooses a framing by the first bytes of one stream, and reads in it.
 *
 * @example
 * import { DetectingReader } from 'portmanteau/raw'
 *
 * const reader = new DetectingReader({ message() {}, fail() {} }, 1024)
 * reader.chosen.name // 'line'
 * const bytes = Uint8Array.of(0x35, 0x3a, 0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x2c)
 * reader.push(bytes, 0, bytes.length)
 * reader.chosen.name // 'netstring'
 */
export class DetectingReader implements FramingReader {
  /** Lines, until the bytes have shown another framing. */
  chosen: Framing
  private readonly sink: MessageSink
  private readonly limit: number
  private readonly holding: Holding
  private readonly probe: Probe
  private state: number
  /** A probe's, and then the chosen one. */
  private reader: FramingReader | null
  /** The length in a prefix, and how many bytes of it were seen. */
  private length: number
  private read: number

  /** @param limit bytes that a message may have, in whatever framing */
  constructor(sink: MessageSink, limit: number) {
    this.chosen = lineFraming
    this.sink = sink
    this.limit = limit
    this.holding = new Holding()
    this.probe = new Probe()
    this.state = START
    this.reader = null
    this.length = 0
    this.read = 0
  }

  get held(): number {
    return this.holding.length + (this.reader?.held ?? 0)
  }

  /** Whether the framing is certain, and will not change. */
  get decided(): boolean {
    return this.state === DECIDED
  }

  push(chunk: Uint8Array, pos: number, end: number): number {
    if (this.state === DECIDED) return this.reader!.push(chunk, pos, end)
    const framing = pos === end ? null : this.examine(chunk, pos, end)
    if (framing !== null) return this.choose(framing, chunk, pos, end)
    this.holding.append(chunk, pos, end, DETECTION_LIMIT)
    return end
  }

  end(): void {
    if (this.state !== DECIDED) this.choose(lineFraming, EMPTY, 0, 0)
    this.reader!.end()
  }

  private choose(framing: Framing, chunk: Uint8Array, pos: number, end: number): number {
    const held = this.holding.take()
    const reader = framing.createReader(this.sink, this.limit)
    this.chosen = framing
    this.reader = reader
    this.state = DECIDED
    if (reader.push(held, 0, held.length) < held.length) return pos
    return reader.push(chunk, pos, end)
  }

  /** The framing, if the bytes say it. */
  private examine(chunk: Uint8Array, pos: number, end: number): Framing | null {
    if (this.state === START) this.start(chunk[pos])
    const stop = Math.min(end, pos + DETECTION_LIMIT - this.holding.length)
    switch (this.state) {
      case JSON_VALUE:
        return this.examineJson(chunk, pos, stop)
      case NETSTRING:
        return this.examineNetstring(chunk, pos, stop)
      case PREFIX:
        return this.examinePrefix(chunk, pos, stop)
      default:
        return lineFraming
    }
  }

  private start(byte: number): void {
    if (byte === 0x7b || byte === 0x5b) {
      this.state = JSON_VALUE
      this.reader = new JsonReader(this.probe, this.limit)
    } else if (byte >= 0x30 && byte <= 0x39) {
      this.state = NETSTRING
      this.reader = new NetstringReader(this.probe, this.limit)
    } else if (byte === 0x00) this.state = PREFIX
  }

  /** What is over a limit is JSON, too: its reader says so to the peer. */
  private examineJson(chunk: Uint8Array, pos: number, stop: number): Framing | null {
    this.reader!.push(chunk, pos, stop)
    const { seen } = this.probe
    if (seen === REFUSED) return lineFraming
    return seen !== NOTHING || this.isFull(pos, stop) ? jsonFraming : null
  }

  /** A length over the limit is none: it is more likely a date. */
  private examineNetstring(chunk: Uint8Array, pos: number, stop: number): Framing | null {
    const newline = chunk.indexOf(LF, pos)
    const isLine = newline >= 0 && newline < stop
    this.reader!.push(chunk, pos, isLine ? newline : stop)
    const { seen } = this.probe
    if (seen === MESSAGE) return netstringFraming
    if (seen !== NOTHING || isLine) return lineFraming
    return this.isFull(pos, stop) ? netstringFraming : null
  }

  private examinePrefix(chunk: Uint8Array, pos: number, stop: number): Framing | null {
    for (; pos < stop && this.read < 4; pos++) {
      if (this.read < 2 && chunk[pos] !== 0x00) return lineFraming
      this.length = this.length * 256 + chunk[pos]
      this.read++
    }
    if (this.read < 4) return null
    return this.length > 0 && this.length <= this.limit ? lengthPrefixedFraming : lineFraming
  }

  private isFull(pos: number, stop: number): boolean {
    return this.holding.length + stop - pos === DETECTION_LIMIT
  }
}

const EMPTY = new Uint8Array(0)
const NEWLINE = Uint8Array.of(LF)

/**
 * Chooses the framing of each connection by its first bytes. Its reader's `chosen` is what answers are framed by; what
 * is written before the first bytes came goes out as a line.
 */
export const detectFraming: Framing = {
  name: 'detect',
  createReader: (sink, limit) => new DetectingReader(sink, limit),
  header: () => EMPTY,
  trailer: NEWLINE,
}
