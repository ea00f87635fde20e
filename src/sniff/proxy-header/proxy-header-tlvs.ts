/**
 * The TLVs of version 2 (§2.2.1–§2.2.8): a type, a 16-bit length, a value; in `ssl` once more.
 *
 * Each must end where it says and the last where the block ends. A type that is known may stand there once: of
 * two names or two checksums, each program would take its own. Values are copied, so that a header that is kept
 * keeps no chunk.
 */
import { latin1 } from '../latin1.ts'
import { crc32c } from './crc32c.ts'
import {
  CHECKSUM_LENGTH,
  knownSslTlvs,
  knownTlvs,
  MAX_UNIQUE_ID,
  type ProxySsl,
  type ProxyTlv,
  type ProxyTlvs,
  SSL_FIXED_LENGTH,
  SslTlvType,
  TLV_HEADER,
  TlvType,
} from './proxy-header.ts'
import { unreadable } from './proxy-header-error.ts'
import { decodeText } from './utf8.ts'

type Writable<T> = { -readonly [Key in keyof T]: T[Key] }

/** Where a value lies, and what it is of. */
interface Found {
  readonly type: number
  readonly start: number
  readonly end: number
}

/**
 * Reads the TLVs from `start` to `end`, the end of the header that begins at 0.
 *
 * @param most how many there may be, those inside of `ssl` included
 * @throws {ProxyHeaderError}
 */
export function readTlvs(bytes: Uint8Array, start: number, end: number, most: number): ProxyTlvs {
  const found = split(bytes, start, end, most, knownTlvs)
  const others: ProxyTlv[] = []
  const tlvs: Writable<ProxyTlvs> = {}
  for (const tlv of found) {
    switch (tlv.type) {
      case TlvType.alpn:
        tlvs.alpn = latin1(bytes, tlv.start, tlv.end)
        break
      case TlvType.authority:
        tlvs.authority = text(bytes, tlv)
        break
      case TlvType.crc32c:
        checkSum(bytes, tlv, end)
        tlvs.crc32c = true
        break
      case TlvType.noop:
        break
      case TlvType.uniqueId:
        if (tlv.end - tlv.start > MAX_UNIQUE_ID) throw invalid(tlv.type)
        tlvs.uniqueId = bytes.slice(tlv.start, tlv.end)
        break
      case TlvType.ssl:
        tlvs.ssl = readSsl(bytes, tlv, most - found.length)
        break
      case TlvType.netns:
        tlvs.netns = ascii(bytes, tlv)
        break
      default:
        others.push(copied(bytes, tlv))
    }
  }
  if (others.length > 0) tlvs.others = others
  return tlvs
}

/** §2.2.6 */
function readSsl(bytes: Uint8Array, { type, start, end }: Found, most: number): ProxySsl {
  if (end - start < SSL_FIXED_LENGTH) throw invalid(type)
  const ssl: Writable<ProxySsl> = { client: bytes[start]!, verify: uint32(bytes, start + 1) }
  const others: ProxyTlv[] = []
  for (const tlv of split(bytes, start + SSL_FIXED_LENGTH, end, most, knownSslTlvs)) {
    switch (tlv.type) {
      case SslTlvType.version:
        ssl.version = ascii(bytes, tlv)
        break
      case SslTlvType.commonName:
        ssl.commonName = text(bytes, tlv)
        break
      case SslTlvType.cipher:
        ssl.cipher = ascii(bytes, tlv)
        break
      case SslTlvType.signatureAlgorithm:
        ssl.signatureAlgorithm = ascii(bytes, tlv)
        break
      case SslTlvType.keyAlgorithm:
        ssl.keyAlgorithm = ascii(bytes, tlv)
        break
      case SslTlvType.group:
        ssl.group = ascii(bytes, tlv)
        break
      case SslTlvType.signatureScheme:
        ssl.signatureScheme = ascii(bytes, tlv)
        break
      case SslTlvType.clientCertificate:
        ssl.clientCertificate = bytes.slice(tlv.start, tlv.end)
        break
      default:
        others.push(copied(bytes, tlv))
    }
  }
  if (others.length > 0) ssl.others = others
  return ssl
}

function split(
  bytes: Uint8Array,
  from: number,
  end: number,
  most: number,
  once: ReadonlySet<number>,
): Found[] {
  const found: Found[] = []
  const seen = new Set<number>()
  let at = from
  while (at < end) {
    if (at + TLV_HEADER > end) throw unreadable('ERR_PROXY_TLV_INVALID', 'the header of a TLV is cut')
    const type = bytes[at]!
    const start = at + TLV_HEADER
    at = start + ((bytes[at + 1]! << 8) | bytes[at + 2]!)
    if (at > end) throw unreadable('ERR_PROXY_TLV_INVALID', `the TLV of type ${type} is cut`)
    if (found.length === most) throw unreadable('ERR_PROXY_TLVS_TOO_MANY', 'it has too many TLVs')
    if (once.has(type) && seen.has(type)) {
      throw unreadable('ERR_PROXY_TLV_REPEATED', `the TLV of type ${type} is repeated`)
    }
    seen.add(type)
    found.push({ type, start, end: at })
  }
  return found
}

/** §2.2.3: over the whole header, with the checksum's own bytes as zeros. */
function checkSum(bytes: Uint8Array, { type, start, end }: Found, headerEnd: number): void {
  if (end - start !== CHECKSUM_LENGTH) throw invalid(type)
  if (crc32c(bytes, 0, headerEnd, start) === uint32(bytes, start)) return
  throw unreadable('ERR_PROXY_CHECKSUM_INVALID', 'its checksum is wrong')
}

function text(bytes: Uint8Array, { type, start, end }: Found): string {
  const decoded = decodeText(bytes, start, end)
  if (decoded === undefined) throw invalid(type)
  return decoded
}

function ascii(bytes: Uint8Array, tlv: Found): string {
  const decoded = text(bytes, tlv)
  // UTF-8 has as many characters as bytes only where all are ASCII.
  if (decoded.length !== tlv.end - tlv.start) throw invalid(tlv.type)
  return decoded
}

function copied(bytes: Uint8Array, { type, start, end }: Found): ProxyTlv {
  return { type, value: bytes.slice(start, end) }
}

function uint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}

function invalid(type: number): Error {
  return unreadable('ERR_PROXY_TLV_INVALID', `the value of the TLV of type ${type} is not one`)
}
