/**
 * TLS on sockets that were accepted elsewhere. `tls.Server` never listens here: it is handed the sockets that
 * begin with a ClientHello, and does the handshake, its timeout, ALPN and the certificates.
 */
import type { Socket } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import type { ServerOptions } from '../limits/options.ts'

export interface TlsSink {
  secured(socket: TLSSocket): void
  handshakeFailed(error: Error, socket: Socket): void
}

export class TlsAcceptor {
  private readonly server: Server
  private readonly handshaking: Map<string, Socket>

  constructor(options: ServerOptions, handshakeTimeout: number, protocols: readonly string[], sink: TlsSink) {
    this.handshaking = new Map()
    this.server = createServer({ ...options, handshakeTimeout, ALPNProtocols: protocols })
    this.server.on('secureConnection', (socket) => {
      this.handshaking.delete(peerOf(socket))
      sink.secured(socket)
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
  accept(socket: Socket, first: Buffer): void {
    const peer = peerOf(socket)
    this.handshaking.set(peer, socket)
    socket.once('close', () => this.handshaking.delete(peer))
    socket.pause()
    socket.unshift(first)
    this.server.emit('connection', socket)
  }

  destroyPending(): void {
    for (const socket of this.handshaking.values()) socket.destroy()
    this.handshaking.clear()
  }
}

/** What the socket under TLS and the one above it have in common. */
function peerOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`
}

/** Whether the options hold a certificate. */
export function hasCertificate(options: ServerOptions): boolean {
  return (options.key !== undefined && options.cert !== undefined) || options.pfx !== undefined
}
