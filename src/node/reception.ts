/** Accepts connections, keeps the books of them and of the clients, and speaks to the application's listeners. */
import type { EventEmitter } from 'node:events'
import { Server as HttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server as NetServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { SecureContextOptions, TLSSocket } from 'node:tls'
import type { ClientHello } from '../sniff/index.ts'
import { codecOf, isVersion, type Version } from '../ws-codec/index.ts'
import { Application } from './application.ts'
import { Client } from './client/client.ts'
import { Connection, type Member, type Session } from './connection.ts'
import type { DoorStats } from './door/counters.ts'
import { Forwarding } from './door/forwarding.ts'
import { FrontDoor } from './door/front-door.ts'
import { ProxySession } from './door/proxy-session.ts'
import type { RouteTarget } from './door/routes.ts'
import { SniffSession } from './door/sniff-session.ts'
import { type Endpoint, restore, showEndpoint } from './endpoint.ts'
import { PortmanteauError } from './errors.ts'
import type { ConnectionHost, Host } from './host.ts'
import { NodeServer } from './http/node-server.ts'
import { type PlainKind, type PlainStarts, plainStarts } from './http/plain-start.ts'
import { HttpSession } from './http/session.ts'
import type { HttpWriter } from './http/writer.ts'
import { Http2Acceptor } from './http2/acceptor.ts'
import { AllowedOrigins } from './limits/allowed-origins.ts'
import { BufferBudget } from './limits/buffer-budget.ts'
import { Deadlines } from './limits/deadlines.ts'
import { resolveOptions, type Settings } from './limits/options.ts'
import type { ServerOptions } from './limits/server-options.ts'
import { hasCertificate, TlsAcceptor } from './tls/acceptor.ts'
import type { TlsEndpoint } from './tls/tls-endpoint.ts'
import { UdpPort, type UdpStats } from './udp/udp-port.ts'
import { WebSocketSession } from './websocket/session.ts'

/** What `server.stats()` counts. */
export interface Stats extends DoorStats {
  /** Connections that have not shown their protocol. */
  sniffing: number
  /** Connections in a TLS handshake. */
  handshaking: number
  /** Connections that are open, those not counted that are in a TLS handshake. */
  connections: number
  /** Connections that are passed on to another server. */
  forwarded: number
  clients: number
  /** With the option `udp`. */
  udp?: UdpStats
}

export class Reception extends Application implements Host {
  readonly settings: Settings
  readonly deadlines: Deadlines
  readonly budget: BufferBudget
  readonly encrypts: boolean
  readonly door: FrontDoor
  /** The sessions of the clients, by the clients' ids. */
  readonly sessions: Map<string, Member>
  readonly clients: Map<string, Client>
  closing: boolean
  private readonly acceptor: TlsAcceptor | undefined
  /** Made when they are needed, and anew when the server listens again. */
  private nodeServer: NodeServer | undefined
  private http2: Http2Acceptor | undefined
  private udp: UdpPort | undefined
  private flashPort: NetServer | undefined
  private readonly connections: Set<Connection<ConnectionHost>>
  private readonly addresses: Map<string, number>
  private readonly origins: AllowedOrigins
  private readonly forwardings: Set<Forwarding>
  private sniffing: number
  private corked: Connection<ConnectionHost>[]
  private unfinished: HttpWriter[]
  private dateSecond: number
  private dateAt: number
  private plainDate: string
  private plainStarts: PlainStarts
  private dateText: string
  private whenEmpty: (() => void) | undefined

  constructor(emitter: EventEmitter, options: ServerOptions) {
    super(emitter, options.http instanceof HttpServer ? options.http : undefined)
    this.settings = resolveOptions(options)
    const { settings } = this
    this.deadlines = new Deadlines(shortestTimeout(settings))
    this.budget = new BufferBudget(settings.bufferLimit)
    this.encrypts = hasCertificate(options)
    this.door = new FrontDoor(settings)
    const protocols = () => this.alpnProtocols()
    this.sessions = new Map()
    this.clients = new Map()
    this.closing = false
    this.acceptor = this.encrypts
      ? new TlsAcceptor(options, settings.handshakeTimeout, protocols, this)
      : undefined
    this.nodeServer = undefined
    this.http2 = undefined
    this.udp = undefined
    this.flashPort = undefined
    this.connections = new Set()
    this.addresses = new Map()
    this.origins = new AllowedOrigins(settings, (question) => this.ask(question))
    this.forwardings = new Set()
    this.sniffing = 0
    this.corked = []
    this.unfinished = []
    this.dateSecond = 0
    this.dateAt = 0
    this.plainDate = ''
    this.plainStarts = plainStarts('')
    this.dateText = ''
    this.whenEmpty = undefined
  }

  accept(socket: Socket): void {
    const proxied = this.door.trust.isProxy(socket)
    if (this.closing || this.sniffing >= this.settings.maxSniffing) return this.drop(socket)
    // Behind a proxy the address is only known once it has told.
    if (!proxied && !this.admit(socket, socket.remoteAddress)) return this.drop(socket)
    this.door.counters.countAccepted(socket)
    this.open(socket, socket, (connection) =>
      proxied ? new ProxySession(connection) : new SniffSession(connection),
    )
  }

  sniff(connection: Connection): Session {
    return new SniffSession(connection)
  }

  proxied(connection: Connection): void {
    if (this.admit(connection.socket, connection.endpoint.remoteAddress)) return
    this.door.counters.countDropped(connection.socket)
    connection.destroy()
  }

  /** The server listens (again), at this address: datagrams and Flash's policy are served beside it. */
  reopen(at: AddressInfo | string | null): void {
    const { udp, flashPolicyPort } = this.settings
    const failed = (error: Error) => this.emitter.emit('error', error)
    this.closing = false
    if (at === null || typeof at === 'string') return
    if (udp !== undefined) this.udp = new UdpPort(this, this.door.routes, udp, at, failed)
    if (flashPolicyPort !== undefined) this.flashPort = this.openFlashPort(flashPolicyPort, at, failed)
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
    const protocol = socket.alpnProtocol || ''
    const route = this.door.routes.forProtocol(protocol)
    const isProxy = this.door.trust.mode !== 'off' && this.door.trust.isProxy(socket) && !endpoint.proxied
    if (this.closing) socket.destroy()
    else if (isProxy) this.open(socket, endpoint, (connection) => new ProxySession(connection))
    else if (route !== undefined) this.giveAway(socket, endpoint, Buffer.alloc(0), route)
    else if (protocol === 'h2') {
      this.door.counters.countVerdict(socket, 'http2', 0, 0)
      this.takeHttp2(socket, endpoint, undefined)
    } else if (protocol === 'http/1.1') {
      this.door.counters.countVerdict(socket, 'http1', 0, 0)
      this.adopt(socket, endpoint, (connection) => new HttpSession(connection))
    } else this.open(socket, endpoint, (connection) => new SniffSession(connection))
  }

  handshakeFailed(error: Error, socket: Socket): void {
    this.reportOf(describeTlsError(error), socket)
  }

  startTls(connection: Connection, first: Buffer, hello: ClientHello | undefined): void {
    this.acceptor?.accept(connection.release() as Socket, connection.endpoint, first, hello)
  }

  setSecureContext(options: SecureContextOptions, serverName: string | undefined): void {
    if (this.acceptor === undefined) {
      throw new PortmanteauError('ERR_TLS_UNAVAILABLE', 'Cannot replace the certificate: the server has none')
    }
    this.acceptor.setSecureContext(options, serverName)
  }

  route(connection: Connection, first: Buffer, target: RouteTarget): void {
    const socket = connection.release()
    this.giveAway(socket, connection.endpoint, first, target)
    connection.disown()
  }

  forwardingFailed(error: Error, client: Duplex): void {
    this.reportOf(error, client)
  }

  forwardingEnded(forwarding: Forwarding): void {
    this.forwardings.delete(forwarding)
    this.left()
  }

  allowsOrigin(origin: string | undefined, host: string | undefined, encrypted: boolean): boolean {
    return this.origins.allow(origin, host, encrypted)
  }

  /** Behind the clock by no more than the coarse one is. */
  date(): string {
    if (this.dateAt !== this.deadlines.now || this.dateText === '') {
      this.dateAt = this.deadlines.now
      const second = Math.floor(Date.now() / 1000)
      if (second !== this.dateSecond) {
        this.dateSecond = second
        this.dateText = new Date(second * 1000).toUTCString()
      }
    }
    return this.dateText
  }

  plainStart(kind: PlainKind): Uint8Array {
    const date = this.date()
    if (date !== this.plainDate) {
      this.plainDate = date
      this.plainStarts = plainStarts(date)
    }
    return this.plainStarts[kind]
  }

  flushSoon(connection: Connection<ConnectionHost>): void {
    if (this.corked.push(connection) === 1) process.nextTick(() => this.flushConnections())
  }

  flushAnswerSoon(answer: HttpWriter): void {
    if (this.unfinished.push(answer) === 1) setImmediate(() => this.flushAnswers())
  }

  adopt(socket: Duplex, endpoint: Endpoint, start: (connection: Connection) => Session): Connection {
    const connection = new Connection(this, socket, start, endpoint)
    connection.sniffing = false
    this.connections.add(connection)
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
    const client = new Client(socket as Endpoint, 'websocket', version)
    const options = { codec: codecOf(version), role: 'server', client } as const
    const connection = this.adopt(
      socket,
      socket as Endpoint,
      (opened) => new WebSocketSession(opened, options),
    )
    if (this.closing) connection.destroy()
    else connection.consume(first, 0)
    return client
  }

  startRequest(connection: Connection, first: Buffer, client: Client | undefined): void {
    const socket = connection.release()
    showEndpoint(socket, connection.endpoint)
    this.nodeServer ??= new NodeServer(this)
    this.nodeServer.accept(socket, connection.endpoint, first, client)
    connection.disown()
  }

  startBridge(bridge: Duplex & Endpoint, head: string): void {
    this.nodeServer ??= new NodeServer(this)
    this.nodeServer.accept(bridge, bridge, Buffer.from(head, 'latin1'), undefined)
  }

  startHttp2(connection: Connection, first: Buffer): void {
    this.takeHttp2(connection.release(), connection.endpoint, first)
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

  sniffed(connection: Connection, protocol: string, bytes: number, milliseconds: number): void {
    this.door.counters.countVerdict(connection.socket, protocol, bytes, milliseconds)
    connection.sniffing = false
    this.sniffing--
  }

  closed(connection: Connection<ConnectionHost>): void {
    if (!this.connections.delete(connection)) return
    if (connection.sniffing) this.sniffing--
    this.left()
  }

  left(): void {
    if (this.size === 0) this.whenEmpty?.()
  }

  stats(): Stats {
    return {
      ...this.door.counters.stats(),
      sniffing: this.sniffing,
      handshaking: this.acceptor?.pending ?? 0,
      connections: this.size,
      forwarded: this.forwardings.size,
      clients: this.sessions.size,
      ...(this.udp === undefined ? {} : { udp: this.udp.stats() }),
    }
  }

  /** Ends what is no client yet, and what waits for a next request. */
  close(): void {
    this.closing = true
    this.acceptor?.destroyPending()
    this.nodeServer?.close()
    this.http2?.close()
    this.udp?.close()
    this.udp = undefined
    this.flashPort?.close()
    this.flashPort = undefined
    for (const connection of this.connections) {
      if (connection.client === undefined || connection.client.protocol === 'http')
        connection.session.shutdown()
    }
  }

  /** Ends every connection in its protocol's own way; cuts what is still there after `timeout`. */
  async shutdown(timeout: number): Promise<void> {
    this.close()
    for (const connection of this.connections) connection.session.shutdown()
    if (this.size === 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeout)
      this.whenEmpty = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    for (const connection of this.connections) connection.destroy()
    this.nodeServer?.destroy()
    for (const forwarding of this.forwardings) forwarding.destroy()
    this.http2?.destroy()
  }

  /** Connections that are open, whoever reads them. */
  private get size(): number {
    return (
      this.connections.size + this.forwardings.size + (this.nodeServer?.size ?? 0) + (this.http2?.size ?? 0)
    )
  }

  private takeHttp2(socket: Duplex, endpoint: Endpoint, first: Buffer | undefined): void {
    this.http2 ??= new Http2Acceptor(this)
    this.http2.accept(socket, endpoint, first)
  }

  /** Flash asks on port 843 first; there is nothing else there. */
  private openFlashPort(port: number, at: AddressInfo, failed: (error: Error) => void): NetServer {
    const server = createServer((socket) => {
      const policy = this.door.flashPolicy(at.port)
      socket.on('error', () => {})
      socket.setTimeout(this.settings.sniffTimeout, () => socket.destroy())
      socket.end(policy ?? Buffer.alloc(0))
      socket.resume()
    })
    server.on('error', failed)
    server.listen(port, at.address)
    return server
  }

  private alpnProtocols(): readonly string[] {
    const { http1, http2 } = this.settings
    const ours = http1 ? (http2 ? ['h2', 'http/1.1'] : ['http/1.1']) : []
    return [...this.door.routes.alpnProtocols, ...ours]
  }

  private giveAway(socket: Duplex, endpoint: Endpoint, first: Buffer, target: RouteTarget): void {
    if (typeof target === 'object') {
      this.forwardings.add(new Forwarding(this, socket, endpoint, first, target))
      return
    }
    showEndpoint(socket, endpoint)
    restore(socket, first)
    this.guard(
      () => target(socket as Socket),
      () => socket.destroy(),
    )
  }

  private admit(socket: Duplex, address: string = ''): boolean {
    const { maxConnectionsPerAddress } = this.settings
    if (maxConnectionsPerAddress === Number.POSITIVE_INFINITY) return true
    const count = this.addresses.get(address) ?? 0
    if (count >= maxConnectionsPerAddress) return false
    this.addresses.set(address, count + 1)
    socket.once('close', () => this.forget(address))
    return true
  }

  private forget(address: string): void {
    const count = this.addresses.get(address)! - 1
    if (count > 0) this.addresses.set(address, count)
    else this.addresses.delete(address)
  }

  private drop(socket: Socket): void {
    this.door.counters.countDropped(socket)
    socket.destroy()
  }

  private open(socket: Socket, endpoint: Endpoint, start: (connection: Connection) => Session): void {
    this.sniffing++
    this.connections.add(new Connection(this, socket, start, endpoint))
  }

  private flushConnections(): void {
    const { corked } = this
    this.corked = []
    for (const connection of corked) connection.flush()
  }

  private flushAnswers(): void {
    const { unfinished } = this
    this.unfinished = []
    for (const answer of unfinished) answer.flush()
  }
}

/** OpenSSL's own text has addresses and paths in it; the whole error stays as the cause. */
function describeTlsError(error: Error & { code?: string; reason?: string }): PortmanteauError {
  const reason = error.reason ?? error.message.trim()
  const code = error.code === 'ERR_TLS_HANDSHAKE_TIMEOUT' ? error.code : 'ERR_TLS_HANDSHAKE'
  return new PortmanteauError(code, `Cannot complete the TLS handshake: ${reason}`, { cause: error })
}

function shortestTimeout(settings: Settings): number {
  const {
    sniffTimeout,
    headTimeout,
    bodyTimeout,
    keepAliveTimeout,
    closeTimeout,
    pingInterval,
    idleTimeout,
  } = settings
  return Math.min(
    sniffTimeout,
    headTimeout,
    bodyTimeout,
    keepAliveTimeout,
    closeTimeout,
    pingInterval,
    idleTimeout,
  )
}
