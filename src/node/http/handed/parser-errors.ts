/** What node:http says of requests that it cannot read, in the words of our own reader. */
import { RequestHead } from '../../../http/index.ts'
import { RefusedError } from '../../errors.ts'
import { bodyLate, headLate } from '../refusals.ts'

type NodeError = Error & { code?: string; reason?: string; rawPacket?: Buffer; bytesParsed?: number }

/** By the parser's codes: our own, and the status. */
const CODES: ReadonlyMap<string, readonly [code: string, status: number]> = new Map([
  ['HPE_INVALID_METHOD', ['ERR_HTTP_METHOD_INVALID', 400]],
  ['HPE_INVALID_URL', ['ERR_HTTP_TARGET_INVALID', 400]],
  ['HPE_INVALID_CONSTANT', ['ERR_HTTP_VERSION_INVALID', 400]],
  ['HPE_INVALID_VERSION', ['ERR_HTTP_VERSION_INVALID', 400]],
  ['HPE_HEADER_OVERFLOW', ['ERR_HTTP_FIELDS_TOO_LARGE', 431]],
  ['HPE_INVALID_CONTENT_LENGTH', ['ERR_HTTP_CONTENT_LENGTH_INVALID', 400]],
  ['HPE_UNEXPECTED_CONTENT_LENGTH', ['ERR_HTTP_CONTENT_LENGTH_REPEATED', 400]],
  ['HPE_INVALID_TRANSFER_ENCODING', ['ERR_HTTP_TRANSFER_ENCODING_INVALID', 400]],
  ['HPE_INVALID_CHUNK_SIZE', ['ERR_HTTP_CHUNK_SIZE_INVALID', 400]],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', ['ERR_HTTP_CHUNK_EXTENSIONS_TOO_LARGE', 413]],
  ['HPE_CR_EXPECTED', ['ERR_HTTP_LINE_END_INVALID', 400]],
  ['HPE_LF_EXPECTED', ['ERR_HTTP_LINE_END_INVALID', 400]],
])

const TIMEOUT = 'ERR_HTTP_REQUEST_TIMEOUT'

/** What comes behind `Connection: close` is read by nobody (RFC 9112 §9.6). */
export const BEHIND_THE_LAST = 'HPE_CLOSED_CONNECTION'

/**
 * How a request is refused that node:http does not read any further; `undefined` for an error of the connection.
 * `inBody`: its head was read.
 */
export function refusalOfNode(error: NodeError, inBody: boolean): RefusedError | undefined {
  const { code = '' } = error
  if (code === TIMEOUT) return timeout(inBody)
  if (!code.startsWith('HPE_')) return undefined
  if (code === 'HPE_INVALID_EOF_STATE') {
    return refused('ERR_HTTP_INCOMPLETE', 400, 'the connection ended inside it', error)
  }
  const own = code === 'HPE_INVALID_METHOD' ? readAgain(error) : undefined
  if (own !== undefined) return own
  const [ownCode, status] = CODES.get(code) ?? ['ERR_HTTP_REQUEST_INVALID', 400]
  return refused(ownCode, status, error.reason ?? error.message, error)
}

function timeout(inBody: boolean): RefusedError {
  return inBody ? bodyLate() : headLate()
}

function refused(code: string, status: number, reason: string, cause: Error): RefusedError {
  return new RefusedError(code, status, `Cannot read the request: ${reason}`, { cause })
}

/** node:http stops at the first letter of a method that it does not know: whether it is one tells its line. */
function readAgain(error: NodeError): RefusedError | undefined {
  const { rawPacket, bytesParsed = 0 } = error
  if (rawPacket === undefined) return undefined
  const start = rawPacket.lastIndexOf(LF, bytesParsed) + 1
  const head = new RequestHead()
  head.push(rawPacket, start, rawPacket.length)
  if (head.error !== null) return new RefusedError(head.error.code, head.error.status, head.error.message)
  if (!head.complete) return undefined
  return new RefusedError('ERR_HTTP_METHOD_UNSUPPORTED', 501, `Cannot serve ${head.method}`, { cause: error })
}

const LF = 0x0a
