import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AnswerHeadReader } from '../src/http/index.ts'
import { byteByByte, cutAtRandom, mutate, Random } from './support/random.ts'
import { bytes, everySplit, feed } from './support/splits.ts'

const BODY = 'HTTP/1.1 not a head'

type Limits = ConstructorParameters<typeof AnswerHeadReader>[0]

function read(chunks: Uint8Array[], limits?: Limits): unknown {
  const head = new AnswerHeadReader(limits)
  const left = feed(head, chunks).length
  if (head.error !== null) return [head.error.code, head.error.message, left]
  return head.complete ? [head.status, head.versionMinor, head.headers(), left] : ['open', left]
}

/** Reads a head in every delivery, alone and with a body behind it. */
function accepts(wire: string, expected: unknown[], limits?: Limits): void {
  const run = (chunks: Uint8Array[]) => JSON.stringify(read(chunks, limits))
  assert.equal(everySplit(bytes(wire), run), JSON.stringify([...expected, 0]), wire)
  assert.equal(everySplit(bytes(wire + BODY), run), JSON.stringify([...expected, BODY.length]), wire)
}

/** `wire` must fail at the byte behind `consumed`. */
function refuses(wire: string, consumed: number, code: string, limits?: Limits): void {
  const [got, message, left] = everySplit(bytes(wire), (chunks) => read(chunks, limits)) as [
    string,
    string,
    number,
  ]
  assert.deepEqual([got, wire.length - left], [code, consumed], wire)
  assert.match(message, /^Cannot read the answer: .*[^.]$/)
  assert.doesNotMatch(message, /request/)
}

test('heads of answers', () => {
  accepts('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nX:\r\n\r\n', [
    101,
    1,
    { upgrade: 'websocket', x: '' },
  ])
  accepts('HTTP/1.0 404 Not  Found\xe9\r\nA: 1\r\na:\t2 \r\n\r\n', [404, 0, { a: '1, 2' }])
  accepts('HTTP/1.1 200 \r\n\r\n', [200, 1, {}])
  accepts('HTTP/1.1 200\r\n\r\n', [200, 1, {}])
  accepts('HTTP/1.1 999 x\r\n\r\n', [999, 1, {}])
})

test('fields, counted and as sent', () => {
  const head = new AnswerHeadReader()
  feed(head, [bytes('HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nset-cookie: b\r\n__proto__: c\r\n\r\n')])
  assert.equal(head.count('set-cookie'), 2)
  assert.equal(head.field('set-cookie'), 'a, b')
  assert.equal(head.field('__proto__'), 'c')
  assert.equal(head.field('constructor'), undefined)
  assert.deepEqual(head.rawFields().slice(0, 2), ['Set-Cookie', 'a'])
})

test('one head after the other', () => {
  const head = new AnswerHeadReader()
  const wire = bytes('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 X\r\nA: b\r\n\r\n')
  const pos = head.push(wire, 0, wire.length)
  assert.deepEqual([pos, head.status], [25, 100])
  assert.equal(head.push(wire, pos, wire.length), pos, 'it consumes nothing more')
  head.reset()
  assert.equal(head.push(wire, pos, wire.length), wire.length)
  assert.deepEqual([head.status, head.field('a')], [101, 'b'])
})

test('status lines that are none', () => {
  refuses('GET / HTTP/1.1\r\n\r\n', 0, 'ERR_HTTP_VERSION_INVALID')
  refuses('\r\nHTTP/1.1 200 OK\r\n\r\n', 0, 'ERR_HTTP_VERSION_INVALID')
  refuses('HTTP/2.0 200 OK\r\n\r\n', 5, 'ERR_HTTP_VERSION_INVALID')
  refuses('HTTP/1.x 200 OK\r\n\r\n', 7, 'ERR_HTTP_VERSION_INVALID')
  refuses('HTTP/1.1  200 OK\r\n\r\n', 9, 'ERR_HTTP_ANSWER_STATUS_INVALID')
  refuses('HTTP/1.1\r\n\r\n', 8, 'ERR_HTTP_VERSION_INVALID')
  refuses('HTTP/1.1 099 OK\r\n\r\n', 9, 'ERR_HTTP_ANSWER_STATUS_INVALID')
  refuses('HTTP/1.1 20 OK\r\n\r\n', 11, 'ERR_HTTP_ANSWER_STATUS_INVALID')
  refuses('HTTP/1.1 2000 OK\r\n\r\n', 12, 'ERR_HTTP_ANSWER_STATUS_INVALID')
  refuses('HTTP/1.1 200 O\0K\r\n\r\n', 14, 'ERR_HTTP_ANSWER_STATUS_INVALID')
  refuses('HTTP/1.1 200 OK\n\r\n', 15, 'ERR_HTTP_ANSWER_STATUS_INVALID')
  refuses('HTTP/1.1 200 OK\r\r\n', 16, 'ERR_HTTP_LINE_END_INVALID')
})

test('fields that are none', () => {
  const line = 'HTTP/1.1 200 OK\r\n'
  refuses(`${line}A : b\r\n\r\n`, line.length + 1, 'ERR_HTTP_FIELD_NAME_INVALID')
  refuses(`${line} a: b\r\n\r\n`, line.length, 'ERR_HTTP_FIELD_FOLDED')
  refuses(`${line}a: b\n\r\n`, line.length + 4, 'ERR_HTTP_LINE_END_INVALID')
  refuses(`${line}a: b\0\r\n`, line.length + 4, 'ERR_HTTP_FIELD_VALUE_INVALID')
})

test('limits', () => {
  const line = 'HTTP/1.1 200 OK\r\n'
  accepts(`${line}a: b\r\n\r\n`, [200, 1, { a: 'b' }], { head: 25, fields: 1 })
  refuses(`${line}a: b\r\n\r\n`, 24, 'ERR_HTTP_FIELDS_TOO_LARGE', { head: 24 })
  refuses(`HTTP/1.1 200 ${'x'.repeat(40)}`, 30, 'ERR_HTTP_FIELDS_TOO_LARGE', { head: 30 })
  refuses(`${line}a: b\r\nc: d\r\n\r\n`, line.length + 6, 'ERR_HTTP_FIELDS_TOO_MANY', { fields: 1 })
  const many = (count: number) => bytes(`${line}${'a:\r\n'.repeat(count)}\r\n`)
  assert.equal((read([many(100)]) as unknown[])[0], 200)
  assert.equal((read([many(101)]) as unknown[])[0], 'ERR_HTTP_FIELDS_TOO_MANY')
  const long = (length: number) => bytes(`${line}a: ${'x'.repeat(length - line.length - 7)}\r\n\r\n`)
  assert.equal((read([long(16_384)]) as unknown[])[0], 200)
  assert.equal((read([long(16_385)]) as unknown[])[0], 'ERR_HTTP_FIELDS_TOO_LARGE')
})

test('5,000 damaged heads from seed 9112: cuts make no difference', (t) => {
  t.diagnostic('seed 9112')
  const random = new Random(9112)
  const corpus = [
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
    'HTTP/1.0 302\r\nLocation:\thttp://a/ \r\n\r\nbody',
    'HTTP/1.1 200 \r\n\r\n',
  ].map(bytes)
  for (let input = 0; input < 5000; input++) {
    const data = mutate(random, corpus)
    const whole = JSON.stringify(read([data.slice()], { head: 70, fields: 2 }))
    for (const chunks of [byteByByte(data), cutAtRandom(random, data)])
      assert.equal(JSON.stringify(read(chunks, { head: 70, fields: 2 })), whole, `input ${input}`)
  }
})
