/** The `Date` of answers (RFC 9110 §6.6.1), made once a second. */
import { type PlainStarts, plainStarts } from '../http/plain-start.ts'
import type { Deadlines } from '../limits/deadlines.ts'

export class Dates {
  private readonly deadlines: Deadlines
  private second: number
  /** When the clock was last looked at, by the coarse one. */
  private lookedAt: number
  private text: string
  private startsOf: string
  private starts: PlainStarts

  constructor(deadlines: Deadlines) {
    this.deadlines = deadlines
    this.second = 0
    this.lookedAt = 0
    this.text = ''
    this.startsOf = ''
    this.starts = plainStarts('')
  }

  /** Behind the clock by no more than the coarse one is. */
  date(): string {
    const now = this.deadlines.read()
    if (this.lookedAt !== now || this.text === '') {
      this.lookedAt = now
      const second = Math.floor(Date.now() / 1000)
      if (second !== this.second) {
        this.second = second
        this.text = new Date(second * 1000).toUTCString()
      }
    }
    return this.text
  }

  /** How an answer begins in which nothing was set. */
  plainStart(kind: keyof PlainStarts): Uint8Array {
    const date = this.date()
    if (date !== this.startsOf) {
      this.startsOf = date
      this.starts = plainStarts(date)
    }
    return this.starts[kind]
  }
}
