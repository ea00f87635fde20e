/**
 * TLS on sockets that were accepted elsewhere. `tls.Server` never listens here: it is handed the sockets that
 * begin with a ClientHello, and does the handshake, its timeout, ALPN and the certificates.
 */
import type { Socket } from 'node:net'
import { createServer, type SecureContextOptions, type Server, type TLSSocket } from 'node:tls'
import type { ClientHello } from '../../sniff/index.ts'
import type { Endpoint } from '../endpoint.ts'
import type { ServerOptions } from '../limits/server-options.ts'
import { Certificates } from './certificates.ts'
import { TlsEndpoint } from './tls-endpoint.ts'

export interface TlsSink {
  secured(socket: TLSSocket, endpoint: TlsEndpoint): void
  handshakeFailed(error: Error, socket: Socket): void
}

/** A socket in its handshake. */
interface Pending {
  readonly socket: Socket
  readonly endpoint: Endpoint
  readonly hello: ClientHello | undefined
}

export class TlsAcceptor {
  private readonly server: Server
  private readonly certificates: Certificates
  private readonly handshaking: Map<string, Pending>

  /** `protocols` are those that ALPN may choose from, the best first; asked at every handshake. */
  constructor(
    options: ServerOptions,
    handshakeTimeout: number,
    protocols: () => readonly string[],
    sink: TlsSink,
  ) {
    this.handshaking = new Map()
    this.certificates = new Certificates(options.sni, options)
    this.server = createServer({
      ...options,
      handshakeTimeout,
      SNICallback: (name, done) => this.certificates.find(name, done),
      // RFC 7301 §3.2: the server's choice; where there is none, Node answers no_application_protocol.
      ALPNCallback: ({ protocols: offered }) => protocols().find((protocol) => offered.includes(protocol)),
    })
    this.server.on('secureConnection', (socket) => {
      const pending = this.take(socket)
      sink.secured(socket, new TlsEndpoint(socket, pending?.endpoint ?? socket, pending?.hello))
    })
    // A server that does not listen itself reports a failed handshake but leaves the socket open.
    this.server.on('tlsClientError', (error, socket) => {
      sink.handshakeFailed(error, socket)
      socket.destroy()
    })
  }

  /** Sockets whose handshake is not over. */
  get pending(): number {
    return this.handshaking.size
  }

  /** Does the handshake on a socket that was read up to `first`, which is its beginning. */
  accept(socket: Socket, endpoint: Endpoint, first: Buffer, hello: ClientHello | undefined): void {
    const peer = peerOf(socket)
    this.handshaking.set(peer, { socket, endpoint, hello })
    socket.once('close', () => this.handshaking.delete(peer))
    socket.pause()
    socket.unshift(first)
    this.server.emit('connection', socket)
  }

  /** Replaces the certificate of a server name, or without one the default one, for handshakes to come. */
  setSecureContext(options: SecureContextOptions, serverName: string | undefined): void {
    if (serverName === undefined) this.server.setSecureContext(options)
    else this.certificates.set(serverName, options)
  }

  destroyPending(): void {
    for (const { socket } of this.handshaking.values()) socket.destroy()
    this.handshaking.clear()
  }

  private take(socket: TLSSocket): Pending | undefined {
    const peer = peerOf(socket)
    const pending = this.handshaking.get(peer)
    this.handshaking.delete(peer)
    return pending
  }
}

/** What the socket under TLS and the one above it have in common. */
function peerOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`
}

/** Whether the options hold a certificate. */
export function hasCertificate(options: ServerOptions): boolean {
  const { key, cert, pfx, sni } = options
  return (key !== undefined && cert !== undefined) || pfx !== undefined || sni !== undefined
}
