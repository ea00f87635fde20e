import type { Work, ZlibPool } from './zlib-pool.ts'

/** One message to be deflated or inflated. */
export interface Job extends Work {
  /** Bytes that it holds on to while it waits. */
  readonly size: number
  /** Works at once and returns true, when that is cheaper than leaving the main thread. */
  attempt(): boolean
  /** Makes its input its own: the caller's bytes may change once the call is over. */
  keep(): void
  /** Tells what came out. */
  report(): void
  /** Frees what it works with. */
  cancel(): void
}

/**
 * The messages of one direction of one connection, answered in the order that they came: each is worked on when those
 * before it are answered. A job that was started reports its end with `finished`.
 */
export class Lane {
  /** Bytes of the messages that wait or are worked on. */
  held: number
  private readonly jobs: Job[]
  private readonly pool: ZlibPool
  private open: boolean
  /** A message is worked on, or being answered. */
  private running: boolean
  /** The job that has a place in the pool or waits for one. */
  private entered: Job | undefined

  constructor(pool: ZlibPool) {
    this.held = 0
    this.jobs = []
    this.pool = pool
    this.open = true
    this.running = false
    this.entered = undefined
  }

  /** Messages that wait or are worked on. */
  get pending(): number {
    return this.jobs.length
  }

  push(job: Job): void {
    if (!this.open) return
    this.jobs.push(job)
    this.held += job.size
    if (this.running) job.keep()
    else this.advance()
  }

  finished(job: Job): void {
    this.entered = undefined
    this.running = false
    this.pool.leave(job)
    this.jobs.shift()
    this.held -= job.size
    this.advance(job)
  }

  /** Nothing is answered after. */
  close(): void {
    const { entered } = this
    this.open = false
    this.entered = undefined
    this.jobs.length = 0
    this.held = 0
    if (entered === undefined) return
    entered.cancel()
    this.pool.leave(entered)
  }

  private advance(answered?: Job): void {
    this.running = true
    try {
      answered?.report()
      while (this.jobs.length > 0 && this.attempt(this.jobs[0]!));
    } finally {
      this.running = this.entered !== undefined
    }
  }

  private attempt(job: Job): boolean {
    if (!job.attempt()) {
      job.keep()
      this.entered = job
      this.pool.enter(job)
      return false
    }
    this.jobs.shift()
    this.held -= job.size
    job.report()
    return true
  }
}
