/**
 * Requests for the application. From the first of them a connection is node:http's, which reads it to its end; messages
 * that come on it later are still messages. The server here never listens: it is handed sockets.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { HttpError, type RequestHead } from '../../../http/index.ts'
import type { Client } from '../../client/client.ts'
import type { Endpoint } from '../../endpoint.ts'
import type { Host } from '../../host.ts'
import { asksForWebSocket, createHead } from '../request.ts'
import { HandedConnection } from './handed-connection.ts'
import { BEHIND_THE_LAST, refusalOfNode } from './parser-errors.ts'
import { upgradeBytes } from './upgrade-bytes.ts'

/** Node takes 0 for no timeout, and no fractions. */
function timeoutOf(milliseconds: number): number {
  return milliseconds === Number.POSITIVE_INFINITY ? 0 : Math.ceil(milliseconds)
}

/** How often node:http looks at its timeouts, in milliseconds. */
const LONGEST_INTERVAL = 1_000
const SHORTEST_INTERVAL = 10
const LOOKS_PER_TIMEOUT = 8

export class NodeServer {
  private readonly host: Host
  private readonly server: Server
  private readonly handed: Map<Duplex, HandedConnection>
  private readonly head: RequestHead
  /** Whether timeouts are watched. */
  private watching: boolean

  constructor(host: Host) {
    this.host = host
    this.handed = new Map()
    this.head = createHead(host.settings)
    this.watching = false
    this.server = this.create()
  }

  get size(): number {
    return this.handed.size
  }

  /** Takes a socket that nobody listens to; `first` was read of it. */
  accept(socket: Duplex, endpoint: Endpoint, first: Buffer, client: Client | undefined): void {
    // It has waited, and nobody waits for it any more.
    if (socket.destroyed) return
    const handed = new HandedConnection(this.host, socket, endpoint, client, this.head)
    this.handed.set(socket, handed)
    handed.whenClosed = () => this.leave(socket)
    this.watch()
    this.read(socket, first)
  }

  /** Ends what waits for a next request, and everything else at the end of its answers. */
  close(): void {
    for (const handed of this.handed.values()) handed.leave()
    this.unwatch()
  }

  destroy(): void {
    for (const socket of this.handed.keys()) socket.destroy()
  }

  private create(): Server {
    const { headLimit, headTimeout, bodyTimeout, keepAliveTimeout } = this.host.settings
    const shortest = Math.min(headTimeout, bodyTimeout) / LOOKS_PER_TIMEOUT
    const server = createServer({
      maxHeaderSize: Math.min(Math.ceil(headLimit), 2 ** 31 - 1),
      headersTimeout: timeoutOf(headTimeout),
      requestTimeout: timeoutOf(headTimeout + bodyTimeout),
      keepAliveTimeout: timeoutOf(keepAliveTimeout),
      connectionsCheckingInterval: Math.ceil(
        Math.min(LONGEST_INTERVAL, Math.max(SHORTEST_INTERVAL, shortest)),
      ),
      // It is looked at here, and refused with a reason.
      requireHostHeader: false,
    })
    // Node drops fields past its count silently; here they are counted, and refused.
    server.maxHeadersCount = 0
    // Who has ended its side is still owed its answers.
    ;(server as Server & { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = true
    server.on('request', (request, response) => this.onRequest(request, response, false))
    server.on('checkContinue', (request, response) => this.onRequest(request, response, true))
    server.on('checkExpectation', (request, response) => this.onRequest(request, response, false))
    server.on('upgrade', (request, socket, head) => this.onUpgrade(request, socket, head))
    server.on('connect', (_request, socket) => this.onConnect(socket))
    server.on('clientError', (error, socket) => this.onError(error, socket))
    return server
  }

  private read(socket: Duplex, first: Buffer): void {
    socket.pause()
    if (!socket.readableEnded) {
      socket.unshift(first)
      this.server.emit('connection', socket)
      socket.resume()
      return
    }
    // The stream takes nothing back any more: node:http is told what it would have been.
    this.server.emit('connection', socket)
    process.nextTick(() => {
      if (socket.destroyed) return
      socket.emit('data', first)
      socket.emit('end')
    })
  }

  private leave(socket: Duplex): void {
    this.handed.delete(socket)
    this.unwatch()
    this.host.left()
  }

  /** Only a server that listens watches its timeouts. */
  private watch(): void {
    if (this.watching) return
    this.watching = true
    this.server.emit('listening')
  }

  private unwatch(): void {
    if (!this.watching || !this.host.closing || this.handed.size > 0) return
    this.watching = false
    this.server.close()
  }

  private onRequest(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    this.handed.get(request.socket)?.take(request, response, expectsContinue)
  }

  /**
   * node:http has let go of the socket. A WebSocket that is asked for begins a connection of our own; any other upgrade may
   * be ignored (RFC 9110 §7.8): it is handed over once more, with the same request without the offer.
   */
  private onUpgrade(request: IncomingMessage, stream: Duplex, rest: Buffer): void {
    const { socket } = request
    const handed = this.handed.get(socket)
    if (handed === undefined) return void stream.destroy()
    const bytes = upgradeBytes(request, rest, this.head)
    if (bytes instanceof Error) return handed.fail(bytes)
    handed.release(() => {
      if (!asksForWebSocket(request)) return this.read(socket, bytes)
      this.handed.delete(socket)
      handed.detach()
      this.host.openHttp(socket, handed.endpoint, bytes)
      if (socket.readableEnded) socket.emit('end')
    })
  }

  private onConnect(socket: Duplex): void {
    const handed = this.handed.get(socket)
    if (handed === undefined) return void socket.destroy()
    handed.release(() => {
      handed.fail(
        new HttpError('ERR_HTTP_METHOD_UNSUPPORTED', 'Cannot read the request: CONNECT is not supported'),
      )
    })
  }

  /** What node:http cannot read, or does not wait for any longer, or an error of the connection. */
  private onError(error: Error & { code?: string }, socket: Duplex): void {
    const handed = this.handed.get(socket)
    if (error.code === BEHIND_THE_LAST && handed !== undefined) return
    const refusal = handed === undefined ? undefined : refusalOfNode(error, handed.inBody)
    if (refusal !== undefined) return handed!.fail(refusal)
    this.host.reportOf(error, handed?.peer() ?? socket)
    socket.destroy()
  }
}
