/** From the head of a request for WebSocket to the 101 that answers it; in between the application may be asked. */
import type { RequestHead } from '../../http/index.ts'
import type { AcceptedHandshake } from '../../ws-codec/index.ts'
import type { Client } from '../client/client.ts'
import type { Connection, Session } from '../connection.ts'
import { RefusedError } from '../errors.ts'
import { HeadSource } from '../sessions/head-source.ts'
import { sessionAudience } from '../sessions/websocket.ts'
import {
  type Refusal,
  readUpgrade,
  refusalOf,
  switchProtocols,
  type UpgradeAcceptance,
  type UpgradeDecision,
} from '../websocket/upgrade.ts'
import type { Request } from './request.ts'

/** What a WebSocket is asked for on. */
export interface UpgradeCarrier {
  readonly connection: Connection
  refuse(error: RefusedError): void
  refuseWith(refusal: Refusal): void
  /** Sends the answer to an accepted handshake. */
  accept(answer: string): void
  /** The request as the application sees it. */
  requestOf(head: RequestHead): Request
  /** Has the client keep the request that it came by. */
  keepRequest(client: Client, head: RequestHead): void
  /** The connection is gone, or is a WebSocket's now. */
  closed(): void
}

/** Answers the request, now or once the application has decided. */
export function startUpgrade(carrier: UpgradeCarrier, head: RequestHead): void {
  const { connection } = carrier
  const { settings } = connection.host
  const handshake = readUpgrade(connection, head)
  if ('status' in handshake) carrier.refuseWith(handshake)
  else if (settings.upgrade === undefined) finishUpgrade(carrier, head, handshake, undefined)
  else {
    const session = new UpgradeSession(carrier, head, handshake)
    connection.handOn(session)
    connection.timeout(settings.handshakeTimeout)
    session.ask()
  }
}

function finishUpgrade(
  carrier: UpgradeCarrier,
  head: RequestHead,
  handshake: AcceptedHandshake,
  decision: UpgradeDecision,
): void {
  const { connection } = carrier
  const refusal = refusalOf(decision)
  if (refusal !== undefined) return carrier.refuseWith(refusal)
  const { sessionHub } = connection.host
  const audience = sessionHub && sessionAudience(sessionHub, new HeadSource(carrier, head), handshake.origin)
  if (audience !== undefined && 'status' in audience) return carrier.refuseWith(audience)
  connection.deadline = Number.POSITIVE_INFINITY
  const acceptance = typeof decision === 'object' ? (decision as UpgradeAcceptance) : {}
  const switched = connection.host.ask(() => {
    switchProtocols(carrier, head, handshake, acceptance, audience)
    return true
  })
  if (switched !== true) carrier.refuseWith(refusalOf(switched as UpgradeDecision)!)
}

/** Waits for the application's word; what the client sends meanwhile waits, too. */
class UpgradeSession implements Session {
  readonly held = 0
  private readonly carrier: UpgradeCarrier
  private readonly connection: Connection
  private readonly head: RequestHead
  private readonly handshake: AcceptedHandshake

  constructor(carrier: UpgradeCarrier, head: RequestHead, handshake: AcceptedHandshake) {
    this.carrier = carrier
    this.connection = carrier.connection
    this.head = head
    this.handshake = handshake
  }

  ask(): void {
    const { carrier, connection, head, handshake } = this
    const { version, protocols, origin } = handshake
    const hook = connection.host.settings.upgrade!
    const decided = connection.host.ask(() => hook(carrier.requestOf(head), { version, protocols, origin }))
    if (!(decided instanceof Promise)) return finishUpgrade(carrier, head, handshake, decided)
    decided.then((decision) => {
      if (connection.session !== this || connection.destroyed) return
      finishUpgrade(carrier, head, handshake, decision)
      connection.resume()
    })
  }

  push(_chunk: Buffer, pos: number, _end: number): number {
    return pos
  }

  finish(): void {}

  expire(): void {
    this.carrier.refuse(
      new RefusedError('ERR_UPGRADE_TIMEOUT', 503, 'Cannot accept the WebSocket: the application is late'),
    )
  }

  drained(): void {}

  shutdown(): void {}

  closed(): void {
    this.carrier.closed()
  }
}
