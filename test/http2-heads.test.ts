/** Heads of requests on HTTP/2: the same rules as on HTTP/1.1, whoever sees to them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readStreamHead, streamHeaders } from '../src/node/http2/head.ts'
import { resolveOptions } from '../src/node/limits/options.ts'
import { END_HEADERS, END_STREAM, Frame, http2Frame, joinFrames, literals } from './support/http2.ts'
import { serve, until } from './support/serving.ts'

type Fields = readonly (readonly [name: string, value: string])[]

const GET: Fields = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':path', '/'],
  [':authority', 'a'],
]

const POST: Fields = [[':method', 'POST'], ...GET.slice(1)]
const WEBSOCKET: Fields = [[':method', 'CONNECT'], [':protocol', 'websocket'], ...GET.slice(1)]

function but(fields: Fields, name: string, ...values: readonly string[]): Fields {
  return fields.flatMap(
    (field): Fields => (field[0] === name ? values.map((value) => [name, value]) : [field]),
  )
}

function read(fields: Fields, endsStream = true, options = {}) {
  const headers = Object.assign(Object.create(null), Object.fromEntries(fields))
  return readStreamHead(headers, fields.flat(), endsStream, resolveOptions(options))
}

test('a head in the words of HTTP/1.1', () => {
  assert.equal(read(GET).text, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  assert.equal(
    read([...POST, ['x-a', 'b'], ['host', 'A']], false).text,
    'POST / HTTP/1.1\r\nHost: a\r\nx-a: b\r\nTransfer-Encoding: chunked\r\n\r\n',
  )
  assert.equal(
    read([...POST, ['content-length', '5']], false).text,
    'POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 5\r\n\r\n',
  )
  assert.equal(read([...but(GET, ':authority'), ['host', 'h:1']]).text, 'GET / HTTP/1.1\r\nHost: h:1\r\n\r\n')
  const options = but(but(GET, ':method', 'OPTIONS'), ':path', '*')
  assert.equal(read(options).text, 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n')
  const cookies: Fields = [
    ['cookie', 'a=1'],
    ['x-b', ''],
    ['cookie', 'c=2; d=3'],
  ]
  assert.equal(
    read([...GET, ...cookies]).text,
    'GET / HTTP/1.1\r\nHost: a\r\nx-b: \r\ncookie: a=1; c=2; d=3\r\n\r\n',
  )
  const webSocket = read([...WEBSOCKET, ['sec-websocket-version', '13'], ['sec-websocket-key', 'x']], false)
  assert.deepEqual([webSocket.isWebSocket, webSocket.method], [true, 'GET'])
  assert.deepEqual(webSocket.rawFields(), ['Host', 'a', 'sec-websocket-version', '13'])
  assert.deepEqual(Object.entries(webSocket.headers()), [
    ['host', 'a'],
    ['sec-websocket-version', '13'],
  ])
})

test('a name of Object.prototype is a name as any other', () => {
  const head = read([...GET, ['__proto__', 'a'], ['constructor', 'b']])
  assert.deepEqual(head.rawFields().slice(2), ['__proto__', 'a', 'constructor', 'b'])
  assert.deepEqual(
    Object.entries(
      streamHeaders(200, [
        ['__proto__', 'a'],
        ['X', ['1', '2']],
      ]),
    ),
    [
      [':status', 200],
      ['__proto__', 'a'],
      ['x', '1, 2'],
    ],
  )
})

/** Most of these node:http2 never gives us: it is not relied on. */
const REFUSED: readonly (readonly [why: string, status: number, fields: Fields])[] = [
  ['another host', 400, [...GET, ['host', 'b']]],
  ['no host', 400, but(GET, ':authority')],
  ['an empty host', 400, but(GET, ':authority', '')],
  ['a user in the host', 400, but(GET, ':authority', 'u@a')],
  ['a path that is none', 400, but(GET, ':path', 'a')],
  ['an empty path', 400, but(GET, ':path', '')],
  ['no path', 400, but(GET, ':path')],
  ['* for another method', 400, but(GET, ':path', '*')],
  ['an absolute path', 400, but(but(GET, ':scheme', 'x'), ':path', 'http://b/')],
  ['a space in the path', 400, but(GET, ':path', '/ HTTP/1.1\r\nX: y')],
  ['a line in the path', 400, but(GET, ':path', '/\r\n')],
  ['a fragment', 400, but(GET, ':path', '/#a')],
  ['a method that is none', 400, but(GET, ':method', 'G T')],
  ['a line in the method', 400, but(GET, ':method', 'GET / HTTP/1.1\r\nX: y\r\nGET')],
  ['a line in a value', 400, [...GET, ['x', 'y\r\nz: w']]],
  ['the end in a value', 400, [...GET, ['x', 'y\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n']]],
  ['a line in the host', 400, but(GET, ':authority', 'a\r\nx: y')],
  ['NUL in a value', 400, [...GET, ['x', '\0']]],
  ['a space in a name', 400, [...GET, ['x y', 'z']]],
  ['a colon in a name', 400, [...GET, ['x: y\r\nz', 'w']]],
  ['two lengths', 400, [...POST, ['content-length', '1'], ['content-length', '2']]],
  ['a length that is none', 400, [...POST, ['content-length', '+1']]],
  ['a coding', 501, [...POST, ['transfer-encoding', 'gzip, chunked']]],
  ['a length and a coding', 400, [...POST, ['content-length', '1'], ['transfer-encoding', 'chunked']]],
  ['an expectation that is none', 417, [...POST, ['expect', 'x']]],
  [
    'a tunnel',
    501,
    [
      [':method', 'CONNECT'],
      [':authority', 'a:1'],
    ],
  ],
  ['a protocol that is none', 501, but(WEBSOCKET, ':protocol', 'x')],
  ['a long path', 414, but(GET, ':path', `/${'x'.repeat(8200)}`)],
  ['many fields', 431, [...GET, ...Array.from({ length: 100 }, (_, at) => [`x-${at}`, ''] as const)]],
  ['a large field', 431, [...GET, ['x', 'y'.repeat(16_384)]]],
]

for (const [why, status, fields] of REFUSED) {
  test(`refused: ${why}`, () => {
    assert.throws(
      () => read(fields),
      (error) => (error as { status: number }).status === status && /^Cannot /.test((error as Error).message),
    )
  })
}

test('limits do not count what is added', () => {
  const options = { headLimit: 60, fieldLimit: 2 }
  // 16 + 9 + 2 bytes without the field.
  const field = (bytes: number): Fields => [['x', 'y'.repeat(bytes - 3 - 2)]]
  assert.doesNotThrow(() => read([...POST, ...field(60 - 28)], false, options))
  assert.doesNotThrow(() =>
    read([...POST, ['x', ''], ['content-length', '1']].slice(0, 5) as Fields, false, options),
  )
  assert.throws(() => read([...POST, ...field(60 - 27)], false, options), { status: 431 })
  assert.throws(() => read([...POST, ['x', ''], ['y', '']], false, options), { status: 431 })
})

/** What comes over the wire and must not become a message: reset by HTTP/2 or answered with 4xx. */
const WIRE: readonly (readonly [why: string, fields: Fields])[] = [
  ['Host twice', [...POST, ['host', 'a'], ['host', 'a']]],
  ['Host that differs', [...POST, ['host', 'b']]],
  [':path twice', [...POST, [':path', '/b']]],
  [':path absolute, with a scheme that is not checked', but(but(POST, ':scheme', 'x'), ':path', 'http://b/')],
  ['no :path', but(POST, ':path')],
  ['no :scheme', but(POST, ':scheme')],
  ['no :method', but(POST, ':method')],
  ['an unknown pseudo field', [[':x', 'y'], ...POST]],
  ['a pseudo field behind the others', [...but(POST, ':path'), ['x', 'y'], [':path', '/']]],
  ['Connection', [...POST, ['connection', 'close']]],
  ['Transfer-Encoding', [...POST, ['transfer-encoding', 'chunked']]],
  ['Upgrade', [...POST, ['upgrade', 'x']]],
  ['Keep-Alive', [...POST, ['keep-alive', 'x']]],
  ['TE of another kind', [...POST, ['te', 'gzip']]],
  ['an upper-case name', [...POST, ['X', 'y']]],
  ['a length that is too long', [...POST, ['content-length', '9']]],
  ['a length that is too short', [...POST, ['content-length', '1']]],
  ['two lengths', [...POST, ['content-length', '2'], ['content-length', '2']]],
  [':protocol without CONNECT', [...POST, [':protocol', 'websocket']]],
]

test('over the wire, what is malformed is no message', async (t) => {
  const serving = await serve(t)
  for (const [why, fields] of WIRE) {
    const frames = await joinFrames(t, serving.port)
    frames.send(
      http2Frame(Frame.headers, END_HEADERS, 1, literals(fields)),
      http2Frame(Frame.data, END_STREAM, 1, Buffer.from('no')),
    )
    await until(() => frames.resets.size > 0 || frames.of(Frame.headers).length > 0 || frames.peer.ended)
    const [answer] = frames.of(Frame.headers)
    // The literal status that node:http2 sends is in the table only for some: 400 is index 12 (RFC 7541 appendix A).
    assert.ok(answer === undefined || answer.payload[0] === 0x8c, why)
    frames.peer.socket.destroy()
  }
  await until(() => serving.server.stats().connections === 0)
  assert.deepEqual(serving.messages, [])
})

test('a field that is none is left out by node:http2: it gets to nobody', async (t) => {
  const seen: string[] = []
  const serving = await serve(t, {}, (message, { request }, writer) => {
    seen.push(request!.rawHeaders.join())
    writer.write(message)
  })
  for (const field of [
    ['', 'y'],
    ['x y', 'z'],
    ['x', 'y\r\nz: w'],
    ['x', '\0'],
    ['x', ' y'],
    ['x', '\x7f'],
  ] as const) {
    const frames = await joinFrames(t, serving.port)
    frames.send(
      http2Frame(Frame.headers, END_HEADERS, 1, literals([...POST, field])),
      http2Frame(Frame.data, END_STREAM, 1, Buffer.from('x')),
    )
    await until(() => frames.of(Frame.data).length > 0)
  }
  assert.deepEqual(seen, Array(6).fill('Host,a'))
})
