/**
 * A channel in front of another that codes the answer on its way, where the client and the answer allow it. The head goes
 * out when it is known what the body becomes: at the latest when a whole answer is coded, else with the first part.
 *
 * An answer that was given whole, or finished, may be still at work here: it is `busy` then, and tells its owner when the
 * answer has left.
 */
import { type AnswerHead, markCoded } from '../../../http/index.ts'
import type { Settings } from '../../limits/options.ts'
import type { Data } from '../../writer.ts'
import type { AnswerChannel } from '../answer-channel.ts'
import { AnswerCoder, type CodedSink, codedStreams, planAnswer } from './answer-coding.ts'
import type { AnswerCoding, AnswerCompressionSettings } from './answer-compression-options.ts'

/** The answer that goes through a {@link CodedChannel}. */
export interface CodedAnswer {
  /** The request's Accept-Encoding. */
  readonly acceptEncoding: string | undefined
  readonly isHead: boolean
  /** An answer that was `busy` when `send` or `finish` returned has left. */
  answerEnded(): void
  /** More can be written. */
  drained(): void
  /** The application writes on and on: over `limit` bytes wait to be coded. */
  overflowed(): void
}

/** What codes an answer in front of its channel, where the server has been told to compress. */
export function codedChannel(
  channel: AnswerChannel,
  answer: CodedAnswer,
  { answerCompression, writeLimit }: Pick<Settings, 'answerCompression' | 'writeLimit'>,
): CodedChannel | undefined {
  return answerCompression && new CodedChannel(channel, answer, answerCompression, writeLimit)
}

/** For one answer. */
export class CodedChannel implements AnswerChannel, CodedSink {
  /** Whether an answer that was given is not on its way yet. */
  busy: boolean
  private readonly channel: AnswerChannel
  private readonly answer: CodedAnswer
  private readonly settings: AnswerCompressionSettings
  private readonly limit: number
  private coder: AnswerCoder | undefined
  private full: boolean
  /** Who waits until what is coded has left. */
  private watchers: ((sent: boolean) => void)[]

  /** @param limit bytes that may wait to be coded */
  constructor(
    channel: AnswerChannel,
    answer: CodedAnswer,
    settings: AnswerCompressionSettings,
    limit: number,
  ) {
    this.busy = false
    this.channel = channel
    this.answer = answer
    this.settings = settings
    this.limit = limit
    this.coder = undefined
    this.full = false
    this.watchers = []
  }

  get writable(): boolean {
    return this.channel.writable
  }

  get destroyed(): boolean {
    return this.channel.destroyed
  }

  /** Bytes that wait to be coded. */
  get waiting(): number {
    return this.coder === undefined ? 0 : this.coder.waiting
  }

  get writableLength(): number {
    return this.waiting + this.channel.writableLength
  }

  get writableNeedDrain(): boolean {
    return this.full || this.channel.writableNeedDrain
  }

  send(head: AnswerHead, pieces: readonly Uint8Array[], length: number): void {
    const coding = this.plan(head, length)
    if (coding === undefined) return this.channel.send(head, pieces, length)
    // RFC 9110 §8.6: Content-Length MUST be that of the coded body, which nobody has made.
    if (this.answer.isHead) {
      markCoded(head, coding)
      this.channel.begin(head)
      return this.channel.finish()
    }
    this.sendCoded(coding, head, pieces, length)
  }

  /** What has no head of its own says nothing about codings. */
  sendPlain(data: Data, isText: boolean): boolean {
    return data.length === 0 && this.channel.sendPlain(data, isText)
  }

  begin(head: AnswerHead): void {
    const coding = this.plan(head, head.declaredLength)
    if (coding !== undefined && codedStreams() < this.settings.streams) {
      markCoded(head, coding)
      if (!this.answer.isHead) this.coder = new AnswerCoder(coding, this.settings, this)
    }
    this.channel.begin(head)
  }

  write(bytes: Uint8Array): boolean {
    const { coder } = this
    if (coder === undefined) return this.channel.write(bytes)
    this.full = !coder.write(bytes)
    if (coder.waiting > this.limit) this.answer.overflowed()
    return !this.writableNeedDrain
  }

  finish(): void {
    if (this.coder === undefined) return this.channel.finish()
    this.busy = true
    this.coder.end()
  }

  /** What is coded has left once all of the answer has. */
  whenSent(callback: (sent: boolean) => void): void {
    if (this.coder === undefined) this.channel.whenSent(callback)
    else this.watchers.push(callback)
  }

  destroy(): void {
    this.close()
    this.channel.destroy()
  }

  /** The client is gone, or the answer is given up: nothing more is coded. */
  close(): void {
    this.busy = false
    this.full = false
    this.coder?.destroy()
    for (const callback of this.takeWatchers()) callback(false)
  }

  /** @internal */
  coded(bytes: Uint8Array): void {
    this.channel.write(bytes)
  }

  /** @internal */
  codingReady(): void {
    this.full = false
    if (!this.channel.writableNeedDrain) this.answer.drained()
  }

  /** @internal */
  codedEnd(): void {
    this.busy = false
    this.full = false
    this.channel.finish()
    this.watch()
    this.answer.answerEnded()
  }

  /** @internal */
  codingFailed(): void {
    this.destroy()
  }

  /** Nothing is left to be coded. */
  private watch(): void {
    this.coder = undefined
    for (const callback of this.takeWatchers()) this.channel.whenSent(callback)
  }

  private takeWatchers(): ((sent: boolean) => void)[] {
    const { watchers } = this
    this.watchers = []
    return watchers
  }

  /** What cannot be sent is left to the channel, which throws before anything is changed in the head. */
  private plan(head: AnswerHead, length: number): AnswerCoding | undefined {
    const { status, declaredLength } = head
    if (!Number.isInteger(status) || status > 599 || (declaredLength >= 0 && declaredLength !== length))
      return undefined
    return planAnswer(head, this.answer.acceptEncoding, length, this.settings)
  }

  private sendCoded(
    coding: AnswerCoding,
    head: AnswerHead,
    pieces: readonly Uint8Array[],
    length: number,
  ): void {
    let returned = false
    this.busy = true
    this.coder = new AnswerCoder(coding, this.settings, this)
    this.coder.whole(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces), (coded) => {
      this.busy = false
      if (!this.channel.writable) return
      if (coded === undefined) this.channel.send(head, pieces, length)
      else {
        markCoded(head, coding)
        this.channel.send(head, [coded], coded.length)
      }
      this.watch()
      if (returned) this.answer.answerEnded()
    })
    returned = true
  }
}
