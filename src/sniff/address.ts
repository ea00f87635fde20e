/**
 * IP addresses between text and bytes: four bytes are IPv4, sixteen IPv6.
 *
 * What is read is strict, because an address decides whom to trust: `010.0.0.1`, `10.1`, `0x0a000001` and
 * `1.2.3.4 ` are addresses to one parser and not to the next, and none here. A zone (`fe80::1%eth0`,
 * RFC 4007 §11) is refused, too: it means something on one host only. What is written is canonical
 * (RFC 5952), so that two texts are the same address exactly when they are equal.
 */

const COLON = 0x3a
const DOT = 0x2e
const ZERO = 0x30
/** `0000:0000:0000:0000:0000:ffff:255.255.255.255` */
const LONGEST = 45
const GROUPS = 8

/**
 * Reads an address: four decimal numbers without leading zeros (RFC 6943 §3.1.1 names the forms refused), or
 * RFC 4291 §2.2 in all its three forms.
 *
 * @returns 4 or 16 bytes in network order, or undefined for anything else
 * @example
 * import { parseAddress } from 'portmanteau/sniff'
 *
 * parseAddress('192.0.2.1') // Uint8Array.of(192, 0, 2, 1)
 * parseAddress('192.0.2.01') // undefined
 */
export function parseAddress(text: string): Uint8Array | undefined {
  if (text.length > LONGEST) return undefined
  if (text.includes(':')) return parseIPv6(text)
  const bytes = new Uint8Array(4)
  return readIPv4(text, 0, bytes, 0) ? bytes : undefined
}

/**
 * Writes the address that lies at `start` in `length` (4 or 16) bytes, as RFC 5952 has it: lower case, no leading
 * zeros, the longest run of zero groups as `::`, an IPv4-mapped address in the mixed notation (§5).
 *
 * @example
 * import { formatAddress } from 'portmanteau/sniff'
 *
 * formatAddress(Uint8Array.of(192, 0, 2, 1)) // '192.0.2.1'
 */
export function formatAddress(bytes: Uint8Array, start = 0, length: number = bytes.length - start): string {
  if (length === 4) return `${bytes[start]}.${bytes[start + 1]}.${bytes[start + 2]}.${bytes[start + 3]}`
  if (isMapped(bytes, start)) return '::ffff:' + formatAddress(bytes, start + 12, 4)
  return formatGroups(bytes, start)
}

/**
 * The one text of an address, or undefined where there is none.
 *
 * @example
 * import { canonicalAddress } from 'portmanteau/sniff'
 *
 * canonicalAddress('2001:DB8:0:0::1') // '2001:db8::1'
 * canonicalAddress('fe80::1%eth0') // undefined
 */
export function canonicalAddress(text: string): string | undefined {
  const bytes = parseAddress(text)
  return bytes && formatAddress(bytes)
}

/** Whether the sixteen bytes at `start` are an IPv4 address in IPv6's clothes, `::ffff:0:0/96` (RFC 4291 §2.5.5.2). */
export function isMapped(bytes: Uint8Array, start = 0): boolean {
  for (let at = start; at < start + 10; at++) if (bytes[at] !== 0) return false
  return bytes[start + 10] === 0xff && bytes[start + 11] === 0xff
}

/** The address itself: an IPv4-mapped one without its clothes. */
export function unmapped(bytes: Uint8Array): Uint8Array {
  return bytes.length === 16 && isMapped(bytes) ? bytes.subarray(12) : bytes
}

/** Sixteen bytes as groups of hexadecimal digits only (RFC 5952 §4). */
export function formatGroups(bytes: Uint8Array, start = 0): string {
  const { from, count } = longestZeroRun(bytes, start)
  let text = ''
  for (let group = 0; group < GROUPS; group++) {
    if (group === from) {
      text += '::'
      group += count - 1
      continue
    }
    if (text !== '' && !text.endsWith(':')) text += ':'
    text += groupAt(bytes, start, group).toString(16)
  }
  return text
}

/** RFC 5952 §4.2.2, §4.2.3: never a single group, and of two equal runs the first. */
function longestZeroRun(bytes: Uint8Array, start: number): { from: number; count: number } {
  let from = -1
  let count = 1
  let run = 0
  for (let group = 0; group < GROUPS; group++) {
    run = groupAt(bytes, start, group) === 0 ? run + 1 : 0
    if (run <= count) continue
    count = run
    from = group - run + 1
  }
  return { from, count }
}

function groupAt(bytes: Uint8Array, start: number, group: number): number {
  return (bytes[start + group * 2]! << 8) | bytes[start + group * 2 + 1]!
}

/** RFC 4291 §2.2: eight groups, or fewer around one `::`, the last two perhaps as IPv4. */
function parseIPv6(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(16)
  let filled = 0
  let gap = text.startsWith('::') ? 0 : -1
  let at = gap === 0 ? 2 : 0
  while (at < text.length) {
    const groupEnd = hexRunEnd(text, at)
    if (text.charCodeAt(groupEnd) === DOT) {
      if (filled > 12 || !readIPv4(text, at, bytes, filled)) return undefined
      filled += 4
      break
    }
    if (groupEnd === at || groupEnd - at > 4 || filled === 16) return undefined
    const group = Number.parseInt(text.slice(at, groupEnd), 16)
    bytes[filled++] = group >> 8
    bytes[filled++] = group
    at = groupEnd
    if (at === text.length) break
    if (text.charCodeAt(at) !== COLON || ++at === text.length) return undefined
    if (text.charCodeAt(at) !== COLON) continue
    if (gap >= 0) return undefined
    gap = filled
    at++
  }
  return fillGap(bytes, filled, gap)
}

/** Moves what stands behind `::` to the end. It stands for one group at least. */
function fillGap(bytes: Uint8Array, filled: number, gap: number): Uint8Array | undefined {
  if (gap < 0) return filled === 16 ? bytes : undefined
  if (filled > 14) return undefined
  bytes.copyWithin(16 - (filled - gap), gap, filled)
  bytes.fill(0, gap, 16 - (filled - gap))
  return bytes
}

function hexRunEnd(text: string, start: number): number {
  let at = start
  while (isHex(text.charCodeAt(at))) at++
  return at
}

function isHex(code: number): boolean {
  const letter = code | 0x20
  return isDigit(code) || (letter >= 0x61 && letter <= 0x66)
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= 0x39
}

/** Reads `text` from `at` to its end into four bytes at `to`. */
function readIPv4(text: string, at: number, bytes: Uint8Array, to: number): boolean {
  for (let octet = 0; octet < 4; octet++) {
    const from = at
    let value = 0
    while (isDigit(text.charCodeAt(at)) && at - from < 3) value = value * 10 + text.charCodeAt(at++) - ZERO
    if (at === from || value > 0xff || (text.charCodeAt(from) === ZERO && at - from > 1)) return false
    bytes[to + octet] = value
    if (octet < 3 && text.charCodeAt(at++) !== DOT) return false
  }
  return at === text.length
}
