/** Sessions on a server of node:http or node:https that somebody else has. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { RequestHead } from '../../http/index.ts'
import { Client } from '../client/client.ts'
import type { Endpoint } from '../endpoint.ts'
import type { Host } from '../host.ts'
import { refuseUpgrade } from '../http/attachment.ts'
import { CarriedExchange } from '../http/carried-exchange.ts'
import { NodeRequest, type RequestCarrier, readAgain, showHost } from '../http/handed/node-request.ts'
import { upgradeBytes } from '../http/handed/upgrade-bytes.ts'
import { createHead } from '../http/request.ts'
import { Destination } from '../http/standard-answers.ts'
import { LONGEST_TIMEOUT } from '../limits/deadlines.ts'
import type { SessionHub } from './hub.ts'

/** Takes the requests and the WebSockets of sessions. */
export class AttachedSessions {
  private readonly host: Host
  private readonly hub: SessionHub
  private readonly server: { readonly listening?: boolean }
  private readonly head: RequestHead

  constructor(host: Host, hub: SessionHub, server: { readonly listening?: boolean }) {
    this.host = host
    this.hub = hub
    this.server = server
    this.head = createHead(host.settings)
  }

  /** Whether it has taken what an event is about. */
  take(event: unknown, args: readonly unknown[]): boolean {
    const serves = event === 'request' || event === 'checkContinue'
    if (!serves && event !== 'upgrade') return false
    const request = args[0] as IncomingMessage
    if (!this.concerns(request)) return false
    if (serves) this.takeRequest(request, args[1] as ServerResponse, event === 'checkContinue')
    else this.takeUpgrade(request, args[1] as Duplex, args[2] as Buffer)
    return true
  }

  /** HTTP/2, which some servers speak as well, is not read by the same rules. */
  private concerns({ method = '', url: target = '', httpVersionMajor }: IncomingMessage): boolean {
    return httpVersionMajor === 1 && this.hub.read({ method, target }) !== null
  }

  private takeRequest(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    const { host, head } = this
    const error = readAgain(request, head)
    if (error === null) showHost(request, head)
    const asked = new NodeRequest(new ForeignConnection(host, request), request, response, expectsContinue)
    const exchange = new CarriedExchange(host, asked, Destination.session, () => {})
    asked.whenWaiting = () => exchange.waits()
    response.on('drain', () => exchange.drained())
    const listened = Boolean(this.server.listening)
    response.once('close', () => {
      exchange.close()
      // A server that is closed waits for its connections: a client that asks again and again would keep it for ever.
      if (listened && this.server.listening === false) request.socket.end()
    })
    if (error === null) return exchange.start()
    // Where the next request begins may be read in two ways.
    response.shouldKeepAlive = false
    exchange.refuse(error)
  }

  /** node:http has let go of the socket. */
  private takeUpgrade(request: IncomingMessage, socket: Duplex, rest: Buffer): void {
    const { host } = this
    const bytes = upgradeBytes(request, rest, this.head)
    if (!(bytes instanceof Error)) return host.openHttp(socket, socket as Endpoint, bytes)
    host.reportOf(bytes, socket)
    socket.on('error', () => {})
    refuseUpgrade(socket, bytes, host.settings.closeTimeout)
  }
}

/** A connection that stays the server's: one request of it is taken. */
class ForeignConnection implements RequestCarrier {
  readonly endsRefused = false
  private readonly host: Host
  private readonly request: IncomingMessage

  constructor(host: Host, request: IncomingMessage) {
    this.host = host
    this.request = request
  }

  get endpoint(): Endpoint {
    return this.request.socket as Endpoint
  }

  get isOver(): boolean {
    return this.request.socket.destroyed
  }

  clientFor({ httpVersion }: IncomingMessage): Client {
    return new Client(this.endpoint, 'http', httpVersion)
  }

  join(): void {}

  leaveBehind(): void {}

  peer(): Duplex {
    return this.request.socket
  }

  /** What still comes of the body is dropped, for a while. */
  breakOff(): void {
    const { request, host } = this
    if (request.complete) return
    const timer = setTimeout(() => request.destroy(), Math.min(host.settings.closeTimeout, LONGEST_TIMEOUT))
    timer.unref()
    request.once('close', () => clearTimeout(timer))
  }

  destroy(): void {
    this.request.socket.destroy()
  }
}
