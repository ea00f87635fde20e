import type { Client } from '../../index.ts'
import { type Origin, Socket } from './socket.ts'

/** A client of drafts 75, 76 or 00. */
class DraftSocket extends Socket {
  override readonly name = 'websocket-hixie'
}

/** A client of protocol versions 7, 8 or 13, or of hybi-03. */
class HybiSocket extends Socket {
  override readonly name = 'websocket'
}

/** The classes of clients: of drafts 75, 76 and 00, and of the versions that have a number. */
export const protocols: Readonly<Record<'drafts' | 7 | 8 | 13, typeof DraftSocket | typeof HybiSocket>> = {
  drafts: DraftSocket,
  7: HybiSocket,
  8: HybiSocket,
  13: HybiSocket,
}

/** @internal The socket that a client is here. */
export function socketOf(client: Client, origin: Origin): Socket {
  return client.version?.startsWith('hixie')
    ? new DraftSocket(client, origin)
    : new HybiSocket(client, origin)
}
