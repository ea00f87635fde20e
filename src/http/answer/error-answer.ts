import { AnswerHead } from './answer.ts'

/** How an error is answered. */
export interface ErrorAnswerOptions {
  /** The value of Date, from the host's clock; '' for none. */
  date: string
  /** The request was HEAD: the text is left out. Default false. */
  head?: boolean
  /** More fields, such as Allow, which a 405 must have (RFC 9110 §15.5.6). */
  fields?: readonly (readonly [name: string, value: string | number])[]
}

/**
 * A whole answer to a request that cannot be served: one line of text that says why, and the end of the
 * connection. What is not plain Latin-1 in the message goes out as `?`.
 *
 * @example
 * import { errorAnswer, HttpError } from 'portmanteau/http'
 *
 * const error = new HttpError('ERR_HTTP_HOST_MISSING', 'Cannot read the request: Host is missing')
 * errorAnswer(error, { date: '' }) // 'HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n…'
 * errorAnswer({ status: 405, message: 'Cannot PUT here' }, { date: '', fields: [['Allow', 'GET']] })
 */
export function errorAnswer(
  error: { readonly status: number; readonly message: string },
  options: ErrorAnswerOptions,
): string {
  const answer = new AnswerHead()
  const text = errorAnswerText(answer, error, options.fields ?? [])
  const { date, head = false } = options
  const formatted = answer.format({ length: text.length, keepAlive: false, versionMinor: 1, date, head })
  return head ? formatted : formatted + text
}

/**
 * Sets status and fields of an answer to a request that cannot be served; returns its body, in Latin-1.
 *
 * @example
 * import { AnswerHead, errorAnswerText } from 'portmanteau/http'
 *
 * const head = new AnswerHead()
 * errorAnswerText(head, { status: 405, message: 'Cannot PUT here' }, [['Allow', 'GET']]) // 'Cannot PUT here\n'
 */
export function errorAnswerText(
  answer: AnswerHead,
  error: { readonly status: number; readonly message: string },
  fields: NonNullable<ErrorAnswerOptions['fields']>,
): string {
  answer.status = error.status
  answer.setField('Content-Type', 'text/plain; charset=iso-8859-1')
  answer.setField('X-Content-Type-Options', 'nosniff')
  for (const [name, value] of fields) answer.setField(name, value)
  return plainLine(error.message) + '\n'
}

function plainLine(message: string): string {
  let line = ''
  for (const character of message) line += isPlain(character.codePointAt(0)!) ? character : '?'
  return line
}

function isPlain(code: number): boolean {
  return (code >= 0x20 && code < 0x7f) || (code >= 0xa0 && code <= 0xff)
}
