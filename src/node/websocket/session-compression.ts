import type { DeflateAgreement } from '../../ws-codec/handshake/permessage-deflate.ts'
import type { Codec } from '../../ws-codec/index.ts'
import type { Settings } from '../limits/options.ts'
import type { Outgoing } from '../outgoing.ts'
import { deflateOnce, MessageDeflater, MessageInflater, type Role } from './compression.ts'
import type { CompressionSettings } from './compression-options.ts'
import { sharedPool } from './zlib-pool.ts'

/** Takes a frame that is ready to be sent. */
type Framed = (frame: Uint8Array) => void

/** What a message was deflated to; undefined when zlib had no memory for it. */
type Payload = Uint8Array | undefined

/** A message for many, while it is deflated or once it is. */
interface SharedPayload {
  payload: Payload
  ready: boolean
  waiting: ((payload: Payload) => void)[]
}

/** permessage-deflate as one session has agreed on it. */
export class SessionCompression {
  readonly inflater: MessageInflater
  readonly deflater: MessageDeflater
  private readonly agreement: DeflateAgreement
  private readonly settings: CompressionSettings

  /** @param settings those of the server or client; `compression` is not off */
  constructor(agreement: DeflateAgreement, role: Role, settings: Settings) {
    const compression = settings.compression!
    const pool = sharedPool(compression.concurrency)
    this.agreement = agreement
    this.settings = compression
    this.inflater = new MessageInflater(agreement, role, settings, pool)
    this.deflater = new MessageDeflater(agreement, role, compression, pool)
  }

  /** Bytes that wait to be inflated. Those that are deflated are the outbox's. */
  get held(): number {
    return this.inflater.held
  }

  /** Whether a message of so many bytes is worth it. */
  wants(length: number): boolean {
    return length >= this.settings.threshold
  }

  /** Deflates and frames a message. `done` is called before or after this returns, in the order of the calls. */
  compress(bytes: Uint8Array, codec: Codec, opcode: number, maskKey: number | undefined, done: Framed): void {
    this.deflater.deflate(bytes, (payload) =>
      done(frameOf(codec, opcode, bytes, payload, maskKey, this.deflater.takeover)),
    )
  }

  /** The same for a message that goes to many: once for all whose agreement lets them share it. */
  share(outgoing: Outgoing, codec: Codec, opcode: number, done: Framed): void {
    if (this.deflater.takeover) return this.compress(outgoing.bytes, codec, opcode, undefined, done)
    const frame = (payload: Payload) =>
      done(frameOf(codec, opcode, outgoing.bytes, payload, undefined, false))
    const shared = this.sharedPayload(outgoing)
    if (shared.ready) frame(shared.payload)
    else shared.waiting.push(frame)
  }

  close(): void {
    this.inflater.close()
    this.deflater.close()
  }

  private sharedPayload(outgoing: Outgoing): SharedPayload {
    const windowBits = this.agreement.serverMaxWindowBits
    const { level, memoryLevel } = this.settings
    const kind = `deflate ${windowBits} ${level} ${memoryLevel}`
    const before = outgoing.shared.get(kind) as SharedPayload | undefined
    if (before !== undefined) return before
    const shared: SharedPayload = { payload: undefined, ready: false, waiting: [] }
    outgoing.shared.set(kind, shared)
    deflateOnce(outgoing.bytes, { windowBits, level, memoryLevel }, (payload) => {
      shared.payload = payload
      shared.ready = true
      for (const waiting of shared.waiting.splice(0)) waiting(payload)
    })
    return shared
  }
}

/** What does not get smaller goes as it is, unless later messages refer to it. */
function frameOf(
  codec: Codec,
  opcode: number,
  bytes: Uint8Array,
  payload: Payload,
  maskKey: number | undefined,
  takeover: boolean,
): Uint8Array {
  const compressed = payload !== undefined && (takeover || payload.length < bytes.length)
  const sent = compressed ? payload : bytes
  return codec.frame(opcode, true, sent, 0, sent.length, maskKey, compressed)
}
