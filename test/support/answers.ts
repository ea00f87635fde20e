/** Answers of HTTP/1.1, taken apart strictly: a byte too many or too few fails the test. */
import assert from 'node:assert/strict'

export interface ParsedAnswer {
  readonly version: string
  readonly status: number
  /** By their names in lower case; a repeated one is joined by `, `. */
  readonly fields: ReadonlyMap<string, string>
  readonly body: string
  /** Whether the body was all there: `false` for one in chunks that was broken off. */
  readonly whole: boolean
}

/**
 * Every answer in the text, interim ones among them. `methods` are those of the requests, in their order, where one is HEAD;
 * an answer without a length goes to the end of the text.
 */
export function parseAnswers(text: string, methods: readonly string[] = []): ParsedAnswer[] {
  const answers: ParsedAnswer[] = []
  let requests = 0
  while (text !== '') {
    const end = text.indexOf('\r\n\r\n')
    const [line = '', ...lines] = text.slice(0, Math.max(end, 0)).split('\r\n')
    assert.match(line, /^HTTP\/1\.[01] \d{3} [ -~]*$/, `no answer: ${JSON.stringify(text.slice(0, 200))}`)
    const fields = new Map<string, string>()
    for (const field of lines) {
      const [, name, value] = /^([!-9;-~]+): ([^\r\n\0]*)$/.exec(field) ?? assert.fail(`no field: ${field}`)
      const key = name!.toLowerCase()
      fields.set(key, fields.has(key) ? `${fields.get(key)}, ${value}` : value!)
    }
    const status = Number(line.slice(9, 12))
    const method = status < 200 ? '' : (methods[requests++] ?? '')
    const bodyless = method === 'HEAD' || status < 200 || status === 204 || status === 304
    const { body, rest, whole } = readBody(text.slice(end + 4), fields, bodyless)
    answers.push({ version: line.slice(0, 8), status, fields, body, whole })
    text = rest
  }
  return answers
}

/** The bodies, in their order. */
export function bodiesOf(text: string): string[] {
  return parseAnswers(text).map(({ body }) => body)
}

interface Body {
  readonly body: string
  readonly rest: string
  readonly whole: boolean
}

function readBody(text: string, fields: ReadonlyMap<string, string>, bodyless: boolean): Body {
  if (bodyless) return { body: '', rest: text, whole: true }
  if (fields.get('transfer-encoding') === 'chunked') {
    assert.ok(!fields.has('content-length'))
    return readChunks(text)
  }
  const length = Number(fields.get('content-length') ?? text.length)
  return { body: text.slice(0, length), rest: text.slice(length), whole: text.length >= length }
}

function readChunks(text: string): Body {
  let body = ''
  for (;;) {
    const end = text.indexOf('\r\n')
    if (end < 0) return { body, rest: '', whole: false }
    assert.match(text.slice(0, end), /^[0-9a-f]+$/i)
    const size = Number.parseInt(text.slice(0, end), 16)
    const from = end + 2
    if (text.length < from + size + 2) return { body: body + text.slice(from), rest: '', whole: false }
    assert.equal(text.slice(from + size, from + size + 2), '\r\n')
    body += text.slice(from, from + size)
    text = text.slice(from + size + 2)
    if (size === 0) return { body, rest: text, whole: true }
  }
}
