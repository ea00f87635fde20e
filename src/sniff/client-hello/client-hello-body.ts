/**
 * The body of a ClientHello, whole in memory: every length is checked against what is around it, the lists that are
 * of use are noted, and none is made.
 *
 *     legacy_version (2), random (32), legacy_session_id<0..32>, cipher_suites<2..2^16-2>,
 *     legacy_compression_methods<1..2^8-1>, [ extensions<0..2^16-1> ]
 *
 * The extensions may be absent (RFC 5246 §7.4.1.2); whatever is last ends the message. An extension whose list
 * is empty where its vector must not be, or is followed by bytes of its own, is refused, and so is one that
 * stands there twice (RFC 8446 §4.2): of two server names, each program would take its own.
 */
import { type ClientHello, uint16 } from './client-hello.ts'
import { ClientHelloError, type ClientHelloErrorCode } from './client-hello-error.ts'
import { isHostName } from './host-name.ts'

// Extension types: the IANA registry "TLS ExtensionType Values".
const SERVER_NAME = 0
const SUPPORTED_GROUPS = 10
const EC_POINT_FORMATS = 11
const SIGNATURE_ALGORITHMS = 13
const ALPN = 16
const SUPPORTED_VERSIONS = 43

/** legacy_version and random. */
const FIXED_LENGTH = 34
const MAX_SESSION_ID = 32
/** RFC 6066 §3: the only NameType there is. */
const HOST_NAME = 0

/** Fills in `hello`, or returns why it cannot. */
export function readBody(hello: ClientHello, maxExtensions: number): ClientHelloError | null {
  const { bytes, base } = hello
  const end = base + hello.length
  let at = base + FIXED_LENGTH
  if (at >= end) return invalid('it is cut before its session id')
  hello.legacyVersion = uint16(bytes, base)
  if (bytes[at]! > MAX_SESSION_ID) return invalid('its session id is longer than 32 bytes')
  at += 1 + bytes[at]!
  if (at + 2 > end) return invalid('its session id is cut')
  hello.cipherSuitesAt = at - base
  const suites = uint16(bytes, at)
  at += 2 + suites
  if (suites === 0 || (suites & 1) === 1) return invalid('its cipher suites are not a list of numbers')
  if (at >= end) return invalid('its cipher suites are cut')
  if (bytes[at] === 0) return invalid('it has no compression method')
  at += 1 + bytes[at]!
  if (at > end) return invalid('its compression methods are cut')
  if (at === end) return null
  if (at + 2 > end) return invalid('the length of its extensions is cut')
  if (at + 2 + uint16(bytes, at) !== end) return invalid('its extensions do not end where it ends')
  hello.extensionsAt = at - base
  return readExtensions(hello, at + 2, end, maxExtensions)
}

function readExtensions(
  hello: ClientHello,
  first: number,
  end: number,
  most: number,
): ClientHelloError | null {
  const { bytes } = hello
  // One bit for each type below 64, which are nearly all, and for each hash of one above.
  let low = 0
  let high = 0
  let hashes = 0
  let count = 0
  let at = first
  while (at < end) {
    if (at + 4 > end) return invalid('the header of an extension is cut')
    const type = uint16(bytes, at)
    const next = at + 4 + uint16(bytes, at + 2)
    if (next > end) return invalid(`the extension ${type} is cut`)
    if (++count > most) return tooMany(most)
    if (type < 32) {
      if ((low & (1 << type)) !== 0) return repeated(type)
      low |= 1 << type
    } else if (type < 64) {
      if ((high & (1 << type)) !== 0) return repeated(type)
      high |= 1 << type
    } else {
      const bit = 1 << (Math.imul(type, 0x9e3779b1) >>> 27)
      if ((hashes & bit) !== 0 && isBefore(bytes, first, at, type)) return repeated(type)
      hashes |= bit
    }
    if (type <= SUPPORTED_VERSIONS) {
      const error = readExtension(hello, type, at + 4, next)
      if (error !== null) return error
    }
    at = next
  }
  return null
}

function isBefore(bytes: Uint8Array, first: number, end: number, type: number): boolean {
  for (let at = first; at < end; at += 4 + uint16(bytes, at + 2)) if (uint16(bytes, at) === type) return true
  return false
}

/** Notes the extension, if it is one of use and its data, from `at` to `end`, is well-formed. */
function readExtension(hello: ClientHello, type: number, at: number, end: number): ClientHelloError | null {
  const { bytes, base } = hello
  switch (type) {
    case SERVER_NAME:
      return readServerName(hello, at, end)
    case SUPPORTED_GROUPS:
      hello.groupsAt = at - base
      return isNumberList(bytes, at, end) ? null : invalid('its groups are not a list of numbers')
    case EC_POINT_FORMATS:
      hello.pointFormatsAt = at - base
      return isByteList(bytes, at, end) ? null : invalid('its point formats are not a list')
    case SIGNATURE_ALGORITHMS:
      hello.signatureAlgorithmsAt = at - base
      return isNumberList(bytes, at, end)
        ? null
        : invalid('its signature algorithms are not a list of numbers')
    case ALPN:
      hello.protocolsAt = at - base
      return isProtocolList(bytes, at, end) ? null : invalid('its protocols are not a list of names')
    case SUPPORTED_VERSIONS:
      hello.versionsAt = at - base
      return isByteList(bytes, at, end) && (bytes[at]! & 1) === 0
        ? null
        : invalid('its versions are not a list of numbers')
    default:
      return null
  }
}

/**
 * RFC 6066 §3: ServerNameList<1..2^16-1>. A second entry, or one of another type, is refused: no type was ever added to the
 * one there is, and a program that skips it names another host than one that does not.
 */
function readServerName(hello: ClientHello, at: number, end: number): ClientHelloError | null {
  const { bytes, base } = hello
  if (at + 5 >= end || uint16(bytes, at) !== end - at - 2 || uint16(bytes, at + 3) !== end - at - 5) {
    return invalid('its server names are not a list of one')
  }
  if (bytes[at + 2] !== HOST_NAME) return invalid('its server name is not a host name')
  hello.serverNameAt = at + 3 - base
  if (isHostName(bytes, at + 5, end)) return null
  return new ClientHelloError('ERR_CLIENT_HELLO_SERVER_NAME_INVALID', 'its server name is not one of the DNS')
}

/** A 16-bit length, and as many bytes of 16-bit numbers, at least one. */
function isNumberList(bytes: Uint8Array, at: number, end: number): boolean {
  const length = end - at - 2
  return length >= 2 && (length & 1) === 0 && uint16(bytes, at) === length
}

/** An 8-bit length, and as many bytes, at least one. */
function isByteList(bytes: Uint8Array, at: number, end: number): boolean {
  const length = end - at - 1
  return length >= 1 && bytes[at] === length
}

/** RFC 7301 §3.1: ProtocolName<1..2^8-1>, ProtocolNameList<2..2^16-1>. */
function isProtocolList(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start + 2
  if (at >= end || uint16(bytes, start) !== end - at) return false
  while (at < end) {
    if (bytes[at] === 0) return false
    at += 1 + bytes[at]!
  }
  return at === end
}

function repeated(type: number): ClientHelloError {
  return refusal('ERR_CLIENT_HELLO_EXTENSION_REPEATED', `the extension ${type} is repeated`)
}

function tooMany(most: number): ClientHelloError {
  return refusal('ERR_CLIENT_HELLO_EXTENSIONS_TOO_MANY', `it has more than ${most} extensions`)
}

function invalid(reason: string): ClientHelloError {
  return refusal('ERR_CLIENT_HELLO_INVALID', reason)
}

function refusal(code: ClientHelloErrorCode, reason: string): ClientHelloError {
  return new ClientHelloError(code, reason)
}
