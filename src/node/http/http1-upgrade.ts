import type { RequestHead } from '../../http/index.ts'
import type { Client } from '../client/client.ts'
import type { Connection } from '../connection.ts'
import type { RefusedError } from '../errors.ts'
import type { Refusal } from '../websocket/upgrade.ts'
import { Request } from './request.ts'
import type { UpgradeCarrier } from './upgrade-session.ts'

/** What reads the connection until it is a WebSocket's. */
interface UpgradingSession {
  readonly connection: Connection
  refuse(error: RefusedError): void
  refuseWith(refusal: Refusal): void
  closed(): void
}

/** A WebSocket that is asked for on HTTP/1.1. */
export class Http1Upgrade implements UpgradeCarrier {
  readonly connection: Connection
  private readonly session: UpgradingSession

  constructor(session: UpgradingSession) {
    this.connection = session.connection
    this.session = session
  }

  refuse(error: RefusedError): void {
    this.session.refuse(error)
  }

  refuseWith(refusal: Refusal): void {
    this.session.refuseWith(refusal)
  }

  accept(answer: string): void {
    this.connection.write(Buffer.from(answer, 'latin1'))
  }

  requestOf(head: RequestHead): Request {
    return new Request(head)
  }

  keepRequest(client: Client, head: RequestHead): void {
    client.keepRequest(head)
  }

  closed(): void {
    this.session.closed()
  }
}
