import type { Connection, Session } from './connection.ts'
import type { ConnectionHost } from './host.ts'

/** Our side is ended: what the peer still sends is dropped, so that no reset overtakes our last bytes. */
export class Lingering implements Session {
  readonly held = 0
  private readonly connection: Connection<ConnectionHost>
  private readonly before: Session

  constructor(connection: Connection<ConnectionHost>, before: Session) {
    this.connection = connection
    this.before = before
    connection.timeout(connection.host.settings.closeTimeout)
  }

  push(_chunk: Buffer, _pos: number, end: number): number {
    return end
  }

  finish(): void {}

  drained(): void {
    this.before.drained()
  }

  expire(): void {
    this.connection.destroy()
  }

  shutdown(): void {}

  closed(): void {
    this.before.closed()
  }
}

/** Of a connection whose socket is somebody else's: nothing that is still under way reaches it. */
export const RELEASED: Session = {
  held: 0,
  push: (_chunk, _pos, end) => end,
  finish() {},
  expire() {},
  drained() {},
  shutdown() {},
  closed() {},
}
