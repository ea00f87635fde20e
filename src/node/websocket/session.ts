/** A WebSocket connection after its handshake (RFC 6455): frames in, messages out; pings, idle time and close. */

import { isUtf8 } from 'node:buffer'
import type { RequestHead } from '../../http/index.ts'
import {
  encodeClose,
  encodeFrame,
  FAILURES,
  FrameDecoder,
  type FrameSink,
  MessageAssembler,
  type MessageSink,
  type WebSocketErrorCode,
} from '../../ws-codec/index.ts'
import { Client } from '../client.ts'
import type { ClientSession, Connection } from '../connection.ts'
import { toMessage } from '../message.ts'
import type { Outgoing } from '../outgoing.ts'
import { WebSocketWriter } from './writer.ts'

// RFC 6455 §5.2
const CLOSE = 0x8
const PING = 0x9
const PONG = 0xa

// RFC 6455 §7.4.1
const GOING_AWAY = 1001
const NO_STATUS = 1005

const EMPTY = new Uint8Array(0)

const OPEN = 0
/** Our close frame is sent, the peer's is awaited. */
const CLOSING = 1
const CLOSED = 2

export class WebSocketSession implements ClientSession, FrameSink, MessageSink {
  readonly connection: Connection
  readonly client: Client
  readonly writer: WebSocketWriter
  private readonly decoder: FrameDecoder
  private readonly assembler: MessageAssembler
  private state: number
  private lastReceived: number
  private nextPing: number
  /** The payload of the newest ping, while the peer does not read: only that one is owed an answer (§5.5.3). */
  private owedPong: Uint8Array | undefined

  constructor(connection: Connection, version: string, head: RequestHead) {
    const { settings, deadlines } = connection.host
    this.connection = connection
    this.client = new Client(connection.socket, 'websocket', version)
    this.client.setHead(head)
    this.client.request
    this.client.setHead(undefined)
    this.writer = new WebSocketWriter(this)
    this.decoder = new FrameDecoder(this, {
      maxMessageBytes: settings.messageLimit,
      maxFrames: settings.frameLimit,
      isUtf8,
    })
    this.assembler = new MessageAssembler(this)
    this.state = OPEN
    this.lastReceived = deadlines.now
    this.nextPing = this.lastReceived + settings.pingInterval
    this.owedPong = undefined
    this.schedule()
    connection.host.clientConnected(this)
  }

  get held(): number {
    return this.assembler.held
  }

  push(chunk: Buffer, pos: number, end: number): number {
    this.lastReceived = this.connection.host.deadlines.now
    this.decoder.push(chunk, pos, end)
    return end
  }

  data(chunk: Uint8Array, start: number, end: number, opcode: number, flags: number, rest: number): void {
    this.assembler.data(chunk, start, end, opcode, flags, rest)
  }

  message(chunk: Uint8Array, start: number, end: number, isText: boolean): void {
    if (this.connection.destroyed) return
    this.client.isText = isText
    this.writer.answersText = isText
    this.connection.host.deliver(toMessage(chunk, start, end), this.client, this.writer)
  }

  control(opcode: number, chunk: Uint8Array, start: number, end: number): void {
    if (opcode === PING) this.answerPing(chunk, start, end)
    else if (opcode === CLOSE) this.answerClose(chunk, start, end)
  }

  fail(closeCode: number, code: WebSocketErrorCode): void {
    const { connection } = this
    connection.fail(code, FAILURES.get(code)!)
    this.closeWith(closeCode, '')
    connection.linger()
  }

  send(outgoing: Outgoing): boolean {
    return this.state === OPEN && this.connection.write(outgoing.webSocket)
  }

  /** Whether the application can still send. */
  get open(): boolean {
    return this.state === OPEN && this.connection.writable
  }

  /** Starts the close handshake (§7.1.2); throws `ERR_WS_…` when code or reason cannot be sent. */
  close(code: number, reason: string): void {
    if (!this.open) return
    this.closeWith(code, reason)
    this.connection.timeout(this.connection.host.settings.closeTimeout)
  }

  finish(): void {
    this.connection.end()
  }

  expire(): void {
    if (this.state !== OPEN) return this.connection.destroy()
    const { host } = this.connection
    const { now } = host.deadlines
    if (now >= this.lastReceived + host.settings.idleTimeout) return this.closeIdle()
    const due = Math.max(this.nextPing, this.lastReceived + host.settings.pingInterval)
    if (now >= due) {
      this.sendControl(PING, EMPTY, 0, 0)
      this.nextPing = now + host.settings.pingInterval
    } else this.nextPing = due
    this.schedule()
  }

  drained(): void {
    const owed = this.owedPong
    this.owedPong = undefined
    if (owed !== undefined) this.sendControl(PONG, owed, 0, owed.length)
    this.writer.emit('drain')
  }

  shutdown(): void {
    this.close(GOING_AWAY, 'the server goes away')
  }

  closed(): void {
    this.state = CLOSED
    this.connection.host.clientDisconnected(this)
  }

  private answerPing(chunk: Uint8Array, start: number, end: number): void {
    if (this.connection.writableNeedDrain) this.owedPong = chunk.slice(start, end)
    else this.sendControl(PONG, chunk, start, end)
  }

  /** §5.5.1: a close frame is answered with one of the same code, once. */
  private answerClose(chunk: Uint8Array, start: number, end: number): void {
    this.client.closeCode = end - start >= 2 ? (chunk[start]! << 8) | chunk[start + 1]! : NO_STATUS
    this.client.closeReason = Buffer.from(chunk.subarray(Math.min(start + 2, end), end)).toString()
    if (this.state === OPEN) this.sendControl(CLOSE, chunk, start, Math.min(start + 2, end))
    this.state = CLOSED
    this.connection.linger()
  }

  private closeIdle(): void {
    const { idleTimeout } = this.connection.host.settings
    this.connection.fail('ERR_IDLE_TIMEOUT', `Cannot keep the client: it was idle for ${idleTimeout} ms`)
    this.close(GOING_AWAY, 'idle')
  }

  private closeWith(code: number, reason: string): void {
    const frame = encodeClose(code, reason)
    if (this.state === OPEN) this.connection.write(frame)
    this.state = CLOSING
  }

  private sendControl(opcode: number, payload: Uint8Array, start: number, end: number): void {
    this.connection.write(encodeFrame(opcode, true, payload, start, end))
  }

  private schedule(): void {
    const { idleTimeout } = this.connection.host.settings
    this.connection.deadline = Math.min(this.nextPing, this.lastReceived + idleTimeout)
  }
}
