/**
 * Request bodies that are coded, decoded as they arrive (RFC 9110 §8.4). A body is gathered until it is more than 8 KiB, or
 * the chunk that the connection has read is at its end: one that is complete by then is decoded where it is, everything
 * else leaves the main thread, a batch at a time.
 *
 * What is accepted, and only that:
 * - `gzip` (RFC 1952): one member or several on end, which is what it defines a file to be, decoded as one content. Each
 *   member's checksum and length count. What follows the last must be a member, too: no padding.
 * - `deflate`: the zlib format (RFC 1950), its checksum counts; and bare DEFLATE data (RFC 1951), which some clients send
 *   instead (RFC 9110 §8.4.1.2). The first two bytes tell: bare data that looks like a zlib header would begin with a
 *   stored block whose padding is not zero, which no encoder writes.
 * - `br` (RFC 7932): one stream, nothing behind it.
 * - An empty body, whatever its coding: some clients name it on every request.
 *
 * The limit is on what comes out. It is checked with every 64 KiB, and decoding stops there, so that a bomb costs no more
 * than the limit, whatever it would become. What was decoded before an error was found has been passed on.
 */
import {
  brotliDecompressSync,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  gunzipSync,
  inflateRawSync,
  inflateSync,
} from 'node:zlib'
import type { BodyCoding } from '../../../http/index.ts'
import { sharedPool, type ZlibPool } from '../../websocket/zlib-pool.ts'
import { CodingStream, type StreamFailure, type StreamTarget, type ZlibTransform } from './coding-stream.ts'

/**
 * Up to here a complete body is decoded where it is: that takes 20 to 80 µs where on a thread it takes 80 to 150 µs of CPU
 * (Node 20, JSON).
 */
const AT_ONCE = 8 * 1024
/** What a body may become where it is. A small one that becomes more is begun anew elsewhere. */
const AT_ONCE_DECODED = 64 * 1024
/** Output is taken, and the limit checked, in chunks of this size: 16 MiB take 19 ms, in chunks of 16 KiB 42 ms (Node 20). */
const CHUNK = 64 * 1024
const LEAST_CHUNK = 1024

/** The bytes that tell the format. */
const LEAST_START = 2

/** A caller that gave more than this is told to wait. */
const MOST_WAITING = 64 * 1024

/** What a zlib stream takes, and a chunk of its output. */
const STREAM_BYTES = 110 * 1024
/** RFC 7932 §9.1: brotli keeps what it has decoded, up to 2^24 bytes. */
const MOST_WINDOW = 16 * 1024 * 1024

const EMPTY = Buffer.alloc(0)

/** Why a body cannot be had: it is not what its coding says; more than the limit; or it ends too early. */
export type DecodingFailure = StreamFailure | 'tooLarge'

/** Where a decoded body goes. The end, or the failure, is the last that is told. */
export interface DecodedSink {
  /** The next bytes of the body: `chunk` from `start` up to `end`, the sink's for good. */
  decoded(chunk: Uint8Array, start: number, end: number): void
  /** There is room again: told once for each time that `push` began to return false, unless the body fails. */
  decodingReady(): void
  /** The body is complete. */
  decodedEnd(): void
  decodingFailed(failure: DecodingFailure): void
}

/** Decodes one body. The sink is told before or after `push` and `end` return, and may call `destroy`. */
export class BodyDecoder implements StreamTarget {
  private readonly coding: BodyCoding
  private readonly limit: number
  private readonly sink: DecodedSink
  private readonly stream: CodingStream
  /** Bytes that came out. */
  private total: number
  /** Whether `push` has returned false, and `decodingReady` was not told. */
  private full: boolean
  private scheduled: boolean
  private ending: boolean
  private over: boolean

  /** @param limit bytes of the decoded body */
  constructor(coding: BodyCoding, limit: number, sink: DecodedSink, pool: ZlibPool = sharedPool()) {
    this.coding = coding
    this.limit = limit
    this.sink = sink
    this.stream = new CodingStream(pool, (first) => create(coding, first), this)
    this.total = 0
    this.full = false
    this.scheduled = false
    this.ending = false
    this.over = false
  }

  /** Bytes that were pushed and are not decoded yet. */
  get waiting(): number {
    return this.stream.waiting
  }

  /** Bytes that it keeps: what waits, and what it decodes with. */
  get held(): number {
    if (this.over || !this.stream.begun) return this.waiting
    return this.waiting + STREAM_BYTES + (this.coding === 'br' ? Math.min(this.total, MOST_WINDOW) : 0)
  }

  /**
   * Takes the next bytes of the coded body, from `start` up to `end`, which are the caller's again afterwards. Returns false
   * when it is time to wait for `decodingReady`; what is pushed all the same is kept.
   */
  push(chunk: Uint8Array, start: number, end: number): boolean {
    if (this.over || this.ending) return true
    this.stream.give(chunk, start, end)
    if (this.waiting > AT_ONCE) this.stream.begin()
    else if (!this.stream.begun) this.beginSoon()
    this.full = this.waiting > MOST_WAITING
    return !this.full
  }

  /** The coded body is complete: `decodedEnd` or `decodingFailed` follows. */
  end(): void {
    if (this.over || this.ending) return
    this.ending = true
    if (!this.stream.begun && this.decodeAtOnce(this.stream.input)) return
    this.stream.giveLast()
    this.stream.begin()
  }

  /** Gives the body up and frees everything; nothing is told after. */
  destroy(): void {
    this.over = true
    this.stream.close()
  }

  /** @internal */
  output(bytes: Buffer): void {
    this.total += bytes.length
    if (this.total > this.limit) this.fail('tooLarge')
    else this.sink.decoded(bytes, 0, bytes.length)
  }

  /** @internal */
  worked(): void {
    if (!this.full || this.waiting > MOST_WAITING) return
    this.full = false
    this.sink.decodingReady()
  }

  /** @internal */
  ended(): void {
    this.worked()
    if (this.over) return
    this.over = true
    this.sink.decodedEnd()
  }

  /** @internal */
  failed(failure: StreamFailure): void {
    this.fail(failure)
  }

  /** Begins once this turn is over, unless the body is complete by then; a first byte alone tells no format. */
  private beginSoon(): void {
    if (this.scheduled) return
    this.scheduled = true
    queueMicrotask(() => {
      this.scheduled = false
      if (this.waiting >= LEAST_START) this.stream.begin()
    })
  }

  /** Returns false when the body becomes more than is to be made here. */
  private decodeAtOnce(input: Uint8Array): boolean {
    if (input.length === 0) return this.succeed(EMPTY)
    const most = Math.max(1, Math.min(Math.floor(this.limit), AT_ONCE_DECODED))
    try {
      const body = decodeAtOnce(this.coding, input, most)
      return body === undefined ? this.fail('corrupt') : this.succeed(body)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'ERR_BUFFER_TOO_LARGE') return this.fail(code === 'Z_BUF_ERROR' ? 'truncated' : 'corrupt')
      return this.limit <= most && this.fail('tooLarge')
    }
  }

  private succeed(body: Buffer): true {
    if (body.length > 0) this.output(body)
    if (this.over) return true
    this.destroy()
    this.sink.decodedEnd()
    return true
  }

  private fail(failure: DecodingFailure): true {
    this.destroy()
    this.sink.decodingFailed(failure)
    return true
  }
}

type Options = { chunkSize: number; maxOutputLength: number; info: true }

/** Undefined when there is something behind the end of the data; throws what zlib throws. */
function decodeAtOnce(coding: BodyCoding, input: Uint8Array, most: number): Buffer | undefined {
  const chunkSize = Math.min(Math.max(input.length * 4, LEAST_CHUNK), CHUNK)
  const options: Options = { chunkSize, maxOutputLength: most, info: true }
  const decoded: unknown = decodeSync(coding, input, options)
  const { buffer, engine } = decoded as { buffer: Buffer; engine: ZlibTransform }
  return engine.bytesWritten < input.length ? undefined : buffer
}

function decodeSync(coding: BodyCoding, input: Uint8Array, options: Options): unknown {
  switch (coding) {
    case 'gzip':
      return gunzipSync(input, options)
    case 'br':
      return brotliDecompressSync(input, options)
    default:
      return isZlib(input) ? inflateSync(input, options) : inflateRawSync(input, options)
  }
}

function create(coding: BodyCoding, first: Uint8Array): ZlibTransform {
  const options = { chunkSize: CHUNK }
  switch (coding) {
    case 'gzip':
      return createGunzip(options)
    case 'br':
      return createBrotliDecompress(options)
    default:
      return isZlib(first) ? createInflate(options) : createInflateRaw(options)
  }
}

/**
 * RFC 1950 §2.2: method 8 with a window of up to 32 KiB, and both bytes together a multiple of 31. The first byte alone tells
 * enough where there is no second.
 */
function isZlib(bytes: Uint8Array): boolean {
  const [method = 0, flags] = bytes
  if ((method & 0x0f) !== 8 || method >> 4 > 7) return false
  return flags === undefined || ((method << 8) | flags) % 31 === 0
}
