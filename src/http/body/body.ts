/**
 * The body of a request, delimited by its length or chunked (RFC 9112 §6–§7.1).
 *
 *     IDLE → LENGTH → IDLE
 *     IDLE → SIZE_START → SIZE → [EXTENSION …] → SIZE_LF → DATA → DATA_CR → DATA_LF → SIZE_START …
 *                                                        ↘ (size 0) TRAILERS → IDLE
 *
 * Contract: `push` returns the position up to which it consumed: `end` while the body is not complete, and
 * the first byte of what follows when it is. On an error it is the first byte that cannot be read so.
 * Result and position are the same however the bytes are cut; only the pieces of `bodyData` differ.
 *
 * It keeps no byte of the body. It accepts no line end other than CRLF, no size that is not hexadecimal
 * digits alone, and nothing but the grammar between size and CRLF. The sink must not call back into it
 * from `bodyData`; from `bodyEnd` it may `start` the next body.
 */
import { CR, hexValue, LF } from '../characters.ts'
import { HttpError, type HttpErrorCode } from '../errors.ts'
import { type Decode, decodeLatin1 } from '../latin1.ts'
import { hex } from '../request/fields.ts'
import { ChunkExtensions } from './chunk-extensions.ts'
import { BodyFraming } from './framing.ts'
import { Trailers } from './trailers.ts'

const DATA = 0
const DATA_CR = 1
const DATA_LF = 2
/** The first digit of a chunk's size: there must be one. */
const SIZE_START = 3
const SIZE = 4
const SIZE_LF = 5
const LENGTH = 6
const EXTENSION = 7
const TRAILERS = 8
const IDLE = 9

/** 2^53-1 has 14 digits; more can only be zeros, of which nobody needs many. */
const MAX_SIZE_DIGITS = 16

/** Where a body goes. */
export interface BodySink {
  /** The next bytes of the body: `chunk` from `start` up to `end`, the sink's until it returns. */
  bodyData(chunk: Uint8Array, start: number, end: number): void
  /** The body is complete; also called for one that is empty. */
  bodyEnd(): void
}

/** What a body may be at most. */
export interface BodyLimits {
  /** Bytes, chunk framing not counted; default 16 MiB. Over it: 413. */
  body: number
  /** Bytes of chunk extensions over the whole body; default 16 KiB. Over it: 413. */
  chunkExtensions: number
  /** Bytes of the trailer section; default 16,384. Over it: 431. */
  trailers: number
  /** Field lines of the trailer section; default 100. Over it: 431. */
  trailerFields: number
}

/**
 * Reads request bodies, one after the other, from one connection. All fields are for reading only.
 *
 * @example
 * import { BodyFraming, BodyReader } from 'portmanteau/http'
 *
 * let body = ''
 * const reader = new BodyReader({
 *   bodyData: (chunk, start, end) => (body += String.fromCharCode(...chunk.subarray(start, end))),
 *   bodyEnd: () => (body += '.'),
 * })
 * reader.start(BodyFraming.chunked, 0)
 * const bytes = Uint8Array.from('2\r\nhi\r\n0\r\n\r\nGET', (c) => c.charCodeAt(0))
 * reader.push(bytes, 0, bytes.length) // 12: GET belongs to the next request; body is 'hi.'
 */
export class BodyReader {
  /** The body has ended. True before the first `start`, too. */
  complete = true
  /** Set once per body; `push` then consumes nothing more. */
  error: HttpError | null = null
  /** Bytes of the body so far. */
  received = 0

  private readonly sink: BodySink
  private readonly limit: number
  private readonly trailerSection: Trailers
  private readonly extensions: ChunkExtensions
  private state = IDLE
  /** What is still to come: of the body, or of the chunk. Before that, the size as far as it is read. */
  private remaining = 0
  private digits = 0

  /**
   * @param limits those that differ from the defaults
   * @param decode a faster Latin-1 decoder for trailers, if the host has one
   */
  constructor(sink: BodySink, limits?: Partial<BodyLimits>, decode: Decode = decodeLatin1) {
    this.sink = sink
    this.limit = limits?.body ?? 16_777_216
    this.extensions = new ChunkExtensions(limits?.chunkExtensions ?? 16_384)
    this.trailerSection = new Trailers(limits?.trailers ?? 16_384, limits?.trailerFields ?? 100, decode)
  }

  /**
   * Begins a body, as its head says. A length over the limit is an error at once, before a byte is read.
   * A body that is empty ends at once, within this call.
   */
  start(framing: BodyFraming, contentLength: number): void {
    this.complete = false
    this.error = null
    this.received = 0
    this.remaining = 0
    this.extensions.reset()
    this.trailerSection.reset()
    if (framing === BodyFraming.chunked) this.state = SIZE_START
    else if (framing === BodyFraming.none || contentLength === 0) this.finish()
    else if (contentLength > this.limit) this.failTooLarge()
    else {
      this.remaining = contentLength
      this.state = LENGTH
    }
  }

  /** The trailer fields, `[name, value, …]` as sent; they are not headers (RFC 9110 §6.5.1). */
  get rawTrailers(): readonly string[] {
    return this.trailerSection.raw
  }

  /** The trailer fields, names in lower case, in an object without a prototype; repeated ones joined. */
  trailers(): Record<string, string> {
    return this.trailerSection.joined()
  }

  /** Reads `chunk` from `pos` up to `end`; see the contract above. */
  push(chunk: Uint8Array, pos: number, end: number): number {
    if (this.state === LENGTH) return this.readLength(chunk, pos, end)
    let p = pos
    while (p < end && this.state !== IDLE) {
      const byte = chunk[p]!
      switch (this.state) {
        case DATA:
          p = this.readData(chunk, p, end)
          break
        case DATA_CR:
          if (byte !== CR) return this.failChunkEnd(p)
          p++
          this.state = DATA_LF
          break
        case DATA_LF:
          if (byte !== LF) return this.failChunkEnd(p)
          p++
          this.state = SIZE_START
          break
        case SIZE_START:
          if (hexValue[byte] === 0xff) return this.failSize(p, 'begins with ' + hex(byte))
          this.remaining = 0
          this.digits = 0
          this.state = SIZE
          break
        case SIZE:
          p = this.readSize(chunk, p, end)
          break
        case SIZE_LF:
          if (byte !== LF) return this.failSize(p, 'is followed by a CR without LF')
          p++
          this.state = this.remaining > 0 ? DATA : TRAILERS
          break
        case EXTENSION:
          p = this.readExtension(chunk, p, end)
          break
        default:
          return this.readTrailers(chunk, p, end)
      }
    }
    return p
  }

  private readLength(chunk: Uint8Array, pos: number, end: number): number {
    const p = this.take(chunk, pos, end)
    if (this.remaining === 0) this.finish()
    return p
  }

  private readData(chunk: Uint8Array, pos: number, end: number): number {
    const p = this.take(chunk, pos, end)
    if (this.remaining === 0) this.state = DATA_CR
    return p
  }

  private take(chunk: Uint8Array, pos: number, end: number): number {
    const p = Math.min(end, pos + this.remaining)
    if (p === pos) return p
    this.remaining -= p - pos
    this.received += p - pos
    this.sink.bodyData(chunk, pos, p)
    return p
  }

  /** RFC 9112 §7.1: chunk-size = 1*HEXDIG; a recipient MUST see to it that it does not overflow. */
  private readSize(chunk: Uint8Array, pos: number, end: number): number {
    let p = pos
    for (; p < end; p++) {
      const digit = hexValue[chunk[p]!]!
      if (digit === 0xff) return this.endSize(chunk[p]!, p)
      this.remaining = this.remaining * 16 + digit
      if (this.remaining > Number.MAX_SAFE_INTEGER || ++this.digits > MAX_SIZE_DIGITS)
        return this.fail('ERR_HTTP_CHUNK_SIZE_INVALID', 'a chunk size is too large', p)
    }
    return p
  }

  private endSize(byte: number, p: number): number {
    if (this.received + this.remaining > this.limit) {
      this.failTooLarge()
      return p
    }
    if (byte === CR) {
      this.state = SIZE_LF
      return p + 1
    }
    if (!this.extensions.begin(byte)) return this.failSize(p, 'is followed by ' + hex(byte))
    this.state = EXTENSION
    return p
  }

  private readExtension(chunk: Uint8Array, pos: number, end: number): number {
    const p = this.extensions.push(chunk, pos, end)
    if (this.extensions.error !== null) return this.failWith(this.extensions.error, p)
    // What stopped it is the CR.
    if (p === end) return p
    this.state = SIZE_LF
    return p + 1
  }

  private readTrailers(chunk: Uint8Array, pos: number, end: number): number {
    const p = this.trailerSection.push(chunk, pos, end)
    if (this.trailerSection.error !== null) return this.failWith(this.trailerSection.error, p)
    if (this.trailerSection.complete) this.finish()
    return p
  }

  private finish(): void {
    this.complete = true
    this.state = IDLE
    this.sink.bodyEnd()
  }

  private failTooLarge(): void {
    this.fail('ERR_HTTP_BODY_TOO_LARGE', `it has more than ${this.limit} bytes`, 0)
  }

  private failChunkEnd(p: number): number {
    return this.fail('ERR_HTTP_CHUNK_END_INVALID', 'a chunk is not followed by CRLF', p)
  }

  private failSize(p: number, reason: string): number {
    return this.fail('ERR_HTTP_CHUNK_SIZE_INVALID', 'a chunk size ' + reason, p)
  }

  private fail(code: HttpErrorCode, reason: string, p: number): number {
    return this.failWith(new HttpError(code, 'Cannot read the body: ' + reason), p)
  }

  private failWith(error: HttpError, p: number): number {
    this.error = error
    this.state = IDLE
    return p
  }
}
