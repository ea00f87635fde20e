import type { IncomingMessage, ServerResponse } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import type { Duplex, Readable } from 'node:stream'
import type { SecureContextOptions } from 'node:tls'
import type { Client } from './node/client/client.ts'
import type { ForwardTarget } from './node/door/forwarding.ts'
import type { DatagramHandler, DatagramName, RouteMatch, RouteTarget } from './node/door/routes.ts'
import type { Endpoint } from './node/endpoint.ts'
import { attachTo, type UpgradingServer } from './node/http/attachment.ts'
import { requestBytes } from './node/http/request.ts'
import type { ServerOptions, Version } from './node/limits/server-options.ts'
import { Outgoing } from './node/outgoing.ts'
import { Reception, type Stats } from './node/reception.ts'
import type { Data, WriteOptions, Writer } from './node/writer.ts'

/** Called with each message. The answer to an HTTP request waits for a promise that it returns. */
export type MessageListener<Message = Buffer> = (message: Message, socket: Client, writer: Writer) => unknown

/** The events of a `Server`, besides those of `net.Server`. */
export interface ServerEvents<Message = Buffer> {
  /** A client has sent a message. */
  message: MessageListener<Message>
  /** A client is there; it can be written to, before it has said anything too. */
  clientConnect: (socket: Client, writer: Writer) => void
  /** A client is gone. */
  clientDisconnect: (socket: Client) => void
  /** Something went wrong with one client; it is being ended. `error.code` is stable: see `docs/errors.md`. */
  clientError: (error: Error & { code?: string }, socket: Client | Socket) => void
  /**
   * An HTTP request that is no message, as `node:http` gives it. Without a listener, and without the option `http`, it is
   * answered with 405.
   */
  request: (request: IncomingMessage, response: ServerResponse) => void
}

/** `on` and its like: typed for the events above, as in `net.Server` for all others. */
interface TypedListen<Self, Message> {
  <Event extends keyof ServerEvents>(event: Event, listener: ServerEvents<Message>[Event]): Self
  // biome-ignore lint/suspicious/noExplicitAny: the listeners of net.Server's own events, as Node types them
  (event: string | symbol, listener: (...args: any[]) => void): Self
}

/** A client, or its id. */
export type ClientOrId = Client | string

const DEFAULT_SHUTDOWN_TIMEOUT = 5_000

/**
 * One port that accepts every protocol: a `net.Server` whose connections may speak HTTP/1.1, HTTP/2, WebSocket in every
 * version, or plain lines, over TLS or not, and with the option `udp` datagrams. With the option `stream` it is a
 * `Server<Readable>`.
 *
 * @example
 * import { Server } from 'portmanteau'
 *
 * const server = new Server((message, socket, writer) => {
 *   writer.write(message)
 * })
 * server.listen(8080)
 */
export class Server<Message extends Buffer | Readable = Buffer> extends NetServer {
  declare on: TypedListen<this, Message>
  declare addListener: TypedListen<this, Message>
  declare once: TypedListen<this, Message>
  declare prependListener: TypedListen<this, Message>
  declare prependOnceListener: TypedListen<this, Message>
  declare off: TypedListen<this, Message>
  declare removeListener: TypedListen<this, Message>
  private readonly reception: Reception

  /**
   * @param onMessage a listener of `message`
   * @throws {PortmanteauError} `ERR_OPTION` when an option is no possible value
   */
  constructor(onMessage?: MessageListener<Message> | ServerOptions, options?: ServerOptions) {
    // Half-open: what a peer that has ended its side asked for is still answered.
    super({ allowHalfOpen: true, noDelay: true })
    const given = typeof onMessage === 'object' ? onMessage : (options ?? {})
    this.reception = new Reception(this, given)
    if (given.maxConnections !== undefined) this.maxConnections = given.maxConnections
    if (typeof onMessage === 'function') this.on('message', onMessage)
    if (typeof given.http === 'function') this.on('request', given.http)
    super.on('newListener', (event: string | symbol) => {
      if (event === 'message') process.nextTick(() => this.reception.replay())
    })
    super.on('connection', (socket: Socket) => this.reception.accept(socket))
    super.on('drop', () => this.reception.countDrop())
    super.on('listening', () => this.reception.reopen(this.address()))
  }

  /** The clients that are connected, by their ids. */
  get clients(): ReadonlyMap<string, Client> {
    return this.reception.clients
  }

  /**
   * Sends one message to one client. Returns `false` when the client is slow, gone, or cannot be written to
   * now (an HTTP client between two requests). Bytes go out as binary unless `options` says otherwise.
   */
  send(to: ClientOrId, data: Data, options?: WriteOptions): boolean {
    const session = this.reception.sessions.get(idOf(to))
    return session?.send(this.outgoing(data, options)) === true
  }

  /**
   * Sends one message to every client that can be written to; framed once for them all. `except` leaves out
   * one client, or those for which a function answers `true`. Who cannot be sent it (binary to a hixie client) is told of by
   * `clientError`, and stays.
   *
   * @example
   * server.on('message', (message, socket) => server.broadcast(message, socket, { binary: !socket.isText }))
   */
  broadcast(data: Data, except?: ClientOrId | ((client: Client) => boolean), options?: WriteOptions): void {
    const outgoing = this.outgoing(data, options)
    const leftOut = typeof except === 'object' ? except.id : except
    for (const [id, session] of this.reception.sessions) {
      if (typeof leftOut === 'function' ? !leftOut(session.client) : id !== leftOut) session.send(outgoing)
    }
  }

  /**
   * Takes the WebSockets that are asked for on a server that exists, which listens and answers requests as before. With
   * `path` only those of that path (the rest is left to its other listeners of `upgrade`, or refused), and with `false` none.
   *
   * With the option `sessions` it takes the requests and WebSockets under their paths, too; the server's own listeners do not
   * hear of them. So it is with the requests of Flash for the option `flashPolicy`.
   *
   * @example
   * const httpServer = http.createServer(app).listen(8080)
   * new Server((message, socket, writer) => writer.write(message)).attach(httpServer, { path: '/chat' })
   */
  attach(httpServer: UpgradingServer, options: { path?: string | false } = {}): this {
    attachTo(httpServer, this, options.path, this.reception.settings.closeTimeout)
    this.reception.attach(httpServer)
    return this
  }

  /**
   * Takes one WebSocket that is asked for on another server, with what its event `upgrade` gives, at once or later: then
   * the caller listens for errors of the socket in the meantime.
   *
   * @example
   * httpServer.on('upgrade', (request, socket, head) => server.handleUpgrade(request, socket, head))
   */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (socket.destroyed) return
    // Whoever has kept it until now may have paused it, and may have missed its end.
    socket.resume()
    this.reception.openHttp(socket, socket as Endpoint, requestBytes(request, head))
    if (socket.readableEnded) socket.emit('end')
  }

  /**
   * Takes a stream on which a WebSocket of that version (`'13'`) was agreed on elsewhere: what comes on it next is frames.
   * `head` is what was read of it already. Emits `clientConnect` before it returns the client.
   *
   * @throws {PortmanteauError} `ERR_OPTION` when there is no such version
   * @example
   * import { createServer } from 'node:net'
   *
   * const server = new Server((message, socket, writer) => writer.write(message))
   * createServer((stream) => server.handleWebSocket(stream)).listen('/run/frames.sock') // frames, and no HTTP before them
   */
  handleWebSocket(stream: Duplex, options: { version?: Version; head?: Buffer } = {}): Client {
    const { version = '13', head = Buffer.alloc(0) } = options
    return this.reception.openWebSocket(stream, version, head)
  }

  /**
   * Sends connections elsewhere: by the protocol that they are recognised to speak, undecrypted by the server name that a
   * ClientHello asks for, or decrypted by a protocol of ALPN. The target is another server, or gets the socket as if
   * nobody had read from it.
   *
   * @throws {PortmanteauError} `ERR_ROUTE` for what cannot be a route
   * @example
   * server.route('ssh', { host: '127.0.0.1', port: 22 })
   * server.route({ sni: '*.example.com' }, { port: 8443, proxyProtocol: 2 })
   * server.route('redis', (socket) => socket.end('-ERR not here\r\n'))
   */
  route(match: DatagramName, target: ForwardTarget | DatagramHandler): this
  route(match: RouteMatch, target: RouteTarget): this
  route(match: RouteMatch, target: RouteTarget | DatagramHandler): this {
    this.reception.door.route(match, target as RouteTarget)
    return this
  }

  /**
   * Replaces the certificate, or that of one server name (see the option `sni`), while the server runs: handshakes to come
   * get the new one.
   *
   * @throws {PortmanteauError} `ERR_TLS_UNAVAILABLE` when the server has no certificate, `ERR_OPTION` for a server name that
   *   is none; and whatever `tls.createSecureContext` throws
   * @example
   * server.setSecureContext({ key: readFileSync('new.key'), cert: readFileSync('new.crt') })
   * server.setSecureContext({ key, cert }, 'www.example.com')
   */
  setSecureContext(options: SecureContextOptions, serverName?: string): void {
    this.reception.setSecureContext(options, serverName)
  }

  /** With what listens beside it: datagrams, Flash's policy. */
  override ref(): this {
    this.reception.sidePorts.ref()
    return super.ref()
  }

  override unref(): this {
    this.reception.sidePorts.unref()
    return super.unref()
  }

  /** Counts of connections, clients and verdicts. */
  stats(): Stats {
    return this.reception.stats()
  }

  /** Stops accepting; ends connections that are no clients yet and HTTP connections as they become idle. */
  override close(callback?: (error?: Error) => void): this {
    super.close(callback)
    this.reception.close()
    return this
  }

  /**
   * Stops accepting and ends every client in its protocol's own way: a WebSocket close frame, the end of the
   * HTTP answer, FIN. Resolves when all are gone; after `timeout` milliseconds (5,000) the rest is cut.
   */
  async shutdown(options: { timeout?: number } = {}): Promise<void> {
    const closed = new Promise<void>((resolve) => super.close(() => resolve()))
    await this.reception.shutdown(options.timeout ?? DEFAULT_SHUTDOWN_TIMEOUT)
    await closed
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown()
  }

  private outgoing(data: Data, options: WriteOptions | undefined): Outgoing {
    return new Outgoing(data, options?.binary, options)
  }
}

function idOf(client: ClientOrId): string {
  return typeof client === 'string' ? client : client.id
}
