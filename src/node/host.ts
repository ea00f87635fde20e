/** What the parts of a server ask of each other. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex, Readable } from 'node:stream'
import type { ClientHello } from '../sniff/index.ts'
import type { Client } from './client/client.ts'
import type { Faucet } from './client/message-queue.ts'
import type { Connection } from './connection.ts'
import type { FrontDoor } from './door/front-door.ts'
import type { RouteTarget } from './door/routes.ts'
import type { Endpoint } from './endpoint.ts'
import type { PlainKind } from './http/plain-start.ts'
import type { HttpWriter } from './http/writer.ts'
import type { BufferBudget } from './limits/buffer-budget.ts'
import type { Deadlines } from './limits/deadlines.ts'
import type { Settings } from './limits/options.ts'
import type { Outgoing } from './outgoing.ts'
import type { SessionHub } from './sessions/hub.ts'
import type { Writer } from './writer.ts'

/** A stage that reads a connection: sniffing, HTTP, WebSocket, raw. */
export interface Session {
  /** Bytes that it keeps of unfinished messages. */
  readonly held: number
  /** Reads `chunk` from `pos` up to `end`; returns less than `end` to be pushed the rest after `resume`. */
  push(chunk: Buffer, pos: number, end: number): number
  /** The peer has ended its side: nothing more will be pushed. */
  finish(): void
  /** The connection's deadline has passed. */
  expire(): void
  /** What was held back has been sent. */
  drained(): void
  /** The server goes away: finish in the protocol's own way. */
  shutdown(): void
  /** The socket is closed. */
  closed(): void
}

/** A client among the others: what the application reaches it by. */
export interface Member {
  readonly client: Client
  /** What keeps it from sending more than is taken. */
  readonly connection: Faucet
  /** What it can be answered through now; on HTTP there is none between two requests. */
  readonly writer: Writer | undefined
  /** Sends one message that goes to many. Returns `false` when the client is slow, gone, or not listening. */
  send(outgoing: Outgoing): boolean
}

/** The session of a client that has a connection of its own. */
export interface ClientSession extends Session, Member {
  readonly connection: Connection<ConnectionHost>
}

/** A message as it is delivered: whole, or with `stream` as it arrives. */
export type Message = Buffer | Readable

/** What a question to the application comes to when the application fails. */
export interface Failed {
  readonly status: 500
  readonly message: string
}

/** Who hears of clients, and gets their messages. */
export interface Audience {
  clientConnected(member: Member): void
  clientDisconnected(member: Member): void
  /** While a listener is still at it, a promise; it resolves with whether all of them succeeded. */
  deliver(message: Message, client: Client, writer: Writer): Promise<boolean> | undefined
}

/** What a connection, and a session that both ends can have, ask of whoever owns them. */
export interface ConnectionHost extends Audience {
  readonly settings: Settings
  readonly deadlines: Deadlines
  readonly budget: BufferBudget
  /** Bytes: a peer that does not take what it is sent is not read from either, beyond them. */
  readonly stopReadingAbove: number
  /** Ends the batch of writes of this turn of the event loop. */
  flushSoon(connection: Connection<ConnectionHost>): void
  report(error: Error, connection: Connection<ConnectionHost>): void
  closed(connection: Connection<ConnectionHost>): void
}

/** What the server's own sessions ask of it besides. */
export interface Host extends ConnectionHost {
  /** Whether it accepts nothing any more. */
  readonly closing: boolean
  /** Whether it has a certificate. */
  readonly encrypts: boolean
  /** Whether the application takes requests that are no messages. */
  readonly servesRequests: boolean
  /** The sessions of the Socket.IO era, where they are served. */
  readonly sessionHub: SessionHub | undefined
  /** Whether a page from this origin may speak to a server that it reached under this host name. */
  allowsOrigin(origin: string | undefined, host: string | undefined, encrypted: boolean): boolean
  /** The clock's second as an HTTP `Date`. */
  date(): string
  /** How an answer begins in which nothing was set, up to the value of Content-Length. */
  plainStart(kind: PlainKind): Uint8Array
  /** Sends, after this turn, what an answer that has not ended has gathered. */
  flushAnswerSoon(answer: HttpWriter): void
  /** Reads a socket, or a stream that is like one, from its present position on. */
  adopt(socket: Duplex, endpoint: Endpoint, start: (connection: Connection) => Session): Connection
  /** The same for a stream of HTTP/2, which is no connection of its own to whoever counts them. */
  adoptStream(stream: Duplex, endpoint: Endpoint, start: (connection: Connection) => Session): Connection
  /** Reads a socket as HTTP/1.1 that begins with these bytes. */
  openHttp(socket: Duplex, endpoint: Endpoint, first: Buffer): void
  /** Takes the socket of a connection that speaks HTTP/2; `first` is what was read of it. */
  startHttp2(connection: Connection, first: Buffer): void
  /** Hands a request on HTTP/2 to the application; `head` is its head as HTTP/1.1 has it. */
  startBridge(bridge: Duplex & Endpoint, head: string): void
  /** The client is reached another way from now on. */
  moved(member: Member): void
  /** A socket that was handed on is closed. */
  left(): void
  readonly door: FrontDoor
  /** Recognises what the connection speaks from here on. */
  sniff(connection: Connection): Session
  /**
   * A proxy has told where the client is: it may be one too many from there. Otherwise another session takes over; returns
   * the position in `chunk` from which it is to be pushed.
   */
  proxied(connection: Connection, chunk: Buffer, pos: number): number
  /** Gives the connection's socket to a route; `first` was read of it. */
  route(connection: Connection, first: Buffer, target: RouteTarget): void
  /** Takes the socket of a connection that begins with this ClientHello, as far as it could be read. */
  startTls(connection: Connection, first: Buffer, hello: ClientHello | undefined): void
  /**
   * Takes the socket of a connection at a request for the application; `first` is the rest of what was read, from that
   * request's first byte. `client` is who sent messages on the connection before.
   */
  startRequest(connection: Connection, first: Buffer, client: Client | undefined): void
  /** Reports what went wrong with a client that has no connection of its own. */
  reportOf(error: Error, client: Client | Duplex): void
  /** Calls the application. What it throws ends up where Node puts it, once `failed` was called. */
  guard(act: () => void, failed?: () => void): void
  /** Hands a request to the application. */
  request(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void
  /**
   * Asks the application. What it throws or rejects ends up where Node puts it, and counts as a refusal with 500.
   */
  ask<Answer>(question: () => Answer | Promise<Answer>): Answer | Promise<Answer | Failed> | Failed
  /** The connection has shown its protocol. */
  sniffed(connection: Connection): void
}
