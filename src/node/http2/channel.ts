import { constants, type ServerHttp2Stream } from 'node:http2'
import { AnswerHead, errorAnswerText, type Field, type HttpError, isBodyless } from '../../http/index.ts'
import type { RefusedError } from '../errors.ts'
import type { AnswerChannel } from '../http/answer-channel.ts'
import { whenWritten } from '../writer-streams.ts'
import { streamHeaders } from './head.ts'
import { breakOff } from './reset.ts'

const UNKNOWN_LENGTH = -1

/** Whether node:http2 sends no body with that status; 205 has none either (RFC 9110 §15.3.6). */
export function hasNoBody(status: number): boolean {
  return isBodyless(status) || status === 205
}

/** An answer on a stream of HTTP/2. */
export class StreamChannel implements AnswerChannel {
  private readonly stream: ServerHttp2Stream
  private readonly isHead: boolean
  /** Told after each write that has to wait. */
  private readonly waits: () => void

  constructor(stream: ServerHttp2Stream, isHead: boolean, waits: () => void) {
    this.stream = stream
    this.isHead = isHead
    this.waits = waits
  }

  /** An answer to HEAD is ended before it has begun: it has no body. */
  get writable(): boolean {
    const { stream, isHead } = this
    return !stream.closed && !stream.destroyed && (isHead ? !stream.headersSent : stream.writable)
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
    const bodyless = this.isHead || pieces.length === 0 || hasNoBody(head.status)
    if (!this.respond(head, length, bodyless) || bodyless) return
    this.stream.end(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces))
    this.waits()
  }

  sendPlain(): boolean {
    return false
  }

  begin(head: AnswerHead): void {
    this.respond(head, UNKNOWN_LENGTH, this.isHead || hasNoBody(head.status))
  }

  write(bytes: Uint8Array): boolean {
    if (!this.stream.writable) return this.isHead
    if (this.stream.write(bytes)) return true
    this.waits()
    return false
  }

  finish(): void {
    if (!this.stream.writableEnded) this.stream.end()
  }

  /** A stream that nothing has broken may be closed behind its last frame, before it says that this one was written. */
  whenSent(callback: (sent: boolean) => void): void {
    const { stream } = this
    whenWritten(stream, (written) => {
      const whole = stream.writableEnded && stream.rstCode === constants.NGHTTP2_NO_ERROR && !stream.aborted
      callback(written || whole)
    })
  }

  /** What the client has of the answer is not all of it. */
  destroy(): void {
    breakOff(this.stream)
  }

  /** Answers with an error and one line that says why. */
  refuse(error: HttpError | RefusedError, fields: readonly Field[]): void {
    const head = new AnswerHead()
    const text = Buffer.from(errorAnswerText(head, error, fields), 'latin1')
    this.send(head, [text], text.length)
  }

  /** Returns `false` where there is nobody to respond to. */
  private respond(head: AnswerHead, length: number, endStream: boolean): boolean {
    const { stream, isHead } = this
    if (stream.closed || stream.destroyed) return false
    stream.respond(streamHeaders(head.status, head.fields({ length, head: isHead })), { endStream })
    return true
  }
}
