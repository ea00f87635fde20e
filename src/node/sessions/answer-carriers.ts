/** What brings batches to a client in answers to its requests: an answer for each, or one for all of them. */
import { randomBytes } from 'node:crypto'
import {
  type AnswerContext,
  answerFields,
  type Carrier,
  type SessionRequest,
  type Transport,
} from '../../sessions/index.ts'
import type { HttpWriter } from '../http/writer.ts'
import type { SessionMember } from './member.ts'

/** Nobody can guess it, so that no message can end its part of a multipart answer. */
const BOUNDARY_BYTES = 18

/** Begins to carry: the client may get a first batch at once. */
export function carry(member: SessionMember, request: SessionRequest, answer: HttpWriter): AnswerCarrier {
  const carrier = request.transport.polling
    ? new PollCarrier(member, request, answer)
    : new StreamCarrier(member, request, answer)
  carrier.begin()
  return carrier
}

export abstract class AnswerCarrier implements Carrier {
  protected readonly member: SessionMember
  protected readonly answer: HttpWriter
  private readonly context: AnswerContext
  private readonly transport: Transport

  constructor(member: SessionMember, { transport, jsonpIndex }: SessionRequest, answer: HttpWriter) {
    const multipart = transport.name === 'xhr-multipart'
    const boundary = multipart ? randomBytes(BOUNDARY_BYTES).toString('base64url') : ''
    this.member = member
    this.answer = answer
    this.transport = transport
    this.context = { sessionId: member.session.id, jsonpIndex, boundary }
  }

  begin(): void {
    const { answer, member, transport, context } = this
    for (const [name, value] of answerFields(transport, context)) answer.setHeader(name, value)
    answer.on('close', () => this.gone())
    this.open(transport.opening(context))
    if (!member.session.attach(this, member.hub.now)) this.end()
  }

  abstract deliver(batch: string): boolean

  abstract end(): void

  /** The client is gone; or it still reads, and then the end of the answer. */
  peerEnded(): void {
    this.gone()
    this.end()
  }

  protected abstract open(opening: string): void

  protected encode(batch: string): string {
    return this.transport.batch(batch, this.context)
  }

  /** Tells the session what becomes of a batch. */
  protected watch(): void {
    const { answer, member } = this
    answer.whenSent((sent) => {
      if (sent) member.session.flushed(this, member.hub.now)
      else this.gone()
    })
  }

  private gone(): void {
    const { member } = this
    member.session.detach(this, member.hub.now)
  }
}

/** The answer to one poll. */
class PollCarrier extends AnswerCarrier {
  deliver(batch: string): boolean {
    this.answer.end(this.encode(batch))
    this.watch()
    return true
  }

  end(): void {
    if (this.member.isCut) this.answer.destroy()
    else if (!this.answer.isOver) this.answer.end(this.encode(''))
  }

  protected open(): void {}
}

/** An answer that stays open. */
class StreamCarrier extends AnswerCarrier {
  deliver(batch: string): boolean {
    const ready = this.answer.write(this.encode(batch))
    this.watch()
    return ready
  }

  /** That the end has gone out is told, too: there may be nothing else to tell of. */
  end(): void {
    if (this.member.isCut) return this.answer.destroy()
    this.answer.end()
    this.watch()
  }

  protected open(opening: string): void {
    const { answer, member } = this
    answer.on('drain', () => member.session.drained(this, member.hub.now))
    answer.write(opening)
    answer.flush()
  }
}
