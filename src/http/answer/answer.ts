/**
 * The head of an answer (RFC 9112 §4): what the application set, and the framing that goes with it.
 *
 * Framing is the writer's. Content-Length is a number here, Connection and Transfer-Encoding cannot be
 * set freely, so that no application can make an answer that two clients would cut differently:
 * - Transfer-Encoding is refused.
 * - Content-Length must be one decimal number. It declares the length of an answer that is streamed; where
 *   the writer knows the length, the two must agree.
 * - Connection may list options. `close` makes `closes` true, `keep-alive` has no effect, others are kept.
 *
 * Whatever is refused is refused when it is set, or by `format`, before a byte goes out.
 */
import { allOf, TOKEN, VALUE } from '../characters.ts'
import { HttpError, type HttpErrorCode } from '../errors.ts'
import { reasonPhrases } from './reasons.ts'

/** How an answer's body is delimited (RFC 9112 §6.3); `close`: by the end of the connection. */
export const AnswerFraming = { none: 0, length: 1, chunked: 2, close: 3 } as const
export type AnswerFraming = (typeof AnswerFraming)[keyof typeof AnswerFraming]

/** What the answer goes out on. */
export interface AnswerOptions {
  /** Bytes of the body, or -1 if that is not known yet. For HEAD: of the body that GET would have. */
  length: number
  /** Whether the connection is to stay open. */
  keepAlive: boolean
  /** The minor version of the request. */
  versionMinor: 0 | 1
  /** The value of Date, from the host's clock; '' for none. */
  date: string
  /** The request was HEAD: the answer says how long a body would be and has none. Default false. */
  head?: boolean
}

/** RFC 9110 §15.2.1: to be sent when a request has `expectContinue` and its body is wanted. */
export const continueAnswer = 'HTTP/1.1 100 Continue\r\n\r\n'

/** What ends a chunked body that has no trailers (RFC 9112 §7.1). */
export const lastChunk = '0\r\n\r\n'

/**
 * What goes before a chunk of `length` bytes (RFC 9112 §7.1); CRLF goes behind it. `length` must not be 0.
 *
 * @example
 * import { chunkHeader, lastChunk } from 'portmanteau/http'
 *
 * const body = `${chunkHeader(5)}hello\r\n${lastChunk}` // '5\r\nhello\r\n0\r\n\r\n'
 */
export function chunkHeader(length: number): string {
  return length.toString(16) + '\r\n'
}

/**
 * Whether an answer of that status never has a body (RFC 9112 §6.3).
 *
 * @example
 * import { isBodyless } from 'portmanteau/http'
 *
 * isBodyless(304) // true
 */
export function isBodyless(status: number): boolean {
  return status < 200 || status === 204 || status === 304
}

/**
 * The head of one answer.
 *
 * @example
 * import { AnswerHead } from 'portmanteau/http'
 *
 * const answer = new AnswerHead()
 * answer.setField('Content-Type', 'text/plain')
 * answer.format({ length: 2, keepAlive: true, versionMinor: 1, date: '' })
 * // 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n'
 */
export class AnswerHead {
  /** 100 to 599. */
  status = 200
  /** '' for the status's own phrase. */
  reason = ''
  /** The application asked for `Connection: close`: the connection must not be kept alive. */
  closes = false
  /** The Content-Length that the application declared, or -1: the body must have that many bytes. */
  declaredLength = -1

  private lowerNames: string[] = []
  private names: string[] = []
  private values: (string | readonly string[])[] = []
  /** Connection options other than `close` and `keep-alive`, each with `, ` before it. */
  private connectionOptions = ''

  /**
   * Sets a field, in place of any of that name. An array makes one line of each value, as Set-Cookie needs.
   *
   * @throws {HttpError} `ERR_HTTP_ANSWER_NAME_INVALID` if the name is no token, `…_VALUE_INVALID` if a
   * value holds a control character (CR, LF, NUL …) or one outside Latin-1, `…_LENGTH_INVALID` and
   * `…_FRAMING_RESERVED` as the top of this file says
   */
  setField(name: string, value: string | number | readonly string[]): void {
    if (name === '' || !allOf(name, TOKEN))
      throw refusal('ERR_HTTP_ANSWER_NAME_INVALID', `Cannot set a field: its name ${quote(name)} is no token`)
    const lower = name.toLowerCase()
    const checked =
      typeof value === 'object' ? value.map((line) => checkValue(name, line)) : checkValue(name, value)
    if (this.setFraming(name, lower, checked)) return
    const at = this.lowerNames.indexOf(lower)
    if (at >= 0) {
      this.names[at] = name
      this.values[at] = checked
    } else {
      this.lowerNames.push(lower)
      this.names.push(name)
      this.values.push(checked)
    }
  }

  /** The value as it was set; of Connection what will be written besides `close`. The name's case is free. */
  getField(name: string): string | readonly string[] | undefined {
    const lower = name.toLowerCase()
    if (lower === 'content-length') return this.declaredLength < 0 ? undefined : String(this.declaredLength)
    if (lower === 'connection') return this.connection(this.closes ? 'close' : '') || undefined
    return this.values[this.lowerNames.indexOf(lower)]
  }

  hasField(name: string): boolean {
    return this.getField(name) !== undefined
  }

  removeField(name: string): void {
    const lower = name.toLowerCase()
    if (lower === 'content-length') this.declaredLength = -1
    else if (lower === 'connection') this.clearConnection()
    const at = this.lowerNames.indexOf(lower)
    if (at < 0) return
    this.lowerNames.splice(at, 1)
    this.names.splice(at, 1)
    this.values.splice(at, 1)
  }

  /** The names of the fields that were set, as they were set, but for Content-Length and Connection. */
  fieldNames(): string[] {
    return this.names.slice()
  }

  /** Back to a 200 without fields. */
  clear(): void {
    this.status = 200
    this.reason = ''
    this.declaredLength = -1
    this.lowerNames = []
    this.names = []
    this.values = []
    this.clearConnection()
  }

  /**
   * How the body has to follow the head that `format` returns: not at all, as it is, in chunks, or as it is
   * with the connection closed behind it.
   */
  framing(options: AnswerOptions): AnswerFraming {
    if (options.head === true || isBodyless(this.status)) return AnswerFraming.none
    if (options.length >= 0 || this.declaredLength >= 0) return AnswerFraming.length
    return options.versionMinor === 1 ? AnswerFraming.chunked : AnswerFraming.close
  }

  /** Whether the connection must be closed behind this answer. */
  closesAfter(options: AnswerOptions): boolean {
    return !options.keepAlive || this.closes || this.framing(options) === AnswerFraming.close
  }

  /**
   * The head as it goes out, in Latin-1, the empty line included.
   *
   * @throws {HttpError} `ERR_HTTP_ANSWER_STATUS_INVALID`, `ERR_HTTP_ANSWER_REASON_INVALID`, or
   * `ERR_HTTP_ANSWER_LENGTH_INVALID` if the declared length is not the body's
   */
  format(options: AnswerOptions): string {
    let head = this.statusLine()
    for (let at = 0; at < this.names.length; at++) head += fieldLines(this.names[at]!, this.values[at]!)
    if (options.date !== '' && !this.lowerNames.includes('date')) head += 'Date: ' + options.date + '\r\n'
    head += this.connectionLine(options)
    return head + this.framingLine(options) + '\r\n'
  }

  /**
   * Status and fields for where HTTP is written another way (RFC 9113 §8.3): every field that was set, and Content-Length
   * where the body's length is known, but none about the connection.
   *
   * @throws {HttpError} `ERR_HTTP_ANSWER_STATUS_INVALID`, or `ERR_HTTP_ANSWER_LENGTH_INVALID`
   * @example
   * import { AnswerHead } from 'portmanteau/http'
   *
   * const answer = new AnswerHead()
   * answer.setField('Content-Type', 'text/plain')
   * answer.fields({ length: 2 }) // [['Content-Type', 'text/plain'], ['Content-Length', '2']]
   */
  fields(
    options: Pick<AnswerOptions, 'length' | 'head'>,
  ): [name: string, value: string | readonly string[]][] {
    this.checkStatus()
    const fields = this.names.map((name, at): [string, string | readonly string[]] => [
      name,
      this.values[at]!,
    ])
    const length = this.contentLength(options)
    if (length >= 0) fields.push(['Content-Length', String(length)])
    return fields
  }

  private statusLine(): string {
    const { status, reason } = this
    if (reason === '') {
      if (status === 200) return 'HTTP/1.1 200 OK\r\n'
    } else if (!allOf(reason, VALUE))
      throw refusal(
        'ERR_HTTP_ANSWER_REASON_INVALID',
        'Cannot write the answer: its reason is not plain Latin-1',
      )
    this.checkStatus()
    return `HTTP/1.1 ${status} ${reason || (reasonPhrases.get(status) ?? '')}\r\n`
  }

  private checkStatus(): void {
    const { status } = this
    if (!Number.isInteger(status) || status < 100 || status > 599)
      throw refusal('ERR_HTTP_ANSWER_STATUS_INVALID', `Cannot write the answer: ${status} is no status`)
  }

  /** RFC 9112 §9.3: open is the default of 1.1 and has to be said to 1.0. An interim answer closes nothing. */
  private connectionLine(options: AnswerOptions): string {
    let persistence = ''
    if (this.status >= 200) {
      if (this.closesAfter(options)) persistence = 'close'
      else if (options.versionMinor === 0) persistence = 'keep-alive'
    }
    const value = this.connection(persistence)
    return value === '' ? '' : 'Connection: ' + value + '\r\n'
  }

  private connection(persistence: string): string {
    if (this.connectionOptions === '') return persistence
    return persistence === '' ? this.connectionOptions.slice(2) : persistence + this.connectionOptions
  }

  /** RFC 9110 §8.6, RFC 9112 §6.1: neither field in 1xx and 204; a 304 says only what it was told. */
  private framingLine(options: AnswerOptions): string {
    const length = this.contentLength(options)
    if (length >= 0) return 'Content-Length: ' + length + '\r\n'
    const chunked = options.versionMinor === 1 && !isBodyless(this.status)
    return chunked ? 'Transfer-Encoding: chunked\r\n' : ''
  }

  /** What Content-Length says, or -1. */
  private contentLength({ length, head }: Pick<AnswerOptions, 'length' | 'head'>): number {
    const declared = this.declaredLength
    const hasBody = head !== true && !isBodyless(this.status)
    if (hasBody && length >= 0 && declared >= 0 && length !== declared)
      throw refusal(
        'ERR_HTTP_ANSWER_LENGTH_INVALID',
        `Cannot write the answer: its body has ${length} bytes, its Content-Length is ${declared}`,
      )
    if (this.status < 200 || this.status === 204) return -1
    return declared >= 0 || this.status === 304 ? declared : length
  }

  private setFraming(name: string, lower: string, value: string | readonly string[]): boolean {
    switch (lower) {
      case 'content-length':
        this.declaredLength = declaredLength(value)
        return true
      case 'connection':
        this.setConnection(typeof value === 'string' ? value : value.join(','))
        return true
      case 'transfer-encoding':
        throw refusal('ERR_HTTP_ANSWER_FRAMING_RESERVED', `Cannot set ${name}: the framing is the writer's`)
      default:
        return false
    }
  }

  private setConnection(value: string): void {
    const options = value.split(',').map((option) => option.trim())
    const bad = options.find((option) => option === '' || !allOf(option, TOKEN))
    if (bad !== undefined)
      throw refusal('ERR_HTTP_ANSWER_VALUE_INVALID', `Cannot set Connection: ${quote(bad)} is no option`)
    this.clearConnection()
    for (const option of options) {
      const lower = option.toLowerCase()
      if (lower === 'close') this.closes = true
      else if (lower !== 'keep-alive') this.connectionOptions += ', ' + option
    }
  }

  private clearConnection(): void {
    this.closes = false
    this.connectionOptions = ''
  }
}

function fieldLines(name: string, value: string | readonly string[]): string {
  if (typeof value === 'string') return name + ': ' + value + '\r\n'
  let lines = ''
  for (const line of value) lines += name + ': ' + line + '\r\n'
  return lines
}

/** RFC 9110 §5.5: control characters in a value MUST be rejected or replaced. */
function checkValue(name: string, value: string | number): string {
  const text = String(value)
  if (!allOf(text, VALUE))
    throw refusal('ERR_HTTP_ANSWER_VALUE_INVALID', `Cannot set ${name}: its value is not plain Latin-1`)
  return text
}

function declaredLength(value: string | readonly string[]): number {
  const length = typeof value === 'string' && /^[0-9]{1,16}$/.test(value) ? Number(value) : -1
  if (length < 0 || length > Number.MAX_SAFE_INTEGER)
    throw refusal('ERR_HTTP_ANSWER_LENGTH_INVALID', 'Cannot set Content-Length: it is not a decimal number')
  return length
}

function refusal(code: HttpErrorCode, message: string): HttpError {
  return new HttpError(code, message)
}

function quote(text: string): string {
  return JSON.stringify(text)
}
