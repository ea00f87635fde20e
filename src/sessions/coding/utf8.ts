/**
 * UTF-8 (RFC 3629) as the codings of messages need it: a check that goes byte by byte and can stop anywhere, text out of
 * checked bytes, and the length that a text will have.
 */

/** Reads bytes that are known to be UTF-8, from `start` up to `end`, as text. */
export type DecodeText = (bytes: Uint8Array, start: number, end: number) => string

/** The state between two characters. */
export const BOUNDARY = 0
/** The state behind a byte that cannot be UTF-8. */
export const INVALID: number = -1

/** Code units that are turned into text at a time: few enough to be arguments of one call. */
const BATCH = 4_096

const CONTINUATION = (0x80 << 8) | (0xbf << 16)

/**
 * The state behind `byte`: missing bytes in bits 0–1, the bounds of the next one in bits 8–15 and 16–23
 * (RFC 3629 §4 bounds the second byte more closely after E0, ED, F0 and F4).
 */
export function stepUtf8(state: number, byte: number): number {
  if (state === BOUNDARY) return afterLead(byte)
  if (byte < ((state >>> 8) & 0xff) || byte > state >>> 16) return INVALID
  const missing = (state & 3) - 1
  return missing === 0 ? BOUNDARY : missing | CONTINUATION
}

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
 * The pure default of {@link DecodeText}; a host with a native one may hand that in. Every unit is kept, a byte order
 * mark too.
 *
 * @example
 * import { decodeUtf8 } from 'portmanteau/sessions'
 *
 * decodeUtf8(Uint8Array.of(0xe2, 0x82, 0xac), 0, 3) // '€'
 */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  let units: number[] = []
  let at = start
  while (at < end) {
    const lead = bytes[at]!
    if (lead < 0x80) {
      units.push(lead)
      at++
    } else if (lead < 0xe0) {
      units.push(((lead & 0x1f) << 6) | (bytes[at + 1]! & 0x3f))
      at += 2
    } else if (lead < 0xf0) {
      units.push(((lead & 0x0f) << 12) | ((bytes[at + 1]! & 0x3f) << 6) | (bytes[at + 2]! & 0x3f))
      at += 3
    } else {
      const offset = offsetOfFour(bytes, at)
      units.push(0xd800 | (offset >>> 10), 0xdc00 | (offset & 0x3ff))
      at += 4
    }
    if (units.length >= BATCH) {
      text += String.fromCharCode(...units)
      units = []
    }
  }
  return text + String.fromCharCode(...units)
}

/** How far above U+10000 the character of four bytes lies. */
function offsetOfFour(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at]! & 0x07) << 18) | ((bytes[at + 1]! & 0x3f) << 12)
  return (high | ((bytes[at + 2]! & 0x3f) << 6) | (bytes[at + 3]! & 0x3f)) - 0x10000
}

/** The length of a text in UTF-8, in bytes. A lone surrogate counts as U+FFFD, three bytes. */
export function textLength(text: string): number {
  let length = text.length
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit < 0x80) continue
    length += unit < 0x800 ? 1 : 2
    // The two units of a pair stand for four bytes together.
    if ((unit & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00) at++
  }
  return length
}
