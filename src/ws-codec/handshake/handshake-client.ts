/** The client's side of the opening handshake (RFC 6455 §4.1, and its drafts): a request out, the server's answer in. */

import { WebSocketError, WebSocketErrorCode } from '../errors.ts'
import type { Version } from '../versions.ts'
import { encodeBase64 } from './base64.ts'
import { CHALLENGE_RANDOM, makeChallenge, RESPONSE_BYTES } from './challenge.ts'
import { type Field, hostLines, line } from './field-lines.ts'
import { protocolField } from './handshake.ts'
import { acceptKey, locationOf } from './handshake-answer.ts'
import { ExtensionListReader } from './permessage-deflate-list.ts'
import { isToken, listHas } from './token-list.ts'

/** What a client asks for. */
export interface HandshakeRequest {
  readonly version: Version
  /** The server's host, with its port where that is not the default one. */
  readonly host: string
  /** Path and query, as they go out. */
  readonly path: string
  readonly origin?: string
  /** Subprotocols, in the order of preference. */
  readonly protocols?: readonly string[]
  /** Extensions to offer, as Sec-WebSocket-Extensions tells them; versions without extensions offer none. */
  readonly extensions?: string
  /** Further fields of the request, Latin-1. */
  readonly fields?: readonly Field[]
  /** Random bytes, `nonceBytes(version)` of them, that nobody can foretell. */
  readonly nonce: Uint8Array
  /** Whether the server speaks TLS. Default: false. */
  readonly encrypted?: boolean
}

/** What the answer must say. */
export interface ExpectedAnswer {
  readonly version: Version
  /** Sec-WebSocket-Accept; '' in versions without. */
  readonly accept: string
  /** The 16 bytes behind the answer; none in versions without. */
  readonly response: Uint8Array
  readonly origin: string | undefined
  readonly location: string
  readonly protocols: readonly string[]
  readonly extensions: string | undefined
}

/** A request as it goes out, and what must answer it. */
export interface OpeningRequest {
  /** The whole head, a character a byte. */
  readonly head: string
  /** The bytes behind it: eight, or none. */
  readonly body: Uint8Array
  readonly expected: ExpectedAnswer
}

const NONCE_BYTES = 16
const EMPTY = new Uint8Array(0)
const SPACE = 0x20
const LAST_PRINTABLE = 0x7e

/**
 * How many random bytes a handshake takes: 16 in 7, 8 and 13 (RFC 6455 §4.1), 0 in hixie-75, which has no key.
 *
 * @example
 * nonceBytes('13') // 16
 */
export function nonceBytes(version: Version): number {
  if (isNumbered(version)) return NONCE_BYTES
  return version === 'hixie-75' ? 0 : CHALLENGE_RANDOM
}

function isNumbered(version: Version): boolean {
  return version === '13' || version === '8' || version === '7'
}

/**
 * A client's opening handshake.
 *
 * @throws {WebSocketError} ERR_WS_OPTION when host or path cannot be sent, or the nonce has another length;
 *   ERR_WS_PROTOCOLS when the subprotocols are not different tokens; ERR_WS_FIELD when a field cannot be sent, or is one
 *   that the handshake sets itself
 * @example
 * import { requestHandshake } from 'portmanteau/ws-codec'
 *
 * const nonce = Uint8Array.from('the sample nonce', (character) => character.charCodeAt(0))
 * requestHandshake({ version: '13', host: 'server.example.com', path: '/chat', nonce }).expected.accept
 * // 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='
 */
export function requestHandshake(request: HandshakeRequest): OpeningRequest {
  check(request)
  const { version, host, path, fields = [] } = request
  const start = `GET ${path} HTTP/1.1\r\n`
  const rest = `${hostLines(fields)}\r\n`
  const location = locationOf(host + path, request.encrypted === true)
  if (isNumbered(version)) return numberedRequest(request, start, rest, location)
  const expected = { ...expectationOf(request, location), extensions: undefined }
  const head =
    `${start}Upgrade: WebSocket\r\nConnection: Upgrade\r\n` +
    line('Host', host) +
    line('Origin', request.origin) +
    line(protocolField(version), listOf(request.protocols, ' '))
  if (version === 'hixie-75') return { head: head + rest, body: EMPTY, expected }
  const { key1, key2, body, response } = makeChallenge(request.nonce)
  const draft = version === 'hybi-03' ? line('Sec-WebSocket-Draft', '3') : ''
  const keys = line('Sec-WebSocket-Key1', key1) + line('Sec-WebSocket-Key2', key2)
  return { head: head + keys + draft + rest, body, expected: { ...expected, response } }
}

function numberedRequest(
  request: HandshakeRequest,
  start: string,
  rest: string,
  location: string,
): OpeningRequest {
  const { version, host, origin, protocols, extensions } = request
  const key = encodeBase64(request.nonce)
  const head =
    start +
    line('Host', host) +
    'Upgrade: websocket\r\nConnection: Upgrade\r\n' +
    line('Sec-WebSocket-Key', key) +
    line('Sec-WebSocket-Version', version) +
    line(version === '13' ? 'Origin' : 'Sec-WebSocket-Origin', origin) +
    line(protocolField(version), listOf(protocols, ', ')) +
    line('Sec-WebSocket-Extensions', extensions)
  const expected = { ...expectationOf(request, location), accept: acceptKey(key) }
  return { head: head + rest, body: EMPTY, expected }
}

function expectationOf(request: HandshakeRequest, location: string): ExpectedAnswer {
  const { version, origin, protocols = [], extensions } = request
  return { version, accept: '', response: EMPTY, origin, location, protocols, extensions }
}

function listOf(elements: readonly string[] | undefined, separator: string): string | undefined {
  return elements === undefined || elements.length === 0 ? undefined : elements.join(separator)
}

function check({ version, host, path, nonce, protocols = [] }: HandshakeRequest): void {
  const length = nonceBytes(version)
  if (nonce.length !== length) throw wrongOption(`the nonce has ${nonce.length} bytes, and not ${length}`)
  if (!isPrintable(host) || host.includes('/')) throw wrongOption(`the host is ${JSON.stringify(host)}`)
  if (!isPrintable(path) || !path.startsWith('/')) throw wrongOption(`the path is ${JSON.stringify(path)}`)
  if (!protocols.every(isToken) || new Set(protocols).size !== protocols.length) {
    const message = 'Cannot ask for the WebSocket: the subprotocols are not different tokens'
    throw new WebSocketError(WebSocketErrorCode.protocols, message)
  }
}

function wrongOption(fault: string): WebSocketError {
  return new WebSocketError(WebSocketErrorCode.option, `Cannot ask for the WebSocket: ${fault}`)
}

/** Printable ASCII without spaces, of which there is some. */
function isPrintable(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    if (text.charCodeAt(at) <= SPACE || text.charCodeAt(at) > LAST_PRINTABLE) return false
  }
  return text.length > 0
}

/** What is needed of the head of an answer. Names of fields are in lower case. */
export interface UpgradeAnswer {
  readonly status: number
  /** The value of a field, without the white space around it; the values of a repeated one joined by commas. */
  field(name: string): string | undefined
  /** How often a field was sent. */
  count(name: string): number
}

/** An answer that switches to WebSocket. */
export interface AcceptedAnswer {
  readonly accepted: true
  /** The subprotocol that the server chose. */
  readonly protocol: string | undefined
  /** The extensions to use, as sent: of those offered, but their parameters are not checked. */
  readonly extensions: string | undefined
  /** Bytes that follow the head, before the first frame: `provesServer` checks them. */
  readonly challengeBytes: 0 | 16
}

/** Why an answer is none. */
export interface RefusedAnswer {
  readonly accepted: false
  readonly code: WebSocketErrorCode
  readonly message: string
}

/**
 * Reads the head of a server's answer (RFC 6455 §4.1, "the client MUST validate the server's response"). Never throws.
 *
 * @param expected what `requestHandshake` has returned
 * @example
 * import { AnswerHeadReader } from 'portmanteau/http'
 * import { readAnswer, requestHandshake } from 'portmanteau/ws-codec'
 *
 * const { head, expected } = requestHandshake({ version: '13', host: 'a.example', path: '/', nonce })
 * const reader = new AnswerHeadReader()
 * const pos = reader.push(chunk, 0, chunk.length)
 * if (reader.complete && readAnswer(expected, reader).accepted) decoder.push(chunk, pos, chunk.length)
 */
export function readAnswer(expected: ExpectedAnswer, answer: UpgradeAnswer): AcceptedAnswer | RefusedAnswer {
  if (answer.status !== 101) return refused(WebSocketErrorCode.status, `its status is ${answer.status}`)
  if (answer.field('upgrade')?.toLowerCase() !== 'websocket') {
    return refused(WebSocketErrorCode.upgrade, 'Upgrade is not websocket')
  }
  if (!listHas(answer.field('connection'), 'upgrade')) {
    return refused(WebSocketErrorCode.connection, 'Connection does not name upgrade')
  }
  return refuseProof(expected, answer) ?? readChoices(expected, answer)
}

function refuseProof(expected: ExpectedAnswer, answer: UpgradeAnswer): RefusedAnswer | undefined {
  if (!isNumbered(expected.version)) return refuseEcho(expected, answer)
  if (
    answer.count('sec-websocket-accept') === 1 &&
    answer.field('sec-websocket-accept') === expected.accept
  ) {
    return undefined
  }
  return refused(WebSocketErrorCode.accept, 'Sec-WebSocket-Accept does not answer the key')
}

/** draft-hixie-thewebsocketprotocol-75 §3.1 and -76 §4.1: location and origin must be those that were asked for. */
function refuseEcho(expected: ExpectedAnswer, answer: UpgradeAnswer): RefusedAnswer | undefined {
  const prefix = expected.version === 'hixie-75' ? '' : 'sec-'
  if (answer.field(`${prefix}websocket-location`) !== expected.location) {
    return refused(WebSocketErrorCode.echo, 'WebSocket-Location is not the one that was asked for')
  }
  const { origin } = expected
  if (origin !== undefined && answer.field(`${prefix}websocket-origin`) !== origin) {
    return refused(WebSocketErrorCode.echo, 'WebSocket-Origin is not the one that asked')
  }
  return undefined
}

function readChoices(expected: ExpectedAnswer, answer: UpgradeAnswer): AcceptedAnswer | RefusedAnswer {
  const name = protocolField(expected.version)
  const protocol = answer.field(name.toLowerCase())
  if (protocol !== undefined && !expected.protocols.includes(protocol)) {
    return refused(WebSocketErrorCode.protocolNotOffered, `${name} was not offered`)
  }
  const extensions = answer.field('sec-websocket-extensions')
  if (extensions !== undefined && !areOffered(extensions, expected.extensions)) {
    return refused(WebSocketErrorCode.extensionNotOffered, 'Sec-WebSocket-Extensions was not offered')
  }
  const challengeBytes = expected.response.length === 0 ? 0 : RESPONSE_BYTES
  return { accepted: true, protocol, extensions, challengeBytes }
}

function areOffered(extensions: string, offer: string | undefined): boolean {
  const chosen = extensionNames(extensions)
  const offered = offer === undefined ? [] : extensionNames(offer)
  if (chosen === undefined || offered === undefined) return false
  return chosen.every((name) => offered.includes(name))
}

/** The names of a list of extensions (RFC 6455 §9.1), or undefined when it is none. */
function extensionNames(list: string): string[] | undefined {
  const names: string[] = []
  const reader = new ExtensionListReader(list)
  while (reader.nextExtension()) {
    names.push(reader.name)
    while (reader.nextParameter());
  }
  return reader.malformed ? undefined : names
}

/**
 * Whether the 16 bytes behind the answer's head are those that hixie-76 and hybi-03 expect; if not, the connection fails
 * with ERR_WS_ACCEPT.
 *
 * @example
 * import { provesServer } from 'portmanteau/ws-codec'
 *
 * if (!provesServer(expected, chunk.subarray(pos, pos + 16))) socket.destroy()
 */
export function provesServer(expected: ExpectedAnswer, response: Uint8Array): boolean {
  const { length } = expected.response
  return response.length === length && expected.response.every((byte, index) => byte === response[index])
}

function refused(code: WebSocketErrorCode, fault: string): RefusedAnswer {
  return { accepted: false, code, message: `Cannot take the answer: ${fault}` }
}
