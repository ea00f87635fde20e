import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  AnswerFraming,
  AnswerHead,
  type AnswerOptions,
  chunkHeader,
  continueAnswer,
  encodeLatin1,
  errorAnswer,
  HttpError,
  httpErrorCodes,
  isBodyless,
  lastChunk,
  reasonPhrases,
} from '../src/http/index.ts'

const plain: AnswerOptions = { length: 5, keepAlive: true, versionMinor: 1, date: '' }

function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof HttpError)
    return error.code
  }
  return 'no error'
}

test('the common answer', () => {
  const answer = new AnswerHead()
  answer.setField('Content-Type', 'text/plain')
  assert.equal(
    answer.format({ ...plain, date: 'Thu, 01 Jan 1970 00:00:00 GMT' }),
    'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 5\r\n\r\n',
  )
})

test('a Date of the application is the only one', () => {
  const answer = new AnswerHead()
  answer.setField('DATE', 'x')
  assert.equal(
    answer.format({ ...plain, date: 'y' }),
    'HTTP/1.1 200 OK\r\nDATE: x\r\nContent-Length: 5\r\n\r\n',
  )
})

/** Framing, whether it closes, and the lines of framing and connection. */
const framings: [
  why: string,
  status: number,
  options: Partial<AnswerOptions>,
  framing: number,
  lines: string,
][] = [
  ['a length', 200, {}, AnswerFraming.length, 'Content-Length: 5'],
  ['an empty body', 200, { length: 0 }, AnswerFraming.length, 'Content-Length: 0'],
  ['no length', 200, { length: -1 }, AnswerFraming.chunked, 'Transfer-Encoding: chunked'],
  ['no length in 1.0', 200, { length: -1, versionMinor: 0 }, AnswerFraming.close, 'Connection: close'],
  [
    'a length in 1.0',
    200,
    { versionMinor: 0 },
    AnswerFraming.length,
    'Connection: keep-alive|Content-Length: 5',
  ],
  ['a close', 200, { keepAlive: false }, AnswerFraming.length, 'Connection: close|Content-Length: 5'],
  [
    'a close in 1.0',
    200,
    { keepAlive: false, versionMinor: 0 },
    AnswerFraming.length,
    'Connection: close|Content-Length: 5',
  ],
  ['H27 HEAD', 200, { head: true }, AnswerFraming.none, 'Content-Length: 5'],
  [
    'H27 HEAD without a length',
    200,
    { head: true, length: -1 },
    AnswerFraming.none,
    'Transfer-Encoding: chunked',
  ],
  [
    'H27 HEAD without a length in 1.0',
    200,
    { head: true, length: -1, versionMinor: 0 },
    AnswerFraming.none,
    'Connection: keep-alive',
  ],
  ['H27 204', 204, { length: 0 }, AnswerFraming.none, ''],
  ['H27 304', 304, { length: 0 }, AnswerFraming.none, ''],
  ['H27 304 without a length', 304, { length: -1 }, AnswerFraming.none, ''],
  ['H27 103', 103, { length: -1 }, AnswerFraming.none, ''],
  ['H27 an interim answer closes nothing', 103, { keepAlive: false }, AnswerFraming.none, ''],
]
for (const [why, status, options, framing, lines] of framings) {
  test(`framing: ${why}`, () => {
    const answer = new AnswerHead()
    answer.status = status
    const all = { ...plain, ...options }
    assert.equal(answer.framing(all), framing)
    const [statusLine, ...rest] = answer.format(all).split('\r\n')
    assert.equal(statusLine, `HTTP/1.1 ${status} ${reasonPhrases.get(status)}`)
    assert.deepEqual(rest, [...(lines === '' ? [] : lines.split('|')), '', ''])
    assert.equal(answer.closesAfter(all), all.keepAlive === false || framing === AnswerFraming.close)
  })
}

test('fields: in order, replaced in place, read and removed in any case', () => {
  const answer = new AnswerHead()
  answer.setField('X-A', 1)
  answer.setField('Set-Cookie', ['a=1', 'b=2'])
  answer.setField('x-a', 'two')
  assert.equal(
    answer.format(plain),
    'HTTP/1.1 200 OK\r\nx-a: two\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 5\r\n\r\n',
  )
  assert.equal(answer.getField('X-a'), 'two')
  assert.deepEqual(answer.getField('set-cookie'), ['a=1', 'b=2'])
  assert.deepEqual(answer.fieldNames(), ['x-a', 'Set-Cookie'])
  assert.equal(answer.hasField('SET-COOKIE'), true)
  answer.removeField('SET-cookie')
  assert.equal(answer.hasField('set-cookie'), false)
  assert.equal(answer.getField('__proto__'), undefined)
  answer.removeField('__proto__')
  answer.status = 404
  answer.reason = 'No'
  answer.clear()
  assert.equal(answer.format(plain), 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n')
})

test('an array that changes later changes nothing', () => {
  const answer = new AnswerHead()
  const cookies = ['a=1']
  answer.setField('Set-Cookie', cookies)
  cookies[0] = 'b=2\r\nX: 1'
  assert.deepEqual(answer.getField('Set-Cookie'), ['a=1'])
})

test('H22: what cannot be a field throws when it is set, and changes nothing', () => {
  const answer = new AnswerHead()
  answer.setField('X', 'before')
  for (const name of ['', 'a b', 'a:', 'a\r\nb', 'a\0', '\xe4', '\u0130', 'a\u2028'])
    assert.equal(
      codeOf(() => answer.setField(name, 'x')),
      'ERR_HTTP_ANSWER_NAME_INVALID',
      JSON.stringify(name),
    )
  for (const value of [
    'a\r\nY: 1',
    'a\rb',
    'a\nb',
    'a\0b',
    'a\x7fb',
    '\x0b',
    '\u20ac',
    '\u010d\u010a',
    '\ud83d\ude00',
  ])
    for (const given of [value, ['ok', value]])
      assert.equal(
        codeOf(() => answer.setField('X', given)),
        'ERR_HTTP_ANSWER_VALUE_INVALID',
        JSON.stringify(value),
      )
  assert.equal(answer.getField('X'), 'before')
  answer.setField('X', 'h\xe9\t!')
  assert.equal(answer.getField('X'), 'h\xe9\t!')
})

test('H22: a reason and a status that cannot be throw before anything is formatted', () => {
  const answer = new AnswerHead()
  for (const reason of ['a\r\nb', 'a\0', '\u20ac']) {
    answer.reason = reason
    assert.equal(
      codeOf(() => answer.format(plain)),
      'ERR_HTTP_ANSWER_REASON_INVALID',
    )
  }
  answer.reason = 'Fine \xe4'
  assert.match(answer.format(plain), /^HTTP\/1\.1 200 Fine \xe4\r\n/)
  for (const status of [99, 600, 1000, 200.5, Number.NaN, -200]) {
    answer.status = status
    assert.equal(
      codeOf(() => answer.format(plain)),
      'ERR_HTTP_ANSWER_STATUS_INVALID',
      String(status),
    )
  }
  answer.status = 299
  answer.reason = ''
  assert.match(answer.format(plain), /^HTTP\/1\.1 299 \r\n/)
})

test('Content-Length of the application: one number, which the body must have', () => {
  const answer = new AnswerHead()
  for (const value of ['', '-1', '+5', '5, 5', '0x5', '5.0', 1.5, -1, Number.NaN, 2 ** 53, ['5'], ['5', '5']])
    assert.equal(
      codeOf(() => answer.setField('content-length', value)),
      'ERR_HTTP_ANSWER_LENGTH_INVALID',
    )
  assert.equal(answer.hasField('Content-Length'), false)
  answer.setField('content-length', '7')
  assert.equal(answer.declaredLength, 7)
  assert.equal(answer.getField('Content-Length'), '7')
  assert.equal(
    codeOf(() => answer.format(plain)),
    'ERR_HTTP_ANSWER_LENGTH_INVALID',
  )
  for (const options of [
    { length: 7 },
    { length: -1 },
    { length: -1, versionMinor: 0 as const },
    { length: 0, head: true },
  ]) {
    const formatted = answer.format({ ...plain, ...options })
    assert.match(formatted, /\r\nContent-Length: 7\r\n\r\n$/)
    assert.doesNotMatch(formatted, /Transfer-Encoding/)
  }
  assert.equal(answer.framing({ ...plain, length: -1 }), AnswerFraming.length)
  answer.status = 304
  assert.match(answer.format({ ...plain, length: 0 }), /Content-Length: 7/)
  answer.status = 204
  assert.doesNotMatch(answer.format({ ...plain, length: 0 }), /Content-Length/)
  answer.removeField('CONTENT-LENGTH')
  assert.equal(answer.declaredLength, -1)
})

test('Transfer-Encoding is the writer’s', () => {
  const answer = new AnswerHead()
  assert.equal(
    codeOf(() => answer.setField('Transfer-encoding', 'chunked')),
    'ERR_HTTP_ANSWER_FRAMING_RESERVED',
  )
})

test('Connection of the application: close closes, other options stay beside it', () => {
  const answer = new AnswerHead()
  answer.setField('Connection', 'Keep-Alive')
  assert.equal(answer.closes, false)
  assert.doesNotMatch(answer.format(plain), /Connection/)
  answer.setField('connection', ['Close', 'x'])
  assert.equal(answer.closes, true)
  assert.equal(answer.closesAfter(plain), true)
  assert.match(answer.format(plain), /\r\nConnection: close, x\r\n/)
  assert.equal(answer.getField('Connection'), 'close, x')
  for (const value of ['', ',', 'a b', 'close;x'])
    assert.equal(
      codeOf(() => answer.setField('Connection', value)),
      'ERR_HTTP_ANSWER_VALUE_INVALID',
    )
  answer.removeField('Connection')
  assert.equal(answer.closes, false)
  answer.status = 101
  answer.setField('Upgrade', 'websocket')
  answer.setField('Connection', 'Upgrade')
  assert.equal(
    answer.format({ ...plain, length: -1 }),
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
  )
})

test('the small pieces of the wire', () => {
  assert.equal(continueAnswer, 'HTTP/1.1 100 Continue\r\n\r\n')
  assert.equal(chunkHeader(1) + 'x\r\n' + chunkHeader(255), '1\r\nx\r\nff\r\n')
  assert.equal(lastChunk, '0\r\n\r\n')
  assert.deepEqual([100, 101, 199, 200, 204, 205, 304, 404].map(isBodyless), [
    true,
    true,
    true,
    false,
    true,
    false,
    true,
    false,
  ])
  const target = new Uint8Array(5)
  assert.equal(encodeLatin1('h\xe9', target, 1), 3)
  assert.deepEqual([...target], [0, 0x68, 0xe9, 0, 0])
})

test('errorAnswer: a whole answer that closes', () => {
  const error = new HttpError('ERR_HTTP_HOST_MISSING', 'Cannot read the request: Host is missing')
  assert.equal(
    errorAnswer(error, { date: 'now' }),
    'HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=iso-8859-1\r\nX-Content-Type-Options: nosniff\r\nDate: now\r\n' +
      'Connection: close\r\nContent-Length: 41\r\n\r\nCannot read the request: Host is missing\n',
  )
  const allowed = errorAnswer(
    { status: 405, message: 'No' },
    { date: '', head: true, fields: [['Allow', 'GET, POST']] },
  )
  assert.match(allowed, /\r\nAllow: GET, POST\r\n/)
  assert.match(allowed, /\r\nContent-Length: 3\r\n\r\n$/)
  const hostile = errorAnswer({ status: 400, message: 'a\r\nb\0\u20ac\ud83d\ude00\xe4' }, { date: '' })
  assert.match(hostile, /\r\nContent-Length: 9\r\n\r\na\?\?b\?\?\?\xe4\n$/)
})

test('every code has a status, every status its phrase', () => {
  for (const code of httpErrorCodes) {
    const { status } = new HttpError(code, 'x')
    assert.match(code, /^ERR_HTTP_[A-Z_]+$/)
    assert.ok(reasonPhrases.has(status), code)
  }
})
