/** The messages in one HTTP body: split by the raw framing, or the body as a whole. */
import type { FramingErrorCode, FramingReader, MessageSink } from '../../raw/index.ts'
import type { Client } from '../client/client.ts'
import type { Host } from '../host.ts'
import { markText, toMessage } from '../message.ts'
import type { Writer } from '../writer.ts'

/** What a body's messages belong to. */
export interface MessageRequest {
  readonly client: Client
  /** No listener is at a message of it any more. */
  settled(): void
  /** A message is larger than the limit. */
  messageTooLarge(): void
}

export class BodyMessages implements MessageSink {
  /** Listeners that have not settled. */
  pending: number
  /** Whether a listener threw or rejected. */
  failed: boolean
  private readonly host: Host
  private readonly request: MessageRequest
  private readonly answer: Writer
  private readonly reader: FramingReader

  constructor(host: Host, request: MessageRequest, answer: Writer) {
    const { settings } = host
    this.pending = 0
    this.failed = false
    this.host = host
    this.request = request
    this.answer = answer
    this.reader = settings.wholeBody
      ? new WholeBody(this)
      : settings.framing.createReader(this, settings.messageLimit)
  }

  get held(): number {
    return this.reader.held
  }

  push(chunk: Uint8Array, start: number, end: number): void {
    this.reader.push(chunk, start, end)
  }

  end(): void {
    this.reader.end()
  }

  message(chunk: Uint8Array, start: number, end: number): void {
    const message = toMessage(chunk, start, end)
    const { client } = this.request
    markText(client, message)
    const settled = this.host.deliver(message, client, this.answer)
    if (settled === undefined) return
    this.pending++
    settled.then((succeeded) => this.settle(succeeded))
  }

  fail(_code: FramingErrorCode): void {
    this.request.messageTooLarge()
  }

  private settle(succeeded: boolean): void {
    if (!succeeded) this.failed = true
    this.pending--
    if (this.pending === 0) this.request.settled()
  }
}

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
