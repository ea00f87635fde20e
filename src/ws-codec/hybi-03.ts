/**
 * The frames of draft-ietf-hybi-thewebsocketprotocol-03 §4.2, told as differences to RFC 6455's.
 *
 *     byte 0: MORE RSV1 RSV2 RSV3 opcode(4)    MORE is FIN inverted
 *     byte 1: RSV4 length(7)                   126 and 127: 16 or 64 bits follow
 *
 * Nobody masks. Opcodes: 0 continuation, 1 close, 2 ping, 3 pong, 4 text, 5 binary. A close frame carries no code; it is
 * answered with one. Limits are RFC 6455's.
 */
import type { Codec } from './codec.ts'
import { FrameDecoder } from './frames/decoder.ts'
import { checkClose, checkUncompressed, encodeFrame, encodeHeader } from './frames/encoder.ts'
import { type FrameLayout, layoutOf } from './frames/first-byte.ts'

/** FIN, or MORE. */
const HIGH_BIT = 0x80
const RESERVED = 0x70
const OPCODE = 0x0f

/** The draft's opcodes, by their place, in the numbers of RFC 6455. */
const OPCODES = [0, 8, 9, 10, 1, 2]
/** One that RFC 6455 does not know either. */
const UNKNOWN = 3

const CLOSE = 8
const EMPTY = new Uint8Array(0)

const LAYOUT: FrameLayout = layoutOf(toRfc6455, false, false)

function toRfc6455(firstByte: number): number {
  const opcode = OPCODES[firstByte & OPCODE] ?? UNKNOWN
  return ((firstByte & HIGH_BIT) ^ HIGH_BIT) | (firstByte & RESERVED) | opcode
}

/** A frame that RFC 6455 would send unmasked, with its first byte as the draft has it. */
function translate(frame: Uint8Array): Uint8Array {
  frame[0] = ((frame[0] & HIGH_BIT) ^ HIGH_BIT) | OPCODES.indexOf(frame[0] & OPCODE)
  return frame
}

export const HYBI_03: Codec = {
  version: 'hybi-03',
  hasBinary: true,
  hasPing: true,
  hasClose: true,
  hasCloseCodes: false,
  masked: false,
  createDecoder: (sink, options) => new FrameDecoder(sink, { ...options, compression: false }, LAYOUT),
  header(opcode, final, length, _maskKey, compressed) {
    checkUncompressed(compressed)
    // A copy: the header is shared, and is translated in place.
    return translate(encodeHeader(opcode, final, length).slice())
  },
  trailer: EMPTY,
  frame(opcode, final, payload, start, end, _maskKey, compressed) {
    checkUncompressed(compressed)
    if (opcode === CLOSE) return translate(encodeFrame(CLOSE, final, EMPTY, 0, 0))
    return translate(encodeFrame(opcode, final, payload, start, end))
  },
  close(code, reason = '') {
    checkClose(code, reason)
    return translate(encodeFrame(CLOSE, true, EMPTY, 0, 0))
  },
}
