/**
 * A section of field lines (RFC 9112 §5): the headers of a request, or the trailers of a chunked body.
 *
 *     field-line = field-name ":" OWS field-value OWS CRLF
 *
 * It reads up to and with the empty line. Where names and values lie is noted as offsets; no text is made
 * until it is asked for. The offsets count from the section's origin, so that they hold both in the chunk
 * and in the section's own buffer: while everything lies in one chunk nothing is copied, and what a chunk
 * leaves unfinished is copied into a buffer that doubles as it grows.
 *
 * It never looks at a byte twice while it searches (or once in its word, and once alone), never accepts a line
 * end other than CRLF, never skips a byte, and never knows what a field means: that, and the limit in bytes, is
 * the owner's.
 */
import { COLON, CR, characterClass, HTAB, LF, matchesFolded, SP, TOKEN, VALUE } from '../characters.ts'
import { HttpError, type HttpErrorCode } from '../errors.ts'
import type { Decode } from '../latin1.ts'
import { knownFieldName } from './field-names.ts'
import { NO_WORDS, plainEnd, runEnd, trimmedEnd, wordsOf } from './runs.ts'

// States: what the next byte belongs to.
const FIELD_VALUE = 0
const FIELD_NAME = 1
/** The white space before a value. */
const FIELD_OWS = 2
/** The LF of a field line. */
const FIELD_LF = 3
/** The first byte of a name, or the CR of the empty line. */
const FIELD_START = 4
/** The LF of the empty line. */
const END_LF = 5
const COMPLETE = 6

const EMPTY = new Uint8Array(0)
const NO_SPANS = new Int32Array(0)
/** From this many bytes on a section is read by words: the view of them costs 40 ns, as much as a value of 64 bytes. */
const LONG = 256
/** What the buffer has more than it needs at first: most heads that come in pieces come in two. */
const FIRST_ROOM = 512
const FIRST_FIELDS = 16
/** Below this many bytes a loop copies faster than the making of a view. */
const COPY_BY_LOOP = 48

export class FieldSection {
  /** Complete fields. Field `n` has its name at `spans[4n]`..`spans[4n+1]`, its value at …2..…3. */
  fieldCount = 0
  spans: Int32Array = NO_SPANS
  error: HttpError | null = null
  /** Where the section lies, once complete: offsets count from `base` in `bytes`. */
  bytes: Uint8Array = EMPTY
  base = 0
  /** Bytes kept in the section's own buffer. */
  held = 0
  private state = FIELD_START
  /** White space may stand behind a value that came in pieces. */
  private untrimmed = false
  private buffer: Uint8Array = EMPTY
  /** Whether the last section was a long one: the next one of a connection mostly is like it. */
  private long = true
  private readonly limit: number
  private readonly decode: Decode

  constructor(limit: number, decode: Decode) {
    this.limit = limit
    this.decode = decode
  }

  get complete(): boolean {
    return this.state === COMPLETE
  }

  /** Reads from `pos` up to `stop`; the section's origin lies at `origin`, which may be before the chunk. */
  read(chunk: Uint8Array, pos: number, stop: number, origin: number): number {
    const wordsAt = pos - ((chunk.byteOffset + pos) & 3)
    const words = this.long && stop - pos >= LONG ? wordsOf(chunk, wordsAt, stop) : NO_WORDS
    let p = pos
    do {
      if (this.state === FIELD_START) p = this.readWholeLines(chunk, p, stop, origin, words, wordsAt)
      if (p < stop && this.state !== COMPLETE) p = this.readLine(chunk, p, stop, origin)
    } while (p < stop && this.state === FIELD_START && this.error === null)
    return p
  }

  /**
   * The fast path: whole lines with a value, and at most one space before it. Where something else comes, or
   * nothing, it stops there in the state in which `readLine` goes on.
   */
  private readWholeLines(
    chunk: Uint8Array,
    pos: number,
    stop: number,
    origin: number,
    words: Int32Array,
    wordsAt: number,
  ): number {
    if (this.spans.length === 0) this.growSpans()
    const spans = this.spans
    const full = Math.min(spans.length, this.limit * 4)
    let state = FIELD_START
    let at = this.fieldCount * 4
    let p = pos
    while (p < stop && (characterClass[chunk[p]!]! & TOKEN) !== 0 && at < full) {
      spans[at] = p++ - origin
      state = FIELD_NAME
      p = runEnd(chunk, p, stop, TOKEN)
      if (p === stop || chunk[p] !== COLON) break
      spans[at + 1] = p++ - origin
      state = FIELD_OWS
      if (p < stop && chunk[p] === SP) p++
      if (p === stop || chunk[p]! <= SP) break
      const start = p
      spans[at + 2] = start - origin
      state = FIELD_VALUE
      p = Math.max(p, wordsAt + 4 * plainEnd(words, (p - wordsAt) >> 2))
      p = runEnd(chunk, p, stop, VALUE)
      if (p + 1 >= stop || chunk[p] !== CR || chunk[p + 1] !== LF) break
      spans[at + 3] = (chunk[p - 1]! > SP ? p : trimmedEnd(chunk, start, p)) - origin
      state = FIELD_START
      at += 4
      p += 2
    }
    if (state === FIELD_START && p + 1 < stop && chunk[p] === CR && chunk[p + 1] === LF) {
      state = COMPLETE
      p += 2
    }
    this.state = state
    this.fieldCount = at >> 2
    return p
  }

  /** Reads up to the end of the line, whatever state it is in. */
  private readLine(chunk: Uint8Array, pos: number, stop: number, origin: number): number {
    let { spans, state } = this
    let p = pos
    let at = this.fieldCount * 4
    reading: while (p < stop) {
      switch (state) {
        case FIELD_VALUE:
          p = runEnd(chunk, p, stop, VALUE)
          if (p === stop) break reading
          if (chunk[p] !== CR) {
            this.failValue(chunk[p]!)
            break reading
          }
          spans[at + 3] = p++ - origin
          this.untrimmed = true
          at += 4
          state = FIELD_LF
          break
        case FIELD_NAME:
          p = runEnd(chunk, p, stop, TOKEN)
          if (p === stop) break reading
          if (chunk[p] !== COLON) {
            this.failName(chunk[p]!)
            break reading
          }
          spans[at + 1] = p++ - origin
          state = FIELD_OWS
          break
        case FIELD_OWS:
          while (p < stop && (chunk[p] === SP || chunk[p] === HTAB)) p++
          if (p === stop) break reading
          spans[at + 2] = p - origin
          state = FIELD_VALUE
          break
        case FIELD_LF:
          if (chunk[p] !== LF) {
            this.fail('ERR_HTTP_LINE_END_INVALID', 'a CR in a field is not followed by LF')
            break reading
          }
          p++
          state = FIELD_START
          break reading
        case FIELD_START:
          if (chunk[p] === CR) {
            p++
            state = END_LF
            break
          }
          if ((characterClass[chunk[p]!]! & TOKEN) === 0 || at === this.limit * 4) {
            this.failStart(chunk[p]!)
            break reading
          }
          if (at === spans.length) spans = this.growSpans()
          spans[at] = p++ - origin
          state = FIELD_NAME
          break
        default:
          if (chunk[p] === LF) {
            p++
            state = COMPLETE
          } else this.fail('ERR_HTTP_LINE_END_INVALID', 'the CR of the empty line is not followed by LF')
          break reading
      }
    }
    this.state = state
    this.fieldCount = at >> 2
    return p
  }

  /** Keeps bytes of an unfinished section. */
  hold(chunk: Uint8Array, pos: number, end: number): void {
    const held = this.held + end - pos
    if (held > this.buffer.length) this.growBuffer(held)
    if (end - pos > COPY_BY_LOOP) this.buffer.set(chunk.subarray(pos, end), this.held)
    else for (let from = pos, to = this.held; from < end; ) this.buffer[to++] = chunk[from++]!
    this.held = held
  }

  /** The section is complete, its last bytes at `pos`..`end`: from here on it can be asked for its fields. */
  settle(chunk: Uint8Array, pos: number, end: number): void {
    if (this.held === 0) {
      this.bytes = chunk
      this.base = pos
    } else {
      this.hold(chunk, pos, end)
      this.bytes = this.buffer
      this.base = 0
    }
    this.long = Math.max(this.held, end - pos) >= LONG
    if (this.untrimmed) this.trimValues()
  }

  /** Copies a settled section of `length` bytes out of the chunk. */
  detach(length: number): void {
    if (this.held > 0) return
    this.hold(this.bytes, this.base, this.base + length)
    this.bytes = this.buffer
    this.base = 0
  }

  reset(): void {
    this.fieldCount = 0
    this.error = null
    this.bytes = EMPTY
    this.base = 0
    this.held = 0
    this.untrimmed = false
    this.state = FIELD_START
    this.buffer = EMPTY
  }

  /** How many times the field stands there; `name` in lower case. */
  count(name: string): number {
    let count = 0
    for (let field = this.find(name, 0); field >= 0; field = this.find(name, field + 1)) count++
    return count
  }

  /** The value of a field, repeated ones joined; `name` in lower case. */
  field(name: string): string | undefined {
    let field = this.find(name, 0)
    if (field < 0) return undefined
    let value = this.value(field)
    const separator = separatorOf(name)
    while ((field = this.find(name, field + 1)) >= 0) value += separator + this.value(field)
    return value
  }

  /** The first field of that name from `from` on, or -1; `name` in lower case. */
  find(name: string, from: number): number {
    const { bytes, base, spans } = this
    for (let field = from; field < this.fieldCount; field++) {
      const start = spans[field * 4]!
      if (spans[field * 4 + 1]! - start === name.length && matchesFolded(bytes, base + start, name))
        return field
    }
    return -1
  }

  value(field: number): string {
    return this.text(this.spans[field * 4 + 2]!, this.spans[field * 4 + 3]!)
  }

  text(start: number, end: number): string {
    return this.decode(this.bytes, this.base + start, this.base + end)
  }

  /** One text, cut up: a head of 12 fields, read with all its texts, takes 5.1 µs; text by text it took 7.6. */
  rawFields(): string[] {
    const fields: string[] = []
    const { spans } = this
    const end = this.fieldCount * 4
    if (end === 0) return fields
    const first = spans[0]!
    const whole = this.text(first, spans[end - 1]!)
    for (let at = 0; at < end; at += 2) fields.push(whole.slice(spans[at]! - first, spans[at + 1]! - first))
    return fields
  }

  /** Names in lower case to values, in an object without a prototype: `__proto__` is a name like any other. */
  headers(): Record<string, string> {
    const headers: Record<string, string> = Object.create(null)
    const { bytes, base, spans } = this
    const end = this.fieldCount * 4
    if (end === 0) return headers
    const first = spans[0]!
    const whole = this.text(first, spans[end - 1]!)
    for (let at = 0; at < end; at += 4) {
      const known = knownFieldName(bytes, base + spans[at]!, base + spans[at + 1]!)
      const name =
        known !== '' ? known : whole.slice(spans[at]! - first, spans[at + 1]! - first).toLowerCase()
      addField(headers, name, whole.slice(spans[at + 2]! - first, spans[at + 3]! - first))
    }
    return headers
  }

  private trimValues(): void {
    const { bytes, base, spans } = this
    for (let at = 2; at < this.fieldCount * 4; at += 4)
      spans[at + 1] = trimmedEnd(bytes, base + spans[at]!, base + spans[at + 1]!) - base
  }

  private growSpans(): Int32Array {
    const larger = new Int32Array(Math.max(this.spans.length * 2, FIRST_FIELDS * 4))
    larger.set(this.spans)
    return (this.spans = larger)
  }

  private growBuffer(needed: number): void {
    const larger = new Uint8Array(Math.max(needed + FIRST_ROOM, this.buffer.length * 2))
    larger.set(this.buffer.subarray(0, this.held))
    this.buffer = larger
  }

  fail(code: HttpErrorCode, reason: string): void {
    this.error = new HttpError(code, 'Cannot read the request: ' + reason)
  }

  private failStart(byte: number): void {
    if ((characterClass[byte]! & TOKEN) !== 0)
      this.fail('ERR_HTTP_FIELDS_TOO_MANY', `it has more than ${this.limit} fields`)
    else if (byte === SP || byte === HTAB)
      // RFC 9112 §5.2: obs-fold; before the first field RFC 9112 §2.2.
      this.fail('ERR_HTTP_FIELD_FOLDED', 'a field line begins with white space')
    else this.failName(byte, 'begins with')
  }

  private failName(byte: number, holds = 'holds'): void {
    if (byte === LF) this.fail('ERR_HTTP_LINE_END_INVALID', 'an LF stands without its CR')
    else if (byte === COLON) this.fail('ERR_HTTP_FIELD_NAME_INVALID', 'a field name is empty')
    else if (byte === SP || byte === HTAB)
      // RFC 9112 §5.1: a server MUST refuse it.
      this.fail('ERR_HTTP_FIELD_NAME_INVALID', 'white space stands between a field name and its colon')
    else this.fail('ERR_HTTP_FIELD_NAME_INVALID', `a field name ${holds} ${hex(byte)}`)
  }

  private failValue(byte: number): void {
    if (byte === LF) this.fail('ERR_HTTP_LINE_END_INVALID', 'an LF stands without its CR')
    else this.fail('ERR_HTTP_FIELD_VALUE_INVALID', `a field value holds the control character ${hex(byte)}`)
  }
}

/**
 * Pairs of name and value as an object: names in lower case, no prototype, repeated fields joined (RFC 9110 §5.3; by a
 * semicolon those of Cookie, RFC 6265 §4.2.1).
 *
 * @example
 * import { joinFields } from 'portmanteau/http'
 *
 * joinFields(['Accept', 'text/html', 'ACCEPT', 'text/plain']).accept // 'text/html, text/plain'
 */
export function joinFields(raw: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = Object.create(null)
  for (let at = 0; at < raw.length; at += 2) addField(headers, raw[at]!.toLowerCase(), raw[at + 1]!)
  return headers
}

function addField(headers: Record<string, string>, name: string, value: string): void {
  const before = headers[name]
  headers[name] = before === undefined ? value : before + separatorOf(name) + value
}

/** RFC 9110 §5.3: joined by comma; but cookie pairs go by semicolon (RFC 6265 §4.2.1). */
function separatorOf(name: string): string {
  return name === 'cookie' ? '; ' : ', '
}

/** A byte as the message of an error shows it. */
export function hex(byte: number): string {
  return '0x' + byte.toString(16).padStart(2, '0')
}
