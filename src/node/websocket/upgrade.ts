import type { Field, RequestHead } from '../../http/index.ts'
import { negotiateDeflate } from '../../ws-codec/handshake/permessage-deflate.ts'
import {
  type AcceptedHandshake,
  acceptHandshake,
  answerChallenge,
  codecOf,
  readHandshake,
  type Version,
} from '../../ws-codec/index.ts'
import { Client } from '../client/client.ts'
import type { Connection, Session } from '../connection.ts'
import type { Request } from '../http/request.ts'
import type { UpgradeCarrier } from '../http/upgrade-session.ts'
import type { SessionAudience } from '../sessions/websocket.ts'
import { deflateSettings } from './compression-options.ts'
import { WebSocketSession } from './session.ts'
import { SessionCompression } from './session-compression.ts'

/** What an `upgrade` hook may say of a WebSocket that is asked for. */
export interface UpgradeAcceptance {
  /** The subprotocol to speak; it must be one that the client offers. */
  readonly protocol?: string
  /** Becomes `socket.data`. */
  readonly data?: unknown
  /** Further fields of the 101 answer. */
  readonly headers?: Readonly<Record<string, string>>
}

/** Why it is refused. */
export interface UpgradeRefusal {
  /** The HTTP status that refuses it: 400 to 599. */
  readonly status: number
  readonly message?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** `true` or nothing accepts, `false` is a 403. */
export type UpgradeDecision = boolean | undefined | UpgradeAcceptance | UpgradeRefusal

/** Asked before a WebSocket is accepted; the connection waits for a promise. */
export type UpgradeHook = (
  request: Request,
  offer: {
    readonly version: Version
    readonly protocols: readonly string[]
    readonly origin: string | undefined
  },
) => UpgradeDecision | Promise<UpgradeDecision>

/** Why an upgrade was refused: what to answer with. */
export interface Refusal {
  readonly status: number
  readonly code: string
  readonly message: string
  readonly fields: readonly Field[]
}

/** Whether a request wants to switch to WebSocket; any other upgrade may be ignored (RFC 9110 §7.8). */
export function asksForWebSocket(head: RequestHead): boolean {
  if (!head.upgrade) return false
  const protocols = head.field('upgrade')!.split(',')
  return protocols.some((protocol) => protocol.trim().toLowerCase() === 'websocket')
}

/** The handshake that the client asks for, or the refusal to answer with. */
export function readUpgrade(connection: Connection, head: RequestHead): AcceptedHandshake | Refusal {
  const { host } = connection
  const handshake = readHandshake(head, { versions: host.settings.versions })
  if (!handshake.accepted) return handshake
  const { encrypted = false } = host.door.trust.endpointOf(connection.endpoint, head)
  if (host.allowsOrigin(handshake.origin, head.host, encrypted)) return handshake
  return foreignOrigin(handshake.origin)
}

/** The refusal that a hook's decision means, if it is one. */
export function refusalOf(decision: UpgradeDecision): Refusal | undefined {
  if (decision === undefined || decision === true) return undefined
  if (decision === false) return refusedByHook(403, undefined, [])
  if (!('status' in decision)) return undefined
  const { status, message, headers = {} } = decision
  if (!Number.isInteger(status) || status < 400 || status > 599) return refusedByHook(500, undefined, [])
  return refusedByHook(status, message, Object.entries(headers))
}

function refusedByHook(status: number, message: string | undefined, fields: readonly Field[]): Refusal {
  return {
    status,
    code: 'ERR_UPGRADE_REFUSED',
    message: message ?? 'Cannot accept the WebSocket: it is refused',
    fields,
  }
}

/**
 * Answers the handshake and hands the connection on; what it was to the application so far is over in between. Throws when
 * the hook's protocol or headers cannot be sent; nothing has gone out then.
 *
 * @param audience who hears the WebSocket in the application's place
 */
export function switchProtocols(
  carrier: UpgradeCarrier,
  head: RequestHead,
  handshake: AcceptedHandshake,
  acceptance: UpgradeAcceptance,
  audience: SessionAudience | undefined,
): void {
  const { connection } = carrier
  const { settings, door } = connection.host
  const endpoint = door.trust.endpointOf(connection.endpoint, head)
  const protocol = acceptance.protocol ?? chooseProtocol(handshake.protocols, settings.protocols)
  const { compression: offered } = settings
  const agreement = offered && negotiateDeflate(handshake.extensions, deflateSettings(offered, 'server'))
  const answer = acceptHandshake(handshake, {
    ...(protocol === undefined ? {} : { protocol }),
    ...(agreement === undefined ? {} : { extensions: agreement.answer }),
    fields: Object.entries(acceptance.headers ?? {}),
    encrypted: endpoint.encrypted === true,
  })
  carrier.accept(answer)
  carrier.closed()
  const client = new Client(endpoint, 'websocket', handshake.version)
  if (audience === undefined) carrier.keepRequest(client, head)
  const seen = audience === undefined ? client : audience.member.client
  seen.subprotocol = protocol
  seen.data = acceptance.data
  const compression = agreement && new SessionCompression(agreement, 'server', settings)
  const open = () =>
    new WebSocketSession(connection, {
      codec: codecOf(handshake.version),
      role: 'server',
      client,
      compression,
      audience,
    })
  if (handshake.challengeBytes === 0) connection.handOn(open())
  else connection.handOn(new ChallengeSession(connection, handshake, open))
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

/**
 * hixie-76 and hybi-03 send eight bytes behind their head, which may come late, split, or glued to a first frame.
 * Behind some proxies they only come once the 101 head is there, so that goes out before them.
 */
class ChallengeSession implements Session {
  private readonly connection: Connection
  private readonly handshake: AcceptedHandshake
  private readonly open: () => WebSocketSession
  private readonly challenge: Uint8Array
  held: number

  constructor(connection: Connection, handshake: AcceptedHandshake, open: () => WebSocketSession) {
    this.connection = connection
    this.handshake = handshake
    this.open = open
    this.challenge = new Uint8Array(handshake.challengeBytes)
    this.held = 0
    connection.timeout(connection.host.settings.handshakeTimeout)
  }

  push(chunk: Buffer, pos: number, end: number): number {
    const taken = Math.min(end - pos, this.challenge.length - this.held)
    this.challenge.set(chunk.subarray(pos, pos + taken), this.held)
    this.held += taken
    if (this.held === this.challenge.length) {
      this.connection.write(answerChallenge(this.handshake, this.challenge))
      this.connection.handOn(this.open())
    }
    return pos + taken
  }

  finish(): void {
    this.connection.end()
  }

  expire(): void {
    this.connection.cut(
      'ERR_WS_CHALLENGE_TIMEOUT',
      'Cannot wait any longer: the eight bytes behind the handshake are late',
    )
  }

  drained(): void {}

  shutdown(): void {
    this.connection.destroy()
  }

  closed(): void {}
}
