/**
 * Frames in, as draft-hixie-thewebsocketprotocol-75 and -76 have them (§4.3 and §5.3): bytes of one direction of a
 * connection, cut anywhere, to pieces of text messages.
 *
 *     text frame = 00, UTF-8, FF
 *     other      = 01–7F, bytes without FF, FF
 *     binary     = 80–FF, length in base 128 with the high bit of all digits but the last set, so many bytes
 *
 * Both drafts have one kind of message only, the frame 00. The other frames are there for versions to come, and are read
 * and dropped; the client of 76 moreover reports an error to the page, and goes on. So do we, without the report: nothing
 * was lost that a version could have meant. In 76 the frame FF 00 starts or answers the closing handshake; in 75 it is
 * one of those that are dropped.
 *
 * States, in order of frequency. FRAME: at the first byte of a frame. TEXT: inside a text frame. SKIP_TEXT: inside another
 * frame that ends with FF. LENGTH: inside the length of a binary frame. SKIP: inside its bytes. CLOSED: behind FF 00; all that
 * follows is dropped. FAILED: consumes nothing any more.
 *
 * The contract is that of `FrameDecoder`; nothing is masked, so that chunks are never written to. A frame of either
 * kind has a limit, dropped or not, and a length is refused by the digit that takes it past the limit: leading digits of
 * zero, which would let it grow without end, are counted too, and so are dropped frames in a row. No message comes in more than one frame, but as nothing
 * tells the length of a text, a piece is `LAST` only when its FF lies in the chunk too.
 */
import type { Decoder } from '../codec.ts'
import { closeCodeOf, WebSocketErrorCode } from '../errors.ts'
import { limit, MAX_FRAMES, MAX_MESSAGE_BYTES } from '../limits.ts'
import { Utf8Validator } from '../payload/utf8.ts'
import { type DecoderOptions, FIRST, type FrameSink, LAST } from './frame-sink.ts'

const FRAME = 0
const TEXT = 1
const SKIP_TEXT = 2
const LENGTH = 3
const SKIP = 4
const CLOSED = 5
const FAILED = 6

/** What ends a text; UTF-8 never has it. As the type of a frame, it may be the closing frame. */
const END = 0xff
const BINARY = 0x80

/** The numbers of RFC 6455, in which sinks are told. */
const TEXT_MESSAGE = 1
const CLOSE = 8

/** 128^7 is 2^49: more digits are refused, whatever they say. */
const MAX_DIGITS = 7
/**
 * Up to here a loop finds the FF faster than `indexOf` does, which needs a view: 211 against 249 ns over 64 bytes, 385
 * against 319 ns over 128 (Node 20).
 */
const LOOP_UP_TO = 96
const EMPTY = new Uint8Array(0)

/**
 * Decodes the frames of one direction of one hixie connection; `maxFrames` bounds the dropped frames in a row,
 * `compression` and `role` have no meaning.
 *
 * @throws {WebSocketError} ERR_WS_OPTION when a limit is not an integer in its range
 * @example
 * import { codecOf } from 'portmanteau/ws-codec'
 *
 * const sink = { data() {}, control() {}, fail() {} }
 * const decoder = codecOf('hixie-76').createDecoder(sink, {}) // a HixieDecoder
 * decoder.push(Uint8Array.of(0x00, 0x68, 0x69, 0xff), 0, 4) // data: 'hi'
 */
export class HixieDecoder implements Decoder {
  paused: boolean
  private readonly sink: FrameSink
  /** Whether FF 00 closes. */
  private readonly closes: boolean
  private readonly maxMessageBytes: number
  private readonly maxFrames: number
  private readonly validateText: boolean
  private readonly validator: Utf8Validator
  private state: number
  /** The frame at hand: its type, its bytes so far, or still to come once a length is known; digits of the length. */
  private type: number
  private count: number
  private digits: number
  private flags: number
  /** Dropped frames since the last message. */
  private dropped: number

  constructor(sink: FrameSink, closes: boolean, options: DecoderOptions = {}) {
    this.paused = false
    this.sink = sink
    this.closes = closes
    this.maxMessageBytes = limit('maxMessageBytes', options.maxMessageBytes ?? MAX_MESSAGE_BYTES, 0)
    this.maxFrames = limit('maxFrames', options.maxFrames ?? MAX_FRAMES, 1)
    this.validateText = options.validateText ?? true
    this.validator = new Utf8Validator(options.isUtf8)
    this.state = FRAME
    this.type = 0
    this.count = 0
    this.digits = 0
    this.flags = 0
    this.dropped = 0
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
          this.begin(chunk[pos++])
          break
        case TEXT:
          pos = this.text(chunk, pos, end)
          break
        case SKIP_TEXT:
          pos = this.skipText(chunk, pos, end)
          break
        case LENGTH:
          pos = this.length(chunk[pos], pos + 1)
          break
        case SKIP:
          pos = this.skip(pos, end)
          break
        case CLOSED:
          return end
        default:
          return pos
      }
    }
    return pos
  }

  private begin(type: number): void {
    this.type = type
    this.count = 0
    this.digits = 0
    this.flags = FIRST
    this.state = type === 0 ? TEXT : type < BINARY ? SKIP_TEXT : LENGTH
  }

  private text(chunk: Uint8Array, pos: number, end: number): number {
    const stop = this.endOfText(chunk, pos, end)
    const tooLarge = this.excess(pos, stop)
    const readable = tooLarge < 0 ? stop : tooLarge - 1
    if (this.validateText) {
      const reached = this.validator.push(chunk, pos, readable)
      if (reached < 0) return this.fail(WebSocketErrorCode.textInvalid, -reached)
    }
    if (tooLarge >= 0) return this.fail(WebSocketErrorCode.messageTooLarge, tooLarge)
    const last = stop < end
    this.dropped = 0
    if (last && this.validateText && !this.validator.complete)
      return this.fail(WebSocketErrorCode.textInvalid, stop + 1)
    this.count += stop - pos
    if (last) this.state = FRAME
    const flags = last ? this.flags | LAST : this.flags
    this.flags = 0
    this.sink.data(chunk, pos, stop, TEXT_MESSAGE, flags, last ? 0 : -1)
    return last ? stop + 1 : stop
  }

  /** Where the FF lies, or `end`. */
  private endOfText(chunk: Uint8Array, pos: number, end: number): number {
    const near = Math.min(end, pos + LOOP_UP_TO)
    while (pos < near && chunk[pos] !== END) pos++
    if (pos < near || pos === end) return pos
    const found = chunk.subarray(pos, end).indexOf(END)
    return found < 0 ? end : pos + found
  }

  /** The position behind the byte that takes the frame past its limit, or -1. */
  private excess(pos: number, stop: number): number {
    const room = this.maxMessageBytes - this.count
    return stop - pos > room ? pos + room + 1 : -1
  }

  private skipText(chunk: Uint8Array, pos: number, end: number): number {
    const stop = this.endOfText(chunk, pos, end)
    const tooLarge = this.excess(pos, stop)
    if (tooLarge >= 0) return this.fail(WebSocketErrorCode.messageTooLarge, tooLarge)
    this.count += stop - pos
    return stop === end ? stop : this.drop(stop + 1)
  }

  /** One digit of a length. The digits so far tell what it is at least. */
  private length(digit: number, pos: number): number {
    const length = this.count * 0x80 + (digit & 0x7f)
    const more = digit >= 0x80
    this.digits++
    if (length > this.maxMessageBytes || (more && this.digits === MAX_DIGITS))
      return this.fail(WebSocketErrorCode.messageTooLarge, pos)
    this.count = length
    if (more) return pos
    this.state = SKIP
    if (length !== 0) return pos
    if (this.type !== END || !this.closes) return this.drop(pos)
    this.state = CLOSED
    this.sink.control(CLOSE, EMPTY, 0, 0)
    return pos
  }

  private skip(pos: number, end: number): number {
    const stop = Math.min(end, pos + this.count)
    this.count -= stop - pos
    return this.count === 0 ? this.drop(stop) : stop
  }

  /** A frame is dropped that ends at `pos`. */
  private drop(pos: number): number {
    this.state = FRAME
    return ++this.dropped > this.maxFrames ? this.fail(WebSocketErrorCode.tooManyFrames, pos) : pos
  }

  private fail(code: WebSocketErrorCode, pos: number): number {
    this.state = FAILED
    this.sink.fail(closeCodeOf(code), code)
    return pos
  }
}
