import { type IncomingMessage, METHODS } from 'node:http'
import { RequestHead } from '../../http/index.ts'
import type { Settings } from '../limits/options.ts'
import { decodeLatin1 } from './latin1.ts'

/**
 * The head of an HTTP request.
 *
 * @example
 * server.on('message', (message, client, writer) => {
 *   const { method, url, headers } = client.request! // on HTTP, read before the answer ends
 *   writer.write(`${method} ${url} of ${headers['user-agent']}`)
 * })
 */
export class Request {
  readonly method: string
  /** The request target, as sent: mostly a path with its query. */
  readonly url: string
  readonly httpVersion: string
  /** Name and value of every field in turn, as sent. */
  readonly rawHeaders: readonly string[]
  /**
   * The fields by their lower-case names, repeated ones joined by a comma; an object without a prototype. An absolute target's
   * host stands instead of Host's (RFC 9112 §3.2.2).
   */
  readonly headers: Readonly<Record<string, string>>

  constructor(head: RequestParts) {
    this.method = head.method
    this.url = head.target
    this.httpVersion = head.httpVersion ?? `1.${head.versionMinor}`
    this.rawHeaders = head.rawFields()
    this.headers = headersOf(head)
  }
}

function headersOf(parts: RequestParts): Record<string, string> {
  const headers = parts.headers()
  if (!parts.target.startsWith('/') && parts.host !== '') headers.host = parts.host
  return headers
}

/** What a `Request` is made from. */
export interface RequestParts {
  readonly method: string
  /** As sent. */
  readonly target: string
  /** The x of HTTP/1.x. */
  readonly versionMinor: number
  /** Where it is not 1.x. */
  readonly httpVersion?: string
  /** The host that is asked for, with its port. */
  readonly host: string
  rawFields(): readonly string[]
  headers(): Record<string, string>
}

/** A request that is only looked at while a call lasts: nothing of it is made that nobody asks for. */
export class RequestAtHand implements Request {
  readonly method: string
  private readonly parts: RequestParts

  constructor(parts: RequestParts, method: string = parts.method) {
    this.method = method
    this.parts = parts
  }

  get url(): string {
    return this.parts.target
  }

  get httpVersion(): string {
    return this.parts.httpVersion ?? `1.${this.parts.versionMinor}`
  }

  get rawHeaders(): readonly string[] {
    return this.parts.rawFields()
  }

  get headers(): Readonly<Record<string, string>> {
    return headersOf(this.parts)
  }
}

/** A request as the rules for it see it, whatever carries it. */
export interface RequestView extends RequestParts {
  /** Whether the method is one of RFC 9110 §9.3 or PATCH. */
  readonly methodKnown: boolean
  /** The value of a field, by its name in lower case. */
  field(name: string): string | undefined
}

const methodsOfNode: ReadonlySet<string> = new Set(METHODS)

/** Whether node:http reads requests of that method. */
export function isMethodOfNode(method: string): boolean {
  return methodsOfNode.has(method)
}

/** Reads heads by the server's limits. */
export function createHead(
  settings: Pick<Settings, 'requestLineLimit' | 'headLimit' | 'fieldLimit'>,
): RequestHead {
  const { requestLineLimit: requestLine, headLimit: head, fieldLimit: fields } = settings
  return new RequestHead({ requestLine, head, fields }, decodeLatin1)
}

/** A request as one string: what a client that stays for long keeps of it. */
export function packRequest(head: RequestHead): string {
  return headText(head, head.rawFields())
}

/** The head of a request as it goes over the wire of HTTP/1.1; a field for which `leaveOut` holds is not there. */
export function headText(
  { method, target, versionMinor }: Pick<RequestParts, 'method' | 'target' | 'versionMinor'>,
  fields: readonly string[],
  leaveOut?: (name: string) => boolean,
): string {
  let text = `${method} ${target} HTTP/1.${versionMinor}\r\n`
  for (let at = 0; at < fields.length; at += 2) {
    if (leaveOut?.(fields[at]!.toLowerCase()) !== true) text += `${fields[at]}: ${fields[at + 1]}\r\n`
  }
  return `${text}\r\n`
}

/**
 * A request whose head was read up to `pos`, and what follows it: mostly it lies in the chunk as it is. A wish for an
 * upgrade is left out.
 */
export function bytesFrom(head: RequestHead, chunk: Buffer, pos: number, end: number): Buffer {
  const bytes = head.upgrade
    ? Buffer.from(
        headText(head, head.rawFields(), (name) => name === 'upgrade'),
        'latin1',
      )
    : head.raw()
  const start = pos - bytes.length
  if (bytes.buffer === chunk.buffer && bytes.byteOffset === chunk.byteOffset + start)
    return chunk.subarray(start, end)
  return Buffer.concat([bytes, chunk.subarray(pos, end)])
}

/** A request that node:http has read, and what it has read behind it, as they came; but for fields that `leaveOut` names. */
export function requestBytes(
  request: IncomingMessage,
  rest: Buffer,
  leaveOut?: (name: string) => boolean,
): Buffer {
  const { method = 'GET', url: target = '/', httpVersionMinor: versionMinor } = request
  const head = headText({ method, target, versionMinor }, request.rawHeaders, leaveOut)
  return Buffer.concat([Buffer.from(head, 'latin1'), rest])
}

/** Whether a request that node:http has read asks for a WebSocket. */
export function asksForWebSocket({ headers }: IncomingMessage): boolean {
  const protocols = headers.upgrade?.split(',') ?? []
  return protocols.some((protocol) => protocol.trim().toLowerCase() === 'websocket')
}

/** The request that was packed. */
export function unpackRequest(packed: string): Request {
  const bytes = Buffer.from(packed, 'latin1')
  const { length } = bytes
  const head = new RequestHead({ requestLine: length, head: length, fields: length })
  head.push(bytes, 0, length)
  return new Request(head)
}
