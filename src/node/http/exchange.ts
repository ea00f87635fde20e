/**
 * One HTTP request whose body is messages, and its answer, whatever carries the two: the body is split by the raw
 * framing, or is one message as a whole. The answer ends once the body is read and no listener is at a message any more.
 */
import type { FramingErrorCode, FramingReader, MessageSink } from '../../raw/index.ts'
import type { Client } from '../client/client.ts'
import { RefusedError } from '../errors.ts'
import type { Host } from '../host.ts'
import { markText, toMessage } from '../message.ts'
import type { HttpWriter } from './writer.ts'

/** What carries an exchange. */
export interface ExchangeCarrier {
  readonly client: Client
  /** Answers with an error, unless the answer has begun, and gives the request up. */
  refuse(error: RefusedError): void
}

export class MessageExchange implements MessageSink {
  private readonly host: Host
  private readonly carrier: ExchangeCarrier
  private readonly answer: HttpWriter
  private readonly reader: FramingReader
  /** Whether a request without a body is a message, too: an empty one. */
  private readonly emptyIsMessage: boolean
  /** Listeners that have not settled. */
  private pending: number
  /** Whether a listener threw or rejected. */
  private failed: boolean
  private received: boolean
  private bodyRead: boolean

  constructor(host: Host, carrier: ExchangeCarrier, answer: HttpWriter) {
    const { settings } = host
    this.host = host
    this.carrier = carrier
    this.answer = answer
    this.reader = settings.wholeBody
      ? new WholeBody(this)
      : settings.framing.createReader(this, settings.messageLimit)
    this.emptyIsMessage = settings.isMessage !== undefined
    this.pending = 0
    this.failed = false
    this.received = false
    this.bodyRead = false
  }

  get held(): number {
    return this.reader.held
  }

  push(chunk: Uint8Array, start: number, end: number): void {
    this.received = true
    this.reader.push(chunk, start, end)
  }

  /** The body is complete. */
  end(): void {
    if (!this.received && this.emptyIsMessage) this.message(EMPTY, 0, 0)
    else this.reader.end()
    this.bodyRead = true
    this.endAnswer()
  }

  message(chunk: Uint8Array, start: number, end: number): void {
    const message = toMessage(chunk, start, end)
    const { client } = this.carrier
    markText(client, message)
    const settled = this.host.deliver(message, client, this.answer)
    if (settled === undefined) return
    this.pending++
    settled.then((succeeded) => this.settle(succeeded))
  }

  fail(_code: FramingErrorCode): void {
    const { messageLimit } = this.host.settings
    this.carrier.refuse(
      new RefusedError(
        'ERR_MESSAGE_TOO_LARGE',
        413,
        `Cannot read the message: it is over ${messageLimit} bytes`,
      ),
    )
  }

  private settle(succeeded: boolean): void {
    if (!succeeded) this.failed = true
    this.pending--
    if (this.bodyRead) this.endAnswer()
  }

  /** What the listeners wrote is the answer, unless the application ends it itself. */
  private endAnswer(): void {
    const { answer } = this
    if (this.pending > 0 || answer.ended) return
    if (this.failed) answer.fail()
    else if (!this.host.settings.explicitEnd)
      this.host.guard(
        () => answer.end(),
        () => answer.fail(),
      )
  }
}

const EMPTY = new Uint8Array(0)

/** The framing of a body that is one message. The body's own limit bounds it. */
class WholeBody implements FramingReader {
  private readonly sink: MessageSink
  private readonly pieces: Uint8Array[]
  held: number

  constructor(sink: MessageSink) {
    this.sink = sink
    this.pieces = []
    this.held = 0
  }

  push(chunk: Uint8Array, pos: number, end: number): number {
    this.pieces.push(chunk.subarray(pos, end))
    this.held += end - pos
    return end
  }

  end(): void {
    if (this.held === 0) return
    const whole = this.pieces.length === 1 ? this.pieces[0]! : Buffer.concat(this.pieces)
    this.held = 0
    this.sink.message(whole, 0, whole.length)
  }
}
