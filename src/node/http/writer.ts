/**
 * The answer to one HTTP request. What is written before `end` is kept for the rest of the turn, so that an
 * answer that is complete by then leaves in one write with its length; otherwise it goes out part by part, each
 * `write` at once.
 */
import type { Writable } from 'node:stream'
import { AnswerHead, HttpError, isBodyless } from '../../http/index.ts'
import { PortmanteauError } from '../errors.ts'
import { bytesOf, toBytes } from '../outgoing.ts'
import { type Data, type FieldValue, type WriteOptions, Writer } from '../writer.ts'
import { PartsWritable } from '../writer-streams.ts'
import type { AnswerChannel } from './answer-channel.ts'

/** What the answer needs to know of its request. */
export interface AnswerContext {
  readonly channel: AnswerChannel
  readonly isHead: boolean
  /** Whether the message that it answers is text. */
  readonly answersText: boolean
  /** Whether more may be written in this turn by whoever calls `flushSoon` at its end. */
  readonly gathering: boolean
  /** The end of the answer is the end of the connection. */
  closeAfter(): void
  answerEnded(): void
  /** Calls `flush` once this turn is over. */
  flushAnswerSoon(answer: HttpWriter): void
}

/** Above, what is kept for the rest of the turn goes out. */
const KEEP_UP_TO = 64 * 1024

const NONE: readonly Uint8Array[] = []

/**
 * The answer to one HTTP request: what is written in one turn goes out with its length, what comes later in chunks. It ends
 * when the body is read and the listeners are done, or by `end`.
 *
 * @throws {HttpError} `ERR_HTTP_ANSWER_…` from `setHeader` and `writeHead`, for a field that could break the answer, and from
 *   `write` and `end`, for a head that cannot be written; nothing of it has gone out then
 * @throws {PortmanteauError} `ERR_HTTP_ANSWER_LENGTH_INVALID` from `write`, for more than the Content-Length that was set
 * @example
 * server.on('message', (message, client, writer) => {
 *   writer.writeHead(201, { 'Content-Type': 'application/json' }).write(JSON.stringify({ length: message.length }))
 * })
 */
export class HttpWriter extends Writer {
  private readonly context: AnswerContext
  private readonly channel: AnswerChannel
  /** Made when something is set in it: most answers are plain. */
  private ownHead: AnswerHead | undefined
  /** What was written first, while it is all: an answer of one part is not gathered. */
  private part: Data | undefined
  private pieces: Uint8Array[] | undefined
  /** Bytes in `pieces`. */
  private kept: number
  /** Bytes of the body that are sent. */
  private sent: number
  private begun: boolean
  private finished: boolean
  private scheduled: boolean
  private isText: boolean

  constructor(context: AnswerContext) {
    super()
    this.context = context
    this.channel = context.channel
    this.ownHead = undefined
    this.part = undefined
    this.pieces = undefined
    this.kept = 0
    this.sent = 0
    this.begun = false
    this.finished = false
    this.scheduled = false
    this.isText = true
  }

  private get head(): AnswerHead {
    return (this.ownHead ??= new AnswerHead())
  }

  /** The status to answer with; 200 unless set. Without effect once the head is sent. */
  get statusCode(): number {
    return this.head.status
  }

  set statusCode(status: number) {
    this.head.status = status
  }

  /** Whether status and fields are on their way and can no longer be set. */
  get headersSent(): boolean {
    return this.begun
  }

  override get ended(): boolean {
    return this.finished || !this.channel.writable
  }

  /** @internal Whether nothing of it is still to go out. */
  get hasLeft(): boolean {
    return this.ended && !this.channel.busy
  }

  /** @internal Whether it has been ended, or given up. */
  get isOver(): boolean {
    return this.finished
  }

  override get writableLength(): number {
    return this.kept + (this.part?.length ?? 0) + this.channel.writableLength
  }

  override get writableNeedDrain(): boolean {
    return this.channel.writableNeedDrain
  }

  protected override get isGone(): boolean {
    return !this.finished && this.channel.destroyed
  }

  /** Writes a part of the answer's body. Throws when it is more than the `Content-Length` that was set. */
  override write(data: Data, options?: WriteOptions): boolean {
    if (this.ended) return false
    this.keep(data, options)
    if (this.begun || this.kept > KEEP_UP_TO) return this.flush()
    if (!this.context.gathering) this.flushSoon()
    return true
  }

  override end(data?: Data, options?: WriteOptions): void {
    if (this.ended) return
    this.checkFinal()
    if (data !== undefined) this.keep(data, options)
    if (this.ownHead !== undefined || !this.sendPlain()) this.sendAll()
    this.finished = true
    const declared = this.ownHead === undefined ? -1 : this.ownHead.declaredLength
    if (this.sent < declared && !this.bodyless) return this.destroy()
    if (!this.channel.busy) this.context.answerEnded()
  }

  override stream(options?: WriteOptions): Writable {
    return new PartsWritable(this, options)
  }

  /** Ends the answer, and the connection behind it. */
  override close(): void {
    this.context.closeAfter()
    this.end()
  }

  override destroy(): void {
    this.channel.destroy()
  }

  /** Sets the status and fields of the answer; throws before a byte goes out when one cannot be sent. */
  override writeHead(status: number, fields?: Readonly<Record<string, FieldValue>>): this {
    this.head.status = status
    for (const [name, value] of Object.entries(fields ?? {})) this.setHeader(name, value)
    return this
  }

  override setHeader(name: string, value: FieldValue): this {
    this.head.setField(name, value)
    return this
  }

  override getHeader(name: string): FieldValue | undefined {
    return this.head.getField(name)
  }

  override removeHeader(name: string): void {
    this.head.removeField(name)
  }

  /** Sends what was kept once this turn is over, if the answer has not ended by then. */
  flushSoon(): void {
    if (this.begun || this.scheduled || (this.kept === 0 && this.part === undefined)) return
    this.scheduled = true
    this.context.flushAnswerSoon(this)
  }

  /** Sends what was kept: the answer is not complete at the end of this turn. */
  flush(): boolean {
    this.gather()
    if (this.ended || this.kept === 0) return !this.writableNeedDrain
    if (!this.begun) {
      this.checkFinal()
      this.setDefaultType()
      this.channel.begin(this.head)
      this.begun = true
    }
    return this.sendPieces()
  }

  /** @internal Calls back once all that was written has left this host; with `false`, if the client is gone before. */
  whenSent(callback: (sent: boolean) => void): void {
    this.flush()
    this.channel.whenSent(callback)
  }

  /** The application has failed: 500, or the end of an answer that has begun. */
  fail(): void {
    if (!this.begun) {
      this.head.status = 500
      this.head.removeField('content-length')
    }
    this.end()
  }

  /** The request is given up: what the application still writes is ignored. */
  abandon(): void {
    this.finished = true
    this.channel.close()
    this.part = undefined
    this.pieces = undefined
    this.kept = 0
  }

  /** RFC 9110 §15.2: an interim answer is none; what follows it would pass for the next request's. */
  private checkFinal(): void {
    if (this.ownHead === undefined || this.begun || this.ownHead.status >= 200) return
    throw new HttpError(
      'ERR_HTTP_ANSWER_STATUS_INVALID',
      `Cannot write the answer: ${this.ownHead.status} is no final status`,
    )
  }

  private get bodyless(): boolean {
    return this.context.isHead || (this.ownHead !== undefined && isBodyless(this.ownHead.status))
  }

  private keep(data: Data, options: WriteOptions | undefined): void {
    if (typeof data !== 'string') bytesOf(data)
    if (options?.binary ?? !(typeof data === 'string' || this.context.answersText)) this.isText = false
    if (this.ownHead === undefined && !this.begun && this.pieces === undefined && this.part === undefined) {
      this.part = data
      return
    }
    this.gather()
    this.add(toBytes(data))
  }

  /** What is kept becomes pieces. */
  private gather(): void {
    const { part } = this
    if (part === undefined) return
    this.part = undefined
    this.add(toBytes(part))
  }

  private add(bytes: Uint8Array): void {
    const declared = this.ownHead === undefined ? -1 : this.ownHead.declaredLength
    if (declared >= 0 && this.sent + this.kept + bytes.length > declared) {
      throw new PortmanteauError(
        'ERR_HTTP_ANSWER_LENGTH_INVALID',
        `Cannot write the answer: its body is over the Content-Length of ${declared}`,
      )
    }
    if (bytes.length === 0) return
    this.pieces ??= []
    this.pieces.push(bytes)
    this.kept += bytes.length
  }

  private takePieces(): readonly Uint8Array[] {
    const { pieces = NONE } = this
    this.pieces = undefined
    this.sent += this.kept
    this.kept = 0
    return pieces
  }

  private sendPieces(): boolean {
    let ready = true
    for (const piece of this.takePieces()) ready = this.channel.write(piece)
    return ready
  }

  /** An answer of one part in which nothing was set. */
  private sendPlain(): boolean {
    if (this.begun || this.pieces !== undefined) return false
    this.begun = this.channel.sendPlain(this.part ?? '', this.isText)
    return this.begun
  }

  private sendAll(): void {
    this.gather()
    if (this.begun) {
      this.sendPieces()
      this.channel.finish()
      return
    }
    const { kept } = this
    if (kept !== 0) this.setDefaultType()
    const pieces = this.takePieces()
    this.channel.send(this.head, this.bodyless ? NONE : pieces, kept)
    this.begun = true
  }

  /** What a peer sent is echoed to browsers too: they must not take it for a page. */
  private setDefaultType(): void {
    if (this.head.hasField('content-type') || isBodyless(this.head.status)) return
    for (const [name, value] of defaultType(this.isText)) this.head.setField(name, value)
  }
}

/** The fields of a body whose type the application does not say. */
export function defaultType(isText: boolean): readonly (readonly [name: string, value: string])[] {
  return [
    ['Content-Type', isText ? 'text/plain; charset=utf-8' : 'application/octet-stream'],
    ['X-Content-Type-Options', 'nosniff'],
  ]
}
