/**
 * The server's side of the opening handshake, as far as it is read (RFC 6455 §4.2, and its drafts): a request head in; a
 * handshake, or the refusal to answer with, out. Whether the origin is welcome is the host's business (§10.2).
 *
 * The version is told by the head alone: by Sec-WebSocket-Version where it is; else by Sec-WebSocket-Draft, which is 3 in
 * hybi-03; else by Sec-WebSocket-Key1 and -Key2, which hixie-76 has; a request without any Sec-WebSocket field
 * is hixie-75's.
 */

import { WebSocketErrorCode } from '../errors.ts'
import { VERSIONS, type Version } from '../versions.ts'
import { base64Length } from './base64.ts'
import { CHALLENGE_BYTES, keyNumber } from './challenge.ts'
import type { Field } from './field-lines.ts'
import { listHas, tokenList, wordList } from './token-list.ts'

/** What a handshake needs of a request head. Names of fields are in lower case. */
export interface UpgradeRequest {
  readonly method: string
  /** The request target. */
  readonly target: string
  /** The host that is asked for, with its port. */
  readonly host: string
  /** The x of HTTP/1.x. */
  readonly versionMinor: number
  /** How the body is framed; 0: there is none. */
  readonly framing: number
  /** Bytes that Content-Length announces. */
  readonly contentLength?: number
  /** The value of a field, without the white space around it; the values of a repeated one joined by commas. */
  field(name: string): string | undefined
  /** How often a field was sent. */
  count(name: string): number
}

/** A handshake that can be answered with 101. */
export interface AcceptedHandshake {
  readonly accepted: true
  readonly version: Version
  /** The subprotocols that the client offers, in its order of preference. */
  readonly protocols: readonly string[]
  /** The extensions that it offers, as sent; undefined in versions without. */
  readonly extensions: string | undefined
  readonly origin: string | undefined
  /** Bytes that follow the head, before the first frame: `answerChallenge` takes them. */
  readonly challengeBytes: 0 | 8
  /** The key of 7, 8 and 13; '' in other versions. */
  readonly key: string
  /** The numbers that the keys of hixie-76 and hybi-03 hide. */
  readonly numbers: readonly [number, number]
  /** Host and path, which hixie and hybi-03 are told again. */
  readonly resource: string
}

/** What to answer with instead. */
export interface RefusedHandshake {
  readonly accepted: false
  readonly status: number
  readonly code: WebSocketErrorCode
  readonly message: string
  readonly fields: readonly Field[]
}

/** What `readHandshake` makes of a request: `accepted` tells the two apart. */
export type Handshake = AcceptedHandshake | RefusedHandshake

/** What of a handshake is the host's to choose. */
export interface HandshakeOptions {
  /** The versions to accept. Default: all. */
  readonly versions?: readonly Version[]
}

/** Exact match only (§4.1 has no leading zeros): a Map, since the peer chooses the name. */
const NUMBERED: ReadonlyMap<string, Version> = new Map([
  ['13', '13'],
  ['8', '8'],
  ['7', '7'],
])
const DRAFT_OF_HYBI_03 = '3'

/** §4.2.1: the key stands for 16 bytes. */
const KEY_BYTES = 16

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
 *   target: '/chat',
 *   host: 'server.example.com',
 *   versionMinor: 1,
 *   framing: 0,
 *   field: (name) => fields.get(name),
 *   count: (name) => (fields.has(name) ? 1 : 0),
 * })
 * if (handshake.accepted) acceptHandshake(handshake) // 'HTTP/1.1 101 Switching Protocols\r\n…'
 */
export function readHandshake(request: UpgradeRequest, options: HandshakeOptions = {}): Handshake {
  const refused = refuseRequest(request)
  if (refused !== undefined) return refused
  const versions = options.versions ?? VERSIONS
  const version = versionOf(request)
  if (version === undefined || !versions.includes(version)) return unknownVersion(versions)
  if (request.framing !== 0 && !hasChallengeAsBody(request, version)) {
    return badRequest(WebSocketErrorCode.body, 'it has a body')
  }
  return readFields(request, version)
}

/** What makes it no upgrade to WebSocket at all. */
function refuseRequest(request: UpgradeRequest): RefusedHandshake | undefined {
  const { method } = request
  if (method !== 'GET') {
    return refusal(405, WebSocketErrorCode.method, `the method is ${method}`, [['Allow', 'GET']])
  }
  if (request.versionMinor < 1) return badRequest(WebSocketErrorCode.httpVersion, 'it is HTTP/1.0')
  if (!listHas(request.field('upgrade'), 'websocket')) {
    return badRequest(WebSocketErrorCode.upgrade, 'Upgrade does not name websocket')
  }
  if (!listHas(request.field('connection'), 'upgrade')) {
    return badRequest(WebSocketErrorCode.connection, 'Connection does not name upgrade')
  }
  return undefined
}

function versionOf(request: UpgradeRequest): Version | undefined {
  const number = request.field('sec-websocket-version')
  if (number !== undefined) return NUMBERED.get(number)
  const draft = request.field('sec-websocket-draft')
  if (draft !== undefined) return draft === DRAFT_OF_HYBI_03 ? 'hybi-03' : undefined
  if (has(request, 'sec-websocket-key1') || has(request, 'sec-websocket-key2')) return 'hixie-76'
  const later = ['sec-websocket-key', 'sec-websocket-protocol', 'sec-websocket-extensions']
  return later.some((name) => has(request, name)) ? undefined : 'hixie-75'
}

function has(request: UpgradeRequest, name: string): boolean {
  return request.field(name) !== undefined
}

/** Perl's Protocol::WebSocket announces the eight bytes by Content-Length, which the drafts do not. */
function hasChallengeAsBody(request: UpgradeRequest, version: Version): boolean {
  return isChallenged(version) && request.contentLength === CHALLENGE_BYTES
}

function isChallenged(version: Version): boolean {
  return version === 'hixie-76' || version === 'hybi-03'
}

function readFields(request: UpgradeRequest, version: Version): Handshake {
  const numbered = NUMBERED.has(version)
  const challenged = isChallenged(version)
  const key = numbered ? request.field('sec-websocket-key') : ''
  const fault = numbered ? faultOfKey(request, key) : challenged ? faultOfKeys(request) : undefined
  if (fault !== undefined) return badRequest(WebSocketErrorCode.key, fault)
  const protocols = readProtocols(request, version)
  if (protocols === undefined) {
    const list = `${protocolField(version)} is not a list of different tokens`
    return badRequest(WebSocketErrorCode.protocols, list)
  }
  return {
    accepted: true,
    version,
    protocols,
    extensions: numbered ? request.field('sec-websocket-extensions') : undefined,
    origin: readOrigin(request, version),
    challengeBytes: challenged ? CHALLENGE_BYTES : 0,
    key: key ?? '',
    numbers: challenged ? readNumbers(request) : [0, 0],
    resource: request.host + pathOf(request.target),
  }
}

function faultOfKey(request: UpgradeRequest, key: string | undefined): string | undefined {
  if (key === undefined || request.count('sec-websocket-key') !== 1) {
    return 'Sec-WebSocket-Key is not there exactly once'
  }
  const length = base64Length(key)
  // Clients of 7 and 8 that were shipped send keys of other lengths, such as a version and the time of day.
  if (length > 0 && request.field('sec-websocket-version') !== '13') return undefined
  return length === KEY_BYTES ? undefined : 'Sec-WebSocket-Key is not 16 bytes in base 64'
}

/** draft-hixie-thewebsocketprotocol-76 §5.2 */
function faultOfKeys(request: UpgradeRequest): string | undefined {
  if (request.count('sec-websocket-key1') !== 1 || request.count('sec-websocket-key2') !== 1) {
    return 'Sec-WebSocket-Key1 and -Key2 are not there exactly once'
  }
  const [number1, number2] = readNumbers(request)
  return number1 < 0 || number2 < 0 ? 'Sec-WebSocket-Key1 or -Key2 is no number over spaces' : undefined
}

function readNumbers(request: UpgradeRequest): readonly [number, number] {
  return [
    keyNumber(request.field('sec-websocket-key1') ?? ''),
    keyNumber(request.field('sec-websocket-key2') ?? ''),
  ]
}

/** The name of the field that offers and chooses subprotocols. */
export function protocolField(version: Version): string {
  return version === 'hixie-75' ? 'WebSocket-Protocol' : 'Sec-WebSocket-Protocol'
}

/**
 * RFC 6455 §4.1: tokens, each only once; undefined: they are not. The older drafts have words of any printable ASCII, with
 * spaces in between. Ruby's websocket offers them in hixie-76 and hybi-03 by the name that hixie-75 has for the field.
 */
function readProtocols(request: UpgradeRequest, version: Version): readonly string[] | undefined {
  const numbered = NUMBERED.has(version)
  let field = version === 'hixie-75' ? undefined : request.field('sec-websocket-protocol')
  if (!numbered) field ??= request.field('websocket-protocol')
  if (field === undefined) return []
  const protocols = numbered ? tokenList(field) : wordList(field)
  if (protocols === undefined || protocols.length === 0) return undefined
  return new Set(protocols).size === protocols.length ? protocols : undefined
}

/**
 * Drafts 7 and 8 name it Sec-WebSocket-Origin. Some of their clients that are no browsers send Origin all the same: it is
 * taken where the other is missing, so that it does not escape the check.
 */
function readOrigin(request: UpgradeRequest, version: Version): string | undefined {
  const origin = request.field('origin')
  return version === '8' || version === '7' ? (request.field('sec-websocket-origin') ?? origin) : origin
}

/** Path and query of a target, which may be in absolute form (RFC 9112 §3.2.2). */
function pathOf(target: string): string {
  if (target.startsWith('/')) return target
  const authority = target.indexOf('://')
  const path = authority < 0 ? -1 : target.indexOf('/', authority + 3)
  return path < 0 ? '/' : target.slice(path)
}

/** §4.4; RFC 9110 §15.5.22 demands the Upgrade field. Of the older versions none has a name to tell. */
function unknownVersion(versions: readonly Version[]): RefusedHandshake {
  const list = [...NUMBERED.keys()].filter((name) => versions.includes(name as Version)).join(', ')
  const fault = 'its version of the protocol is not supported'
  if (list === '') return badRequest(WebSocketErrorCode.version, fault)
  return refusal(426, WebSocketErrorCode.version, fault, [
    ['Upgrade', 'websocket'],
    ['Sec-WebSocket-Version', list],
  ])
}

function badRequest(code: WebSocketErrorCode, fault: string): RefusedHandshake {
  return refusal(400, code, fault, [])
}

function refusal(
  status: number,
  code: WebSocketErrorCode,
  fault: string,
  fields: readonly Field[],
): RefusedHandshake {
  return { accepted: false, status, code, message: `Cannot accept the WebSocket: ${fault}`, fields }
}
