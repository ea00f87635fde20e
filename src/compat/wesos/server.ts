import type { Server as HttpServer } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { Readable } from 'node:stream'
import type { Client, Server as PortmanteauServer, ServerOptions, Writer } from '../../index.ts'
import { Broadcast } from './broadcast.ts'
import { ignore } from './drain.ts'
import { Socket, type SocketOptions } from './socket.ts'
import { createCore, type Sockets } from './wiring.ts'

/** What portmanteau's `Server` takes for WebSockets, besides. */
export interface Options
  extends SocketOptions,
    Omit<ServerOptions, 'http' | 'isMessage' | 'rawFallback' | 'stream'> {
  /** Take upgrades of this path only. Default: of any. */
  path?: string
}

/** Called with each socket. */
export type OpenListener = (wsocket: Socket, wserver: Server) => void

/**
 * The WebSockets of HTTP servers. What is written to it, or piped into it, goes to all of them.
 *
 * Events, besides those of a Writable: `open(wsocket, wserver)`; `close`, when an HTTP server that it listens to is closed;
 * `error(error)`, what went wrong with one client (nothing is thrown without a listener).
 *
 * @example
 * import { createServer } from 'portmanteau/compat/wesos'
 *
 * // broadcasts all incoming messages to all sockets
 * createServer((wsocket, wserver) => wsocket.pipe(wserver)).listen(httpServer)
 */
export class Server extends Broadcast {
  protected readonly core: PortmanteauServer<Readable>
  private readonly sockets: Sockets
  private readonly path: string | undefined
  private readonly socketOptions: SocketOptions

  /** @throws {PortmanteauError} `ERR_OPTION` when an option is no possible value */
  constructor(options: Options = {}) {
    super()
    const { path, gatherLimit, ...others } = options
    this.sockets = new Map()
    this.path = path
    this.socketOptions = gatherLimit === undefined ? {} : { gatherLimit }
    this.core = createCore(others, this.sockets)
    this.on('error', ignore)
    this.core.on('clientConnect', (client, writer) => this.open(client, writer))
    this.core.on('clientError', (error) => this.emit('error', error))
  }

  /** Takes the upgrades of that server. */
  listen(http: HttpServer | HttpsServer): this {
    this.core.attach(http, this.path === undefined ? {} : { path: this.path })
    http.once('close', () => this.destroy())
    return this
  }

  protected override *writers(): Iterable<Writer> {
    for (const { writer } of this.sockets.values()) yield writer
  }

  private open(client: Client, writer: Writer): void {
    const socket = new Socket({ core: this.core, client, writer }, this.socketOptions)
    this.sockets.set(client.id, socket)
    this.emit('open', socket, this)
  }
}

/** A server with that listener of `open`. */
export function createServer(listener?: OpenListener, options?: Options): Server {
  const server = new Server(options)
  if (listener !== undefined) server.on('open', listener)
  return server
}
