import { maskBlocks, simd } from './mask-simd.ts'
import { HIGH_BITS, isWorthWords, latest, scratch, scratchHalves, wordsOf } from './words.ts'

/**
 * Masking (RFC 6455 §5.3): octet i of the payload is XORed with octet i mod 4 of the masking key.
 *
 * A masking key is an int here whose lowest byte is its first octet on the wire, on every host:
 * octets 37 fa 21 3d are 0x3d21fa37.
 *
 * Short runs go byte by byte, longer ones by 64-bit words, long ones through WebAssembly where there is any (see
 * mask-simd.ts). GB/s on a shared 2.5 GHz core, Node 20 and 26, the view already made:
 *
 *     payload                      64        125         1K         4K        16K        64K
 *     bytes                  0.4  0.7   0.4  0.8   0.4  0.8   0.4        0.4        0.4
 *     Int32, folding         1.3  1.6   1.8  2.2   3.1  3.5   3.4        3.4        3.5  3.7
 *     BigInt64               1.3  1.7   2.1  2.8   7.0  7.7   8.7        9.2        9.6  9.7
 *     BigInt64, folding      1.2  1.5   1.9  2.4   4.8  5.9   5.5        5.7        5.9  7.0
 *     WebAssembly            0.3  0.4   0.5  0.7   3.5  4.1  10.2 11.8  15.6 16.3  15.1 15.3
 *     native, bufferutil     0.4  0.4   0.7  0.7   4.9  4.8  16.1 16.2  21.7 21.8  23.6 23.8
 *
 * (BigUint64 words and a DataView are slower than bytes.) WebAssembly folds at no cost, so text goes there sooner; what it
 * costs is the copy in and out, two thirds of its time.
 *
 * Signed words, since V8 computes in registers only with what it has seen to fit 63 bits and a sign: with unsigned words,
 * the first payload with a high bit makes the loop allocate. `byteOffset` is read once: it costs 15 ns.
 */

/** From this length on, words are the faster way, once their view is made; and from this one on, with making it. */
const WORDS_FROM = 24
const VIEW_FROM = 96
/** From this length on, WebAssembly is; for text, which it checks on the way, from this one on. */
const SIMD_FROM = 4096
const SIMD_TEXT_FROM = 2048

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
  const length = end - start
  if (length < WORDS_FROM || (length < VIEW_FROM && !isWorthWords(bytes))) xorBytes(bytes, start, end, turned)
  else if (length < SIMD_FROM || !xorBlocks(bytes, start, end, turned)) xorWords(bytes, start, end, turned)
  return (phase + length) & 3
}

/**
 * As `unmask`, for text: tells at once whether it is ASCII, which needs no further check.
 *
 * @returns an int whose bit 7 is set when an unmasked byte is not ASCII
 * @example
 * import { isUtf8, unmaskText } from 'portmanteau/ws-codec'
 *
 * const bytes = Uint8Array.of(0x69, 0x69)
 * const isText = (unmaskText(bytes, 0, 2, 0x00000001, 0) & 0x80) === 0 || isUtf8(bytes, 0, 2) // bytes are 68 69
 */
export function unmaskText(
  bytes: Uint8Array,
  start: number,
  end: number,
  key: number,
  phase: number,
): number {
  const turned = turn(key, phase)
  const length = end - start
  if (length < WORDS_FROM || (length < VIEW_FROM && !isWorthWords(bytes)))
    return xorBytes(bytes, start, end, turned)
  if (length >= SIMD_TEXT_FROM) {
    const loop = simd()
    if (loop !== undefined) return maskBlocks(loop, bytes, start, end, bytes, start, turned)
  }
  return xorAndFoldWords(bytes, start, end, turned)
}

/**
 * Copies `source` from `start` up to `end` to `target` at `at`, masked.
 *
 * @param key the masking key, its first octet in the lowest byte
 * @throws {RangeError} when `target` has no room
 * @example
 * import { mask } from 'portmanteau/ws-codec'
 *
 * const target = new Uint8Array(2)
 * mask(Uint8Array.of(0x68, 0x69), 0, 2, target, 0, 0x00000001) // target is 69 69
 */
export function mask(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  at: number,
  key: number,
): void {
  const length = end - start
  if (length >= SIMD_FROM) {
    const loop = simd()
    if (loop !== undefined) {
      maskBlocks(loop, source, start, end, target, at, key)
      return
    }
  }
  target.set(length === source.length ? source : source.subarray(start, end), at)
  unmask(target, at, at + length, key, 0)
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

/** Returns false where there is no WebAssembly. */
function xorBlocks(bytes: Uint8Array, start: number, end: number, key: number): boolean {
  const loop = simd()
  if (loop === undefined) return false
  maskBlocks(loop, bytes, start, end, bytes, start, key)
  return true
}

function xorWords(bytes: Uint8Array, start: number, end: number, key: number): void {
  const words = wordsOf(bytes)
  const offset = bytes === latest.chunk ? latest.offset : bytes.byteOffset
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
  const words = wordsOf(bytes)
  const offset = bytes === latest.chunk ? latest.offset : bytes.byteOffset
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
