import { isUtf8 } from 'node:buffer'
import type { Writable } from 'node:stream'
import { type MessageForm, SessionState } from '../../sessions/index.ts'
import { PortmanteauError } from '../errors.ts'
import type { Outgoing } from '../outgoing.ts'
import { type Data, type WriteOptions, Writer } from '../writer.ts'
import { GatheringWritable } from '../writer-streams.ts'
import type { SessionMember } from './member.ts'

/** Under which name a message that goes to many is kept as text. */
const TEXT = 'session text'

/**
 * Writes to a client of the Socket.IO era: each `write` is one message, and what is written in one turn leaves together. A
 * message waits for the client's next connection, and is kept until it is known to have arrived. All messages are text: bytes
 * that are not UTF-8, or said to be binary, are refused.
 */
export class SessionWriter extends Writer {
  private readonly member: SessionMember
  /** `write` has returned `false`, and nothing has drained since. */
  private full: boolean

  constructor(member: SessionMember) {
    super()
    this.member = member
    this.full = false
    // Each open stream listens for the end.
    this.setMaxListeners(0)
  }

  override get ended(): boolean {
    return this.member.session.state >= SessionState.closing
  }

  override get writableLength(): number {
    return this.member.session.held
  }

  override get writableNeedDrain(): boolean {
    return this.full
  }

  protected override get isGone(): boolean {
    return this.member.session.state === SessionState.closed
  }

  /**
   * Sends a message, or keeps it for the client's next connection.
   *
   * @throws {PortmanteauError} `ERR_SESSION_BINARY_UNSUPPORTED` for what is no text
   * @throws {SessionError} `ERR_SESSION_ANNOTATION_…` for annotations that its encoding has not, or that could not be read
   */
  override write(data: Data, options: WriteOptions = {}): boolean {
    if (this.ended) return false
    return this.send(toText(data, options.binary === true), options)
  }

  override stream(options?: WriteOptions): Writable {
    return new GatheringWritable(this, this.member.hub.host.settings.messageLimit, options)
  }

  /** Ends the session once what waits has gone out. */
  override close(): void {
    this.member.session.close(this.member.hub.now)
  }

  override destroy(): void {
    this.member.destroy()
  }

  /** @internal Sends what goes to many. */
  sendShared(outgoing: Outgoing): boolean {
    if (this.ended) return false
    const { shared } = outgoing
    let text = shared.get(TEXT) as string | undefined
    if (text === undefined) shared.set(TEXT, (text = toText(outgoing.data, false)))
    return this.send(text, outgoing.form)
  }

  /** @internal */
  drained(): void {
    this.full = false
    this.emit('drain')
  }

  private send(text: string, form: MessageForm): boolean {
    const { member } = this
    member.cork()
    const ready = member.session.send(text, member.hub.now, form)
    this.full = !ready && !this.ended
    return ready
  }
}

function toText(data: Data, binary: boolean): string {
  if (typeof data === 'string') return data
  if (!binary && isUtf8(data)) return Buffer.from(data.buffer, data.byteOffset, data.length).toString()
  throw new PortmanteauError('ERR_SESSION_BINARY_UNSUPPORTED', 'Cannot send binary: sessions have text only')
}
