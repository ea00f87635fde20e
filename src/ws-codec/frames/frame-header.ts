/** The header of a frame on the wire (RFC 6455 §5.2). */

const MASK = 0x80

/**
 * Bytes of the header of a frame: 2, 4 or 10, and 4 more for a masking key.
 *
 * @example
 * frameHeaderLength(126, true) // 8
 */
export function frameHeaderLength(payloadLength: number, masked: boolean): number {
  const base = payloadLength < 126 ? 2 : payloadLength < 0x10000 ? 4 : 10
  return masked ? base + 4 : base
}

/**
 * Writes a frame's header into `target` at `at`, the length in its shortest form (§5.2).
 *
 * @param firstByte FIN (0x80), the reserved bits and the opcode, as they go out
 * @param maskKey the masking key, its first octet in the lowest byte; undefined: the frame is not masked
 * @returns the position behind it
 * @example
 * const header = new Uint8Array(frameHeaderLength(5, false))
 * writeFrameHeader(header, 0, 0x81, 5, undefined) // 2; header is 81 05
 */
export function writeFrameHeader(
  target: Uint8Array,
  at: number,
  firstByte: number,
  payloadLength: number,
  maskKey?: number,
): number {
  const maskBit = maskKey === undefined ? 0 : MASK
  target[at++] = firstByte
  if (payloadLength < 126) target[at++] = maskBit | payloadLength
  else {
    target[at++] = maskBit | (payloadLength < 0x10000 ? 126 : 127)
    if (payloadLength >= 0x10000) at = writeUpperBytes(target, at, payloadLength)
    target[at++] = payloadLength >>> 8
    target[at++] = payloadLength
  }
  return maskKey === undefined ? at : writeKey(target, at, maskKey)
}

/** The upper six bytes of a 64-bit length, which is below 2^53. */
function writeUpperBytes(target: Uint8Array, at: number, length: number): number {
  const upper = Math.floor(length / 0x100000000)
  target[at] = 0
  target[at + 1] = upper >>> 16
  target[at + 2] = upper >>> 8
  target[at + 3] = upper
  target[at + 4] = length >>> 24
  target[at + 5] = length >>> 16
  return at + 6
}

function writeKey(target: Uint8Array, at: number, key: number): number {
  target[at] = key
  target[at + 1] = key >>> 8
  target[at + 2] = key >>> 16
  target[at + 3] = key >>> 24
  return at + 4
}
