/** Writes ASN.1 values in DER (X.690): as much of it as a certificate needs. */

// X.690 §8.1.2: universal tags
const INTEGER = 0x02
const BIT_STRING = 0x03
const OCTET_STRING = 0x04
const OBJECT_IDENTIFIER = 0x06
const UTF8_STRING = 0x0c
const UTC_TIME = 0x17
const GENERALIZED_TIME = 0x18
const SEQUENCE = 0x30
const SET = 0x31

/** A tag, the length of what follows (§8.1.3), and that. */
export function tagged(tag: number, ...contents: Uint8Array[]): Buffer {
  const content = Buffer.concat(contents)
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content])
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length])
  const bytes: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 0x100)) bytes.unshift(rest & 0xff)
  return Buffer.from([0x80 | bytes.length, ...bytes])
}

export function sequence(...items: Uint8Array[]): Buffer {
  return tagged(SEQUENCE, ...items)
}

export function set(...items: Uint8Array[]): Buffer {
  return tagged(SET, ...items)
}

/** A non-negative integer, big-endian: leading zeros dropped, one put before a set top bit (§8.3). */
export function integer(bytes: Uint8Array): Buffer {
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start++
  const significant = bytes.subarray(start)
  return tagged(INTEGER, significant[0]! & 0x80 ? Buffer.from([0]) : Buffer.alloc(0), significant)
}

export function bitString(bytes: Uint8Array): Buffer {
  return tagged(BIT_STRING, Buffer.from([0]), bytes)
}

export function octetString(bytes: Uint8Array): Buffer {
  return tagged(OCTET_STRING, bytes)
}

export function utf8String(text: string): Buffer {
  return tagged(UTF8_STRING, Buffer.from(text))
}

/** `'1.2.840.10045.4.3.2'`: the first two arcs in one byte, the others in base 128 (§8.19). */
export function objectIdentifier(dotted: string): Buffer {
  const [first, second, ...arcs] = dotted.split('.').map(Number) as [number, number, ...number[]]
  return tagged(OBJECT_IDENTIFIER, Buffer.from([first * 40 + second, ...arcs.flatMap(base128)]))
}

function base128(arc: number): number[] {
  const bytes = [arc & 0x7f]
  for (let rest = arc >>> 7; rest > 0; rest >>>= 7) bytes.unshift((rest & 0x7f) | 0x80)
  return bytes
}

/** RFC 5280 §4.1.2.5: UTCTime up to 2049, GeneralizedTime from then on. */
export function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]/g, '').slice(0, 14) + 'Z'
  if (date.getUTCFullYear() < 2050) return tagged(UTC_TIME, Buffer.from(digits.slice(2)))
  return tagged(GENERALIZED_TIME, Buffer.from(digits))
}
