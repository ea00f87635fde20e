/** Field lines of the heads that handshakes send (RFC 9112 §5): nothing that could break out of one goes out. */
import { WebSocketError, WebSocketErrorCode } from '../errors.ts'
import { isToken } from './token-list.ts'

/** Name and value of a field. */
export type Field = readonly [name: string, value: string]

/** Fields that handshakes set themselves, or must not have (RFC 9110 §8.6, RFC 9112 §6.1). */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  'host',
  'connection',
  'upgrade',
  'content-length',
  'transfer-encoding',
  'sec-websocket-accept',
  'sec-websocket-draft',
  'sec-websocket-extensions',
  'sec-websocket-key',
  'sec-websocket-key1',
  'sec-websocket-key2',
  'sec-websocket-location',
  'sec-websocket-origin',
  'sec-websocket-protocol',
  'sec-websocket-version',
  'websocket-location',
  'websocket-origin',
  'websocket-protocol',
])

/**
 * Field lines that the host adds.
 *
 * @throws {WebSocketError} ERR_WS_FIELD
 */
export function hostLines(fields: readonly Field[]): string {
  let lines = ''
  for (const [name, value] of fields) {
    if (!isToken(name) || OWN_FIELDS.has(name.toLowerCase())) throw unsendable(name)
    lines += line(name, value)
  }
  return lines
}

/** One field line, or none when there is no value. */
export function line(name: string, value: string | undefined): string {
  if (value === undefined) return ''
  if (!isFieldValue(value)) throw unsendable(name)
  return `${name}: ${value}\r\n`
}

function unsendable(name: string): WebSocketError {
  const message = `Cannot write the handshake: the field ${JSON.stringify(name)} cannot be sent`
  return new WebSocketError(WebSocketErrorCode.field, message)
}

/** RFC 9110 §5.5, Latin-1: no control characters but HTAB. */
function isFieldValue(value: string): boolean {
  for (let at = 0; at < value.length; at++) {
    const character = value.charCodeAt(at)
    if ((character < 0x20 && character !== 0x09) || character === 0x7f || character > 0xff) return false
  }
  return true
}
