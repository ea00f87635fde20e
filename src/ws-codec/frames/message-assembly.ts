/**
 * Pieces to messages. A message that lies whole in one piece is passed on where it lies. Otherwise its bytes
 * go to one buffer that at least doubles as it grows, so that however small the frames are, each byte is copied a
 * bounded number of times and a frame costs its bytes and no more. What a peer declares is no reason to reserve anything:
 * it keeps the buffer from growing past the end of the message, and while the end is known the buffer grows fourfold, of
 * what has arrived. Of a host whose chunks are its own, large pieces are kept where they lie and joined once: nothing
 * is reserved at all, and each byte is copied once. The decoder bounds the message.
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

/** What an assembler takes of its host. */
export interface AssemblerOptions {
  /**
   * Makes a buffer of so many bytes, which need not be zeros: only what was written to it is handed on. A host that
   * has such buffers saves clearing them. Default: `new Uint8Array(bytes)`.
   */
  readonly allocate?: (bytes: number) => Uint8Array
  /**
   * Whether nobody writes to a chunk again once it was pushed. Pieces from 4 KiB up that are half of their chunk's
   * buffer or more are then kept where they lie until the message is whole. Default: false.
   */
  readonly keepChunks?: boolean
}

const TEXT = 1
const FIRST_CAPACITY = 256
/** A piece that is kept costs 200 bytes besides. */
const KEEP_FROM = 4096
const EMPTY = new Uint8Array(0)
const NO_PIECES: Uint8Array[] = []

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
  private readonly allocate: (bytes: number) => Uint8Array
  private readonly keepChunks: boolean
  /** Pieces that are kept, and between them what was copied. */
  private pieces: Uint8Array[]
  /** What is copied at the moment, and how much of it is filled. */
  private buffer: Uint8Array
  private filled: number

  constructor(target: MessageSink, options: AssemblerOptions = {}) {
    this.held = 0
    this.target = target
    this.allocate = options.allocate ?? zeroed
    this.keepChunks = options.keepChunks ?? false
    this.pieces = NO_PIECES
    this.buffer = EMPTY
    this.filled = 0
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
    if (this.keepChunks && isKept(chunk, end - start)) this.keep(chunk.subarray(start, end))
    else this.copy(chunk, start, end, last ? 0 : rest)
    this.held += end - start
    if (last) this.handOver(opcode)
  }

  /** Drops what is held: the message will never be finished. */
  clear(): void {
    this.held = 0
    this.pieces = NO_PIECES
    this.buffer = EMPTY
    this.filled = 0
  }

  private keep(piece: Uint8Array): void {
    if (this.pieces === NO_PIECES) this.pieces = []
    this.seal()
    this.pieces.push(piece)
  }

  /** What was copied so far is a piece of its own. */
  private seal(): void {
    if (this.filled === 0) return
    this.pieces.push(this.buffer.subarray(0, this.filled))
    this.buffer = EMPTY
    this.filled = 0
  }

  private copy(chunk: Uint8Array, start: number, end: number, rest: number): void {
    const filled = this.filled + end - start
    if (filled > this.buffer.length) this.grow(filled, rest)
    this.buffer.set(chunk.subarray(start, end), this.filled)
    this.filled = filled
  }

  private grow(needed: number, rest: number): void {
    const roomy = rest < 0 ? Math.max(needed * 2, FIRST_CAPACITY) : Math.min(needed * 4, needed + rest)
    const larger = this.allocate(roomy)
    if (this.filled !== 0) larger.set(this.buffer.subarray(0, this.filled))
    this.buffer = larger
  }

  private handOver(opcode: number): void {
    const { held } = this
    const whole = this.pieces === NO_PIECES ? this.buffer : this.joined()
    this.clear()
    this.target.message(whole, 0, held, opcode === TEXT)
  }

  private joined(): Uint8Array {
    this.seal()
    const whole = this.allocate(this.held)
    let at = 0
    for (const piece of this.pieces) {
      whole.set(piece, at)
      at += piece.length
    }
    return whole
  }
}

function isKept(chunk: Uint8Array, length: number): boolean {
  return length >= KEEP_FROM && length * 2 >= chunk.buffer.byteLength
}

function zeroed(bytes: number): Uint8Array {
  return new Uint8Array(bytes)
}
