/** Rows H1 to H8 of the checklist: requests whose framing is hostile or careless, and what they get. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answersOf, everyWay, get, refuses } from './support/http-rows.ts'
import { serve } from './support/serving.ts'

function post(fields: string, body = '', version = '1.1'): string {
  return `POST / HTTP/${version}\r\nHost: a\r\n${fields}\r\n${body}`
}

function chunked(body: string): string {
  return post('Transfer-Encoding: chunked\r\n', body)
}

test('H1 Content-Length and Transfer-Encoding together: 400 and close', (t) =>
  refuses(
    t,
    [
      post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
      post('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', '0\r\n\r\n'),
      post('Content-Length: 5\r\nTransfer-Encoding: identity\r\n', 'hello'),
      get('Content-Length: 0\r\nTransfer-Encoding: chunked\r\n'),
      post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '', '1.0'),
    ],
    { status: 400, code: 'ERR_HTTP_FRAMING_AMBIGUOUS' },
  ))

test('H2 Content-Length repeated: 400', (t) =>
  refuses(
    t,
    [
      post('Content-Length: 5\r\nContent-Length: 5\r\n', 'hello'),
      post('Content-Length: 0\r\nX: y\r\ncontent-length: 5\r\n', 'hello'),
      get('Content-Length: 0\r\nContent-Length: 0\r\n'),
    ],
    { status: 400, code: 'ERR_HTTP_CONTENT_LENGTH_REPEATED' },
  ))

const NO_LENGTHS = [
  '5, 5',
  '5,5',
  '',
  '+5',
  '-5',
  '0x5',
  '5 5',
  '5.0',
  '"5"',
  '9007199254740992',
  '18446744073709551621',
]

test('H2 Content-Length a list, empty, signed, hex, overflowing: 400', (t) =>
  refuses(
    t,
    NO_LENGTHS.map((length) => post(`Content-Length: ${length}\r\n`, 'hello')),
    { status: 400, code: 'ERR_HTTP_CONTENT_LENGTH_INVALID' },
  ))

const NOT_CHUNKED = [
  '',
  'identity',
  'gzip',
  'chunked, gzip',
  'chunked, chunked',
  'chunked,',
  ',chunked',
  'xchunked',
  'chunked;q=1',
]

test('H3 Transfer-Encoding not ending in chunked, repeated: 400', (t) =>
  refuses(
    t,
    [
      ...NOT_CHUNKED.map((codings) => post(`Transfer-Encoding: ${codings}\r\n`, '0\r\n\r\n')),
      post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
      post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', '0\r\n\r\n'),
    ],
    { status: 400, code: 'ERR_HTTP_TRANSFER_ENCODING_INVALID' },
  ))

test('H3 Transfer-Encoding with a vertical tab: 400', (t) =>
  refuses(t, [post('Transfer-Encoding: \vchunked\r\n'), post('Transfer-Encoding: chunked\v\r\n')], {
    status: 400,
    code: 'ERR_HTTP_FIELD_VALUE_INVALID',
  }))

test('H3 an unknown coding, and then chunked: 501', (t) =>
  refuses(
    t,
    [
      post('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n'),
      post('Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
      post('Transfer-Encoding: identity, chunked\r\n', '0\r\n\r\n'),
    ],
    { status: 501, code: 'ERR_HTTP_TRANSFER_CODING_UNKNOWN' },
  ))

test('H4 Transfer-Encoding on HTTP/1.0: 400 and close', (t) =>
  refuses(
    t,
    [
      post('Transfer-Encoding: chunked\r\n', '0\r\n\r\n', '1.0'),
      post('Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n', '1.0'),
      get('Transfer-Encoding: chunked\r\n').replace('1.1', '1.0'),
    ],
    { status: 400, code: 'ERR_HTTP_TRANSFER_ENCODING_INVALID' },
  ))

const NO_SIZES = ['0x5', '5h', '+5', '-5', ' 5', '', '_5', '10000000000000005', '20000000000000']

test('H5 chunk size hex-prefixed, signed, empty, overflowing: 400', (t) =>
  refuses(
    t,
    NO_SIZES.map((size) => chunked(`${size}\r\nhello\r\n0\r\n\r\n`)),
    { status: 400, code: 'ERR_HTTP_CHUNK_SIZE_INVALID' },
  ))

test('H5 a trailing space behind a chunk size: 400', (t) =>
  refuses(
    t,
    [chunked('5 \r\nhello\r\n0\r\n\r\n'), chunked('5\t\r\nhello\r\n'), chunked('5\r\nhello\r\n0 \r\n\r\n')],
    {
      status: 400,
      code: 'ERR_HTTP_CHUNK_EXTENSION_INVALID',
    },
  ))

test('H6 CRLF missing after a chunk, LF only: 400', (t) =>
  refuses(
    t,
    [
      chunked('5\r\nhello0\r\n\r\n'),
      chunked('5\r\nhello\n0\r\n\r\n'),
      chunked('5\r\nhello\r0\r\n\r\n'),
      chunked('5\r\nhello!\r\n0\r\n\r\n'),
      chunked('5\r\nhelloxx0\r\n\r\n'),
    ],
    { status: 400, code: 'ERR_HTTP_CHUNK_END_INVALID' },
  ))

test('H6 LF or CR only after a chunk size: 400', (t) =>
  refuses(t, [chunked('5\nhello\r\n0\r\n\r\n'), chunked('5\rhello\r\n'), chunked('5\r\nhello\r\n0\n\r\n')], {
    status: 400,
    code: 'ERR_HTTP_CHUNK_SIZE_INVALID',
  }))

test('H6 wrong bytes after the last chunk: 400', async (t) => {
  await refuses(t, [chunked('0\r\n\n'), chunked('5\r\nhello\r\n0\r\n\rX')], {
    status: 400,
    code: 'ERR_HTTP_LINE_END_INVALID',
  })
  await refuses(t, [chunked(`0\r\n${get()}`), chunked('0\r\nxx\r\n')], {
    status: 400,
    code: 'ERR_HTTP_FIELD_NAME_INVALID',
  })
})

test('H7 chunk extensions over 16 KiB in all: 413', (t) =>
  refuses(
    t,
    [
      chunked(`1;${'x'.repeat(16_384)}\r\nx\r\n0\r\n\r\n`),
      chunked(`${`1;${'x'.repeat(63)}\r\nx\r\n`.repeat(257)}0\r\n\r\n`),
      chunked(`1;x="${'y'.repeat(17_000)}"\r\nx\r\n0\r\n\r\n`),
      chunked(`0${' '.repeat(17_000)};x\r\n\r\n`),
    ],
    { status: 413, code: 'ERR_HTTP_CHUNK_EXTENSIONS_TOO_LARGE' },
  ))

test('H8 trailers over the limit: 431', async (t) => {
  await refuses(t, [chunked(`0\r\n${'A: b\r\n'.repeat(101)}\r\n`)], {
    status: 431,
    code: 'ERR_HTTP_FIELDS_TOO_MANY',
  })
  await refuses(
    t,
    [chunked(`0\r\nA: ${'b'.repeat(16_400)}\r\n\r\n`), chunked(`0\r\n${'A'.repeat(16_400)}`)],
    {
      status: 431,
      code: 'ERR_HTTP_FIELDS_TOO_LARGE',
    },
  )
})

test('H8 forbidden trailers: 400', (t) =>
  refuses(
    t,
    [
      'Content-Length: 5',
      'transfer-encoding: chunked',
      'Host: b',
      'Authorization: x',
      'X: y\r\nCookie: a=b',
    ].map((lines) => chunked(`5\r\nhello\r\n0\r\n${lines}\r\n\r\n`)),
    { status: 400, code: 'ERR_HTTP_TRAILER_FORBIDDEN' },
  ))

test('H8 trailers are kept apart from the headers', async (t) => {
  const seen = new Set<string>()
  const serving = await serve(t, {}, (message, client, writer) => {
    seen.add(JSON.stringify(client.request!.headers))
    writer.write(message)
  })
  const input = chunked('5\r\nhello\r\n0\r\nX-Admin: yes\r\nhosts: b\r\n\r\n')
  await everyWay(
    serving,
    input,
    (text) => text.endsWith('hello'),
    (text, how) => assert.equal(answersOf(text)[0]!.status, 200, how),
  )
  seen.delete(JSON.stringify({ host: 'a', 'content-length': '5' }))
  assert.deepEqual([...seen], [JSON.stringify({ host: 'a', 'transfer-encoding': 'chunked' })])
})
