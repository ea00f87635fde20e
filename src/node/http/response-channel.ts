import type { ServerResponse } from 'node:http'
import type { AnswerHead } from '../../http/index.ts'
import type { AnswerChannel } from './answer-channel.ts'

const UNKNOWN_LENGTH = -1

/** An answer that leaves through node:http. */
export class ResponseChannel implements AnswerChannel {
  private readonly response: ServerResponse
  private readonly isHead: boolean

  constructor(response: ServerResponse, isHead: boolean) {
    this.response = response
    this.isHead = isHead
  }

  get writable(): boolean {
    return !this.response.writableEnded && !this.destroyed
  }

  get destroyed(): boolean {
    return this.response.destroyed || this.response.socket?.destroyed === true
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
  }

  sendPlain(): boolean {
    return false
  }

  begin(head: AnswerHead): void {
    this.setHead(head, UNKNOWN_LENGTH)
    this.response.flushHeaders()
  }

  write(bytes: Uint8Array): boolean {
    return this.response.write(bytes)
  }

  finish(): void {
    this.response.end()
  }

  destroy(): void {
    this.response.destroy()
  }

  private setHead(head: AnswerHead, length: number): void {
    const { response } = this
    const fields = head.fields({ length, head: this.isHead })
    response.statusCode = head.status
    for (const [name, value] of fields) response.setHeader(name, value)
    if (head.closes) response.setHeader('Connection', 'close')
  }
}
