/**
 * One timer for all connections. A `setTimeout` per connection and phase costs about five times what a look
 * at each connection by a shared sweep does, and a deadline that moves (idle, keep-alive) costs nothing here:
 * it is one number on the connection.
 */

/** Something with one absolute deadline, in milliseconds of `Deadlines.now`. */
export interface Deadlined {
  deadline: number
  /** Called once the deadline has passed; it must move the deadline or end the connection. */
  expire(): void
}

/** The longest that Node's timers can wait, in milliseconds: what is over it they take for 1. */
export const LONGEST_TIMEOUT: number = 2 ** 31 - 1

const SHORTEST_PERIOD = 10
const LONGEST_PERIOD = 250
const SWEEPS_PER_TIMEOUT = 8

export class Deadlines {
  /** A coarse clock: behind the real one by at most `period` while there are members, and not to be read before. */
  now: number
  readonly period: number
  private readonly members: Set<Deadlined>
  private timer: NodeJS.Timeout | undefined

  /** @param shortest the shortest timeout that will be asked for, in milliseconds: sets how often to look */
  constructor(shortest: number) {
    this.now = performance.now()
    this.period = Math.min(LONGEST_PERIOD, Math.max(SHORTEST_PERIOD, shortest / SWEEPS_PER_TIMEOUT))
    this.members = new Set()
    this.timer = undefined
  }

  /** The coarse clock's time at which a timeout that starts now has surely passed. */
  after(timeout: number): number {
    return this.read() + this.period + timeout
  }

  /** The coarse clock, which stands while there are no members, from the present on. */
  read(): number {
    if (this.timer === undefined) this.now = performance.now()
    return this.now
  }

  add(member: Deadlined): void {
    this.members.add(member)
    if (this.timer !== undefined) return
    this.now = performance.now()
    this.timer = setInterval(() => this.sweep(), this.period)
    this.timer.unref()
  }

  remove(member: Deadlined): void {
    if (!this.members.delete(member) || this.members.size > 0) return
    clearInterval(this.timer)
    this.timer = undefined
  }

  private sweep(): void {
    this.now = performance.now()
    for (const member of this.members) {
      if (member.deadline <= this.now) member.expire()
    }
  }
}
