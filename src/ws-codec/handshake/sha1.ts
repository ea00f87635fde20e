/**
 * SHA-1 (RFC 3174). The opening handshake demands it (RFC 6455 §4.2.2); it protects nothing here, and is not
 * to be used for anything that needs protection.
 */

const BLOCK = 64
const DIGEST = 20
/** A 1 bit and the 64-bit length follow the message (RFC 3174 §4). */
const PADDING = 9

/**
 * The SHA-1 digest of `bytes`: 20 bytes.
 *
 * @example
 * sha1(Uint8Array.of(0x61, 0x62, 0x63)) // a9 99 3e 36 47 06 81 6a ba 3e 25 71 78 50 c2 6c 9c d0 d8 9d
 */
export function sha1(bytes: Uint8Array): Uint8Array {
  const padded = pad(bytes)
  // RFC 3174 §6.1
  const hash = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0)
  const words = new Int32Array(80)
  for (let at = 0; at < padded.byteLength; at += BLOCK) {
    expand(padded, at, words)
    compress(hash, words)
  }
  const digest = new DataView(new ArrayBuffer(DIGEST))
  for (let index = 0; index < hash.length; index++) digest.setInt32(index * 4, hash[index])
  return new Uint8Array(digest.buffer)
}

function pad(bytes: Uint8Array): DataView {
  const padded = new Uint8Array(Math.ceil((bytes.length + PADDING) / BLOCK) * BLOCK)
  padded.set(bytes)
  padded[bytes.length] = 0x80
  const view = new DataView(padded.buffer)
  view.setUint32(padded.length - 8, Math.floor(bytes.length / 0x20000000))
  view.setUint32(padded.length - 4, bytes.length << 3)
  return view
}

/** RFC 3174 §6.1, steps a and b. */
function expand(block: DataView, at: number, words: Int32Array): void {
  for (let t = 0; t < 16; t++) words[t] = block.getInt32(at + t * 4)
  for (let t = 16; t < 80; t++) {
    words[t] = rotate(words[t - 3] ^ words[t - 8] ^ words[t - 14] ^ words[t - 16], 1)
  }
}

/** RFC 3174 §6.1, steps c to e. */
function compress(hash: Int32Array, words: Int32Array): void {
  let [a, b, c, d, e] = hash
  for (let t = 0; t < 80; t++) {
    const next = (rotate(a, 5) + mix(t, b, c, d) + e + words[t]) | 0
    e = d
    d = c
    c = rotate(b, 30)
    b = a
    a = next
  }
  hash[0] += a
  hash[1] += b
  hash[2] += c
  hash[3] += d
  hash[4] += e
}

/** The functions f(t; B, C, D) and the constants K(t) of RFC 3174 §5, added up. */
function mix(t: number, b: number, c: number, d: number): number {
  if (t < 20) return ((b & c) | (~b & d)) + 0x5a827999
  if (t < 40) return (b ^ c ^ d) + 0x6ed9eba1
  if (t < 60) return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
  return (b ^ c ^ d) + 0xca62c1d6
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}
