/**
 * HTTP/1.1 on a connection. Requests are taken one at a time: while the answer to one is still to come, the
 * rest of the bytes wait and reading stops, so that pipelined requests are answered in order and cost nothing
 * but their bytes. POST and PUT bodies become messages.
 *
 * The states: reading a head → reading its body → answering → the next head; or refused, and nothing more.
 * A request is over when its body is read and its answer has ended, in either order.
 */
import {
  BodyReader,
  type BodySink,
  continueAnswer,
  corsFields,
  errorAnswer,
  type Field,
  type HttpError,
  preflightFields,
  RequestHead,
} from '../../http/index.ts'
import type { AcceptedHandshake } from '../../ws-codec/index.ts'
import { Client } from '../client/client.ts'
import type { ClientSession, Connection } from '../connection.ts'
import { RefusedError } from '../errors.ts'
import type { Outgoing } from '../outgoing.ts'
import {
  asksForWebSocket,
  foreignOrigin,
  type Refusal,
  readUpgrade,
  refusalOf,
  switchProtocols,
  type UpgradeAcceptance,
  type UpgradeDecision,
} from '../websocket/upgrade.ts'
import type { Writer } from '../writer.ts'
import { BodyMessages, type MessageRequest } from './body-messages.ts'
import { decodeLatin1 } from './latin1.ts'
import { Request } from './request.ts'
import { type AnswerContext, HttpWriter } from './writer.ts'

const READING_HEAD = 0
const READING_BODY = 1
const ANSWERING = 2
const REFUSED = 3
/** Waiting for the application's word on a WebSocket. */
const UPGRADING = 4

const CONTINUE = Buffer.from(continueAnswer, 'latin1')

export class HttpSession implements ClientSession, BodySink, AnswerContext, MessageRequest {
  readonly connection: Connection
  private readonly head: RequestHead
  private readonly body: BodyReader
  private state: number
  private known: Client | undefined
  private answer: HttpWriter | undefined
  private messages: BodyMessages | undefined
  private bodyRead: boolean
  private close: boolean
  private pushing: boolean
  /** Whether the head's own time is running, instead of the time between requests. */
  private timing: boolean

  constructor(connection: Connection) {
    const { settings, deadlines } = connection.host
    this.connection = connection
    this.head = new RequestHead(
      { requestLine: settings.requestLineLimit, head: settings.headLimit, fields: settings.fieldLimit },
      decodeLatin1,
    )
    this.body = new BodyReader(this, { body: settings.messageLimit })
    this.state = READING_HEAD
    this.known = undefined
    this.answer = undefined
    this.messages = undefined
    this.bodyRead = false
    this.close = false
    this.pushing = false
    this.timing = true
    connection.deadline = connection.since + deadlines.period + settings.headTimeout
  }

  get client(): Client {
    return (this.known ??= new Client(this.connection.socket, 'http', `1.${this.head.versionMinor}`))
  }

  get writer(): Writer | undefined {
    return this.answer?.ended === false ? this.answer : undefined
  }

  get held(): number {
    return this.messages === undefined ? 0 : this.messages.held
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
    this.messages?.push(chunk, start, end)
  }

  bodyEnd(): void {
    this.bodyRead = true
  }

  finish(): void {
    if (this.state === ANSWERING || this.state === UPGRADING) this.close = true
    else if (this.state === READING_BODY || this.head.started) {
      this.refuse(
        new RefusedError(
          'ERR_HTTP_INCOMPLETE',
          400,
          'Cannot read the request: the connection ended inside it',
        ),
      )
    } else this.connection.end()
  }

  expire(): void {
    this.connection.deadline = Number.POSITIVE_INFINITY
    if (this.state === READING_BODY) {
      this.refuse(
        new RefusedError('ERR_HTTP_BODY_TIMEOUT', 408, 'Cannot wait any longer: the request body is late'),
      )
    } else if (this.state === READING_HEAD && this.timing) {
      this.refuse(
        new RefusedError('ERR_HTTP_HEAD_TIMEOUT', 408, 'Cannot wait any longer: the request head is late'),
      )
    } else if (this.state === UPGRADING) {
      this.refuse(
        new RefusedError('ERR_UPGRADE_TIMEOUT', 503, 'Cannot accept the WebSocket: the application is late'),
      )
    } else if (this.state === READING_HEAD) this.leave()
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

  keepAlive(): boolean {
    return !this.close
  }

  closeAfter(): void {
    this.close = true
  }

  answerEnded(): void {
    if (this.bodyRead) this.next()
  }

  settled(): void {
    if (this.bodyRead) this.endAnswer()
  }

  messageTooLarge(): void {
    const { messageLimit } = this.connection.host.settings
    this.refuse(
      new RefusedError(
        'ERR_MESSAGE_TOO_LARGE',
        413,
        `Cannot read the message: it is over ${messageLimit} bytes`,
      ),
    )
  }

  private readHead(chunk: Buffer, pos: number, end: number): number {
    const { head } = this
    pos = head.push(chunk, pos, end)
    if (head.error !== null) this.refuse(head.error)
    else if (head.complete) this.start()
    else if (!this.timing && head.started) {
      this.timing = true
      this.connection.timeout(this.connection.host.settings.headTimeout)
    }
    return pos
  }

  private readBody(chunk: Buffer, pos: number, end: number): number {
    pos = this.body.push(chunk, pos, end)
    if (this.body.error !== null) this.refuse(this.body.error)
    else if (this.bodyRead && this.state === READING_BODY) this.finishBody()
    return pos
  }

  private start(): void {
    const { head, connection } = this
    connection.deadline = Number.POSITIVE_INFINITY
    this.bodyRead = false
    this.close ||= !head.keepAlive
    if (asksForWebSocket(head)) return this.startUpgrade()
    this.answer = new HttpWriter(this)
    this.setCorsFields(this.answer)
    switch (head.method) {
      case 'POST':
      case 'PUT':
        return this.startMessages(this.answer)
      case 'OPTIONS':
        return this.startOptions(this.answer)
      default:
        return this.startOther(this.answer)
    }
  }

  private startUpgrade(): void {
    const { connection, head } = this
    const handshake = readUpgrade(connection, head)
    if ('status' in handshake) return this.refuseWith(handshake)
    const hook = connection.host.settings.upgrade
    if (hook === undefined) return this.finishUpgrade(handshake, undefined)
    this.state = UPGRADING
    connection.timeout(connection.host.settings.handshakeTimeout)
    const { version, protocols, origin } = handshake
    const decided = connection.host.ask(() => hook(new Request(head), { version, protocols, origin }))
    if (!(decided instanceof Promise)) return this.finishUpgrade(handshake, decided)
    decided.then((decision) => {
      if (this.state !== UPGRADING || connection.destroyed) return
      this.finishUpgrade(handshake, decision)
      connection.resume()
    })
  }

  private finishUpgrade(handshake: AcceptedHandshake, decision: UpgradeDecision): void {
    const { connection, head } = this
    const refusal = refusalOf(decision)
    if (refusal !== undefined) return this.refuseWith(refusal)
    connection.deadline = Number.POSITIVE_INFINITY
    const acceptance = typeof decision === 'object' ? (decision as UpgradeAcceptance) : {}
    const switched = connection.host.ask(() => {
      switchProtocols(connection, head, handshake, acceptance, () => this.closed())
      return true
    })
    if (switched !== true) this.refuseWith(refusalOf(switched as UpgradeDecision)!)
  }

  private startMessages(answer: HttpWriter): void {
    const { connection } = this
    if (!this.originAllowed()) return this.refuseWith(foreignOrigin(this.head.field('origin')))
    const first = this.known === undefined
    const { client } = this
    client.setHead(this.head)
    this.messages = new BodyMessages(connection.host, this, answer)
    if (first) connection.host.clientConnected(this)
    this.startBody()
  }

  /** RFC 9110 §9.3.7, and the preflight request of the Fetch standard. */
  private startOptions(answer: HttpWriter): void {
    const { head } = this
    const origin = head.field('origin')
    if (!this.originAllowed()) return this.refuseWith(foreignOrigin(origin))
    answer.setHeader('Allow', this.methods().join(', '))
    if (origin !== undefined && head.field('access-control-request-method') !== undefined) {
      const { allowCredentials: credentials } = this.connection.host.settings
      const requestHeaders = head.field('access-control-request-headers')
      setFields(answer, preflightFields(origin, { methods: this.methods(), requestHeaders, credentials }))
    }
    answer.end()
    this.startBody()
  }

  private startOther(answer: HttpWriter): void {
    const { head } = this
    const { host } = this.connection
    if (!head.methodKnown || !host.request(new Request(head), answer)) {
      const methods = this.methods().join(', ')
      answer.setHeader('Allow', methods)
      answer.writeHead(head.methodKnown ? 405 : 501)
      answer.end(`Cannot serve ${head.method}: the methods here are ${methods}\n`)
    }
    this.startBody()
  }

  private startBody(): void {
    const { head, body, connection } = this
    if (connection.session !== this) return
    body.start(head.framing, head.contentLength)
    if (body.error !== null) return this.refuse(body.error)
    this.state = READING_BODY
    if (body.complete) return this.finishBody()
    connection.timeout(connection.host.settings.bodyTimeout)
    if (head.expectContinue) connection.write(CONTINUE)
  }

  private finishBody(): void {
    this.bodyRead = true
    this.state = ANSWERING
    this.connection.deadline = Number.POSITIVE_INFINITY
    this.messages?.end()
    if (this.connection.session !== this) return
    if (this.answer?.ended === true) this.next()
    else this.endAnswer()
  }

  /** What the listeners wrote is the answer, unless the application ends it itself. */
  private endAnswer(): void {
    const { messages, answer } = this
    if (messages === undefined || answer === undefined || messages.pending > 0) return
    if (messages.failed && !answer.headersSent) answer.writeHead(500)
    if (messages.failed || !this.connection.host.settings.explicitEnd) answer.end()
  }

  /** The request is over. */
  private next(): void {
    if (this.state === REFUSED) return
    this.answer = undefined
    this.messages = undefined
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

  private refuseWith(refusal: Refusal): void {
    const { code, status, message } = refusal
    this.refuse(new RefusedError(code, status, message), refusal.fields)
  }

  /** Answers with an error and ends the connection; an answer already begun is broken off. */
  private refuse(error: HttpError | RefusedError, fields: readonly Field[] = []): void {
    if (this.state === REFUSED) return
    const { connection, answer } = this
    this.state = REFUSED
    connection.host.report(error, connection)
    if (answer?.headersSent !== true) {
      const date = connection.host.date()
      connection.write(Buffer.from(errorAnswer(error, { date, fields, head: this.isHead }), 'latin1'))
    }
    answer?.abandon()
    connection.linger()
  }

  private originAllowed(): boolean {
    const { head, connection } = this
    return connection.host.allowsOrigin(head.field('origin'), head.host, connection.encrypted)
  }

  private setCorsFields(answer: HttpWriter): void {
    const origin = this.head.field('origin')
    if (origin === undefined || !this.originAllowed()) return
    setFields(answer, corsFields(origin, { credentials: this.connection.host.settings.allowCredentials }))
  }

  private methods(): string[] {
    const messages = ['POST', 'PUT', 'OPTIONS']
    return this.connection.host.servesRequests ? ['GET', 'HEAD', ...messages] : messages
  }
}

function setFields(answer: HttpWriter, fields: readonly Field[]): void {
  for (const [name, value] of fields) answer.setHeader(name, value)
}
