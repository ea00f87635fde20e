/**
 * Sockets that somebody else reads from now on: node:tls for the handshake, node:http, node:http2, and those that routes lead
 * to. They are kept in the books until they are closed, for none may be left when the server is.
 */
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { SecureContextOptions } from 'node:tls'
import type { ClientHello } from '../../sniff/index.ts'
import type { Client } from '../client/client.ts'
import type { Connection } from '../connection.ts'
import { Forwarding, type ForwardingHost } from '../door/forwarding.ts'
import type { RouteHandler, RouteTarget } from '../door/routes.ts'
import { type Endpoint, restore, showEndpoint } from '../endpoint.ts'
import { PortmanteauError } from '../errors.ts'
import type { Host } from '../host.ts'
import { NodeServer } from '../http/handed/node-server.ts'
import { Http2Acceptor } from '../http2/acceptor.ts'
import type { TlsAcceptor } from '../tls/acceptor.ts'

export class Departures {
  private readonly host: Host & ForwardingHost
  private readonly acceptor: TlsAcceptor | undefined
  /** Made when they are needed. */
  private nodeServer: NodeServer | undefined
  private http2: Http2Acceptor | undefined
  private readonly forwardings: Set<Forwarding>
  /** Those that functions have. */
  private readonly given: Set<Duplex>
  /** Requests on HTTP/2 that the application has: those of node:http's connections that are in memory only. */
  bridges: number

  constructor(host: Host & ForwardingHost, acceptor: TlsAcceptor | undefined) {
    this.host = host
    this.acceptor = acceptor
    this.nodeServer = undefined
    this.http2 = undefined
    this.forwardings = new Set()
    this.given = new Set()
    this.bridges = 0
  }

  /** Connections that are open, bridges among them, but for those in their handshake. */
  get size(): number {
    const { forwardings, given, nodeServer, http2 } = this
    return forwardings.size + given.size + (nodeServer?.size ?? 0) + (http2?.size ?? 0)
  }

  get handshaking(): number {
    return this.acceptor?.pending ?? 0
  }

  get forwarded(): number {
    return this.forwardings.size
  }

  startTls(connection: Connection, first: Buffer, hello: ClientHello | undefined): void {
    const { endpoint, since } = connection
    this.acceptor?.accept(connection.release() as Socket, { endpoint, since, first, hello })
    connection.disown()
  }

  setSecureContext(options: SecureContextOptions, serverName: string | undefined): void {
    if (this.acceptor === undefined) {
      throw new PortmanteauError('ERR_TLS_UNAVAILABLE', 'Cannot replace the certificate: the server has none')
    }
    this.acceptor.setSecureContext(options, serverName)
  }

  startRequest(connection: Connection, first: Buffer, client: Client | undefined): void {
    const { endpoint } = connection
    const socket = connection.release()
    showEndpoint(socket, endpoint)
    this.nodeServer ??= new NodeServer(this.host)
    this.nodeServer.accept(socket, endpoint, first, client)
    connection.disown()
  }

  startBridge(bridge: Duplex & Endpoint, head: string): void {
    this.nodeServer ??= new NodeServer(this.host)
    if (bridge.destroyed) return
    this.bridges++
    // Ahead of the application's listeners, which may throw.
    bridge.once('close', () => this.bridges--)
    this.nodeServer.accept(bridge, bridge, Buffer.from(head, 'latin1'), undefined)
  }

  startHttp2(socket: Duplex, endpoint: Endpoint, first: Buffer | undefined): void {
    this.http2 ??= new Http2Acceptor(this.host)
    this.http2.accept(socket, endpoint, first)
  }

  /** Takes a socket that nobody listens to; `first` was read of it. */
  route(socket: Duplex, endpoint: Endpoint, first: Buffer, target: RouteTarget): void {
    if (typeof target === 'object') {
      this.forwardings.add(new Forwarding(this.host, socket, endpoint, first, target))
      return
    }
    this.keep(socket)
    showEndpoint(socket, endpoint)
    // Where its end was read already Node is not done with it before the next tick.
    if (socket.readableEnded) process.nextTick(() => this.give(socket, first, target))
    else this.give(socket, first, target)
  }

  forwardingEnded(forwarding: Forwarding): void {
    this.forwardings.delete(forwarding)
    this.host.left()
  }

  /** Ends what waits for a next request; handshakes are cut. */
  close(): void {
    this.acceptor?.destroyPending()
    this.nodeServer?.close()
    this.http2?.close()
  }

  destroy(): void {
    this.nodeServer?.destroy()
    this.http2?.destroy()
    for (const forwarding of this.forwardings) forwarding.destroy()
    for (const socket of this.given) socket.destroy()
  }

  private keep(socket: Duplex): void {
    const { host, given } = this
    given.add(socket)
    // No peer may end the process of a function that listens for no errors.
    const onError = (error: Error) => {
      if (socket.listenerCount('error') === 1) host.reportOf(error, socket)
    }
    socket.on('error', onError)
    socket.once('close', () => {
      given.delete(socket)
      host.left()
    })
  }

  private give(socket: Duplex, first: Buffer, handler: RouteHandler): void {
    if (socket.destroyed) return
    restore(socket, first)
    this.host.guard(
      () => handler(socket as Socket),
      () => socket.destroy(),
    )
  }
}
