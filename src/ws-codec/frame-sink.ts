import type { WebSocketErrorCode } from './errors.ts'

/** A flag of `FrameSink.data`: the first piece of a message. */
export const FIRST = 1
/** A flag of `FrameSink.data`: the message ends with this piece. */
export const LAST = 2

/** Where a decoder reports. The bytes of a report are the sink's only until it returns, unless the chunk is its own. */
export interface FrameSink {
  /**
   * A piece of a data message, in `chunk` from `start` up to `end`. Only an empty message, or an empty last frame,
   * makes an empty piece. Text is valid so far; a piece may end inside a character.
   *
   * @param opcode the message's: 1 text, 2 binary
   * @param flags FIRST and LAST, or both, or 0
   * @param rest bytes of the message that are still to come; -1 while more frames may follow
   */
  data(chunk: Uint8Array, start: number, end: number, opcode: number, flags: number, rest: number): void
  /** A control frame, whole: 8 close (code and reason are valid), 9 ping, 10 pong. */
  control(opcode: number, chunk: Uint8Array, start: number, end: number): void
  /** The peer broke the protocol. Called once; the decoder is dead afterwards. */
  fail(closeCode: number, code: WebSocketErrorCode): void
}

export interface DecoderOptions {
  /** Whose decoder it is. A server takes masked frames only, a client unmasked ones only (§5.1). Default: server. */
  readonly role?: 'server' | 'client'
  /** Bytes a message may have. Default: 16 MiB. */
  readonly maxMessageBytes?: number
  /** Frames a message may have, empty ones counted. Default: 131,072. */
  readonly maxFrames?: number
  /** Whether text must be UTF-8 (§8.1). Default: true. */
  readonly validateText?: boolean
  /** The host's own check of whole texts, if it has a faster one; asked about longer texts that are not ASCII. */
  readonly isUtf8?: (bytes: Uint8Array) => boolean
}
