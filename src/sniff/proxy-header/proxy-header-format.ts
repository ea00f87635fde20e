/** Writes a PROXY header, to be sent upstream in front of everything else, and at once (§2). */
import { formatAddress, formatGroups, parseAddress, unmapped } from '../address.ts'
import { crc32c } from './crc32c.ts'
import {
  CHECKSUM_LENGTH,
  FIXED_LENGTH,
  knownSslTlvs,
  knownTlvs,
  MAX_UNIQUE_ID,
  type ProxyCommand,
  type ProxyEndpoint,
  type ProxySsl,
  type ProxyTlv,
  type ProxyTlvs,
  type ProxyTransport,
  SIGNATURE,
  SslTlvType,
  TLV_HEADER,
  TlvType,
} from './proxy-header.ts'
import { type ProxyHeaderError, unwritable } from './proxy-header-error.ts'
import { encodeText } from './utf8.ts'

const MAX_PORT = 65535
const MAX_LENGTH = 0xffff
const UNSPECIFIED = 0x00

/** What to write; a {@link ProxyHeader} that was read is one. */
export interface ProxyHeaderOptions {
  readonly version: 1 | 2
  /** Default `PROXY`. With `LOCAL` nothing else is said: the addresses and TLVs must be left out. */
  readonly command?: ProxyCommand | undefined
  /** Default `stream`. */
  readonly transport?: ProxyTransport | undefined
  /** The client. Without both ends the header says that they are unknown. */
  readonly source?: ProxyEndpoint | null | undefined
  /** Where the client had connected to. */
  readonly destination?: ProxyEndpoint | null | undefined
  /** Version 2 only, and only with addresses. */
  readonly tlvs?: ProxyTlvs | undefined
}

interface Ends {
  readonly source: Uint8Array
  readonly destination: Uint8Array
  readonly ports: readonly [number, number]
}

/**
 * The bytes of a PROXY header.
 *
 * IPv4-mapped addresses, as a socket that listens on `::` has them, are written as IPv4. When one end is
 * IPv4 and the other IPv6, both are written as IPv6.
 *
 * @throws {ProxyHeaderError} ERR_PROXY_ADDRESS_INVALID for one end without the other or what is no address,
 * ERR_PROXY_PORT_INVALID, ERR_PROXY_TLV_INVALID for a value that its type does not allow or that cannot be
 * said in this header, ERR_PROXY_FAMILY_INVALID for datagrams in version 1, ERR_PROXY_TOO_LARGE for more than
 * 65,535 bytes
 * @example
 * import { formatProxyHeader } from 'portmanteau/sniff'
 *
 * formatProxyHeader({
 *   version: 2,
 *   source: { address: '192.0.2.1', port: 56324 },
 *   destination: { address: '192.0.2.2', port: 443 },
 *   tlvs: { authority: 'a.example', crc32c: true },
 * })
 */
export function formatProxyHeader(options: ProxyHeaderOptions): Uint8Array {
  const ends = readEnds(options)
  const tlvs = options.tlvs ?? {}
  const hasTlvs = Object.values(tlvs).some((value) => value !== undefined && value !== false)
  if (ends === null && hasTlvs) throw unwritable('ERR_PROXY_TLV_INVALID', 'it has TLVs and no addresses')
  return options.version === 1 ? formatLine(options, ends, hasTlvs) : formatBlock(options, ends, tlvs)
}

function formatLine({ transport }: ProxyHeaderOptions, ends: Ends | null, hasTlvs: boolean): Uint8Array {
  if (hasTlvs) throw unwritable('ERR_PROXY_TLV_INVALID', 'version 1 has no TLVs')
  if (transport === 'datagram') throw unwritable('ERR_PROXY_FAMILY_INVALID', 'version 1 has no datagrams')
  if (ends === null) return ascii('PROXY UNKNOWN\r\n')
  const { source, destination, ports } = ends
  const protocol = source.length === 4 ? 'TCP4' : 'TCP6'
  return ascii(`PROXY ${protocol} ${written(source)} ${written(destination)} ${ports.join(' ')}\r\n`)
}

/** §2.1: hexadecimal groups only. */
function written(address: Uint8Array): string {
  return address.length === 4 ? formatAddress(address) : formatGroups(address)
}

function formatBlock(
  { command = 'PROXY', transport = 'stream' }: ProxyHeaderOptions,
  ends: Ends | null,
  tlvs: ProxyTlvs,
): Uint8Array {
  const block: number[] = []
  let family = UNSPECIFIED
  if (ends !== null) {
    family = (ends.source.length === 4 ? 0x10 : 0x20) | (transport === 'datagram' ? 2 : 1)
    block.push(...ends.source, ...ends.destination, ...ends.ports.flatMap(uint16))
    pushTlvs(block, tlvs)
  }
  if (block.length > MAX_LENGTH)
    throw unwritable('ERR_PROXY_TOO_LARGE', `it has more than ${MAX_LENGTH} bytes`)
  const first = command === 'LOCAL' ? 0x20 : 0x21
  const header = Uint8Array.from([...SIGNATURE, first, family, ...uint16(block.length), ...block])
  if (ends !== null && tlvs.crc32c === true) signChecksum(header)
  return header
}

/** The checksum is last, and zeros so far (§2.2.3). */
function signChecksum(header: Uint8Array): void {
  const at = header.length - CHECKSUM_LENGTH
  header.set(uint32(crc32c(header, 0, header.length, at)), at)
}

/** Both ends in one family, or null without any. */
function readEnds({ command, source, destination }: ProxyHeaderOptions): Ends | null {
  if (source == null && destination == null) return null
  if (source == null || destination == null) {
    throw unwritable('ERR_PROXY_ADDRESS_INVALID', 'it has one end and not the other')
  }
  if (command === 'LOCAL') throw unwritable('ERR_PROXY_ADDRESS_INVALID', 'LOCAL has no addresses')
  const [from, to] = [parsed(source), parsed(destination)]
  const ports: [number, number] = [port(source), port(destination)]
  if (from.length === to.length) return { source: from, destination: to, ports }
  return { source: mapped(from), destination: mapped(to), ports }
}

function parsed({ address }: ProxyEndpoint): Uint8Array {
  const bytes = parseAddress(address)
  if (bytes === undefined) {
    throw unwritable('ERR_PROXY_ADDRESS_INVALID', `${JSON.stringify(address)} is not an IP address`)
  }
  return unmapped(bytes)
}

function port({ port: number }: ProxyEndpoint): number {
  if (Number.isInteger(number) && number >= 0 && number <= MAX_PORT) return number
  throw unwritable('ERR_PROXY_PORT_INVALID', `the port ${number} is not one from 0 to ${MAX_PORT}`)
}

/** RFC 4291 §2.5.5.2 */
function mapped(address: Uint8Array): Uint8Array {
  if (address.length === 16) return address
  return Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...address)
}

function pushTlvs(into: number[], tlvs: ProxyTlvs): void {
  const { alpn, authority, uniqueId, ssl, netns, others = [], crc32c: isSigned } = tlvs
  if (alpn !== undefined) pushTlv(into, TlvType.alpn, latin1Bytes(alpn))
  pushText(into, TlvType.authority, authority)
  if (uniqueId !== undefined) {
    if (uniqueId.length > MAX_UNIQUE_ID) throw badValue(TlvType.uniqueId)
    pushTlv(into, TlvType.uniqueId, uniqueId)
  }
  if (ssl !== undefined) pushTlv(into, TlvType.ssl, sslValue(ssl))
  pushAscii(into, TlvType.netns, netns)
  pushOthers(into, others, knownTlvs)
  if (isSigned === true) pushTlv(into, TlvType.crc32c, [0, 0, 0, 0])
}

function sslValue(ssl: ProxySsl): number[] {
  const { client, verify } = ssl
  if (!isUnsigned(client, 0xff) || !isUnsigned(verify, 0xffffffff)) throw badValue(TlvType.ssl)
  const value = [client, ...uint32(verify)]
  pushAscii(value, SslTlvType.version, ssl.version)
  pushText(value, SslTlvType.commonName, ssl.commonName)
  pushAscii(value, SslTlvType.cipher, ssl.cipher)
  pushAscii(value, SslTlvType.signatureAlgorithm, ssl.signatureAlgorithm)
  pushAscii(value, SslTlvType.keyAlgorithm, ssl.keyAlgorithm)
  pushAscii(value, SslTlvType.group, ssl.group)
  pushAscii(value, SslTlvType.signatureScheme, ssl.signatureScheme)
  if (ssl.clientCertificate) pushTlv(value, SslTlvType.clientCertificate, ssl.clientCertificate)
  pushOthers(value, ssl.others ?? [], knownSslTlvs)
  return value
}

function pushText(into: number[], type: number, text: string | undefined): void {
  if (text === undefined) return
  const value = encodeText(text)
  if (value === undefined) throw badValue(type)
  pushTlv(into, type, value)
}

function pushAscii(into: number[], type: number, text: string | undefined): void {
  for (let at = 0; at < (text ?? '').length; at++) if (text!.charCodeAt(at) > 0x7e) throw badValue(type)
  pushText(into, type, text)
}

function pushOthers(into: number[], tlvs: readonly ProxyTlv[], known: ReadonlySet<number>): void {
  for (const { type, value } of tlvs) {
    if (!isUnsigned(type, 0xff) || known.has(type)) throw badValue(type)
    pushTlv(into, type, value)
  }
}

function pushTlv(into: number[], type: number, value: ArrayLike<number>): void {
  if (value.length > MAX_LENGTH - TLV_HEADER - FIXED_LENGTH) {
    throw unwritable('ERR_PROXY_TOO_LARGE', `the TLV of type ${type} has ${value.length} bytes`)
  }
  into.push(type, ...uint16(value.length))
  for (let at = 0; at < value.length; at++) into.push(value[at]!)
}

function isUnsigned(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= most
}

function latin1Bytes(text: string): number[] {
  const bytes = Array.from({ length: text.length }, (_, at) => text.charCodeAt(at))
  if (bytes.some((byte) => byte > 0xff)) throw badValue(TlvType.alpn)
  return bytes
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

function uint16(value: number): number[] {
  return [value >> 8, value & 0xff]
}

function uint32(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff]
}

function badValue(type: number): ProxyHeaderError {
  return unwritable('ERR_PROXY_TLV_INVALID', `the value of the TLV of type ${type} is not one`)
}
