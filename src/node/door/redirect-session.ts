/** Plain HTTP where TLS is required: one answer that says where the same is over TLS, and nothing else. */
import { AnswerHead, errorAnswer, type Field, RequestHead } from '../../http/index.ts'
import type { Connection, Session } from '../connection.ts'
import { RefusedError } from '../errors.ts'
import { decodeLatin1 } from '../http/latin1.ts'

/** RFC 9110 §15.4.9: the same request again, method and body as they are. */
const PERMANENT_REDIRECT = 308

/** RFC 9110 §15.5.22, RFC 2817 §4.2: where nobody has said what host it is, TLS is asked for on the same port. */
const UPGRADE_REQUIRED = 426
const UPGRADE_TO_TLS: readonly Field[] = [
  ['Upgrade', 'TLS/1.2, HTTP/1.1'],
  ['Connection', 'upgrade'],
]

export class RedirectSession implements Session {
  readonly held = 0
  private readonly connection: Connection
  private readonly head: RequestHead

  constructor(connection: Connection) {
    const { settings, deadlines } = connection.host
    this.connection = connection
    this.head = new RequestHead(
      { requestLine: settings.requestLineLimit, head: settings.headLimit, fields: settings.fieldLimit },
      decodeLatin1,
    )
    connection.deadline = connection.since + deadlines.period + settings.headTimeout
  }

  push(chunk: Buffer, pos: number, end: number): number {
    const { head } = this
    head.push(chunk, pos, end)
    if (head.error !== null) this.refuse(head.error)
    else if (head.complete) this.redirect()
    return end
  }

  finish(): void {
    this.connection.end()
  }

  expire(): void {
    const message = 'Cannot wait any longer: the request head is late'
    this.refuse(new RefusedError('ERR_HTTP_HEAD_TIMEOUT', 408, message))
  }

  drained(): void {}

  shutdown(): void {
    this.connection.destroy()
  }

  closed(): void {}

  private redirect(): void {
    const { host, path } = this.head
    // HTTP/1.0 may have no Host: then it is not known where to.
    if (host === '') return this.answerUpgrade()
    const text = `https://${host}${path === '*' ? '/' : path}`
    const answer = new AnswerHead()
    answer.status = PERMANENT_REDIRECT
    answer.setField('Location', text)
    answer.setField('Content-Type', 'text/plain; charset=utf-8')
    const formatted = answer.format({
      length: text.length + 1,
      keepAlive: false,
      versionMinor: 1,
      date: this.connection.host.date(),
      head: this.isHead,
    })
    this.send(this.isHead ? formatted : `${formatted}${text}\n`)
  }

  private get isHead(): boolean {
    return this.head.method === 'HEAD'
  }

  private answerUpgrade(): void {
    const required = { status: UPGRADE_REQUIRED, message: 'Cannot serve the request: TLS is required' }
    const date = this.connection.host.date()
    this.send(errorAnswer(required, { date, fields: UPGRADE_TO_TLS, head: this.isHead }))
  }

  private refuse(error: Error & { readonly status: number }): void {
    const { host } = this.connection
    host.report(error, this.connection)
    this.send(errorAnswer(error, { date: host.date(), head: this.isHead }))
  }

  private send(text: string): void {
    this.connection.write(Buffer.from(text, 'latin1'))
    this.connection.linger()
  }
}
