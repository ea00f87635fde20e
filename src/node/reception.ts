/** Accepts connections, keeps the books of them and of the clients, and speaks to the application's listeners. */
import type { EventEmitter } from 'node:events'
import { Server as HttpServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { SecureContextOptions, TLSSocket } from 'node:tls'
import type { ClientHello } from '../sniff/index.ts'
import { codecOf, isVersion, type Version } from '../ws-codec/index.ts'
import { Application } from './application.ts'
import { Client } from './client/client.ts'
import { Connection, type Member, type Session } from './connection.ts'
import type { Forwarding } from './door/forwarding.ts'
import { FrontDoor } from './door/front-door.ts'
import { ProxySession } from './door/proxy-session.ts'
import type { RouteTarget } from './door/routes.ts'
import { SniffSession } from './door/sniff-session.ts'
import type { Endpoint } from './endpoint.ts'
import { PortmanteauError } from './errors.ts'
import type { ConnectionHost, Host } from './host.ts'
import type { PlainKind } from './http/plain-start.ts'
import { HttpSession } from './http/session.ts'
import type { HttpWriter } from './http/writer.ts'
import { AllowedOrigins } from './limits/allowed-origins.ts'
import { BufferBudget } from './limits/buffer-budget.ts'
import { Deadlines, LONGEST_TIMEOUT } from './limits/deadlines.ts'
import { resolveOptions, type Settings } from './limits/options.ts'
import type { ServerOptions } from './limits/server-options.ts'
import { Admission } from './reception/admission.ts'
import { type AttachableServer, AttachedServer } from './reception/attached-server.ts'
import { Batches } from './reception/batches.ts'
import { Dates } from './reception/dates.ts'
import { Departures } from './reception/departures.ts'
import { SidePorts } from './reception/side-ports.ts'
import type { Stats } from './reception/stats.ts'
import { SessionHub } from './sessions/hub.ts'
import { hasCertificate, TlsAcceptor } from './tls/acceptor.ts'
import type { TlsEndpoint } from './tls/tls-endpoint.ts'
import { WebSocketSession } from './websocket/session.ts'

export type { Stats } from './reception/stats.ts'

/** An echo of a client that does not read stops, instead of growing. */
const STOP_READING_ABOVE = 1024 * 1024

export class Reception extends Application implements Host {
  readonly settings: Settings
  readonly deadlines: Deadlines
  readonly budget: BufferBudget
  readonly stopReadingAbove: number
  readonly encrypts: boolean
  readonly door: FrontDoor
  readonly sessionHub: SessionHub | undefined
  /** The sessions of the clients, by the clients' ids. */
  readonly sessions: Map<string, Member>
  readonly clients: Map<string, Client>
  readonly sidePorts: SidePorts
  private readonly attached: AttachedServer[]
  closing: boolean
  private readonly departures: Departures
  private readonly admission: Admission
  private readonly batches: Batches
  private readonly dates: Dates
  private readonly connections: Set<Connection<ConnectionHost>>
  private readonly origins: AllowedOrigins
  private sniffing: number
  /** Those of the connections that are streams of HTTP/2. */
  private readonly streams: Set<Connection<ConnectionHost>>
  /** Told once all connections are gone. */
  private readonly whenEmpty: Set<() => void>

  constructor(emitter: EventEmitter, options: ServerOptions) {
    super(emitter, options.http instanceof HttpServer ? options.http : undefined)
    this.settings = resolveOptions(options)
    const { settings } = this
    this.deadlines = new Deadlines(shortestTimeout(settings))
    this.budget = new BufferBudget(settings.bufferLimit)
    this.stopReadingAbove = STOP_READING_ABOVE
    this.encrypts = hasCertificate(options)
    this.door = new FrontDoor(settings)
    this.sessionHub = settings.sessions && new SessionHub(this, settings.sessions)
    this.sessions = new Map()
    this.clients = new Map()
    this.sidePorts = this.createSidePorts()
    this.attached = []
    this.closing = false
    this.departures = new Departures(this, this.encrypts ? this.createAcceptor(options) : undefined)
    this.admission = new Admission(settings.maxConnectionsPerAddress)
    this.batches = new Batches()
    this.dates = new Dates(this.deadlines)
    this.connections = new Set()
    this.origins = new AllowedOrigins(settings, (question) => this.ask(question))
    this.sniffing = 0
    this.streams = new Set()
    this.whenEmpty = new Set()
  }

  accept(socket: Socket): void {
    const { door, settings, departures } = this
    // A handshake is no more than sniffing to the end.
    if (this.closing || this.sniffing + departures.handshaking >= settings.maxSniffing)
      return this.drop(socket)
    const proxied = door.trust.isProxy(socket)
    // Behind a proxy the address is only known once it has told.
    if (!proxied && !this.admission.admit(socket, socket)) return this.drop(socket)
    door.counters.countAccepted(socket)
    this.open(socket, socket, proxied)
  }

  sniff(connection: Connection): Session {
    return new SniffSession(connection)
  }

  proxied(connection: Connection, chunk: Buffer, pos: number): number {
    const { socket, endpoint } = connection
    if (!this.admission.admit(socket, endpoint)) {
      this.door.counters.countDropped(socket)
      connection.destroy()
      return chunk.length
    }
    const way = this.door.agreed(socket, endpoint.tls?.protocol)
    if (way === undefined) {
      connection.handOn(new SniffSession(connection))
      return pos
    }
    this.sniffed(connection)
    connection.deadline = Number.POSITIVE_INFINITY
    if (way === 'http1') {
      connection.handOn(new HttpSession(connection))
      return pos
    }
    if (way === 'http2') this.startHttp2(connection, chunk.subarray(pos))
    else this.route(connection, chunk.subarray(pos), way)
    return chunk.length
  }

  /** The server listens (again), at this address: what listens beside it does so, too. */
  reopen(at: AddressInfo | string | null): void {
    this.closing = false
    if (at !== null && typeof at === 'object') this.sidePorts.open(at)
  }

  /** Serves what is more than WebSockets on a server that exists, too. */
  attach(server: AttachableServer): void {
    if (this.sessionHub === undefined && this.settings.flashPolicy === undefined) return
    this.attached.push(new AttachedServer(this, server, this.createSidePorts()))
  }

  /** A first listener of `message` is there: it gets what has waited for it. */
  replay(): void {
    for (const { client, writer } of this.sessions.values()) {
      for (const kept of client.takeKept()) {
        client.isText = typeof kept === 'string'
        if (writer !== undefined) this.deliver(Buffer.from(kept as string), client, writer)
      }
    }
  }

  /** A connection that net.Server has dropped already counts too. */
  countDrop(): void {
    this.door.counters.countDropped(undefined)
  }

  /** What ALPN has chosen is trusted: without it the bytes tell, and HTTP that was agreed on never is anything else. */
  secured(socket: TLSSocket, endpoint: TlsEndpoint): void {
    const { door, departures } = this
    if (this.closing) return void socket.destroy()
    if (door.trust.isOwed(endpoint)) return this.open(socket, endpoint, true)
    const way = door.agreed(socket, endpoint.protocol)
    if (way === undefined) this.open(socket, endpoint, false)
    else if (way === 'http1') this.adopt(socket, endpoint, (connection) => new HttpSession(connection))
    else if (way === 'http2') departures.startHttp2(socket, endpoint, undefined)
    else departures.route(socket, endpoint, Buffer.alloc(0), way)
  }

  handshakeFailed(error: Error, socket: Socket): void {
    this.reportOf(error, socket)
  }

  startTls(connection: Connection, first: Buffer, hello: ClientHello | undefined): void {
    this.departures.startTls(connection, first, hello)
  }

  setSecureContext(options: SecureContextOptions, serverName: string | undefined): void {
    this.departures.setSecureContext(options, serverName)
  }

  route(connection: Connection, first: Buffer, target: RouteTarget): void {
    this.departures.route(connection.release(), connection.endpoint, first, target)
    connection.disown()
  }

  forwardingFailed(error: Error, client: Duplex): void {
    this.reportOf(error, client)
  }

  forwardingEnded(forwarding: Forwarding): void {
    this.departures.forwardingEnded(forwarding)
  }

  allowsOrigin(origin: string | undefined, host: string | undefined, encrypted: boolean): boolean {
    return this.origins.allow(origin, host, encrypted)
  }

  date(): string {
    return this.dates.date()
  }

  plainStart(kind: PlainKind): Uint8Array {
    return this.dates.plainStart(kind)
  }

  flushSoon(connection: Connection<ConnectionHost>): void {
    this.batches.flushSoon(connection)
  }

  flushAnswerSoon(answer: HttpWriter): void {
    this.batches.flushAnswerSoon(answer)
  }

  adopt(socket: Duplex, endpoint: Endpoint, start: (connection: Connection) => Session): Connection {
    const connection = new Connection(this, socket, start, endpoint)
    connection.sniffing = false
    this.connections.add(connection)
    return connection
  }

  adoptStream(stream: Duplex, endpoint: Endpoint, start: (connection: Connection) => Session): Connection {
    const connection = this.adopt(stream, endpoint, start)
    this.streams.add(connection)
    return connection
  }

  openHttp(socket: Duplex, endpoint: Endpoint, first: Buffer): void {
    const connection = this.adopt(socket, endpoint, (opened) => new HttpSession(opened))
    if (this.closing) connection.destroy()
    else connection.consume(first, 0)
  }

  openWebSocket(socket: Duplex, version: Version, first: Buffer): Client {
    if (!isVersion(version)) {
      throw new PortmanteauError('ERR_OPTION', `Cannot use option version: ${String(version)} is none`)
    }
    const endpoint = socket as Endpoint
    const client = new Client(endpoint, 'websocket', version)
    const options = { codec: codecOf(version), role: 'server', client } as const
    const connection = this.adopt(socket, endpoint, (opened) => new WebSocketSession(opened, options))
    // Whoever has kept it until now may have paused it.
    socket.resume()
    if (this.closing) connection.destroy()
    else connection.consume(first, 0)
    // Nobody here was there to hear of it.
    if (socket.closed) process.nextTick(() => connection.onClose())
    else if (socket.readableEnded) process.nextTick(() => connection.onEnd())
    return client
  }

  startRequest(connection: Connection, first: Buffer, client: Client | undefined): void {
    this.departures.startRequest(connection, first, client)
  }

  startBridge(bridge: Duplex & Endpoint, head: string): void {
    this.departures.startBridge(bridge, head)
  }

  startHttp2(connection: Connection, first: Buffer): void {
    this.departures.startHttp2(connection.release(), connection.endpoint, first)
    connection.disown()
  }

  clientConnected(member: Member): void {
    const { client } = member
    this.clients.set(client.id, client)
    if (member.connection instanceof Connection) member.connection.client = client
    this.moved(member)
    this.guard(() => this.emitter.emit('clientConnect', client, member.writer))
  }

  clientDisconnected(member: Member): void {
    const { client } = member
    if (!this.sessions.delete(client.id)) return
    this.clients.delete(client.id)
    client.end()
    this.guard(() => this.emitter.emit('clientDisconnect', client))
  }

  moved(member: Member): void {
    this.sessions.set(member.client.id, member)
    member.client.setSource(member)
  }

  sniffed(connection: Connection): void {
    if (connection.sniffing) this.sniffing--
    connection.sniffing = false
  }

  closed(connection: Connection<ConnectionHost>): void {
    if (!this.connections.delete(connection)) return
    this.streams.delete(connection)
    if (connection.sniffing) this.sniffing--
    this.left()
  }

  left(): void {
    if (this.size === 0) for (const tell of this.whenEmpty) tell()
  }

  stats(): Stats {
    const udp = this.sidePorts.stats()
    return {
      ...this.door.counters.stats(),
      sniffing: this.sniffing,
      handshaking: this.departures.handshaking,
      connections: this.size - this.streams.size - this.departures.bridges,
      forwarded: this.departures.forwarded,
      clients: this.sessions.size,
      ...(udp === undefined ? {} : { udp }),
    }
  }

  /** Ends what is no client yet, and what waits for a next request. */
  close(): void {
    this.closing = true
    this.departures.close()
    this.sidePorts.close()
    for (const server of this.attached) server.close()
    this.sessionHub?.close()
    for (const connection of this.connections) {
      if (connection.client === undefined || connection.client.protocol === 'http')
        connection.session.shutdown()
    }
  }

  /** Ends every connection in its protocol's own way; cuts what is still there after `timeout`. */
  async shutdown(timeout: number): Promise<void> {
    this.sessionHub?.shutdown()
    this.close()
    for (const connection of this.connections) connection.session.shutdown()
    if (this.size > 0) await this.emptied(timeout)
    this.sessionHub?.destroy()
  }

  private createSidePorts(): SidePorts {
    return new SidePorts(this, (error) => this.emitter.emit('error', error))
  }

  /** Waits until all connections are gone, and cuts those that do not go in time. */
  private async emptied(timeout: number): Promise<void> {
    const timer = setTimeout(() => this.destroy(), Math.min(timeout, LONGEST_TIMEOUT))
    await new Promise<void>((resolve) => this.whenEmpty.add(resolve))
    this.whenEmpty.clear()
    clearTimeout(timer)
  }

  private destroy(): void {
    for (const connection of this.connections) connection.destroy()
    this.departures.destroy()
  }

  /** What is open, whoever reads it, and what goes on within connections of HTTP/2. */
  private get size(): number {
    return this.connections.size + this.departures.size
  }

  private createAcceptor(server: ServerOptions): TlsAcceptor {
    const { deadlines, door } = this
    const { handshakeTimeout } = this.settings
    const protocols = () => door.alpnProtocols
    return new TlsAcceptor({ server, deadlines, handshakeTimeout, protocols }, this)
  }

  private drop(socket: Socket): void {
    this.door.counters.countDropped(socket)
    socket.destroy()
  }

  private open(socket: Socket, endpoint: Endpoint, proxied: boolean): void {
    const start = (connection: Connection) =>
      proxied ? new ProxySession(connection) : new SniffSession(connection)
    this.sniffing++
    this.connections.add(new Connection(this, socket, start, endpoint))
  }
}

const TIMEOUTS = [
  'sniffTimeout',
  'headTimeout',
  'bodyTimeout',
  'keepAliveTimeout',
  'closeTimeout',
  'pingInterval',
  'idleTimeout',
  'handshakeTimeout',
] as const

function shortestTimeout(settings: Settings): number {
  const { udp, sessions } = settings
  const others = [udp?.idleTimeout, sessions?.shortest].filter((timeout) => timeout !== undefined)
  return Math.min(...TIMEOUTS.map((name) => settings[name]), ...others)
}
