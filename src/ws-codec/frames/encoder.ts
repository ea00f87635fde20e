/**
 * Frames out (RFC 6455 §5.2). Functions without state: the caller owns the buffer, says whether a frame is
 * final, and hands in the masking key where one is due (a client masks every frame, a server none, §5.1).
 * Nothing is made before everything has been checked.
 */
import { isSendableCloseCode } from '../close-codes.ts'
import { WebSocketError, WebSocketErrorCode } from '../errors.ts'
import { mask } from '../payload/mask.ts'
import { encodeUtf8, isUtf8, utf8Length } from '../payload/utf8.ts'
import { frameHeaderLength, writeFrameHeader } from './frame-header.ts'
import { sharedHeader } from './header-cache.ts'

const FIN = 0x80
/** RFC 7692 §6: the message is compressed. */
const RSV1 = 0x40
const CLOSE = 0x8
/** §5.5 */
const CONTROL_LIMIT = 125
const REASON_LIMIT = CONTROL_LIMIT - 2
const EMPTY = new Uint8Array(0)

/**
 * A frame's header; parameters and errors are those of `encodeFrame`. Without a masking key it is to be read only: the
 * next frame of that length gets the same.
 *
 * @example
 * encodeHeader(1, true, 5) // 81 05
 */
export function encodeHeader(
  opcode: number,
  fin: boolean,
  length: number,
  maskKey?: number,
  compressed?: boolean,
): Uint8Array {
  checkFrame(opcode, fin, length, compressed === true)
  const first = firstByte(opcode, fin, compressed === true)
  if (maskKey === undefined) return sharedHeader(first, length)
  const header = new Uint8Array(frameHeaderLength(length, true))
  writeFrameHeader(header, 0, first, length, maskKey)
  return header
}

/**
 * One frame in a buffer of its own. The payload is `payload` from `start` up to `end`.
 *
 * @param opcode 0 continuation, 1 text, 2 binary, 8 close, 9 ping, 10 pong (§5.2)
 * @param fin whether the message ends with this frame
 * @param compressed whether the message that begins with this frame is compressed (RFC 7692 §6)
 * @throws {WebSocketError} ERR_WS_OPCODE, ERR_WS_CONTROL_FRAGMENTED or ERR_WS_CONTROL_TOO_LARGE; ERR_WS_RESERVED_BIT
 *   when a frame that begins no message is to be compressed
 * @example
 * encodeFrame(9, true, Uint8Array.of(0x48, 0x69), 0, 2) // 89 02 48 69
 */
export function encodeFrame(
  opcode: number,
  fin: boolean,
  payload: Uint8Array,
  start: number,
  end: number,
  maskKey?: number,
  compressed?: boolean,
): Uint8Array {
  checkFrame(opcode, fin, end - start, compressed === true)
  const frame = new Uint8Array(frameHeaderLength(end - start, maskKey !== undefined) + end - start)
  writeFrame(frame, 0, firstByte(opcode, fin, compressed === true), payload, start, end, maskKey)
  return frame
}

/**
 * As `encodeFrame`, into `target` at `at`.
 *
 * @returns the position behind the frame
 * @throws {RangeError} when `target` has no room: it needs `frameHeaderLength(length, masked) + length` bytes
 * @example
 * import { encodeFrameInto } from 'portmanteau/ws-codec'
 *
 * const target = new Uint8Array(64)
 * encodeFrameInto(target, 0, 0x1, true, Uint8Array.of(0x68, 0x69), 0, 2) // 4: target begins with 81 02 68 69
 */
export function encodeFrameInto(
  target: Uint8Array,
  at: number,
  opcode: number,
  fin: boolean,
  payload: Uint8Array,
  start: number,
  end: number,
  maskKey?: number,
  compressed?: boolean,
): number {
  checkFrame(opcode, fin, end - start, compressed === true)
  const length = frameHeaderLength(end - start, maskKey !== undefined) + end - start
  if (target.length - at < length) {
    throw new RangeError(
      `Cannot encode the frame: it needs ${length} bytes, and ${target.length - at} are left`,
    )
  }
  return writeFrame(target, at, firstByte(opcode, fin, compressed === true), payload, start, end, maskKey)
}

function writeFrame(
  target: Uint8Array,
  at: number,
  first: number,
  payload: Uint8Array,
  start: number,
  end: number,
  maskKey: number | undefined,
): number {
  const length = end - start
  at = writeFrameHeader(target, at, first, length, maskKey)
  if (maskKey !== undefined) mask(payload, start, end, target, at, maskKey)
  else if (length === payload.length) target.set(payload, at)
  else target.set(payload.subarray(start, end), at)
  return at + length
}

function firstByte(opcode: number, fin: boolean, compressed: boolean): number {
  return (fin ? FIN : 0) | (compressed ? RSV1 : 0) | opcode
}

function checkFrame(opcode: number, fin: boolean, length: number, compressed: boolean): void {
  if (compressed && opcode !== 1 && opcode !== 2) {
    const message = 'Cannot encode the frame: only one that begins a message is marked as compressed'
    throw new WebSocketError(WebSocketErrorCode.reservedBit, message)
  }
  if (opcode === 0 || opcode === 1 || opcode === 2) return
  if (opcode !== CLOSE && opcode !== 9 && opcode !== 10) {
    throw new WebSocketError(WebSocketErrorCode.opcode, `Cannot encode the frame: its opcode is ${opcode}`)
  }
  if (!fin) {
    const message = 'Cannot encode the frame: a control frame is never fragmented'
    throw new WebSocketError(WebSocketErrorCode.controlFragmented, message)
  }
  if (length > CONTROL_LIMIT) {
    const message = `Cannot encode the frame: its payload is ${length} bytes, of ${CONTROL_LIMIT} at most`
    throw new WebSocketError(WebSocketErrorCode.controlTooLarge, message)
  }
}

/**
 * A close frame (§5.5.1).
 *
 * @param code a code that may be sent (§7.4); undefined: the frame carries none, and no reason
 * @param reason text, or bytes in UTF-8; 123 bytes at most
 * @throws {WebSocketError} ERR_WS_CLOSE_CODE, ERR_WS_CONTROL_TOO_LARGE or ERR_WS_CLOSE_REASON
 * @example
 * encodeClose(1000, 'bye') // 88 05 03 e8 62 79 65
 */
export function encodeClose(code?: number, reason: string | Uint8Array = '', maskKey?: number): Uint8Array {
  const length = checkClose(code, reason)
  if (code === undefined) return encodeFrame(CLOSE, true, EMPTY, 0, 0, maskKey)
  const payload = new Uint8Array(2 + length)
  payload[0] = code >>> 8
  payload[1] = code
  if (typeof reason === 'string') encodeUtf8(reason, payload, 2)
  else payload.set(reason, 2)
  return encodeFrame(CLOSE, true, payload, 0, payload.length, maskKey)
}

/** Throws when a close frame must not say so; else returns the length of the reason in bytes. */
export function checkClose(code: number | undefined, reason: string | Uint8Array): number {
  const length = typeof reason === 'string' ? utf8Length(reason) : reason.length
  if (code === undefined ? length > 0 : !isSendableCloseCode(code)) {
    const fault = code === undefined ? 'a reason needs a code' : `the code ${code} must not be sent`
    throw new WebSocketError(WebSocketErrorCode.closeCode, `Cannot close: ${fault}`)
  }
  if (length > REASON_LIMIT) {
    const message = `Cannot close: the reason is ${length} bytes, of ${REASON_LIMIT} at most`
    throw new WebSocketError(WebSocketErrorCode.controlTooLarge, message)
  }
  if (typeof reason !== 'string' && !isUtf8(reason, 0, length)) {
    throw new WebSocketError(WebSocketErrorCode.closeReason, 'Cannot close: the reason is not UTF-8')
  }
  return length
}

/** Throws where a host marks a message as compressed, although the version has no extensions. */
export function checkUncompressed(compressed: boolean | undefined): void {
  if (compressed !== true) return
  const message = 'Cannot encode the frame: this version of the protocol has no compressed messages'
  throw new WebSocketError(WebSocketErrorCode.reservedBit, message)
}
