import type { DecoderOptions, FrameSink } from './frames/frame-sink.ts'
import { HIXIE_75, HIXIE_76 } from './hixie.ts'
import { HYBI_03 } from './hybi-03.ts'
import { HYBI_7, HYBI_8, RFC_6455_CODEC } from './rfc6455.ts'
import type { Version } from './versions.ts'

/** A stage that takes the bytes of one direction of a connection, and reports to its `FrameSink`. */
export interface Decoder {
  /**
   * Decodes `chunk` from `pos` up to `end`, and may write to it there: a payload is unmasked where it lies.
   *
   * @returns the position up to which it has consumed: `end`, unless it is paused or has failed
   */
  push(chunk: Uint8Array, pos: number, end: number): number
  /** Makes `push` return behind the report at hand, and consume nothing, until `resume`. A sink may call it. */
  pause(): void
  /** `push` consumes again, from the position that it returned last. */
  resume(): void
  /** Whether `pause` holds. */
  readonly paused: boolean
  /** Whether the peer broke the protocol. */
  readonly failed: boolean
  /** Whether a close frame was read: all that follows is dropped. */
  readonly closed: boolean
}

/**
 * The frames of one version. Opcodes are RFC 6455's in every version: 0 continuation, 1 text, 2 binary, 8 close, 9 ping,
 * 10 pong. A masking key is an int whose lowest byte is its first octet; it is left out of the frames of versions that
 * have none. All functions throw before they make anything: WebSocketError ERR_WS_BINARY_UNSUPPORTED for a binary frame
 * where the version has none, ERR_WS_OPCODE for any other frame that it has not, ERR_WS_CONTROL_FRAGMENTED and
 * ERR_WS_CONTROL_TOO_LARGE as RFC 6455 §5.5 has them.
 */
export interface Codec {
  readonly version: Version
  /** Whether there are binary messages. */
  readonly hasBinary: boolean
  readonly hasPing: boolean
  /** Whether there is a close handshake. Without, only the end of the TCP connection closes. */
  readonly hasClose: boolean
  /** Whether a close frame carries a code and a reason. */
  readonly hasCloseCodes: boolean
  /** Whether a client masks its frames. */
  readonly masked: boolean
  /** @throws {WebSocketError} ERR_WS_OPTION when a limit is not an integer in its range */
  createDecoder(sink: FrameSink, options?: DecoderOptions): Decoder
  /**
   * The bytes before the payload of a frame that has `length` bytes. The payload is then to be masked by `mask`, if there
   * is a key; and `trailer` follows the payload of the last frame of a message.
   *
   * @param final whether the message ends with this frame
   * @param compressed whether the message is compressed: RSV1, on its first frame (RFC 7692 §6)
   */
  header(opcode: number, final: boolean, length: number, maskKey?: number, compressed?: boolean): Uint8Array
  /** The bytes behind the payload of the last frame of a message. */
  readonly trailer: Uint8Array
  /** A whole frame in a buffer of its own; its payload is `payload` from `start` up to `end`. */
  frame(
    opcode: number,
    final: boolean,
    payload: Uint8Array,
    start: number,
    end: number,
    maskKey?: number,
    compressed?: boolean,
  ): Uint8Array
  /**
   * The close frame; without bytes where there is none. Code and reason are checked in every version, and dropped where
   * they cannot be sent.
   *
   * @throws {WebSocketError} ERR_WS_CLOSE_CODE, ERR_WS_CONTROL_TOO_LARGE or ERR_WS_CLOSE_REASON
   */
  close(code?: number, reason?: string | Uint8Array, maskKey?: number): Uint8Array
}

/**
 * The frames of a version.
 *
 * @example
 * import { codecOf } from 'portmanteau/ws-codec'
 *
 * const hello = Uint8Array.of(0x48, 0x65, 0x6c, 0x6c, 0x6f)
 * codecOf('13').frame(1, true, hello, 0, 5) // 81 05 48 65 6c 6c 6f
 * codecOf('hixie-76').frame(1, true, hello, 0, 5) // 00 48 65 6c 6c 6f ff
 */
export function codecOf(version: Version): Codec {
  switch (version) {
    case '13':
      return RFC_6455_CODEC
    case '8':
      return HYBI_8
    case '7':
      return HYBI_7
    case 'hybi-03':
      return HYBI_03
    case 'hixie-76':
      return HIXIE_76
    case 'hixie-75':
      return HIXIE_75
  }
}
