/** Bytes and classes of bytes of the HTTP grammar, as one table of bits. */

export const HTAB = 0x09
export const LF = 0x0a
export const CR = 0x0d
export const SP = 0x20
export const COMMA = 0x2c
export const SLASH = 0x2f
export const COLON = 0x3a
export const SEMICOLON = 0x3b

/** RFC 9110 §5.6.2: tchar. */
export const TOKEN = 1
/** RFC 9110 §5.5: what a field value may hold: VCHAR, obs-text, SP and HTAB. */
export const VALUE = 2
/** RFC 9112 §3.2: VCHAR without `#`, for a fragment is never sent (RFC 9110 §7.1). */
export const TARGET = 4
/** RFC 3986 §3.2.2: what a reg-name may hold, percent signs (checked apart) and commas left out. */
export const REG_NAME = 8
/** RFC 9110 §5.6.4: qdtext. */
export const QUOTED = 16
/** RFC 5234 B.1. */
export const DIGIT = 32
export const HEXDIG = 64
/** RFC 3986 §2.1: what begins an escaped octet. */
export const ESCAPE = 128

const ALPHA = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
const DIGITS = '0123456789'

/** The bits of every byte. */
export const characterClass: Uint8Array = new Uint8Array(256)

function add(bit: number, characters: string): void {
  for (let at = 0; at < characters.length; at++) characterClass[characters.charCodeAt(at)]! |= bit
}

function addRange(bit: number, from: number, to: number): void {
  for (let byte = from; byte <= to; byte++) characterClass[byte]! |= bit
}

add(TOKEN, "!#$%&'*+-.^_`|~" + DIGITS + ALPHA)
addRange(VALUE, 0x20, 0x7e)
addRange(VALUE, 0x80, 0xff)
add(VALUE, '\t')
addRange(TARGET, 0x21, 0x7e)
characterClass[0x23]! &= ~TARGET
add(REG_NAME, "-._~!$&'()*+;=" + DIGITS + ALPHA)
addRange(QUOTED, 0x23, 0x5b)
addRange(QUOTED, 0x5d, 0x7e)
addRange(QUOTED, 0x80, 0xff)
add(QUOTED, '\t !')
add(DIGIT | HEXDIG, DIGITS)
add(HEXDIG, 'abcdefABCDEF')
add(ESCAPE, '%')

/** A byte with `A`–`Z` folded to `a`–`z`. */
export const folded: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte,
)

/** The value of a hexadecimal digit; 0xff for any other byte. */
export const hexValue: Uint8Array = new Uint8Array(256).fill(0xff)
for (let value = 0; value < 16; value++) {
  hexValue[value.toString(16).charCodeAt(0)] = value
  hexValue[value.toString(16).toUpperCase().charCodeAt(0)] = value
}

/** Whether the bytes from `start` are `lower`, the case of ASCII letters aside; the length is the caller's. */
export function matchesFolded(bytes: Uint8Array, start: number, lower: string): boolean {
  for (let at = 0; at < lower.length; at++) {
    if (folded[bytes[start + at]!] !== lower.charCodeAt(at)) return false
  }
  return true
}

/** Whether every character of `text` is of the class `bit`. */
export function allOf(text: string, bit: number): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code > 0xff || (characterClass[code]! & bit) === 0) return false
  }
  return true
}
