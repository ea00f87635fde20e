/**
 * Requests for the application. From the first of them a connection is node:http's, which reads it to its end; messages
 * that come on it later are still messages. The server here never listens: it is handed sockets.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { errorAnswer } from '../../http/index.ts'
import type { Client } from '../client/client.ts'
import type { Endpoint } from '../endpoint.ts'
import { RefusedError } from '../errors.ts'
import type { Host } from '../host.ts'
import { HandedConnection } from './handed-connection.ts'
import { requestBytes } from './request.ts'

/** Node takes 0 for no timeout, and no fractions. */
function timeoutOf(milliseconds: number): number {
  return milliseconds === Number.POSITIVE_INFINITY ? 0 : Math.ceil(milliseconds)
}

/** How often node:http looks at its timeouts. */
const CHECKING_INTERVAL = 1_000

export class NodeServer {
  private readonly host: Host
  private readonly server: Server
  private readonly handed: Map<Duplex, HandedConnection>

  constructor(host: Host) {
    this.host = host
    this.handed = new Map()
    this.server = this.create()
  }

  get size(): number {
    return this.handed.size
  }

  /** Takes a socket that nobody listens to; `first` was read of it. */
  accept(socket: Duplex, endpoint: Endpoint, first: Buffer, client: Client | undefined): void {
    const handed = new HandedConnection(this.host, socket, endpoint, client)
    this.handed.set(socket, handed)
    socket.once('close', () => {
      this.handed.delete(socket)
      handed.close()
      this.host.left()
    })
    socket.pause()
    socket.unshift(first)
    this.server.emit('connection', socket)
    socket.resume()
  }

  /** Ends what waits for a next request, and everything else at the end of its answers. */
  close(): void {
    for (const handed of this.handed.values()) handed.leave()
  }

  destroy(): void {
    for (const socket of this.handed.keys()) socket.destroy()
  }

  private create(): Server {
    const { settings } = this.host
    const server = createServer({
      maxHeaderSize: settings.headLimit === Number.POSITIVE_INFINITY ? 2 ** 31 - 1 : settings.headLimit,
      headersTimeout: timeoutOf(settings.headTimeout),
      requestTimeout: timeoutOf(settings.headTimeout + settings.bodyTimeout),
      keepAliveTimeout: timeoutOf(settings.keepAliveTimeout),
      connectionsCheckingInterval: CHECKING_INTERVAL,
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
    server.on('connect', (_request, socket) => refuseConnect(socket, this.host.date()))
    server.on('clientError', (error, socket) => this.onError(error, socket))
    // Only a server that listens watches its timeouts.
    server.emit('listening')
    return server
  }

  private onRequest(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    this.handed.get(request.socket)?.take(request, response, expectsContinue)
  }

  /** node:http has let go of the socket: it is read again as a connection that begins with this request. */
  private onUpgrade(request: IncomingMessage, socket: Duplex, rest: Buffer): void {
    const handed = this.handed.get(socket)
    if (handed === undefined) return void socket.destroy()
    this.handed.delete(socket)
    handed.detach()
    this.host.openHttp(socket, handed.endpoint, requestBytes(request, rest))
  }

  /** What node:http cannot read, or does not wait for any longer. */
  private onError(error: Error & { code?: string }, socket: Duplex): void {
    const handed = this.handed.get(socket)
    this.host.reportOf(error, handed?.client ?? socket)
    const status = STATUSES.get(error.code ?? '') ?? (error.code?.startsWith('HPE_') ? 400 : undefined)
    if (status === undefined || !socket.writable || handed?.answering === true) return void socket.destroy()
    const refused = new RefusedError(error.code!, status, `Cannot read the request: ${error.message}`)
    socket.end(Buffer.from(errorAnswer(refused, { date: this.host.date() }), 'latin1'), () =>
      socket.destroy(),
    )
  }
}

const STATUSES: ReadonlyMap<string, number> = new Map([
  ['HPE_HEADER_OVERFLOW', 431],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 413],
  ['ERR_HTTP_REQUEST_TIMEOUT', 408],
])

function refuseConnect(socket: Duplex, date: string): void {
  const refused = new RefusedError('ERR_HTTP_METHOD_UNSUPPORTED', 501, 'Cannot serve CONNECT')
  socket.on('error', () => {})
  socket.end(Buffer.from(errorAnswer(refused, { date }), 'latin1'), () => socket.destroy())
}
