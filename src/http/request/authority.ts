/** `uri-host [ ":" port ]`, the value of Host and the authority of an http URI (RFC 9110 §4.2, §7.2). */
import { COLON, characterClass, DIGIT, HEXDIG, REG_NAME } from '../characters.ts'

const PERCENT = 0x25
const DOT = 0x2e
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const MAX_PORT = 65535

/**
 * Whether the bytes are a host with an optional port. Stricter than the grammar in four points:
 * the host must not be empty (RFC 9110 §4.2.1), nor a label in it, but for the one behind a last dot (RFC 1034
 * §3.5; nginx refuses it too), the port must be one that exists, and a comma is refused, although a reg-name may
 * hold it: `Host: a,b` is what a combined repetition of Host looks like. `user@` is refused too (RFC 9110 §4.2.4),
 * and IPvFuture, of which none was ever defined.
 */
export function isAuthority(bytes: Uint8Array, start: number, end: number): boolean {
  if (start === end) return false
  const hostEnd = bytes[start] === OPEN_BRACKET ? literalEnd(bytes, start, end) : nameEnd(bytes, start, end)
  if (hostEnd <= start) return false
  return hostEnd === end || (bytes[hostEnd] === COLON && isPort(bytes, hostEnd + 1, end))
}

/** The position after `[…]`, or -1. */
function literalEnd(bytes: Uint8Array, start: number, end: number): number {
  let close = start + 1
  while (close < end && bytes[close] !== CLOSE_BRACKET) close++
  return close < end && isIPv6(bytes, start + 1, close) ? close + 1 : -1
}

/** The position after a reg-name or IPv4 address, or -1. RFC 3986 §3.2.2. */
function nameEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && bytes[at] !== COLON) {
    if (bytes[at] === PERCENT) {
      if (at + 2 >= end || !isHex(bytes[at + 1]!) || !isHex(bytes[at + 2]!)) return -1
      at += 3
    } else if (bytes[at] === DOT && (at === start || bytes[at - 1] === DOT)) return -1
    else if ((characterClass[bytes[at]!]! & REG_NAME) !== 0) at++
    else return -1
  }
  return at
}

/** RFC 3986 §3.2.3: port = *DIGIT, so that `host:` is allowed. */
function isPort(bytes: Uint8Array, start: number, end: number): boolean {
  let port = 0
  for (let at = start; at < end; at++) {
    if ((characterClass[bytes[at]!]! & DIGIT) === 0) return false
    port = port * 10 + bytes[at]! - 0x30
    if (port > MAX_PORT) return false
  }
  return true
}

/** RFC 3986 §3.2.2: IPv6address: eight groups, or fewer around one `::`, the last two perhaps IPv4. */
function isIPv6(bytes: Uint8Array, start: number, end: number): boolean {
  let groups = 0
  let elided = false
  let at = start
  if (bytes[at] === COLON) {
    if (bytes[at + 1] !== COLON || at + 1 >= end) return false
    elided = true
    at += 2
  }
  while (at < end) {
    const groupEnd = hexRunEnd(bytes, at, end)
    if (groupEnd < end && bytes[groupEnd] === DOT) {
      groups += 2
      return isIPv4(bytes, at, end) && (elided ? groups <= 7 : groups === 8)
    }
    if (groupEnd === at || groupEnd - at > 4) return false
    groups++
    at = groupEnd
    if (at === end) break
    if (bytes[at] !== COLON || at + 1 === end) return false
    at++
    if (bytes[at] === COLON) {
      if (elided) return false
      elided = true
      at++
    }
  }
  return elided ? groups <= 7 : groups === 8
}

function hexRunEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && isHex(bytes[at]!)) at++
  return at
}

function isIPv4(bytes: Uint8Array, start: number, end: number): boolean {
  let octets = 0
  let at = start
  while (at < end) {
    const from = at
    let octet = 0
    while (at < end && bytes[at] !== DOT) {
      if ((characterClass[bytes[at]!]! & DIGIT) === 0) return false
      octet = octet * 10 + bytes[at++]! - 0x30
      if (octet > 255) return false
    }
    if (at === from || (bytes[from] === 0x30 && at - from > 1)) return false
    octets++
    if (at < end && ++at === end) return false
  }
  return octets === 4
}

function isHex(byte: number): boolean {
  return (characterClass[byte]! & HEXDIG) !== 0
}
