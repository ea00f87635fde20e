import type { RequestHead } from '../../http/index.ts'
import type { Client } from '../client/client.ts'
import type { Endpoint } from '../endpoint.ts'
import type { UpgradeCarrier } from '../http/upgrade-session.ts'
import type { SessionSource } from './hub.ts'

/** A request that our own reader has read. */
export class HeadSource implements SessionSource {
  readonly view: RequestHead
  private readonly carrier: UpgradeCarrier

  constructor(carrier: UpgradeCarrier, head: RequestHead) {
    this.view = head
    this.carrier = carrier
  }

  get endpoint(): Endpoint {
    return this.carrier.connection.endpoint
  }

  keepRequest(client: Client): void {
    this.carrier.keepRequest(client, this.view)
  }

  report(error: Error): void {
    const { connection } = this.carrier
    connection.host.report(error, connection)
  }
}
