/**
 * The first bytes of a connection, kept until it is known whose they are. Copied into one buffer that doubles as it grows: a
 * drip of small pieces must not hold on to large chunks, nor cost an object or a copy of everything each.
 */
const FIRST_CAPACITY = 64

const EMPTY = Buffer.alloc(0)

export class KeptBytes {
  length: number
  private buffer: Buffer

  constructor() {
    this.length = 0
    this.buffer = EMPTY
  }

  add(chunk: Buffer, pos: number, end: number): void {
    const length = this.length + end - pos
    if (length > this.buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(length, this.buffer.length * 2, FIRST_CAPACITY))
      this.buffer.copy(larger, 0, 0, this.length)
      this.buffer = larger
    }
    chunk.copy(this.buffer, this.length, pos, end)
    this.length = length
  }

  /** All of them; nothing is kept any more. */
  take(): Buffer {
    const all = this.buffer.subarray(0, this.length)
    this.buffer = EMPTY
    this.length = 0
    return all
  }
}
