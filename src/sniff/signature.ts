/**
 * What a protocol looks like from its first byte on.
 *
 * A signature is data: a name, the verdict it stands for, and one pure function over (state, byte). A table
 * evaluates it once for every state and byte that can occur; on traffic it is never called. The contract, on
 * which the sniffer's answers rest:
 *
 * - `step` is pure and total: the same state and byte give the same answer, whoever else is a candidate;
 * - it answers NO at the first byte that cannot be its own. A signature that waits for its whole length
 *   before it compares would hold up every short client of another protocol;
 * - it answers MATCH at the first byte that proves it, and is not asked again after NO or MATCH;
 * - finitely many states can be reached from the first, 0. What counts, counts to a small bound.
 */

/** Which protocol it is. A signature of one's own may use any other integer above 0. */
export const Verdict = { undecided: 0, raw: 1, http1: 2, http2: 3, tls: 4 } as const
export type Verdict = (typeof Verdict)[keyof typeof Verdict]

/** `step` answers: this is not the protocol, and no further byte can make it so. */
export const NO = -1
/** `step` answers: this is the protocol. */
export const MATCH = -2

/**
 * One protocol's way to be recognised.
 *
 * @example
 * const redis: Signature = {
 *   name: 'redis',
 *   verdict: 16,
 *   step: (state, byte) => {
 *     if (state === 0) return byte === 0x2a ? 1 : NO // '*'
 *     if (byte === 0x0d) return MATCH
 *     return byte >= 0x30 && byte <= 0x39 ? 1 : NO
 *   },
 * }
 */
export interface Signature {
  /** Unique in its table. */
  readonly name: string
  /** What the sniffer's verdict becomes at the match: an integer above 0. */
  readonly verdict: number
  /** From a state (an integer from 0; 0 is the first) and a byte to the next state, NO or MATCH. */
  step(state: number, byte: number): number
  /** Whether what is undecided in this state when the sniffer's limit is reached is this protocol all the same. Default: no. */
  atLimit?(state: number): boolean
  /** The same when the deadline passes. Default: no. */
  atDeadline?(state: number): boolean
}

/** A signature, a table or a sniffer that cannot be made. Bytes never raise one. */
export class SniffError extends Error {
  readonly code: 'ERR_SIGNATURE_INVALID' | 'ERR_SIGNATURE_STATES' | 'ERR_SNIFF_LIMIT_INVALID'

  constructor(code: SniffError['code'], message: string) {
    super(message)
    this.name = 'SniffError'
    this.code = code
  }
}

/**
 * A signature of fixed bytes: an ASCII string, or bytes with an optional mask of the same length (a byte
 * fits when its masked bits equal the masked bits of the pattern). Matches at its last byte.
 *
 * @throws {SniffError} ERR_SIGNATURE_INVALID for no bytes at all, a value outside 0x00–0xff, a mask of another length.
 * @example
 * const ssh = pattern('ssh', 17, 'SSH-2.0-')
 * const dtls = pattern('dtls', 18, [0x16, 0xfe, 0xfc], [0xff, 0xff, 0xfc])
 */
export function pattern(
  name: string,
  verdict: number,
  bytes: string | readonly number[],
  mask?: readonly number[],
): Signature {
  const wanted =
    typeof bytes === 'string' ? Array.from(bytes, (character) => character.codePointAt(0)!) : bytes
  const bits = mask ?? wanted.map(() => 0xff)
  checkPattern(name, wanted, bits)
  const last = wanted.length - 1
  return {
    name,
    verdict,
    step(state, byte) {
      if (((byte ^ wanted[state]!) & bits[state]!) !== 0) return NO
      return state === last ? MATCH : state + 1
    },
  }
}

function checkPattern(name: string, wanted: readonly number[], mask: readonly number[]): void {
  let problem = ''
  if (wanted.length === 0) problem = 'the pattern is empty'
  else if (mask.length !== wanted.length) problem = `the mask has ${mask.length} bytes for ${wanted.length}`
  else if (![...wanted, ...mask].every(isByte)) problem = 'a value is outside 0x00–0xff'
  if (problem !== '') {
    throw new SniffError('ERR_SIGNATURE_INVALID', `Cannot make the signature "${name}": ${problem}`)
  }
}

function isByte(value: number): boolean {
  return Number.isInteger(value) && value >= 0x00 && value <= 0xff
}
