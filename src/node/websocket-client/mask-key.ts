import { randomFillSync } from 'node:crypto'

/** Drawn in batches: one call of the system's random source for 1,024 keys. */
const keys = new Int32Array(1024)
let next = keys.length

/** RFC 6455 §5.3: a masking key that cannot be predicted. */
export function randomMaskKey(): number {
  if (next === keys.length) {
    randomFillSync(keys)
    next = 0
  }
  return keys[next++]!
}
