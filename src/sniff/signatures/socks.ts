import { MATCH, NO, type Signature, Verdict } from '../signature.ts'

/*
 * SOCKS4 (Y.-D. Lee's SOCKS 4 memo) and 4a (its extension): the state is the number of bytes read.
 *
 *   version 4; command CONNECT(1) or BIND(2); port(2); address(4); user id, NUL [ ; domain, NUL ]
 *
 * Decided at the first byte of the user id or at the NUL in its place, which every request has: no control
 * stands there. So Cassandra's frames, which begin with 04 too, are not SOCKS: their second byte is 00.
 */
const SOCKS4_VERSION = 0
const SOCKS4_COMMAND = 1
const SOCKS4_USER = 8

/** SOCKS4 and 4a, by a request's fixed part: decides at the 9th byte. */
export const socks4: Signature = { name: 'socks4', verdict: Verdict.socks4, step: stepSocks4 }

function stepSocks4(read: number, byte: number): number {
  switch (read) {
    case SOCKS4_VERSION:
      return byte === 0x04 ? read + 1 : NO
    case SOCKS4_COMMAND:
      return byte === 0x01 || byte === 0x02 ? read + 1 : NO
    case SOCKS4_USER:
      return byte === 0x00 || (byte >= 0x20 && byte !== 0x7f) ? MATCH : NO
    default: // port and address
      return read + 1
  }
}

/*
 * SOCKS5 (RFC 1928 §3): version 5; number of methods, 1–10; methods.
 *
 * Ten methods are named, and no client offers them all. FF is no method: it says that none is acceptable.
 */
const SOCKS5_VERSION = 0
const SOCKS5_COUNT = 1
const SOCKS5_METHODS = 1 // SOCKS5_METHODS + n: n methods are to come
const MOST_METHODS = 10

/** SOCKS5, by its list of methods: decides at the last of them, within 12 bytes (RFC 1928 §3). */
export const socks5: Signature = { name: 'socks5', verdict: Verdict.socks5, step: stepSocks5 }

function stepSocks5(state: number, byte: number): number {
  switch (state) {
    case SOCKS5_VERSION:
      return byte === 0x05 ? SOCKS5_COUNT : NO
    case SOCKS5_COUNT:
      return byte >= 1 && byte <= MOST_METHODS ? SOCKS5_METHODS + byte : NO
    default:
      if (byte === 0xff) return NO
      return state === SOCKS5_METHODS + 1 ? MATCH : state - 1
  }
}
