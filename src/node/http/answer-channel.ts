/** How an answer leaves: as HTTP/1.1 on a connection here; HTTP/2 and node:http have channels of their own. */
import {
  AnswerFraming,
  type AnswerHead,
  type AnswerOptions,
  chunkHeader,
  errorAnswer,
  type Field,
  type HttpError,
  lastChunk,
} from '../../http/index.ts'
import type { Connection } from '../connection.ts'
import type { RefusedError } from '../errors.ts'
import { SLAB_COPY_UP_TO, slab } from '../write-slab.ts'
import type { Data } from '../writer.ts'

export interface AnswerChannel {
  /** Whether anything can still be sent. */
  readonly writable: boolean
  /** Whether the client is gone. */
  readonly destroyed: boolean
  /** Bytes that wait to be sent. */
  readonly writableLength: number
  readonly writableNeedDrain: boolean
  /** Whether an answer that was sent or finished is not on its way yet; its end is then told by the channel itself. */
  readonly busy: boolean
  /** Sends a whole answer. `length` is that of the body, also where `pieces` are left out because none is sent. */
  send(head: AnswerHead, pieces: readonly Uint8Array[], length: number): void
  /**
   * Sends a whole 200 with the fields that every answer has, if that can be done faster than by `send`: returns whether it
   * was.
   */
  sendPlain(data: Data, isText: boolean): boolean
  /** Sends the head of an answer whose length is not known yet; throws when it cannot be written. */
  begin(head: AnswerHead): void
  /** Sends a part of the body. Returns `false` when the client is slow. */
  write(bytes: Uint8Array): boolean
  /** The body is complete. */
  finish(): void
  /** Calls back once all that it was given has left this host; with `false`, if the client is gone before. */
  whenSent(callback: (sent: boolean) => void): void
  destroy(): void
  /** The answer is given up, or the client gone. */
  close(): void
}

/** What an answer on HTTP/1.1 asks of its connection's session. */
export interface Http1Session {
  readonly connection: Connection
  readonly isHead: boolean
  readonly versionMinor: 0 | 1
  /** Whether the connection can go on; asked when the head is written. */
  keepAlive(): boolean
  /** The end of the answer is the end of the connection. */
  closeAfter(): void
}

/** Above, the pieces of an answer are not copied together. */
const JOIN_UP_TO = 16 * 1024

const CRLF = Buffer.from('\r\n')
const LAST_CHUNK = Buffer.from(lastChunk, 'latin1')
const UNKNOWN_LENGTH = -1

/**
 * An answer in chunks (RFC 9112 §7.1) where its length is not known, or up to the end of the connection on HTTP/1.0.
 * One a connection: answers follow each other.
 */
export class Http1Channel implements AnswerChannel {
  private readonly session: Http1Session
  private readonly connection: Connection
  private framing: AnswerFraming

  constructor(session: Http1Session) {
    this.session = session
    this.connection = session.connection
    this.framing = AnswerFraming.none
  }

  get writable(): boolean {
    return this.connection.writable
  }

  get destroyed(): boolean {
    return this.connection.destroyed
  }

  get writableLength(): number {
    return this.connection.writableLength
  }

  get writableNeedDrain(): boolean {
    return this.connection.writableNeedDrain
  }

  get busy(): boolean {
    return false
  }

  close(): void {}

  send(head: AnswerHead, pieces: readonly Uint8Array[], length: number): void {
    const text = this.format(head, length)
    if (pieces.length > 0 && length > JOIN_UP_TO) {
      this.connection.write(Buffer.from(text, 'latin1'))
      for (const piece of pieces) this.connection.write(piece)
    } else this.connection.write(join(text, pieces, length))
  }

  /** Straight into what leaves with this turn. */
  sendPlain(data: Data, isText: boolean): boolean {
    const { session, connection } = this
    const { length } = data
    if (length > PLAIN_UP_TO || session.isHead || session.versionMinor === 0) return false
    if (typeof data === 'string' && !isAscii(data)) return false
    const kind = length === 0 ? 'empty' : isText ? 'text' : 'binary'
    const start = connection.host.plainStart(session.keepAlive() ? kind : `last ${kind}`)
    const digits = length < 10 ? 1 : length < 100 ? 2 : length < 1000 ? 3 : 4
    let at = connection.claim(start.length + digits + HEAD_END + length)
    if (at < 0) return false
    slab.set(start, at)
    at = writeLength(at + start.length, digits, length)
    if (typeof data !== 'string') slab.set(data, at)
    else for (let index = 0; index < length; index++) slab[at + index] = data.charCodeAt(index)
    return true
  }

  /** Answers with an error and one line that says why. */
  refuse(error: HttpError | RefusedError, fields: readonly Field[]): void {
    const { connection, session } = this
    const text = errorAnswer(error, { date: connection.host.date(), fields, head: session.isHead })
    connection.write(Buffer.from(text, 'latin1'))
  }

  begin(head: AnswerHead): void {
    this.connection.write(Buffer.from(this.format(head, UNKNOWN_LENGTH), 'latin1'))
  }

  write(bytes: Uint8Array): boolean {
    if (this.framing === AnswerFraming.none) return true
    if (this.framing !== AnswerFraming.chunked) return this.connection.write(bytes)
    this.connection.write(Buffer.from(chunkHeader(bytes.length), 'latin1'))
    this.connection.write(bytes)
    return this.connection.write(CRLF)
  }

  finish(): void {
    if (this.framing === AnswerFraming.chunked) this.connection.write(LAST_CHUNK)
  }

  whenSent(callback: (sent: boolean) => void): void {
    this.connection.whenSent(callback)
  }

  destroy(): void {
    this.connection.destroy()
  }

  private format(head: AnswerHead, length: number): string {
    const { session } = this
    const options: AnswerOptions = {
      length,
      keepAlive: session.keepAlive(),
      versionMinor: session.versionMinor,
      date: this.connection.host.date(),
      head: session.isHead,
    }
    const formatted = head.format(options)
    this.framing = head.framing(options)
    if (head.closesAfter(options)) session.closeAfter()
    return formatted
  }
}

/** What is larger has to be cheap to copy, and short to look through. */
const PLAIN_UP_TO = Math.min(1024, SLAB_COPY_UP_TO / 2)

/** CRLF CRLF */
const HEAD_END = 4
const CR = 0x0d
const LF = 0x0a

/** Writes the value of Content-Length and the end of the head; returns the position of the body. */
function writeLength(at: number, digits: number, length: number): number {
  for (let digit = at + digits - 1; digit >= at; digit--) {
    slab[digit] = 0x30 + (length % 10)
    length = Math.floor(length / 10)
  }
  at += digits
  slab[at] = CR
  slab[at + 1] = LF
  slab[at + 2] = CR
  slab[at + 3] = LF
  return at + HEAD_END
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0x7f) return false
  return true
}

function join(head: string, pieces: readonly Uint8Array[], length: number): Buffer {
  if (pieces.length === 0) return Buffer.from(head, 'latin1')
  const answer = Buffer.allocUnsafe(head.length + length)
  let at = answer.write(head, 'latin1')
  for (const piece of pieces) {
    answer.set(piece, at)
    at += piece.length
  }
  return answer
}
