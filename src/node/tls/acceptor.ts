/**
 * TLS on sockets that were accepted elsewhere. `tls.Server` never listens here: it is handed the sockets that
 * begin with a ClientHello, and does the handshake, ALPN and the certificates. The time is our own, from accept: Node's is
 * that of an idle socket.
 */
import { constants } from 'node:crypto'
import type { Socket } from 'node:net'
import { createServer, type SecureContextOptions, type Server, type TLSSocket } from 'node:tls'
import type { ClientHello } from '../../sniff/index.ts'
import type { Endpoint } from '../endpoint.ts'
import { PortmanteauError } from '../errors.ts'
import { type Deadlined, type Deadlines, LONGEST_TIMEOUT } from '../limits/deadlines.ts'
import type { ServerOptions } from '../limits/server-options.ts'
import { Certificates } from './certificates.ts'
import { TlsEndpoint } from './tls-endpoint.ts'

export interface TlsSink {
  secured(socket: TLSSocket, endpoint: TlsEndpoint): void
  handshakeFailed(error: Error, socket: Socket): void
}

export interface TlsAcceptorOptions {
  readonly server: ServerOptions
  readonly deadlines: Deadlines
  /** Milliseconds from accept. */
  readonly handshakeTimeout: number
  /** What ALPN may choose from, the best first; asked at every handshake. */
  protocols(): readonly string[]
}

/** What comes to a handshake. */
export interface Arrival {
  readonly endpoint: Endpoint
  /** When it was accepted, by the coarse clock. */
  readonly since: number
  /** What was read of it: its beginning. */
  readonly first: Buffer
  /** The same, as far as it could be understood. */
  readonly hello: ClientHello | undefined
}

export class TlsAcceptor {
  private readonly options: TlsAcceptorOptions
  private readonly sink: TlsSink
  private readonly certificates: Certificates
  private server: Server
  /** The default certificate, where it was replaced. */
  private replacement: SecureContextOptions | undefined
  /** By the sockets that were accepted. */
  private readonly handshakes: Map<Socket, Handshake>

  constructor(options: TlsAcceptorOptions, sink: TlsSink) {
    this.options = options
    this.sink = sink
    this.certificates = new Certificates(options.server.sni, options.server)
    this.replacement = undefined
    this.server = this.createServer()
    this.handshakes = new Map()
  }

  /** Sockets whose handshake is not over. */
  get pending(): number {
    return this.handshakes.size
  }

  accept(socket: Socket, arrival: Arrival): void {
    const { deadlines, handshakeTimeout } = this.options
    const deadline = arrival.since + deadlines.period + handshakeTimeout
    const handshake = new Handshake(arrival, deadline, () => this.expire(socket))
    this.handshakes.set(socket, handshake)
    deadlines.add(handshake)
    // Node tells of what has failed when the socket is closed already.
    socket.once('close', () => {
      if (this.handshakes.has(socket)) setImmediate(() => this.take(socket))
    })
    // Who ends its side within the handshake is gone; later it may still be answered.
    socket.allowHalfOpen = false
    socket.pause()
    socket.unshift(arrival.first)
    this.server.emit('connection', socket)
  }

  /** Replaces the certificate of a server name, or without one the default one, for handshakes to come. */
  setSecureContext(options: SecureContextOptions, serverName: string | undefined): void {
    if (serverName === undefined) {
      this.replacement = this.certificates.complete(options)
      this.server.setSecureContext(this.replacement)
      return
    }
    const first = this.certificates.empty
    this.certificates.set(serverName, options)
    if (first) this.lookAtNames()
  }

  /** A first name: from now on each handshake stops to look for its certificate. Sessions go on. */
  private lookAtNames(): void {
    const before = this.server
    this.server = this.createServer()
    this.server.setTicketKeys(before.getTicketKeys())
    if (this.replacement !== undefined) this.server.setSecureContext(this.replacement)
  }

  destroyPending(): void {
    for (const socket of [...this.handshakes.keys()]) {
      this.take(socket)
      socket.destroy()
    }
  }

  private createServer(): Server {
    const { certificates, options } = this
    const server = createServer({
      ...options.server,
      handshakeTimeout: LONGEST_TIMEOUT,
      secureOptions: secureOptionsOf(options.server),
      // Only where there are names to look for: a handshake that stops to ask costs a tenth more.
      ...(!certificates.empty && { SNICallback: certificates.find.bind(certificates) }),
      // RFC 7301 §3.2: the server's choice; where there is none, Node answers no_application_protocol.
      ALPNCallback: ({ protocols: offered }) =>
        options.protocols().find((protocol) => offered.includes(protocol)),
    })
    server.on('secureConnection', (socket) => this.secured(socket))
    server.on('tlsClientError', (error, socket) => this.failed(error, socket))
    return server
  }

  private secured(socket: TLSSocket): void {
    const handshake = this.take(underlying(socket))
    if (handshake === undefined) return void socket.destroy()
    socket.allowHalfOpen = true
    const { endpoint, hello } = handshake.arrival
    this.sink.secured(socket, new TlsEndpoint(socket, endpoint, hello))
  }

  /** A server that does not listen itself reports a failed handshake but leaves the socket open. */
  private failed(error: Error, socket: TLSSocket): void {
    const under = underlying(socket)
    // Of one that was cut the reason is told already.
    if (this.take(under) !== undefined) this.sink.handshakeFailed(describe(error), under)
    socket.destroy()
  }

  private expire(socket: Socket): void {
    this.take(socket)
    const problem = 'Cannot complete the TLS handshake: it takes too long'
    this.sink.handshakeFailed(new PortmanteauError('ERR_TLS_HANDSHAKE_TIMEOUT', problem), socket)
    socket.destroy()
  }

  private take(socket: Socket): Handshake | undefined {
    const handshake = this.handshakes.get(socket)
    if (handshake === undefined) return undefined
    this.handshakes.delete(socket)
    this.options.deadlines.remove(handshake)
    return handshake
  }
}

/**
 * No renegotiation: it serves nobody, and costs the server more than the client. Where clients show certificates no session goes
 * on, for one that was begun under a name would be authorized under every other, whatever its `ca`.
 */
function secureOptionsOf({ secureOptions = 0, requestCert }: ServerOptions): number {
  const { SSL_OP_NO_RENEGOTIATION, SSL_OP_NO_TICKET } = constants
  return secureOptions | SSL_OP_NO_RENEGOTIATION | (requestCert === true ? SSL_OP_NO_TICKET : 0)
}

class Handshake implements Deadlined {
  readonly arrival: Arrival
  readonly deadline: number
  readonly expire: () => void

  constructor(arrival: Arrival, deadline: number, expire: () => void) {
    this.arrival = arrival
    this.deadline = deadline
    this.expire = expire
  }
}

/**
 * The socket that TLS runs on. Node keeps it there for every socket that stands on another one; addresses would not
 * tell: those of two sockets of the file system are alike.
 */
function underlying(socket: TLSSocket): Socket {
  return (socket as TLSSocket & { readonly _parent: Socket })._parent
}

/** OpenSSL's own text has addresses and paths in it; the whole error stays as the cause. */
function describe(error: Error & { reason?: string }): PortmanteauError {
  const reason = error.reason ?? error.message.trim()
  return new PortmanteauError('ERR_TLS_HANDSHAKE', `Cannot complete the TLS handshake: ${reason}`, {
    cause: error,
  })
}

/** Whether the options hold a certificate. */
export function hasCertificate(options: ServerOptions): boolean {
  const { key, cert, pfx, sni } = options
  return (key !== undefined && cert !== undefined) || pfx !== undefined || sni !== undefined
}
