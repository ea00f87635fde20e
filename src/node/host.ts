import type { Readable } from 'node:stream'
import type { Client } from './client/client.ts'
import type { ClientSession, Connection } from './connection.ts'
import type { Request, Response } from './http/request.ts'
import type { BufferBudget } from './limits/buffer-budget.ts'
import type { Deadlines } from './limits/deadlines.ts'
import type { Settings } from './limits/options.ts'
import type { Writer } from './writer.ts'

/** A message as it is delivered: whole, or with `stream` as it arrives. */
export type Message = Buffer | Readable

/** What a question to the application comes to when the application fails. */
export interface Failed {
  readonly status: 500
  readonly message: string
}

/** What a connection, and a session that both ends can have, ask of whoever owns them. */
export interface ConnectionHost {
  readonly settings: Settings
  readonly deadlines: Deadlines
  readonly budget: BufferBudget
  /** Ends the batch of writes of this turn of the event loop. */
  flushSoon(connection: Connection<ConnectionHost>): void
  clientConnected(session: ClientSession): void
  clientDisconnected(session: ClientSession): void
  /** While a listener is still at it, a promise; it resolves with whether all of them succeeded. */
  deliver(message: Message, client: Client, writer: Writer): Promise<boolean> | undefined
  report(error: Error, connection: Connection<ConnectionHost>): void
  closed(connection: Connection<ConnectionHost>): void
}

/** What the server's own sessions ask of it besides. */
export interface Host extends ConnectionHost {
  /** Whether it has a certificate. */
  readonly encrypts: boolean
  /** Whether anybody listens for requests that are no messages. */
  readonly servesRequests: boolean
  /** Whether a page from this origin may speak to a server that it reached under this host name. */
  allowsOrigin(origin: string | undefined, host: string | undefined, encrypted: boolean): boolean
  /** The clock's second as an HTTP `Date`. */
  date(): string
  /** Sends, after this turn, what an answer that has not ended has gathered. */
  flushAnswerSoon(answer: Response): void
  /** Takes the socket of a connection that begins with a ClientHello; `first` is what was read of it. */
  startTls(connection: Connection, first: Buffer): void
  /** Returns `false` when nobody listens. */
  request(request: Request, response: Response): boolean
  /**
   * Asks the application. What it throws or rejects ends up where Node puts it, and counts as a refusal with 500.
   */
  ask<Answer>(question: () => Answer | Promise<Answer>): Answer | Promise<Answer | Failed> | Failed
  /** The connection has shown its protocol. */
  sniffed(connection: Connection, protocol: 'tls' | 'http' | 'http2' | 'raw'): void
}
