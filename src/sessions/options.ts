/**
 * The options of a session, and their defaults. Times are in milliseconds, sizes in bytes. The published clients give a
 * stream up after 15 s without a batch, and a poll after 25 s: longer intervals than these lose them.
 */
import { DECODER_LIMITS, type DecoderLimits } from './coding/decoder.ts'
import { Encoding } from './coding/encoder.ts'
import { type DecodeText, decodeUtf8 } from './coding/utf8.ts'
import { checkLimit, SessionError } from './errors.ts'
import type { Transport } from './transports.ts'

/** How one session behaves. */
export interface SessionOptions {
  /** What the session speaks until the client's first frame shows what it speaks. Default `0.6`. */
  readonly encoding?: Encoding
  /** Time between a heartbeat's answer and the next heartbeat, on streams; Infinity: none are sent. Default 10,000. */
  readonly heartbeatInterval?: number
  /** Time in which a heartbeat must be answered. Default 8,000. */
  readonly heartbeatTimeout?: number
  /** Time for which a poll is held before it is answered without frames. Default 20,000. */
  readonly pollDuration?: number
  /**
   * Time that a session waits for the next carrier. Default 8,000 where clients come back to their session (the polling
   * transports and server-events), and 0 elsewhere: the published clients open a new one.
   */
  readonly closeTimeout?: number
  /** Time that an opened session waits for its first carrier, and a closing one until it has sent the rest. Default 8,000. */
  readonly graceTimeout?: number
  /** Bytes of messages that wait, or are not known to have arrived; beyond, the session fails. Default 16 MiB. */
  readonly writeLimit?: number
  /** How many such messages there may be. Default 65,536. */
  readonly writeCount?: number
  /** Bytes that wait from which on `send` returns false. Default 65,536. */
  readonly highWater?: number
  /** Bounds of what is received. */
  readonly limits?: Partial<DecoderLimits>
  /** A faster UTF-8 decoder, if the host has one. */
  readonly decode?: DecodeText
}

/** Every option with its value. */
export interface SessionSettings extends Required<SessionOptions> {
  readonly limits: DecoderLimits
}

/**
 * Fills in the defaults.
 *
 * @throws {SessionError} `ERR_SESSION_OPTION` for what is no possible value
 */
export function resolveSession(transport: Transport, options: SessionOptions): SessionSettings {
  const limits = { ...DECODER_LIMITS, ...options.limits }
  return {
    encoding: checkEncoding(options.encoding ?? Encoding.v06),
    heartbeatInterval: checkTime('heartbeatInterval', options.heartbeatInterval ?? 10_000),
    heartbeatTimeout: checkTime('heartbeatTimeout', options.heartbeatTimeout ?? 8_000),
    pollDuration: checkTime('pollDuration', options.pollDuration ?? 20_000),
    closeTimeout: checkTime('closeTimeout', options.closeTimeout ?? (transport.comesBack ? 8_000 : 0)),
    graceTimeout: checkTime('graceTimeout', options.graceTimeout ?? 8_000),
    writeLimit: checkLimit('writeLimit', options.writeLimit ?? 16 * 1024 * 1024, 0),
    writeCount: checkLimit('writeCount', options.writeCount ?? 65_536, 1),
    highWater: checkLimit('highWater', options.highWater ?? 65_536, 1),
    limits: {
      message: checkLimit('limits.message', limits.message, 1),
      messages: checkLimit('limits.messages', limits.messages, 1),
      annotations: checkLimit('limits.annotations', limits.annotations, 0),
    },
    decode: options.decode ?? decodeUtf8,
  }
}

function checkEncoding(encoding: Encoding): Encoding {
  if (encoding === Encoding.v06 || encoding === Encoding.v07pre) return encoding
  throw new SessionError('ERR_SESSION_OPTION', `Cannot use the encoding ${String(encoding)}: it is not known`)
}

function checkTime(name: string, value: number): number {
  if (value >= 0) return value
  throw new SessionError('ERR_SESSION_OPTION', `Cannot use the option ${name}: ${value} is not a time`)
}
