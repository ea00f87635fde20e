/** The head of a request on HTTP/2, written as HTTP/1.1 has it, and the head of an answer, the other way round. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2'
import { HttpError, joinFields, RequestHead } from '../../http/index.ts'
import { RefusedError } from '../errors.ts'
import { decodeLatin1 } from '../http/latin1.ts'
import type { RequestView } from '../http/request.ts'
import type { Settings } from '../limits/options.ts'

/** What HTTP/1.1 says in fields of a WebSocket's handshake, and RFC 8441 §5 without them. */
const UPGRADE_FIELDS = [
  'Connection: Upgrade\r\n',
  'Upgrade: websocket\r\n',
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n',
] as const
/** The framing that a body of unknown length needs in HTTP/1.1. */
const CHUNKED = ['Transfer-Encoding: chunked\r\n'] as const
const NOTHING = [] as const

/** Fields of a connection, which HTTP/2 has not (RFC 9113 §8.2.2), and what proves a key that there is not (RFC 8441 §5). */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'sec-websocket-accept',
  'te',
  'transfer-encoding',
  'upgrade',
])

/** What a stream asks for, in the words of HTTP/1.1: a WebSocket is asked for with GET. */
export class StreamHead implements RequestView {
  readonly httpVersion = '2.0'
  readonly head: RequestHead
  /** The head as text. */
  readonly text: string
  /** Whether it asks for a WebSocket (RFC 8441 §4). */
  readonly isWebSocket: boolean
  /** The last fields, which the client has not sent. */
  private readonly added: number

  constructor(head: RequestHead, text: string, isWebSocket: boolean, added: number) {
    this.head = head
    this.text = text
    this.isWebSocket = isWebSocket
    this.added = added
  }

  get method(): string {
    return this.head.method
  }

  get target(): string {
    return this.head.target
  }

  get versionMinor(): number {
    return this.head.versionMinor
  }

  get methodKnown(): boolean {
    return this.head.methodKnown
  }

  get host(): string {
    return this.head.host
  }

  get expectContinue(): boolean {
    return this.head.expectContinue
  }

  field(name: string): string | undefined {
    return this.head.field(name)
  }

  rawFields(): readonly string[] {
    return this.head.rawFields().slice(0, 2 * (this.head.fieldCount - this.added))
  }

  headers(): Record<string, string> {
    return joinFields(this.rawFields())
  }
}

/**
 * Reads the head of a stream. What node:http2 has made sure of, or seems to have, is not relied on: the text has as many
 * fields as the head, or is refused.
 *
 * @throws {HttpError} where the head is none that HTTP/1.1 could have
 * @throws {RefusedError} for CONNECT
 */
export function readStreamHead(
  headers: IncomingHttpHeaders,
  raw: readonly string[],
  endsStream: boolean,
  settings: Settings,
): StreamHead {
  const isWebSocket = isWebSocketAsked(headers)
  const fields = fieldsOf(raw, authorityOf(headers))
  const needsFraming = !endsStream && headers['content-length'] === undefined
  const added = isWebSocket ? UPGRADE_FIELDS : needsFraming ? CHUNKED : NOTHING
  const method = isWebSocket ? 'GET' : headers[':method']
  const text = `${method} ${targetOf(headers)} HTTP/1.1\r\n${fields.join('')}${added.join('')}\r\n`
  const head = parse(text, settings, added)
  if (head.fieldCount !== fields.length + added.length) {
    throw new HttpError('ERR_HTTP_FIELD_VALUE_INVALID', 'Cannot read the request: a field ends its line')
  }
  return new StreamHead(head, text, isWebSocket, added.length)
}

/** RFC 9220 §3: a protocol that is not known is a 501; and so is a tunnel, which there is none to. */
function isWebSocketAsked(headers: IncomingHttpHeaders): boolean {
  const protocol = headers[':protocol']
  if (headers[':method'] !== 'CONNECT') return false
  if (protocol === 'websocket') return true
  const what = protocol === undefined ? 'CONNECT' : `CONNECT to ${JSON.stringify(protocol)}`
  throw new RefusedError('ERR_HTTP_METHOD_UNSUPPORTED', 501, `Cannot serve ${what}`)
}

/** RFC 9113 §8.3.1: path and query, or `*` for OPTIONS, and never another form, whatever the scheme. */
function targetOf(headers: IncomingHttpHeaders): string {
  const path = headers[':path'] ?? ''
  if (path.startsWith('/') || (path === '*' && headers[':method'] === 'OPTIONS')) return path
  throw new HttpError('ERR_HTTP_TARGET_INVALID', 'Cannot read the request: its :path is none')
}

/** RFC 9113 §8.3.1: `:authority` and Host must not name different hosts. */
function authorityOf(headers: IncomingHttpHeaders): string | undefined {
  const { ':authority': authority = headers.host, host = authority } = headers
  if (host === undefined || host.toLowerCase() === authority!.toLowerCase()) return authority
  throw new HttpError('ERR_HTTP_HOST_INVALID', 'Cannot read the request: Host and :authority differ')
}

/** Every field as a line, Host first. A cookie in pieces is put together (RFC 9113 §8.2.3). */
function fieldsOf(raw: readonly string[], authority: string | undefined): string[] {
  const fields = authority === undefined ? [] : [`Host: ${authority}\r\n`]
  let cookie = ''
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!
    const value = raw[at + 1]!
    if (name === 'cookie') cookie += cookie === '' ? value : `; ${value}`
    else if (!name.startsWith(':') && name !== 'host' && name !== 'sec-websocket-key') {
      fields.push(`${name}: ${value}\r\n`)
    }
  }
  if (cookie !== '') fields.push(`cookie: ${cookie}\r\n`)
  return fields
}

/** What was added does not count. */
function parse(text: string, settings: Settings, added: readonly string[]): RequestHead {
  const bytes = Buffer.from(text, 'latin1')
  const limits = {
    requestLine: settings.requestLineLimit,
    head: settings.headLimit + added.join('').length,
    fields: settings.fieldLimit + added.length,
  }
  const head = new RequestHead(limits, decodeLatin1)
  const read = head.push(bytes, 0, bytes.length)
  if (head.error !== null) throw head.error
  if (!head.complete || read < bytes.length) {
    throw new HttpError('ERR_HTTP_FIELD_VALUE_INVALID', 'Cannot read the request: a field ends the head')
  }
  return head
}

/**
 * Status and fields as node:http2 takes them. It refuses more than one line of some fields: all are joined (RFC 9110 §5.3)
 * but Set-Cookie, which cannot be.
 */
export function streamHeaders(
  status: number,
  fields: Iterable<readonly [name: string, value: string | readonly string[]]>,
): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = Object.create(null)
  headers[':status'] = status
  for (const [name, value] of fields) {
    const lower = name.toLowerCase()
    if (CONNECTION_FIELDS.has(lower) || (status === 205 && lower === 'content-length')) continue
    const lines = [headers[lower] ?? [], value].flat() as string[]
    headers[lower] = lower === 'set-cookie' ? lines : lines.join(', ')
  }
  return headers
}

/** `[name, value, …]` as pairs. */
export function pairsOf(raw: readonly string[]): [name: string, value: string][] {
  const pairs: [string, string][] = []
  for (let at = 0; at < raw.length; at += 2) pairs.push([raw[at]!, raw[at + 1]!])
  return pairs
}
