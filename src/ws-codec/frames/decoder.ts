/**
 * Frames in (RFC 6455 §5; hybi-03 by another table): bytes of one direction of a connection, cut anywhere, to pieces of
 * messages and control frames.
 *
 * States, in order of frequency. FRAME: at the first byte of a frame; a whole unfragmented message that lies in the chunk
 * is handled on the spot (`wholeMessages`). PAYLOAD: inside the payload of a data frame, which is passed on as it
 * arrives. SECOND, LENGTH, KEY: a header is being read byte by byte, out of line: it is cut by the end of a chunk, or
 * it is not that of a whole message, or it is wrong. CONTROL: inside the payload of a control frame. CLOSED: behind
 * a close frame; all that follows is dropped. FAILED: consumes nothing any more.
 *
 * The contract:
 * - the payload is unmasked in place, in the caller's chunk, and reported where it lies; only a control frame's
 *   payload that is cut by the end of a chunk is gathered, in 125 bytes of the decoder's own;
 * - a fault is reported at the first byte that proves it: the opcode at byte 1, the mask bit at byte 2, the limit when the
 *   length exceeds it, text at the byte that cannot be UTF-8. `push` returns the position behind that byte;
 * - nothing is allocated for a frame or a chunk, no byte of a data message is kept, and nothing is ever reserved by a
 *   length that a peer has declared;
 * - a sink may call `pause` from within a report, and nothing else of the decoder.
 */
import { isSendableCloseCode } from '../close-codes.ts'
import type { Decoder } from '../codec.ts'
import { closeCodeOf, WebSocketErrorCode } from '../errors.ts'
import { limit, MAX_FRAMES, MAX_MESSAGE_BYTES } from '../limits.ts'
import { unmask, unmaskText } from '../payload/mask.ts'
import { Utf8Validator } from '../payload/utf8.ts'
import {
  DEFLATED,
  FINAL,
  type FrameLayout,
  faultOf,
  MESSAGE_OPEN,
  OPCODE,
  RFC_6455,
  WHOLE,
} from './first-byte.ts'
import { COMPRESSED, type DecoderOptions, FIRST, type FrameSink, LAST } from './frame-sink.ts'

const FRAME = 0
const PAYLOAD = 1
const SECOND = 2
const LENGTH = 3
const KEY = 4
const CONTROL = 5
const CLOSED = 6
const FAILED = 7

// §5.2
const TEXT = 1
const CLOSE = 8
const MASK = 0x80
const KEY_BYTES = 4

/** §5.5 */
const CONTROL_LIMIT = 125

const EMPTY = new Uint8Array(0)

/**
 * Decodes the frames of one direction of one connection: of 7, 8 and 13, or by another layout those of hybi-03.
 *
 * @throws {WebSocketError} ERR_WS_OPTION when a limit is not an integer in its range
 * @example
 * import { FrameDecoder } from 'portmanteau/ws-codec'
 *
 * const seen: string[] = []
 * const decoder = new FrameDecoder({
 *   data: (chunk, start, end) => seen.push(String.fromCharCode(...chunk.subarray(start, end))),
 *   control: (opcode) => seen.push(`control ${opcode}`),
 *   fail: (closeCode, code) => seen.push(`${closeCode} ${code}`),
 * })
 * const frame = Uint8Array.of(0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58)
 * decoder.push(frame, 0, frame.length)
 * // seen is ['Hello']
 */
export class FrameDecoder implements Decoder {
  paused: boolean
  private readonly sink: FrameSink
  private readonly layout: FrameLayout
  private readonly deflate: boolean
  private readonly meanings: Uint8Array
  private readonly maskBit: number
  private readonly shortHeader: number
  private readonly maxMessageBytes: number
  private readonly maxFrames: number
  private readonly validateText: boolean
  private readonly validator: Utf8Validator
  private state: number
  /** The frame at hand: what its first byte means, its length, its key, and how many bytes of the header's part are missing. */
  private meaning: number
  private length: number
  private key: number
  private missing: number
  private extended: boolean
  /** The payload at hand: bytes still to come, and the phase of the mask. */
  private remaining: number
  private phase: number
  /** The message at hand: 0 or MESSAGE_OPEN, its opcode, its bytes and frames so far, the flags of its next piece. */
  private open: number
  private opcode: number
  private received: number
  private frames: number
  private flags: number
  /** The control frame at hand: where its bytes are gathered once it is cut, and how many were seen. */
  private gathered: Uint8Array
  private seen: number

  constructor(sink: FrameSink, options: DecoderOptions = {}, layout: FrameLayout = RFC_6455) {
    const masked = layout.masked && options.role !== 'client'
    this.paused = false
    this.sink = sink
    this.layout = layout
    this.deflate = options.compression ?? false
    this.meanings = this.deflate ? layout.deflatedMeanings : layout.meanings
    this.maskBit = masked ? MASK : 0
    this.shortHeader = masked ? 2 + KEY_BYTES : 2
    this.maxMessageBytes = limit('maxMessageBytes', options.maxMessageBytes ?? MAX_MESSAGE_BYTES, 0)
    this.maxFrames = limit('maxFrames', options.maxFrames ?? MAX_FRAMES, 1)
    this.validateText = options.validateText ?? true
    this.validator = new Utf8Validator(options.isUtf8)
    this.state = FRAME
    this.meaning = 0
    this.length = 0
    this.key = 0
    this.missing = 0
    this.extended = false
    this.remaining = 0
    this.phase = 0
    this.open = 0
    this.opcode = 0
    this.received = 0
    this.frames = 0
    this.flags = 0
    this.gathered = EMPTY
    this.seen = 0
  }

  get failed(): boolean {
    return this.state === FAILED
  }

  get closed(): boolean {
    return this.state === CLOSED
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }

  push(chunk: Uint8Array, pos: number, end: number): number {
    while (pos < end && !this.paused) {
      switch (this.state) {
        case FRAME:
          pos = this.wholeMessages(chunk, pos, end)
          if (pos < end && !this.paused && this.state === FRAME) pos = this.first(chunk, pos)
          break
        case PAYLOAD:
          pos = this.payload(chunk, pos, end)
          break
        case SECOND:
          pos = this.second(chunk, pos)
          break
        case LENGTH:
          pos = this.extendedLength(chunk, pos)
          break
        case KEY:
          pos = this.maskingKey(chunk, pos)
          break
        case CONTROL:
          pos = this.control(chunk, pos, end)
          break
        case CLOSED:
          return end
        default:
          return pos
      }
    }
    return pos
  }

  /** The fast path: stops at the first frame that is not a whole message in the chunk, or not in order. */
  private wholeMessages(chunk: Uint8Array, pos: number, end: number): number {
    const { meanings, maskBit, shortHeader, maxMessageBytes, sink } = this
    while (end - pos >= shortHeader) {
      const meaning = meanings[this.open | chunk[pos]]
      const second = chunk[pos + 1]
      let at = pos + shortHeader
      let length = second & 0x7f
      if (length >= 126) {
        at += 2
        length = at > end || length === 127 ? -1 : (chunk[pos + 2] << 8) | chunk[pos + 3]
        if (length < 126) return pos
      }
      const stop = at + length
      if ((meaning & WHOLE) === 0 || stop > end || (second & MASK) !== maskBit || length > maxMessageBytes)
        return pos
      const key = maskBit === 0 ? 0 : keyBefore(chunk, at)
      if ((meaning & (DEFLATED | OPCODE)) === TEXT && this.validateText) {
        const bad = this.text(chunk, at, stop, key, 0, true)
        if (bad >= 0) return this.fail(WebSocketErrorCode.textInvalid, bad)
      } else if (maskBit !== 0) unmask(chunk, at, stop, key, 0)
      pos = stop
      sink.data(chunk, at, stop, meaning & OPCODE, FIRST | LAST | ((meaning & DEFLATED) >> 4), 0)
      if (this.paused) return pos
    }
    return pos
  }

  private first(chunk: Uint8Array, pos: number): number {
    const byte = chunk[pos++]
    const fault = faultOf(this.open | this.layout.firstBytes[byte], this.deflate)
    if (fault !== undefined) return this.fail(fault, pos)
    const meaning = this.meanings[this.open | byte]
    this.meaning = meaning
    this.state = SECOND
    if ((meaning & OPCODE) >= CLOSE) return pos
    this.open = (meaning & FINAL) === 0 ? MESSAGE_OPEN : 0
    if ((meaning & OPCODE) !== 0) this.startMessage(meaning)
    else if (++this.frames > this.maxFrames) return this.fail(WebSocketErrorCode.tooManyFrames, pos)
    return pos
  }

  private startMessage(meaning: number): void {
    this.opcode = meaning & OPCODE
    this.received = 0
    this.frames = 1
    this.flags = (meaning & DEFLATED) !== 0 ? FIRST | COMPRESSED : FIRST
  }

  private second(chunk: Uint8Array, pos: number): number {
    const byte = chunk[pos++]
    const length = byte & 0x7f
    const fault = this.faultOfSecond(byte & MASK, length)
    if (fault !== undefined) return this.fail(fault, pos)
    if (length < 126) return this.lengthKnown(chunk, pos, length)
    this.state = LENGTH
    this.length = 0
    this.extended = length === 127
    this.missing = this.extended ? 8 : 2
    return pos
  }

  private faultOfSecond(mask: number, length: number): WebSocketErrorCode | undefined {
    if (mask !== this.maskBit) {
      if (!this.layout.masked) return WebSocketErrorCode.reservedBit
      return mask === 0 ? WebSocketErrorCode.maskMissing : WebSocketErrorCode.maskUnexpected
    }
    const opcode = this.meaning & OPCODE
    if (opcode >= CLOSE && length > CONTROL_LIMIT) return WebSocketErrorCode.controlTooLarge
    if (opcode === CLOSE && length === 1 && this.layout.closeCodes) return WebSocketErrorCode.closeLength
    return undefined
  }

  /** One byte of a 16-bit or 64-bit length. The bytes so far tell what it is at least. */
  private extendedLength(chunk: Uint8Array, pos: number): number {
    const byte = chunk[pos++]
    if (this.missing === 8 && byte >= 0x80) return this.fail(WebSocketErrorCode.lengthInvalid, pos)
    this.missing--
    const length = this.length * 0x100 + byte
    if (this.missing === 0 && length < (this.extended ? 0x10000 : 126)) {
      return this.fail(WebSocketErrorCode.lengthNotMinimal, pos)
    }
    if (length * 0x100 ** this.missing > this.maxMessageBytes - this.received) {
      return this.fail(WebSocketErrorCode.messageTooLarge, pos)
    }
    this.length = length
    return this.missing === 0 ? this.lengthKnown(chunk, pos, length) : pos
  }

  private lengthKnown(chunk: Uint8Array, pos: number, length: number): number {
    if ((this.meaning & OPCODE) < CLOSE) {
      if (length > this.maxMessageBytes - this.received)
        return this.fail(WebSocketErrorCode.messageTooLarge, pos)
      this.received += length
    }
    this.remaining = length
    this.phase = 0
    if (this.maskBit === 0) return this.begin(chunk, pos)
    this.state = KEY
    this.key = 0
    this.missing = KEY_BYTES
    return pos
  }

  private maskingKey(chunk: Uint8Array, pos: number): number {
    this.key |= chunk[pos++] << (8 * (KEY_BYTES - this.missing))
    this.missing--
    return this.missing === 0 ? this.begin(chunk, pos) : pos
  }

  /** The header is complete. A frame without a payload is complete with it. */
  private begin(chunk: Uint8Array, pos: number): number {
    const opcode = this.meaning & OPCODE
    if (opcode === CLOSE) this.validator.reset()
    this.seen = 0
    this.state = opcode >= CLOSE ? CONTROL : PAYLOAD
    if (this.remaining !== 0) return pos
    return opcode >= CLOSE ? this.control(chunk, pos, pos) : this.payload(chunk, pos, pos)
  }

  private payload(chunk: Uint8Array, pos: number, end: number): number {
    const stop = Math.min(end, pos + this.remaining)
    const rest = this.remaining - (stop - pos)
    const final = (this.meaning & FINAL) !== 0
    const last = final && rest === 0
    if (this.opcode === TEXT && this.flags < COMPRESSED && this.validateText) {
      const bad = this.text(chunk, pos, stop, this.key, this.phase, last)
      if (bad >= 0) return this.fail(WebSocketErrorCode.textInvalid, bad)
    } else if (this.maskBit !== 0) unmask(chunk, pos, stop, this.key, this.phase)
    this.phase = (this.phase + stop - pos) & 3
    this.remaining = rest
    if (rest === 0) this.state = FRAME
    if (stop === pos && !last) return stop
    const flags = last ? this.flags | LAST : this.flags
    this.flags &= COMPRESSED
    this.sink.data(chunk, pos, stop, this.opcode, flags, final ? rest : -1)
    return stop
  }

  /** Unmasks and validates. Returns -1, or the position behind the byte that proves the text wrong. */
  private text(
    chunk: Uint8Array,
    start: number,
    stop: number,
    key: number,
    phase: number,
    last: boolean,
  ): number {
    const { validator } = this
    if (
      this.maskBit !== 0 &&
      (unmaskText(chunk, start, stop, key, phase) & 0x80) === 0 &&
      validator.complete
    ) {
      return -1
    }
    const reached = validator.push(chunk, start, stop)
    if (reached < 0) return -reached
    return last && !validator.complete ? stop : -1
  }

  private control(chunk: Uint8Array, pos: number, end: number): number {
    const stop = Math.min(end, pos + this.remaining)
    const opcode = this.meaning & OPCODE
    if (this.maskBit !== 0) this.phase = unmask(chunk, pos, stop, this.key, this.phase)
    this.remaining -= stop - pos
    if (opcode === CLOSE && this.layout.closeCodes) {
      const failed = this.checkClose(chunk, pos, stop)
      if (failed >= 0) return failed
    }
    if (this.remaining !== 0 || this.seen !== 0) this.gather(chunk, pos, stop)
    if (this.remaining !== 0) return stop
    this.state = opcode === CLOSE ? CLOSED : FRAME
    if (opcode === CLOSE && !this.layout.closeCodes) this.sink.control(CLOSE, EMPTY, 0, 0)
    else if (this.seen === 0) this.sink.control(opcode, chunk, pos, stop)
    else this.sink.control(opcode, this.gathered, 0, this.seen)
    return stop
  }

  private gather(chunk: Uint8Array, pos: number, stop: number): void {
    if (this.gathered === EMPTY) this.gathered = new Uint8Array(CONTROL_LIMIT)
    while (pos < stop) this.gathered[this.seen++] = chunk[pos++]
  }

  /** §5.5.1: two bytes of code, then the reason. Returns -1, or the position at which it has failed. */
  private checkClose(chunk: Uint8Array, pos: number, stop: number): number {
    const second = pos + 1 - this.seen
    if (second >= pos && second < stop) {
      const upper = second === pos ? this.gathered[0] : chunk[pos]
      const code = (upper << 8) | chunk[second]
      if (!isSendableCloseCode(code)) return this.fail(WebSocketErrorCode.closeCode, second + 1)
    }
    const reached = this.validator.push(chunk, Math.max(pos, second + 1), stop)
    if (reached < 0) return this.fail(WebSocketErrorCode.closeReason, -reached)
    if (this.remaining === 0 && !this.validator.complete)
      return this.fail(WebSocketErrorCode.closeReason, stop)
    return -1
  }

  private fail(code: WebSocketErrorCode, pos: number): number {
    this.state = FAILED
    this.sink.fail(closeCodeOf(code), code)
    return pos
  }
}

/** The masking key that ends where the payload begins, its first octet in the lowest byte. */
function keyBefore(chunk: Uint8Array, at: number): number {
  return chunk[at - 4] | (chunk[at - 3] << 8) | (chunk[at - 2] << 16) | (chunk[at - 1] << 24)
}
