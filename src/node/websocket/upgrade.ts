import type { Field, RequestHead } from '../../http/index.ts'
import { acceptHandshake, readHandshake } from '../../ws-codec/index.ts'
import type { Connection } from '../connection.ts'
import { WebSocketSession } from './session.ts'

/** Why an upgrade was refused: what to answer with. */
export interface Refusal {
  readonly status: number
  readonly code: string
  readonly message: string
  readonly fields: readonly Field[]
}

/**
 * Switches the connection to WebSocket, or returns the refusal to answer with. `leave` is called in between:
 * what the connection was to the application so far is over.
 */
export function acceptUpgrade(
  connection: Connection,
  head: RequestHead,
  leave: () => void,
): Refusal | undefined {
  const handshake = readHandshake(head)
  if (!handshake.accepted) return handshake
  const { host } = connection
  if (!host.allowsOrigin(handshake.origin, head.host, connection.encrypted))
    return foreignOrigin(handshake.origin)
  const protocol = chooseProtocol(handshake.protocols, host.settings.protocols)
  const options = protocol === undefined ? {} : { protocol }
  connection.write(Buffer.from(acceptHandshake(handshake, options), 'latin1'))
  leave()
  connection.handOn(new WebSocketSession(connection, String(handshake.version), head))
  return undefined
}

/** The server's first choice among the offered; without a list of its own, the client's first choice. */
function chooseProtocol(
  offered: readonly string[],
  supported: readonly string[] | undefined,
): string | undefined {
  if (supported === undefined) return offered[0]
  return supported.find((protocol) => offered.includes(protocol))
}

/** RFC 6455 §10.2 */
export function foreignOrigin(origin: string | undefined): Refusal {
  const message = origin === undefined ? 'the request has no Origin' : `the origin ${origin} is not allowed`
  return {
    status: 403,
    code: 'ERR_ORIGIN_REFUSED',
    message: `Cannot accept the request: ${message}`,
    fields: [['Vary', 'Origin']],
  }
}
