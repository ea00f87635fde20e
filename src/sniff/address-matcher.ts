/** Ranges of addresses in CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3): who is trusted. */
import { parseAddress, unmapped } from './address.ts'

/** A range that cannot be one. Addresses never raise it. */
export class AddressError extends Error {
  readonly code: 'ERR_ADDRESS_RANGE_INVALID'

  constructor(message: string) {
    super(message)
    this.name = 'AddressError'
    this.code = 'ERR_ADDRESS_RANGE_INVALID'
  }
}

interface Range {
  readonly bytes: Uint8Array
  /** Bits that an address shares with it. */
  readonly prefix: number
}

/**
 * Makes the test for a list of addresses and ranges; an empty list holds nothing.
 *
 * An IPv4-mapped IPv6 address is its IPv4 address, in a range as in what is tested: that is how a socket that
 * listens on `::` reports it. But for that the families are apart: `::/0` is every IPv6 address and no IPv4
 * one. What is no address (a zone, a name, an empty text) is in no range.
 *
 * @param ranges such as `10.0.0.0/8`, `::1` or `fe80::/10`; no netmask, no name, no bit set behind the prefix
 * @throws {AddressError} ERR_ADDRESS_RANGE_INVALID for a range that is not one
 * @example
 * import { addressMatcher } from 'portmanteau/sniff'
 *
 * const isTrusted = addressMatcher(['10.0.0.0/8', '::1'])
 * isTrusted('10.1.2.3') // true
 * isTrusted('::ffff:10.1.2.3') // true
 * isTrusted('11.0.0.1') // false
 */
export function addressMatcher(ranges: readonly string[]): (address: string) => boolean {
  const compiled = ranges.map(parseRange)
  return (address) => {
    const parsed = parseAddress(address)
    if (parsed === undefined) return false
    const bytes = unmapped(parsed)
    return compiled.some((range) => covers(range, bytes))
  }
}

function covers({ bytes, prefix }: Range, address: Uint8Array): boolean {
  if (address.length !== bytes.length) return false
  const whole = prefix >> 3
  for (let at = 0; at < whole; at++) if (address[at] !== bytes[at]) return false
  return (prefix & 7) === 0 || (address[whole]! ^ bytes[whole]!) >> (8 - (prefix & 7)) === 0
}

function parseRange(text: string): Range {
  const slash = text.indexOf('/')
  const written = parseAddress(slash < 0 ? text : text.slice(0, slash))
  if (written === undefined) throw invalid(text, 'it is not an IP address with or without a prefix length')
  const most = written.length * 8
  const length = slash < 0 ? most : parsePrefix(text.slice(slash + 1))
  if (length < 0 || length > most) throw invalid(text, `its prefix length is not 0 to ${most}`)
  if (hasBitsBehind(written, length)) throw invalid(text, 'bits behind its prefix are set')
  const bytes = unmapped(written)
  return { bytes, prefix: length - (most - bytes.length * 8) }
}

/** Decimal without leading zeros, or -1. */
function parsePrefix(text: string): number {
  return /^(?:0|[1-9][0-9]{0,2})$/.test(text) ? Number(text) : -1
}

/** `10.0.0.1/8` is a range to one parser, an address to another, and an error to the third. */
function hasBitsBehind(bytes: Uint8Array, prefix: number): boolean {
  for (let at = prefix >> 3; at < bytes.length; at++) {
    const mask = at === prefix >> 3 ? 0xff >> (prefix & 7) : 0xff
    if ((bytes[at]! & mask) !== 0) return true
  }
  return false
}

function invalid(text: string, problem: string): AddressError {
  return new AddressError(`Cannot match the range ${JSON.stringify(text)}: ${problem}`)
}
