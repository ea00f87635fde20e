import type { ServerResponse } from 'node:http'
import type { AnswerHead } from '../../../http/index.ts'
import { whenWritten } from '../../writer-streams.ts'
import type { AnswerChannel } from '../answer-channel.ts'

const UNKNOWN_LENGTH = -1

/** What an answer needs to know of its request and its connection. */
export interface ResponseContext {
  readonly isHead: boolean
  /** Whether the connection is gone; node:http does not tell an answer that waits behind another. */
  readonly isOver: boolean
  /** Called when some of the answer has to wait. */
  readonly whenWaiting: () => void
  /** Cuts the connection, whichever answer is on its way. */
  destroy(): void
}

/** An answer that leaves through node:http. */
export class ResponseChannel implements AnswerChannel {
  private readonly response: ServerResponse
  private readonly context: ResponseContext

  constructor(response: ServerResponse, context: ResponseContext) {
    this.response = response
    this.context = context
  }

  get writable(): boolean {
    return !this.response.writableEnded && !this.destroyed
  }

  get destroyed(): boolean {
    return this.response.destroyed || this.context.isOver
  }

  get writableLength(): number {
    return this.response.writableLength
  }

  get writableNeedDrain(): boolean {
    return this.response.writableNeedDrain
  }

  get busy(): boolean {
    return false
  }

  close(): void {}

  send(head: AnswerHead, pieces: readonly Uint8Array[], length: number): void {
    this.setHead(head, length)
    this.response.end(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces))
    if (this.writableLength > 0) this.context.whenWaiting()
  }

  sendPlain(): boolean {
    return false
  }

  begin(head: AnswerHead): void {
    this.setHead(head, UNKNOWN_LENGTH)
    this.response.flushHeaders()
  }

  write(bytes: Uint8Array): boolean {
    if (this.destroyed) return false
    if (this.response.write(bytes)) return true
    this.context.whenWaiting()
    return false
  }

  finish(): void {
    this.response.end()
  }

  whenSent(callback: (sent: boolean) => void): void {
    whenWritten(this.response, callback)
  }

  destroy(): void {
    this.context.destroy()
  }

  private setHead(head: AnswerHead, length: number): void {
    const { response } = this
    const fields = head.fields({ length, head: this.context.isHead })
    response.statusCode = head.status
    for (const [name, value] of fields) response.setHeader(name, value)
    if (head.closes) response.setHeader('Connection', 'close')
  }
}
