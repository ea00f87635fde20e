import { RequestHead } from '../../http/index.ts'
import type { HttpWriter } from './writer.ts'

/** The head of an HTTP request. */
export class Request {
  readonly method: string
  /** The request target, as sent: mostly a path with its query. */
  readonly url: string
  readonly httpVersion: '1.0' | '1.1'
  /** Name and value of every field in turn, as sent. */
  readonly rawHeaders: readonly string[]
  /** The fields by their lower-case names, repeated ones joined by a comma; an object without a prototype. */
  readonly headers: Readonly<Record<string, string>>

  constructor(head: RequestHead) {
    this.method = head.method
    this.url = head.target
    this.httpVersion = head.versionMinor === 1 ? '1.1' : '1.0'
    this.rawHeaders = head.rawFields()
    this.headers = head.headers()
  }
}

/** A request as one string: what a client that stays for long keeps of it. */
export function packRequest(head: RequestHead): string {
  const fields = head.rawFields()
  const lines = [`${head.method} ${head.target} HTTP/1.${head.versionMinor}`]
  for (let at = 0; at < fields.length; at += 2) lines.push(`${fields[at]}: ${fields[at + 1]}`)
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** The request that was packed. */
export function unpackRequest(packed: string): Request {
  const bytes = Buffer.from(packed, 'latin1')
  const { length } = bytes
  const head = new RequestHead({ requestLine: length, head: length, fields: length })
  head.push(bytes, 0, length)
  return new Request(head)
}

/** The answer to an HTTP request that is not a message. */
export type Response = HttpWriter
