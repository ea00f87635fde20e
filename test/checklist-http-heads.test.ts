/** Rows H9 to H17 and H23 to H25 of the checklist: heads that are hostile or careless, and what they get. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ServerOptions } from '../src/index.ts'
import { answersOf, everyWay, get, post, refuses } from './support/http-rows.ts'
import { serve } from './support/serving.ts'

test('H9 bare LF, bare CR, CRLF CR X: 400', (t) =>
  refuses(
    t,
    [
      'GET / HTTP/1.1\rHost: a\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: a\n\r\n',
      'GET / HTTP/1.1\r\nHost: a\r\n\n',
      'GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: a\r\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: a\r\n\rX\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: a\r\nX: y\n\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n',
    ],
    { status: 400, code: 'ERR_HTTP_LINE_END_INVALID' },
  ))

test('H9 bare LF behind the version: 400', (t) =>
  refuses(t, ['GET / HTTP/1.1\nHost: a\n\n', 'GET / HTTP/1.1\n\r\nHost: a\r\n\r\n'], {
    status: 400,
    code: 'ERR_HTTP_VERSION_INVALID',
  }))

test('H9 obs-fold: 400', (t) =>
  refuses(t, [get('X: y\r\n z\r\n'), get('X: y\r\n\tz\r\n'), get('Transfer-Encoding:\r\n chunked\r\n')], {
    status: 400,
    code: 'ERR_HTTP_FIELD_FOLDED',
  }))

test('H10 leading space: 400', (t) =>
  refuses(t, ['GET / HTTP/1.1\r\n Host: a\r\n\r\n', 'GET / HTTP/1.1\r\n\tX: y\r\nHost: a\r\n\r\n'], {
    status: 400,
    code: 'ERR_HTTP_FIELD_FOLDED',
  }))

test('H10 space before the colon, empty name, NUL or CTL in a name: 400', (t) =>
  refuses(
    t,
    [
      'X : y',
      'X\t: y',
      'Content-Length : 5',
      ': y',
      'X',
      'X\0: y',
      'X\x01Y: z',
      'X\x7f: y',
      'X\xe9: y',
      'X(Y): z',
    ].map((line) => get(`${line}\r\n`)),
    { status: 400, code: 'ERR_HTTP_FIELD_NAME_INVALID' },
  ))

test('H10 NUL or CTL in a value: 400', (t) =>
  refuses(
    t,
    ['X: \0', 'X: a\0b', 'X: a\x01', 'X: \x0b', 'X: a\x7f', 'X: \x1b[2J'].map((line) => get(`${line}\r\n`)),
    { status: 400, code: 'ERR_HTTP_FIELD_VALUE_INVALID' },
  ))

test('H11 header bytes over the limit: 431', async (t) => {
  const code = 'ERR_HTTP_FIELDS_TOO_LARGE'
  await refuses(t, [get(`X: ${'y'.repeat(16_400)}\r\n`), get(`${'N'.repeat(16_400)}: y\r\n`)], {
    status: 431,
    code,
  })
  const small = [
    get(`X: ${'y'.repeat(60)}\r\n`),
    get('X: y\r\n'.repeat(12)),
    `GET / HTTP/1.1\r\nHost: a\r\nX:${' '.repeat(90)}`,
  ]
  await refuses(t, small, { status: 431, code, options: { headLimit: 80 } })
})

test('H11 header count over the limit: 431, never a silent drop', async (t) => {
  const code = 'ERR_HTTP_FIELDS_TOO_MANY'
  await refuses(t, [get('X: y\r\n'.repeat(100))], { status: 431, code })
  const upgrade = get('X: y\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n')
  const length = 'POST / HTTP/1.1\r\nHost: a\r\nX: y\r\nX: y\r\nContent-Length: 5\r\n\r\nhello'
  await refuses(t, [upgrade, length], { status: 431, code, options: { fieldLimit: 3 } })
})

test('H12 request target over the limit: 414', async (t) => {
  const code = 'ERR_HTTP_REQUEST_LINE_TOO_LONG'
  await refuses(t, [get('', `/${'x'.repeat(8_200)}`), `GET /${'x'.repeat(9_000)}`], { status: 414, code })
  const small = [
    get('', `/${'x'.repeat(40)}`),
    get('', `/?${'x'.repeat(100)}`),
    `BREW /${'x'.repeat(100)} HTTP/1.1\r\n`,
  ]
  await refuses(t, small, { status: 414, code, options: { requestLineLimit: 40 } })
})

const SMALL: ServerOptions = { messageLimit: 10 }
const TOO_LARGE = [
  post('hello world'),
  post('hello world', 'Expect: 100-continue\r\n').slice(0, -11),
  'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n',
  'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9007199254740991\r\n\r\n',
]

test('H13 body over the limit: 413, and the connection is closed unless the body is drained', async (t) => {
  for (const options of [SMALL, { ...SMALL, wholeBody: true }]) {
    const serving = await serve(t, options)
    for (const input of TOO_LARGE) {
      await everyWay(
        serving,
        input,
        (text) => /^HTTP\/1\.1 413 [\s\S]*\r\n\r\n./.test(text) && !/connection: close/i.test(text),
        (text, how) => {
          const [answer, ...rest] = answersOf(text)
          assert.equal(answer!.status, 413, `${input}, ${how}`)
          assert.match(answer!.body, /^Cannot [^\r\n]*[^.\r\n]\n$/)
          assert.deepEqual(rest, [])
        },
      )
    }
    assert.ok(serving.messages.every((message) => message === 'first'))
    assert.deepEqual(new Set(serving.errors).size, 1, `${serving.errors}`)
  }
})

test('H13 what comes behind a body over the limit is no request, or is the next one', async (t) => {
  const serving = await serve(t, SMALL)
  const evil = 'GET /evil HTTP/1.1\r\nHost: a\r\n\r\n'
  await everyWay(
    serving,
    `${post(evil)}${post('next')}`,
    (text) => text.endsWith('next'),
    (text, how) => {
      const statuses = answersOf(text).map(({ status }) => status)
      const closes = /connection: close/i.test(text)
      assert.deepEqual(statuses, closes ? [413] : [413, 200], how)
    },
  )
})

test('H14 Host missing, repeated, invalid: 400', async (t) => {
  await refuses(t, ['GET / HTTP/1.1\r\n\r\n', 'GET http://a/ HTTP/1.1\r\nX-Host: a\r\n\r\n'], {
    status: 400,
    code: 'ERR_HTTP_HOST_MISSING',
  })
  await refuses(t, [get('Host: a\r\n'), get('host: b\r\n'), get('X: y\r\nHOST:\r\n')], {
    status: 400,
    code: 'ERR_HTTP_HOST_REPEATED',
  })
  const invalid = [
    '',
    'a b',
    'a, a',
    'u@a',
    'a/b',
    'a:x',
    'a:65536',
    '[::1',
    '[b]',
    'a..b',
    'a\\b',
    '\xe9',
    'http://a',
  ]
  await refuses(
    t,
    invalid.map((host) => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`),
    { status: 400, code: 'ERR_HTTP_HOST_INVALID' },
  )
})

test('H15 another major version: 505; malformed version: 400', async (t) => {
  const versions = ['HTTP/2.0', 'HTTP/3.0', 'HTTP/0.9', 'HTTP/1.2']
  await refuses(
    t,
    versions.map((version) => `GET / ${version}\r\nHost: a\r\n\r\n`),
    { status: 505, code: 'ERR_HTTP_VERSION_UNSUPPORTED', sniffed: false },
  )
  const malformed = [
    'HTTP/1',
    'HTTP/1.',
    'HTTP/11',
    'HTTP/1.10',
    'http/1.1',
    'HTTP/x.y',
    'HTTP 1.1',
    'RTSP/1.0',
    '',
  ]
  await refuses(
    t,
    malformed.map((version) => `GET / ${version}\r\nHost: a\r\n\r\n`),
    { status: 400, code: 'ERR_HTTP_VERSION_INVALID', sniffed: false },
  )
})

test('H16 malformed method: 400; too long: 501', async (t) => {
  const malformed = ['', 'GE\0T', 'GET:', '"GET"', 'G(T', 'G\xc9T', 'GET\t', ' GET']
  await refuses(
    t,
    malformed.map((method) => `${method} / HTTP/1.1\r\nHost: a\r\n\r\n`),
    { status: 400, code: 'ERR_HTTP_METHOD_INVALID', sniffed: false },
  )
  await refuses(t, [`${'A'.repeat(33)} / HTTP/1.1\r\nHost: a\r\n\r\n`], {
    status: 501,
    code: 'ERR_HTTP_METHOD_TOO_LONG',
    sniffed: false,
  })
})

test('H16 unknown method: 501; known but unused: 405; each says what is allowed, and the connection goes on', async (t) => {
  const serving = await serve(t)
  const methods: [string, number][] = [
    ['BREW', 501],
    ['get', 501],
    ['QUERY', 501],
    ['__proto__', 501],
    ['GET', 405],
    ['DELETE', 405],
    ['PATCH', 405],
    ['TRACE', 405],
  ]
  for (const [method, expected] of methods) {
    const request = `${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi`
    await everyWay(
      serving,
      request + post('next'),
      (text) => text.endsWith('next'),
      (text, how) => {
        const [refusal, next, ...rest] = answersOf(text)
        assert.equal(refusal!.status, expected, `${method}, ${how}`)
        assert.match(refusal!.fields.get('allow')!, /\bPOST\b.*\bPUT\b/)
        assert.match(refusal!.body, /^Cannot [^\r\n]*[^.\r\n]\n$/)
        assert.deepEqual([next!.status, next!.body, rest], [200, 'next', []])
      },
    )
  }
  assert.ok(serving.messages.every((message) => message !== 'hi'))
})

test('H17 Expect other than 100-continue: 417', (t) =>
  refuses(
    t,
    ['200-ok', '', '100-continue, x', '100-continue;x', '100-continued', '__proto__'].map((expectation) =>
      post('hi', `Expect: ${expectation}\r\n`),
    ),
    { status: 417, code: 'ERR_HTTP_EXPECTATION_UNKNOWN' },
  ))

test('H17 Expect: 100-continue is answered with 100, then as ever; on HTTP/1.0 it is ignored', async (t) => {
  const serving = await serve(t)
  const done = (text: string): boolean => text.endsWith('hi')
  await everyWay(serving, post('hi', 'Expect: 100-continue\r\n'), done, (text, how) => {
    const statuses = answersOf(text).map(({ status }) => status)
    assert.equal(statuses.at(-1), 200, how)
    assert.ok(statuses.slice(0, -1).every((status) => status === 100) && statuses.length <= 2, how)
  })
  await everyWay(serving, post('hi', 'Expect: x\r\n').replace('1.1', '1.0'), done, (text, how) => {
    assert.deepEqual(
      answersOf(text).map(({ status }) => status),
      [200],
      how,
    )
  })
})

test('H23 a header named __proto__ is an ordinary header', async (t) => {
  const seen = new Set<string>()
  const serving = await serve(t, {}, (message, client, writer) => {
    const { headers } = client.request!
    const { hasOwn, getPrototypeOf, keys } = Object as ObjectConstructor & {
      hasOwn(o: object, k: string): boolean
    }
    const own = hasOwn(headers, '__proto__') ? headers['__proto__' as string] : undefined
    seen.add(
      JSON.stringify([keys(headers), own, getPrototypeOf(headers), headers['tostring' as string] ?? null]),
    )
    writer.write(message)
  })
  await everyWay(
    serving,
    post('hi', '__proto__: polluted\r\nconstructor: x\r\n__PROTO__: again\r\n'),
    (text) => text.endsWith('hi'),
    (text, how) => assert.equal(answersOf(text)[0]!.status, 200, how),
  )
  seen.delete(JSON.stringify([['host', 'content-length'], null, null, null]))
  const names = ['host', '__proto__', 'constructor', 'content-length']
  assert.deepEqual([...seen], [JSON.stringify([names, 'polluted, again', null, null])])
  assert.equal(({} as { polluted?: string }).polluted, undefined)
})

test('H24 targets are checked by method: 400', (t) =>
  refuses(
    t,
    [
      get('', 'http://u@b/'),
      get('', 'http:///c'),
      get('', 'http://b:x/'),
      get('', 'ftp://b/'),
      get('', '*'),
      get('', 'b:80'),
      get('', 'b/c'),
      get('', '/%zz'),
      'OPTIONS *x HTTP/1.1\r\nHost: a\r\n\r\n',
      'CONNECT /b HTTP/1.1\r\nHost: a\r\n\r\n',
      'CONNECT b HTTP/1.1\r\nHost: a\r\n\r\n',
    ],
    { status: 400, code: 'ERR_HTTP_TARGET_INVALID' },
  ))

test("H24 the absolute form's host wins, and * is of OPTIONS", async (t) => {
  const serving = await serve(t)
  const absolute = (origin: string): string =>
    post('hi', `Origin: http://${origin}\r\n`).replace(' / ', ' http://b.example:81/x ')
  await everyWay(
    serving,
    absolute('b.example:81'),
    (text) => text.endsWith('hi'),
    (text, how) => assert.equal(answersOf(text)[0]!.status, 200, how),
  )
  await refuses(t, [absolute('a'), absolute('b.example')], { status: 403, code: 'ERR_ORIGIN_REFUSED' })
  await everyWay(
    serving,
    'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
    (text) => text.endsWith('\r\n\r\n'),
    (text, how) => assert.ok([200, 204].includes(answersOf(text)[0]!.status), how),
  )
})

test('H25 CONNECT: 501', (t) =>
  refuses(
    t,
    [
      'CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n',
      'CONNECT [::1]:443 HTTP/1.1\r\nHost: a\r\n\r\n',
      'CONNECT b:443 HTTP/1.0\r\n\r\n\x16\x03\x01',
    ],
    { status: 501, code: 'ERR_HTTP_METHOD_UNSUPPORTED' },
  ))
