/**
 * HTTP/1.1 on a connection. Requests are taken one at a time: while the answer to one is still to come, the
 * rest of the bytes wait and reading stops, so that pipelined requests are answered in order and cost nothing
 * but their bytes. Requests that are messages are answered here; at the first that is for the application the connection
 * is handed on to node:http, from that request's first byte.
 *
 * The states: reading a head → reading its body → answering → the next head; or refused, and nothing more.
 * A request is over when its body is read and its answer has ended, in either order.
 */
import {
  BodyFraming,
  BodyReader,
  type BodySink,
  continueAnswer,
  type Field,
  type HttpError,
  type RequestHead,
  readContentCodings,
} from '../../http/index.ts'
import { Client } from '../client/client.ts'
import type { ClientSession, Connection } from '../connection.ts'
import type { Endpoint } from '../endpoint.ts'
import { RefusedError } from '../errors.ts'
import type { Outgoing } from '../outgoing.ts'
import { HeadSource } from '../sessions/head-source.ts'
import type { SessionHub } from '../sessions/hub.ts'
import { takeSessionRequest } from '../sessions/requests.ts'
import { asksForWebSocket, type Refusal } from '../websocket/upgrade.ts'
import type { Writer } from '../writer.ts'
import { type AnswerChannel, Http1Channel, type Http1Session } from './answer-channel.ts'
import { BodyDecoder, type DecodedSink, type DecodingFailure } from './coding/body-decoder.ts'
import { acceptEncodingFields, codingRefusal, decodingRefusal } from './coding/body-refusals.ts'
import { type CodedAnswer, type CodedChannel, codedChannel } from './coding/coded-channel.ts'
import { type BodyTaker, type ExchangeCarrier, MessageExchange } from './exchange.ts'
import { Http1Upgrade } from './http1-upgrade.ts'
import { bodyLate, headLate, incomplete } from './refusals.ts'
import { bytesFrom, createHead } from './request.ts'
import {
  answerOptions,
  answerUnserved,
  Destination,
  destinationOf,
  refusedOrigin,
  setCorsFields,
} from './standard-answers.ts'
import { startUpgrade } from './upgrade-session.ts'
import { type AnswerContext, HttpWriter } from './writer.ts'

const READING_HEAD = 0
const READING_BODY = 1
const ANSWERING = 2
const REFUSED = 3

const CONTINUE = Buffer.from(continueAnswer, 'latin1')

export class HttpSession
  implements ClientSession, BodySink, AnswerContext, CodedAnswer, DecodedSink, ExchangeCarrier, Http1Session
{
  readonly connection: Connection
  private readonly plain: Http1Channel
  private coded: CodedChannel | undefined
  private decoder: BodyDecoder | undefined
  private readonly head: RequestHead
  /** Made for the first request that has a body. */
  private body: BodyReader | undefined
  private state: number
  private known: Client | undefined
  private answer: HttpWriter | undefined
  private exchange: BodyTaker | undefined
  private bodyRead: boolean
  private close: boolean
  private pushing: boolean
  /** Whether the head's own time is running, instead of the time between requests. */
  private timing: boolean

  constructor(connection: Connection) {
    const { settings, deadlines } = connection.host
    this.connection = connection
    this.plain = new Http1Channel(this)
    this.coded = undefined
    this.decoder = undefined
    this.head = createHead(settings)
    this.body = undefined
    this.state = READING_HEAD
    this.known = undefined
    this.answer = undefined
    this.exchange = undefined
    this.bodyRead = false
    this.close = false
    this.pushing = false
    this.timing = true
    connection.deadline = connection.since + deadlines.period + settings.headTimeout
  }

  get client(): Client {
    return (this.known ??= new Client(this.connection.endpoint, 'http', `1.${this.head.versionMinor}`))
  }

  get writer(): Writer | undefined {
    const writer = this.exchange?.writer
    return writer?.ended === false ? writer : undefined
  }

  get held(): number {
    return (this.exchange?.held ?? 0) + (this.decoder?.held ?? 0) + (this.coded?.waiting ?? 0)
  }

  get channel(): AnswerChannel {
    return this.coded ?? this.plain
  }

  get acceptEncoding(): string | undefined {
    return this.head.field('accept-encoding')
  }

  overflowed(): void {
    const { writeLimit } = this.connection.host.settings
    this.connection.cut(
      'ERR_WRITE_LIMIT',
      `Cannot send any more: over ${writeLimit} bytes wait to be compressed`,
    )
  }

  push(chunk: Buffer, pos: number, end: number): number {
    this.pushing = true
    while (pos < end && this.connection.session === this) {
      if (this.state === READING_HEAD) pos = this.readHead(chunk, pos, end)
      else if (this.state === READING_BODY) pos = this.readBody(chunk, pos, end)
      else break
    }
    this.pushing = false
    this.answer?.flushSoon()
    return this.state === REFUSED ? end : pos
  }

  bodyData(chunk: Uint8Array, start: number, end: number): void {
    if (this.decoder === undefined) this.exchange?.push(chunk, start, end)
    else if (!this.decoder.push(chunk, start, end)) this.connection.halt()
  }

  decoded(chunk: Uint8Array, start: number, end: number): void {
    this.exchange?.push(chunk, start, end)
    if (!this.pushing) this.exchange?.settle()
  }

  decodingReady(): void {
    this.connection.unhalt()
  }

  decodedEnd(): void {
    this.decoder = undefined
    this.endBody()
  }

  decodingFailed(failure: DecodingFailure): void {
    this.refuse(decodingRefusal(failure, this.connection.host.settings.messageLimit))
  }

  bodyEnd(): void {
    this.bodyRead = true
  }

  finish(): void {
    if (this.state === ANSWERING) {
      // It may still read the answer, or be gone: if that takes long, the system's own probes find out.
      this.close = true
      this.connection.probe()
      this.exchange?.peerEnded()
    } else if (this.state === READING_BODY || this.head.started) this.refuse(incomplete())
    else this.connection.end()
  }

  expire(): void {
    this.connection.deadline = Number.POSITIVE_INFINITY
    if (this.state === READING_BODY) this.refuse(bodyLate())
    else if (this.state === READING_HEAD && this.timing) this.refuse(headLate())
    else if (this.state === READING_HEAD) this.leave()
  }

  drained(): void {
    this.answer?.emit('drain')
  }

  shutdown(): void {
    if (this.state === READING_HEAD && !this.head.started) this.leave()
    else this.close = true
  }

  closed(): void {
    if (this.known !== undefined) this.connection.host.clientDisconnected(this)
    this.dropCoding()
    this.answer?.emit('close')
  }

  send(outgoing: Outgoing): boolean {
    const { writer } = this
    return writer?.write(outgoing.data) === true
  }

  get isHead(): boolean {
    return this.head.method === 'HEAD'
  }

  get versionMinor(): 0 | 1 {
    return this.head.versionMinor
  }

  get answersText(): boolean {
    return this.known === undefined || this.known.isText
  }

  /** Whether an answer written now may still be joined by more in this turn. */
  get gathering(): boolean {
    return this.pushing
  }

  flushAnswerSoon(answer: HttpWriter): void {
    this.connection.host.flushAnswerSoon(answer)
  }

  keepAlive(): boolean {
    return !this.close
  }

  closeAfter(): void {
    this.close = true
  }

  answerEnded(): void {
    if (this.bodyRead) this.next()
  }

  /** Answers with an error and ends the connection; an answer already begun is broken off. */
  refuse(error: HttpError | RefusedError, fields: readonly Field[] = []): void {
    if (this.state === REFUSED) return
    const { connection, answer } = this
    this.state = REFUSED
    connection.host.report(error, connection)
    if (answer?.headersSent !== true) this.plain.refuse(error, fields)
    this.dropCoding()
    answer?.abandon()
    connection.linger()
  }

  refuseWith({ code, status, message, fields }: Refusal): void {
    this.refuse(new RefusedError(code, status, message), fields)
  }

  private readHead(chunk: Buffer, pos: number, end: number): number {
    const { head } = this
    pos = head.push(chunk, pos, end)
    if (head.error !== null) this.refuse(head.error)
    else if (head.complete) return this.start(chunk, pos, end)
    else if (!this.timing && head.started) {
      this.timing = true
      this.connection.timeout(this.connection.host.settings.headTimeout)
    }
    return pos
  }

  private readBody(chunk: Buffer, pos: number, end: number): number {
    const body = this.body!
    pos = body.push(chunk, pos, end)
    if (body.error !== null) this.refuse(body.error)
    else if (this.bodyRead && this.state === READING_BODY) this.finishBody()
    else if (this.state === READING_BODY) this.exchange?.settle()
    return pos
  }

  /** The head is read up to `pos`; returns up to where the rest of the chunk is taken care of. */
  private start(chunk: Buffer, pos: number, end: number): number {
    const { head, connection } = this
    const { host } = connection
    connection.deadline = Number.POSITIVE_INFINITY
    this.bodyRead = false
    this.close ||= !head.keepAlive
    if (head.upgrade && asksForWebSocket(head)) {
      startUpgrade(new Http1Upgrade(this), head)
      return pos
    }
    const destination = destinationOf(host, head)
    if (destination === Destination.application) return this.handOver(chunk, pos, end)
    this.coded = codedChannel(this.plain, this, host.settings)
    const answer = new HttpWriter(this)
    this.answer = answer
    if (destination === Destination.session) this.startSession(host.sessionHub!, answer)
    else if (destination === Destination.nobody) answerUnserved(host, head, answer)
    else {
      const origin = head.field('origin')
      const from = host.door.trust.endpointOf(connection.endpoint, head)
      const refusal = refusedOrigin(host, head, origin, from.encrypted === true)
      if (refusal !== undefined) this.refuseWith(refusal)
      else {
        if (origin !== undefined) setCorsFields(host, origin, answer)
        if (destination === Destination.message) this.startMessages(answer, from)
        else answerOptions(host, head, answer)
      }
    }
    this.startBody()
    return pos
  }

  private dropCoding(): void {
    this.coded?.close()
    this.decoder?.destroy()
    this.decoder = undefined
  }

  private startSession(hub: SessionHub, answer: HttpWriter): void {
    if (this.decodesBody())
      this.exchange = takeSessionRequest(hub, new HeadSource(new Http1Upgrade(this), this.head), answer)
  }

  /** Takes off what the body is coded in; `false`: the request is refused, for nobody here can. */
  private decodesBody(): boolean {
    const coding = readContentCodings(this.head.field('content-encoding'))
    if (coding === undefined) {
      this.refuse(codingRefusal(), acceptEncodingFields)
      return false
    }
    if (coding !== 'identity') {
      this.decoder = new BodyDecoder(coding, this.connection.host.settings.messageLimit, this)
    }
    return true
  }

  private startMessages(answer: HttpWriter, from: Endpoint): void {
    if (!this.decodesBody()) return
    const { connection } = this
    const first = this.known === undefined
    this.client.setHead(this.head)
    if (connection.host.door.trust.readsFields) this.client.setEndpoint(from)
    this.exchange = new MessageExchange(connection.host, this, answer)
    if (first) connection.host.clientConnected(this)
  }

  /** An upgrade that nobody here serves is an ordinary request (RFC 9110 §7.8): node:http must not stop at it. */
  private handOver(chunk: Buffer, pos: number, end: number): number {
    const { head, connection, known } = this
    this.state = REFUSED
    connection.host.startRequest(connection, bytesFrom(head, chunk, pos, end), known)
    return end
  }

  private startBody(): void {
    const { head, connection } = this
    if (connection.session !== this || this.state === REFUSED) return
    if (head.framing === BodyFraming.none) return this.finishBody()
    const body = (this.body ??= new BodyReader(this, { body: connection.host.settings.messageLimit }))
    body.start(head.framing, head.contentLength)
    if (body.error !== null) return this.refuse(body.error)
    this.state = READING_BODY
    if (body.complete) return this.finishBody()
    connection.timeout(connection.host.settings.bodyTimeout)
    // RFC 9110 §10.1.1: whoever has the answer already waits for no word.
    if (head.expectContinue && this.answer?.isOver !== true) connection.write(CONTINUE)
  }

  private finishBody(): void {
    this.state = ANSWERING
    this.bodyRead = false
    this.connection.deadline = Number.POSITIVE_INFINITY
    if (this.decoder === undefined) this.endBody()
    else this.decoder.end()
  }

  /** The body is read, and decoded. */
  private endBody(): void {
    this.exchange?.end()
    this.bodyRead = true
    if (this.connection.session === this && this.answer?.hasLeft === true) this.next()
  }

  /** The request is over. */
  private next(): void {
    if (this.state === REFUSED) return
    this.answer = undefined
    this.coded = undefined
    this.exchange = undefined
    this.known?.setHead(undefined)
    if (this.close) return this.leave()
    this.head.reset()
    this.state = READING_HEAD
    this.timing = false
    this.connection.timeout(this.connection.host.settings.keepAliveTimeout)
    if (!this.pushing) this.connection.resume()
  }

  private leave(): void {
    this.state = REFUSED
    this.connection.linger()
  }
}
