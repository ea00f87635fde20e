import type { Server as HttpServer } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { Readable } from 'node:stream'
import type { Client, Server as PortmanteauServer, ServerOptions, Writer } from '../../index.ts'
import { Broadcast } from './broadcast.ts'
import { ignore } from './drain.ts'
import { resolveSocketOptions, type SocketOptions, type SocketSettings } from './options.ts'
import { Socket } from './socket.ts'
import { createCore, type Sockets } from './wiring.ts'

/** What portmanteau's `Server` takes for WebSockets, besides. */
export interface Options
  extends SocketOptions,
    Omit<ServerOptions, 'http' | 'isMessage' | 'rawFallback' | 'stream'> {
  /** Take upgrades of this path only. Default: of any. */
  path?: string | null
  /** walve's name of `path`. */
  url?: string | null
}

type Listening = HttpServer | HttpsServer

/** Called with each socket. */
export type OpenListener = (wsocket: Socket, wserver: Server) => void

/**
 * The WebSockets of HTTP servers. What is written to it, or piped into it, goes to all of them.
 *
 * Events, besides those of a Writable: `open(wsocket, wserver)`; `close`, when every HTTP server that it listens to is closed;
 * `clientError(error, wsocket)`, what went wrong with one client, with its socket if it came to have one. The same is
 * `error(error)`, unless a stream is piped into the server: that one would be ended by it, for all clients. Nothing is thrown
 * without a listener.
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
  private readonly socketSettings: SocketSettings
  private readonly listening: Set<Listening>

  /** @throws {PortmanteauError} `ERR_OPTION` when an option is no possible value */
  constructor(options: Options = {}) {
    super()
    const { path, url, gatherLimit, highWaterMark, ...others } = options
    this.sockets = new Map()
    this.path = path ?? url ?? undefined
    this.socketSettings = resolveSocketOptions(options)
    this.listening = new Set()
    this.core = createCore(others, this.sockets)
    this.on('error', ignore)
    this.core.on('clientConnect', (client, writer) => this.open(client, writer))
    this.core.on('clientError', (error, { id }: { id?: string }) => this.tell(error, this.sockets.get(id!)))
  }

  /** Takes the upgrades of that server. */
  listen(http: Listening): this {
    if (this.listening.has(http)) return this
    this.listening.add(http)
    this.core.attach(http, this.path === undefined ? {} : { path: this.path })
    http.once('close', () => this.leave(http))
    return this
  }

  protected override *writers(): Iterable<Writer> {
    for (const { writer } of this.sockets.values()) yield writer
  }

  private open(client: Client, writer: Writer): void {
    const socket = new Socket({ core: this.core, client, writer }, this.socketSettings)
    this.sockets.set(client.id, socket)
    this.emit('open', socket, this)
  }

  private leave(http: Listening): void {
    this.listening.delete(http)
    if (this.listening.size === 0) this.destroy()
  }

  /** Whoever streams into a Writable listens for one of the two, and gives up at its first `error`. */
  private tell(error: Error, wsocket: Socket | undefined): void {
    this.emit('clientError', error, wsocket)
    if (this.listenerCount('unpipe') + this.listenerCount('drain') === 0) this.emit('error', error)
  }
}

/** A server with that listener of `open`. */
export function createServer(listener?: OpenListener, options?: Options): Server {
  const server = new Server(options)
  if (listener !== undefined) server.on('open', listener)
  return server
}
