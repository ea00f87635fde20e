import { WebSocketErrorCode } from './errors.ts'

/**
 * What the first byte of a frame means (RFC 6455 §5.2: FIN, RSV1–3, opcode), as a table, so that a frame costs
 * one look-up. The table has two halves of 256: no message is open; a message is open.
 */

/** The opcode, in the numbers of RFC 6455. */
export const OPCODE = 0x0f
/** The frame is the last, or the only one, of its message. */
export const FINAL = 0x10
/** The frame is a whole data message, and nothing is wrong with it. */
export const WHOLE = 0x20

/** Where the half of the table begins that holds while a message is open. */
export const MESSAGE_OPEN = 0x100

const FIN = 0x80
const RESERVED = 0x70
const CONTINUATION = 0
const BINARY = 2
const CLOSE = 8
const PONG = 10

/** RFC 6455 without extensions. */
export const MEANINGS: Uint8Array = new Uint8Array(2 * 0x100).map((_, index) => meaningOf(index))

function meaningOf(index: number): number {
  const final = (index & FIN) !== 0 ? FINAL : 0
  const opcode = index & OPCODE
  const data = opcode !== CONTINUATION && opcode <= BINARY
  const whole = final !== 0 && data && faultOf(index) === undefined ? WHOLE : 0
  return whole | final | opcode
}

/** What is wrong with a first byte, offset by MESSAGE_OPEN while a message is open; undefined: nothing. */
export function faultOf(index: number): WebSocketErrorCode | undefined {
  const opcode = index & OPCODE
  const open = index >= MESSAGE_OPEN
  if ((index & RESERVED) !== 0) return WebSocketErrorCode.reservedBit
  if (opcode >= CLOSE) {
    if (opcode > PONG) return WebSocketErrorCode.opcode
    return (index & FIN) === 0 ? WebSocketErrorCode.controlFragmented : undefined
  }
  if (opcode > BINARY) return WebSocketErrorCode.opcode
  if (opcode === CONTINUATION) return open ? undefined : WebSocketErrorCode.continuationUnexpected
  return open ? WebSocketErrorCode.continuationMissing : undefined
}
