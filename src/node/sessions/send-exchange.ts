/** A request that brings messages of a session: its body is read whole, and what it holds reported before it is answered. */
import { refusedBy, SendBodyReader, SessionError, SessionState, sendAnswer } from '../../sessions/index.ts'
import type { BodyTaker } from '../http/exchange.ts'
import type { HttpWriter } from '../http/writer.ts'
import type { Refusal } from '../websocket/upgrade.ts'
import type { SessionMember } from './member.ts'

export class SendExchange implements BodyTaker {
  readonly writer = undefined
  private readonly member: SessionMember
  private readonly answer: HttpWriter
  private readonly refuse: (refusal: Refusal) => void
  private readonly reader: SendBodyReader

  /** @param refuse answers with an error */
  constructor(member: SessionMember, answer: HttpWriter, refuse: (refusal: Refusal) => void) {
    this.member = member
    this.answer = answer
    this.refuse = refuse
    this.reader = new SendBodyReader(member.hub.settings.maxBody)
  }

  get held(): number {
    return this.reader.held
  }

  push(chunk: Uint8Array, start: number, end: number): void {
    this.reader.push(chunk, start, end)
  }

  settle(): void {}

  /** While the application takes no more messages of the client, the request has to wait. */
  end(): void {
    const { member, reader } = this
    const error = reader.end()
    if (error === null) member.whenTaking(() => this.receive())
    else this.report(error)
  }

  peerEnded(): void {}

  private report(error: SessionError): void {
    const { member } = this
    member.hub.host.reportOf(error, member.client)
    this.refuse(refusedBy(error))
  }

  private receive(): void {
    const { member, reader, answer } = this
    // It was there when the request began: what nobody has heard is not said to be.
    if (member.session.state === SessionState.closed)
      return this.report(new SessionError('ERR_SESSION_UNKNOWN', 'Cannot find the session: it has ended'))
    const { payload } = reader
    const error = member.session.receive(payload, 0, payload.length, member.hub.now)
    // The session has reported by itself why it failed.
    if (error !== null) return this.refuse(refusedBy(error))
    const { status, fields, body } = sendAnswer()
    answer.writeHead(status)
    for (const [name, value] of fields) answer.setHeader(name, value)
    answer.end(body)
  }
}
