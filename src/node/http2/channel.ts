import type { ServerHttp2Stream } from 'node:http2'
import { AnswerHead, errorAnswerText, type Field, type HttpError } from '../../http/index.ts'
import type { RefusedError } from '../errors.ts'
import type { AnswerChannel } from '../http/answer-channel.ts'
import { streamHeaders } from './head.ts'

const UNKNOWN_LENGTH = -1

/** An answer on a stream of HTTP/2. */
export class StreamChannel implements AnswerChannel {
  private readonly stream: ServerHttp2Stream
  private readonly isHead: boolean

  constructor(stream: ServerHttp2Stream, isHead: boolean) {
    this.stream = stream
    this.isHead = isHead
  }

  get writable(): boolean {
    return this.stream.writable
  }

  get destroyed(): boolean {
    return this.stream.destroyed
  }

  get writableLength(): number {
    return this.stream.writableLength
  }

  get writableNeedDrain(): boolean {
    return this.stream.writableNeedDrain
  }

  get busy(): boolean {
    return false
  }

  close(): void {}

  send(head: AnswerHead, pieces: readonly Uint8Array[], length: number): void {
    this.respond(head, length, pieces.length === 0)
    if (pieces.length > 0) this.stream.end(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces))
  }

  sendPlain(): boolean {
    return false
  }

  begin(head: AnswerHead): void {
    this.respond(head, UNKNOWN_LENGTH, this.isHead)
  }

  write(bytes: Uint8Array): boolean {
    return this.isHead || this.stream.write(bytes)
  }

  finish(): void {
    if (!this.isHead) this.stream.end()
  }

  destroy(): void {
    this.stream.destroy()
  }

  /** Answers with an error and one line that says why. */
  refuse(error: HttpError | RefusedError, fields: readonly Field[]): void {
    const head = new AnswerHead()
    const text = Buffer.from(errorAnswerText(head, error, fields), 'latin1')
    this.send(head, this.isHead ? [] : [text], text.length)
  }

  private respond(head: AnswerHead, length: number, endStream: boolean): void {
    const fields = head.fields({ length, head: this.isHead })
    this.stream.respond(streamHeaders(head.status, fields), { endStream })
  }
}
