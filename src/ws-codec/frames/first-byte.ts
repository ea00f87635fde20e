import { WebSocketErrorCode } from '../errors.ts'

/**
 * What the first byte of a frame means (RFC 6455 §5.2: FIN, RSV1–3, opcode), as a table, so that a frame costs
 * one look-up. A table has two halves of 256: no message is open; a message is open.
 */

/** The opcode, in the numbers of RFC 6455. */
export const OPCODE = 0x0f
/** The frame is the last, or the only one, of its message. */
export const FINAL = 0x10
/** The frame is a whole data message, and nothing is wrong with it. */
export const WHOLE = 0x20
/** RSV1 says that the message is compressed (RFC 7692 §6). */
export const DEFLATED = 0x40

/** Where the half of the table begins that holds while a message is open. */
export const MESSAGE_OPEN = 0x100

const FIN = 0x80
const RESERVED = 0x70
const RSV1 = 0x40
const CONTINUATION = 0
const BINARY = 2
const CLOSE = 8
const PONG = 10

/** How the frames of a version differ from RFC 6455's. */
export interface FrameLayout {
  /** Each possible first byte as RFC 6455 would write it. */
  readonly firstBytes: Uint8Array
  /** What the first bytes mean; and what they do when permessage-deflate was negotiated. */
  readonly meanings: Uint8Array
  readonly deflatedMeanings: Uint8Array
  /** Whether clients mask; where none does, the mask bit is reserved. */
  readonly masked: boolean
  /** Whether a close frame carries a code and a reason. */
  readonly closeCodes: boolean
}

/** A layout whose first bytes are RFC 6455's after `toRfc6455`. */
export function layoutOf(
  toRfc6455: (firstByte: number) => number,
  masked: boolean,
  closeCodes: boolean,
): FrameLayout {
  const firstBytes = new Uint8Array(0x100).map((_, byte) => toRfc6455(byte))
  const table = (deflate: boolean) =>
    new Uint8Array(2 * 0x100).map((_, index) => {
      return meaningOf((index & MESSAGE_OPEN) | firstBytes[index & 0xff], deflate)
    })
  const meanings = table(false)
  return { firstBytes, meanings, deflatedMeanings: table(true), masked, closeCodes }
}

/** 13, and 8 and 7, which differ in their handshake only. */
export const RFC_6455: FrameLayout = layoutOf((firstByte) => firstByte, true, true)

function meaningOf(index: number, deflate: boolean): number {
  const final = (index & FIN) !== 0 ? FINAL : 0
  const opcode = index & OPCODE
  const deflated = (index & RSV1) !== 0 ? DEFLATED : 0
  const data = opcode !== CONTINUATION && opcode <= BINARY
  const whole = final !== 0 && data && faultOf(index, deflate) === undefined ? WHOLE : 0
  return deflated | whole | final | opcode
}

/**
 * What is wrong with a first byte, offset by MESSAGE_OPEN while a message is open; undefined: nothing.
 *
 * @param index as RFC 6455 writes it
 * @param deflate whether RSV1 has a meaning: on the first frame of a data message
 */
export function faultOf(index: number, deflate: boolean): WebSocketErrorCode | undefined {
  const opcode = index & OPCODE
  const open = index >= MESSAGE_OPEN
  const starts = opcode !== CONTINUATION && opcode < CLOSE
  if ((index & (deflate && starts ? RESERVED & ~RSV1 : RESERVED)) !== 0) return WebSocketErrorCode.reservedBit
  if (opcode >= CLOSE) {
    if (opcode > PONG) return WebSocketErrorCode.opcode
    return (index & FIN) === 0 ? WebSocketErrorCode.controlFragmented : undefined
  }
  if (opcode > BINARY) return WebSocketErrorCode.opcode
  if (opcode === CONTINUATION) return open ? undefined : WebSocketErrorCode.continuationUnexpected
  return open ? WebSocketErrorCode.continuationMissing : undefined
}
