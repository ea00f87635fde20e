/**
 * A request for an upgrade that node:http has read, as the bytes that it came in. Up to Node 24 its body is among what follows;
 * from Node 26 on (and in some versions of 25) node:http reads it as that of any other request, even behind the event.
 */
import type { IncomingMessage } from 'node:http'
import type { HttpError, RequestHead } from '../../../http/index.ts'
import { RefusedError } from '../../errors.ts'
import { asksForWebSocket, headText, requestBytes } from '../request.ts'
import { readAgain } from './node-request.ts'

/** An empty body in chunks leaves no trace where it has been read. */
const BODIES_FOLLOW = Number.parseInt(process.versions.node, 10) < 25

const FRAMING: ReadonlySet<string> = new Set(['transfer-encoding', 'content-length'])

/** Without the offer, unless it is one of a WebSocket; or why it cannot be read on. `head` reads it again. */
export function upgradeBytes(
  request: IncomingMessage,
  rest: Buffer,
  head: RequestHead,
): Buffer | RefusedError | HttpError {
  if (!request.complete) return bodyUnsupported()
  const isWebSocket = asksForWebSocket(request)
  const leftOut = (name: string) => !isWebSocket && name === 'upgrade'
  const body: Buffer | null = request.read()
  if (body !== null) {
    return readAgain(request, head) ?? Buffer.concat([headBefore(request, body, leftOut), body, rest])
  }
  const mayBeRead = !BODIES_FOLLOW && request.headers['transfer-encoding'] !== undefined
  return mayBeRead ? bodyUnsupported() : requestBytes(request, rest, leftOut)
}

function headBefore(
  { method = 'GET', url: target = '/', httpVersionMinor: versionMinor, rawHeaders }: IncomingMessage,
  body: Buffer,
  leftOut: (name: string) => boolean,
): Buffer {
  const fields = []
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (!FRAMING.has(rawHeaders[at]!.toLowerCase())) fields.push(rawHeaders[at]!, rawHeaders[at + 1]!)
  }
  fields.push('Content-Length', String(body.length))
  return Buffer.from(headText({ method, target, versionMinor }, fields, leftOut), 'latin1')
}

function bodyUnsupported(): RefusedError {
  const reason = 'Cannot read the request: an upgrade is asked for behind its body'
  return new RefusedError('ERR_HTTP_UPGRADE_BODY', 501, reason)
}
