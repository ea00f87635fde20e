/**
 * The beginning of a message whose end is still to come: its bytes are copied into one buffer that doubles as it
 * grows, so that a message dripped byte by byte costs its bytes and no more. Nothing is reserved by what a peer
 * has declared.
 */
const EMPTY = new Uint8Array(0)
const FIRST_CAPACITY = 256

/** Up to here a loop costs less than a view of the chunk (STYLE: a view costs more than 40 bytes in a loop). */
const LOOP_UP_TO = 32

export class Holding {
  length: number
  private bytes: Uint8Array

  constructor() {
    this.length = 0
    this.bytes = EMPTY
  }

  /** @param most bytes that the message can have in all: the buffer never grows beyond, unless it is told wrong */
  append(chunk: Uint8Array, pos: number, end: number, most: number): void {
    const length = this.length + end - pos
    if (length > this.bytes.length) this.grow(length, most)
    if (end - pos > LOOP_UP_TO) this.bytes.set(chunk.subarray(pos, end), this.length)
    else for (let at = this.length; pos < end; ) this.bytes[at++] = chunk[pos++]
    this.length = length
  }

  /** All that is held, for good: its buffer is not written to again. */
  take(): Uint8Array {
    const taken = this.bytes.subarray(0, this.length)
    this.drop()
    return taken
  }

  drop(): void {
    this.bytes = EMPTY
    this.length = 0
  }

  private grow(needed: number, most: number): void {
    const doubled = Math.min(Math.max(this.bytes.length * 2, FIRST_CAPACITY), most)
    const larger = new Uint8Array(Math.max(needed, doubled))
    larger.set(this.bytes.subarray(0, this.length))
    this.bytes = larger
  }
}
