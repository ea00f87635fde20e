/**
 * The server's side of the opening handshake (RFC 6455 §4.2): a request head in; a handshake, or the refusal
 * to answer with, out. Whether the origin is welcome is the host's business (§10.2).
 */
import { base64Length, encodeBase64 } from './base64.ts'
import { WebSocketError, WebSocketErrorCode } from './errors.ts'
import { sha1 as pureSha1 } from './sha1.ts'
import { isToken, listHas, tokenList } from './token-list.ts'

/** What a handshake needs of a request head. Names of fields are in lower case. */
export interface UpgradeRequest {
  readonly method: string
  /** The x of HTTP/1.x. */
  readonly versionMinor: number
  /** How the body is framed; 0: there is none. */
  readonly framing: number
  /** The value of a field, without the white space around it; the values of a repeated one joined by commas. */
  field(name: string): string | undefined
  /** How often a field was sent. */
  count(name: string): number
}

export interface AcceptedHandshake {
  readonly accepted: true
  readonly version: number
  readonly key: string
  /** The subprotocols that the client offers, in its order of preference. */
  readonly protocols: readonly string[]
  /** The extensions that it offers, as sent. */
  readonly extensions: string | undefined
  readonly origin: string | undefined
}

/** What to answer with instead. */
export interface RefusedHandshake {
  readonly accepted: false
  readonly status: number
  readonly code: WebSocketErrorCode
  readonly message: string
  readonly fields: readonly (readonly [name: string, value: string])[]
}

export type Handshake = AcceptedHandshake | RefusedHandshake

/** What the versions of the protocol differ in, as far as the handshake goes; the preferred one first. */
interface Version {
  readonly number: number
  /** The field that carries the origin. */
  readonly origin: string
}

const VERSIONS: readonly Version[] = [{ number: 13, origin: 'origin' }]

/** Exact match only (§4.1 has no leading zeros): a Map, since the peer chooses the name. */
const VERSION_BY_NAME: ReadonlyMap<string, Version> = new Map(
  VERSIONS.map((version) => [String(version.number), version]),
)
const VERSION_LIST = VERSIONS.map((version) => version.number).join(', ')

/** §4.2.1: the key stands for 16 bytes. */
const KEY_BYTES = 16
/** §1.3 */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/**
 * Reads a client's opening handshake (RFC 6455 §4.2.1). Never throws.
 *
 * @returns the handshake, or the refusal: 400, 405 with `Allow`, or 426 with `Sec-WebSocket-Version`
 * @example
 * import { acceptHandshake, readHandshake } from 'portmanteau/ws-codec'
 *
 * const fields = new Map([
 *   ['upgrade', 'websocket'],
 *   ['connection', 'keep-alive, Upgrade'],
 *   ['sec-websocket-version', '13'],
 *   ['sec-websocket-key', 'dGhlIHNhbXBsZSBub25jZQ=='],
 * ])
 * const handshake = readHandshake({
 *   method: 'GET',
 *   versionMinor: 1,
 *   framing: 0,
 *   field: (name) => fields.get(name),
 *   count: (name) => (fields.has(name) ? 1 : 0),
 * })
 * if (handshake.accepted) acceptHandshake(handshake) // 'HTTP/1.1 101 Switching Protocols\r\n…'
 */
export function readHandshake(request: UpgradeRequest): Handshake {
  return refuseRequest(request) ?? readFields(request)
}

/** What makes it no upgrade to WebSocket at all. */
function refuseRequest(request: UpgradeRequest): RefusedHandshake | undefined {
  const { method } = request
  if (method !== 'GET') {
    return refusal(405, WebSocketErrorCode.method, `the method is ${method}`, [['Allow', 'GET']])
  }
  if (request.versionMinor < 1) return badRequest(WebSocketErrorCode.httpVersion, 'it is HTTP/1.0')
  if (request.framing !== 0) return badRequest(WebSocketErrorCode.body, 'it has a body')
  if (!listHas(request.field('upgrade'), 'websocket')) {
    return badRequest(WebSocketErrorCode.upgrade, 'Upgrade does not name websocket')
  }
  if (!listHas(request.field('connection'), 'upgrade')) {
    return badRequest(WebSocketErrorCode.connection, 'Connection does not name upgrade')
  }
  return undefined
}

function readFields(request: UpgradeRequest): Handshake {
  const version = VERSION_BY_NAME.get(request.field('sec-websocket-version') ?? '')
  if (version === undefined) return unknownVersion()
  const key = request.field('sec-websocket-key')
  if (key === undefined || request.count('sec-websocket-key') !== 1) {
    return badRequest(WebSocketErrorCode.key, 'Sec-WebSocket-Key is not there exactly once')
  }
  if (base64Length(key) !== KEY_BYTES) {
    return badRequest(WebSocketErrorCode.key, 'Sec-WebSocket-Key is not 16 bytes in base 64')
  }
  const protocols = readProtocols(request.field('sec-websocket-protocol'))
  if (protocols === undefined) {
    const fault = 'Sec-WebSocket-Protocol is not a list of different tokens'
    return badRequest(WebSocketErrorCode.protocols, fault)
  }
  return {
    accepted: true,
    version: version.number,
    key,
    protocols,
    extensions: request.field('sec-websocket-extensions'),
    origin: request.field(version.origin),
  }
}

/** §4.1: tokens, each only once; undefined: they are not. */
function readProtocols(field: string | undefined): readonly string[] | undefined {
  if (field === undefined) return []
  const protocols = tokenList(field)
  if (protocols === undefined || protocols.length === 0) return undefined
  return new Set(protocols).size === protocols.length ? protocols : undefined
}

/** §4.4; RFC 9110 §15.5.22 demands the Upgrade field. */
function unknownVersion(): RefusedHandshake {
  return refusal(426, WebSocketErrorCode.version, 'Sec-WebSocket-Version is not a supported one', [
    ['Upgrade', 'websocket'],
    ['Sec-WebSocket-Version', VERSION_LIST],
  ])
}

function badRequest(code: WebSocketErrorCode, fault: string): RefusedHandshake {
  return refusal(400, code, fault, [])
}

function refusal(
  status: number,
  code: WebSocketErrorCode,
  fault: string,
  fields: RefusedHandshake['fields'],
): RefusedHandshake {
  return { accepted: false, status, code, message: `Cannot accept the WebSocket: ${fault}`, fields }
}

export interface AcceptOptions {
  /** The subprotocol to speak, one of those offered. Default: none. */
  readonly protocol?: string
  /** Further fields of the answer, Latin-1. */
  readonly fields?: readonly (readonly [name: string, value: string])[]
}

/**
 * The answer that switches to WebSocket (RFC 6455 §4.2.2): the whole 101 head, a character a byte.
 *
 * @param sha1 the host's SHA-1, if it has a faster one
 * @throws {WebSocketError} ERR_WS_PROTOCOL_NOT_OFFERED; ERR_WS_FIELD when a field is not a token and a value without
 *   control characters, or is one that this answer sets itself or must not have
 */
export function acceptHandshake(
  handshake: AcceptedHandshake,
  options: AcceptOptions = {},
  sha1: (bytes: Uint8Array) => Uint8Array = pureSha1,
): string {
  const { protocol, fields = [] } = options
  if (protocol !== undefined && !handshake.protocols.includes(protocol)) {
    const message = `Cannot accept the WebSocket: the subprotocol ${protocol} was not offered`
    throw new WebSocketError(WebSocketErrorCode.protocolNotOffered, message)
  }
  let head =
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${acceptKey(handshake.key, sha1)}\r\n`
  if (protocol !== undefined) head += `Sec-WebSocket-Protocol: ${protocol}\r\n`
  for (const [name, value] of fields) head += fieldLine(name, value)
  return `${head}\r\n`
}

/**
 * The value of Sec-WebSocket-Accept that answers a key (RFC 6455 §4.2.2 item 5.4).
 *
 * @example
 * acceptKey('dGhlIHNhbXBsZSBub25jZQ==') // 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='
 */
export function acceptKey(key: string, sha1: (bytes: Uint8Array) => Uint8Array = pureSha1): string {
  return encodeBase64(sha1(Uint8Array.from(key + GUID, (character) => character.charCodeAt(0))))
}

/** Fields that the 101 sets itself, or must not have (RFC 9110 §8.6, RFC 9112 §6.1). */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'upgrade',
  'content-length',
  'transfer-encoding',
  'sec-websocket-accept',
  'sec-websocket-extensions',
  'sec-websocket-protocol',
])

function fieldLine(name: string, value: string): string {
  if (!isToken(name) || !isFieldValue(value) || OWN_FIELDS.has(name.toLowerCase())) {
    const message = `Cannot accept the WebSocket: the field ${JSON.stringify(name)} cannot be sent`
    throw new WebSocketError(WebSocketErrorCode.field, message)
  }
  return `${name}: ${value}\r\n`
}

/** RFC 9110 §5.5, Latin-1: no control characters but HTAB. */
function isFieldValue(value: string): boolean {
  for (let at = 0; at < value.length; at++) {
    const character = value.charCodeAt(at)
    if ((character < 0x20 && character !== 0x09) || character === 0x7f || character > 0xff) return false
  }
  return true
}
