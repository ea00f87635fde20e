/**
 * A connection that node:http reads. Requests for the application go to it as they come; those that are messages are
 * taken one at a time, for they are one client's, as on a connection of our own.
 *
 * node:http keeps the answers in order. What ends the requests (one that cannot be read, one for another protocol) waits
 * until all before it are answered. Our side ends first, then what still comes is dropped, as on a connection of our own.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { errorAnswer, type HttpError, type RequestHead } from '../../../http/index.ts'
import { Client } from '../../client/client.ts'
import type { Member } from '../../connection.ts'
import type { Endpoint } from '../../endpoint.ts'
import type { RefusedError } from '../../errors.ts'
import type { Host } from '../../host.ts'
import type { Deadlined } from '../../limits/deadlines.ts'
import type { Outgoing } from '../../outgoing.ts'
import type { Writer } from '../../writer.ts'
import { CarriedExchange } from '../carried-exchange.ts'
import { Destination, destinationOf } from '../standard-answers.ts'
import { NodeRequest, readAgain, showHost } from './node-request.ts'
import {
  disown,
  endOnce,
  followAnswer,
  hearDrain,
  hearNoDrain,
  own,
  type SocketOwner,
} from './owned-socket.ts'

/** Requests of one connection that may wait for their answers; beyond, it is not read from. */
const PIPELINED = 64

/** Milliseconds of silence before the system's first probe of a peer that has ended its side. */
const PROBE_AFTER = 1_000

const NOTHING = Buffer.alloc(0)

export class HandedConnection implements Member, Deadlined, SocketOwner {
  readonly endpoint: Endpoint
  readonly host: Host
  deadline: number
  private readonly socket: Duplex
  private joined: boolean
  private known: Client | undefined
  /** Messages that are at hand (the first) or wait for their turn. */
  private readonly exchanges: CarriedExchange[]
  /** The answers that have not left, in the order of their requests. */
  private readonly responses: Map<ServerResponse, CarriedExchange | undefined>
  /** Reads heads again; it is everyone's. */
  private readonly head: RequestHead
  /** Whether our own engine has read the next request, and found it to be the application's. */
  private examined: boolean
  /** The request that came last, while it is of interest. */
  private latest: IncomingMessage | undefined
  /** What comes when `until` is the first answer that is owed, or none is where it is `undefined`. */
  private last: (() => void) | undefined
  private until: ServerResponse | undefined
  /** Bytes that had been read when the last answer had left. */
  private idleSince: number | undefined
  private leaving: boolean
  /** Whether what still comes on it is dropped. */
  private deaf: boolean
  private lingering: boolean
  private halted: boolean
  /** Called once the socket is gone. */
  whenClosed: () => void

  constructor(host: Host, socket: Duplex, endpoint: Endpoint, client: Client | undefined, head: RequestHead) {
    this.host = host
    this.socket = socket
    this.endpoint = endpoint
    this.deadline = Number.POSITIVE_INFINITY
    this.known = client
    this.joined = client !== undefined
    this.exchanges = []
    this.responses = new Map()
    this.head = head
    this.examined = true
    this.latest = undefined
    this.last = undefined
    this.until = undefined
    this.idleSince = -1
    this.leaving = host.closing
    this.deaf = false
    this.lingering = false
    this.halted = false
    this.whenClosed = () => {}
    own(socket, this)
    if (client !== undefined) host.moved(this)
  }

  get client(): Client {
    return this.known!
  }

  get endsRefused(): boolean {
    return true
  }

  get connection(): this {
    return this
  }

  get writer(): Writer | undefined {
    return this.exchanges[0]?.writer
  }

  send(outgoing: Outgoing): boolean {
    return this.writer?.write(outgoing.data) === true
  }

  halt(): void {
    this.halted = true
    this.socket.pause()
  }

  unhalt(): void {
    this.halted = false
    this.socket.resume()
  }

  take(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    if (this.deaf) return void request.resume()
    this.latest = request
    if (this.isStream) {
      showVersion2(request)
      giveUpUnread(request, response)
      return this.pass(request, response, expectsContinue)
    }
    const examined = this.examined && request.url!.startsWith('/')
    this.examined = false
    if (examined) return this.pass(request, response, expectsContinue)
    const error = readAgain(request, this.head)
    const destination = error === null ? destinationOf(this.host, this.head) : Destination.nobody
    if (error === null) showHost(request, this.head)
    if (destination === Destination.application) return this.pass(request, response, expectsContinue)
    const asked = new NodeRequest(this, request, response, expectsContinue)
    const exchange = new CarriedExchange(this.host, asked, destination, () => this.next(exchange))
    asked.whenWaiting = () => exchange.waits()
    this.follow(response, exchange)
    response.on('drain', () => exchange.drained())
    if (error !== null) {
      this.deaf = true
      exchange.refuse(error)
    } else if (this.exchanges.push(exchange) === 1) exchange.start()
  }

  /** Ends as soon as nothing is left to answer, a request that has begun to come among it. */
  leave(): void {
    if (this.isStream) return
    this.leaving = true
    for (const response of this.responses.keys()) response.shouldKeepAlive = false
    if (this.responses.size === 0 && this.idleSince === this.bytesRead) this.linger(NOTHING)
  }

  leaveBehind(): void {
    this.deaf = true
    this.leave()
  }

  /** node:http can read no more of it. Whoever waits for the rest of a request hears that it is cut short. */
  fail(error: HttpError | RefusedError): void {
    if (this.deaf) return
    this.deaf = true
    const broken = this.brokenResponse
    const exchange = broken === undefined ? undefined : this.responses.get(broken)
    if (exchange !== undefined) return exchange.refuse(error)
    this.host.reportOf(error, this.peer())
    const isHead = this.inBody && this.latest!.method === 'HEAD'
    this.whenFirst(broken, () => {
      const begun = broken?.headersSent === true
      const answer = begun ? '' : errorAnswer(error, { date: this.host.date(), head: isHead })
      this.linger(Buffer.from(answer, 'latin1'))
    })
  }

  /** An answer that has begun, or that refuses its request, is the last one. */
  breakOff(response: ServerResponse): void {
    this.deaf = true
    this.whenFirst(this.responses.has(response) ? response : undefined, () => this.linger(NOTHING))
  }

  /** node:http has let go of the socket: `act` takes it over once everything is answered. */
  release(act: () => void): void {
    const { socket } = this
    if (this.deaf) return void socket.resume()
    hearDrain(socket)
    this.whenFirst(undefined, () => {
      // What node:http has set behind the last answer.
      if (socket instanceof Socket) socket.setTimeout(0)
      hearNoDrain(socket)
      act()
    })
  }

  /** Is no connection of node:http any more, and its client's session goes to someone else. */
  detach(): void {
    const { socket } = this
    disown(socket)
    this.close()
  }

  leaveSocket(): void {
    this.linger(NOTHING)
  }

  /** Who has ended its side may be gone altogether: only the system's own probes can tell. */
  socketEnded(): void {
    const { socket } = this
    if (this.responses.size === 0) return
    if (socket instanceof Socket) socket.setKeepAlive(true, PROBE_AFTER)
    for (const exchange of this.responses.values()) exchange?.peerEnded()
  }

  /** Without node:http, nobody tells an answer that it may go on. */
  socketDrained(): void {
    this.first?.emit('drain')
  }

  socketClosed(): void {
    this.close()
    this.whenClosed()
  }

  private close(): void {
    this.host.deadlines.remove(this)
    this.last = undefined
    if (this.responses.size > 0) for (const exchange of this.responses.values()) exchange?.close()
    if (this.joined) this.host.clientDisconnected(this)
    this.joined = false
  }

  expire(): void {
    this.destroy()
  }

  destroy(): void {
    this.socket.destroy()
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

  /** Whether the head of a request is read, and its body is not. */
  get inBody(): boolean {
    return this.latest?.complete === false
  }

  /** Whether the socket is gone. */
  get isOver(): boolean {
    return this.socket.destroyed
  }

  /** Whether it is one request on HTTP/2: the application's, and over with its answer. */
  private get isStream(): boolean {
    return this.endpoint.httpVersion !== undefined
  }

  /** Whether nothing is to be read for now. */
  get holds(): boolean {
    return !this.lingering && (this.deaf || this.halted || this.responses.size >= PIPELINED)
  }

  private get bytesRead(): number | undefined {
    return (this.socket as Socket).bytesRead
  }

  /** The answer whose turn it is. */
  private get first(): ServerResponse | undefined {
    return this.responses.size === 0 ? undefined : this.responses.keys().next().value
  }

  /** The answer to the request that is not complete, if it has not left. */
  private get brokenResponse(): ServerResponse | undefined {
    if (!this.inBody) return undefined
    for (const response of this.responses.keys()) if (response.req === this.latest) return response
    return undefined
  }

  /** The application answers it. */
  private pass(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    this.follow(response, undefined)
    this.host.request(request, response, expectsContinue)
  }

  private follow(response: ServerResponse, exchange: CarriedExchange | undefined): void {
    const { responses } = this
    responses.set(response, exchange)
    if (this.leaving) response.shouldKeepAlive = false
    if (this.holds) this.socket.pause()
    followAnswer(response)
  }

  answerClosed(response: ServerResponse): void {
    const { responses } = this
    const exchange = responses.get(response)
    responses.delete(response)
    exchange?.close()
    if (this.latest?.complete === true) this.latest = undefined
    if (responses.size === PIPELINED - 1) this.socket.resume()
    this.look()
  }

  /** An answer has left. */
  private look(): void {
    const { first, last } = this
    if (last !== undefined && first === this.until) {
      this.last = undefined
      last()
    } else if (first === undefined) {
      this.idleSince = this.bytesRead
      if (this.leaving) this.linger(NOTHING)
    }
  }

  private whenFirst(until: ServerResponse | undefined, last: () => void): void {
    if (this.last !== undefined) return
    this.until = until
    this.last = last
    this.look()
  }

  linger(answer: Buffer): void {
    if (this.lingering) return
    const { socket, host } = this
    this.deaf = true
    this.lingering = true
    if (answer.length > 0 && socket.writable) socket.write(answer)
    socket.end()
    endOnce(socket)
    socket.resume()
    if (socket.destroyed) return
    this.deadline = host.deadlines.after(host.settings.closeTimeout)
    host.deadlines.add(this)
  }

  private next(done: CarriedExchange): void {
    const { exchanges } = this
    const at = exchanges.indexOf(done)
    if (at >= 0) exchanges.splice(at, 1)
    if (at !== 0) return
    this.known?.setRequest(undefined)
    exchanges[0]?.start()
  }
}

/** What nobody has looked at of a stream's request is not waited for behind the answer (RFC 9113 §8.1). */
function giveUpUnread(request: IncomingMessage, response: ServerResponse): void {
  response.prependOnceListener('finish', () => {
    if (!request.complete && request.readableFlowing === null) request.socket.destroy()
  })
}

/** node:http has read it as HTTP/1.1. */
function showVersion2(request: IncomingMessage): void {
  request.httpVersion = '2.0'
  request.httpVersionMajor = 2
  request.httpVersionMinor = 0
}
