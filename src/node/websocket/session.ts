/** A WebSocket connection after its handshake, of any version and either end: frames in, messages out; pings, idle time, close. */
import { isUtf8 } from 'node:buffer'
import {
  COMPRESSED,
  type Codec,
  type Decoder,
  FAILURES,
  FIRST,
  type FrameSink,
  LAST,
  MessageAssembler,
  type MessageSink,
  WebSocketErrorCode,
} from '../../ws-codec/index.ts'
import type { Client } from '../client/client.ts'
import type { ClientSession, Connection } from '../connection.ts'
import { PortmanteauError } from '../errors.ts'
import type { Audience, ConnectionHost } from '../host.ts'
import { expireClose, stillTakes } from '../lingering.ts'
import { toMessage } from '../message.ts'
import type { Outgoing } from '../outgoing.ts'
import { InflatedReadable, type InflationFailure, MessageReadable } from './message-readable.ts'
import { Outbox } from './outbox.ts'
import type { SessionCompression } from './session-compression.ts'
import { WebSocketWriter } from './writer.ts'

// RFC 6455 §5.2
const TEXT = 0x1
const CLOSE = 0x8
const PING = 0x9
const PONG = 0xa

// RFC 6455 §7.4.1
const GOING_AWAY = 1001
const NO_STATUS = 1005
const INVALID_PAYLOAD = 1007
const MESSAGE_TOO_BIG = 1009

const EMPTY = new Uint8Array(0)

/** The chunks of a socket are nobody else's once they were read. */
const ASSEMBLY = { allocate: Buffer.allocUnsafe, keepChunks: true }

const OPEN = 0
/** Our close frame is sent, the peer's is awaited. */
const CLOSING = 1
const CLOSED = 2

export interface SessionOptions {
  readonly codec: Codec
  readonly role: 'server' | 'client'
  readonly client: Client
  /** Who hears its messages. Default: whoever owns the connection. */
  readonly audience?: Audience | undefined
  /** What was agreed on permessage-deflate. */
  readonly compression?: SessionCompression | undefined
}

export class WebSocketSession implements ClientSession, FrameSink, MessageSink {
  readonly connection: Connection<ConnectionHost>
  readonly client: Client
  readonly codec: Codec
  readonly writer: WebSocketWriter
  readonly outbox: Outbox
  /** Whether frames go out as RFC 6455 has them, unmasked. */
  readonly plainFrames: boolean
  readonly compression: SessionCompression | undefined
  /** Draws a masking key for each frame; a server has none. */
  readonly maskKey: (() => number) | undefined
  private readonly audience: Audience
  /** Whether messages are delivered as they arrive. */
  private readonly streams: boolean
  private readonly decoder: Decoder
  private readonly assembler: MessageAssembler
  /** The message that is being delivered as it arrives. */
  private readable: MessageReadable | undefined
  private compressed: boolean
  private pushing: boolean
  /** The peer has ended its side. */
  private finishing: boolean
  private state: number
  private lastReceived: number
  private nextPing: number
  /** The payload of the newest ping, while the peer does not read: only that one is owed an answer (§5.5.3). */
  private owedPong: Uint8Array | undefined
  /** Reads on, where that waits for room for answers. */
  private readOn: (() => void) | undefined

  constructor(connection: Connection<ConnectionHost>, options: SessionOptions, maskKey?: () => number) {
    const { settings, deadlines } = connection.host
    const { codec, client, role, compression, audience = connection.host } = options
    this.connection = connection
    this.client = client
    this.codec = codec
    this.compression = compression
    this.maskKey = codec.masked ? maskKey : undefined
    this.outbox = new Outbox(connection, () => this.tellDrained())
    this.plainFrames = codec.hasCloseCodes && this.maskKey === undefined
    this.writer = new WebSocketWriter(this)
    this.audience = audience
    this.streams = settings.stream && audience === connection.host
    this.decoder = codec.createDecoder(this, {
      role,
      maxMessageBytes: Math.min(settings.messageLimit, Number.MAX_SAFE_INTEGER),
      maxFrames: Math.min(settings.frameLimit, Number.MAX_SAFE_INTEGER),
      isUtf8,
      compression: compression !== undefined,
    })
    this.assembler = new MessageAssembler(this, ASSEMBLY)
    this.readable = undefined
    this.compressed = false
    this.pushing = false
    this.finishing = false
    this.state = OPEN
    this.lastReceived = deadlines.now
    this.nextPing = this.lastReceived + settings.pingInterval
    this.owedPong = undefined
    this.readOn = undefined
    this.schedule()
    audience.clientConnected(this)
  }

  get held(): number {
    return this.assembler.held + this.outbox.waiting + (this.compression?.held ?? 0)
  }

  push(chunk: Buffer, pos: number, end: number): number {
    this.lastReceived = this.connection.host.deadlines.now
    this.pushing = true
    const reached = this.decoder.push(chunk, pos, end)
    this.pushing = false
    return this.decoder.paused ? reached : end
  }

  data(chunk: Uint8Array, start: number, end: number, opcode: number, flags: number, rest: number): void {
    if (this.streams) return this.streamPiece(chunk, start, end, opcode, flags)
    this.compressed = (flags & COMPRESSED) !== 0
    this.assembler.data(chunk, start, end, opcode, flags & (FIRST | LAST), rest)
  }

  message(chunk: Uint8Array, start: number, end: number, isText: boolean): void {
    if (this.connection.destroyed) return
    if (this.compressed) return this.inflate(chunk, start, end, isText)
    this.deliver(toMessage(chunk, start, end), isText)
    if (this.crowded) this.waitFor((next) => this.whenRoom(next))
  }

  control(opcode: number, chunk: Uint8Array, start: number, end: number): void {
    if (opcode === PING) this.answerPing(chunk, start, end)
    else if (opcode === CLOSE) this.answerClose(chunk, start, end)
  }

  fail(closeCode: number, code: WebSocketErrorCode): void {
    const { connection } = this
    connection.fail(code, FAILURES.get(code)!)
    this.sendCloseNow(closeCode)
    this.readable?.destroy(messageCut())
    connection.linger()
  }

  send(outgoing: Outgoing): boolean {
    if (this.state !== OPEN) return false
    const binary = outgoing.isBinary && this.codec.hasBinary
    if (outgoing.isBinary && !binary && !isUtf8(outgoing.bytes)) {
      this.connection.host.report(binaryUnsupported(this.client.version), this.connection)
      return false
    }
    return this.writer.sendShared(outgoing, binary)
  }

  /** Whether the application can still send. */
  get open(): boolean {
    return this.state === OPEN && this.connection.writable
  }

  /** Starts the close handshake (§7.1.2); throws `ERR_WS_…` when code or reason cannot be sent. */
  close(code: number, reason: string): void {
    if (!this.open) return
    this.sendCloseBehind(code, reason)
    if (this.codec.hasClose) this.connection.timeout(this.connection.host.settings.closeTimeout)
    else this.connection.linger()
  }

  /** What was received before FIN is still delivered, and answered. */
  finish(): void {
    this.finishing = true
    if (!this.decoder.paused) this.outbox.whenEmpty(() => this.connection.end())
  }

  expire(): void {
    if (this.state !== OPEN) return expireClose(this.connection)
    const { host } = this.connection
    const { now } = host.deadlines
    if (now >= this.quietSince() + host.settings.idleTimeout) {
      if (!stillTakes(this.connection)) return this.closeIdle()
      this.lastReceived = now
      this.connection.lastActive = now
    }
    const due = Math.max(this.nextPing, this.lastReceived + host.settings.pingInterval)
    if (now >= due) {
      if (this.codec.hasPing) this.sendControl(PING, EMPTY, 0, 0)
      this.nextPing = now + host.settings.pingInterval
    } else this.nextPing = due
    this.schedule()
  }

  drained(): void {
    const owed = this.owedPong
    this.owedPong = undefined
    if (owed !== undefined) this.sendControl(PONG, owed, 0, owed.length)
    this.tellDrained()
  }

  shutdown(): void {
    this.close(GOING_AWAY, 'the server goes away')
  }

  closed(): void {
    this.state = CLOSED
    this.compression?.close()
    this.readable?.destroy(messageCut())
    this.audience.clientDisconnected(this)
    this.writer.emit('close')
  }

  private tellDrained(): void {
    if (this.writer.writableNeedDrain || this.connection.destroyed) return
    const { readOn } = this
    this.readOn = undefined
    readOn?.()
    this.writer.emit('drain')
  }

  /** Whether so many answers wait to be compressed, or for their turn, that no more is to be asked for. */
  private get crowded(): boolean {
    return this.outbox.waiting > this.connection.host.stopReadingAbove
  }

  private whenRoom(next: () => void): void {
    if (this.crowded) this.readOn = next
    else next()
  }

  private deliver(message: Buffer | MessageReadable, isText: boolean): void {
    this.client.isText = isText
    this.writer.answersText = isText
    this.audience.deliver(message, this.client, this.writer)
  }

  private streamPiece(chunk: Uint8Array, start: number, end: number, opcode: number, flags: number): void {
    if ((flags & FIRST) !== 0) {
      this.readable = this.makeReadable((flags & COMPRESSED) !== 0, opcode === TEXT)
      this.deliver(this.readable, opcode === TEXT)
    }
    const last = (flags & LAST) !== 0
    const { readable } = this
    if (last) this.readable = undefined
    this.waitFor((next) => readable?.receive(chunk, start, end, last, next))
  }

  private makeReadable(compressed: boolean, isText: boolean): MessageReadable {
    if (!compressed) return new MessageReadable(this.connection)
    const readable = new InflatedReadable(this.connection, this.compression!.inflater, isText, (failure) => {
      this.failInflating(failure)
      readable.destroy(messageCut())
    })
    return readable
  }

  private inflate(chunk: Uint8Array, start: number, end: number, isText: boolean): void {
    this.waitFor((next) => {
      this.compression!.inflater.inflate(chunk, start, end, (error, message) => {
        if (error !== undefined) return this.failInflating(error)
        if (isText && !isUtf8(message)) return this.failInflating('textInvalid')
        this.deliver(message, isText)
        this.whenRoom(next)
      })
    })
  }

  /** Work that may take a while: what comes behind it waits, since messages are delivered in order. */
  private waitFor(work: (next: () => void) => void): void {
    this.decoder.pause()
    work(() => {
      this.decoder.resume()
      if (!this.pushing) this.connection.resume()
      if (this.finishing) this.finish()
    })
  }

  /** The decoder stays paused: nothing behind the failure is read. */
  private failInflating(failure: InflationFailure): void {
    if (failure === 'tooLarge') this.fail(MESSAGE_TOO_BIG, WebSocketErrorCode.messageTooLarge)
    else if (failure === 'corrupt') this.fail(INVALID_PAYLOAD, WebSocketErrorCode.compressionInvalid)
    else this.fail(INVALID_PAYLOAD, WebSocketErrorCode.textInvalid)
  }

  private answerPing(chunk: Uint8Array, start: number, end: number): void {
    this.tellPing(chunk, start, end)
    if (this.connection.writableNeedDrain) this.owedPong = chunk.slice(start, end)
    else this.sendControl(PONG, chunk, start, end)
  }

  /** Who wants to know of pings gets them, after this turn: what a listener throws must not end in the middle of a chunk. */
  private tellPing(chunk: Uint8Array, start: number, end: number): void {
    if (this.writer.listenerCount('ping') === 0) return
    const payload = Buffer.from(chunk.slice(start, end))
    process.nextTick(() => this.writer.emit('ping', payload))
  }

  /** §5.5.1: a close frame is answered with one of the same code, once. */
  private answerClose(chunk: Uint8Array, start: number, end: number): void {
    const code = end - start >= 2 ? (chunk[start]! << 8) | chunk[start + 1]! : NO_STATUS
    this.client.closeCode = code
    this.client.closeReason = Buffer.from(chunk.subarray(Math.min(start + 2, end), end)).toString()
    if (this.state === OPEN) this.sendCloseBehind(code === NO_STATUS ? undefined : code, '')
    this.state = CLOSED
    this.connection.timeout(this.connection.host.settings.closeTimeout)
    this.outbox.whenEmpty(() => this.connection.linger())
  }

  private closeIdle(): void {
    const { idleTimeout } = this.connection.host.settings
    this.connection.fail('ERR_IDLE_TIMEOUT', `Cannot keep the client: it was idle for ${idleTimeout} ms`)
    this.close(GOING_AWAY, 'idle')
  }

  private sendCloseBehind(code: number | undefined, reason: string): void {
    const frame = this.codec.close(code, reason, this.maskKey?.())
    if (frame.length > 0) this.outbox.send(frame)
    this.state = CLOSING
  }

  /** Ahead of what waits for its turn: the peer takes no more messages. */
  private sendCloseNow(code: number | undefined): void {
    const frame = this.codec.close(code, '', this.maskKey?.())
    if (this.state === OPEN && frame.length > 0) this.connection.write(frame)
    this.state = CLOSING
  }

  private sendControl(opcode: number, payload: Uint8Array, start: number, end: number): void {
    if (this.state !== OPEN) return
    this.connection.write(this.codec.frame(opcode, true, payload, start, end, this.maskKey?.()))
  }

  /** A peer that cannot be pinged is not asked for a sign of life: what it takes counts, too. */
  private quietSince(): number {
    return this.codec.hasPing ? this.lastReceived : this.connection.lastActive
  }

  private schedule(): void {
    const { idleTimeout } = this.connection.host.settings
    this.connection.deadline = Math.min(this.nextPing, this.quietSince() + idleTimeout)
  }
}

function messageCut(): PortmanteauError {
  return new PortmanteauError('ERR_MESSAGE_CUT', 'Cannot read the message: it was cut off')
}

/** hixie-75 and hixie-76 have text only. */
export function binaryUnsupported(version: string | undefined): PortmanteauError {
  return new PortmanteauError('ERR_WS_BINARY_UNSUPPORTED', `Cannot send binary: ${version} has text only`)
}
