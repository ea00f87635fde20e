import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex, Readable } from 'node:stream'
import { HttpError, isKnownMethod, joinFields, RequestHead } from '../../http/index.ts'
import { Client } from '../client/client.ts'
import type { Member } from '../connection.ts'
import type { Endpoint } from '../endpoint.ts'
import type { Host } from '../host.ts'
import type { Outgoing } from '../outgoing.ts'
import type { Writer } from '../writer.ts'
import type { AnswerChannel } from './answer-channel.ts'
import { CarriedExchange, type CarriedRequest } from './carried-exchange.ts'
import { decodeLatin1 } from './latin1.ts'
import { Request, type RequestView, requestBytes } from './request.ts'
import { ResponseChannel } from './response-channel.ts'
import { Destination, destinationOf } from './standard-answers.ts'

const NOTHING = Buffer.alloc(0)

/** Requests of one connection that may wait for their answers; beyond, it is not read from. */
const PIPELINED = 64

/**
 * A connection that node:http reads. Requests for the application go to it as they come; those that are messages are
 * taken one at a time, for they are one client's, as on a connection of our own.
 */
export class HandedConnection implements Member {
  readonly endpoint: Endpoint
  readonly host: Host
  private readonly socket: Duplex
  private joined: boolean
  private known: Client | undefined
  /** Messages that are at hand (the first) or wait for their turn. */
  private readonly exchanges: CarriedExchange[]
  private readonly responses: Set<ServerResponse>
  private readonly head: RequestHead
  private leaving: boolean

  constructor(host: Host, socket: Duplex, endpoint: Endpoint, client: Client | undefined) {
    this.host = host
    this.socket = socket
    this.endpoint = endpoint
    this.known = client
    this.joined = client !== undefined
    this.exchanges = []
    this.responses = new Set()
    const { requestLineLimit, headLimit, fieldLimit } = host.settings
    this.head = new RequestHead(
      { requestLine: requestLineLimit, head: headLimit, fields: fieldLimit },
      decodeLatin1,
    )
    this.leaving = false
    if (client !== undefined) host.moved(this)
  }

  get client(): Client {
    return this.known!
  }

  get connection(): this {
    return this
  }

  get writer(): Writer | undefined {
    const answer = this.exchanges[0]?.answer
    return answer?.ended === false ? answer : undefined
  }

  /** Whether an answer has begun. */
  get answering(): boolean {
    for (const response of this.responses) if (response.headersSent) return true
    return false
  }

  send(outgoing: Outgoing): boolean {
    return this.writer?.write(outgoing.data) === true
  }

  halt(): void {
    this.socket.pause()
  }

  unhalt(): void {
    this.socket.resume()
  }

  take(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    this.follow(response)
    if (this.isStream) {
      showVersion2(request)
      return this.host.request(request, response, expectsContinue)
    }
    const error = this.examine(request)
    const carried = new RequestOfNode(this, request, response, expectsContinue)
    // RFC 9112 §3.2.2
    if (error === null && !request.url!.startsWith('/')) carried.host = this.head.host
    const destination = destinationOf(this.host, carried.view)
    if (destination === Destination.application && error === null) {
      return this.host.request(request, response, expectsContinue)
    }
    const exchange = new CarriedExchange(this.host, carried, destination, () => this.next(exchange))
    response.on('drain', () => exchange.drained())
    response.on('close', () => exchange.close())
    if (error !== null) {
      response.shouldKeepAlive = false
      exchange.refuse(error)
    } else if (this.exchanges.push(exchange) === 1) exchange.start()
  }

  /** Ends as soon as nothing is left to answer. */
  leave(): void {
    if (this.isStream) return
    this.leaving = true
    for (const response of this.responses) response.shouldKeepAlive = false
    if (this.responses.size === 0) this.socket.end()
  }

  /** Is no connection of node:http any more, and its client's session goes to someone else. */
  detach(): void {
    this.close()
  }

  /** The socket is gone. */
  close(): void {
    if (this.joined) this.host.clientDisconnected(this)
    this.joined = false
  }

  /** The client, made at the first message. */
  clientFor(request: IncomingMessage): Client {
    return (this.known ??= new Client(this.endpoint, 'http', request.httpVersion))
  }

  /** Tells the application of the client, unless it knows it. */
  join(): void {
    if (this.joined) return
    this.joined = true
    this.host.clientConnected(this)
  }

  peer(): Client | Duplex {
    return this.joined ? this.client : this.socket
  }

  /** Whether it is one request on HTTP/2: the application's, and over with its answer. */
  private get isStream(): boolean {
    return this.endpoint.httpVersion !== undefined
  }

  /** node:http takes heads that our own engine refuses: what it has read is read again, by the same rules. */
  private examine(request: IncomingMessage): HttpError | null {
    if (request.httpVersionMajor !== 1) {
      const reason = 'Cannot read the request: its version is neither HTTP/1.1 nor HTTP/1.0'
      return new HttpError('ERR_HTTP_VERSION_UNSUPPORTED', reason)
    }
    const { head } = this
    const bytes = requestBytes(request, NOTHING)
    head.reset()
    head.push(bytes, 0, bytes.length)
    return head.error
  }

  private follow(response: ServerResponse): void {
    const { responses, socket } = this
    responses.add(response)
    if (responses.size >= PIPELINED) socket.pause()
    response.once('close', () => {
      responses.delete(response)
      if (this.leaving && responses.size === 0) socket.end()
      else if (responses.size === PIPELINED - 1) socket.resume()
    })
  }

  private next(done: CarriedExchange): void {
    if (this.exchanges[0] !== done) return
    this.exchanges.shift()
    this.known?.setRequest(undefined)
    this.exchanges[0]?.start()
  }
}

/** node:http has read it as HTTP/1.1. */
function showVersion2(request: IncomingMessage): void {
  request.httpVersion = '2.0'
  request.httpVersionMajor = 2
  request.httpVersionMinor = 0
}

/** A request as node:http gives it. */
class RequestOfNode implements CarriedRequest, RequestView {
  readonly channel: AnswerChannel
  readonly expectsContinue: boolean
  readonly method: string
  readonly target: string
  readonly versionMinor: number
  readonly body: Readable
  host: string
  private readonly handed: HandedConnection
  private readonly message: IncomingMessage
  private readonly response: ServerResponse
  private made: Request | undefined

  constructor(
    handed: HandedConnection,
    message: IncomingMessage,
    response: ServerResponse,
    expectsContinue: boolean,
  ) {
    this.method = message.method!
    this.target = message.url!
    this.versionMinor = message.httpVersionMinor
    this.channel = new ResponseChannel(response, message.method === 'HEAD')
    this.expectsContinue = expectsContinue
    this.body = message
    this.host = message.headers.host ?? ''
    this.handed = handed
    this.message = message
    this.response = response
    this.made = undefined
  }

  get view(): this {
    return this
  }

  get request(): Request {
    return (this.made ??= new Request(this))
  }

  get encrypted(): boolean {
    return this.handed.endpoint.encrypted === true
  }

  get methodKnown(): boolean {
    return isKnownMethod(this.method)
  }

  field(name: string): string | undefined {
    const value = this.message.headers[name]
    return typeof value === 'object' ? value.join(', ') : value
  }

  rawFields(): readonly string[] {
    return this.message.rawHeaders
  }

  headers(): Record<string, string> {
    return joinFields(this.message.rawHeaders)
  }

  get client(): Client {
    return this.handed.clientFor(this.message)
  }

  join(): void {
    this.handed.join()
  }

  peer(): Client | Duplex {
    return this.handed.peer()
  }

  continue(): void {
    this.response.writeContinue()
  }

  get cutShort(): boolean {
    return !this.message.complete
  }

  readOn(): void {
    this.message.resume()
  }

  /** The rest of the body is read and dropped, for a while: a reset must not overtake the answer. */
  giveUp(): void {
    const { message } = this
    const { host } = this.handed
    message.resume()
    if (message.complete) return
    const timer = setTimeout(() => message.destroy(), host.settings.closeTimeout)
    timer.unref()
    message.once('close', () => clearTimeout(timer))
  }
}
