import { HIGH_BITS, scratch, scratchHalves, wordsOf } from './words.ts'

/**
 * Masking (RFC 6455 §5.3): octet i of the payload is XORed with octet i mod 4 of the masking key.
 *
 * A masking key is an int here whose lowest byte is its first octet on the wire, on every host:
 * octets 37 fa 21 3d are 0x3d21fa37.
 *
 * Short runs go byte by byte, longer ones by 64-bit words. GB/s, Node 20, a shared 2.5 GHz core, the view already made:
 *
 *     payload                  16    64   125    1K   16K   64K
 *     bytes                   0.9   1.0   1.0   1.0   1.0   1.0
 *     Int32, folding          0.2   0.6   1.0   2.0   2.3   2.3
 *     BigInt64                0.2   0.9   1.3   5.8   9.3   9.6
 *     BigInt64, folding       0.2   0.7   1.1   3.9   5.6   5.7
 *     BigUint64, folding      0.2   0.7   0.3   0.3   0.3   0.3   ASCII: 4.4
 *     DataView, BigUint64     0.1   0.2   0.2   0.2   0.2   0.2
 *
 * Signed words, since V8 computes in registers only with what it has seen to fit 63 bits and a sign: with unsigned words,
 * the first payload with a high bit makes the loop allocate. `byteOffset` is read once: it costs 15 ns.
 */

/** From this length on, words are the faster way. */
const WORDS_FROM = 96

const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

/**
 * Unmasks in place (and masks: it is the same operation).
 *
 * @param key the masking key, its first octet in the lowest byte
 * @param phase how many payload bytes went before, modulo 4: which octet of the key comes first
 * @returns the phase of the byte behind `end`
 * @example
 * const hello = Uint8Array.of(0x7f, 0x9f, 0x4d, 0x51, 0x58) // RFC 6455 §5.7
 * unmask(hello, 0, 5, 0x3d21fa37, 0) // 1; the bytes now read Hello
 */
export function unmask(bytes: Uint8Array, start: number, end: number, key: number, phase: number): number {
  const turned = turn(key, phase)
  if (end - start < WORDS_FROM) xorBytes(bytes, start, end, turned)
  else xorWords(bytes, start, end, turned)
  return (phase + end - start) & 3
}

/**
 * As `unmask`, for text: tells at once whether it is ASCII, which needs no further check.
 *
 * @returns an int whose bit 7 is set when an unmasked byte is not ASCII
 */
export function unmaskText(
  bytes: Uint8Array,
  start: number,
  end: number,
  key: number,
  phase: number,
): number {
  const turned = turn(key, phase)
  if (end - start < WORDS_FROM) return xorBytes(bytes, start, end, turned)
  return xorAndFoldWords(bytes, start, end, turned)
}

/**
 * Copies `source` from `start` up to `end` to `target` at `at`, masked.
 *
 * @param key the masking key, its first octet in the lowest byte
 * @throws {RangeError} when `target` has no room
 */
export function mask(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  at: number,
  key: number,
): void {
  target.set(source.subarray(start, end), at)
  unmask(target, at, at + end - start, key, 0)
}

/** The key as seen from `phase` bytes further on. Shift counts are modulo 32, so phase 0 needs no case. */
function turn(key: number, phase: number): number {
  return (key >>> (8 * phase)) | (key << (32 - 8 * phase))
}

/** Returns an int whose lowest byte is the OR of all unmasked bytes. */
function xorBytes(bytes: Uint8Array, start: number, end: number, key: number): number {
  let fold = 0
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ^ key
    bytes[at] = byte
    fold |= byte
    key = (key >>> 8) | (key << 24)
  }
  return fold
}

function xorWords(bytes: Uint8Array, start: number, end: number, key: number): void {
  const offset = bytes.byteOffset
  const words = wordsOf(bytes.buffer)
  const first = start + (-(start + offset) & 7)
  xorBytes(bytes, start, first, key)
  key = turn(key, (first - start) & 3)
  const wide = doubled(key)
  const last = (end + offset) >>> 3
  let word = (first + offset) >>> 3
  for (const whole = last - 7; word < whole; word += 8) {
    words[word] ^= wide
    words[word + 1] ^= wide
    words[word + 2] ^= wide
    words[word + 3] ^= wide
    words[word + 4] ^= wide
    words[word + 5] ^= wide
    words[word + 6] ^= wide
    words[word + 7] ^= wide
  }
  for (; word < last; word++) words[word] ^= wide
  xorBytes(bytes, (last << 3) - offset, end, key)
}

function xorAndFoldWords(bytes: Uint8Array, start: number, end: number, key: number): number {
  const offset = bytes.byteOffset
  const words = wordsOf(bytes.buffer)
  const first = start + (-(start + offset) & 7)
  let fold = xorBytes(bytes, start, first, key)
  key = turn(key, (first - start) & 3)
  const wide = doubled(key)
  const last = (end + offset) >>> 3
  let word = (first + offset) >>> 3
  const gathered = scratch
  gathered[0] = 0n
  for (const whole = last - 7; word < whole; word += 8) {
    const a = words[word] ^ wide
    const b = words[word + 1] ^ wide
    const c = words[word + 2] ^ wide
    const d = words[word + 3] ^ wide
    const e = words[word + 4] ^ wide
    const f = words[word + 5] ^ wide
    const g = words[word + 6] ^ wide
    const h = words[word + 7] ^ wide
    words[word] = a
    words[word + 1] = b
    words[word + 2] = c
    words[word + 3] = d
    words[word + 4] = e
    words[word + 5] = f
    words[word + 6] = g
    words[word + 7] = h
    gathered[0] |= a | b | c | d | e | f | g | h
  }
  for (; word < last; word++) gathered[0] |= words[word] ^= wide
  if (((scratchHalves[0] | scratchHalves[1]) & HIGH_BITS) !== 0) fold |= 0x80
  return fold | xorBytes(bytes, (last << 3) - offset, end, key)
}

/** The key twice, laid out in memory as it is on the wire. */
function doubled(key: number): bigint {
  const word = LITTLE_ENDIAN ? key : swapped(key)
  scratchHalves[0] = word
  scratchHalves[1] = word
  return scratch[0]
}

function swapped(word: number): number {
  return (word << 24) | ((word << 8) & 0xff0000) | ((word >>> 8) & 0xff00) | (word >>> 24)
}
