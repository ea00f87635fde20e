/**
 * zlib contexts for work that leaves the main thread. A context takes 250 KiB to deflate and 110 KiB to inflate, so
 * that nobody keeps one who has nothing to do: work waits its turn for a place, borrows a context, gives it back.
 * There are never more pooled contexts than places, busy and idle together. Contexts that a connection owns
 * (context takeover) are not pooled, but need a place to work too: that bounds what waits for libuv's threads.
 */
import type { DeflateRaw, InflateRaw } from 'node:zlib'

/** Places, unless an option says otherwise. */
export const DEFAULT_CONCURRENCY = 10

/** What waits for a place; `start` is called when it has one, and `leave` has to be called once after. */
export interface Work {
  start(): void
}

/** Where a context reports. */
export interface ContextTarget {
  output(chunk: Buffer): void
  /** All input was looked at; with `consumed` fewer bytes than were given, the data ended by itself. */
  finished(consumed: number): void
  failed(): void
}

/** One zlib stream that is used for one piece of input after the other. */
export class ZlibContext {
  /** What the pool keeps contexts of the same parameters by. */
  readonly key: number
  private readonly stream: DeflateRaw | InflateRaw
  private target: ContextTarget | undefined

  constructor(key: number, stream: DeflateRaw | InflateRaw) {
    this.key = key
    this.stream = stream
    this.target = undefined
    stream.on('data', (chunk: Buffer) => this.target?.output(chunk))
    stream.on('error', () => this.release()?.failed())
  }

  /** Works on `input`, which must not change until `target` is told of the end. */
  run(input: Uint8Array, target: ContextTarget): void {
    const before = this.stream.bytesWritten
    this.target = target
    this.stream.write(input, (error) => {
      if (error || this.target !== target) return
      this.release()?.finished(this.stream.bytesWritten - before)
    })
  }

  /** Forgets what it has seen. */
  reset(): void {
    this.stream.reset()
  }

  /** Frees it, also in the middle of its work; nothing is reported after. */
  close(): void {
    this.target = undefined
    this.stream.destroy()
  }

  private release(): ContextTarget | undefined {
    const { target } = this
    this.target = undefined
    return target
  }
}

/** Places to work in, and the contexts that nobody uses at the moment. */
export class ZlibPool {
  private places: number
  private taken: number
  private borrowed: number
  private readonly idle: ZlibContext[]
  private readonly queue: Set<Work>

  /** @param concurrency how many pieces of work go on at once, and how many contexts there are at most */
  constructor(concurrency: number = DEFAULT_CONCURRENCY) {
    this.places = concurrency
    this.taken = 0
    this.borrowed = 0
    this.idle = []
    this.queue = new Set()
  }

  get concurrency(): number {
    return this.places
  }

  /** Pooled contexts that exist. */
  get contexts(): number {
    return this.borrowed + this.idle.length
  }

  /** Work that goes on. */
  get working(): number {
    return this.taken
  }

  /** Work that waits for a place. */
  get waiting(): number {
    return this.queue.size
  }

  /** Starts the work, at once or when its turn comes. */
  enter(work: Work): void {
    if (this.taken >= this.places) {
      this.queue.add(work)
      return
    }
    this.taken++
    work.start()
  }

  /** Ends the work: its place goes to what has waited longest. Work that still waits is only taken off the queue. */
  leave(work: Work): void {
    if (this.queue.delete(work)) return
    this.taken--
    for (const next of this.queue) {
      if (this.taken >= this.places) break
      this.queue.delete(next)
      this.taken++
      next.start()
    }
  }

  /** A context that has seen nothing; asked for by work that has a place. */
  borrow(key: number, create: () => DeflateRaw | InflateRaw): ZlibContext {
    const index = this.idle.findIndex((context) => context.key === key)
    this.borrowed++
    if (index >= 0) return this.idle.splice(index, 1)[0]!
    if (this.contexts > this.places) this.idle.shift()?.close()
    return new ZlibContext(key, create())
  }

  /** Takes a context back, before the work leaves its place; one that is not `reusable` is freed. */
  giveBack(context: ZlibContext, reusable: boolean): void {
    this.borrowed--
    if (!reusable) return context.close()
    context.reset()
    this.idle.push(context)
  }

  /** Lets at least `concurrency` pieces of work go on at once. */
  widen(concurrency: number): void {
    if (concurrency > this.places) this.places = concurrency
  }

  /** Frees the contexts that nobody uses. */
  clear(): void {
    for (const context of this.idle.splice(0)) context.close()
  }
}

let processPool: ZlibPool | undefined

/**
 * The pool that all servers and clients of the process share, since they share libuv's threads. The largest
 * `concurrency` that any of them asked for holds; 10 when none did.
 */
export function sharedPool(concurrency?: number): ZlibPool {
  processPool ??= new ZlibPool(concurrency)
  if (concurrency !== undefined) processPool.widen(concurrency)
  return processPool
}
