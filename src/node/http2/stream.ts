import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { Duplex } from 'node:stream'
import type { HttpError } from '../../http/index.ts'
import { Client } from '../client/client.ts'
import type { Member } from '../connection.ts'
import type { Endpoint } from '../endpoint.ts'
import type { RefusedError } from '../errors.ts'
import type { Host } from '../host.ts'
import { CarriedExchange, type CarriedRequest } from '../http/carried-exchange.ts'
import { Request } from '../http/request.ts'
import { Destination, destinationOf } from '../http/standard-answers.ts'
import type { Outgoing } from '../outgoing.ts'
import type { Writer } from '../writer.ts'
import { Bridge } from './bridge.ts'
import { StreamChannel } from './channel.ts'
import { readStreamHead, type StreamHead } from './head.ts'
import { located } from './located.ts'
import { breakOff, dropRequest } from './reset.ts'
import { takeWebSocket } from './websocket.ts'

/** A stream of HTTP/2 with the head of its request, and where its connection comes from. */
export interface TakenStream {
  readonly stream: ServerHttp2Stream
  readonly headers: IncomingHttpHeaders
  readonly raw: readonly string[]
  readonly endpoint: Endpoint
}

/** Gives a stream to whom its request is for, who reads it from now on. Returns the bytes of the request's head. */
export function takeStream(host: Host, { stream, headers, raw, endpoint }: TakenStream): number {
  let head: StreamHead
  try {
    head = readStreamHead(headers, raw, stream.endAfterHeaders, host.settings)
  } catch (error) {
    host.reportOf(error as HttpError | RefusedError, located(stream, endpoint))
    new StreamChannel(stream, headers[':method'] === 'HEAD', () => {}).refuse(
      error as HttpError | RefusedError,
      [],
    )
    dropRequest(stream, host.settings.closeTimeout)
    return 0
  }
  if (head.isWebSocket) takeWebSocket(host, stream, head, endpoint)
  else {
    const destination = destinationOf(host, head)
    if (destination === Destination.application) {
      host.startBridge(new Bridge(stream, endpoint, head.head, host.settings.closeTimeout), head.text)
    } else new StreamMember(host, stream, head, endpoint, destination)
  }
  return head.text.length
}

/**
 * A request that is a message, and the client that it is from. On HTTP/2 each request is a client of its own: many are
 * open at once on one connection, which a browser shares among its tabs.
 */
class StreamMember implements Member, CarriedRequest {
  readonly view: StreamHead
  readonly request: Request
  readonly channel: StreamChannel
  readonly endpoint: Endpoint
  readonly client: Client
  private readonly host: Host
  private readonly stream: ServerHttp2Stream
  private readonly exchange: CarriedExchange
  private joined: boolean
  private held: boolean

  constructor(
    host: Host,
    stream: ServerHttp2Stream,
    head: StreamHead,
    endpoint: Endpoint,
    destination: Destination,
  ) {
    this.view = head
    this.request = new Request(head)
    this.channel = new StreamChannel(stream, head.method === 'HEAD', () => this.exchange.waits())
    this.client = new Client(endpoint, 'http', '2')
    this.host = host
    this.stream = stream
    this.endpoint = endpoint
    this.joined = false
    this.held = false
    this.exchange = new CarriedExchange(host, this, destination, () => {
      if (destination === Destination.message || destination === Destination.session) return
      dropRequest(stream, host.settings.closeTimeout)
    })
    stream.on('drain', () => this.exchange.drained())
    stream.once('close', () => this.leave())
    this.exchange.start()
  }

  get connection(): this {
    return this
  }

  get writer(): Writer | undefined {
    return this.exchange.writer
  }

  get body(): Duplex {
    return this.stream
  }

  get expectsContinue(): boolean {
    return this.view.expectContinue
  }

  /** A stream that is reset with NO_ERROR ends as if it were complete. */
  get cutShort(): boolean {
    return this.stream.aborted
  }

  send(outgoing: Outgoing): boolean {
    return this.writer?.write(outgoing.data) === true
  }

  halt(): void {
    this.held = true
    this.stream.pause()
  }

  unhalt(): void {
    this.held = false
    if (!this.exchange.halted) this.stream.resume()
  }

  readOn(): void {
    if (!this.held) this.stream.resume()
  }

  join(): void {
    this.joined = true
    this.host.clientConnected(this)
  }

  peer(): Client | Duplex {
    return this.joined ? this.client : located(this.stream, this.endpoint)
  }

  continue(): void {
    const { stream } = this
    if (!stream.headersSent && !stream.closed) stream.additionalHeaders({ ':status': 100 })
  }

  giveUp(): void {
    const { stream, host } = this
    if (stream.writableEnded) dropRequest(stream, host.settings.closeTimeout)
    else breakOff(stream)
  }

  private leave(): void {
    try {
      this.exchange.close()
    } finally {
      if (this.joined) this.host.clientDisconnected(this)
    }
  }
}
