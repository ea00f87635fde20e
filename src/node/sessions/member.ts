/** A session as a client among the others. */
import {
  type Annotations,
  type Encoding,
  NO_ANNOTATIONS,
  type Session,
  SessionEnd,
  SessionError,
  type SessionSink,
  type TransportName,
} from '../../sessions/index.ts'
import { Client } from '../client/client.ts'
import type { Faucet } from '../client/message-queue.ts'
import type { Member } from '../connection.ts'
import type { Endpoint } from '../endpoint.ts'
import { PortmanteauError } from '../errors.ts'
import type { BufferHolder } from '../limits/buffer-budget.ts'
import type { Outgoing } from '../outgoing.ts'
import type { SessionHub } from './hub.ts'
import type { SessionDetails } from './session-details.ts'
import { SessionWriter } from './writer.ts'

export class SessionMember implements Member, SessionSink, SessionDetails, BufferHolder, Faucet {
  readonly hub: SessionHub
  readonly client: Client
  readonly writer: SessionWriter
  charged: number
  json: boolean
  annotations: Annotations
  undelivered: number
  /** Whether its connections are to be cut, not ended. */
  isCut: boolean
  private opened: Session | undefined
  /** The connection that is all its own, if there is one. */
  private faucet: Faucet | undefined
  private corked: boolean
  private halted: boolean
  /** Requests that bring messages, and have to wait. */
  private waiting: (() => void)[]

  constructor(hub: SessionHub, endpoint: Endpoint, transport: TransportName, encoding: Encoding) {
    this.hub = hub
    this.client = new Client(endpoint, transport, encoding)
    this.client.session = this
    this.writer = new SessionWriter(this)
    this.charged = 0
    this.json = false
    this.annotations = NO_ANNOTATIONS
    this.undelivered = 0
    this.isCut = false
    this.opened = undefined
    this.faucet = undefined
    this.corked = false
    this.halted = false
    this.waiting = []
  }

  /** Its session is there. */
  begin(session: Session): this {
    this.opened = session
    return this
  }

  get session(): Session {
    return this.opened!
  }

  get connection(): this {
    return this
  }

  get connections(): number {
    return this.session.connections
  }

  buffered(): number {
    return this.session.held
  }

  send(outgoing: Outgoing): boolean {
    try {
      return this.writer.sendShared(outgoing)
    } catch (error) {
      // The others, whom it is sent to as well, are to get it.
      if (!(error instanceof SessionError || error instanceof PortmanteauError)) throw error
      this.hub.host.reportOf(error, this.client)
      return false
    }
  }

  /** What is sent in this turn leaves together. */
  cork(): void {
    if (this.corked) return
    this.corked = true
    this.session.cork()
    this.hub.flushSoon(this)
  }

  flush(): void {
    this.corked = false
    this.session.uncork(this.hub.now)
    if (this.session.held > 0) this.hub.host.budget.charge(this)
  }

  /** Ends it at once; what was not sent yet is lost. */
  destroy(): void {
    this.isCut = true
    this.session.destroy()
  }

  cut(code: string, message: string): void {
    this.hub.host.reportOf(new PortmanteauError(code, message), this.client)
    this.destroy()
  }

  /** Its messages come on a connection of its own from now on. */
  reads(faucet: Faucet): void {
    this.faucet = faucet
    if (this.halted) faucet.halt()
  }

  /** That connection is gone. */
  leaves(faucet: Faucet): void {
    if (this.faucet === faucet) this.faucet = undefined
  }

  halt(): void {
    this.halted = true
    this.faucet?.halt()
  }

  unhalt(): void {
    this.halted = false
    this.faucet?.unhalt()
    const { waiting } = this
    this.waiting = []
    for (const receive of waiting) this.whenTaking(receive)
  }

  /** Calls back once its messages are taken: at once, or later. */
  whenTaking(receive: () => void): void {
    if (this.halted) this.waiting.push(receive)
    else receive()
  }

  connected(): void {
    this.hub.host.clientConnected(this)
  }

  message(text: string, json: boolean, annotations: Annotations): void {
    const { client, hub, session } = this
    client.version = session.encoding
    client.isText = true
    this.json = json
    this.annotations = annotations
    hub.host.deliver(Buffer.from(text), client, this.writer)
  }

  drained(): void {
    this.hub.host.guard(() => this.writer.drained())
  }

  disconnected(end: SessionEnd, undelivered: number): void {
    const { client, hub, session, writer } = this
    const { host } = hub
    this.undelivered = undelivered
    host.budget.release(this)
    if (end === SessionEnd.failed) host.reportOf(session.error!, client)
    host.clientDisconnected(this)
    host.guard(() => writer.emit('close'))
    this.unhalt()
  }
}
