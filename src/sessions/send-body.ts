/**
 * The body of a POST that carries messages: `data=` and the encoded frames, as application/x-www-form-urlencoded (WHATWG
 * URL §5.1), cut anywhere.
 *
 *     NAME → VALUE ⇄ PERCENT → HIGH
 *
 * Strict: one field and no other, two hexadecimal digits behind each `%`, `+` for a space; a space, a control character and a
 * bare `&` are refused. Bytes from 80 up may come bare or escaped. The decoded bytes are kept in one buffer that grows by
 * doubling, up to the limit. That they are UTF-8 is the frame decoder's to check, once.
 */
import { checkLimit, SessionError, type SessionErrorCode } from './errors.ts'

const VALUE = 0
const PERCENT = 1
const HIGH = 2
const NAME = 3
const FAILED = 4

const FIELD = 'data='
const AMPERSAND = 0x26
const PERCENT_SIGN = 0x25
const PLUS = 0x2b
const SPACE = 0x20
const DELETE = 0x7f
const EMPTY = new Uint8Array(0)
const FIRST_CAPACITY = 256

/** Decoded bytes of a body by default: as many as a message may have. */
export const MAX_BODY: number = 16 * 1024 * 1024

/**
 * Reads the body of one `send` request.
 *
 * @example
 * import { SendBodyReader } from 'portmanteau/sessions'
 *
 * const reader = new SendBodyReader()
 * const bytes = Uint8Array.from('data=~m~2~m~h%69', (character) => character.charCodeAt(0))
 * reader.push(bytes, 0, bytes.length)
 * reader.end() // null: it is complete
 * reader.payload // the bytes of '~m~2~m~hi'
 */
export class SendBodyReader {
  /** Set once; `push` then consumes nothing more. */
  error: SessionError | null
  private readonly limit: number
  private state: number
  /** Bytes of the field's name that were read. */
  private index: number
  private high: number
  private buffer: Uint8Array
  private length: number

  /** @param limit bytes that the decoded frames may have */
  constructor(limit: number = MAX_BODY) {
    this.error = null
    this.limit = checkLimit('body', limit, 1)
    this.state = NAME
    this.index = 0
    this.high = 0
    this.buffer = EMPTY
    this.length = 0
  }

  /** The decoded bytes, valid as long as nothing is pushed. */
  get payload(): Uint8Array {
    return this.buffer.subarray(0, this.length)
  }

  /** Bytes of memory that are kept. */
  get held(): number {
    return this.buffer.length
  }

  /** Reads `chunk` from `pos` up to `end`; returns `end`, or the position of the first byte that cannot be. */
  push(chunk: Uint8Array, pos: number, end: number): number {
    while (pos < end && this.state !== FAILED) {
      if (this.state === VALUE) pos = this.readPlain(chunk, pos, end)
      else if (this.step(chunk[pos]!)) pos++
    }
    return pos
  }

  /** The body has ended. Returns the error, null if all is well. */
  end(): SessionError | null {
    if (this.state === NAME) this.failInvalid('it has no field data')
    else if (this.state === PERCENT || this.state === HIGH) this.failInvalid('it ends inside an escape')
    return this.error
  }

  /** Copies up to the next byte that is not itself; that one is left to `step`, or refused. */
  private readPlain(chunk: Uint8Array, pos: number, end: number): number {
    let at = pos
    while (at < end && isPlain(chunk[at]!)) at++
    const fitting = Math.min(at, pos + this.limit - this.length)
    this.append(chunk, pos, fitting)
    if (fitting < at) this.failTooLarge()
    else if (at < end && this.readSpecial(chunk[at]!)) at++
    return this.state === FAILED ? fitting : at
  }

  private readSpecial(byte: number): boolean {
    if (byte === PERCENT_SIGN) this.state = PERCENT
    else if (byte === PLUS) return this.appendByte(SPACE)
    else if (byte === AMPERSAND) return this.failInvalid('it has more than one field')
    else return this.failInvalid('it holds a character that must be escaped')
    return true
  }

  private step(byte: number): boolean {
    if (this.state === NAME) return this.readName(byte)
    const digit = hexDigit(byte)
    if (digit < 0) return this.failInvalid('an escape has no two hexadecimal digits')
    if (this.state === PERCENT) {
      this.high = digit
      this.state = HIGH
      return true
    }
    this.state = VALUE
    return this.appendByte((this.high << 4) | digit)
  }

  private readName(byte: number): boolean {
    if (byte !== FIELD.charCodeAt(this.index)) return this.failInvalid('it has no field data')
    this.index++
    if (this.index === FIELD.length) this.state = VALUE
    return true
  }

  private append(chunk: Uint8Array, pos: number, end: number): void {
    if (end <= pos) return
    this.reserve(end - pos)
    this.buffer.set(chunk.subarray(pos, end), this.length)
    this.length += end - pos
  }

  private appendByte(byte: number): boolean {
    if (this.length === this.limit) return this.failTooLarge()
    this.reserve(1)
    this.buffer[this.length++] = byte
    return true
  }

  private reserve(more: number): void {
    const needed = this.length + more
    if (needed <= this.buffer.length) return
    const larger = new Uint8Array(Math.max(needed, this.buffer.length * 2, FIRST_CAPACITY))
    larger.set(this.payload)
    this.buffer = larger
  }

  private failInvalid(reason: string): false {
    return this.fail('ERR_SESSION_BODY_INVALID', reason)
  }

  private failTooLarge(): false {
    return this.fail('ERR_SESSION_BODY_TOO_LARGE', `it is larger than ${this.limit} bytes`)
  }

  private fail(code: SessionErrorCode, reason: string): false {
    this.error = new SessionError(code, `Cannot read the body: ${reason}`)
    this.state = FAILED
    this.buffer = EMPTY
    this.length = 0
    return false
  }
}

function isPlain(byte: number): boolean {
  return byte > SPACE && byte !== PERCENT_SIGN && byte !== PLUS && byte !== AMPERSAND && byte !== DELETE
}

/** The value of a hexadecimal digit, or -1. */
function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}
