/**
 * Version 1 of the header (§2.1), one line of US-ASCII:
 *
 *     "PROXY" SP ( "TCP4" / "TCP6" ) SP source SP destination SP source-port SP destination-port CRLF
 *     "PROXY" SP "UNKNOWN" [ SP anything ] CRLF
 *
 * Exactly one space each, ports without leading zeros, both addresses of the family that is named. A
 * deviation: the mixed notation of IPv6 (`::ffff:192.0.2.1`) is read too, though §2.1 speaks of hexadecimal
 * groups only, for it is what inet_ntop writes, and it means one thing.
 */
import { formatAddress, parseAddress } from '../address.ts'
import { latin1 } from '../latin1.ts'
import type { ProxyEndpoint, ProxyHeader } from './proxy-header.ts'
import { type ProxyHeaderErrorCode, unreadable } from './proxy-header-error.ts'

const MAX_PORT = 65535

/**
 * Reads the line from behind `PROXY ` up to its CRLF.
 *
 * @throws {ProxyHeaderError}
 */
export function readLine(bytes: Uint8Array, start: number, end: number): ProxyHeader {
  const line = latin1(bytes, start, end)
  if (line === 'UNKNOWN' || line.startsWith('UNKNOWN ')) return header('unspecified', null, null)
  const words = line.split(' ')
  const [protocol, source, destination, sourcePort, destinationPort] = words
  if (protocol !== 'TCP4' && protocol !== 'TCP6')
    throw wrong('LINE_INVALID', 'its protocol is not TCP4, TCP6 or UNKNOWN')
  if (words.length !== 5)
    throw wrong('LINE_INVALID', 'its line has not six words with one space between them')
  const length = protocol === 'TCP4' ? 4 : 16
  return header(
    length === 4 ? 'IPv4' : 'IPv6',
    endpoint(source!, sourcePort!, length),
    endpoint(destination!, destinationPort!, length),
  )
}

function header(
  family: ProxyHeader['family'],
  source: ProxyEndpoint | null,
  destination: ProxyEndpoint | null,
): ProxyHeader {
  const transport = family === 'unspecified' ? 'unspecified' : 'stream'
  return { version: 1, command: 'PROXY', family, transport, source, destination, tlvs: {} }
}

function endpoint(text: string, portText: string, length: number): ProxyEndpoint {
  const bytes = parseAddress(text)
  if (bytes?.length !== length)
    throw wrong('ADDRESS_INVALID', `an address is not one of IPv${length === 4 ? 4 : 6}`)
  const port = parsePort(portText)
  if (port < 0) throw wrong('PORT_INVALID', 'a port is not a number from 0 to 65535')
  return { address: formatAddress(bytes), port }
}

/** Decimal without leading zeros, or -1. */
function parsePort(text: string): number {
  if (text === '' || text.length > 5 || (text.length > 1 && text.startsWith('0'))) return -1
  let port = 0
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 0x30
    if (digit < 0 || digit > 9) return -1
    port = port * 10 + digit
  }
  return port <= MAX_PORT ? port : -1
}

function wrong(code: 'LINE_INVALID' | 'ADDRESS_INVALID' | 'PORT_INVALID', reason: string): Error {
  const whole: ProxyHeaderErrorCode = `ERR_PROXY_${code}`
  return unreadable(whole, reason)
}
