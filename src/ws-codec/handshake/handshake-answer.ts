/** The server's side of the opening handshake, as far as it is written (RFC 6455 §4.2.2, and its drafts). */

import { WebSocketError, WebSocketErrorCode } from '../errors.ts'
import { encodeBase64 } from './base64.ts'
import { respond } from './challenge.ts'
import { type Field, hostLines, line } from './field-lines.ts'
import { type AcceptedHandshake, protocolField } from './handshake.ts'
import { md5 as pureMd5 } from './md5.ts'
import { sha1 as pureSha1 } from './sha1.ts'

/** §1.3 */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** What the answer to a handshake chooses and says besides. */
export interface AcceptOptions {
  /** The subprotocol to speak, one of those offered. Default: none. */
  readonly protocol?: string
  /** The extensions to use, as Sec-WebSocket-Extensions tells them; of those offered, which 7, 8 and 13 do. Default: none. */
  readonly extensions?: string
  /** Further fields of the answer, Latin-1. */
  readonly fields?: readonly Field[]
  /** Whether the client speaks TLS: hixie and hybi-03 are told their `wss:` location. Default: false. */
  readonly encrypted?: boolean
}

/**
 * The answer that switches to WebSocket (RFC 6455 §4.2.2): the whole 101 head, a character a byte. Where the handshake has
 * `challengeBytes`, the head goes out at once, since some intermediaries hold the bytes back until they have seen it, and
 * what `answerChallenge` makes of the bytes follows.
 *
 * @param sha1 the host's SHA-1, if it has a faster one
 * @throws {WebSocketError} ERR_WS_PROTOCOL_NOT_OFFERED; ERR_WS_EXTENSION_NOT_OFFERED when there are extensions to use, and
 *   none was offered; ERR_WS_FIELD when a field is not a token and a value without control characters, or is one that
 *   this answer sets itself or must not have
 * @example
 * import { acceptHandshake, readHandshake } from 'portmanteau/ws-codec'
 *
 * const handshake = readHandshake(head) // a request head, as `RequestHead` of portmanteau/http reads it
 * if (handshake.accepted) acceptHandshake(handshake, { fields: [['X-Served-By', 'a']] }) // 'HTTP/1.1 101 …'
 */
export function acceptHandshake(
  handshake: AcceptedHandshake,
  options: AcceptOptions = {},
  sha1: (bytes: Uint8Array) => Uint8Array = pureSha1,
): string {
  const { protocol, extensions, fields = [] } = options
  if (protocol !== undefined && !handshake.protocols.includes(protocol)) {
    const message = `Cannot accept the WebSocket: the subprotocol ${protocol} was not offered`
    throw new WebSocketError(WebSocketErrorCode.protocolNotOffered, message)
  }
  if (extensions !== undefined && handshake.extensions === undefined) {
    const message = `Cannot accept the WebSocket: the extension ${extensions} was not offered`
    throw new WebSocketError(WebSocketErrorCode.extensionNotOffered, message)
  }
  return (
    (handshake.key === '' ? oldHead(handshake, options.encrypted === true) : head(handshake.key, sha1)) +
    line(protocolField(handshake.version), protocol) +
    line('Sec-WebSocket-Extensions', extensions) +
    `${hostLines(fields)}\r\n`
  )
}

function head(key: string, sha1: (bytes: Uint8Array) => Uint8Array): string {
  return (
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    line('Sec-WebSocket-Accept', acceptKey(key, sha1))
  )
}

/** The clients of hixie-75 compare the first lines byte for byte (§3.1 of that draft). */
function oldHead({ version, origin, resource }: AcceptedHandshake, encrypted: boolean): string {
  const prefix = version === 'hixie-75' ? '' : 'Sec-'
  const reason = version === 'hixie-75' ? 'Web Socket Protocol Handshake' : 'WebSocket Protocol Handshake'
  return (
    `HTTP/1.1 101 ${reason}\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n` +
    line(`${prefix}WebSocket-Origin`, origin) +
    line(`${prefix}WebSocket-Location`, locationOf(resource, encrypted))
  )
}

/** Where the client is, as it is told by hixie and hybi-03. */
export function locationOf(resource: string, encrypted: boolean): string {
  return `${encrypted ? 'wss' : 'ws'}://${resource}`
}

/**
 * The 16 bytes that follow the head of the answer in hixie-76 and hybi-03.
 *
 * @param challenge the eight bytes behind the head of the request
 * @param md5 the host's MD5, if it has a faster one
 * @throws {WebSocketError} ERR_WS_OPTION when the challenge has another length
 * @example
 * import { answerChallenge } from 'portmanteau/ws-codec'
 *
 * if (handshake.challengeBytes === 8) write(answerChallenge(handshake, chunk.subarray(pos, pos + 8)))
 */
export function answerChallenge(
  handshake: AcceptedHandshake,
  challenge: Uint8Array,
  md5: (bytes: Uint8Array) => Uint8Array = pureMd5,
): Uint8Array {
  return respond(handshake.numbers[0], handshake.numbers[1], challenge, md5)
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
