import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex, Readable } from 'node:stream'
import { HttpError, isKnownMethod, joinFields, type RequestHead } from '../../../http/index.ts'
import type { Client } from '../../client/client.ts'
import type { Endpoint } from '../../endpoint.ts'
import type { CarriedRequest } from '../carried-exchange.ts'
import { headText, Request, type RequestView } from '../request.ts'
import { ResponseChannel } from './response-channel.ts'

/** What a request is on. */
export interface RequestCarrier {
  readonly endpoint: Endpoint
  /** Whether it ends behind a refused request. */
  readonly endsRefused: boolean
  /** Whether nothing can be sent any more. */
  readonly isOver: boolean
  clientFor(request: IncomingMessage): Client
  join(): void
  peer(): Client | Duplex
  /** The answer is the last one of the connection. */
  breakOff(response: ServerResponse): void
  /** It ends behind what is owed; nothing more is read. */
  leaveBehind(): void
  destroy(): void
}

/** Room for heads of the usual limit. */
const room = Buffer.allocUnsafe(16_384)

/**
 * node:http takes heads that our own engine refuses: what it has read is read again, by the same rules. `head` holds it until
 * the next one is read.
 */
export function readAgain(request: IncomingMessage, head: RequestHead): HttpError | null {
  if (request.httpVersionMajor !== 1) {
    const reason = 'Cannot read the request: its version is neither HTTP/1.1 nor HTTP/1.0'
    return new HttpError('ERR_HTTP_VERSION_UNSUPPORTED', reason)
  }
  const { method = 'GET', url: target = '/', httpVersionMinor: versionMinor } = request
  const text = headText({ method, target, versionMinor }, request.rawHeaders)
  const bytes = text.length <= room.length ? room : Buffer.allocUnsafe(text.length)
  head.reset()
  head.push(bytes, 0, bytes.write(text, 'latin1'))
  return head.error
}

/** RFC 9112 §3.2.2: of Host and an absolute target the latter's is the host. */
export function showHost(request: IncomingMessage, { host }: RequestHead): void {
  if (!request.url!.startsWith('/') && host !== '') request.headers.host = host
}

/** A request as node:http gives it. */
export class NodeRequest implements CarriedRequest, RequestView {
  readonly channel: ResponseChannel
  readonly expectsContinue: boolean
  readonly method: string
  readonly target: string
  readonly versionMinor: number
  readonly body: Readable
  readonly host: string
  /** Called when some of the answer has to wait. */
  whenWaiting: () => void
  private readonly carrier: RequestCarrier
  private readonly message: IncomingMessage
  private readonly response: ServerResponse
  private made: Request | undefined

  constructor(
    carrier: RequestCarrier,
    message: IncomingMessage,
    response: ServerResponse,
    expectsContinue: boolean,
  ) {
    this.method = message.method!
    this.target = message.url!
    this.versionMinor = message.httpVersionMinor
    this.channel = new ResponseChannel(response, this)
    this.expectsContinue = expectsContinue
    this.body = message
    this.host = message.headers.host ?? ''
    this.whenWaiting = () => {}
    this.carrier = carrier
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

  get endpoint(): Endpoint {
    return this.carrier.endpoint
  }

  get methodKnown(): boolean {
    return isKnownMethod(this.method)
  }

  get isHead(): boolean {
    return this.method === 'HEAD'
  }

  get endsRefused(): boolean {
    return this.carrier.endsRefused
  }

  get isOver(): boolean {
    return this.carrier.isOver
  }

  get client(): Client {
    return this.carrier.clientFor(this.message)
  }

  get cutShort(): boolean {
    return !this.message.complete
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

  join(): void {
    this.carrier.join()
  }

  peer(): Client | Duplex {
    return this.carrier.peer()
  }

  continue(): void {
    this.response.writeContinue()
  }

  destroy(): void {
    this.carrier.destroy()
  }

  leaveBehind(): void {
    this.carrier.leaveBehind()
  }

  readOn(): void {
    this.message.resume()
  }

  /** The rest of the body is read and dropped. */
  giveUp(): void {
    this.message.resume()
    this.carrier.breakOff(this.response)
  }
}
