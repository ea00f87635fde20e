/**
 * Which session a request speaks of, and what it wants of it: read from its method and path alone.
 *
 *     /resource/transport                          GET   opens a session; what follows may be empty: /, //, //time
 *     /resource/transport/id[/time]                GET   polls, or takes up a stream again
 *     /resource/transport/id/send                  POST  sends
 *     /resource/jsonp-polling/[id]/[time]/index    GET   opens or polls; POST sends; `send` may go before the time
 *     /resource/websocket[/id]                     GET   opens, or takes up again, by an upgrade
 *
 * The times are what clients put there against caches; they mean nothing. A path outside the resource, and one with
 * another word than a transport's behind it, is the application's: its socket.io.js lies there.
 */
import type { Field } from '../http/index.ts'
import { SessionError, type SessionErrorCode } from './errors.ts'
import { TRANSPORT_NAMES, type Transport, type TransportName, transportOf } from './transports.ts'

/** What a request wants. */
export const RequestKind = {
  /** A new session: the answer, or the stream, begins with its id. */
  open: 'open',
  /** The next batch of a polling session. */
  poll: 'poll',
  /** A stream of a session that has lost its own. */
  stream: 'stream',
  /** The body holds messages. */
  send: 'send',
  /** OPTIONS, before a request of another origin: no session is touched. */
  preflight: 'preflight',
} as const
export type RequestKind = (typeof RequestKind)[keyof typeof RequestKind]

/** A request of a session. */
export interface SessionRequest {
  readonly accepted: true
  readonly kind: RequestKind
  readonly transport: Transport
  /** '' for one that is to be opened. */
  readonly sessionId: string
  /** The callback that the page waits with; -1 where none is named. */
  readonly jsonpIndex: number
}

/** What to answer with instead. */
export interface RefusedSessionRequest {
  readonly accepted: false
  readonly status: number
  readonly code: SessionErrorCode
  readonly message: string
  readonly fields: readonly Field[]
}

/** What of the paths is the host's to choose. */
export interface RequestOptions {
  /** The first segments of the path. Default `socket.io`. */
  readonly resource?: string
  /** The transports that are served. Default: all. */
  readonly transports?: readonly TransportName[]
}

const MAX_ID = 64
const MAX_TIME = 20
const MAX_INDEX = 6
const SEND = 'send'

/**
 * Reads where a request leads. Never throws.
 *
 * @param path the target's path; a query is ignored
 * @returns the request; or the refusal: 400, 404 for a transport that is not served, 405 with `Allow`; or null
 *   if the path is the application's
 * @example
 * import { readSessionRequest } from 'portmanteau/sessions'
 *
 * const request = readSessionRequest('POST', '/socket.io/xhr-polling/Zm9v/send')
 * if (request?.accepted) [request.kind, request.sessionId] // ['send', 'Zm9v']
 */
export function readSessionRequest(
  method: string,
  path: string,
  options: RequestOptions = {},
): SessionRequest | RefusedSessionRequest | null {
  const base = `/${options.resource ?? 'socket.io'}/`
  const query = path.indexOf('?')
  const whole = query < 0 ? path : path.slice(0, query)
  if (!whole.startsWith(base)) return null
  const segments = whole.slice(base.length).split('/')
  const transport = transportOf(segments[0]!)
  if (transport === undefined) return null
  if (!(options.transports ?? TRANSPORT_NAMES).includes(transport.name))
    return refusal('ERR_SESSION_TRANSPORT_DISABLED', `the transport ${transport.name} is not served`)
  const sessionId = segments[1] ?? ''
  if (sessionId !== '' && !isSessionId(sessionId))
    return refusal('ERR_SESSION_ID_INVALID', 'its session id is none')
  return readKind(method, transport, sessionId, segments.slice(2))
}

/** Whether the text can be the id of a session: 1 to 64 of `[A-Za-z0-9_-]`. */
export function isSessionId(text: string): boolean {
  return text.length <= MAX_ID && /^[A-Za-z0-9_-]+$/.test(text)
}

/**
 * Makes an id of random bytes, in base64url (RFC 4648 §5).
 *
 * @param random 16 to 48 bytes of a source that nobody can guess
 * @throws {SessionError} `ERR_SESSION_OPTION` if there are fewer, or more
 */
export function sessionIdOf(random: Uint8Array): string {
  if (random.length < 16 || random.length > 48)
    throw new SessionError(
      'ERR_SESSION_OPTION',
      `Cannot make a session id: ${random.length} bytes are not 16 to 48`,
    )
  let id = ''
  let bits = 0
  let value = 0
  for (const byte of random) {
    value = (value << 8) | byte
    for (bits += 8; bits >= 6; bits -= 6) id += BASE64URL[(value >>> (bits - 6)) & 0x3f]
    value &= 0xff
  }
  return bits === 0 ? id : id + BASE64URL[(value << (6 - bits)) & 0x3f]
}

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

function readKind(
  method: string,
  transport: Transport,
  sessionId: string,
  rest: string[],
): SessionRequest | RefusedSessionRequest {
  const { body, crossOrigin } = transport
  if (method === 'GET') return readGet(transport, sessionId, rest)
  if (method === 'POST' && body !== 'frames') return readPost(transport, sessionId, rest)
  if (method === 'OPTIONS' && crossOrigin) return request(RequestKind.preflight, transport, sessionId, -1)
  const allowed = body === 'frames' ? 'GET' : crossOrigin ? 'GET, POST, OPTIONS' : 'GET, POST'
  return refusal('ERR_SESSION_METHOD', `its method is none of ${allowed}`, [['Allow', allowed]])
}

function readGet(
  transport: Transport,
  sessionId: string,
  rest: string[],
): SessionRequest | RefusedSessionRequest {
  const { name, polling, body } = transport
  const kind = sessionId === '' ? RequestKind.open : polling ? RequestKind.poll : RequestKind.stream
  if (name === 'jsonp-polling') return readIndexed(kind, transport, sessionId, rest)
  const most = body === 'frames' ? 0 : 1
  if (rest.length > most || !isTime(rest[0] ?? '')) return invalidPath('nothing is known behind its session')
  return request(kind, transport, sessionId, -1)
}

function readPost(
  transport: Transport,
  sessionId: string,
  rest: string[],
): SessionRequest | RefusedSessionRequest {
  if (sessionId === '') return invalidPath('it sends to no session')
  const sends = rest[0] === SEND
  if (sends && rest.length === 1) return request(RequestKind.send, transport, sessionId, -1)
  if (transport.name !== 'jsonp-polling') return invalidPath('it is not the path to send to')
  return readIndexed(RequestKind.send, transport, sessionId, sends ? rest.slice(1) : rest)
}

/** A time, which may be empty, and the index of the callback. */
function readIndexed(
  kind: RequestKind,
  transport: Transport,
  sessionId: string,
  rest: string[],
): SessionRequest | RefusedSessionRequest {
  const index = rest[1] ?? ''
  if (rest.length !== 2 || !isTime(rest[0]!) || !isIndex(index))
    return invalidPath('it has no time and index of a callback')
  return request(kind, transport, sessionId, Number(index))
}

function isTime(text: string): boolean {
  return text.length <= MAX_TIME && isDigits(text)
}

/** Written into script, where a leading zero would mean octal. */
function isIndex(text: string): boolean {
  return text !== '' && text.length <= MAX_INDEX && isDigits(text) && (text === '0' || text[0] !== '0')
}

function isDigits(text: string): boolean {
  return /^[0-9]*$/.test(text)
}

function request(
  kind: RequestKind,
  transport: Transport,
  sessionId: string,
  jsonpIndex: number,
): SessionRequest {
  return { accepted: true, kind, transport, sessionId, jsonpIndex }
}

function invalidPath(reason: string): RefusedSessionRequest {
  return refusal('ERR_SESSION_PATH_INVALID', reason)
}

function refusal(
  code: SessionErrorCode,
  reason: string,
  fields: readonly Field[] = [],
): RefusedSessionRequest {
  return refusedBy(new SessionError(code, `Cannot serve the request: ${reason}`), fields)
}

/** The answer that an error leads to. */
export function refusedBy(error: SessionError, fields: readonly Field[] = []): RefusedSessionRequest {
  return { accepted: false, status: error.status, code: error.code, message: error.message, fields }
}
