/** A connection that speaks no known protocol: its bytes, framed, are messages. */
import type { Writable } from 'node:stream'
import {
  type Framing,
  type FramingErrorCode,
  type FramingReader,
  framingFault,
  type MessageSink,
} from '../raw/index.ts'
import { Client } from './client/client.ts'
import type { ClientSession, Connection } from './connection.ts'
import { stillTakes } from './lingering.ts'
import { markText, toMessage } from './message.ts'
import { frameRaw, type Outgoing } from './outgoing.ts'
import { ConnectionWriter, type Data, type WriteOptions } from './writer.ts'
import { GatheringWritable } from './writer-streams.ts'

export class RawSession implements ClientSession, MessageSink {
  readonly connection: Connection
  readonly client: Client
  readonly writer: RawWriter
  private readonly reader: FramingReader
  /** Listeners that have not settled: the answer to the last message may still come after FIN. */
  private pending: number
  private finished: boolean

  constructor(connection: Connection) {
    const { settings } = connection.host
    this.connection = connection
    this.client = new Client(connection.endpoint, 'raw', undefined)
    this.writer = new RawWriter(this)
    this.reader = settings.rawFraming.createReader(this, settings.messageLimit)
    this.pending = 0
    this.finished = false
    connection.timeout(settings.idleTimeout)
    connection.host.clientConnected(this)
  }

  get held(): number {
    return this.reader.held
  }

  /** How its messages, and the answers to them, are told apart. */
  get framing(): Framing {
    return this.reader.chosen ?? this.connection.host.settings.rawFraming
  }

  push(chunk: Buffer, pos: number, end: number): number {
    this.reader.push(chunk, pos, end)
    return end
  }

  message(chunk: Uint8Array, start: number, end: number): void {
    if (this.connection.destroyed) return
    const message = toMessage(chunk, start, end)
    markText(this.client, message)
    const settled = this.connection.host.deliver(message, this.client, this.writer)
    if (settled === undefined) return
    this.pending++
    settled.then(() => this.settle())
  }

  /** A message for many goes to all others, too, where this client's framing cannot carry it. */
  send(outgoing: Outgoing): boolean {
    try {
      return this.connection.write(outgoing.raw(this.framing))
    } catch (error) {
      this.connection.host.report(error as Error, this.connection)
      return false
    }
  }

  fail(code: FramingErrorCode): void {
    const { connection, framing } = this
    const text = framingFault(code, connection.host.settings.messageLimit)
    connection.fail(code, text)
    try {
      this.writer.write(framing.fault?.(text) ?? text)
    } catch (error) {
      // The framing cannot carry it: the peer is told by the end alone.
      connection.host.report(error as Error, connection)
    }
    connection.linger()
  }

  finish(): void {
    this.reader.end()
    this.finished = true
    this.endIfDone()
  }

  expire(): void {
    const { connection } = this
    const { idleTimeout } = connection.host.settings
    connection.deadline = connection.lastActive + idleTimeout
    if (connection.deadline > connection.host.deadlines.now) return
    if (stillTakes(connection)) return connection.timeout(idleTimeout)
    connection.fail('ERR_IDLE_TIMEOUT', `Cannot keep the client: it was idle for ${idleTimeout} ms`)
    connection.linger()
  }

  drained(): void {
    this.writer.emit('drain')
  }

  shutdown(): void {
    this.connection.linger()
  }

  closed(): void {
    this.connection.host.clientDisconnected(this)
    this.writer.emit('close')
  }

  private settle(): void {
    this.pending--
    this.endIfDone()
  }

  private endIfDone(): void {
    if (this.finished && this.pending === 0 && !this.connection.host.settings.allowHalfOpen)
      this.connection.end()
  }
}

/** A raw client's writer: each message in the framing of the connection. */
export class RawWriter extends ConnectionWriter {
  private readonly session: RawSession

  constructor(session: RawSession) {
    super(session.connection)
    this.session = session
  }

  /** Throws where the framing cannot carry the message: a length prefix that is too short for it. */
  override write(data: Data, _options?: WriteOptions): boolean {
    if (this.ended) return false
    return this.connection.write(frameRaw(data, this.session.framing))
  }

  override stream(): Writable {
    return new GatheringWritable(this, this.connection.host.settings.messageLimit)
  }

  override close(): void {
    this.connection.end()
  }
}
