import type { Client } from './client.ts'
import type { ClientSession, Connection } from './connection.ts'
import type { Request, Response } from './http/request.ts'
import type { BufferBudget } from './limits/buffer-budget.ts'
import type { Deadlines } from './limits/deadlines.ts'
import type { Settings } from './limits/options.ts'
import type { Writer } from './writer.ts'

/** What the sessions ask of the server that owns them. */
export interface Host {
  readonly settings: Settings
  readonly deadlines: Deadlines
  readonly budget: BufferBudget
  /** Whether it has a certificate. */
  readonly encrypts: boolean
  /** Whether a page from this origin may speak to a server that it reached under this host name. */
  allowsOrigin(origin: string | undefined, host: string | undefined, encrypted: boolean): boolean
  /** The clock's second as an HTTP `Date`. */
  date(): string
  /** Ends the batch of writes of this turn of the event loop. */
  flushSoon(connection: Connection): void
  /** Sends, after this turn, what an answer that has not ended has gathered. */
  flushAnswerSoon(answer: Response): void
  /** Takes the socket of a connection that begins with a ClientHello; `first` is what was read of it. */
  startTls(connection: Connection, first: Buffer): void
  clientConnected(session: ClientSession): void
  clientDisconnected(session: ClientSession): void
  /** While a listener is still at it, a promise; it resolves with whether all of them succeeded. */
  deliver(message: Buffer, client: Client, writer: Writer): Promise<boolean> | undefined
  /** Whether anybody listens for requests that are no messages. */
  readonly servesRequests: boolean
  /** Returns `false` when nobody listens. */
  request(request: Request, response: Response): boolean
  report(error: Error, connection: Connection): void
  /** The connection has shown its protocol. */
  sniffed(connection: Connection, protocol: 'tls' | 'http' | 'http2' | 'raw'): void
  closed(connection: Connection): void
}
