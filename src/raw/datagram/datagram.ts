/**
 * What a datagram is, by itself: one look, no state, nothing allocated.
 *
 * The first byte narrows it (RFC 9443 §3); the rest must bear that out, because a text message begins with the same
 * bytes. What is not borne out is a message.
 *
 * | first byte | protocol     | what else must hold                                                                  |
 * |------------|--------------|--------------------------------------------------------------------------------------|
 * | 0–3        | STUN         | the cookie; a length that is the datagram's own and divides by 4 (RFC 8489 §5)        |
 * | 1–4        | WireGuard    | three zeros; 148, 92 or 64 bytes by type, data at least 32 and in steps of 16         |
 * | 20–26      | DTLS         | version FE FF or FE FD; a record inside the datagram; a handshake's type (RFC 6347 §4.1) |
 * | 64–79      | TURN channel | a length that is the datagram's own, up to its padding (RFC 8656 §12.4)              |
 * | 192–255    | QUIC         | at least 1,200 bytes; a version that is one, or asks for one (RFC 9000 §14.1, §15)    |
 *
 * So the first datagram of each of these is known, and every one of STUN, TURN and WireGuard. Later ones of a QUIC
 * connection (short headers) and of DTLS 1.3 (unified headers) look like text: they are told by what their sender
 * was before, which the caller remembers and passes as `before`; then the ranges of RFC 9443 alone decide.
 */

/** What {@link classifyDatagram} answers. */
export const DatagramVerdict = {
  message: 0,
  stun: 1,
  dtls: 2,
  turnChannel: 3,
  quic: 4,
  wireguard: 5,
} as const
export type DatagramVerdict = (typeof DatagramVerdict)[keyof typeof DatagramVerdict]

// RFC 8489 §5
const STUN_HEADER = 20
const STUN_COOKIE = 0x2112a442

// RFC 9000 §14.1; §17.2; §15; RFC 9369 §3.1
const QUIC_INITIAL = 1200
const LONGEST_CONNECTION_ID = 20
const QUIC_1 = 0x00000001
const QUIC_2 = 0x6b3343cf
const QUIC_DRAFT = 0xff0000
/** ?a?a?a?a: no version, sent to be told those that are spoken. */
const QUIC_RESERVED = 0x0a0a0a0a

// RFC 6347 §4.1, RFC 9146 §4, RFC 9147 §7
const RECORD_HEADER = 13
const LONGEST_RECORD = 2 ** 14 + 2048
const HANDSHAKE = 22
const CID_RECORD = 25
const ACK = 26

/** RFC 8656 §12 */
const CHANNEL_HEADER = 4

/**
 * Which protocol the datagram in `bytes` from `start` up to `end` is of.
 *
 * @param before what the sender's datagrams were before, if it is known: for a peer of `quic` or `dtls` the first
 * byte is enough. Default: not known.
 * @returns one of {@link DatagramVerdict}; `message` for whatever is no other
 *
 * @example
 * import { classifyDatagram, DatagramVerdict } from 'portmanteau/raw'
 *
 * const hello = Uint8Array.of(0x68, 0x65, 0x6c, 0x6c, 0x6f)
 * classifyDatagram(hello, 0, hello.length) === DatagramVerdict.message // true
 */
export function classifyDatagram(
  bytes: Uint8Array,
  start: number,
  end: number,
  before: DatagramVerdict = DatagramVerdict.message,
): DatagramVerdict {
  if (start >= end) return DatagramVerdict.message
  const first = bytes[start]
  if (before === DatagramVerdict.quic && (first >= 192 || (first >= 64 && first <= 127)))
    return DatagramVerdict.quic
  if (before === DatagramVerdict.dtls && first >= 20 && first <= 63) return DatagramVerdict.dtls
  if (first <= 4) {
    if (first <= 3 && isStun(bytes, start, end)) return DatagramVerdict.stun
    if (isWireGuard(bytes, start, end)) return DatagramVerdict.wireguard
  } else if (first >= 20 && first <= 26) {
    if (isDtls(bytes, start, end)) return DatagramVerdict.dtls
  } else if (first >= 64 && first <= 79) {
    if (isChannelData(bytes, start, end)) return DatagramVerdict.turnChannel
  } else if (first >= 192 && isQuic(bytes, start, end)) return DatagramVerdict.quic
  return DatagramVerdict.message
}

function isStun(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < STUN_HEADER || uint32(bytes, start + 4) !== STUN_COOKIE) return false
  const length = uint16(bytes, start + 2)
  return (length & 3) === 0 && length === end - start - STUN_HEADER
}

/** Handshake initiation and response, cookie reply, transport data (WireGuard, "Protocol & Cryptography"). */
function isWireGuard(bytes: Uint8Array, start: number, end: number): boolean {
  const size = end - start
  if (size < 4 || uint32(bytes, start) << 8 !== 0) return false
  switch (bytes[start]) {
    case 1:
      return size === 148
    case 2:
      return size === 92
    case 3:
      return size === 64
    case 4:
      return size >= 32 && (size & 15) === 0
    default:
      return false
  }
}

function isDtls(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start <= RECORD_HEADER) return false
  const version = uint16(bytes, start + 1)
  if (version !== 0xfeff && version !== 0xfefd) return false
  const type = bytes[start]
  const epoch = uint16(bytes, start + 3)
  // The connection identifier in such a record has a length that only its peers know.
  if (type === CID_RECORD) return epoch > 0
  const length = uint16(bytes, start + 11)
  if (length === 0 || length > LONGEST_RECORD || start + RECORD_HEADER + length > end) return false
  if (epoch > 0) return true
  return type === HANDSHAKE ? isClients(bytes[start + RECORD_HEADER]) : type < HANDSHAKE || type === ACK
}

/** What a client sends unencrypted (RFC 5246 §7.4): hello, certificate, certificate_verify, key_exchange. */
function isClients(handshake: number): boolean {
  return handshake === 1 || handshake === 11 || handshake === 15 || handshake === 16
}

function isChannelData(bytes: Uint8Array, start: number, end: number): boolean {
  const size = end - start - CHANNEL_HEADER
  if (size < 0) return false
  const padding = size - uint16(bytes, start + 2)
  return padding >= 0 && padding <= 3
}

function isQuic(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < QUIC_INITIAL) return false
  const version = uint32(bytes, start + 1)
  if (version === QUIC_1 || version === QUIC_2) return bytes[start + 5] <= LONGEST_CONNECTION_ID
  return version >>> 8 === QUIC_DRAFT || (version & 0x0f0f0f0f) === QUIC_RESERVED
}

function uint16(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 8) | bytes[at + 1]
}

function uint32(bytes: Uint8Array, at: number): number {
  return ((uint16(bytes, at) << 16) | uint16(bytes, at + 2)) >>> 0
}
