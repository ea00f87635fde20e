import { HIGH_BITS, scratch, scratchHalves, wordsOf } from './words.ts'

/**
 * UTF-8 (RFC 3629): a validator that takes text in pieces, and an encoder.
 *
 * The validator's states: between two characters, or inside one. Between two it runs over whole characters
 * (`wellFormedUpTo`), 32 ASCII bytes at a time; a character that does not lie whole in the piece, or is not well
 * formed, goes byte by byte, so that the first byte that cannot belong to UTF-8 is the one that is reported.
 * The state is one int: 0 between characters; else how many bytes are missing, with the bounds of the next
 * one (RFC 3629 §4 bounds the second byte more closely after E0, ED, F0 and F4). It keeps no byte of the text.
 */

const BOUNDARY = 0
const INVALID = -1
const ASK_HOST_FROM = 48

/**
 * @example
 * const validator = new Utf8Validator()
 * validator.push(Uint8Array.of(0x61, 0xe2, 0x82), 0, 3) // 3: all of it can be UTF-8
 * validator.complete // false: a byte is missing
 * validator.push(Uint8Array.of(0xff), 0, 1) // -1 - 0: the byte at 0 cannot be UTF-8
 */
export class Utf8Validator {
  private readonly host: ((bytes: Uint8Array) => boolean) | undefined
  private state: number

  /** @param host the host's own check of a whole text, if it has a faster one; asked from 48 bytes on */
  constructor(host?: (bytes: Uint8Array) => boolean) {
    this.host = host
    this.state = BOUNDARY
  }

  /** Whether the text may end here. */
  get complete(): boolean {
    return this.state === BOUNDARY
  }

  /**
   * Reads `bytes` from `start` up to `end`.
   *
   * @returns `end`; or, when the byte at `at` is the first that cannot be UTF-8, `-1 - at`. It is not to be pushed
   *   to any more then, until `reset`.
   */
  push(bytes: Uint8Array, start: number, end: number): number {
    if (this.host === undefined || end - start < ASK_HOST_FROM) return this.read(bytes, start, end)
    let at = start
    while (this.state !== BOUNDARY) {
      const reached = this.read(bytes, at, at + 1)
      if (reached < 0) return reached
      at++
    }
    // The last character may be cut. What the host refuses is read again, to find the byte.
    const last = lastCharacter(bytes, end)
    if (this.host(bytes.subarray(at, last))) at = last
    return this.read(bytes, at, end)
  }

  private read(bytes: Uint8Array, start: number, end: number): number {
    let at = start
    let state = this.state
    while (at < end) {
      if (state === BOUNDARY) {
        at = wellFormedUpTo(bytes, at, end)
        if (at === end) break
      }
      state = step(state, bytes[at])
      if (state === INVALID) {
        this.state = INVALID
        return -1 - at
      }
      at++
    }
    this.state = state
    return end
  }

  /** The next byte is the first of another text. */
  reset(): void {
    this.state = BOUNDARY
  }
}

/**
 * Whether the bytes are well-formed UTF-8.
 *
 * @example
 * isUtf8(Uint8Array.of(0xc3, 0xa9), 0, 2) // true
 * isUtf8(Uint8Array.of(0xc0, 0x80), 0, 2) // false: not the shortest form
 */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  return wellFormedUpTo(bytes, start, end) === end
}

/** Where the last character begins, or `end` when that is not to be seen. */
function lastCharacter(bytes: Uint8Array, end: number): number {
  for (let at = end - 1; at >= end - 3; at--) {
    if ((bytes[at] & 0xc0) !== 0x80) return at
  }
  return end
}

/** Where the first character begins that is not well formed, or does not end before `end`. */
function wellFormedUpTo(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end) {
    const lead = bytes[at]
    if (lead < 0x80) {
      at++
      if (at < end && bytes[at] < 0x80) at = asciiUpTo(bytes, at + 1, end)
    } else if (lead < 0xe0) {
      if (lead < 0xc2 || at + 2 > end || (bytes[at + 1] & 0xc0) !== 0x80) return at
      at += 2
    } else if (lead < 0xf0) {
      if (at + 3 > end || !isThreeBytes((lead << 16) | (bytes[at + 1] << 8) | bytes[at + 2])) return at
      at += 3
    } else {
      if (at + 4 > end || !isFourBytes(lead, (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]))
        return at
      at += 4
    }
  }
  return at
}

/** U+0800 up, without the surrogates U+D800 to U+DFFF: the upper five bits of the sixteen tell. */
function isThreeBytes(character: number): boolean {
  const upper = character & 0x0f2000
  return (character & 0x00c0c0) === 0x008080 && upper !== 0 && upper !== 0x0d2000
}

/** U+10000 to U+10FFFF; a lead of F5 or above makes it larger. */
function isFourBytes(lead: number, tail: number): boolean {
  const upper = ((lead & 0x0f) << 2) | ((tail >>> 20) & 0x03)
  return (tail & 0xc0c0c0) === 0x808080 && upper >= 0x01 && upper < 0x11
}

/** Where the run of ASCII that begins at `start` ends. */
function asciiUpTo(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  const near = Math.min(end, start + 24)
  while (at < near && bytes[at] < 0x80) at++
  if (at < near || end - at < 64) return at
  at = asciiWordsUpTo(bytes, at, end)
  while (at < end && bytes[at] < 0x80) at++
  return at
}

/** As far as 32 bytes at a time reach. The bytes before `start` are ASCII, up to the last word boundary. */
function asciiWordsUpTo(bytes: Uint8Array, start: number, end: number): number {
  const words = wordsOf(bytes)
  const halves = scratchHalves
  const offset = bytes.byteOffset
  let word = (start + offset) >>> 3
  const whole = ((end + offset) >>> 3) - 3
  for (; word < whole; word += 4) {
    scratch[0] = words[word] | words[word + 1] | words[word + 2] | words[word + 3]
    if (((halves[0] | halves[1]) & HIGH_BITS) !== 0) break
  }
  return Math.max(start, (word << 3) - offset)
}

/** The state behind `byte`: missing bytes in bits 0–1, the next one's bounds in bits 8–15 and 16–23. */
function step(state: number, byte: number): number {
  if (state === BOUNDARY) return afterLead(byte)
  if (byte < ((state >>> 8) & 0xff) || byte > state >>> 16) return INVALID
  const missing = (state & 3) - 1
  return missing === 0 ? BOUNDARY : missing | CONTINUATION
}

const CONTINUATION = (0x80 << 8) | (0xbf << 16)

/** RFC 3629 §4 */
function afterLead(byte: number): number {
  if (byte < 0x80) return BOUNDARY
  if (byte < 0xc2 || byte > 0xf4) return INVALID
  if (byte < 0xe0) return 1 | CONTINUATION
  if (byte === 0xe0) return 2 | (0xa0 << 8) | (0xbf << 16)
  if (byte === 0xed) return 2 | (0x80 << 8) | (0x9f << 16)
  if (byte < 0xf0) return 2 | CONTINUATION
  if (byte === 0xf0) return 3 | (0x90 << 8) | (0xbf << 16)
  if (byte === 0xf4) return 3 | (0x80 << 8) | (0x8f << 16)
  return 3 | CONTINUATION
}

/**
 * The length of a text in UTF-8, in bytes. A lone surrogate counts as U+FFFD, three bytes.
 *
 * @example
 * utf8Length('é€') // 5
 */
export function utf8Length(text: string): number {
  let length = text.length
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit < 0x80) continue
    length += unit < 0x800 ? 1 : 2
    // The two units of a pair stand for four bytes together.
    if (isPair(text, at, unit)) at++
  }
  return length
}

/**
 * Writes a text as UTF-8 into `target` at `at`. A lone surrogate becomes U+FFFD (EF BF BD).
 *
 * @returns the position behind it. `target` must have room for `utf8Length(text)` bytes; bytes past its end are lost.
 * @example
 * const target = new Uint8Array(3)
 * encodeUtf8('€', target, 0) // 3; target is e2 82 ac
 */
export function encodeUtf8(text: string, target: Uint8Array, at: number): number {
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (unit < 0x80) target[at++] = unit
    else if (unit < 0x800) {
      target[at++] = 0xc0 | (unit >>> 6)
      target[at++] = 0x80 | (unit & 0x3f)
    } else if (isPair(text, index, unit)) {
      index++
      const point = 0x10000 + ((unit & 0x3ff) << 10) + (text.charCodeAt(index) & 0x3ff)
      target[at++] = 0xf0 | (point >>> 18)
      target[at++] = 0x80 | ((point >>> 12) & 0x3f)
      target[at++] = 0x80 | ((point >>> 6) & 0x3f)
      target[at++] = 0x80 | (point & 0x3f)
    } else {
      const point = (unit & 0xf800) === 0xd800 ? 0xfffd : unit
      target[at++] = 0xe0 | (point >>> 12)
      target[at++] = 0x80 | ((point >>> 6) & 0x3f)
      target[at++] = 0x80 | (point & 0x3f)
    }
  }
  return at
}

/** Whether a high surrogate and a low one lie at `at`. */
function isPair(text: string, at: number, unit: number): boolean {
  return (unit & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00
}
