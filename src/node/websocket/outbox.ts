/**
 * Keeps what one side sends in order, when some of it is not ready yet: a message that is being compressed, or
 * one that is streamed in fragments, between which no other message may come (RFC 6455 §5.4). While nothing is
 * under way everything goes straight out.
 */
import type { Connection } from '../connection.ts'
import type { ConnectionHost } from '../host.ts'

/** Bytes that may wait before whoever writes is asked to wait, too. */
const FULL_ABOVE = 64 * 1024

/** A place in the order. */
export interface Slot {
  /** Sends, or keeps until its turn comes. Returns `false` under back-pressure. */
  write(bytes: Uint8Array): boolean
  /** All of it is written: the next one's turn. */
  finish(): void
  /** Calls back when all before it is sent: at once, or later. */
  whenTurn(callback: () => void): void
}

export class Outbox {
  private readonly connection: Connection<ConnectionHost>
  private readonly drained: () => void
  private readonly slots: QueuedSlot[]
  private emptied: (() => void) | undefined
  /** Bytes that wait for their turn. */
  private held: number
  /** Bytes of messages that are being compressed. */
  private expected: number
  /** Whether somebody may wait for room. */
  private owing: boolean

  /** @param drained called after a turn in which there came to be room again */
  constructor(connection: Connection<ConnectionHost>, drained: () => void = () => {}) {
    this.connection = connection
    this.drained = drained
    this.slots = []
    this.emptied = undefined
    this.held = 0
    this.expected = 0
    this.owing = false
  }

  /** Whether so much waits that whoever writes has to wait for `drained`. */
  get full(): boolean {
    return this.waiting > FULL_ABOVE
  }

  /** Bytes that wait for their turn, or are being compressed: these as they were before. */
  get waiting(): number {
    return this.held + this.expected
  }

  get empty(): boolean {
    return this.slots.length === 0
  }

  /** Calls back, once, when nothing is under way: at once, or later. */
  whenEmpty(callback: () => void): void {
    if (this.empty) callback()
    else this.emptied = callback
  }

  /** Sends when everything before is sent. */
  send(...pieces: Uint8Array[]): boolean {
    if (this.slots.length === 0) {
      let ready = true
      for (const piece of pieces) ready = this.connection.write(piece)
      return ready
    }
    const slot = this.reserve()
    for (const piece of pieces) slot.write(piece)
    slot.finish()
    return !this.full && !this.connection.writableNeedDrain
  }

  /** Takes a place for what is not ready yet, of so many bytes before they are compressed. */
  reserve(expected: number = 0): Slot {
    const slot = new QueuedSlot(this, expected)
    if (expected > 0) this.checkLimit()
    this.slots.push(slot)
    this.expected += expected
    this.checkRoom()
    return slot
  }

  /** @internal */
  write(slot: QueuedSlot, bytes: Uint8Array): boolean {
    this.arrive(slot)
    if (slot === this.slots[0]) return this.connection.write(bytes)
    this.checkLimit()
    slot.waiting.push(bytes)
    this.held += bytes.length
    this.checkRoom()
    return false
  }

  /** @internal */
  isTurn(slot: QueuedSlot): boolean {
    return slot === this.slots[0]
  }

  /** @internal */
  finish(slot: QueuedSlot): void {
    this.arrive(slot)
    this.advance()
    if (!this.owing || this.full) return
    this.owing = false
    process.nextTick(this.drained)
  }

  /** What was expected is there, or will not come. */
  private arrive(slot: QueuedSlot): void {
    this.expected -= slot.expected
    slot.expected = 0
  }

  private checkRoom(): void {
    if (!this.full) return
    this.owing = true
    this.connection.host.budget.charge(this.connection)
  }

  /** Before something is added: one message may be larger than the limit. */
  private checkLimit(): void {
    const { writeLimit } = this.connection.host.settings
    if (this.waiting > writeLimit)
      this.connection.cut('ERR_WRITE_LIMIT', `Cannot send any more: over ${writeLimit} bytes wait`)
  }

  private advance(): void {
    while (this.slots[0]?.finished === true) {
      this.slots.shift()
      const next = this.slots[0]
      if (next === undefined) return this.emptied?.()
      for (const bytes of next.waiting) {
        this.held -= bytes.length
        this.connection.write(bytes)
      }
      next.waiting = []
      next.turn?.()
    }
  }
}

class QueuedSlot implements Slot {
  waiting: Uint8Array[]
  finished: boolean
  turn: (() => void) | undefined
  /** Bytes before they are compressed, until they are. */
  expected: number
  private readonly outbox: Outbox

  constructor(outbox: Outbox, expected: number) {
    this.waiting = []
    this.finished = false
    this.turn = undefined
    this.outbox = outbox
    this.expected = expected
  }

  write(bytes: Uint8Array): boolean {
    return this.outbox.write(this, bytes)
  }

  whenTurn(callback: () => void): void {
    if (this.outbox.isTurn(this)) callback()
    else this.turn = callback
  }

  finish(): void {
    if (this.finished) return
    this.finished = true
    this.outbox.finish(this)
  }
}
