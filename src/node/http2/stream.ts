import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import type { Duplex } from 'node:stream'
import type { HttpError, RequestHead } from '../../http/index.ts'
import { Client } from '../client/client.ts'
import type { Member } from '../connection.ts'
import type { Endpoint } from '../endpoint.ts'
import type { RefusedError } from '../errors.ts'
import type { Host } from '../host.ts'
import { CarriedExchange, type CarriedRequest } from '../http/carried-exchange.ts'
import type { Request } from '../http/request.ts'
import { Destination, destinationOf } from '../http/standard-answers.ts'
import type { Outgoing } from '../outgoing.ts'
import type { Writer } from '../writer.ts'
import { Bridge } from './bridge.ts'
import { StreamChannel } from './channel.ts'
import { readStreamHead, requestOf, type StreamRequest } from './head.ts'
import { takeWebSocket } from './websocket.ts'

/** A stream of HTTP/2 with the head of its request, and where its connection comes from. */
export interface TakenStream {
  readonly stream: ServerHttp2Stream
  readonly headers: IncomingHttpHeaders
  readonly raw: readonly string[]
  readonly endpoint: Endpoint
}

/** Gives a stream to whom its request is for. */
export function takeStream(host: Host, taken: TakenStream): void {
  const { stream, headers, raw, endpoint } = taken
  let asked: StreamRequest
  try {
    asked = readStreamHead(headers, raw, stream.readableEnded || endsStream(stream), host.settings)
  } catch (error) {
    return refuseStream(host, stream, error as HttpError)
  }
  const { head, isWebSocket, text } = asked
  if (isWebSocket) return takeWebSocket(host, stream, head, endpoint)
  const destination = destinationOf(host, head)
  if (destination === Destination.application) {
    host.startBridge(new Bridge(stream, endpoint, head), text)
  } else new StreamMember(host, stream, head, endpoint, destination)
}

/** RFC 9113 §8.6: what comes after the head of a request without a body is its end. */
function endsStream(stream: ServerHttp2Stream): boolean {
  return (stream as ServerHttp2Stream & { endAfterHeaders: boolean }).endAfterHeaders
}

function refuseStream(host: Host, stream: ServerHttp2Stream, error: HttpError | RefusedError): void {
  host.reportOf(error, stream)
  if (stream.destroyed) return
  new StreamChannel(stream, false).refuse(error, [])
  stream.close(constants.NGHTTP2_NO_ERROR)
}

/**
 * A request that is a message, and the client that it is from. On HTTP/2 each request is a client of its own: many are
 * open at once on one connection, which a browser shares among its tabs.
 */
class StreamMember implements Member, CarriedRequest {
  readonly view: RequestHead
  readonly channel: StreamChannel
  readonly client: Client
  private readonly host: Host
  private readonly stream: ServerHttp2Stream
  private readonly endpoint: Endpoint
  private readonly exchange: CarriedExchange
  private joined: boolean

  constructor(
    host: Host,
    stream: ServerHttp2Stream,
    head: RequestHead,
    endpoint: Endpoint,
    destination: Destination,
  ) {
    this.view = head
    this.channel = new StreamChannel(stream, head.method === 'HEAD')
    this.client = new Client(endpoint, 'http', '2')
    this.host = host
    this.stream = stream
    this.endpoint = endpoint
    this.joined = false
    this.exchange = new CarriedExchange(host, this, destination, () => {})
    stream.on('drain', () => this.exchange.drained())
    stream.once('close', () => this.leave())
    this.exchange.start()
  }

  get connection(): this {
    return this
  }

  get writer(): Writer | undefined {
    const { answer } = this.exchange
    return answer.ended ? undefined : answer
  }

  get request(): Request {
    return requestOf(this.view)
  }

  get body(): Duplex {
    return this.stream
  }

  get encrypted(): boolean {
    return this.endpoint.encrypted === true
  }

  get expectsContinue(): boolean {
    return this.view.expectContinue
  }

  send(outgoing: Outgoing): boolean {
    return this.writer?.write(outgoing.data) === true
  }

  halt(): void {
    this.stream.pause()
  }

  unhalt(): void {
    this.stream.resume()
  }

  join(): void {
    this.joined = true
    this.host.clientConnected(this)
  }

  peer(): Client | Duplex {
    return this.joined ? this.client : this.stream
  }

  continue(): void {
    this.stream.additionalHeaders({ ':status': 100 })
  }

  /** RFC 9113 §8.1: the answer is whole, and no more of the request is wanted. */
  giveUp(): void {
    this.stream.close(constants.NGHTTP2_NO_ERROR)
  }

  private leave(): void {
    this.exchange.close()
    if (this.joined) this.host.clientDisconnected(this)
  }
}
