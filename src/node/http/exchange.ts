/**
 * One HTTP request whose body is messages, and its answer, whatever carries the two: the body is split by the raw
 * framing, or is one message as a whole. The answer ends once the body is read and no listener is at a message any more.
 */
import {
  FramingError,
  type FramingErrorCode,
  type FramingReader,
  framingFault,
  lineFraming,
  type MessageSink,
  noneFraming,
} from '../../raw/index.ts'
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

/** Who takes the body of a request, piece by piece. */
export interface BodyTaker {
  /** Bytes that it keeps. */
  readonly held: number
  /** What the client that has sent it can be written to through, meanwhile. */
  readonly writer: HttpWriter | undefined
  /** A piece of the body: the taker's up to the next call of `push`, `settle` or `end`. */
  push(chunk: Uint8Array, start: number, end: number): void
  /** The body goes on in another chunk: what lies in this one is read. */
  settle(): void
  /** The body is complete. */
  end(): void
  /** The peer has ended its side, behind the body. It may still read the answer, or be gone. */
  peerEnded(): void
}

export class MessageExchange implements BodyTaker, MessageSink {
  readonly writer: HttpWriter
  private readonly host: Host
  private readonly carrier: ExchangeCarrier
  private reader: FramingReader | undefined
  /** A first piece of the body that nobody has read yet: mostly it is all of it. */
  private piece: Uint8Array | undefined
  private pieceStart: number
  private pieceEnd: number
  /** Listeners that have not settled. */
  private pending: number
  /** Whether a listener threw or rejected. */
  private failed: boolean
  private bodyRead: boolean

  constructor(host: Host, carrier: ExchangeCarrier, answer: HttpWriter) {
    this.host = host
    this.carrier = carrier
    this.writer = answer
    this.reader = undefined
    this.piece = undefined
    this.pieceStart = 0
    this.pieceEnd = 0
    this.pending = 0
    this.failed = false
    this.bodyRead = false
  }

  get held(): number {
    return this.reader === undefined ? 0 : this.reader.held
  }

  push(chunk: Uint8Array, start: number, end: number): void {
    if (this.reader === undefined && this.piece === undefined) {
      this.piece = chunk
      this.pieceStart = start
      this.pieceEnd = end
    } else {
      this.settle()
      this.reader!.push(chunk, start, end)
    }
  }

  settle(): void {
    const { piece } = this
    if (piece === undefined) return
    this.piece = undefined
    this.reader = this.createReader()
    this.reader.push(piece, this.pieceStart, this.pieceEnd)
  }

  end(): void {
    const { piece, pieceStart, pieceEnd } = this
    if (piece !== undefined && this.isOneMessage(piece, pieceStart, pieceEnd)) {
      this.piece = undefined
      this.message(piece, pieceStart, pieceEnd)
    } else if (piece === undefined && this.reader === undefined) this.endEmpty()
    else {
      this.settle()
      this.reader!.end()
    }
    this.bodyRead = true
    this.endAnswer()
  }

  peerEnded(): void {}

  message(chunk: Uint8Array, start: number, end: number): void {
    const message = toMessage(chunk, start, end)
    const { client } = this.carrier
    markText(client, message)
    const settled = this.host.deliver(message, client, this.writer)
    if (settled === undefined) return
    this.pending++
    settled.then((succeeded) => this.settled(succeeded))
  }

  fail(code: FramingErrorCode): void {
    const status = code === FramingError.messageTooLarge ? 413 : 400
    this.carrier.refuse(new RefusedError(code, status, framingFault(code, this.host.settings.messageLimit)))
  }

  private createReader(): FramingReader {
    const { settings } = this.host
    // How a body is cut on its way means nothing: without a framing it is a message as a whole.
    return settings.wholeBody || settings.framing === noneFraming
      ? new WholeBody(this)
      : settings.framing.createReader(this, settings.messageLimit)
  }

  /** Most bodies are a line, or taken whole, and lie in one piece: then nothing needs to gather them. */
  private isOneMessage(chunk: Uint8Array, start: number, end: number): boolean {
    const { settings } = this.host
    if (settings.wholeBody || settings.framing === noneFraming) return true
    if (settings.framing !== lineFraming || end - start > settings.messageLimit) return false
    const newline = chunk.indexOf(LF, start)
    return newline < 0 || newline >= end
  }

  /** A request without a body is a message where the application has said so. */
  private endEmpty(): void {
    if (this.host.settings.isMessage !== undefined) this.message(EMPTY, 0, 0)
  }

  private settled(succeeded: boolean): void {
    if (!succeeded) this.failed = true
    this.pending--
    if (this.bodyRead) this.endAnswer()
  }

  /** What the listeners wrote is the answer, unless the application ends it itself. */
  private endAnswer(): void {
    const { writer: answer } = this
    if (this.pending > 0 || answer.ended) return
    if (this.failed) answer.fail()
    else if (!this.host.settings.explicitEnd)
      this.host.guard(
        () => answer.end(),
        () => answer.fail(),
      )
  }
}

const EMPTY = Buffer.alloc(0)
const LF = 0x0a

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
