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

/**
 * Which protocol it is. The integers below 64 are ours, those not named yet too. A signature of one's own has
 * one from 64 on, or one of these, if it is another way to recognise the same protocol.
 */
export const Verdict = {
  undecided: 0,
  raw: 1,
  http1: 2,
  http2: 3,
  tls: 4,
  sslv2: 5,
  proxyV1: 6,
  proxyV2: 7,
  ssh: 8,
  socks4: 9,
  socks5: 10,
  mqtt: 11,
  amqp: 12,
  postgresql: 13,
  rdp: 14,
  dns: 15,
  redis: 16,
  rtmp: 17,
  bittorrent: 18,
  flashPolicy: 19,
} as const
export type Verdict = (typeof Verdict)[keyof typeof Verdict]

/** The first verdict that is not ours. */
export const OWN_VERDICT = 64

/** `step` answers: this is not the protocol, and no further byte can make it so. */
export const NO = -1
/** `step` answers: this is the protocol. */
export const MATCH = -2

/**
 * One protocol's way to be recognised. `defineSignature` makes one of byte patterns.
 *
 * @example
 * const memcached: Signature = {
 *   name: 'memcached',
 *   step: (state, byte) => {
 *     if (state === 0) return byte === 0x80 ? 1 : NO // the magic byte of a request
 *     return byte <= 0x23 ? MATCH : NO // an opcode
 *   },
 * }
 */
export interface Signature {
  /** Unique in its table. */
  readonly name: string
  /** What the sniffer's verdict becomes at the match. Default: the table gives the first integer from 64 on that is free. */
  readonly verdict?: number
  /** The name of the signature in front of which this one goes in a table. Default: its place in the list. */
  readonly before?: string
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

  /** @param cause what a signature of the application's own has thrown. */
  constructor(code: SniffError['code'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'SniffError'
    this.code = code
  }
}
