/**
 * A 64-bit view over the buffer behind a chunk.
 *
 * Making a view costs as much as unmasking 40 bytes, and asking a chunk for its `buffer` and `byteOffset` as much as
 * 20 (measured: 40 and 20 ns, Node 20), so the latest view is kept with the chunk that it was made for: the next
 * frame of that chunk compares one reference. What is kept here stays in memory, hence one view for the whole process
 * and never one over a large buffer.
 */

const KEEP_UP_TO = 1024 * 1024

const NONE = new Uint8Array(0)

interface View {
  chunk: Uint8Array
  /** Where the chunk begins in the words, in bytes. */
  offset: number
  /** The whole words of the chunk's buffer, from the buffer's first byte. */
  words: BigInt64Array
}

/** The latest view. Whoever finds its chunk here uses it as it is. */
export const latest: View = { chunk: NONE, offset: 0, words: new BigInt64Array(0) }

/** The chunk for which a view was last thought of, and not made. */
let considered: Uint8Array = NONE

/** The words of the buffer behind `bytes`, from the buffer's first byte. */
export function wordsOf(bytes: Uint8Array): BigInt64Array {
  return bytes === latest.chunk ? latest.words : makeWords(bytes)
}

/** Whether a view is at hand for a short run: one is made when the same chunk is asked about again. */
export function isWorthWords(bytes: Uint8Array): boolean {
  if (bytes === latest.chunk) return true
  if (bytes === considered) {
    considered = NONE
    makeWords(bytes)
    return bytes === latest.chunk
  }
  if (bytes.length <= KEEP_UP_TO) considered = bytes
  return false
}

function makeWords(bytes: Uint8Array): BigInt64Array {
  const { buffer } = bytes
  const words = new BigInt64Array(buffer, 0, buffer.byteLength >>> 3)
  if (buffer.byteLength <= KEEP_UP_TO) {
    latest.chunk = bytes
    latest.offset = bytes.byteOffset
    latest.words = words
  }
  return words
}

/**
 * One word to compute in. V8 keeps BigInts out of the heap only between a load and a store of a
 * BigInt64Array: what a loop gathers lies here, not in a variable (4.4 against 2.4 GB/s).
 */
export const scratch: BigInt64Array = new BigInt64Array(1)

/** The two halves of `scratch`. */
export const scratchHalves: Int32Array = new Int32Array(scratch.buffer)

/** The highest bit of each of four bytes: set in every byte that is not ASCII. */
export const HIGH_BITS = 0x80808080
