/**
 * The newest bytes of one direction of a connection: what an inflater has to know of earlier messages (RFC 7692 §7.2.2).
 * At most 32 KiB, instead of an inflater per connection, and only as much as there was.
 */
export class SlidingWindow {
  private readonly size: number
  private buffer: Buffer
  private length: number

  constructor(bits: number) {
    this.size = 1 << bits
    this.buffer = Buffer.alloc(0)
    this.length = 0
  }

  /** Good until the next `add`. */
  get bytes(): Buffer {
    return this.buffer.subarray(0, this.length)
  }

  add(message: Uint8Array): void {
    const newest = message.length > this.size ? message.subarray(message.length - this.size) : message
    const kept = Math.min(this.length, this.size - newest.length)
    const oldest = this.length - kept
    this.length = kept + newest.length
    const source = this.buffer
    if (this.length > source.length)
      this.buffer = Buffer.allocUnsafeSlow(Math.min(this.size, this.length * 2))
    if (oldest > 0 || this.buffer !== source) source.copy(this.buffer, 0, oldest, oldest + kept)
    this.buffer.set(newest, kept)
  }
}
