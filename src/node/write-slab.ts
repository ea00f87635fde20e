/**
 * Where small writes of one turn are put together: one process-wide buffer, filled from its first byte to its last and
 * never written to where it was given away. So a frame costs neither a buffer nor a `write` of its own; 16 answers of
 * 64 B in one turn leave in one piece.
 */

/** What takes the bytes of a turn. */
export interface SlabOwner {
  /** Gets what it has put in, to be sent. */
  takeSlab(bytes: Buffer): void
}

const SLAB_BYTES = 64 * 1024

/** Up to here bytes are copied into the slab; what is larger is sent from where it lies. */
export const SLAB_COPY_UP_TO = 2048

/** The slab, for whoever fills the room that `room` has made. */
export let slab: Buffer = Buffer.alloc(0)
let owner: SlabOwner | undefined
let from = 0
let to = 0

/** Bytes of `of` that wait in the slab. */
export function slabWaiting(of: SlabOwner): number {
  return owner === of ? to - from : 0
}

/** Makes room for `length` bytes behind what `of` has put in; returns their position in `slab`, to be filled at once. */
export function room(of: SlabOwner, length: number): number {
  if (owner !== of) {
    flushSlab()
    owner = of
  }
  if (to + length > slab.length) {
    flushSlab()
    owner = of
    slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
    from = 0
    to = 0
  }
  const at = to
  to += length
  return at
}

/** Gives what waits to its owner. */
export function flushSlab(): void {
  const taker = owner
  owner = undefined
  if (taker === undefined || from === to) return
  const bytes = slab.subarray(from, to)
  from = to
  taker.takeSlab(bytes)
}
