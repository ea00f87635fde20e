import { isUtf8 } from 'node:buffer'
import { frameHeaderLength, writeFrameHeader } from '../../ws-codec/index.ts'
import { frameWebSocket, toBytes } from '../outgoing.ts'
import { type Data, type WriteOptions, Writer } from '../writer.ts'
import type { WebSocketSession } from './session.ts'

/** Above, a payload is sent from where it lies, behind its header, instead of being copied behind it. */
const COPY_UP_TO = 16 * 1024

// RFC 6455 §5.2, with FIN
const FINAL_TEXT = 0x81
const FINAL_BINARY = 0x82

const NORMAL_CLOSURE = 1000

/** A WebSocket client's writer: each `write` is one message in one frame. */
export class WebSocketWriter extends Writer {
  /** Whether the latest message was text: bytes that answer text go out as text. */
  answersText: boolean
  private readonly session: WebSocketSession

  constructor(session: WebSocketSession) {
    super(session.connection)
    this.answersText = false
    this.session = session
  }

  override get ended(): boolean {
    return !this.session.open
  }

  override write(data: Data, options?: WriteOptions): boolean {
    if (this.ended) return false
    const binary = options?.binary ?? this.isBinary(data)
    if (data.length <= COPY_UP_TO) return this.connection.write(frameWebSocket(data, binary))
    const payload = toBytes(data)
    const header = Buffer.allocUnsafe(frameHeaderLength(payload.length, false))
    writeFrameHeader(header, 0, binary ? FINAL_BINARY : FINAL_TEXT, payload.length)
    this.connection.write(header)
    return this.connection.write(payload)
  }

  /** Starts the close handshake; throws when the code or the reason cannot be sent (RFC 6455 §7.4). */
  override close(code: number = NORMAL_CLOSURE, reason: string = ''): void {
    this.session.close(code, reason)
  }

  /** Text that is not UTF-8 would make the peer fail the connection: such bytes go out as binary. */
  private isBinary(data: Data): boolean {
    return typeof data !== 'string' && !(this.answersText && isUtf8(data))
  }
}
