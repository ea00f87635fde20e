/**
 * Pieces to messages. A message that lies whole in one piece is passed on where it lies. Otherwise its bytes
 * go to one buffer that at least doubles as it grows, so that however small the frames are, each byte is copied a
 * bounded number of times and a frame costs its bytes and no more. What a peer declares is no reason to reserve anything:
 * it only keeps the buffer from growing past the end of the message. The decoder bounds the message.
 */
import { FIRST, LAST } from './frame-sink.ts'

/** Where an assembler reports. */
export interface MessageSink {
  /**
   * A whole message, in `chunk` from `start` up to `end`. When `chunk` is not the one that was pushed, it is the
   * sink's for good.
   */
  message(chunk: Uint8Array, start: number, end: number, isText: boolean): void
}

const TEXT = 1
const FIRST_CAPACITY = 256
const EMPTY = new Uint8Array(0)

/**
 * Assembles the messages of one direction of one connection; `data` is the one of a `FrameSink`.
 *
 * @example
 * import { FIRST, LAST, MessageAssembler } from 'portmanteau/ws-codec'
 *
 * const seen: string[] = []
 * const assembler = new MessageAssembler({
 *   message: (chunk, start, end) => seen.push(String.fromCharCode(...chunk.subarray(start, end))),
 * })
 * assembler.data(Uint8Array.of(0x48, 0x65, 0x6c), 0, 3, 1, FIRST, -1)
 * assembler.data(Uint8Array.of(0x6c, 0x6f), 0, 2, 1, LAST, 0)
 * // seen is ['Hello']
 */
export class MessageAssembler {
  /** Bytes of an unfinished message that are kept. */
  held: number
  private readonly target: MessageSink
  private buffer: Uint8Array

  constructor(target: MessageSink) {
    this.held = 0
    this.target = target
    this.buffer = EMPTY
  }

  /** Takes a piece: see `FrameSink.data`. Without `rest`, nothing is known of what is to come. */
  data(
    chunk: Uint8Array,
    start: number,
    end: number,
    opcode: number,
    flags: number,
    rest: number = -1,
  ): void {
    if (flags === (FIRST | LAST)) {
      this.target.message(chunk, start, end, opcode === TEXT)
      return
    }
    const last = (flags & LAST) !== 0
    this.hold(chunk, start, end, last ? 0 : rest)
    if (last) this.handOver(opcode)
  }

  /** Drops what is held: the message will never be finished. */
  clear(): void {
    this.held = 0
    this.buffer = EMPTY
  }

  private hold(chunk: Uint8Array, start: number, end: number, rest: number): void {
    const held = this.held + end - start
    if (held > this.buffer.length) this.grow(held, rest)
    this.buffer.set(chunk.subarray(start, end), this.held)
    this.held = held
  }

  private grow(needed: number, rest: number): void {
    const roomy = Math.max(needed * 2, FIRST_CAPACITY)
    const larger = new Uint8Array(rest < 0 ? roomy : Math.min(roomy, needed + rest))
    larger.set(this.buffer.subarray(0, this.held))
    this.buffer = larger
  }

  private handOver(opcode: number): void {
    const { buffer, held } = this
    this.clear()
    this.target.message(buffer, 0, held, opcode === TEXT)
  }
}
