/**
 * The head of an HTTP/1.1 request (RFC 9112 §2–§3, §5), read by a state machine.
 *
 *     LEADING → [LEADING_LF →] METHOD → TARGET → VERSION → FIELDS → CLOSED
 *
 * LEADING is before the first byte: one empty line is skipped there, and no second one (RFC 9112 §2.2 asks
 * for at least one, which old clients send after a body; an endless run of them must not feed a timer).
 * FIELDS is the field section of fields.ts. CLOSED is complete, or failed.
 *
 * Contract: `push` returns the position up to which it consumed: `end` while the head is not complete, the
 * byte after the empty line when it is, and the first byte that cannot be part of a head when it fails.
 * Result and position are the same however the bytes are cut. No byte is searched twice; what the fields
 * mean is read once, when the head is complete.
 *
 * It never guesses: a head that two parsers could read differently has an error, and the connection that
 * sent it must be closed after the answer. It never makes text that nobody asked for.
 */

import { BodyFraming } from '../body/framing.ts'
import { CR, characterClass, DIGIT, ESCAPE, LF, SP, TARGET, TOKEN } from '../characters.ts'
import type { HttpError, HttpErrorCode } from '../errors.ts'
import { type Decode, decodeLatin1 } from '../latin1.ts'
import { FieldSection, hex } from './fields.ts'
import { knownMethod } from './methods.ts'
import { interpretFields } from './request-meaning.ts'
import { authorityEnd, authorityStart, TargetForm, targetForm } from './request-target.ts'
import { isLineEnd, LINE_END_LENGTH } from './version.ts'

const IN_FIELDS = 0
const IN_METHOD = 1
const IN_TARGET = 2
const IN_VERSION = 3
const LEADING = 4
const LEADING_LF = 5
/** After the empty line: only a method may follow. */
const LED = 6
const CLOSED = 7

/** RFC 9112 §3: a longer method is answered with 501. None that is registered is longer than 17. */
const MAX_METHOD = 32
const VERSION = 'HTTP/1.'

/** What a head may be at most, in bytes and fields. */
export interface HeadLimits {
  /** Bytes of the request line, its CRLF not counted; default 8,192. Over it: 414. */
  requestLine: number
  /** Bytes of the head, from the method to the empty line and with it; default 16,384. Over it: 431. */
  head: number
  /** Field lines; default 100. Over it: 431. */
  fields: number
}

/**
 * Reads request heads, one after the other, from one connection.
 *
 * All fields are for reading only, and but for `started` and `error` they hold nothing before `complete`.
 * Texts are made when they are asked for, out of the chunk in which the head ended (or of an own buffer,
 * if it came in several): until `reset` or `detach` that chunk must not be overwritten.
 *
 * @example
 * import { RequestHead } from 'portmanteau/http'
 *
 * const head = new RequestHead()
 * const bytes = Uint8Array.from('GET /a HTTP/1.1\r\nHost: example.com\r\n\r\n', (c) => c.charCodeAt(0))
 * const pos = head.push(bytes, 0, bytes.length) // 40, the end
 * if (head.complete) [head.method, head.target, head.field('host')] // ['GET', '/a', 'example.com']
 * head.reset() // then push the next one from pos
 */
export class RequestHead {
  complete = false
  /** Set once; `push` then consumes nothing more. */
  error: HttpError | null = null
  /** A byte of a request has arrived (not just the empty line before it): a timeout is then worth a 408. */
  started = false
  method = ''
  /** Whether `method` is one of RFC 9110 §9.3 or PATCH. An unknown one is to be answered with 501. */
  methodKnown = false
  versionMinor: 0 | 1 = 1
  /** Whether the client expects the connection to stay open (RFC 9112 §9.3). */
  keepAlive = true
  framing: BodyFraming = BodyFraming.none
  /** Bytes of the body if `framing` is `length`, otherwise 0. */
  contentLength = 0
  /** The client waits for `100 Continue` before it sends a body that is not empty (RFC 9110 §10.1.1). */
  expectContinue = false
  /** Connection lists `upgrade` and Upgrade is there. HTTP/1.0 has none (RFC 9110 §7.8): check the version. */
  upgrade = false

  private readonly section: FieldSection
  private readonly lineLimit: number
  private readonly headLimit: number
  private state = LEADING
  // Positions in the head, counted from the method's first byte.
  private methodEnd = 0
  private targetEnd = 0
  private length = 0
  /** Ten times the major version, and the minor one. */
  private version = 0
  private form: TargetForm = TargetForm.origin
  /** The target holds a percent sign. */
  private escaped = false
  private targetText = ''

  /**
   * @param limits those that differ from the defaults
   * @param decode a faster Latin-1 decoder, if the host has one
   */
  constructor(limits?: Partial<HeadLimits>, decode: Decode = decodeLatin1) {
    this.section = new FieldSection(limits?.fields ?? 100, decode)
    this.headLimit = limits?.head ?? 16_384
    this.lineLimit = Math.min((limits?.requestLine ?? 8_192) + 2, this.headLimit)
  }

  /** Reads `chunk` from `pos` up to `end`; see the contract above. */
  push(chunk: Uint8Array, pos: number, end: number): number {
    if (this.state === CLOSED) return pos
    let p = this.state >= LEADING ? this.readLeading(chunk, pos, end) : pos
    if (p === end || this.state >= LEADING) return p
    const section = this.section
    const from = p
    const origin = p - section.held
    if (this.state !== IN_FIELDS) {
      const limit = origin + this.lineLimit
      p = this.readLine(chunk, p, Math.min(end, limit), origin)
      if (this.state > IN_FIELDS) {
        if (p === limit && this.state !== CLOSED)
          this.fail('ERR_HTTP_REQUEST_LINE_TOO_LONG', `its request line is too long`)
        else if (this.state !== CLOSED) section.hold(chunk, from, p)
        return p
      }
    }
    const limit = origin + this.headLimit
    p = section.read(chunk, p, Math.min(end, limit), origin)
    if (section.complete) this.finish(chunk, from, p, origin)
    else if (section.error !== null) this.close(section.error)
    else if (p === limit)
      this.fail('ERR_HTTP_FIELDS_TOO_LARGE', `its head has more than ${this.headLimit} bytes`)
    else section.hold(chunk, from, p)
    return p
  }

  /** The request target as sent. */
  get target(): string {
    if (this.targetText === '') this.targetText = this.section.text(this.methodEnd + 1, this.targetEnd)
    return this.targetText
  }

  /** Path and query, which the absolute form has behind its authority; or `*`. */
  get path(): string {
    if (this.form !== TargetForm.absolute) return this.target
    const { bytes, base } = this.section
    const end = base + this.targetEnd
    const start = authorityEnd(bytes, authorityStart(bytes, base + this.methodEnd + 1, end), end)
    const path = this.section.text(start - base, this.targetEnd)
    if (path.startsWith('/')) return path
    // RFC 9112 §3.2.4: the absolute form of `OPTIONS *` has neither path nor query.
    return path === '' && this.method === 'OPTIONS' ? '*' : '/' + path
  }

  /** The host (and port) that is asked for: the absolute target's, or Host's (RFC 9112 §3.2.2); '' for none. */
  get host(): string {
    if (this.form !== TargetForm.absolute) return this.section.field('host') ?? ''
    const { bytes, base } = this.section
    const end = base + this.targetEnd
    const start = authorityStart(bytes, base + this.methodEnd + 1, end)
    return this.section.text(start - base, authorityEnd(bytes, start, end) - base)
  }

  get fieldCount(): number {
    return this.section.fieldCount
  }

  /** The value of a field, `name` in lower case. Repeated ones are joined with `, `, cookies with `; `. */
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

  /** Calls `report` with each field as sent. */
  forEachField(report: (name: string, value: string) => void): void {
    const raw = this.section.rawFields()
    for (let at = 0; at < raw.length; at += 2) report(raw[at]!, raw[at + 1]!)
  }

  /** All fields, names in lower case, in an object without a prototype; repeated ones joined as by `field`. */
  headers(): Record<string, string> {
    return this.section.headers()
  }

  /**
   * The bytes of the complete head, from the method's first to the empty line and with it, for another engine
   * to read; none before `complete`. It is a view and no copy (of the chunk's own class, so that a Buffer gives
   * a Buffer): of the chunk that the head came in, to be used before that is overwritten, or of the own buffer.
   *
   * @example
   * import { RequestHead } from 'portmanteau/http'
   *
   * const head = new RequestHead()
   * const bytes = Uint8Array.from('\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nrest', (c) => c.charCodeAt(0))
   * const pos = head.push(bytes, 0, bytes.length) // 29
   * head.raw().length // 27: the empty line before it is not the head's
   */
  raw(): Uint8Array {
    const { bytes, base } = this.section
    return bytes.subarray(base, this.complete ? base + this.length : base)
  }

  /** Copies the head if it still lies in the chunk, which is then free to be overwritten. */
  detach(): void {
    if (this.complete) this.section.detach(this.length)
  }

  /** Makes ready for the next head. Nothing of the chunk is kept. */
  reset(): void {
    this.section.reset()
    this.complete = false
    this.error = null
    this.started = false
    this.method = ''
    this.methodKnown = false
    this.state = LEADING
    this.targetText = ''
    this.escaped = false
    this.form = TargetForm.origin
    this.keepAlive = true
    this.framing = BodyFraming.none
    this.contentLength = 0
    this.expectContinue = false
    this.upgrade = false
  }

  private readLeading(chunk: Uint8Array, pos: number, end: number): number {
    let p = pos
    if (this.state === LEADING && p < end && chunk[p] === CR) {
      p++
      this.state = LEADING_LF
    }
    if (this.state === LEADING_LF && p < end) {
      if (chunk[p] !== LF) {
        this.fail('ERR_HTTP_LINE_END_INVALID', 'a CR before the request line is not followed by LF')
        return p
      }
      p++
      this.state = LED
    }
    if (p < end && this.state !== LEADING_LF) {
      this.started = true
      this.state = IN_METHOD
    }
    return p
  }

  private readLine(chunk: Uint8Array, pos: number, stop: number, origin: number): number {
    const classes = characterClass
    let p = pos
    if (this.state === IN_METHOD) {
      const methodStop = Math.min(stop, origin + MAX_METHOD + 1)
      while (p < methodStop && (classes[chunk[p]!]! & TOKEN) !== 0) p++
      if (p - origin > MAX_METHOD) this.fail('ERR_HTTP_METHOD_TOO_LONG', 'its method is not known')
      else if (p < stop) p = this.endMethod(chunk, p, origin)
    }
    if (this.state === IN_TARGET) {
      p = this.readTarget(chunk, p, stop)
      if (p < stop) p = this.endTarget(chunk, p, stop, origin)
    }
    while (p < stop && this.state === IN_VERSION && this.readVersion(chunk[p]!, p - origin - this.targetEnd))
      p++
    return p
  }

  private readTarget(chunk: Uint8Array, pos: number, stop: number): number {
    const classes = characterClass
    let seen = 0
    let p = pos
    for (; p < stop; p++) {
      const bits = classes[chunk[p]!]!
      if ((bits & TARGET) === 0) break
      seen |= bits
    }
    if ((seen & ESCAPE) !== 0) this.escaped = true
    return p
  }

  private endMethod(chunk: Uint8Array, p: number, origin: number): number {
    if (chunk[p] !== SP || p === origin) {
      const reason = p === origin ? 'its method is missing' : `its method holds ${hex(chunk[p]!)}`
      this.fail('ERR_HTTP_METHOD_INVALID', reason)
      return p
    }
    this.methodEnd = p - origin
    this.state = IN_TARGET
    return p + 1
  }

  private endTarget(chunk: Uint8Array, p: number, stop: number, origin: number): number {
    if (chunk[p] !== SP) {
      const version = chunk[p] === CR || chunk[p] === LF
      if (version) this.fail('ERR_HTTP_VERSION_INVALID', 'its HTTP version is missing')
      else this.fail('ERR_HTTP_TARGET_INVALID', `its target holds ${hex(chunk[p]!)}`)
      return p
    }
    if (p - origin === this.methodEnd + 1) {
      this.fail('ERR_HTTP_TARGET_INVALID', 'its target is missing')
      return p
    }
    this.targetEnd = p - origin
    this.state = IN_VERSION
    // What nearly every client sends, at once; anything else, and what is not there yet, byte by byte.
    if (stop - p <= LINE_END_LENGTH || !isLineEnd(chunk, p + 1)) return p + 1
    this.versionMinor = 1
    this.state = IN_FIELDS
    return p + 1 + LINE_END_LENGTH
  }

  /** `HTTP/` DIGIT `.` DIGIT CRLF (RFC 9112 §2.3), of which `byte` is number `index`, from 1. */
  private readVersion(byte: number, index: number): boolean {
    switch (index) {
      case 6:
        this.version = (byte - 0x30) * 10
        if ((characterClass[byte]! & DIGIT) !== 0) return true
        break
      case 8:
        this.version += byte - 0x30
        if ((characterClass[byte]! & DIGIT) !== 0) return true
        break
      case 9:
        if (byte === CR) return this.checkVersion()
        break
      case 10:
        if (byte === LF) {
          this.state = IN_FIELDS
          return true
        }
        this.fail('ERR_HTTP_LINE_END_INVALID', 'the CR of the request line is not followed by LF')
        return false
      default:
        if (byte === VERSION.charCodeAt(index - 1)) return true
    }
    this.fail('ERR_HTTP_VERSION_INVALID', 'its HTTP version is malformed')
    return false
  }

  /**
   * HTTP/1.2 and up are refused too, although RFC 9110 §2.5 would read them as 1.1: none exists, nobody
   * sends one, and intermediaries differ in what they make of it.
   */
  private checkVersion(): boolean {
    if (this.version === 11) this.versionMinor = 1
    else if (this.version === 10) this.versionMinor = 0
    else this.fail('ERR_HTTP_VERSION_UNSUPPORTED', 'its version is neither HTTP/1.1 nor HTTP/1.0')
    return this.state !== CLOSED
  }

  private finish(chunk: Uint8Array, pos: number, end: number, origin: number): void {
    const { section } = this
    section.settle(chunk, pos, end)
    this.length = end - origin
    const { bytes, base } = section
    this.method = knownMethod(bytes, base, base + this.methodEnd)
    this.methodKnown = this.method !== ''
    if (!this.methodKnown) this.method = section.text(0, this.methodEnd)
    this.form = targetForm(bytes, base + this.methodEnd + 1, base + this.targetEnd, this.method, this.escaped)
    if (this.form === TargetForm.invalid) {
      this.fail('ERR_HTTP_TARGET_INVALID', 'its target is malformed, or of no form that its method may have')
    } else if (this.form === TargetForm.authority) {
      this.fail('ERR_HTTP_METHOD_UNSUPPORTED', 'CONNECT is not supported')
    } else if (interpretFields(this, section)) {
      this.complete = true
      this.state = CLOSED
    } else this.close(section.error!)
  }

  private fail(code: HttpErrorCode, reason: string): void {
    this.section.fail(code, reason)
    this.close(this.section.error!)
  }

  private close(error: HttpError): void {
    this.error = error
    this.state = CLOSED
  }
}
