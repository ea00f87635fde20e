/**
 * Whether a sender of datagrams is where it says: it is once it repeats something that can only be known to who was sent it.
 * The protocols that are passed on have such a thing each:
 *
 * | protocol  | what is sent                                      | what repeats it                                 |
 * |-----------|---------------------------------------------------|-------------------------------------------------|
 * | QUIC      | the source connection ID of a long header         | the destination connection ID (RFC 9000 §8.1)   |
 * | DTLS      | the cookie of a HelloVerifyRequest                | that of the ClientHello (RFC 6347 §4.2.1)       |
 * | STUN      | NONCE                                             | NONCE (RFC 8489 §9.2)                           |
 * | WireGuard | the sender's index of a handshake response        | the receiver's index of a data message          |
 *
 * The newest one counts. Below four bytes it could be guessed: such a one proves nothing.
 */
import { DatagramVerdict } from '../../raw/index.ts'

const LEAST = 4

export class AddressProof {
  private readonly protocol: DatagramVerdict
  private token: Uint8Array

  constructor(protocol: DatagramVerdict) {
    this.protocol = protocol
    this.token = NOTHING
  }

  /** Looks at a datagram to the sender. */
  sent(datagram: Uint8Array): void {
    const token = tokenSent(this.protocol, datagram)
    if (token.length >= LEAST) this.token = Uint8Array.from(token)
  }

  /** Looks at a datagram of the sender: whether it proves where it is. */
  received(datagram: Uint8Array): boolean {
    const { token } = this
    return token.length > 0 && equal(tokenReceived(this.protocol, datagram, token.length), token)
  }
}

const NOTHING = new Uint8Array(0)

function tokenSent(protocol: DatagramVerdict, bytes: Uint8Array): Uint8Array {
  switch (protocol) {
    case DatagramVerdict.quic:
      return sourceConnectionId(bytes)
    case DatagramVerdict.dtls:
      return verifyCookie(bytes)
    case DatagramVerdict.wireguard:
      return bytes[0] === 2 ? bytes.subarray(4, 8) : NOTHING
    case DatagramVerdict.stun:
      return nonce(bytes)
    default:
      return NOTHING
  }
}

function tokenReceived(protocol: DatagramVerdict, bytes: Uint8Array, length: number): Uint8Array {
  switch (protocol) {
    case DatagramVerdict.quic:
      return isLong(bytes) ? sized(bytes, 5) : bytes.subarray(1, 1 + length)
    case DatagramVerdict.dtls:
      return helloCookie(bytes)
    case DatagramVerdict.wireguard:
      return bytes[0] === 4 ? bytes.subarray(4, 8) : NOTHING
    case DatagramVerdict.stun:
      return nonce(bytes)
    default:
      return NOTHING
  }
}

/** RFC 8999 §5.1. */
function isLong(bytes: Uint8Array): boolean {
  return bytes[0]! >= 0x80
}

/** RFC 8999 §5.1: behind first byte, version, and destination connection ID. */
function sourceConnectionId(bytes: Uint8Array): Uint8Array {
  return isLong(bytes) ? sized(bytes, 6 + (bytes[5] ?? 0)) : NOTHING
}

/** RFC 6347 §4.1, §4.2.1: the headers of record and handshake, the version, and the cookie. */
const MESSAGE = 13
const BODY = MESSAGE + 12
const HANDSHAKE = 22
const CLIENT_HELLO = 1
const HELLO_VERIFY_REQUEST = 3
const RANDOM = 32

function verifyCookie(bytes: Uint8Array): Uint8Array {
  return isHandshake(bytes, HELLO_VERIFY_REQUEST) ? sized(bytes, BODY + 2) : NOTHING
}

function helloCookie(bytes: Uint8Array): Uint8Array {
  if (!isHandshake(bytes, CLIENT_HELLO)) return NOTHING
  const session = BODY + 2 + RANDOM
  return sized(bytes, session + 1 + (bytes[session] ?? 0))
}

function isHandshake(bytes: Uint8Array, type: number): boolean {
  return bytes[0] === HANDSHAKE && bytes[MESSAGE] === type
}

/** RFC 8489 §5, §14, §14.10: attributes of a type, a length and a value, padded to four bytes. */
const STUN_HEADER = 20
const NONCE = 0x0015

function nonce(bytes: Uint8Array): Uint8Array {
  for (let at = STUN_HEADER; at + 4 <= bytes.length; ) {
    const length = (bytes[at + 2]! << 8) | bytes[at + 3]!
    if (((bytes[at]! << 8) | bytes[at + 1]!) === NONCE) return within(bytes, at + 4, length)
    at += 4 + ((length + 3) & ~3)
  }
  return NOTHING
}

/** What stands behind its length, a byte. */
function sized(bytes: Uint8Array, at: number): Uint8Array {
  return at < bytes.length ? within(bytes, at + 1, bytes[at]!) : NOTHING
}

function within(bytes: Uint8Array, start: number, length: number): Uint8Array {
  return start + length <= bytes.length ? bytes.subarray(start, start + length) : NOTHING
}

function equal(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at])
}
