import { isUtf8 } from 'node:buffer'
import type { Writable } from 'node:stream'
import { frameHeaderLength, writeFrameHeader } from '../../ws-codec/index.ts'
import { type Outgoing, toBytes } from '../outgoing.ts'
import { SLAB_COPY_UP_TO, slab } from '../write-slab.ts'
import { ConnectionWriter, type Data, type WriteOptions } from '../writer.ts'
import { MessageWritable } from './message-writable.ts'
import { binaryUnsupported, type WebSocketSession } from './session.ts'

/** Up to here a loop is faster than a call. */
const LOOP_UP_TO = 24

// RFC 6455 §5.2
const FIN = 0x80
const TEXT = 0x1
const BINARY = 0x2

const NORMAL_CLOSURE = 1000

/** A WebSocket client's writer: each `write` is one message in one frame, `stream` one in many. */
export class WebSocketWriter extends ConnectionWriter {
  /** Whether the latest message was text: bytes that answer text go out as text. */
  answersText: boolean
  private readonly session: WebSocketSession

  constructor(session: WebSocketSession) {
    super(session.connection)
    this.answersText = false
    this.session = session
    // Each open stream listens for the end.
    this.setMaxListeners(0)
  }

  override get ended(): boolean {
    return !this.session.open
  }

  override get writableLength(): number {
    return this.session.outbox.waiting + this.connection.writableLength
  }

  /** What is being compressed, or waits for a message in fragments to end, has to be waited for, too. */
  override get writableNeedDrain(): boolean {
    return this.session.outbox.full || this.connection.writableNeedDrain
  }

  /** Throws `ERR_WS_BINARY_UNSUPPORTED` when the client's version has no binary and the data is no text. */
  override write(data: Data, options?: WriteOptions): boolean {
    if (this.ended) return false
    const bytes = toBytes(data)
    const opcode = this.opcodeFor(data, bytes, options)
    if (this.session.compression?.wants(bytes.length)) return this.writeCompressed(bytes, opcode)
    return this.writeFrame(bytes, opcode)
  }

  /** One message in fragments, as long as it likes: each chunk that is written goes out at once. */
  override stream(options?: WriteOptions): Writable {
    const text = options?.binary === false || (options?.binary === undefined && this.answersText)
    if (!text && !this.session.codec.hasBinary) throw binaryUnsupported(this.session.client.version)
    return new MessageWritable(this.session, text ? TEXT : BINARY)
  }

  /** Starts the close handshake; throws when the code or the reason cannot be sent (RFC 6455 §7.4). */
  override close(code: number = NORMAL_CLOSURE, reason: string = ''): void {
    this.session.close(code, reason)
  }

  /** @internal Sends what goes to many, framed and compressed once for all of one kind. */
  sendShared(outgoing: Outgoing, binary: boolean): boolean {
    const { codec, compression, outbox } = this.session
    if (!compression?.wants(outgoing.bytes.length)) {
      const frame = outgoing.frame(codec, binary)
      return outbox.empty ? this.connection.writeShared(frame) : outbox.send(frame)
    }
    const slot = outbox.reserve(outgoing.bytes.length)
    compression.share(outgoing, codec, binary ? BINARY : TEXT, (frame) => {
      slot.write(frame)
      slot.finish()
    })
    return !this.writableNeedDrain
  }

  /** @internal Calls back once all that was written has left this host; with `false`, if the client is gone before. */
  whenSent(callback: (sent: boolean) => void): void {
    const { outbox } = this.session
    if (outbox.empty) return this.connection.whenSent(callback)
    const slot = outbox.reserve()
    slot.whenTurn(() => {
      slot.finish()
      this.connection.whenSent(callback)
    })
  }

  private opcodeFor(data: Data, bytes: Uint8Array, options: WriteOptions | undefined): number {
    const { codec, client } = this.session
    if (!this.isBinary(data, bytes, options)) return TEXT
    if (codec.hasBinary) return BINARY
    if (options?.binary === true || !isUtf8(bytes)) throw binaryUnsupported(client.version)
    return TEXT
  }

  /** Text that is not UTF-8 would make the peer fail the connection: such bytes go out as binary. */
  private isBinary(data: Data, bytes: Uint8Array, options: WriteOptions | undefined): boolean {
    if (options?.binary !== undefined) return options.binary
    return typeof data !== 'string' && !(this.answersText && isUtf8(bytes))
  }

  /** A short payload is copied behind its header, a long one sent from where it lies. */
  private writeFrame(bytes: Uint8Array, opcode: number): boolean {
    const { codec, outbox, maskKey } = this.session
    const { length } = bytes
    if (this.session.plainFrames && outbox.empty) {
      const at = this.connection.claim(frameHeaderLength(length, false) + length)
      if (at >= 0) return this.fillFrame(at, bytes, opcode)
    }
    if (maskKey !== undefined || length <= SLAB_COPY_UP_TO) {
      return outbox.send(codec.frame(opcode, true, bytes, 0, length, maskKey?.()))
    }
    const header = codec.header(opcode, true, length)
    return codec.trailer.length === 0 ? outbox.send(header, bytes) : outbox.send(header, bytes, codec.trailer)
  }

  /** A frame as RFC 6455 has it, straight into what leaves with this turn. */
  private fillFrame(at: number, bytes: Uint8Array, opcode: number): boolean {
    const start = writeFrameHeader(slab, at, FIN | opcode, bytes.length)
    if (bytes.length > LOOP_UP_TO) slab.set(bytes, start)
    else for (let index = 0; index < bytes.length; index++) slab[start + index] = bytes[index]!
    return true
  }

  private writeCompressed(bytes: Uint8Array, opcode: number): boolean {
    const { codec, compression, outbox, maskKey } = this.session
    const slot = outbox.reserve(bytes.length)
    compression!.compress(bytes, codec, opcode, maskKey?.(), (frame) => {
      slot.write(frame)
      slot.finish()
    })
    return !this.writableNeedDrain
  }
}
