import { MATCH, NO, type Signature, Verdict } from '../signature.ts'

/*
 * TLS: a record header (RFC 8446 §5.1) and the type of the handshake message in it.
 *
 *   ContentType handshake(22); legacy_record_version 0x0300–0x0304; length 1..2^14; client_hello(1)
 *
 * Six bytes, and not the eleven of a strict check (handshake length, legacy_version): a hello may be cut
 * over several records (§5.1), the first as short as one byte, so that bytes 7 to 11 may be another record's
 * header; and a hello that goes wrong after its sixth byte is owed TLS's own alert (§6.2), not a line of raw bytes.
 */
const TLS_TYPE = 0
const TLS_MAJOR = 1
const TLS_MINOR = 2
const TLS_LENGTH_HIGH = 3
const TLS_LENGTH_LOW = 4
const TLS_LENGTH_LOW_NOT_00 = 5 // after 00: §5.1 forbids a zero-length handshake fragment
const TLS_LENGTH_LOW_00 = 6 // after 40: §5.1 forbids more than 2^14
const TLS_HANDSHAKE = 7

/** TLS, by the record header and the ClientHello's type: decides within 6 bytes (RFC 8446 §5.1, §4). */
export const tls: Signature = { name: 'tls', verdict: Verdict.tls, step: stepTls }

function stepTls(state: number, byte: number): number {
  switch (state) {
    case TLS_TYPE:
      return byte === 0x16 ? TLS_MAJOR : NO
    case TLS_MAJOR:
      return byte === 0x03 ? TLS_MINOR : NO
    case TLS_MINOR:
      return byte <= 0x04 ? TLS_LENGTH_HIGH : NO
    case TLS_LENGTH_HIGH:
      if (byte === 0x00) return TLS_LENGTH_LOW_NOT_00
      if (byte === 0x40) return TLS_LENGTH_LOW_00
      return byte < 0x40 ? TLS_LENGTH_LOW : NO
    case TLS_LENGTH_LOW:
      return TLS_HANDSHAKE
    case TLS_LENGTH_LOW_NOT_00:
      return byte !== 0x00 ? TLS_HANDSHAKE : NO
    case TLS_LENGTH_LOW_00:
      return byte === 0x00 ? TLS_HANDSHAKE : NO
    default: // TLS_HANDSHAKE
      return byte === 0x01 ? MATCH : NO
  }
}

/*
 * The hello of SSL 2.0, which clients of SSL 3.0 and TLS 1.0 could still send (RFC 5246 §E.2, RFC 6101 §E). It is
 * recognised so that it is refused by its name: a server need not read it, and must not speak SSL 2.0 (RFC 6176 §3).
 *
 *   length with its top bit set(2); client_hello(1); version 0x0002 or 0x0300–0x0304
 *   cipher_spec_length(2), a multiple of 3, above 0; session_id_length(2), 0 or 16; challenge_length(2), 16–32
 *
 * The four lengths must be consistent: length = 9 + ciphers + session id + challenge. That is checked modulo 3, of which
 * the ciphers drop out: as strict as three states are, where the sum itself would take thousands.
 *
 * A state is 3 * place + the remainder that the challenge's length must have, once the length has been read.
 */
const SSL2_LENGTH_HIGH = 0
const SSL2_LENGTH_LOW = 1
const SSL2_LENGTH_LOW_SHORT = 2 // after 80: no hello is shorter than 28 bytes
const SSL2_TYPE = 3
const SSL2_MAJOR = 4
const SSL2_MINOR_2 = 5 // after 00
const SSL2_MINOR_3 = 6 // after 03
const SSL2_CIPHERS_HIGH = 7
const SSL2_CIPHERS_LOW = 8 // + the remainder of the byte before it
const SSL2_CIPHERS_LOW_NOT_00 = 11 // after 00
const SSL2_SESSION_HIGH = 12
const SSL2_SESSION_LOW = 13
const SSL2_CHALLENGE_HIGH = 14
const SSL2_CHALLENGE_LOW = 15
const SSL2_SHORTEST = 28

/** SSL 2.0, by its hello without the three lists: decides within 11 bytes (RFC 5246 §E.2). */
export const sslv2: Signature = { name: 'sslv2', verdict: Verdict.sslv2, step: stepSslv2 }

function stepSslv2(state: number, byte: number): number {
  const remainder = state % 3
  const place = (state - remainder) / 3
  const next = 3 * (place + 1) + remainder
  switch (place) {
    case SSL2_LENGTH_HIGH:
      if (byte < 0x80) return NO
      return 3 * (byte === 0x80 ? SSL2_LENGTH_LOW_SHORT : SSL2_LENGTH_LOW) + ((byte - 0x80) % 3)
    case SSL2_LENGTH_LOW:
    case SSL2_LENGTH_LOW_SHORT:
      if (place === SSL2_LENGTH_LOW_SHORT && byte < SSL2_SHORTEST) return NO
      return 3 * SSL2_TYPE + ((remainder + byte) % 3) // 256 leaves 1, as does its power
    case SSL2_TYPE:
      return byte === 0x01 ? next : NO
    case SSL2_MAJOR:
      if (byte === 0x00) return 3 * SSL2_MINOR_2 + remainder
      return byte === 0x03 ? 3 * SSL2_MINOR_3 + remainder : NO
    case SSL2_MINOR_2:
      return byte === 0x02 ? 3 * SSL2_CIPHERS_HIGH + remainder : NO
    case SSL2_MINOR_3:
      return byte <= 0x04 ? next : NO
    default:
      return stepSslv2Lengths(place, remainder, byte)
  }
}

function stepSslv2Lengths(place: number, remainder: number, byte: number): number {
  const next = 3 * (place + 1) + remainder
  switch (place) {
    case SSL2_CIPHERS_HIGH:
      return 3 * (byte === 0x00 ? SSL2_CIPHERS_LOW_NOT_00 : SSL2_CIPHERS_LOW + (byte % 3)) + remainder
    case SSL2_CIPHERS_LOW_NOT_00:
      return byte !== 0x00 && byte % 3 === 0 ? next : NO
    case SSL2_SESSION_HIGH:
    case SSL2_CHALLENGE_HIGH:
      return byte === 0x00 ? next : NO
    case SSL2_SESSION_LOW:
      if (byte === 0x00) return next
      return byte === 0x10 ? 3 * SSL2_CHALLENGE_HIGH + ((remainder + 2) % 3) : NO // less the 1 that 16 leaves
    case SSL2_CHALLENGE_LOW:
      return byte >= 0x10 && byte <= 0x20 && byte % 3 === remainder ? MATCH : NO
    default: // SSL2_CIPHERS_LOW
      return (place - SSL2_CIPHERS_LOW + byte) % 3 === 0 ? 3 * SSL2_SESSION_HIGH + remainder : NO
  }
}
