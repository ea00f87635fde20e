/**
 * Messages in, in both encodings (see encoder.ts), from bytes that are cut anywhere.
 *
 *     START → MARK → LENGTH → LENGTH_MARK → TEXT → MARK …             0.6
 *     START → TYPE → TYPE_END → LENGTH → TEXT → TEXT_END → TYPE …     0.7pre
 *
 * The first byte tells the encoding: `~` or a digit. A length counts UTF-16 units while bytes come in, so that a
 * text is checked and counted as it arrives: a byte that begins a character counts one unit, or two if four bytes make it.
 *
 * Contract: `push` returns the position up to which it consumed: `end`, or less once it has failed. Frames, error and
 * position are the same however the bytes are cut. A text that lies whole in one chunk is decoded where it lies; what is
 * cut is copied into one buffer that grows by doubling. Lengths have no leading zeros, so that the limit bounds their digits.
 * It never parses JSON, and never knows who is client and who is server: what must not come is its user's to refuse.
 */

import { checkLimit, SessionError, type SessionErrorCode } from '../errors.ts'
import { type Annotations, NO_ANNOTATIONS, readAnnotated } from './annotations.ts'
import { Encoding, FRAME_MARK, FrameType, HEARTBEAT_MARK, JSON_MARK } from './encoder.ts'
import { BOUNDARY, type DecodeText, decodeUtf8, INVALID, stepUtf8 } from './utf8.ts'

const TEXT = 0
const LENGTH = 1
const MARK = 2
const LENGTH_MARK = 3
const TYPE = 4
const TYPE_END = 5
const TEXT_END = 6
const START = 7
const FAILED = 8

const COLON = 0x3a
const COMMA = 0x2c
const TILDE = 0x7e
const ZERO = 0x30
const EMPTY = new Uint8Array(0)
const FIRST_CAPACITY = 256
/** An index stays exact as a number. */
const MAX_INDEX_DIGITS = 15

/** Where a decoder reports. One per stream. */
export interface DecoderSink {
  /** A message; `annotations` without `j`, which is `json`. In 0.6 a session id is a message, too. */
  message(text: string, json: boolean, annotations: Annotations): void
  heartbeat(index: number): void
  /** The session id, in 0.7pre. */
  handshake(id: string): void
  /** The peer wants the session to end, in 0.7pre. */
  disconnect(): void
}

/** Bounds of what is read. */
export interface DecoderLimits {
  /** Bytes of a message, its annotations among them. Default 16 MiB. */
  readonly message: number
  /** Frames that one decoder reads. Default 65,536. */
  readonly messages: number
  /** Annotations of a message. Default 16. */
  readonly annotations: number
}

/** The bounds where the host sets none. */
export const DECODER_LIMITS: DecoderLimits = { message: 16 * 1024 * 1024, messages: 65_536, annotations: 16 }

/**
 * Reads frames from one stream of bytes: a body, the messages of a WebSocket, or an answer.
 *
 * @example
 * import { MessageDecoder } from 'portmanteau/sessions'
 *
 * const texts: string[] = []
 * const decoder = new MessageDecoder({
 *   message: (text) => texts.push(text),
 *   heartbeat: () => {},
 *   handshake: () => {},
 *   disconnect: () => {},
 * })
 * const bytes = Uint8Array.from('~m~2~m~hi~m~1~m~!', (character) => character.charCodeAt(0))
 * decoder.push(bytes, 0, bytes.length)
 * decoder.end() // null: it does not end inside a frame
 * // texts is ['hi', '!'], decoder.encoding '0.6'
 */
export class MessageDecoder {
  /** The encoding that was expected, or shown by the first byte; undefined before that. */
  encoding: Encoding | undefined
  /** Set once; `push` then consumes nothing more. */
  error: SessionError | null
  private readonly sink: DecoderSink
  private readonly limit: number
  private readonly frameLimit: number
  private readonly annotationLimit: number
  private readonly decode: DecodeText
  private state: number
  /** Frames read so far. */
  private count: number
  private type: FrameType
  /** How much of a mark, or how many digits of a length, have been read. */
  private index: number
  /** The length while it is read, then the units of the text that are still to come. */
  private units: number
  private character: number
  private buffer: Uint8Array
  private held: number
  private text: string

  /**
   * @param limits those that differ from the defaults
   * @param encoding the only one to be read; undefined: the one that the first byte shows
   * @param decode a faster UTF-8 decoder, if the host has one
   */
  constructor(
    sink: DecoderSink,
    limits: Partial<DecoderLimits> = {},
    encoding?: Encoding | undefined,
    decode: DecodeText = decodeUtf8,
  ) {
    this.encoding = encoding
    this.error = null
    this.sink = sink
    this.limit = checkLimit('limits.message', limits.message ?? DECODER_LIMITS.message, 1)
    this.frameLimit = checkLimit('limits.messages', limits.messages ?? DECODER_LIMITS.messages, 1)
    this.annotationLimit = checkLimit(
      'limits.annotations',
      limits.annotations ?? DECODER_LIMITS.annotations,
      0,
    )
    this.decode = decode
    this.state = START
    this.count = 0
    this.type = FrameType.message
    this.index = 0
    this.units = 0
    this.character = BOUNDARY
    this.buffer = EMPTY
    this.held = 0
    this.text = ''
  }

  /** Reads `chunk` from `pos` up to `end`; see the contract above. */
  push(chunk: Uint8Array, pos: number, end: number): number {
    while (pos < end && this.state !== FAILED) {
      if (this.state === TEXT) pos = this.readText(chunk, pos, end)
      else if (this.step(chunk[pos]!)) pos++
    }
    return pos
  }

  /** The stream has ended. Returns the error, of before or of a frame that is cut off; null if all is well. */
  end(): SessionError | null {
    const between = this.state === START || this.state === TYPE || (this.state === MARK && this.index === 0)
    if (!between && this.state !== FAILED)
      this.fail('ERR_SESSION_TRUNCATED', 'it is shorter than its length says')
    return this.error
  }

  /** One byte outside a text; false: it cannot be, and is not consumed. */
  private step(byte: number): boolean {
    switch (this.state) {
      case LENGTH:
        return this.readLength(byte)
      case MARK:
      case LENGTH_MARK:
        return this.readMark(byte)
      case TYPE:
        return this.readType(byte)
      case TYPE_END:
        this.state = LENGTH
        return byte === COLON || this.fail('ERR_SESSION_MARK_INVALID', 'its type is not followed by a colon')
      case TEXT_END:
        if (byte !== COMMA) return this.fail('ERR_SESSION_END_INVALID', 'no comma is where its length ends')
        return this.finish07()
      default:
        return this.start(byte)
    }
  }

  /** The byte is read again, by the state that it leads to. */
  private start(byte: number): boolean {
    const shown = byte === TILDE ? Encoding.v06 : isDigit(byte) ? Encoding.v07pre : undefined
    this.encoding ??= shown
    if (shown === undefined || shown !== this.encoding)
      return this.fail('ERR_SESSION_ENCODING_UNKNOWN', 'it begins as no message of its encoding')
    this.state = shown === Encoding.v06 ? MARK : TYPE
    return this.step(byte)
  }

  private readMark(byte: number): boolean {
    if (byte !== FRAME_MARK.charCodeAt(this.index)) {
      const where = this.state === MARK ? 'before' : 'behind'
      return this.fail('ERR_SESSION_MARK_INVALID', `no ${FRAME_MARK} is ${where} its length`)
    }
    this.index++
    if (this.index < FRAME_MARK.length) return true
    this.index = 0
    if (this.state === LENGTH_MARK) return this.startText()
    this.state = LENGTH
    return true
  }

  private readType(byte: number): boolean {
    const type = byte - ZERO
    if (!isFrameType(type)) return this.fail('ERR_SESSION_TYPE_UNKNOWN', 'its type is not 0, 1, 2 or 3')
    this.type = type
    this.state = TYPE_END
    return true
  }

  private readLength(byte: number): boolean {
    if (isDigit(byte)) return this.readDigit(byte)
    const ended = byte === (this.encoding === Encoding.v06 ? TILDE : COLON) && this.index > 0
    if (!ended) return this.fail('ERR_SESSION_LENGTH_INVALID', 'its length is no number')
    this.index = 0
    if (this.encoding === Encoding.v07pre) return this.startText()
    this.state = LENGTH_MARK
    return this.readMark(byte)
  }

  private readDigit(byte: number): boolean {
    if (this.index > 0 && this.units === 0)
      return this.fail('ERR_SESSION_LENGTH_INVALID', 'its length begins with zero')
    const units = this.units * 10 + byte - ZERO
    if (units > this.limit) return this.failTooLarge()
    this.units = units
    this.index++
    return true
  }

  private startText(): boolean {
    this.state = TEXT
    return this.units > 0 || this.finishText(EMPTY, 0, 0)
  }

  private readText(chunk: Uint8Array, pos: number, end: number): number {
    const last = pos + this.limit - this.held
    const at = this.scan(chunk, pos, Math.min(end, last))
    if (this.state === FAILED) return at
    if (this.units === 0 && this.character === BOUNDARY) this.finishText(chunk, pos, at)
    else if (at === last) this.failTooLarge()
    else this.hold(chunk, pos, at)
    return at
  }

  /** Checks and counts up to the end of the text, or of the bytes, or to the first that cannot be. */
  private scan(chunk: Uint8Array, pos: number, end: number): number {
    let { units, character } = this
    let at = pos
    for (; at < end && (units > 0 || character !== BOUNDARY); at++) {
      const byte = chunk[at]!
      if (character === BOUNDARY) {
        units--
        if (byte < 0x80) continue
        if (byte >= 0xf0) units--
      }
      character = stepUtf8(character, byte)
      if (character === INVALID) {
        this.fail('ERR_SESSION_TEXT_INVALID', 'its text is not UTF-8')
        break
      }
      if (units < 0) {
        this.fail('ERR_SESSION_LENGTH_INVALID', 'its length ends inside a character')
        break
      }
    }
    this.units = units
    this.character = character
    return at
  }

  private hold(chunk: Uint8Array, pos: number, end: number): void {
    const held = this.held + end - pos
    if (held > this.buffer.length) {
      const larger = new Uint8Array(Math.max(held, this.buffer.length * 2, FIRST_CAPACITY))
      larger.set(this.buffer.subarray(0, this.held))
      this.buffer = larger
    }
    this.buffer.set(chunk.subarray(pos, end), this.held)
    this.held = held
  }

  private finishText(chunk: Uint8Array, pos: number, end: number): boolean {
    if (this.held === 0) this.text = this.decode(chunk, pos, end)
    else {
      this.hold(chunk, pos, end)
      this.text = this.decode(this.buffer, 0, this.held)
      this.buffer = EMPTY
      this.held = 0
    }
    if (this.encoding === Encoding.v06) return this.finish06()
    this.state = TEXT_END
    return true
  }

  private finish06(): boolean {
    this.state = MARK
    const { text } = this
    if (!this.countFrame()) return false
    if (text.startsWith(HEARTBEAT_MARK)) return this.reportHeartbeat(text.slice(HEARTBEAT_MARK.length))
    const json = text.startsWith(JSON_MARK)
    this.sink.message(json ? text.slice(JSON_MARK.length) : text, json, NO_ANNOTATIONS)
    return true
  }

  private finish07(): boolean {
    this.state = TYPE
    const { text } = this
    if (!this.countFrame()) return false
    switch (this.type) {
      case FrameType.message:
        return this.reportAnnotated(text)
      case FrameType.heartbeat:
        return this.reportHeartbeat(text)
      case FrameType.handshake:
        if (text === '') return this.fail('ERR_SESSION_CONTENT_INVALID', 'its session id is empty')
        this.sink.handshake(text)
        return true
      case FrameType.disconnect:
        if (text !== '') return this.fail('ERR_SESSION_CONTENT_INVALID', 'a disconnection has data')
        this.sink.disconnect()
        return true
    }
  }

  private reportAnnotated(data: string): boolean {
    const read = readAnnotated(data, this.annotationLimit)
    if (typeof read === 'string') return this.fail(read, annotationReasons[read] ?? '')
    this.sink.message(read.text, read.json, read.annotations)
    return true
  }

  private reportHeartbeat(text: string): boolean {
    const index = readIndex(text)
    if (index < 0) return this.fail('ERR_SESSION_CONTENT_INVALID', 'the index of a heartbeat is no number')
    this.sink.heartbeat(index)
    return true
  }

  private countFrame(): boolean {
    this.text = ''
    this.count++
    if (this.count <= this.frameLimit) return true
    return this.fail('ERR_SESSION_TOO_MANY_MESSAGES', `more than ${this.frameLimit} come together`)
  }

  private failTooLarge(): false {
    return this.fail('ERR_SESSION_MESSAGE_TOO_LARGE', `it is larger than ${this.limit} bytes`)
  }

  private fail(code: SessionErrorCode, reason: string): false {
    this.error = new SessionError(code, `Cannot read the message: ${reason}`)
    this.state = FAILED
    this.buffer = EMPTY
    this.held = 0
    return false
  }
}

const annotationReasons: Partial<Record<SessionErrorCode, string>> = {
  ERR_SESSION_ANNOTATION_INVALID: 'its annotations do not end, or one is empty or repeated',
  ERR_SESSION_ANNOTATION_AMBIGUOUS: 'its annotations can be read in two ways',
  ERR_SESSION_TOO_MANY_ANNOTATIONS: 'it has more annotations than the limit',
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= 0x39
}

function isFrameType(type: number): type is FrameType {
  return type >= FrameType.disconnect && type <= FrameType.handshake
}

/** A number without leading zeros, or -1. */
function readIndex(text: string): number {
  if (text === '' || text.length > MAX_INDEX_DIGITS || (text[0] === '0' && text.length > 1)) return -1
  for (let at = 0; at < text.length; at++) if (!isDigit(text.charCodeAt(at))) return -1
  return Number(text)
}
