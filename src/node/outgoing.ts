import { isUint8Array } from 'node:util/types'
import type { Framing } from '../raw/index.ts'
import type { MessageForm } from '../sessions/index.ts'
import type { Codec } from '../ws-codec/index.ts'
import { PortmanteauError } from './errors.ts'
import type { Data } from './writer.ts'

const PLAIN: MessageForm = {}
const TEXT = 1
const BINARY = 2

/** The bytes of `data`, without a copy where it has some. */
export function toBytes(data: Data): Uint8Array {
  return typeof data === 'string' ? Buffer.from(data) : bytesOf(data)
}

/** Programs without types give anything: what has a length would go out as so many bytes. Throws `ERR_DATA`. */
export function bytesOf(data: Uint8Array): Uint8Array {
  if (isUint8Array(data)) return data
  throw new PortmanteauError('ERR_DATA', 'Cannot send the message: it is neither a string nor a Uint8Array')
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

/** A message on its way to many clients: framed once for each protocol and version, whatever their number. */
export class Outgoing {
  readonly data: Data
  readonly isBinary: boolean
  /** What it is besides, for clients that have sessions. */
  readonly form: MessageForm
  /** What was made for one kind of client, such as a compressed frame; by a name of that kind. */
  readonly shared: Map<string, unknown>
  private readonly textFrames: Map<Codec, Uint8Array>
  private readonly binaryFrames: Map<Codec, Uint8Array>
  private encoded: Uint8Array | undefined
  private readonly rawFrames: Map<Framing, Buffer>

  constructor(data: Data, binary: boolean | undefined, form: MessageForm = PLAIN) {
    this.data = data
    if (typeof data !== 'string') bytesOf(data)
    this.isBinary = binary ?? typeof data !== 'string'
    this.form = form
    this.shared = new Map()
    this.textFrames = new Map()
    this.binaryFrames = new Map()
    this.encoded = undefined
    this.rawFrames = new Map()
  }

  get bytes(): Uint8Array {
    return (this.encoded ??= toBytes(this.data))
  }

  /** One raw message in this framing. */
  raw(framing: Framing): Buffer {
    let frame = this.rawFrames.get(framing)
    if (frame === undefined) {
      frame = frameRaw(this.bytes, framing)
      this.rawFrames.set(framing, frame)
    }
    return frame
  }

  /** One unmasked WebSocket message in one frame of this version. */
  frame(codec: Codec, binary: boolean): Uint8Array {
    const frames = binary ? this.binaryFrames : this.textFrames
    let frame = frames.get(codec)
    if (frame === undefined) {
      frame = codec.frame(binary ? BINARY : TEXT, true, this.bytes, 0, this.bytes.length)
      frames.set(codec, frame)
    }
    return frame
  }
}
