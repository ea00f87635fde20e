/**
 * The head of an HTTP/1.1 answer (RFC 9112 §2–§5), read by a state machine.
 *
 *     STATUS → FIELDS → CLOSED
 *
 *     status-line = "HTTP/1." DIGIT SP 3DIGIT [ SP reason-phrase ] CRLF
 *
 * The SP before an absent reason may be absent too: servers leave it out, and nothing else could be meant. The reason
 * is checked for control characters, and dropped. CLOSED is complete, or failed.
 *
 * Contract: `push` returns the position up to which it consumed: `end` while the head is not complete, the byte after the
 * empty line when it is, and the first byte that cannot be part of a head when it fails. Result and position are the same
 * however the bytes are cut. It never knows whether a body follows, which hangs on the request.
 */
import { CR, characterClass, DIGIT, LF, SP, VALUE } from '../characters.ts'
import { HttpError, type HttpErrorCode } from '../errors.ts'
import { type Decode, decodeLatin1 } from '../latin1.ts'
import { FieldSection, hex } from '../request/fields.ts'
import type { HeadLimits } from '../request/request-head.ts'

const IN_FIELDS = 0
const IN_STATUS = 1
const CLOSED = 2

const VERSION = 'HTTP/1.'
/** Positions in the status line. */
const MINOR_AT = 7
const SPACE_AT = 8
const STATUS_AT = 9
const REASON_AT = 12

/**
 * Reads heads of answers, one after the other, from one connection.
 *
 * Texts are made when they are asked for, out of the chunk in which the head ended (or of an own buffer, if it came in
 * several): until `reset` that chunk must not be overwritten.
 *
 * @example
 * import { AnswerHeadReader } from 'portmanteau/http'
 *
 * const head = new AnswerHeadReader()
 * const bytes = Uint8Array.from('HTTP/1.1 200 OK\r\nServer: x\r\n\r\n', (c) => c.charCodeAt(0))
 * const pos = head.push(bytes, 0, bytes.length) // 30, the end
 * if (head.complete) [head.status, head.field('server')] // [200, 'x']
 */
export class AnswerHeadReader {
  complete = false
  /** Set once; `push` then consumes nothing more. */
  error: HttpError | null = null
  /** 100 to 999 once complete; one of 1xx but 101 is followed by another head. */
  status = 0
  versionMinor: 0 | 1 = 1

  private readonly section: FieldSection
  private readonly headLimit: number
  private state = IN_STATUS
  /** Bytes of the status line that were read, and whether its CR was the last of them. */
  private index = 0
  private ended = false

  /**
   * @param limits those that differ from the defaults: 16,384 bytes and 100 fields
   * @param decode a faster Latin-1 decoder, if the host has one
   */
  constructor(limits?: Partial<Pick<HeadLimits, 'head' | 'fields'>>, decode: Decode = decodeLatin1) {
    this.section = new FieldSection(limits?.fields ?? 100, decode)
    this.headLimit = limits?.head ?? 16_384
  }

  /** Reads `chunk` from `pos` up to `end`; see the contract above. */
  push(chunk: Uint8Array, pos: number, end: number): number {
    if (this.state === CLOSED) return pos
    const { section } = this
    // Where the head began, before this chunk perhaps.
    const origin = pos - section.held
    const limit = origin + this.headLimit
    const stop = Math.min(end, limit)
    let p = pos
    while (p < stop && this.state === IN_STATUS && this.readStatusLine(chunk[p]!)) p++
    if (this.error !== null) return p
    if (this.state === IN_FIELDS) p = section.read(chunk, p, stop, origin)
    if (section.complete) this.finish(chunk, pos, p)
    else if (section.error !== null) this.close(section.error.code, reasonOf(section.error))
    else if (p === limit) {
      this.close('ERR_HTTP_FIELDS_TOO_LARGE', `its head has more than ${this.headLimit} bytes`)
    } else section.hold(chunk, pos, p)
    return p
  }

  /** The value of a field, `name` in lower case. Repeated ones are joined with `, `. */
  field(name: string): string | undefined {
    return this.section.field(name)
  }

  /** How many lines the field has, `name` in lower case. */
  count(name: string): number {
    return this.section.count(name)
  }

  /** `[name, value, …]` as sent. */
  rawFields(): string[] {
    return this.section.rawFields()
  }

  /** All fields, names in lower case, in an object without a prototype; repeated ones joined as by `field`. */
  headers(): Record<string, string> {
    return this.section.headers()
  }

  /** Makes ready for the next head. Nothing of the chunk is kept. */
  reset(): void {
    this.section.reset()
    this.complete = false
    this.error = null
    this.status = 0
    this.state = IN_STATUS
    this.index = 0
    this.ended = false
  }

  /** One byte of the status line; false: it cannot be. */
  private readStatusLine(byte: number): boolean {
    const index = this.index++
    if (this.ended) return this.endStatusLine(byte)
    if (index < MINOR_AT) return byte === VERSION.charCodeAt(index) || this.failVersion()
    if (index === MINOR_AT) {
      this.versionMinor = byte === 0x30 ? 0 : 1
      return (characterClass[byte]! & DIGIT) !== 0 || this.failVersion()
    }
    if (index === SPACE_AT) return byte === SP || this.failVersion()
    if (index < REASON_AT) return this.readDigit(byte, index)
    this.ended = byte === CR
    if (this.ended) return true
    if (index === REASON_AT ? byte === SP : (characterClass[byte]! & VALUE) !== 0) return true
    return this.failStatus(`its status line holds ${hex(byte)}`)
  }

  private readDigit(byte: number, index: number): boolean {
    const digit = (characterClass[byte]! & DIGIT) !== 0 && (byte !== 0x30 || index > STATUS_AT)
    this.status = this.status * 10 + byte - 0x30
    return digit || this.failStatus('its status is no number of three digits')
  }

  private endStatusLine(byte: number): boolean {
    if (byte === LF) this.state = IN_FIELDS
    else this.close('ERR_HTTP_LINE_END_INVALID', 'the CR of its status line is not followed by LF')
    return byte === LF
  }

  private failVersion(): boolean {
    this.close('ERR_HTTP_VERSION_INVALID', 'it does not begin with HTTP/1.1')
    return false
  }

  private failStatus(reason: string): boolean {
    this.close('ERR_HTTP_ANSWER_STATUS_INVALID', reason)
    return false
  }

  private finish(chunk: Uint8Array, pos: number, end: number): void {
    this.section.settle(chunk, pos, end)
    this.complete = true
    this.state = CLOSED
  }

  private close(code: HttpErrorCode, reason: string): void {
    this.error = new HttpError(code, `Cannot read the answer: ${reason}`)
    this.state = CLOSED
  }
}

/** What `FieldSection` says of a request. */
function reasonOf(error: HttpError): string {
  return error.message.slice(error.message.indexOf(': ') + 2)
}
