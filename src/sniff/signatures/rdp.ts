import { MATCH, NO, type Signature, Verdict } from '../signature.ts'

/*
 * RDP: the X.224 Connection Request ([MS-RDPBCGR] §2.2.1.1) in its TPKT header (RFC 1006 §6).
 *
 *   version 3; reserved 0; length(2)
 *   length indicator = length − 5; CR with credit 0(E0); destination 0(2); source 0(2); class 0
 *
 * The indicator is one byte, up to 254 (X.224 §13.2.1), and no less than the 6 of what follows it here.
 */
const VERSION = 0
const RESERVED = 1
const LENGTH_HIGH = 2
const LENGTH_LOW = 3
const LENGTH_LOW_FROM_256 = 4
const TYPE = 5
const REFERENCES = 6 // REFERENCES + n: n of four bytes read
const CLASS = REFERENCES + 4
const INDICATOR = CLASS // INDICATOR + n: the indicator must be n, from 6 on

const SHORTEST = 6
const LONGEST = 254
const HEADER = 5

/** RDP, by TPKT header and X.224 Connection Request: decides at the 11th byte. */
export const rdp: Signature = { name: 'rdp', verdict: Verdict.rdp, step: stepRdp }

function stepRdp(state: number, byte: number): number {
  if (state > CLASS) return byte === state - INDICATOR ? TYPE : NO
  switch (state) {
    case VERSION:
      return byte === 0x03 ? RESERVED : NO
    case LENGTH_HIGH:
      if (byte === 0x00) return LENGTH_LOW
      return byte === 0x01 ? LENGTH_LOW_FROM_256 : NO
    case LENGTH_LOW:
      return afterLength(byte)
    case LENGTH_LOW_FROM_256:
      return afterLength(256 + byte)
    case TYPE:
      return byte === 0xe0 ? REFERENCES : NO
    case CLASS:
      return byte === 0x00 ? MATCH : NO
    default: // RESERVED, REFERENCES
      if (byte !== 0x00) return NO
      return state === RESERVED ? LENGTH_HIGH : state + 1
  }
}

function afterLength(length: number): number {
  const indicator = length - HEADER
  return indicator >= SHORTEST && indicator <= LONGEST ? INDICATOR + indicator : NO
}
