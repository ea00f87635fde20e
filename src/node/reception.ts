/** Accepts connections, keeps the books of them and of the clients, and speaks to the application's listeners. */
import type { EventEmitter } from 'node:events'
import { Server as HttpServer } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { compileOrigins, sameOrigin } from '../http/index.ts'
import { SignatureTable, signatures } from '../sniff/index.ts'
import { Application } from './application.ts'
import type { Client } from './client/client.ts'
import { Connection, type Member, type Session } from './connection.ts'
import type { Endpoint } from './endpoint.ts'
import { PortmanteauError } from './errors.ts'
import type { ConnectionHost, Host } from './host.ts'
import { NodeServer } from './http/node-server.ts'
import { type PlainStarts, plainStarts } from './http/plain-start.ts'
import { HttpSession } from './http/session.ts'
import type { HttpWriter } from './http/writer.ts'
import { Http2Acceptor } from './http2/acceptor.ts'
import { BufferBudget } from './limits/buffer-budget.ts'
import { Deadlines } from './limits/deadlines.ts'
import { resolveOptions, type ServerOptions, type Settings } from './limits/options.ts'
import { SniffSession } from './sniff-session.ts'
import { hasCertificate, TlsAcceptor } from './tls/acceptor.ts'

/** What `server.stats()` counts. */
export interface Stats {
  /** Connections accepted since the start. */
  accepted: number
  /** Connections dropped because a limit on connections was reached. */
  dropped: number
  /** Connections that have not shown their protocol. */
  sniffing: number
  /** Connections in a TLS handshake. */
  handshaking: number
  /** Connections that are open, those not counted that are in a TLS handshake. */
  connections: number
  clients: number
  /** How often each protocol was recognised: one that came over TLS counts as `tls` too. */
  verdicts: Record<'tls' | 'http' | 'http2' | 'raw', number>
}

/** Compiled once for all servers of the process: that takes milliseconds. */
let sharedTable: SignatureTable | undefined

export class Reception extends Application implements Host {
  readonly settings: Settings
  readonly deadlines: Deadlines
  readonly budget: BufferBudget
  readonly encrypts: boolean
  /** The sessions of the clients, by the clients' ids. */
  readonly sessions: Map<string, Member>
  readonly clients: Map<string, Client>
  closing: boolean
  private readonly table: SignatureTable
  private readonly acceptor: TlsAcceptor | undefined
  /** Made when they are needed, and anew when the server listens again. */
  private nodeServer: NodeServer | undefined
  private http2: Http2Acceptor | undefined
  private readonly connections: Set<Connection<ConnectionHost>>
  private readonly addresses: Map<string, number>
  private readonly originMatches: ((origin: string) => boolean) | undefined
  private readonly verdicts: Stats['verdicts']
  private accepted: number
  private dropped: number
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
    const protocols = settings.http2 ? ['h2', 'http/1.1'] : ['http/1.1']
    this.sessions = new Map()
    this.clients = new Map()
    this.closing = false
    this.table = sharedTable ??= new SignatureTable(signatures)
    this.acceptor = this.encrypts
      ? new TlsAcceptor(options, settings.handshakeTimeout, protocols, this)
      : undefined
    this.nodeServer = undefined
    this.http2 = undefined
    this.connections = new Set()
    this.addresses = new Map()
    this.originMatches = settings.allowOrigin === undefined ? undefined : compileOrigins(settings.allowOrigin)
    this.verdicts = { tls: 0, http: 0, http2: 0, raw: 0 }
    this.accepted = 0
    this.dropped = 0
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
    if (this.closing || this.sniffing >= this.settings.maxSniffing || !this.admit(socket))
      return this.drop(socket)
    this.accepted++
    this.open(socket, (connection) => new SniffSession(connection, this.table))
  }

  /** The server listens (again). */
  reopen(): void {
    this.closing = false
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
    this.dropped++
  }

  secured(socket: TLSSocket): void {
    if (this.closing) socket.destroy()
    else if (socket.alpnProtocol === 'h2') {
      this.verdicts.http2++
      this.takeHttp2(socket, socket, undefined)
    } else if (socket.alpnProtocol === 'http/1.1') {
      this.verdicts.http++
      this.adopt(socket, socket, (connection) => new HttpSession(connection))
    } else this.open(socket, (connection) => new SniffSession(connection, this.table))
  }

  handshakeFailed(error: Error, socket: Socket): void {
    this.reportOf(describeTlsError(error), socket)
  }

  startTls(connection: Connection, first: Buffer): void {
    this.acceptor?.accept(connection.release() as Socket, first)
  }

  allowsOrigin(origin: string | undefined, host: string | undefined, encrypted: boolean): boolean {
    if (origin === undefined) return this.settings.allowUndefinedOrigin
    if (host !== undefined && sameOrigin(origin, host, encrypted)) return true
    return this.originMatches?.(origin) === true
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

  plainStart(kind: 'empty' | 'text' | 'binary'): Uint8Array {
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

  startRequest(connection: Connection, first: Buffer, client: Client | undefined): void {
    const socket = connection.release()
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

  sniffed(connection: Connection, protocol: keyof Stats['verdicts']): void {
    this.verdicts[protocol]++
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
      accepted: this.accepted,
      dropped: this.dropped,
      sniffing: this.sniffing,
      handshaking: this.acceptor?.pending ?? 0,
      connections: this.size,
      clients: this.sessions.size,
      verdicts: { ...this.verdicts },
    }
  }

  /** Ends what is no client yet, and what waits for a next request. */
  close(): void {
    this.closing = true
    this.acceptor?.destroyPending()
    this.nodeServer?.close()
    this.http2?.close()
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
    this.http2?.destroy()
  }

  /** Connections that are open, whoever reads them. */
  private get size(): number {
    return this.connections.size + (this.nodeServer?.size ?? 0) + (this.http2?.size ?? 0)
  }

  private takeHttp2(socket: Duplex, endpoint: Endpoint, first: Buffer | undefined): void {
    this.http2 ??= new Http2Acceptor(this)
    this.http2.accept(socket, endpoint, first)
  }

  private admit(socket: Socket): boolean {
    const { maxConnectionsPerAddress } = this.settings
    if (maxConnectionsPerAddress === Number.POSITIVE_INFINITY) return true
    const address = socket.remoteAddress ?? ''
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
    this.dropped++
    socket.destroy()
  }

  private open(socket: Socket, start: (connection: Connection) => Session): void {
    this.sniffing++
    this.connections.add(new Connection(this, socket, start))
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
