/**
 * One zlib stream that codes or decodes one answer or body off the main thread. What it is given before it begins, and
 * while it works, is gathered in one buffer and worked on together, whatever the number of pieces. For each such batch it
 * needs a place in the pool, as all zlib work does. Only documented parts of node:zlib are used.
 */
import type { Transform } from 'node:stream'
import type { Work, ZlibPool } from '../../websocket/zlib-pool.ts'

/** What node:zlib makes: a gzip or brotli stream, either way. */
export type ZlibTransform = Transform & { readonly bytesWritten: number }

/** Why a stream came to no good end. */
export type StreamFailure = 'corrupt' | 'truncated'

/** Where a stream reports; nothing is told after `ended`, `failed` or `close`. */
export interface StreamTarget {
  /** The next bytes that came out; they are the target's. */
  output(bytes: Buffer): void
  /** A batch is worked on: less is waiting. */
  worked(): void
  /** All has come out, behind the last byte that was given. */
  ended(): void
  failed(failure: StreamFailure): void
}

const EMPTY = Buffer.alloc(0)

export class CodingStream implements Work {
  /** Bytes that were given and are not worked on yet. */
  waiting: number
  /** Whether it works on what it is given, instead of gathering it. */
  begun: boolean
  private readonly pool: ZlibPool
  private readonly create: (first: Uint8Array) => ZlibTransform
  private readonly target: StreamTarget
  private stream: ZlibTransform | undefined
  private gathered: Uint8Array
  /** Bytes of `gathered` that are filled. */
  private filled: number
  /** Bytes that the stream was given, in all. */
  private given: number
  private entered: boolean
  private ending: boolean
  private open: boolean

  /** @param create makes the zlib stream once there is something to do; it is shown the first bytes */
  constructor(pool: ZlibPool, create: (first: Uint8Array) => ZlibTransform, target: StreamTarget) {
    this.waiting = 0
    this.begun = false
    this.pool = pool
    this.create = create
    this.target = target
    this.stream = undefined
    this.gathered = EMPTY
    this.filled = 0
    this.given = 0
    this.entered = false
    this.ending = false
    this.open = true
  }

  /** Takes bytes, which are the caller's again afterwards. */
  give(chunk: Uint8Array, start: number, end: number): void {
    if (!this.open || this.ending || start === end) return
    this.gather(chunk, start, end)
    if (this.begun) this.enter()
  }

  /** Takes the last bytes, if there are any, which must not change any more. */
  giveLast(bytes: Uint8Array = EMPTY): void {
    if (!this.open || this.ending) return
    if (this.filled > 0) this.gather(bytes, 0, bytes.length)
    else {
      this.gathered = bytes
      this.filled = bytes.length
      this.waiting += bytes.length
    }
    this.ending = true
    if (this.begun) this.enter()
  }

  /** Begins to work. */
  begin(): void {
    if (!this.open || this.begun) return
    this.begun = true
    if (this.filled > 0 || this.ending) this.enter()
  }

  /** What is gathered and not worked on. */
  get input(): Uint8Array {
    return this.gathered.subarray(0, this.filled)
  }

  /** Frees it, also in the middle of its work. */
  close(): void {
    if (!this.open) return
    this.open = false
    this.waiting = 0
    this.filled = 0
    this.gathered = EMPTY
    this.stream?.destroy()
    this.leave()
  }

  /** @internal It has a place. */
  start(): void {
    const batch = this.input
    this.gathered = EMPTY
    this.filled = 0
    this.given += batch.length
    const stream = (this.stream ??= this.openStream(batch))
    if (stream === undefined) this.fail('corrupt')
    else if (!this.ending) stream.write(batch, (error) => this.batchDone(batch.length, error))
    else if (batch.length > 0) stream.end(batch)
    else stream.end()
  }

  /** Undefined when there is no memory for it. */
  private openStream(first: Uint8Array): ZlibTransform | undefined {
    try {
      const stream = this.create(first)
      stream.on('data', (bytes: Buffer) => this.open && this.target.output(bytes))
      stream.on('end', () => this.end())
      stream.on('error', (error: NodeJS.ErrnoException) =>
        this.fail(error.code === 'Z_BUF_ERROR' ? 'truncated' : 'corrupt'),
      )
      return stream
    } catch {
      return undefined
    }
  }

  private batchDone(length: number, error: Error | null | undefined): void {
    if (error || !this.open) return
    this.waiting -= length
    this.leave()
    if (this.filled > 0 || this.ending) this.enter()
    this.target.worked()
  }

  private end(): void {
    if (!this.open) return
    // The data has ended by itself, and there is something behind it.
    if (this.stream!.bytesWritten < this.given) return this.fail('corrupt')
    this.close()
    this.target.ended()
  }

  private fail(failure: StreamFailure): void {
    if (!this.open) return
    this.close()
    this.target.failed(failure)
  }

  private enter(): void {
    if (this.entered) return
    this.entered = true
    this.pool.enter(this)
  }

  private leave(): void {
    if (!this.entered) return
    this.entered = false
    this.pool.leave(this)
  }

  private gather(chunk: Uint8Array, start: number, end: number): void {
    const needed = this.filled + end - start
    if (needed > this.gathered.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.gathered.length * 2))
      larger.set(this.gathered.subarray(0, this.filled))
      this.gathered = larger
    }
    this.gathered.set(chunk.subarray(start, end), this.filled)
    this.filled = needed
    this.waiting += end - start
  }
}
