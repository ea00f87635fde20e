/** A message that is inflated as it arrives (RFC 7692 §7.2.2), for whoever does not want it whole. */

import { createInflateRaw, type InflateRaw, constants as zlib } from 'node:zlib'
import { DEFLATE_END } from '../../ws-codec/handshake/permessage-deflate.ts'
import { type InflateError, type InflateState, MOST_ENDS, WINDOW_BITS } from './compression-inflate.ts'
import { SlidingWindow } from './sliding-window.ts'

/** Where the bytes of the message go. */
export interface PieceSink {
  /** The next bytes; false when no more are wanted before `resume`. */
  output(chunk: Buffer): boolean
  /** The end of the message, or why there is none. Nothing is told after. */
  ended(error: InflateError | undefined): void
}

/**
 * Inflates one message piece by piece, with an inflater of its own until its end, and one chunk of output at a time:
 * however much a piece becomes, no more of it is inflated than is wanted.
 */
export class PieceInflater {
  private readonly state: InflateState
  private readonly sink: PieceSink
  /** What can be referred to behind a BFINAL block (§7.2.3.4), and later messages with takeover. */
  private readonly window: SlidingWindow
  private stream: InflateRaw | undefined
  private piece: Uint8Array
  /** Bytes that the stream had taken before the piece. */
  private before: number
  private last: boolean
  private taken: () => void
  private wanted: boolean
  private total: number
  private ends: number

  constructor(state: InflateState, sink: PieceSink) {
    this.state = state
    this.sink = sink
    this.window = state.window ?? new SlidingWindow(WINDOW_BITS)
    this.piece = DEFLATE_END
    this.before = 0
    this.last = false
    this.taken = ignore
    this.wanted = true
    this.total = 0
    this.ends = 0
    this.stream = this.open()
  }

  /**
   * Takes the next piece, from `start` up to `end`, which is the caller's again afterwards; not before `taken` was
   * called for the piece before. It is not called for the last one: the end of the message is.
   */
  push(chunk: Uint8Array, start: number, end: number, last: boolean, taken: () => void): void {
    if (this.stream === undefined) return
    const piece = Buffer.allocUnsafeSlow(end - start + (last ? DEFLATE_END.length : 0))
    piece.set(chunk.subarray(start, end))
    if (last) piece.set(DEFLATE_END, end - start)
    // No DEFLATE data, but what some peers make of the empty message.
    if (last && end === start && this.total === 0 && this.piece === DEFLATE_END) return this.finish(undefined)
    this.piece = piece
    this.last = last
    this.taken = taken
    this.write(this.stream)
  }

  /** More output is wanted. */
  resume(): void {
    this.wanted = true
    this.stream?.resume()
  }

  /** Gives the message up; nothing is told after. With takeover, later messages cannot be inflated any more. */
  close(): void {
    this.stream?.destroy()
    this.stream = undefined
  }

  private open(): InflateRaw {
    const dictionary = this.window.bytes
    const options = { windowBits: WINDOW_BITS, flush: zlib.Z_SYNC_FLUSH }
    const stream = createInflateRaw(dictionary.length > 0 ? { ...options, dictionary } : options)
    stream.on('data', (chunk: Buffer) => this.take(chunk))
    stream.on('error', () => stream === this.stream && this.finish('corrupt'))
    stream.on('end', () => stream === this.stream && this.reachEnd())
    if (!this.wanted) stream.pause()
    return stream
  }

  private write(stream: InflateRaw): void {
    this.before = stream.bytesWritten
    stream.write(this.piece, (error) => {
      // What is left is behind a BFINAL block: the stream comes to its end.
      if (error || stream !== this.stream || this.rest > 0) return
      if (this.last) stream.end()
      else this.taken()
    })
  }

  /** Bytes of the piece that were not looked at. */
  private get rest(): number {
    return this.before + this.piece.length - this.stream!.bytesWritten
  }

  private take(chunk: Buffer): void {
    if (this.stream === undefined) return
    this.total += chunk.length
    if (this.total > this.state.limit) return this.finish('tooLarge')
    this.window.add(chunk)
    this.wanted = this.sink.output(chunk)
    if (!this.wanted) this.stream?.pause()
  }

  private reachEnd(): void {
    const { rest } = this
    if (this.last && rest <= DEFLATE_END.length) return this.finish(undefined)
    if (++this.ends > MOST_ENDS) return this.finish('corrupt')
    this.piece = this.piece.subarray(this.piece.length - rest)
    this.stream!.destroy()
    this.stream = this.open()
    this.write(this.stream)
  }

  private finish(error: InflateError | undefined): void {
    this.close()
    if (error !== undefined) this.state.lane.close()
    this.sink.ended(error)
  }
}

function ignore(): void {}
