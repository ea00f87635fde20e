import type { RequestHead } from '../../http/index.ts'
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

/** The answer to an HTTP request that is not a message. */
export type Response = HttpWriter
