/** Text of a header: UTF-8 (RFC 3629), strictly, and without control characters, which no name has. */

const SP = 0x20
const DEL = 0x7f
const MAX_CODE_POINT = 0x10ffff

/** The text, or undefined if the bytes are none. */
export function decodeText(bytes: Uint8Array, start: number, end: number): string | undefined {
  let text = ''
  let at = start
  while (at < end) {
    const lead = bytes[at++]!
    const more = continuations(lead)
    if (more < 0 || at + more > end) return undefined
    let codePoint = more === 0 ? lead : lead & (0x3f >> more)
    for (let count = 0; count < more; count++) {
      const byte = bytes[at++]!
      if ((byte & 0xc0) !== 0x80) return undefined
      codePoint = (codePoint << 6) | (byte & 0x3f)
    }
    if (codePoint < LEAST[more]! || !isText(codePoint)) return undefined
    text += String.fromCodePoint(codePoint)
  }
  return text
}

/** The bytes, or undefined for what `decodeText` would refuse. */
export function encodeText(text: string): number[] | undefined {
  const bytes: number[] = []
  for (const character of text) {
    const codePoint = character.codePointAt(0)!
    if (!isText(codePoint)) return undefined
    if (codePoint < 0x80) bytes.push(codePoint)
    else if (codePoint < 0x800) bytes.push(0xc0 | (codePoint >> 6), tail(codePoint, 0))
    else if (codePoint < 0x10000) bytes.push(0xe0 | (codePoint >> 12), tail(codePoint, 6), tail(codePoint, 0))
    else bytes.push(0xf0 | (codePoint >> 18), tail(codePoint, 12), tail(codePoint, 6), tail(codePoint, 0))
  }
  return bytes
}

/** The least code point of so many continuation bytes: a shorter form is the only one (RFC 3629 §3). */
const LEAST = [0, 0x80, 0x800, 0x10000]

function continuations(lead: number): number {
  if (lead < 0x80) return 0
  if (lead >= 0xc0 && lead < 0xe0) return 1
  if (lead >= 0xe0 && lead < 0xf0) return 2
  return lead >= 0xf0 && lead < 0xf8 ? 3 : -1
}

function isText(codePoint: number): boolean {
  if (codePoint < SP || codePoint === DEL || codePoint > MAX_CODE_POINT) return false
  return codePoint < 0xd800 || codePoint > 0xdfff
}

function tail(codePoint: number, shift: number): number {
  return 0x80 | ((codePoint >> shift) & 0x3f)
}
