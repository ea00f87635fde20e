/**
 * Answers, compressed: whether one is to be, and the coder that does it. What is complete and small is coded at once; the
 * rest leaves the main thread, in a place of the pool that all zlib work of the process shares.
 */
import {
  type BrotliOptions,
  brotliCompressSync,
  createBrotliCompress,
  createGzip,
  gzipSync,
  type ZlibOptions,
  constants as zlib,
} from 'node:zlib'
import { type CodableHead, chooseCoding, mayTransform, varyByEncoding } from '../../../http/index.ts'
import { sharedPool, type ZlibPool } from '../../websocket/zlib-pool.ts'
import type { AnswerCoding, AnswerCompressionSettings } from './answer-compression-options.ts'
import { CodingStream, type StreamTarget, type ZlibTransform } from './coding-stream.ts'

/**
 * Up to here an answer is coded where it is: that takes 70 to 250 µs for 16 KiB (JSON, TypeScript), leaving the main thread
 * costs 100 µs of CPU besides (Node 20).
 */
const AT_ONCE = 16 * 1024
/** Output comes in chunks of this size. */
const CHUNK = 16 * 1024
/** Coded data is at most this much larger than 16 KiB are: block headers, and gzip's own. */
const MARGIN = 64

/** A caller that gave more than this is told to wait. */
const MOST_WAITING = 64 * 1024

/**
 * 256 KiB. A larger window makes streams of text no smaller (28.5 against 28.6 KB of 188 KB at 4 MiB), and twice its
 * size is kept for each.
 */
const STREAM_WINDOW_BITS = 18
/** RFC 7932 §9.1 */
const LEAST_WINDOW_BITS = 10
/** 4 MiB, brotli's own default. */
const MOST_WINDOW_BITS = 22

const UNKNOWN_LENGTH = -1

/** Coders that are in the middle of an answer, in the whole process. */
let streaming = 0

/** How many answers of unknown length are being coded in the process. */
export function codedStreams(): number {
  return streaming
}

/**
 * What an answer is to be coded in, or undefined when it goes out as it is; Vary is set in both cases if the answer may be
 * coded at all. For one that is coded, `markCoded` has to be called before its head goes out.
 *
 * A client that refuses an answer without coding (`identity;q=0`) gets a small one coded, too; when it takes none of the
 * codings, it is answered without all the same (RFC 9110 §12.4.1).
 *
 * @param length bytes of the whole answer, or -1 when that is not known
 */
export function planAnswer(
  head: CodableHead,
  acceptEncoding: string | undefined,
  length: number,
  settings: AnswerCompressionSettings,
): AnswerCoding | undefined {
  if (length === 0 || !mayTransform(head)) return undefined
  varyByEncoding(head)
  const coding = chooseCoding(acceptEncoding, settings.codings)
  if (coding === undefined || coding === 'identity') return undefined
  if (length < 0) return streaming < settings.streams ? coding : undefined
  if (length >= settings.threshold) return coding
  return chooseCoding(acceptEncoding, []) === undefined ? coding : undefined
}

/** Where a coded stream goes. The end, or the failure, is the last that is told. */
export interface CodedSink {
  /** The next bytes of the coded answer; they are the sink's. */
  coded(bytes: Uint8Array): void
  /** There is room again: told once for each time that `write` began to return false. */
  codingReady(): void
  /** The coded answer is complete. */
  codedEnd(): void
  /** zlib had no memory: what has gone out cannot be completed. */
  codingFailed(): void
}

/** Told of a whole answer; undefined when coding it does not make it smaller: it goes out as it is. */
export type WholeCoded = (coded: Uint8Array | undefined) => void

/**
 * Codes one answer: either `whole`, or written piece by piece up to its `end`. What is written is flushed, so that each
 * piece can be decoded as soon as it has arrived; pieces that are written while others are worked on go together.
 */
export class AnswerCoder implements StreamTarget {
  readonly coding: AnswerCoding
  private readonly settings: AnswerCompressionSettings
  private readonly sink: CodedSink
  private readonly pool: ZlibPool
  private stream: CodingStream | undefined
  /** Whether it is one of the streams that are counted. */
  private counted: boolean
  /** Whether `write` has returned false, and `codingReady` was not told. */
  private full: boolean
  private over: boolean

  constructor(
    coding: AnswerCoding,
    settings: AnswerCompressionSettings,
    sink: CodedSink,
    pool: ZlibPool = sharedPool(),
  ) {
    this.coding = coding
    this.settings = settings
    this.sink = sink
    this.pool = pool
    this.stream = undefined
    this.counted = false
    this.full = false
    this.over = false
  }

  /** Bytes that were given and are not coded yet. */
  get waiting(): number {
    return this.stream === undefined ? 0 : this.stream.waiting
  }

  /**
   * Codes an answer that is complete; its bytes must not change until then. `done` is called once, before or after this
   * returns, but not after `destroy`; the sink is told nothing.
   */
  whole(bytes: Uint8Array, done: WholeCoded): void {
    if (this.over) return
    this.over = true
    const { length } = bytes
    if (length <= AT_ONCE) return done(this.codeAtOnce(bytes))
    this.stream = new CodingStream(this.pool, () => this.create(length), new WholeTarget(length, done))
    this.stream.giveLast(bytes)
    this.stream.begin()
  }

  /** Codes a piece, which is the caller's again afterwards. Returns false when it is time to wait for `codingReady`. */
  write(bytes: Uint8Array): boolean {
    if (this.over) return false
    this.begun().give(bytes, 0, bytes.length)
    this.full = this.waiting > MOST_WAITING
    return !this.full
  }

  /** There is no more to code: `codedEnd` follows. */
  end(): void {
    if (this.over) return
    this.over = true
    this.begun().giveLast()
  }

  /** Gives the answer up; nothing is told after. */
  destroy(): void {
    this.over = true
    this.stream?.close()
    this.uncount()
  }

  /** @internal */
  output(bytes: Buffer): void {
    this.sink.coded(bytes)
  }

  /** @internal */
  worked(): void {
    if (!this.full || this.over || this.waiting > MOST_WAITING) return
    this.full = false
    this.sink.codingReady()
  }

  /** @internal */
  ended(): void {
    this.uncount()
    this.sink.codedEnd()
  }

  /** @internal */
  failed(): void {
    this.over = true
    this.uncount()
    this.sink.codingFailed()
  }

  private begun(): CodingStream {
    if (this.stream !== undefined) return this.stream
    streaming++
    this.counted = true
    this.stream = new CodingStream(this.pool, () => this.create(UNKNOWN_LENGTH), this)
    this.stream.begin()
    return this.stream
  }

  private uncount(): void {
    if (this.counted) streaming--
    this.counted = false
  }

  private codeAtOnce(bytes: Uint8Array): Buffer | undefined {
    const { length } = bytes
    const chunkSize = length + MARGIN
    try {
      const coded =
        this.coding === 'br'
          ? brotliCompressSync(bytes, { ...this.brotliOptions(length), chunkSize })
          : gzipSync(bytes, { ...this.gzipOptions(), chunkSize })
      return smaller(coded, length)
    } catch {
      // There is no memory for it.
      return undefined
    }
  }

  private create(length: number): ZlibTransform {
    return this.coding === 'br'
      ? createBrotliCompress(this.brotliOptions(length))
      : createGzip(this.gzipOptions())
  }

  private gzipOptions(): ZlibOptions {
    return { level: this.settings.level, chunkSize: CHUNK, flush: zlib.Z_SYNC_FLUSH }
  }

  /** The hint keeps brotli's tables for pieces of a stream as small as those for what is small: else they take 4 MiB. */
  private brotliOptions(length: number): BrotliOptions {
    return {
      chunkSize: CHUNK,
      flush: zlib.BROTLI_OPERATION_FLUSH,
      params: {
        [zlib.BROTLI_PARAM_QUALITY]: this.settings.quality,
        [zlib.BROTLI_PARAM_LGWIN]: length < 0 ? STREAM_WINDOW_BITS : windowBitsOf(length),
        [zlib.BROTLI_PARAM_SIZE_HINT]: length < 0 ? 1 : length,
      },
    }
  }
}

/** Gathers what a whole answer becomes. */
class WholeTarget implements StreamTarget {
  private readonly length: number
  private readonly done: WholeCoded
  private readonly chunks: Buffer[]

  constructor(length: number, done: WholeCoded) {
    this.length = length
    this.done = done
    this.chunks = []
  }

  output(bytes: Buffer): void {
    this.chunks.push(bytes)
  }

  worked(): void {}

  ended(): void {
    this.done(smaller(Buffer.concat(this.chunks), this.length))
  }

  failed(): void {
    this.done(undefined)
  }
}

function smaller(coded: Buffer, length: number): Buffer | undefined {
  return coded.length < length ? coded : undefined
}

/** The window that holds the whole answer. */
function windowBitsOf(length: number): number {
  const bits = 32 - Math.clz32(length)
  return Math.min(Math.max(bits, LEAST_WINDOW_BITS), MOST_WINDOW_BITS)
}
