/** Base 64 (RFC 4648 §4), as far as handshakes need it: `Sec-WebSocket-Key` is checked, `-Accept` written. */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/**
 * The bytes in base 64, padded.
 *
 * @example
 * encodeBase64(Uint8Array.of(0x66, 0x6f)) // 'Zm8='
 */
export function encodeBase64(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 3) {
    const left = bytes.length - at
    const group = (bytes[at] << 16) | ((left > 1 ? bytes[at + 1] : 0) << 8) | (left > 2 ? bytes[at + 2] : 0)
    text += ALPHABET[group >>> 18] + ALPHABET[(group >>> 12) & 0x3f]
    text += left > 1 ? ALPHABET[(group >>> 6) & 0x3f] : '='
    text += left > 2 ? ALPHABET[group & 0x3f] : '='
  }
  return text
}

/**
 * How many bytes a text in base 64 stands for, or -1 when it is not base 64. Padding is required; the bits
 * that it leaves over are ignored, as RFC 4648 §3.5 allows.
 *
 * @example
 * base64Length('dGhlIHNhbXBsZSBub25jZQ==') // 16
 * base64Length('dGhl IHNh') // -1
 */
export function base64Length(text: string): number {
  if (text.length % 4 !== 0) return -1
  let padding = 0
  while (padding < 2 && text.charCodeAt(text.length - 1 - padding) === 0x3d) padding++
  for (let at = 0; at < text.length - padding; at++) {
    if (!isDigit(text.charCodeAt(at))) return -1
  }
  return (text.length / 4) * 3 - padding
}

function isDigit(character: number): boolean {
  const lower = character | 0x20
  if (lower >= 0x61 && lower <= 0x7a) return character >= 0x41
  return (character >= 0x30 && character <= 0x39) || character === 0x2b || character === 0x2f
}
