import type { WebSocketErrorCode } from '../errors.ts'

/** A flag of `FrameSink.data`: the first piece of a message. */
export const FIRST = 1
/** A flag of `FrameSink.data`: the message ends with this piece. */
export const LAST = 2
/** A flag of `FrameSink.data`: the message is compressed (RFC 7692 §6). Every piece of such a message has it. */
export const COMPRESSED = 4

/** Where a decoder reports. The bytes of a report are the sink's only until it returns, unless the chunk is its own. */
export interface FrameSink {
  /**
   * A piece of a data message, in `chunk` from `start` up to `end`. Only an empty message, or an empty end of one,
   * makes an empty piece. Text is valid so far, unless it is compressed; a piece may end inside a character.
   *
   * @param opcode the message's: 1 text, 2 binary
   * @param flags FIRST, LAST and COMPRESSED, in any combination, or 0
   * @param rest bytes of the message that are still to come; -1 when that is not known
   */
  data(chunk: Uint8Array, start: number, end: number, opcode: number, flags: number, rest: number): void
  /**
   * A control frame, whole: 8 close, 9 ping, 10 pong. The payload of a close frame is empty, or a valid code and
   * reason; in versions without close codes it is always empty.
   */
  control(opcode: number, chunk: Uint8Array, start: number, end: number): void
  /** The peer broke the protocol. Called once; the decoder is dead afterwards. */
  fail(closeCode: number, code: WebSocketErrorCode): void
}

/** What a decoder takes. */
export interface DecoderOptions {
  /** Whose decoder it is. In 7, 8 and 13 a server takes masked frames only, a client unmasked ones only (§5.1). Default: server. */
  readonly role?: 'server' | 'client'
  /** Bytes a message may have, as it comes: compressed ones before they are inflated. Default: 16 MiB. */
  readonly maxMessageBytes?: number
  /** Frames a message may have, empty ones counted. Default: 131,072. */
  readonly maxFrames?: number
  /** Whether text must be UTF-8 (§8.1). Default: true. */
  readonly validateText?: boolean
  /**
   * Whether permessage-deflate was negotiated: RSV1 is then allowed on the first frame of a data message (RFC 7692 §6),
   * whose pieces are reported with COMPRESSED, as they came. Default: false.
   */
  readonly compression?: boolean
  /** The host's own check of whole texts, if it has a faster one; asked about longer texts that are not ASCII. */
  readonly isUtf8?: (bytes: Uint8Array) => boolean
}
