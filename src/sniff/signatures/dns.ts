import { MATCH, NO, type Signature, Verdict } from '../signature.ts'

/*
 * DNS over TCP: a query behind its length (RFC 1035 §4.2.2, RFC 7766 §8). The state is the number of bytes read.
 *
 *   length(2), 17 at least; id(2)
 *   QR 0, opcode 0–5, AA, TC, RD; RA 0, Z 0, AD, CD, RCODE 0 (RFC 1035 §4.1.1, RFC 6895 §2)
 *   questions 1; answers 0; authorities 0, or 1 in a query for an incremental transfer (RFC 1995 §3); additionals, under 256
 *   the length of the name's first label, 0–63 (RFC 1035 §3.1)
 *
 * Narrower: a query is shorter than 4,096 bytes, so that neither text nor TLS waits for a DNS that it cannot be.
 * Decided at the first label's length, not at the end of the name: to bound a name to 255 bytes while its labels are
 * counted takes 14,000 states, and a broken name is owed FORMERR.
 */
const LENGTH_HIGH = 0
const LENGTH_LOW = 1
const FLAGS_HIGH = 4
const FLAGS_LOW = 5
const QUESTIONS_LOW = 7
const AUTHORITIES_LOW = 11
const ADDITIONALS_LOW = 13
const LABEL = 14
const LENGTH_LOW_SHORT = 15 // after 00

const SHORTEST = 17
const LAST_OPCODE = 5
const LONGEST_LABEL = 63

/** A DNS query over TCP, by its header: decides at the 15th byte. */
export const dns: Signature = { name: 'dns', verdict: Verdict.dns, step: stepDns }

function stepDns(read: number, byte: number): number {
  switch (read) {
    case LENGTH_HIGH:
      if (byte === 0x00) return LENGTH_LOW_SHORT
      return byte < 0x10 ? LENGTH_LOW : NO
    case LENGTH_LOW_SHORT:
      return byte >= SHORTEST ? LENGTH_LOW + 1 : NO
    case FLAGS_HIGH:
      return byte >> 3 <= LAST_OPCODE ? read + 1 : NO
    case FLAGS_LOW:
      return (byte & 0xcf) === 0x00 ? read + 1 : NO
    case QUESTIONS_LOW:
      return byte === 0x01 ? read + 1 : NO
    case AUTHORITIES_LOW:
      return byte <= 0x01 ? read + 1 : NO
    case LABEL:
      return byte <= LONGEST_LABEL ? MATCH : NO
    default:
      return byte === 0x00 || isAny(read) ? read + 1 : NO
  }
}

/** Whether this byte may be any: the rest of length and id, and the number of additional records. */
function isAny(read: number): boolean {
  return read < FLAGS_HIGH || read === ADDITIONALS_LOW
}
