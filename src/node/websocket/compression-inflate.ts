/** Whole messages, inflated (RFC 7692 §7.2.2). */

import {
  createInflateRaw,
  type InflateRaw,
  inflateRawSync,
  type ZlibOptions,
  constants as zlib,
} from 'node:zlib'
import { DEFLATE_END } from '../../ws-codec/handshake/permessage-deflate.ts'
import { type Job, Lane } from './compression-lane.ts'
import { SlidingWindow } from './sliding-window.ts'
import { type ContextTarget, ZlibContext, type ZlibPool } from './zlib-pool.ts'

/**
 * Up to here a message is inflated where it is. Leaving the main thread costs 40–60 µs of CPU in a pooled context, in
 * which zlib inflates about as much (Node 20, JSON: 4 KiB deflated take 60 µs in all at once, 105 µs on a thread).
 */
const AT_ONCE = 8 * 1024

/** What a message may become where it is: about 0.3 ms. A small message that becomes more is begun anew elsewhere. */
const AT_ONCE_INFLATED = 64 * 1024
/** Output is taken, and the limit checked, in chunks of this size. */
const CHUNK = 64 * 1024
const LEAST_CHUNK = 1024

/** Windows of any agreement can be read with the largest; the pool then has inflaters of one kind only. */
export const WINDOW_BITS: number = 15
const KEY = 0

/** BFINAL blocks (§7.2.3.4) inside a message: each costs a new inflater. */
export const MOST_ENDS: number = 64

const EMPTY = Buffer.alloc(0)
const INPUT = Buffer.alloc(AT_ONCE + DEFLATE_END.length)

/** Why a message cannot be had: over the limit (close code 1009), or no DEFLATE data, or cut (1007). */
export type InflateError = 'tooLarge' | 'corrupt'

/** Told of each message; an error is the last that is told. */
export type Inflated = (error: InflateError | undefined, message: Buffer) => void

/** What the inflater of a connection shares with its jobs. */
export class InflateState {
  readonly lane: Lane
  readonly pool: ZlibPool
  readonly limit: number
  /** What earlier messages can be referred to by, with context takeover. */
  readonly window: SlidingWindow | undefined

  constructor(pool: ZlibPool, limit: number, windowBits: number | undefined) {
    this.lane = new Lane(pool)
    this.pool = pool
    this.limit = limit
    this.window = windowBits === undefined ? undefined : new SlidingWindow(windowBits)
  }
}

export class InflateJob implements Job, ContextTarget {
  readonly size: number
  private readonly state: InflateState
  private readonly done: Inflated
  private input: Uint8Array
  private from: number
  private kept: boolean
  private context: ZlibContext | undefined
  private pooled: boolean
  private ends: number
  /** What can be referred to behind a BFINAL block, and how many of the chunks it has. */
  private window: SlidingWindow | undefined
  private windowed: number
  private chunks: Buffer[]
  private total: number
  private message: Buffer
  private error: InflateError | undefined

  constructor(state: InflateState, chunk: Uint8Array, start: number, end: number, done: Inflated) {
    this.size = end - start
    this.state = state
    this.done = done
    this.input = chunk
    this.from = start
    this.kept = false
    this.context = undefined
    this.pooled = false
    this.ends = 0
    this.window = undefined
    this.windowed = 0
    this.chunks = []
    this.total = 0
    this.message = EMPTY
    this.error = undefined
  }

  attempt(): boolean {
    // No DEFLATE data, but what some peers make of the empty message.
    if (this.size === 0) return true
    if (this.size > AT_ONCE) return false
    const { limit, window } = this.state
    const length = this.copyInput(INPUT)
    const most = Math.max(1, Math.min(Math.floor(limit), AT_ONCE_INFLATED))
    try {
      const message = inflateAtOnce(INPUT.subarray(0, length), most, window?.bytes)
      if (message === undefined) return false
      this.succeed(message)
    } catch (error) {
      const tooLarge = error instanceof RangeError
      if (tooLarge && limit > most) return false
      this.error = tooLarge ? 'tooLarge' : 'corrupt'
    }
    return true
  }

  keep(): void {
    if (this.kept) return
    const input = Buffer.allocUnsafeSlow(this.size + DEFLATE_END.length)
    this.copyInput(input)
    this.input = input
    this.from = 0
    this.kept = true
  }

  report(): void {
    if (this.error !== undefined) this.state.lane.close()
    this.done(this.error, this.message)
  }

  start(): void {
    const dictionary = (this.window ?? this.state.window)?.bytes
    this.pooled = dictionary === undefined || dictionary.length === 0
    this.context = this.pooled
      ? this.state.pool.borrow(KEY, () => createInflater())
      : new ZlibContext(KEY, createInflater({ dictionary: dictionary! }))
    this.context.run(this.input, this)
  }

  output(chunk: Buffer): void {
    this.total += chunk.length
    if (this.total > this.state.limit) this.end('tooLarge')
    else this.chunks.push(chunk)
  }

  finished(consumed: number): void {
    const rest = this.input.length - consumed
    // A message that ends with BFINAL, with or without the 00 that should follow (§7.2.3.4).
    if (rest <= DEFLATE_END.length) return this.end(undefined, rest === 0)
    if (++this.ends > MOST_ENDS) return this.end('corrupt')
    this.dropContext(false)
    this.input = this.input.subarray(consumed)
    this.extendWindow()
    this.start()
  }

  failed(): void {
    this.end('corrupt')
  }

  cancel(): void {
    this.dropContext(false)
    this.chunks = []
  }

  private end(error: InflateError | undefined, reusable: boolean = false): void {
    this.dropContext(reusable)
    this.error = error
    if (error === undefined) this.succeed(joined(this.chunks, this.total))
    this.chunks = []
    this.state.lane.finished(this)
  }

  private succeed(message: Buffer): void {
    this.message = message
    this.state.window?.add(message)
  }

  private dropContext(reusable: boolean): void {
    const { context } = this
    this.context = undefined
    if (context === undefined) return
    if (this.pooled) this.state.pool.giveBack(context, reusable)
    else context.close()
  }

  private extendWindow(): void {
    if (this.window === undefined) {
      this.window = new SlidingWindow(WINDOW_BITS)
      if (this.state.window !== undefined) this.window.add(this.state.window.bytes)
    }
    for (; this.windowed < this.chunks.length; this.windowed++) this.window.add(this.chunks[this.windowed]!)
  }

  private copyInput(target: Buffer): number {
    target.set(this.input.subarray(this.from, this.from + this.size))
    target.set(DEFLATE_END, this.size)
    return this.size + DEFLATE_END.length
  }
}

/** Z_FINISH: data that is cut is an error, and all is looked at. */
function createInflater(options?: ZlibOptions): InflateRaw {
  return createInflateRaw({ windowBits: WINDOW_BITS, chunkSize: CHUNK, flush: zlib.Z_FINISH, ...options })
}

/** Undefined when there is more behind a BFINAL block; throws what zlib throws, a `RangeError` over `most`. */
function inflateAtOnce(input: Uint8Array, most: number, dictionary: Buffer | undefined): Buffer | undefined {
  const chunkSize = Math.min(Math.max(input.length * 4, LEAST_CHUNK), CHUNK)
  const options = { windowBits: WINDOW_BITS, chunkSize, maxOutputLength: most, info: true }
  const inflated: unknown = inflateRawSync(input, dictionary?.length ? { ...options, dictionary } : options)
  const { buffer, engine } = inflated as { buffer: Buffer; engine: InflateRaw }
  return input.length - engine.bytesWritten > DEFLATE_END.length ? undefined : compact(buffer)
}

function joined(chunks: Buffer[], total: number): Buffer {
  return chunks.length === 1 ? compact(chunks[0]!) : Buffer.concat(chunks, total)
}

/** A message that the application keeps must not keep much more alive than itself. */
function compact(buffer: Buffer): Buffer {
  return buffer.buffer.byteLength <= buffer.length * 2 ? buffer : Buffer.from(buffer)
}
