/**
 * The trailer section of a chunked body (RFC 9112 §7.1.2): field lines and an empty line, like the headers,
 * but texts at once, for a body's last chunk is not kept. It is read whether or not anybody asks for it.
 */

import type { HttpError } from '../errors.ts'
import type { Decode } from '../latin1.ts'
import { FieldSection, joinFields } from '../request/fields.ts'

/**
 * RFC 9110 §6.5.1: what frames, routes, modifies or authenticates a request, or says how its content is to
 * be processed, comes too late in a trailer.
 */
const forbidden: ReadonlySet<string> = new Set([
  'authorization',
  'cache-control',
  'connection',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'expect',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'keep-alive',
  'max-forwards',
  'origin',
  'pragma',
  'proxy-authorization',
  'proxy-connection',
  'range',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

export class Trailers {
  complete = false
  error: HttpError | null = null
  /** `[name, value, …]` as sent. */
  raw: readonly string[] = []
  private readonly section: FieldSection
  private readonly limit: number

  constructor(limit: number, fields: number, decode: Decode) {
    this.limit = limit
    this.section = new FieldSection(fields, decode)
  }

  reset(): void {
    this.complete = false
    this.error = null
    this.raw = []
    this.section.reset()
  }

  joined(): Record<string, string> {
    return joinFields(this.raw)
  }

  push(chunk: Uint8Array, pos: number, end: number): number {
    const { section } = this
    const origin = pos - section.held
    const limit = origin + this.limit
    const p = section.read(chunk, pos, Math.min(end, limit), origin)
    if (section.complete) this.finish(chunk, pos, p)
    else if (section.error !== null) this.error = section.error
    else if (p === limit) this.fail('ERR_HTTP_FIELDS_TOO_LARGE', `its trailers exceed ${this.limit} bytes`)
    else section.hold(chunk, pos, p)
    return p
  }

  private finish(chunk: Uint8Array, pos: number, end: number): void {
    const { section } = this
    section.settle(chunk, pos, end)
    const raw = section.rawFields()
    const bad = raw.findIndex((name, at) => at % 2 === 0 && forbidden.has(name.toLowerCase()))
    if (bad >= 0) {
      this.fail('ERR_HTTP_TRAILER_FORBIDDEN', `${raw[bad]} may not stand in a trailer`)
      return
    }
    this.raw = raw
    section.reset()
    this.complete = true
  }

  private fail(code: 'ERR_HTTP_FIELDS_TOO_LARGE' | 'ERR_HTTP_TRAILER_FORBIDDEN', reason: string): void {
    this.section.fail(code, reason)
    this.error = this.section.error
  }
}
