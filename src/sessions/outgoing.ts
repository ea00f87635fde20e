/**
 * What a session still has to send: a queue of frames in two parts. The first was handed to a carrier and is not known to
 * have arrived; the second waits. A frame leaves the queue when it is confirmed, and goes back to waiting when its carrier
 * has broken, so that nothing is lost and nothing changes places. Bounded in bytes and in frames, both parts together.
 */
import { type Encoding, encodeFrame, type Frame, FrameType } from './coding/encoder.ts'
import { textLength } from './coding/utf8.ts'

interface Queued {
  readonly frame: Frame
  /** Of a message's text, in UTF-8; 0 of what the session itself has to say. */
  readonly bytes: number
}

export class Outgoing {
  /** Bytes of the texts of all messages, their annotations not counted. */
  bytes: number
  private readonly byteLimit: number
  private readonly countLimit: number
  private frames: Queued[]
  /** How many of the frames were handed over. */
  private handed: number

  constructor(byteLimit: number, countLimit: number) {
    this.bytes = 0
    this.byteLimit = byteLimit
    this.countLimit = countLimit
    this.frames = []
    this.handed = 0
  }

  /** Frames that wait for a carrier. */
  get waiting(): number {
    return this.frames.length - this.handed
  }

  /** Messages that are not known to have arrived; what the session itself sends is none. */
  get messages(): number {
    return this.frames.filter(({ frame }) => frame.type === FrameType.message).length
  }

  /** Whether a frame has annotations, which only one encoding can carry. */
  get annotated(): boolean {
    return this.frames.some(({ frame }) => frame.annotations.size > 0)
  }

  /** Adds a message; false, and nothing is added, if it does not fit any more. */
  push(frame: Frame): boolean {
    const bytes = textLength(frame.text)
    if (this.frames.length >= this.countLimit || this.bytes + bytes > this.byteLimit) return false
    this.add(frame, bytes)
    return true
  }

  /** Adds what the session itself has to say: never more than an id, a heartbeat and a disconnection, so that it always fits. */
  pushControl(frame: Frame): void {
    this.add(frame, 0)
  }

  /** Everything that waits, encoded in one batch; it counts as handed over then. */
  take(encoding: Encoding, withoutReturns: boolean): string {
    let batch = ''
    for (; this.handed < this.frames.length; this.handed++)
      batch += encodeFrame(this.frames[this.handed]!.frame, encoding, withoutReturns)
    return batch
  }

  /** What was handed over has arrived. */
  confirm(): void {
    if (this.handed === 0) return
    for (let at = 0; at < this.handed; at++) this.bytes -= this.frames[at]!.bytes
    if (this.handed === this.frames.length) this.frames = []
    else this.frames.splice(0, this.handed)
    this.handed = 0
  }

  /** What was handed over has not arrived: it waits again. Heartbeats concern the carrier that they were for. */
  restore(): void {
    this.handed = 0
    this.frames = this.frames.filter(({ frame }) => frame.type !== FrameType.heartbeat)
  }

  clear(): void {
    this.frames = []
    this.handed = 0
    this.bytes = 0
  }

  private add(frame: Frame, bytes: number): void {
    this.frames.push({ frame, bytes })
    this.bytes += bytes
  }
}
