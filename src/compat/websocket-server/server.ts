import { EventEmitter } from 'node:events'
import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Client, type Data, Server as PortmanteauServer, type Writer } from '../../index.ts'
import { Connection, type Log } from './connection.ts'
import { Manager } from './manager.ts'
import { type Options, translateOptions } from './options.ts'

export interface ServerEvents {
  /** It accepts clients. */
  listening: []
  /** A WebSocket is connected. */
  connection: [connection: Connection]
  /** An HTTP request that is no WebSocket. */
  request: [request: IncomingMessage, response: ServerResponse]
  /** A TCP connection was made. */
  stream: [stream: Socket]
  /** A WebSocket's connection is closed. */
  close: [connection: Connection]
  /** The same as `close`, by its later name. */
  disconnect: [connection: Connection]
  /** The server is closed; 0, as no error led to it. */
  shutdown: [errno: number]
  /** Something went wrong with one client. */
  clientError: [error: Error, socket: unknown]
  /** The server cannot listen. */
  error: [error: Error]
}

const DEFAULTS: Options = { debug: false, version: 'auto', origin: '*', subprotocol: null }

/**
 * A server of WebSockets, of every version, with HTTP requests as events.
 *
 * @example
 * import * as ws from 'portmanteau/compat/websocket-server'
 *
 * const server = ws.createServer({ debug: true })
 * server.on('connection', (connection) => {
 *   connection.on('message', (message) => connection.write(message))
 * })
 * server.listen(8080)
 */
export class Server extends EventEmitter<ServerEvents> {
  /** The options, with the defaults of what was not given. */
  readonly options: Options
  readonly manager: Manager
  /** The server that listens. */
  readonly server: HttpServer | PortmanteauServer
  private readonly core: PortmanteauServer
  private readonly log: Log | undefined

  /** @throws {PortmanteauError} `ERR_OPTION` when an option is no possible value */
  constructor(given?: Options | null) {
    super()
    const options = { ...DEFAULTS, ...given }
    this.options = options
    this.log = options.debug === true ? (line) => console.error(`WS: ${line}`) : undefined
    this.manager = new Manager()
    this.core = new PortmanteauServer(translateOptions(options))
    this.server = options.server ?? this.core
    this.listenToClients()
    this.listenToServer(this.server)
    if (this.server !== this.core) this.attachTo(this.server as HttpServer)
  }

  /** As that of a `net.Server`. */
  listen(port?: number, host?: string, callback?: () => void): this
  listen(...args: unknown[]): this
  listen(...args: unknown[]): this {
    this.server.listen(...(args as []))
    return this
  }

  /** Stops accepting, as a `net.Server` does; who is connected stays so. */
  close(callback?: (error?: Error) => void): this {
    this.server.close(callback)
    return this
  }

  /** Sends a message to the client of that id. */
  send(id: string, message: Data): void {
    this.manager.find(id, (connection) => connection.write(message))
  }

  /** Sends a message to all clients; framed once for them all. */
  broadcast(message: Data): void {
    this.core.broadcast(message)
  }

  private listenToClients(): void {
    const { core, manager } = this
    core.on('clientConnect', (client, writer) => this.connect(client, writer))
    core.on('message', (message, { id }) => manager.find(id, (connection) => connection.receive(message)))
    core.on('clientDisconnect', ({ id }) => manager.find(id, (connection) => connection.end()))
    core.on('clientError', (error, socket) => {
      manager.find((socket as Client).id, (connection) => connection.fail(error))
      this.emit('clientError', error, socket)
    })
  }

  private listenToServer(server: HttpServer | PortmanteauServer): void {
    server.on('listening', () => this.emit('listening'))
    server.on('connection', (stream: Socket) => this.emit('stream', stream))
    server.on('close', () => this.emit('shutdown', 0))
    server.on('error', (error: Error) => this.emit('error', error))
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      if (!this.emit('request', request, response) && server.listenerCount('request') === 1) refuse(response)
    })
  }

  private attachTo(server: HttpServer): void {
    this.core.attach(server)
    this.core.on('error', (error) => this.emit('error', error))
    server.on('clientError', (error: Error, socket: Duplex) => {
      this.emit('clientError', error, socket)
      // With a listener, even this one, node:http leaves it to the listener.
      if (server.listenerCount('clientError') === 1) socket.destroy()
    })
  }

  private connect(client: Client, writer: Writer): void {
    const connection = new Connection(this.core, client, writer, this.log, (ended) => this.disconnect(ended))
    this.log?.(`${connection.id} ${connection.version} connection`)
    this.manager.attach(connection)
    this.emit('connection', connection)
  }

  private disconnect(connection: Connection): void {
    this.manager.detach(connection)
    this.emit('disconnect', connection)
    this.emit('close', connection)
  }
}

/** The same as `new Server(options)`. */
export function createServer(options?: Options | null): Server {
  return new Server(options)
}

function refuse(response: ServerResponse): void {
  response.statusCode = 501
  response.end('Not Implemented')
}
