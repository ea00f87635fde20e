import { MATCH, NO, type Signature, Verdict } from '../signature.ts'
import { isDigit, literal, type Run, run, type Sequence, sequence } from './sequence.ts'

/*
 * PROXY protocol, version 1 (the specification that HAProxy publishes, §2.1): one line of at most 107 bytes.
 *
 *   "PROXY TCP4 " 1*15 ( DIGIT / "." ) SP 1*15 ( DIGIT / "." ) SP 1*5 DIGIT SP 1*5 DIGIT CRLF
 *   "PROXY TCP6 " 2*39 ( HEXDIG / ":" ) SP 2*39 ( HEXDIG / ":" ) SP 1*5 DIGIT SP 1*5 DIGIT CRLF
 *   "PROXY UNKNOWN" [ SP *91 anything ] CRLF
 *
 * What the fields say is left to who reads the header: a wrong address is owed a refusal that names it.
 * Narrower: in what UNKNOWN is followed by, which the section has ignored, there is neither CR nor LF.
 */
const HEAD = 'PROXY TCP'
const PROTOCOL = 'PROXY '.length
const FAMILY = HEAD.length

const port = run(isDigit, 1, 5)
const tcp4 = addresses((byte) => isDigit(byte) || byte === 0x2e, 1, 15)
const tcp6 = addresses((byte) => isHexDigit(byte) || byte === 0x3a, 2, 39)
const unknownAlone = sequence(...literal('UNKNOWN\r\n'))
const unknown = sequence(
  run((byte) => byte !== 0x0d && byte !== 0x0a, 0, 91),
  ...literal('\r\n'),
)

const TCP4 = FAMILY + 1
const TCP6 = TCP4 + tcp4.size
const UNKNOWN_ALONE = TCP6 + tcp6.size
const UNKNOWN = UNKNOWN_ALONE + unknownAlone.size
const AFTER_UNKNOWN = UNKNOWN_ALONE + 'UNKNOWN'.length

function addresses(fits: Run['fits'], least: number, most: number): Sequence {
  const address = run(fits, least, most)
  const [space] = literal(' ') as [Run]
  return sequence(space, address, space, address, space, port, space, port, ...literal('\r\n'))
}

/** PROXY protocol, version 1, by its whole line: decides at the LF, within 107 bytes (§2.1). */
export const proxyV1: Signature = { name: 'proxyV1', verdict: Verdict.proxyV1, step: stepProxyLine }

function stepProxyLine(state: number, byte: number): number {
  if (state >= UNKNOWN) return within(unknown, UNKNOWN, state, byte)
  if (state === AFTER_UNKNOWN && byte === 0x20) return UNKNOWN
  if (state >= UNKNOWN_ALONE) return within(unknownAlone, UNKNOWN_ALONE, state, byte)
  if (state >= TCP6) return within(tcp6, TCP6, state, byte)
  if (state >= TCP4) return within(tcp4, TCP4, state, byte)
  if (state === FAMILY) return byte === 0x34 ? TCP4 : byte === 0x36 ? TCP6 : NO
  if (state === PROTOCOL && byte === 0x55) return UNKNOWN_ALONE + 1
  return byte === HEAD.charCodeAt(state) ? state + 1 : NO
}

function within(part: Sequence, base: number, state: number, byte: number): number {
  const next = part.step(state - base, byte)
  return next < 0 ? next : base + next
}

function isHexDigit(byte: number): boolean {
  return isDigit(byte) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66)
}

/*
 * PROXY protocol, version 2 (§2.2): a header of 16 bytes, and as many more as it says.
 *
 *   signature(12); version 2, command LOCAL(0) or PROXY(1); family and protocol(1); length(2)
 *
 * For PROXY the length is at least that of the family's addresses: 12 (IPv4), 36 (IPv6), 216 (UNIX). For LOCAL
 * they are ignored, and may be missing.
 */
const SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]
const COMMAND = SIGNATURE.length
const LOCAL_FAMILY = 13
const PROXY_FAMILY = 14
const LENGTH_HIGH = 15 // any length will do
const LENGTH_LOW = 16
const ADDRESSES = 17 // ADDRESSES + n: n bytes of addresses are the least. The high byte of the length
const ADDRESSES_LOW = ADDRESSES + 256 // ADDRESSES_LOW + n: the low byte, after 00

const INET = 12
const INET6 = 36
const UNIX = 216

/** PROXY protocol, version 2, by its fixed header: decides within 16 bytes (§2.2). */
export const proxyV2: Signature = { name: 'proxyV2', verdict: Verdict.proxyV2, step: stepProxyHeader }

function stepProxyHeader(state: number, byte: number): number {
  if (state < COMMAND) return byte === SIGNATURE[state] ? state + 1 : NO
  if (state >= ADDRESSES_LOW) return byte >= state - ADDRESSES_LOW ? MATCH : NO
  if (state >= ADDRESSES) return byte === 0x00 ? state + 256 : LENGTH_LOW
  switch (state) {
    case COMMAND:
      if (byte === 0x20) return LOCAL_FAMILY
      return byte === 0x21 ? PROXY_FAMILY : NO
    case LOCAL_FAMILY:
      return addressLength(byte) < 0 ? NO : LENGTH_HIGH
    case PROXY_FAMILY:
      return afterFamily(addressLength(byte))
    case LENGTH_HIGH:
      return LENGTH_LOW
    default: // LENGTH_LOW
      return MATCH
  }
}

function afterFamily(length: number): number {
  if (length < 0) return NO
  return length === 0 ? LENGTH_HIGH : ADDRESSES + length
}

/** By the byte of family and protocol: the bytes of two addresses and two ports, or NO if there is no such family. */
function addressLength(byte: number): number {
  switch (byte) {
    case 0x00: // unspecified
      return 0
    case 0x11: // over TCP
    case 0x12: // over UDP
      return INET
    case 0x21:
    case 0x22:
      return INET6
    case 0x31: // a stream
    case 0x32: // datagrams
      return UNIX
    default:
      return NO
  }
}
