/** A connection as the budget sees it. */
export interface BufferHolder {
  /** Bytes that it is charged with at the moment. */
  charged: number
  /** Bytes that it buffers right now, read and written. */
  buffered(): number
  /** Ends it at once. */
  cut(code: string, message: string): void
}

/**
 * Bounds the bytes buffered over all clients. A connection is charged when it buffers; what it has sent since
 * is only counted off when the sum seems too large, so that the ordinary write pays for one comparison.
 */
export class BufferBudget {
  private readonly limit: number
  private readonly holders: Set<BufferHolder>
  private total: number

  constructor(limit: number) {
    this.limit = limit
    this.holders = new Set()
    this.total = 0
  }

  charge(holder: BufferHolder): void {
    const buffered = holder.buffered()
    this.total += buffered - holder.charged
    holder.charged = buffered
    if (buffered > 0) this.holders.add(holder)
    else this.holders.delete(holder)
    if (this.total > this.limit) this.enforce()
  }

  release(holder: BufferHolder): void {
    this.total -= holder.charged
    holder.charged = 0
    this.holders.delete(holder)
  }

  private enforce(): void {
    this.recount()
    while (this.total > this.limit) {
      const largest = this.largest()
      if (largest === undefined) return
      this.release(largest)
      largest.cut(
        'ERR_BUFFER_LIMIT',
        `Cannot buffer any more: all clients together are over ${this.limit} bytes`,
      )
    }
  }

  private recount(): void {
    this.total = 0
    for (const holder of this.holders) {
      holder.charged = holder.buffered()
      this.total += holder.charged
      if (holder.charged === 0) this.holders.delete(holder)
    }
  }

  private largest(): BufferHolder | undefined {
    let largest: BufferHolder | undefined
    for (const holder of this.holders) {
      if (largest === undefined || holder.charged > largest.charged) largest = holder
    }
    return largest
  }
}
