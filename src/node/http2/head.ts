/** The head of a request on HTTP/2, written as HTTP/1.1 has it, and the head of an answer, the other way round. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2'
import { HttpError, RequestHead } from '../../http/index.ts'
import { decodeLatin1 } from '../http/latin1.ts'
import { Request } from '../http/request.ts'
import type { Settings } from '../limits/options.ts'

/** What HTTP/1.1 says in fields of a WebSocket's handshake, and RFC 8441 §5 without them. */
const UPGRADE_FIELDS =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'

/** Fields of a connection, which HTTP/2 has not (RFC 9113 §8.2.2), and those that only prove a key. */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'sec-websocket-accept',
  'transfer-encoding',
  'upgrade',
])

/** What a stream asks for. */
export interface StreamRequest {
  readonly head: RequestHead
  /** The same as text, with the framing that a body in HTTP/1.1 needs. */
  readonly text: string
  /** Whether it asks for a WebSocket (RFC 8441 §4). */
  readonly isWebSocket: boolean
}

/**
 * Reads the head of a stream. RFC 9113 §8.3.1: `:authority` and Host must not differ.
 *
 * @throws {HttpError} where the head is none that HTTP/1.1 could have
 */
export function readStreamHead(
  headers: IncomingHttpHeaders,
  raw: readonly string[],
  endsStream: boolean,
  settings: Settings,
): StreamRequest {
  const isWebSocket = headers[':method'] === 'CONNECT' && headers[':protocol'] === 'websocket'
  const method = isWebSocket ? 'GET' : headers[':method']
  const authority = headers[':authority'] ?? headers.host
  if (headers.host !== undefined && headers.host !== authority) {
    throw new HttpError('ERR_HTTP_HOST_INVALID', 'Cannot read the request: Host and :authority differ')
  }
  let text = `${method} ${headers[':path'] ?? authority} HTTP/1.1\r\n`
  if (authority !== undefined) text += `Host: ${authority}\r\n`
  let fields = authority === undefined ? 0 : 1
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!
    if (name.startsWith(':') || name === 'host') continue
    text += `${name}: ${raw[at + 1]}\r\n`
    fields++
  }
  if (isWebSocket) text += UPGRADE_FIELDS
  else if (!endsStream && headers['content-length'] === undefined) text += 'Transfer-Encoding: chunked\r\n'
  text += '\r\n'
  const head = parse(text, settings)
  if (head.fieldCount < fields) {
    throw new HttpError('ERR_HTTP_FIELD_VALUE_INVALID', 'Cannot read the request: a field ends its line')
  }
  return { head, text, isWebSocket }
}

function parse(text: string, settings: Settings): RequestHead {
  const { requestLineLimit, headLimit, fieldLimit } = settings
  const bytes = Buffer.from(text, 'latin1')
  // What was added above does not count.
  const head = new RequestHead(
    { requestLine: requestLineLimit, head: headLimit + UPGRADE_FIELDS.length, fields: fieldLimit + 3 },
    decodeLatin1,
  )
  const read = head.push(bytes, 0, bytes.length)
  if (head.error !== null) throw head.error
  if (!head.complete || read < bytes.length) {
    throw new HttpError('ERR_HTTP_FIELD_VALUE_INVALID', 'Cannot read the request: a field ends the head')
  }
  return head
}

/** The request as the application sees it. */
export function requestOf(head: RequestHead): Request {
  return new Request({
    method: head.method,
    target: head.target,
    versionMinor: 1,
    httpVersion: '2.0',
    rawFields: () => head.rawFields(),
    headers: () => head.headers(),
  })
}

/** Status and fields as node:http2 takes them. */
export function streamHeaders(
  status: number,
  fields: Iterable<readonly [name: string, value: string | readonly string[]]>,
): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = Object.create(null)
  headers[':status'] = status
  for (const [name, value] of fields) {
    const lower = name.toLowerCase()
    if (CONNECTION_FIELDS.has(lower)) continue
    const before = headers[lower]
    if (before === undefined) headers[lower] = typeof value === 'object' ? [...value] : value
    else headers[lower] = [before, value].flat() as string[]
  }
  return headers
}

/** `[name, value, …]` as pairs. */
export function pairsOf(raw: readonly string[]): [name: string, value: string][] {
  const pairs: [string, string][] = []
  for (let at = 0; at < raw.length; at += 2) pairs.push([raw[at]!, raw[at + 1]!])
  return pairs
}
