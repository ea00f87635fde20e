import type { Duplex } from 'node:stream'
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
    expireClose(this.connection)
  }

  shutdown(): void {}

  closed(): void {
    this.before.closed()
  }
}

/** A close is over too late, unless the peer still takes what was sent before it: then it gets as much time again. */
export function expireClose(connection: Connection<ConnectionHost>): void {
  if (!stillTakes(connection)) return connection.destroy()
  connection.timeout(connection.host.settings.closeTimeout)
}

/** Whether the peer has taken something since this was last asked, of what is more than the system holds for it. */
export function stillTakes(taken: { readonly socket: Duplex; unsent: number }): boolean {
  const before = taken.unsent
  taken.unsent = unsentBytes(taken.socket)
  return taken.unsent !== before
}

interface Handle {
  readonly writeQueueSize?: number
  readonly _parent?: Handle | null
}

/** Changes with whatever the system takes: `writableLength` alone stays what it is until a write is taken as a whole. */
function unsentBytes(socket: Duplex & { readonly _handle?: Handle | null }): number {
  let handle = socket._handle
  // Behind TLS it is the socket's below that counts.
  while (handle?._parent != null) handle = handle._parent
  return socket.writableLength + (handle?.writeQueueSize ?? 0)
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
