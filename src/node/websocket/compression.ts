/**
 * permessage-deflate on node:zlib (RFC 7692): the messages of one connection in, inflated or deflated, in their order.
 *
 * What is small is worked on at once, with a context that lives for the call; what is large leaves the main thread,
 * with a context of the pool. So a connection holds no context, but with takeover in its own direction a
 * deflater, from its first message on; to inflate with takeover it keeps the window, at most 32 KiB.
 *
 * Only documented parts of node:zlib are used.
 */
import type { DeflateAgreement } from '../../ws-codec/handshake/permessage-deflate.ts'
import { type Deflated, DeflateJob, type DeflateParameters, DeflateState } from './compression-deflate.ts'
import { type Inflated, InflateJob, InflateState } from './compression-inflate.ts'
import { PieceInflater, type PieceSink } from './compression-stream.ts'
import { sharedPool, type ZlibPool } from './zlib-pool.ts'

export type { Deflated, DeflateParameters } from './compression-deflate.ts'
export type { Inflated, InflateError } from './compression-inflate.ts'
export type { PieceInflater, PieceSink } from './compression-stream.ts'

/** Which side of the connection we are. */
export type Role = 'server' | 'client'

export interface InflateLimits {
  /** Bytes of a message once inflated; `Infinity` for none. */
  readonly messageLimit: number
}

/**
 * Deflated windows of 9 bits come from peers that were asked for 8: what zlib before 1.2.9, and Node, make of 8.
 */
const LEAST_KEPT_BITS = 9

/** Inflates the messages of the peer. */
export class MessageInflater {
  private readonly state: InflateState

  constructor(agreement: DeflateAgreement, role: Role, limits: InflateLimits, pool: ZlibPool = sharedPool()) {
    const [alone, bits] =
      role === 'server'
        ? [agreement.clientNoContextTakeover, agreement.clientMaxWindowBits]
        : [agreement.serverNoContextTakeover, agreement.serverMaxWindowBits]
    const windowBits = alone ? undefined : Math.max(bits, LEAST_KEPT_BITS)
    this.state = new InflateState(pool, limits.messageLimit, windowBits)
  }

  /** Messages that are not answered yet. */
  get pending(): number {
    return this.state.lane.pending
  }

  /** Deflated bytes of theirs that are kept. */
  get held(): number {
    return this.state.lane.held
  }

  /**
   * Inflates a whole message: its payload, from `start` up to `end`, which is the caller's again afterwards. `done` is
   * called once, before or after this returns, in the order of the calls; not after an error, nor after `close`.
   */
  inflate(chunk: Uint8Array, start: number, end: number, done: Inflated): void {
    this.state.lane.push(new InflateJob(this.state, chunk, start, end, done))
  }

  /**
   * Begins a message that is inflated as it arrives; not before all earlier ones are answered. Its inflater is the
   * connection's until the message ends or is given up with the `close` of what is returned.
   */
  stream(sink: PieceSink): PieceInflater {
    return new PieceInflater(this.state, sink)
  }

  close(): void {
    this.state.lane.close()
  }
}

/** Deflates our messages. */
export class MessageDeflater {
  /** Whether messages refer to earlier ones: then each that was deflated has to be sent so. */
  readonly takeover: boolean
  private readonly state: DeflateState

  constructor(
    agreement: DeflateAgreement,
    role: Role,
    parameters: DeflateTuning,
    pool: ZlibPool = sharedPool(),
  ) {
    const [alone, windowBits] =
      role === 'server'
        ? [agreement.serverNoContextTakeover, agreement.serverMaxWindowBits]
        : [agreement.clientNoContextTakeover, agreement.clientMaxWindowBits]
    this.takeover = !alone
    this.state = new DeflateState(pool, { ...parameters, windowBits }, this.takeover)
  }

  /** Messages that are not answered yet. */
  get pending(): number {
    return this.state.lane.pending
  }

  /** Bytes of theirs that are kept. */
  get held(): number {
    return this.state.lane.held
  }

  /**
   * Deflates a message whose bytes must not change until then. `done` is called once, before or after this returns, in the
   * order of the calls, with the payload to send; never after `close`. Without takeover a caller may send the
   * message itself when that is shorter.
   */
  deflate(bytes: Uint8Array, done: Deflated): void {
    this.state.lane.push(new DeflateJob(this.state, bytes, done))
  }

  close(): void {
    this.state.close()
  }
}

/** What the deflating side chooses by itself. */
export type DeflateTuning = Omit<DeflateParameters, 'windowBits'>

/**
 * Deflates a message by itself, for every connection without takeover whose window is at least `windowBits`: the payload
 * can be kept by message and `windowBits`. Returns what stops it; `done` is not called after.
 */
export function deflateOnce(
  bytes: Uint8Array,
  parameters: DeflateParameters,
  done: Deflated,
  pool: ZlibPool = sharedPool(),
): () => void {
  const state = new DeflateState(pool, parameters, false)
  state.lane.push(new DeflateJob(state, bytes, done))
  return () => state.close()
}
