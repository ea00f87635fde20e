/** Plain HTTP where TLS is required: one answer that says where the same is over TLS, and nothing else. */
import { AnswerHead, errorAnswer, RequestHead } from '../../http/index.ts'
import type { Connection, Session } from '../connection.ts'
import { decodeLatin1 } from '../http/latin1.ts'

/** RFC 9110 §15.4.9: the same request again, method and body as they are. */
const PERMANENT_REDIRECT = 308

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
    this.refuse({ status: 408, message: 'Cannot wait any longer: the request head is late' })
  }

  drained(): void {}

  shutdown(): void {
    this.connection.destroy()
  }

  closed(): void {}

  /** HTTP/1.0 may have no Host: then it is not known where to. */
  private redirect(): void {
    const { head, connection } = this
    const { host, path, method } = head
    if (host === '') return this.refuse({ status: 426, message: 'Cannot serve the request: TLS is required' })
    const answer = new AnswerHead()
    const text = `https://${host}${path === '*' ? '/' : path}\n`
    answer.status = PERMANENT_REDIRECT
    answer.setField('Location', text.trimEnd())
    answer.setField('Content-Type', 'text/plain; charset=utf-8')
    const isHead = method === 'HEAD'
    const formatted = answer.format({
      length: text.length,
      keepAlive: false,
      versionMinor: 1,
      date: connection.host.date(),
      head: isHead,
    })
    this.send(isHead ? formatted : formatted + text)
  }

  private refuse(error: { readonly status: number; readonly message: string }): void {
    const fields: [string, string][] = error.status === 426 ? [['Upgrade', 'TLS/1.2, HTTP/1.1']] : []
    this.send(errorAnswer(error, { date: this.connection.host.date(), fields }))
  }

  private send(text: string): void {
    this.connection.write(Buffer.from(text, 'latin1'))
    this.connection.linger()
  }
}
