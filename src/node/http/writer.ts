/**
 * The answer to one HTTP request. What is written before `end` is kept for the rest of the turn, so that an
 * answer that is complete by then leaves in one write with its Content-Length; otherwise it goes out in chunks
 * (RFC 9112 §7.1), or up to the end of the connection on HTTP/1.0.
 */
import type { Writable } from 'node:stream'
import {
  AnswerFraming,
  AnswerHead,
  type AnswerOptions,
  chunkHeader,
  isBodyless,
  lastChunk,
} from '../../http/index.ts'
import type { Connection } from '../connection.ts'
import { PortmanteauError } from '../errors.ts'
import { toBytes } from '../outgoing.ts'
import { type Data, type FieldValue, type WriteOptions, Writer } from '../writer.ts'
import { PartsWritable } from '../writer-streams.ts'

/** What the answer needs to know of its request and connection. */
export interface AnswerContext {
  readonly connection: Connection
  readonly isHead: boolean
  readonly versionMinor: 0 | 1
  /** Whether the message that it answers is text. */
  readonly answersText: boolean
  /** Whether the session writes more in this turn, and calls `flushSoon` itself. */
  readonly gathering: boolean
  /** Whether the connection can go on; asked when the head is written. */
  keepAlive(): boolean
  /** The end of the answer is the end of the connection. */
  closeAfter(): void
  answerEnded(): void
}

/** Above, the pieces of an answer are not copied together. */
const JOIN_UP_TO = 16 * 1024
/** Above, what is kept for the rest of the turn goes out. */
const KEEP_UP_TO = 64 * 1024

const CRLF = Buffer.from('\r\n')
const LAST_CHUNK = Buffer.from(lastChunk, 'latin1')
const UNKNOWN_LENGTH = -1

export class HttpWriter extends Writer {
  private readonly context: AnswerContext
  private readonly head: AnswerHead
  private pieces: Uint8Array[]
  /** Bytes in `pieces`. */
  private kept: number
  /** Bytes of the body that are sent. */
  private sent: number
  private framing: AnswerFraming
  private begun: boolean
  private finished: boolean
  private scheduled: boolean
  private isText: boolean

  constructor(context: AnswerContext) {
    super(context.connection)
    this.context = context
    this.head = new AnswerHead()
    this.pieces = []
    this.kept = 0
    this.sent = 0
    this.framing = AnswerFraming.none
    this.begun = false
    this.finished = false
    this.scheduled = false
    this.isText = true
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
    return this.finished || !this.connection.writable
  }

  override get writableLength(): number {
    return this.kept + this.connection.writableLength
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
    if (data !== undefined) this.keep(data, options)
    if (this.begun) this.sendRest()
    else this.sendWhole()
    this.finished = true
    if (this.framing !== AnswerFraming.none && this.sent < this.head.declaredLength) return this.destroy()
    this.context.answerEnded()
  }

  override stream(options?: WriteOptions): Writable {
    return new PartsWritable(this, options)
  }

  /** Ends the answer, and the connection behind it. */
  override close(): void {
    this.context.closeAfter()
    this.end()
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
    if (this.begun || this.kept === 0 || this.scheduled) return
    this.scheduled = true
    this.context.connection.host.flushAnswerSoon(this)
  }

  /** Sends what was kept: the answer is not complete at the end of this turn. */
  flush(): boolean {
    if (this.ended || this.kept === 0) return !this.writableNeedDrain
    if (!this.begun) this.begin(UNKNOWN_LENGTH)
    return this.sendPieces()
  }

  /** The connection is given up: what the application still writes is ignored. */
  abandon(): void {
    this.finished = true
    this.pieces = []
    this.kept = 0
  }

  private keep(data: Data, options: WriteOptions | undefined): void {
    const bytes = toBytes(data)
    const { declaredLength } = this.head
    if (declaredLength >= 0 && this.sent + this.kept + bytes.length > declaredLength) {
      throw new PortmanteauError(
        'ERR_HTTP_ANSWER_LENGTH_INVALID',
        `Cannot write the answer: its body is over the Content-Length of ${declaredLength}`,
      )
    }
    if (options?.binary ?? !(typeof data === 'string' || this.context.answersText)) this.isText = false
    if (bytes.length === 0) return
    this.pieces.push(bytes)
    this.kept += bytes.length
  }

  /** Sends the head of an answer whose body is `length` bytes, or follows in pieces. */
  private begin(length: number): void {
    this.connection.write(Buffer.from(this.formatHead(length), 'latin1'))
  }

  private formatHead(length: number): string {
    if (length !== 0) this.setDefaultType()
    const options: AnswerOptions = {
      length,
      keepAlive: this.context.keepAlive(),
      versionMinor: this.context.versionMinor,
      date: this.context.connection.host.date(),
      head: this.context.isHead,
    }
    const formatted = this.head.format(options)
    this.framing = this.head.framing(options)
    this.begun = true
    if (this.head.closesAfter(options)) this.context.closeAfter()
    return formatted
  }

  private sendPieces(): boolean {
    const { pieces } = this
    this.pieces = []
    this.sent += this.kept
    this.kept = 0
    let ready = true
    for (const piece of pieces) ready = this.sendPiece(piece)
    return ready
  }

  private sendPiece(bytes: Uint8Array): boolean {
    if (this.framing === AnswerFraming.none) return true
    if (this.framing !== AnswerFraming.chunked) return this.connection.write(bytes)
    this.connection.write(Buffer.from(chunkHeader(bytes.length), 'latin1'))
    this.connection.write(bytes)
    return this.connection.write(CRLF)
  }

  private sendRest(): void {
    this.sendPieces()
    if (this.framing === AnswerFraming.chunked) this.connection.write(LAST_CHUNK)
  }

  private sendWhole(): void {
    const bodyless = this.context.isHead || isBodyless(this.head.status)
    if (bodyless || this.kept > JOIN_UP_TO) {
      this.begin(this.kept)
      this.sendPieces()
      return
    }
    const answer = this.join(this.formatHead(this.kept))
    this.sent = this.kept
    this.pieces = []
    this.kept = 0
    this.connection.write(answer)
  }

  private join(head: string): Buffer {
    const answer = Buffer.allocUnsafe(head.length + this.kept)
    let at = answer.write(head, 'latin1')
    for (const piece of this.pieces) {
      answer.set(piece, at)
      at += piece.length
    }
    return answer
  }

  /** What a peer sent is echoed to browsers too: they must not take it for a page. */
  private setDefaultType(): void {
    if (this.head.hasField('content-type') || isBodyless(this.head.status)) return
    this.head.setField('Content-Type', this.isText ? 'text/plain; charset=utf-8' : 'application/octet-stream')
    this.head.setField('X-Content-Type-Options', 'nosniff')
  }
}
