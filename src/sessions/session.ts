/**
 * One session: a client that stays the same while connections come and go.
 *
 *     CONNECTING ─attach→ OPEN ⇄ BETWEEN → CLOSED
 *                           └──close──┴→ CLOSING → CLOSED
 *
 * A carrier is what brings batches to the client: the answer to one poll, or a stream. OPEN has one; BETWEEN waits for one,
 * so long and no longer. CLOSING takes nothing more from the application, and ends when what was left has gone out.
 *
 * A batch stays in the queue until it is known to have arrived:
 * - of a poll: when the next poll comes, for the client asks again only once it has read the answer whole. A poll that comes
 *   while the host has not reported the answer as `flushed` is the browser's own second try of a request that broke,
 *   and gets the same batch again. The published clients give up a session whose poll has failed in any other way, so that no
 *   batch can reach them twice; what did not arrive then is counted when the session ends.
 * - of a stream: when the host reports it as `flushed`. A stream that takes up the session again gets what was not.
 *
 * Times are numbers of the host's clock, in milliseconds. `deadline` is when `expire` wants to be called next. The
 * session never writes to a carrier that it has let go of, and calls `end` of one that it lets go of itself.
 */
import { type Delivery, type ReceivedFrame, readDelivery } from './coding/delivery.ts'
import { controlFrame, Encoding, FrameType, type MessageForm, messageFrame } from './coding/encoder.ts'
import { SessionError } from './errors.ts'
import { resolveSession, type SessionOptions, type SessionSettings } from './options.ts'
import { Outgoing } from './outgoing.ts'
import { type Carrier, SessionEnd, type SessionSink, SessionState } from './session-sink.ts'
import type { Transport } from './transports.ts'

/**
 * @example
 * import { Session, transportOf } from 'portmanteau/sessions'
 *
 * const sink = {
 *   connected: () => {},
 *   message: (text: string) => session.send(text, 0),
 *   drained: () => {},
 *   disconnected: () => {},
 * }
 * const session: Session = new Session('c2Vzc2lvbiBpZA', transportOf('xhr-polling')!, sink, 0)
 * session.attach({ deliver: (batch) => batch !== '', end: () => {} }, 0)
 * // the answer to this first poll is '~m~14~m~c2Vzc2lvbiBpZA'
 */
export class Session {
  readonly id: string
  readonly transport: Transport
  /** What it speaks: as the option says, and then as the client has shown. */
  encoding: Encoding
  state: SessionState
  /** When `expire` is to be called, by the host's clock. */
  deadline: number
  /** Carriers so far. */
  connections: number
  /** Why it has failed, or null. */
  error: SessionError | null
  private readonly sink: SessionSink
  private readonly settings: SessionSettings
  private readonly ended: (session: Session) => void
  private readonly outgoing: Outgoing
  private carrier: Carrier | null
  /** A carrier that was given its last batch, and has not reported it as flushed. */
  private spent: Carrier | null
  private writable: boolean
  /** `connected` was reported. */
  private announced: boolean
  private corks: number
  /** The client has shown its encoding. */
  private shown: boolean
  /** `send` has returned false. */
  private full: boolean
  /** The index of the last heartbeat, and whether its answer is still to come. */
  private heartbeat: number
  private awaiting: boolean

  /**
   * @param now the host's clock
   * @param ended called when it has ended, before the sink is told
   * @throws {SessionError} `ERR_SESSION_OPTION` for an option that is no possible value
   */
  constructor(
    id: string,
    transport: Transport,
    sink: SessionSink,
    now: number,
    options: SessionOptions = {},
    ended: (session: Session) => void = () => {},
  ) {
    const settings = resolveSession(transport, options)
    this.id = id
    this.transport = transport
    this.encoding = settings.encoding
    this.state = SessionState.connecting
    this.deadline = now + settings.graceTimeout
    this.connections = 0
    this.error = null
    this.sink = sink
    this.settings = settings
    this.ended = ended
    this.outgoing = new Outgoing(settings.writeLimit, settings.writeCount)
    this.carrier = null
    this.spent = null
    this.writable = false
    this.announced = false
    this.corks = 0
    this.shown = false
    this.full = false
    this.heartbeat = 0
    this.awaiting = false
    this.outgoing.pushControl(controlFrame(FrameType.handshake, id))
  }

  /** Bytes of messages that wait, or are not known to have arrived. */
  get held(): number {
    return this.outgoing.bytes
  }

  /**
   * A carrier has come. One that is there already is ended.
   *
   * @returns false if the session has ended: the carrier is not taken
   */
  attach(carrier: Carrier, now: number): boolean {
    if (this.state === SessionState.closed) return false
    const { carrier: previous, outgoing } = this
    // See the top: what is not known to have gone whole has not been read.
    if (previous === null && this.spent === null) outgoing.confirm()
    else outgoing.restore()
    this.spent = null
    this.carrier = carrier
    this.writable = true
    this.awaiting = false
    this.connections++
    if (this.state === SessionState.closing) this.handOverLast(carrier)
    else {
      this.state = SessionState.open
      this.deadline =
        now + (this.transport.polling ? this.settings.pollDuration : this.settings.heartbeatInterval)
      this.flush(now)
    }
    previous?.end()
    this.announce()
    this.settle()
    return true
  }

  /** What the carrier was given has left this host. */
  flushed(carrier: Carrier, now: number): void {
    if (carrier === this.carrier) this.outgoing.confirm()
    else if (carrier === this.spent) {
      this.spent = null
      if (this.state === SessionState.closing) {
        this.outgoing.confirm()
        if (this.outgoing.waiting === 0) this.finish(SessionEnd.closed)
      } else this.deadline = now + this.settings.closeTimeout
    }
    this.settle()
  }

  /** A stream that took no more takes more. */
  drained(carrier: Carrier, now: number): void {
    if (carrier !== this.carrier) return
    this.writable = true
    this.flush(now)
  }

  /** The carrier's connection has gone. One that the session has let go of may be reported, too. */
  detach(carrier: Carrier, now: number): void {
    if (carrier === this.carrier) this.carrier = null
    else if (carrier === this.spent) this.spent = null
    else return
    this.outgoing.restore()
    if (this.state === SessionState.closing) {
      if (this.outgoing.waiting === 0) this.finish(SessionEnd.closed)
      return
    }
    this.state = SessionState.between
    this.deadline = now + this.settings.closeTimeout
    if (this.settings.closeTimeout === 0) this.finish(SessionEnd.lost)
  }

  /**
   * Sends a message, or keeps it for the next carrier.
   *
   * @returns whether more should be sent right away; false: wait for `drained`. False too when the session has ended, or
   *   has failed now, since the message was one too many
   * @throws {SessionError} `ERR_SESSION_ANNOTATION_INVALID`, `ERR_SESSION_ANNOTATION_UNSUPPORTED`: see `encodeMessage`
   */
  send(text: string, now: number, form?: MessageForm): boolean {
    const frame = messageFrame(text, form)
    if (frame.annotations.size > 0 && this.encoding === Encoding.v06) throw unsupportedAnnotations()
    if (this.state >= SessionState.closing) return false
    if (!this.outgoing.push(frame)) {
      this.fail(
        new SessionError('ERR_SESSION_WRITE_LIMIT', 'Cannot keep the message: too much waits for the client'),
      )
      return false
    }
    this.flush(now)
    if (this.outgoing.bytes >= this.settings.highWater) this.full = true
    return !this.full
  }

  /** Keeps what is sent from now on together, until `uncork` has been called as often. */
  cork(): void {
    this.corks++
  }

  uncork(now: number): void {
    if (this.corks > 0) this.corks--
    this.flush(now)
  }

  /**
   * A delivery of the client: the payload of a POST, or one message of a WebSocket, from `start` up to `end`. What its
   * messages lead to leaves together. The first one shows the encoding.
   *
   * @returns why it cannot be read, and the session has therefore failed; or null
   */
  receive(bytes: Uint8Array, start: number, end: number, now: number): SessionError | null {
    if (this.state === SessionState.closed) return null
    const delivery = readDelivery(bytes, start, end, {
      limits: this.settings.limits,
      encoding: this.shown ? this.encoding : undefined,
      formNewlines: this.transport.formNewlines,
      decode: this.settings.decode,
    })
    const error = delivery instanceof SessionError ? delivery : this.take(delivery, now)
    if (error !== null) this.fail(error)
    return error
  }

  /** Ends the session once what waits has gone out; in 0.7pre the client is told. What it still sends is dropped. */
  close(now: number): void {
    if (this.state >= SessionState.closing) return
    if (this.state === SessionState.connecting) return this.finish(SessionEnd.closed)
    const { carrier, outgoing } = this
    this.state = SessionState.closing
    this.deadline = now + this.settings.graceTimeout
    if (this.encoding === Encoding.v07pre) outgoing.pushControl(controlFrame(FrameType.disconnect, ''))
    if (carrier !== null) this.handOverLast(carrier)
    else if (this.spent === null) {
      outgoing.confirm()
      if (outgoing.waiting === 0) this.finish(SessionEnd.closed)
    }
  }

  /** Ends the session at once; nothing more goes out. */
  fail(error: SessionError): void {
    if (this.state === SessionState.closed) return
    this.error = error
    this.finish(SessionEnd.failed)
  }

  /** Ends the session at once, without a reason; nothing more goes out. */
  destroy(): void {
    this.finish(SessionEnd.closed)
  }

  /** To be called when the clock has passed `deadline`; before that it does nothing. */
  expire(now: number): void {
    if (now < this.deadline) return
    switch (this.state) {
      case SessionState.open:
        if (this.transport.polling) this.handOver(this.carrier!, now)
        else this.beat(now)
        return
      case SessionState.closing:
        return this.finish(SessionEnd.closed)
      default:
        return this.finish(SessionEnd.lost)
    }
  }

  /** Reports what was received; the error of a client that changes to an encoding in which we cannot answer. */
  private take({ frames, encoding }: Delivery, now: number): SessionError | null {
    if (encoding !== undefined && !this.shown) {
      this.shown = true
      this.encoding = encoding
      if (encoding === Encoding.v06 && this.outgoing.annotated) return unsupportedAnnotations()
    }
    this.cork()
    try {
      for (const frame of frames) this.handle(frame, now)
    } finally {
      this.uncork(now)
    }
    return null
  }

  private handle({ type, text, json, annotations, index }: ReceivedFrame, now: number): void {
    if (this.state === SessionState.closed) return
    if (type === FrameType.message) {
      if (this.state !== SessionState.closing) this.sink.message(text, json, annotations!)
    } else if (type === FrameType.disconnect) this.finish(SessionEnd.disconnected)
    else if (this.awaiting && index === this.heartbeat) {
      this.awaiting = false
      if (this.state === SessionState.open) this.deadline = now + this.settings.heartbeatInterval
    }
  }

  private flush(now: number): void {
    const { carrier } = this
    if (this.state !== SessionState.open || carrier === null || !this.writable || this.corks > 0) return
    if (this.outgoing.waiting > 0) this.handOver(carrier, now)
  }

  private handOver(carrier: Carrier, now: number): void {
    const batch = this.outgoing.take(this.encoding, this.transport.withoutReturns)
    if (this.transport.polling) {
      this.carrier = null
      this.spent = carrier
      this.state = SessionState.between
      // As long as it is not flushed: an answer has as much time to be taken as a poll to be held.
      this.deadline = now + this.settings.pollDuration + this.settings.closeTimeout
      carrier.deliver(batch)
      return
    }
    this.writable = false
    const writable = carrier.deliver(batch)
    if (carrier !== this.carrier) return
    // What was sent while the batch was delivered goes behind it.
    this.writable ||= writable
    this.flush(now)
  }

  /** Everything that is left, whether the carrier takes more or not. */
  private handOverLast(carrier: Carrier): void {
    const batch = this.outgoing.take(this.encoding, this.transport.withoutReturns)
    this.carrier = null
    this.spent = carrier
    if (this.transport.polling || batch !== '') carrier.deliver(batch)
    if (!this.transport.polling) carrier.end()
  }

  private beat(now: number): void {
    if (this.awaiting) {
      return this.fail(
        new SessionError(
          'ERR_SESSION_HEARTBEAT_TIMEOUT',
          'Cannot wait any longer: the client has not answered a heartbeat',
        ),
      )
    }
    this.awaiting = true
    this.heartbeat++
    this.deadline = now + this.settings.heartbeatTimeout
    this.outgoing.pushControl(controlFrame(FrameType.heartbeat, String(this.heartbeat)))
    this.flush(now)
  }

  private announce(): void {
    if (this.announced || this.state === SessionState.closed) return
    this.announced = true
    this.sink.connected()
  }

  private settle(): void {
    if (!this.full || this.outgoing.bytes > 0 || this.state === SessionState.closed) return
    this.full = false
    this.sink.drained()
  }

  private finish(end: SessionEnd): void {
    if (this.state === SessionState.closed) return
    const { carrier, outgoing } = this
    const undelivered = outgoing.messages
    this.state = SessionState.closed
    this.deadline = Number.POSITIVE_INFINITY
    this.carrier = null
    this.spent = null
    outgoing.clear()
    carrier?.end()
    this.ended(this)
    if (this.announced) this.sink.disconnected(end, undelivered)
  }
}

function unsupportedAnnotations(): SessionError {
  return new SessionError(
    'ERR_SESSION_ANNOTATION_UNSUPPORTED',
    'Cannot send the message: the encoding 0.6 has no annotations',
  )
}
