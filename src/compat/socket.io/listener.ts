import { EventEmitter } from 'node:events'
import type { Server as HttpServer } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import { Server, type Client as SessionClient, type Writer } from '../../index.ts'
import { Client } from './client.ts'
import { type AnnotationValues, type Outgoing, readMessage, toMessages } from './message.ts'
import {
  flashPolicyPort,
  type Options,
  type ResolvedOptions,
  resolveOptions,
  serverOptions,
} from './options.ts'
import { REALM, Realm } from './realm.ts'
import { tell } from './telling.ts'

/** The events of a `Listener`. */
export interface ListenerEvents {
  /** Behind `clientConnect`. */
  connection: [client: Client]
  clientConnect: [client: Client]
  clientMessage: [message: unknown, client: Client, annotations: AnnotationValues]
  clientDisconnect: [client: Client]
}

/** Socket.IO on one server. */
export class Listener extends EventEmitter<ListenerEvents> {
  /** The server that it was given; or the one that it has made for a port. */
  readonly server: HttpServer | HttpsServer | Server
  readonly options: ResolvedOptions
  /** The clients by their session ids; an object without a prototype. */
  readonly clients: Record<string, Client>
  private readonly realms: Map<string, Realm>

  /** @throws {PortmanteauError} `ERR_OPTION` when an option is no possible value */
  constructor(server: HttpServer | HttpsServer | number, options?: Options | null) {
    super()
    this.options = resolveOptions(options ?? {})
    this.clients = Object.create(null)
    this.realms = new Map()
    this.addListeners(this.options)
    const sessions = this.createServer()
    if (typeof server === 'number') this.server = sessions.listen(server)
    else {
      this.server = server
      sessions.attach(server, { path: false })
    }
    this.log('socket.io ready - accepting connections')
  }

  /** The same as `clients`. */
  get clientsIndex(): Record<string, Client> {
    return this.clients
  }

  /** Sends a message to all clients, but for one session id, or some; one with annotations to those that can have it. */
  broadcast(
    message: unknown,
    except?: string | number | readonly string[],
    annotations?: AnnotationValues,
  ): this {
    const without = typeof except === 'object' ? except : [String(except)]
    const messages = toMessages(message, annotations)
    for (const [id, client] of Object.entries(this.clients)) {
      if (!without.includes(id)) this.sendAsOne(client, messages)
    }
    return this
  }

  /** What is said in a realm. */
  realm(name: string): Realm {
    let realm = this.realms.get(name)
    if (realm === undefined) this.realms.set(name, (realm = new Realm(name, this)))
    return realm
  }

  /** What one client's encoding has no words for keeps nothing from the others. */
  private sendAsOne(client: Client, messages: readonly Outgoing[]): void {
    try {
      client.write(messages)
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_SESSION_ANNOTATION_UNSUPPORTED') throw error
      this.log(`Client ${client.sessionId} has no annotations: not sent`)
    }
  }

  private log(line: string): void {
    tell(() => this.options.log(line))
  }

  /** `onClientConnect` listens for `clientConnect`. */
  private addListeners(options: Options): void {
    for (const [name, listener] of Object.entries(options)) {
      if (!/^on[A-Z]/.test(name) || typeof listener !== 'function') continue
      this.on(`${name[2]!.toLowerCase()}${name.slice(3)}` as keyof ListenerEvents, listener)
    }
  }

  private createServer(): Server {
    const { options } = this
    const server = new Server(serverOptions(options))
    server.on('clientConnect', (socket, writer) => this.connect(socket, writer))
    server.on('message', (message, socket) => this.receive(message, socket))
    server.on('clientDisconnect', (socket) => this.disconnect(socket))
    server.on('clientError', (error) => this.log(`Client error ${error.code ?? ''}: ${error.message}`))
    server.on('error', (error: Error & { port?: number }) =>
      this.fail(error, server.listenerCount('error') > 1),
    )
    return server
  }

  /** Flash can ask on the port itself, too; without that one there is nothing. */
  private fail(error: Error & { port?: number }, isHeard: boolean): void {
    const { port } = error
    if (port !== undefined && port === flashPolicyPort(this.options))
      this.log(`Cannot serve the Flash policy on port ${port}: ${error.message}`)
    else if (!isHeard) throw error
  }

  private connect(socket: SessionClient, writer: Writer): void {
    if (socket.session === undefined) return writer.close()
    const client = new Client(this, socket, writer)
    const { sessionId } = client
    this.clients[sessionId] = client
    this.log(`Client ${sessionId} connected with transport "${socket.protocol}"`)
    tell(() => this.emit('clientConnect', client))
    tell(() => this.emit('connection', client))
    for (const realm of this.realms.values()) realm.connected(client)
  }

  private receive(message: Buffer, socket: SessionClient): void {
    const client = this.clients[socket.id]
    if (client === undefined) return
    const { json, annotations } = socket.session!
    const read = readMessage(message, json, annotations)
    if (read === undefined) return this.log(`Bad message received from client ${client.sessionId}`)
    tell(() => client.emit('message', read.value, read.annotations))
    tell(() => this.emit('clientMessage', read.value, client, read.annotations))
    const name = read.annotations[REALM]
    if (typeof name === 'string') this.realms.get(name)?.received(read.value, client, read.annotations)
  }

  private disconnect(socket: SessionClient): void {
    const client = this.clients[socket.id]
    if (client === undefined) return
    client.connected = false
    tell(() => client.emit('disconnect'))
    delete this.clients[socket.id]
    this.log(`Client ${client.sessionId} disconnected`)
    tell(() => this.emit('clientDisconnect', client))
    for (const realm of this.realms.values()) realm.disconnected(client)
  }
}
