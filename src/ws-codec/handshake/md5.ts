/**
 * MD5 (RFC 1321). The opening handshakes of hixie-76 and hybi-03 demand it (draft-hixie-thewebsocketprotocol-76 §5.2);
 * it protects nothing here, and is not to be used for anything that needs protection.
 */

const BLOCK = 64
const DIGEST = 16
/** A 1 bit and the 64-bit length follow the message (RFC 1321 §3.1, §3.2). */
const PADDING = 9

/** How far each step rotates, by round and by step modulo 4 (RFC 1321 §3.4). */
const ROTATIONS = [
  [7, 12, 17, 22],
  [5, 9, 14, 20],
  [4, 11, 16, 23],
  [6, 10, 15, 21],
]

/** RFC 1321 §3.4: the integer part of 2^32 times abs(sin(i)), i from 1 in radians. */
const SINES: Int32Array = new Int32Array(64).map((_, step) =>
  Math.floor(Math.abs(Math.sin(step + 1)) * 2 ** 32),
)

/**
 * The MD5 digest of `bytes`: 16 bytes.
 *
 * @example
 * md5(Uint8Array.of(0x61, 0x62, 0x63)) // 90 01 50 98 3c d2 4f b0 d6 96 3f 7d 28 e1 7f 72
 */
export function md5(bytes: Uint8Array): Uint8Array {
  const padded = pad(bytes)
  // RFC 1321 §3.3
  const hash = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476)
  for (let at = 0; at < padded.byteLength; at += BLOCK) compress(hash, padded, at)
  const digest = new DataView(new ArrayBuffer(DIGEST))
  for (let index = 0; index < hash.length; index++) digest.setInt32(index * 4, hash[index], true)
  return new Uint8Array(digest.buffer)
}

function pad(bytes: Uint8Array): DataView {
  const padded = new Uint8Array(Math.ceil((bytes.length + PADDING) / BLOCK) * BLOCK)
  padded.set(bytes)
  padded[bytes.length] = 0x80
  const view = new DataView(padded.buffer)
  view.setUint32(padded.length - 8, bytes.length << 3, true)
  view.setUint32(padded.length - 4, Math.floor(bytes.length / 0x20000000), true)
  return view
}

/** RFC 1321 §3.4 */
function compress(hash: Int32Array, block: DataView, at: number): void {
  let [a, b, c, d] = hash
  for (let step = 0; step < 64; step++) {
    const round = step >>> 4
    const word = block.getInt32(at + 4 * wordOf(round, step), true)
    const sum = (a + mix(round, b, c, d) + word + SINES[step]) | 0
    a = d
    d = c
    c = b
    b = (b + rotate(sum, ROTATIONS[round][step & 3])) | 0
  }
  hash[0] += a
  hash[1] += b
  hash[2] += c
  hash[3] += d
}

/** The functions F, G, H and I. */
function mix(round: number, b: number, c: number, d: number): number {
  if (round === 0) return (b & c) | (~b & d)
  if (round === 1) return (b & d) | (c & ~d)
  return round === 2 ? b ^ c ^ d : c ^ (b | ~d)
}

/** Which word of the block a step takes. */
function wordOf(round: number, step: number): number {
  if (round === 0) return step
  if (round === 1) return (5 * step + 1) & 15
  return (round === 2 ? 3 * step + 5 : 7 * step) & 15
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}
