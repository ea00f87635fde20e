import { EventEmitter } from 'node:events'
import type { Server as HttpServer, IncomingMessage } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { Duplex } from 'node:stream'
import { type Client, Server as PortmanteauServer, type ServerOptions, type Writer } from '../../index.ts'
import { socketOf } from './protocols.ts'
import type { Socket } from './socket.ts'

/** WebSocket.IO's options; what else portmanteau's `Server` takes for WebSockets goes to it as it is. */
export interface Options
  extends Omit<ServerOptions, 'http' | 'isMessage' | 'rawFallback' | 'stream' | 'upgrade'> {
  /** Take requests for this path only. Default: for any. */
  path?: string | null
  /** Keep `clients` and `clientsCount`. Default `true`. */
  clientTracking?: boolean
}

export interface ServerEvents {
  /** A client is there. */
  connection: [socket: Socket]
}

/** What is being taken: there while portmanteau's `Server` is handed it. */
interface Upgrade {
  readonly req: IncomingMessage
  readonly socket: Duplex
}

/** Has each client know the request and the stream that it came by. */
class Taker extends PortmanteauServer {
  private taking: Upgrade | undefined

  constructor(options: ServerOptions) {
    super({ allowOrigin: '*', ...options, upgrade: () => ({ data: this.taking }) })
    this.taking = undefined
  }

  /** The hook `upgrade` is asked before this returns: all that it needs is there already. */
  override handleUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.taking = { req, socket }
    super.handleUpgrade(req, socket, head)
    this.taking = undefined
  }
}

/**
 * Takes the WebSockets of HTTP servers.
 *
 * @example
 * import * as ws from 'portmanteau/compat/websocket.io'
 *
 * const server = ws.listen(3000)
 * server.on('connection', (socket) => {
 *   socket.on('message', (message) => socket.send(message))
 * })
 */
export class Server extends EventEmitter<ServerEvents> {
  /** The options, with the defaults of what was not given. */
  readonly options: Options
  /** The clients that are connected. A place that became free has nobody, until the next client takes it. */
  declare readonly clients?: Socket[]
  declare clientsCount?: number
  /** The server that `listen` made. */
  declare httpServer?: HttpServer
  private readonly core: Taker
  private readonly sockets: Map<string, Socket>
  private readonly places: Map<Socket, number>
  private readonly free: number[]

  /** @throws {PortmanteauError} `ERR_OPTION` when an option is no possible value */
  constructor(given?: Options | null) {
    super()
    const options: Options = { path: null, clientTracking: true, ...given }
    const { path: _path, clientTracking = true, ...others } = options
    this.options = options
    this.core = new Taker(others)
    this.sockets = new Map()
    this.places = new Map()
    this.free = []
    if (clientTracking) {
      this.clients = []
      this.clientsCount = 0
    }
    this.core.on('clientConnect', (client, writer) => this.connect(client, writer))
    this.core.on('message', (message, { id }) => this.sockets.get(id)?.receive(message))
    this.core.on('clientError', (error, client) => this.sockets.get((client as Client).id)?.fail(error))
    this.core.on('clientDisconnect', ({ id }) => this.disconnect(id))
  }

  /** Takes what an HTTP server's `upgrade` gives; leaves alone what is no WebSocket, or for another path. */
  handleUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer): this {
    if (this.wants(req)) this.core.handleUpgrade(req, socket, head)
    return this
  }

  /** @internal Takes those of a server. */
  attachTo(server: HttpServer | HttpsServer): this {
    const { path } = this.options
    this.core.attach(server, path ? { path } : {})
    return this
  }

  private wants({ method, url = '/', headers }: IncomingMessage): boolean {
    const path = this.options.path || pathOf(url)
    return method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket' && pathOf(url) === path
  }

  private connect(client: Client, writer: Writer): void {
    const socket = socketOf(client, { ...(client.data as Upgrade), writer, server: this.core })
    this.sockets.set(client.id, socket)
    this.track(socket)
    this.emit('connection', socket)
  }

  private disconnect(id: string): void {
    const socket = this.sockets.get(id)
    if (socket === undefined) return
    this.sockets.delete(id)
    this.untrack(socket)
    socket.closed()
  }

  private track(socket: Socket): void {
    if (this.clients === undefined) return
    const place = this.free.pop() ?? this.clients.length
    this.clients[place] = socket
    this.places.set(socket, place)
    this.clientsCount!++
  }

  private untrack(socket: Socket): void {
    const place = this.places.get(socket)
    if (place === undefined) return
    delete this.clients![place]
    this.places.delete(socket)
    this.free.push(place)
    this.clientsCount!--
  }
}

function pathOf(url: string): string {
  return url.split('?', 1)[0]!
}
