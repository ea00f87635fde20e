/** Accepts connections, keeps the books of them and of the clients, and speaks to the application's listeners. */
import type { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { compileOrigins, sameOrigin } from '../http/index.ts'
import { SignatureTable, signatures } from '../sniff/index.ts'
import type { Client } from './client/client.ts'
import { type ClientSession, Connection } from './connection.ts'
import { PortmanteauError } from './errors.ts'
import type { ConnectionHost, Failed, Host, Message } from './host.ts'
import type { Request, Response } from './http/request.ts'
import { HttpSession } from './http/session.ts'
import { BufferBudget } from './limits/buffer-budget.ts'
import { Deadlines } from './limits/deadlines.ts'
import { resolveOptions, type ServerOptions, type Settings } from './limits/options.ts'
import { SniffSession } from './sniff-session.ts'
import { hasCertificate, TlsAcceptor } from './tls/acceptor.ts'
import type { Writer } from './writer.ts'

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

const FAILED: Failed = { status: 500, message: 'Cannot answer: the application has failed' }

type Listener = (...args: unknown[]) => unknown

export class Reception implements Host {
  readonly settings: Settings
  readonly deadlines: Deadlines
  readonly budget: BufferBudget
  readonly encrypts: boolean
  /** The sessions of the clients, by the clients' ids. */
  readonly sessions: Map<string, ClientSession>
  readonly clients: Map<string, Client>
  closing: boolean
  private readonly emitter: EventEmitter
  private readonly table: SignatureTable
  private readonly acceptor: TlsAcceptor | undefined
  private readonly connections: Set<Connection<ConnectionHost>>
  private readonly addresses: Map<string, number>
  private readonly originMatches: ((origin: string) => boolean) | undefined
  private readonly verdicts: Stats['verdicts']
  private accepted: number
  private dropped: number
  private sniffing: number
  private corked: Connection<ConnectionHost>[]
  private unfinished: Response[]
  private dateSecond: number
  private dateText: string
  private whenEmpty: (() => void) | undefined

  constructor(emitter: EventEmitter, options: ServerOptions) {
    this.settings = resolveOptions(options)
    const { settings } = this
    this.deadlines = new Deadlines(shortestTimeout(settings))
    this.budget = new BufferBudget(settings.bufferLimit)
    this.encrypts = hasCertificate(options)
    this.sessions = new Map()
    this.clients = new Map()
    this.closing = false
    this.emitter = emitter
    this.table = sharedTable ??= new SignatureTable(signatures)
    this.acceptor = this.encrypts ? new TlsAcceptor(options, settings.handshakeTimeout, this) : undefined
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
    this.dateText = ''
    this.whenEmpty = undefined
  }

  get servesRequests(): boolean {
    return this.emitter.listenerCount('request') > 0
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
    else if (socket.alpnProtocol === 'http/1.1') {
      this.open(socket, (connection) => new HttpSession(connection))
      this.verdicts.http++
      this.sniffing--
    } else this.open(socket, (connection) => new SniffSession(connection, this.table))
  }

  handshakeFailed(error: Error, socket: Socket): void {
    this.guard(() => this.emitter.emit('clientError', describeTlsError(error), socket))
  }

  startTls(connection: Connection, first: Buffer): void {
    this.acceptor?.accept(connection.release(), first)
  }

  allowsOrigin(origin: string | undefined, host: string | undefined, encrypted: boolean): boolean {
    if (origin === undefined) return this.settings.allowUndefinedOrigin
    if (host !== undefined && sameOrigin(origin, host, encrypted)) return true
    return this.originMatches?.(origin) === true
  }

  date(): string {
    const second = Math.floor(Date.now() / 1000)
    if (second !== this.dateSecond) {
      this.dateSecond = second
      this.dateText = new Date(second * 1000).toUTCString()
    }
    return this.dateText
  }

  flushSoon(connection: Connection<ConnectionHost>): void {
    if (this.corked.push(connection) === 1) process.nextTick(() => this.flushConnections())
  }

  flushAnswerSoon(answer: Response): void {
    if (this.unfinished.push(answer) === 1) setImmediate(() => this.flushAnswers())
  }

  clientConnected(session: ClientSession): void {
    const { client } = session
    this.sessions.set(client.id, session)
    this.clients.set(client.id, client)
    session.connection.client = client
    client.setSource(session)
    this.guard(() => this.emitter.emit('clientConnect', client, session.writer))
  }

  clientDisconnected(session: ClientSession): void {
    const { client } = session
    if (!this.sessions.delete(client.id)) return
    this.clients.delete(client.id)
    client.end()
    this.guard(() => this.emitter.emit('clientDisconnect', client))
  }

  deliver(message: Message, client: Client, writer: Writer): Promise<boolean> | undefined {
    const listeners = this.emitter.rawListeners('message') as Listener[]
    if ((listeners.length === 0 || client.listening) && Buffer.isBuffer(message)) client.keep(message)
    let pending: Promise<boolean> | undefined
    for (const listener of listeners) {
      const settled = this.call(listener, message, client, writer)
      if (settled === undefined) continue
      pending = pending === undefined ? settled : bothSucceed(pending, settled)
    }
    return pending
  }

  request(request: Request, response: Response): boolean {
    if (!this.servesRequests) return false
    this.guard(() => this.emitter.emit('request', request, response))
    return true
  }

  ask<Answer>(question: () => Answer | Promise<Answer>): Answer | Promise<Answer | Failed> | Failed {
    try {
      const answer = question()
      if (!(answer instanceof Promise)) return answer
      return answer.catch((reason) => {
        rethrowRejection(reason)
        return FAILED
      })
    } catch (error) {
      rethrow(error)
      return FAILED
    }
  }

  report(error: Error, connection: Connection<ConnectionHost>): void {
    this.guard(() => this.emitter.emit('clientError', error, connection.client ?? connection.socket))
  }

  sniffed(connection: Connection, protocol: keyof Stats['verdicts']): void {
    this.verdicts[protocol]++
    connection.sniffing = false
    this.sniffing--
  }

  closed(connection: Connection<ConnectionHost>): void {
    if (!this.connections.delete(connection)) return
    if (connection.sniffing) this.sniffing--
    if (this.connections.size === 0) this.whenEmpty?.()
  }

  stats(): Stats {
    return {
      accepted: this.accepted,
      dropped: this.dropped,
      sniffing: this.sniffing,
      handshaking: this.acceptor?.pending ?? 0,
      connections: this.connections.size,
      clients: this.sessions.size,
      verdicts: { ...this.verdicts },
    }
  }

  /** Ends what is no client yet, and what waits for a next request. */
  close(): void {
    this.closing = true
    this.acceptor?.destroyPending()
    for (const connection of this.connections) {
      if (connection.client === undefined || connection.client.protocol === 'http')
        connection.session.shutdown()
    }
  }

  /** Ends every connection in its protocol's own way; cuts what is still there after `timeout`. */
  async shutdown(timeout: number): Promise<void> {
    this.close()
    for (const connection of this.connections) connection.session.shutdown()
    if (this.connections.size === 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeout)
      this.whenEmpty = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    for (const connection of this.connections) connection.destroy()
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

  private open(socket: Socket, start: (connection: Connection) => SniffSession | HttpSession): void {
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

  /** A listener that throws or rejects ends as it would anywhere in Node, but never in the middle of a session. */
  private call(
    listener: Listener,
    message: Message,
    client: Client,
    writer: Writer,
  ): Promise<boolean> | undefined {
    try {
      const result = listener.call(this.emitter, message, client, writer)
      return result instanceof Promise ? result.then(succeeded, rethrowRejection) : undefined
    } catch (error) {
      rethrow(error)
      return Promise.resolve(false)
    }
  }

  private guard(emit: () => void): void {
    try {
      emit()
    } catch (error) {
      rethrow(error)
    }
  }
}

/** OpenSSL's own text has addresses and paths in it; the whole error stays as the cause. */
function describeTlsError(error: Error & { code?: string; reason?: string }): PortmanteauError {
  const reason = error.reason ?? error.message.trim()
  const code = error.code === 'ERR_TLS_HANDSHAKE_TIMEOUT' ? error.code : 'ERR_TLS_HANDSHAKE'
  return new PortmanteauError(code, `Cannot complete the TLS handshake: ${reason}`, { cause: error })
}

function succeeded(): boolean {
  return true
}

function rethrowRejection(reason: unknown): boolean {
  void Promise.reject(reason)
  return false
}

function rethrow(error: unknown): void {
  process.nextTick(() => {
    throw error
  })
}

async function bothSucceed(one: Promise<boolean>, other: Promise<boolean>): Promise<boolean> {
  const first = await one
  return (await other) && first
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
