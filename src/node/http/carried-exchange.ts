/**
 * A message that did not come through our own reader of HTTP/1.1: on HTTP/2, or on a connection that node:http has. The
 * rules are the same; what differs is a body stream in, and a channel out.
 */
import type { Duplex, Readable } from 'node:stream'
import { AnswerHead, errorAnswerText, readContentCodings } from '../../http/index.ts'
import type { Client } from '../client/client.ts'
import type { Endpoint } from '../endpoint.ts'
import { PortmanteauError, RefusedError } from '../errors.ts'
import type { Host } from '../host.ts'
import type { BufferHolder } from '../limits/buffer-budget.ts'
import type { Deadlined } from '../limits/deadlines.ts'
import type { SessionHub } from '../sessions/hub.ts'
import { takeSessionRequest } from '../sessions/requests.ts'
import type { Refusal } from '../websocket/upgrade.ts'
import type { AnswerChannel } from './answer-channel.ts'
import { BodyDecoder, type DecodedSink, type DecodingFailure } from './coding/body-decoder.ts'
import { acceptEncodingFields, codingRefusal, decodingRefusal } from './coding/body-refusals.ts'
import { type CodedAnswer, codedChannel } from './coding/coded-channel.ts'
import { type BodyTaker, type ExchangeCarrier, MessageExchange } from './exchange.ts'
import { bodyLate } from './refusals.ts'
import type { Request, RequestView } from './request.ts'
import {
  answerOptions,
  answerUnserved,
  Destination,
  refusedOrigin,
  setCorsFields,
} from './standard-answers.ts'
import { type AnswerContext, HttpWriter } from './writer.ts'

/** A request and the way of its answer. */
export interface CarriedRequest {
  readonly view: RequestView
  readonly request: Request
  readonly body: Readable
  readonly channel: AnswerChannel
  /** Where its connection comes from. */
  readonly endpoint: Endpoint
  /** The client that it comes from. */
  readonly client: Client
  /** Tells the application of the client, once. */
  join(): void
  /** Whom an error is reported of: the client, if the application knows it. */
  peer(): Client | Duplex
  /** The client waits for a word before it sends the body. */
  readonly expectsContinue: boolean
  continue(): void
  /** Whether the client has gone before the body was complete. */
  readonly cutShort: boolean
  /** Reads on, unless something else holds the body back. */
  readOn(): void
  /** Whether the connection ends behind a refused request. */
  readonly endsRefused?: boolean
  /** The answer to a refused request is sent: nothing more is wanted of it. */
  giveUp(): void
  /** The connection ends behind what is owed; nothing more is read. */
  leaveBehind?(): void
}

export class CarriedExchange
  implements ExchangeCarrier, AnswerContext, CodedAnswer, DecodedSink, Deadlined, BufferHolder
{
  readonly answer: HttpWriter
  readonly channel: AnswerChannel
  deadline: number
  charged: number
  private readonly host: Host
  private readonly carried: CarriedRequest
  private readonly destination: Destination
  private readonly ended: () => void
  private exchange: BodyTaker | undefined
  private decoder: BodyDecoder | undefined
  private received: number
  private refused: boolean
  private closed: boolean
  private isCut: boolean
  /** Whether the body waits until its answers are taken, or what is there of it is decoded. */
  private throttled: boolean
  private decoding: boolean

  /** `ended` is called once the answer has ended. */
  constructor(host: Host, carried: CarriedRequest, destination: Destination, ended: () => void) {
    this.host = host
    this.carried = carried
    this.destination = destination
    this.ended = ended
    this.deadline = Number.POSITIVE_INFINITY
    this.charged = 0
    this.exchange = undefined
    this.received = 0
    this.refused = false
    this.closed = false
    this.isCut = false
    this.throttled = false
    this.decoding = false
    this.decoder = undefined
    this.channel = codedChannel(carried.channel, this, host.settings) ?? carried.channel
    this.answer = new HttpWriter(this)
  }

  get client(): Client {
    return this.carried.client
  }

  /** What the client that has sent it can be written to through. */
  get writer(): HttpWriter | undefined {
    const writer = this.exchange?.writer
    return writer?.ended === false ? writer : undefined
  }

  get acceptEncoding(): string | undefined {
    return this.carried.view.field('accept-encoding')
  }

  overflowed(): void {
    const { writeLimit } = this.host.settings
    this.cut('ERR_WRITE_LIMIT', `Cannot send any more: over ${writeLimit} bytes wait to be compressed`)
  }

  decoded(chunk: Uint8Array, start: number, end: number): void {
    this.take(chunk, start, end)
  }

  decodingReady(): void {
    this.decoding = false
    this.readOn()
  }

  decodedEnd(): void {
    this.exchange?.end()
  }

  decodingFailed(failure: DecodingFailure): void {
    this.refuse(decodingRefusal(failure, this.host.settings.messageLimit))
  }

  get isHead(): boolean {
    return this.carried.view.method === 'HEAD'
  }

  get answersText(): boolean {
    return this.destination !== Destination.message || this.client.isText
  }

  get gathering(): boolean {
    return false
  }

  /** Whether the body is held back here. */
  get halted(): boolean {
    return this.throttled || this.decoding
  }

  buffered(): number {
    return (this.exchange?.held ?? 0) + (this.decoder?.held ?? 0) + this.channel.writableLength
  }

  start(): void {
    const { host, carried, answer, destination } = this
    const { view, body } = carried
    body.on('error', () => {})
    if (destination === Destination.session) return this.startSession(host.sessionHub!)
    if (destination === Destination.nobody) answerUnserved(host, view, answer)
    else {
      const origin = view.field('origin')
      const from = host.door.trust.endpointOf(carried.endpoint, view)
      const refusal = refusedOrigin(host, view, origin, from.encrypted === true)
      if (refusal !== undefined) return this.refuseWith(refusal)
      if (origin !== undefined) setCorsFields(host, origin, answer)
      if (destination === Destination.message) return this.startMessages(from)
      answerOptions(host, view, answer)
    }
    body.resume()
  }

  refuse(error: RefusedError): void {
    this.refuseWith(error)
  }

  /** The client, or its stream, is gone, or the answer has left. */
  close(): void {
    if (this.closed) return
    this.closed = true
    this.host.deadlines.remove(this)
    this.host.budget.release(this)
    this.decoder?.destroy()
    this.channel.close()
    if (!this.answer.isOver) this.answer.emit('close')
  }

  /** Some of the answer has to wait. */
  waits(): void {
    const { writeLimit } = this.host.settings
    if (this.channel.writableLength > writeLimit) {
      this.cut('ERR_WRITE_LIMIT', `Cannot send any more: the client lets over ${writeLimit} bytes wait`)
    } else this.host.budget.charge(this)
  }

  drained(): void {
    this.host.budget.charge(this)
    this.throttled = false
    this.readOn()
    this.answer.emit('drain')
  }

  cut(code: string, message: string): void {
    // Who is told may write once more.
    if (this.isCut) return
    this.isCut = true
    this.host.reportOf(new PortmanteauError(code, message), this.carried.peer())
    this.channel.destroy()
  }

  expire(): void {
    this.refuse(bodyLate())
  }

  /** The client has ended its side, behind the request. */
  peerEnded(): void {
    this.exchange?.peerEnded()
  }

  closeAfter(): void {
    if (this.answer.headersSent) this.carried.leaveBehind?.()
    else this.answer.setHeader('Connection', 'close')
  }

  answerEnded(): void {
    this.ended()
  }

  flushAnswerSoon(answer: HttpWriter): void {
    this.host.flushAnswerSoon(answer)
  }

  private startMessages(from: Endpoint): void {
    const { host, carried } = this
    if (!this.takesBody()) return
    this.client.setRequest(carried.request)
    if (host.door.trust.readsFields) this.client.setEndpoint(from)
    this.exchange = new MessageExchange(host, this, this.answer)
    carried.join()
    this.readBody()
  }

  private startSession(hub: SessionHub): void {
    if (!this.takesBody()) return
    const { view, endpoint, request } = this.carried
    const source = {
      view,
      endpoint,
      keepRequest: (client: Client) => client.setRequest(request),
      report: (error: Error) => this.host.reportOf(error, this.carried.peer()),
    }
    this.exchange = takeSessionRequest(hub, source, this.answer)
    this.readBody()
  }

  /** Takes off what the body is coded in; `false`: the request is refused, as the body is too large or nobody here can. */
  private takesBody(): boolean {
    const { view } = this.carried
    const { messageLimit } = this.host.settings
    const coding = readContentCodings(view.field('content-encoding'))
    if (Number(view.field('content-length') ?? 0) > messageLimit) this.refuseBody()
    else if (coding === undefined) {
      const { code, status, message } = codingRefusal()
      this.refuseWith({ code, status, message, fields: acceptEncodingFields })
    } else if (coding !== 'identity') this.decoder = new BodyDecoder(coding, messageLimit, this)
    return !this.refused
  }

  private readBody(): void {
    const { host, carried } = this
    const { body } = carried
    this.deadline = host.deadlines.after(host.settings.bodyTimeout)
    host.deadlines.add(this)
    body.on('data', (chunk: Buffer) => this.receive(chunk))
    body.on('end', () => this.finishBody())
    if (carried.expectsContinue && !this.answer.isOver) carried.continue()
  }

  private receive(chunk: Buffer): void {
    if (this.refused) return
    this.received += chunk.length
    if (this.received > this.host.settings.messageLimit) this.refuseBody()
    else if (this.decoder === undefined) this.take(chunk, 0, chunk.length)
    else if (!this.decoder.push(chunk, 0, chunk.length)) {
      this.decoding = true
      this.carried.body.pause()
    }
  }

  private take(chunk: Uint8Array, start: number, end: number): void {
    const { exchange, channel } = this
    exchange?.push(chunk, start, end)
    exchange?.settle()
    if (this.charged > 0 || this.buffered() > 0) this.host.budget.charge(this)
    if (!channel.writableNeedDrain || channel.writableLength <= this.host.stopReadingAbove) return
    this.throttled = true
    this.carried.body.pause()
  }

  private readOn(): void {
    if (!this.halted) this.carried.readOn()
  }

  private finishBody(): void {
    this.host.deadlines.remove(this)
    if (this.refused || this.carried.cutShort) return
    if (this.decoder === undefined) this.exchange?.end()
    else this.decoder.end()
  }

  private refuseBody(): void {
    const { messageLimit } = this.host.settings
    this.refuse(
      new RefusedError(
        'ERR_HTTP_BODY_TOO_LARGE',
        413,
        `Cannot read the body: it has more than ${messageLimit} bytes`,
      ),
    )
  }

  private refuseWith(refusal: Refusal | RefusedError): void {
    if (this.refused) return
    this.refused = true
    this.host.deadlines.remove(this)
    const { code, status, message } = refusal
    this.host.reportOf(new RefusedError(code, status, message), this.carried.peer())
    if (!this.answer.headersSent) this.sendRefusal(status, message, 'fields' in refusal ? refusal.fields : [])
    this.decoder?.destroy()
    this.answer.abandon()
    this.ended()
    this.carried.giveUp()
  }

  private sendRefusal(status: number, message: string, fields: Refusal['fields']): void {
    const head = new AnswerHead()
    const text = Buffer.from(errorAnswerText(head, { status, message }, fields), 'latin1')
    head.closes = this.carried.endsRefused === true
    this.carried.channel.send(head, this.isHead ? [] : [text], text.length)
  }
}
