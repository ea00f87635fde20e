/**
 * The host name in a ClientHello (RFC 6066 §3): ASCII, without a trailing dot, no address.
 *
 * Labels of 1 to 63 letters, digits and hyphens, 253 bytes in all (RFC 1035 §2.3.1, §2.3.4), and the underscore,
 * which is in names that browsers do ask for. Anything else is refused, and first of all NUL: a name
 * that ends earlier for one program than for the next chooses one certificate here and another backend there.
 */

const DOT = 0x2e
const MAX_NAME = 253
const MAX_LABEL = 63

/** The byte as a name is compared, so in lower case; 0 for a byte that no name has. */
const folded: Uint8Array = new Uint8Array(256)
for (const character of '.-_0123456789abcdefghijklmnopqrstuvwxyz') {
  folded[character.charCodeAt(0)] = character.charCodeAt(0)
  folded[character.toUpperCase().charCodeAt(0)] = character.charCodeAt(0)
}

/** Whether the bytes are a host name as above. */
export function isHostName(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > MAX_NAME) return false
  let label = start
  for (let at = start; at < end; at++) {
    if (folded[bytes[at]!] === 0) return false
    if (bytes[at] !== DOT) continue
    if (at === label || at - label > MAX_LABEL) return false
    label = at + 1
  }
  return end > label && end - label <= MAX_LABEL
}

/** A valid host name as text, in lower case: names are compared without regard to case (RFC 6066 §3). */
export function hostNameText(bytes: Uint8Array, start: number, end: number): string {
  const char = String.fromCharCode
  let text = ''
  let at = start
  // Four at a time takes half as long as one by one.
  for (; at + 4 <= end; at += 4) {
    text += char(
      folded[bytes[at]!]!,
      folded[bytes[at + 1]!]!,
      folded[bytes[at + 2]!]!,
      folded[bytes[at + 3]!]!,
    )
  }
  for (; at < end; at++) text += char(folded[bytes[at]!]!)
  return text
}
