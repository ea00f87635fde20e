import type { Framing } from '../raw/index.ts'
import { encodeFrame } from '../ws-codec/index.ts'
import type { Data } from './writer.ts'

const TEXT = 1
const BINARY = 2

/** The bytes of `data`, without a copy where it has some. */
export function toBytes(data: Data): Uint8Array {
  return typeof data === 'string' ? Buffer.from(data) : data
}

/** One raw message with the framing around it. */
export function frameRaw(data: Data, framing: Framing): Buffer {
  const bytes = toBytes(data)
  const header = framing.header(bytes.length)
  const { trailer } = framing
  const frame = Buffer.allocUnsafe(header.length + bytes.length + trailer.length)
  frame.set(header)
  frame.set(bytes, header.length)
  frame.set(trailer, header.length + bytes.length)
  return frame
}

/** One unmasked WebSocket message in one frame. */
export function frameWebSocket(data: Data, binary: boolean): Uint8Array {
  const bytes = toBytes(data)
  return encodeFrame(binary ? BINARY : TEXT, true, bytes, 0, bytes.length)
}

/** A message on its way to many clients: framed once for each protocol, whatever their number. */
export class Outgoing {
  readonly data: Data
  private readonly binary: boolean
  private readonly framing: Framing
  private rawFrame: Buffer | undefined
  private webSocketFrame: Uint8Array | undefined

  constructor(data: Data, binary: boolean | undefined, framing: Framing) {
    this.data = data
    this.binary = binary ?? typeof data !== 'string'
    this.framing = framing
    this.rawFrame = undefined
    this.webSocketFrame = undefined
  }

  get raw(): Buffer {
    return (this.rawFrame ??= frameRaw(this.data, this.framing))
  }

  get webSocket(): Uint8Array {
    return (this.webSocketFrame ??= frameWebSocket(this.data, this.binary))
  }
}
