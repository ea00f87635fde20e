/** Whole messages, deflated (RFC 7692 §7.2.1). */

import {
  createDeflateRaw,
  type DeflateRaw,
  deflateRawSync,
  type ZlibOptions,
  constants as zlib,
} from 'node:zlib'
import { DEFLATED_EMPTY, withoutDeflateTail } from '../../ws-codec/handshake/permessage-deflate.ts'
import { type Job, Lane } from './compression-lane.ts'
import { type ContextTarget, ZlibContext, type ZlibPool } from './zlib-pool.ts'

/**
 * Up to here a message is deflated where it is: that takes 40 µs for 1 KiB and 150 µs for 4 KiB, on a thread
 * 70 and 160 µs of CPU (Node 20, JSON). From there on the main thread gains more than the detour costs.
 */
const AT_ONCE = 4 * 1024
const CHUNK = 16 * 1024
/** Deflated data is at most this much larger than small messages are: block headers and the flush. */
const MARGIN = 64

/** RFC 7692 §7.1.2.1's smallest window, which zlib's deflater does not have for raw data. */
const SMALLEST_BITS = 8
const ZLIB_SMALLEST_BITS = 9

/** How messages are deflated. */
export interface DeflateParameters {
  /** 8 to 15. */
  readonly windowBits: number
  /** 0 to 9. */
  readonly level: number
  /** 1 to 9. */
  readonly memoryLevel: number
}

/** Told of each message; undefined when zlib had no memory: this message and all later ones have to go as they are. */
export type Deflated = (compressed: Uint8Array | undefined) => void

/** What the deflater of a connection shares with its jobs. */
export class DeflateState {
  readonly lane: Lane
  readonly pool: ZlibPool
  readonly takeover: boolean
  readonly options: ZlibOptions
  readonly key: number
  /** With context takeover: the connection's own, from its first message on. */
  own: ZlibContext | undefined
  failed: boolean

  constructor(pool: ZlibPool, parameters: DeflateParameters, takeover: boolean) {
    this.lane = new Lane(pool)
    this.pool = pool
    this.takeover = takeover
    this.options = zlibOptions(parameters)
    this.key = 1000 + parameters.windowBits * 100 + parameters.level * 10 + parameters.memoryLevel
    this.own = undefined
    this.failed = false
  }

  close(): void {
    this.lane.close()
    this.own?.close()
    this.own = undefined
  }
}

export class DeflateJob implements Job, ContextTarget {
  readonly size: number
  private readonly state: DeflateState
  private readonly bytes: Uint8Array
  private readonly done: Deflated
  private context: ZlibContext | undefined
  private chunks: Buffer[]
  private compressed: Uint8Array | undefined

  constructor(state: DeflateState, bytes: Uint8Array, done: Deflated) {
    this.size = bytes.length
    this.state = state
    this.bytes = bytes
    this.done = done
    this.context = undefined
    this.chunks = []
    this.compressed = undefined
  }

  attempt(): boolean {
    if (this.state.failed) return true
    if (this.size === 0) this.compressed = DEFLATED_EMPTY
    else if (this.size <= AT_ONCE && !this.state.takeover) this.compressed = this.deflateAtOnce()
    else return false
    return true
  }

  /** The bytes are not to be changed until they are deflated. */
  keep(): void {}

  report(): void {
    this.done(this.compressed)
  }

  start(): void {
    const { state } = this
    this.context = state.takeover
      ? (state.own ??= new ZlibContext(state.key, create(state.options)))
      : state.pool.borrow(state.key, () => create(state.options))
    this.context.run(this.bytes, this)
  }

  output(chunk: Buffer): void {
    this.chunks.push(chunk)
  }

  finished(): void {
    this.dropContext(true)
    this.compressed = withoutDeflateTail(Buffer.concat(this.chunks))
    this.chunks = []
    this.state.lane.finished(this)
  }

  failed(): void {
    this.state.failed = true
    this.cancel()
    this.state.lane.finished(this)
  }

  cancel(): void {
    this.dropContext(false)
    this.chunks = []
  }

  private dropContext(reusable: boolean): void {
    const { context, state } = this
    this.context = undefined
    if (context !== undefined && !state.takeover) state.pool.giveBack(context, reusable)
  }

  private deflateAtOnce(): Uint8Array {
    const chunkSize = this.size + MARGIN
    const finishFlush = zlib.Z_SYNC_FLUSH
    return withoutDeflateTail(deflateRawSync(this.bytes, { ...this.state.options, chunkSize, finishFlush }))
  }
}

function create(options: ZlibOptions): DeflateRaw {
  return createDeflateRaw({ ...options, chunkSize: CHUNK, flush: zlib.Z_SYNC_FLUSH })
}

/**
 * For a window of 8 bits zlib would use one of 9. What that refers to lies within 250 bytes (its MAX_DIST), but nothing
 * promises it. Matches of distance one only (Z_RLE) fit every window.
 */
function zlibOptions({ windowBits, level, memoryLevel }: DeflateParameters): ZlibOptions {
  if (windowBits > SMALLEST_BITS) return { windowBits, level, memLevel: memoryLevel }
  return { windowBits: ZLIB_SMALLEST_BITS, level, memLevel: memoryLevel, strategy: zlib.Z_RLE }
}
