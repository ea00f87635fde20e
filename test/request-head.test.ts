import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BodyFraming, type HeadLimits, RequestHead } from '../src/http/index.ts'
import { bytes, everySplit, feed, text } from './support/splits.ts'

function parse(input: string, limits?: Partial<HeadLimits>): RequestHead {
  const head = new RequestHead(limits)
  const chunk = bytes(input)
  head.push(chunk, 0, chunk.length)
  return head
}

const GET = 'GET /a HTTP/1.1\r\nHost: b\r\n'

test('push stops behind the head, and consumes nothing more until reset', () => {
  const head = new RequestHead()
  const chunk = bytes(`..${GET}\r\nGET`)
  const end = chunk.length - 3
  assert.equal(head.push(chunk, 2, chunk.length), end)
  assert.equal(head.complete, true)
  assert.equal(head.push(chunk, end, chunk.length), end)
  head.reset()
  assert.equal(head.complete, false)
  assert.equal(head.push(chunk, end, chunk.length), chunk.length)
  assert.equal(head.complete, false)
})

test('an error is set once and stays', () => {
  const head = new RequestHead()
  const chunk = bytes('GET / HTTP/1.1\r\nX : 1\r\n')
  assert.equal(head.push(chunk, 0, chunk.length), 17)
  const { error } = head
  assert.equal(error?.code, 'ERR_HTTP_FIELD_NAME_INVALID')
  assert.equal(head.push(chunk, 0, chunk.length), 0)
  assert.equal(head.error, error)
  assert.equal(head.complete, false)
  head.reset()
  assert.equal(head.error, null)
  assert.equal(parse(`${GET}\r\n`).error, null)
})

test('an empty push changes nothing', () => {
  const head = new RequestHead()
  assert.equal(head.push(bytes(GET), 4, 4), 4)
  assert.equal(head.started, false)
})

test('a request has started with its first byte, not with the empty line before it', () => {
  const head = new RequestHead()
  for (const [input, started] of [
    ['\r', false],
    ['\n', false],
    ['G', true],
    ['ET ', true],
  ] as const) {
    head.push(bytes(input), 0, input.length)
    assert.equal(head.started, started, JSON.stringify(input))
  }
  head.reset()
  assert.equal(head.started, false)
})

test('repeated fields are counted and joined, cookies in their own way', () => {
  const fields = 'X: 1\r\nCookie: a=1\r\nx: 2\r\nX:\r\ncookie: b=2\r\n'
  const head = parse(`${GET}${fields}\r\n`)
  assert.equal(head.fieldCount, 6)
  assert.equal(head.field('x'), '1, 2, ')
  assert.equal(head.count('x'), 3)
  assert.equal(head.field('cookie'), 'a=1; b=2')
  assert.equal(head.field('y'), undefined)
  assert.equal(head.count('y'), 0)
  assert.deepEqual({ ...head.headers() }, { host: 'b', x: '1, 2, ', cookie: 'a=1; b=2' })
  const raw = ['Host', 'b', 'X', '1', 'Cookie', 'a=1', 'x', '2', 'X', '', 'cookie', 'b=2']
  assert.deepEqual(head.rawFields(), raw)
  const reported: string[] = []
  head.forEachField((name, value) => reported.push(name, value))
  assert.deepEqual(reported, raw)
})

test('H23: names of Object.prototype are names like any other', () => {
  const head = parse(`${GET}__proto__: 1\r\nConstructor: 2\r\n\r\n`)
  const headers = head.headers()
  assert.equal(Object.getPrototypeOf(headers), null)
  assert.deepEqual(Object.entries(headers), [
    ['host', 'b'],
    ['__proto__', '1'],
    ['constructor', '2'],
  ])
  assert.equal(head.field('__proto__'), '1')
  assert.equal(head.field('tostring'), undefined)
  assert.equal(headers.toString, undefined)
})

test('texts are Latin-1, by the decoder that was handed in', () => {
  assert.equal(parse(`${GET}X: h\xe9llo w\xf6rld \xff\r\n\r\n`).field('x'), 'h\xe9llo w\xf6rld \xff')
  const seen: number[] = []
  const head = new RequestHead(undefined, (_, start, end) => {
    seen.push(end - start)
    return 'text'
  })
  const chunk = bytes(`${GET}\r\n`)
  head.push(chunk, 0, chunk.length)
  assert.deepEqual(seen, [], 'no text is made before it is asked for')
  assert.equal(head.method, 'GET')
  assert.equal(head.target, 'text')
  assert.equal(head.target, 'text')
  assert.deepEqual(seen, [2], 'the target is made once')
})

test('a head in one chunk is read where it lies; detach copies it', () => {
  const chunk = bytes(`${GET}X: 1\r\n\r\n`)
  const head = new RequestHead()
  head.push(chunk, 0, chunk.length)
  head.detach()
  chunk.fill(0x2d)
  assert.equal(head.target, '/a')
  assert.deepEqual(head.rawFields(), ['Host', 'b', 'X', '1'])
})

test('detach copies out of a Buffer too, whose slice is none', () => {
  const chunk = Buffer.from(`${GET}\r\n`, 'latin1')
  const head = new RequestHead()
  head.push(chunk, 0, chunk.length)
  head.detach()
  chunk.fill(0x2d)
  assert.equal(head.target, '/a')
  head.detach()
  assert.equal(text(head.raw()), `${GET}\r\n`)
})

test('a head in several chunks keeps none of them', () => {
  const input = `${GET}X: 1\r\n\r\n`
  const result = everySplit(bytes(input), (chunks) => {
    const head = new RequestHead()
    for (const chunk of chunks) {
      head.push(chunk, 0, chunk.length)
      if (chunks.length > 1) chunk.fill(0x2d)
    }
    head.detach()
    return [head.target, head.host, ...head.rawFields()]
  })
  assert.deepEqual(result, ['/a', 'b', 'Host', 'b', 'X', '1'])
})

test('raw: the bytes of the head and no others, however they came', () => {
  const input = `${GET}X: \t1 \t\r\n\r\n`
  const result = everySplit(bytes(`\r\n${input}rest`), (chunks) => {
    const head = new RequestHead()
    assert.equal(head.raw().length, 0)
    const left = feed(head, chunks)
    assert.equal(text(left), 'rest')
    const raw = text(head.raw())
    head.detach()
    assert.equal(text(head.raw()), raw, 'detach keeps them')
    head.reset()
    assert.equal(head.raw().length, 0)
    return raw
  })
  assert.equal(result, input)
})

test('raw: a view of the chunk, of its class; nothing of a head that failed', () => {
  const head = new RequestHead()
  const chunk = Buffer.from(`${GET}\r\nGET`, 'latin1')
  const end = head.push(chunk, 0, chunk.length)
  const raw = head.raw()
  assert.ok(Buffer.isBuffer(raw))
  assert.deepEqual([raw.buffer, raw.byteOffset, raw.length], [chunk.buffer, chunk.byteOffset, end])
  assert.equal(parse('GET / HTTP/1.1\r\nX: 1\r\n\r\n').raw().length, 0)
  assert.equal(parse(GET).raw().length, 0)
})

test('after reset nothing of the last head is left', () => {
  const head = new RequestHead()
  const first =
    'POST http://c/d HTTP/1.0\r\nHost: b\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 5\r\n\r\n'
  head.push(bytes(first), 0, first.length)
  assert.deepEqual(
    [head.method, head.host, head.path, head.framing, head.contentLength, head.keepAlive, head.upgrade],
    ['POST', 'c', '/d', BodyFraming.length, 5, false, true],
  )
  head.reset()
  const second = 'GET /e HTTP/1.1\r\nHost: f\r\n\r\n'
  assert.equal(feed(head, [bytes(second)]).length, 0)
  assert.deepEqual(
    [head.method, head.host, head.path, head.framing, head.contentLength, head.keepAlive, head.upgrade],
    ['GET', 'f', '/e', BodyFraming.none, 0, true, false],
  )
  assert.equal(head.expectContinue, false)
  assert.equal(head.field('upgrade'), undefined)
})

test('the defaults: 8,192 bytes of request line, 16,384 of head, 100 fields', () => {
  const line = (length: number) => `GET /${'a'.repeat(length - 14)} HTTP/1.1\r\nHost: b\r\n\r\n`
  assert.equal(parse(line(8192)).complete, true)
  assert.equal(parse(line(8193)).error?.status, 414)
  const head = (length: number) => `${GET}X: ${'a'.repeat(length - GET.length - 7)}\r\n\r\n`
  assert.equal(head(16_384).length, 16_384)
  assert.equal(parse(head(16_384)).complete, true)
  assert.equal(parse(head(16_385)).error?.code, 'ERR_HTTP_FIELDS_TOO_LARGE')
  const fields = (count: number) => `${GET}${'X: 1\r\n'.repeat(count - 1)}\r\n`
  assert.equal(parse(fields(100)).complete, true)
  assert.equal(parse(fields(101)).error?.code, 'ERR_HTTP_FIELDS_TOO_MANY')
})

test('a head over the limit is refused at the limit, however much comes', () => {
  const head = new RequestHead()
  const chunk = bytes(GET + 'X'.repeat(65_536))
  assert.equal(head.push(chunk, 0, chunk.length), 16_384)
  assert.equal(head.error?.status, 431)
})

test('a head dripped byte by byte up to the limit is read', () => {
  const head = new RequestHead()
  const input = bytes(`${GET}${'Name: value\r\n'.repeat(90)}X: ${'y'.repeat(15_000)}\r\n\r\n`)
  for (let at = 0; at < input.length; at++) assert.equal(head.push(input, at, at + 1), at + 1)
  assert.equal(head.complete, true)
  assert.equal(head.field('x')?.length, 15_000)
  assert.equal(head.count('name'), 90)
})

test('64 KiB of adversarial lists are read in time', () => {
  const limits = { head: 80_000 }
  const before = performance.now()
  for (const list of [',', ' ,', 'chunked,', ' \t', 'close ', '\t,x'])
    for (const name of ['Connection', 'Transfer-Encoding', 'Upgrade', 'Expect', 'Content-Length', 'X'])
      parse(`${GET}${name}: x${list.repeat(65_536 / list.length)}\r\n\r\n`, limits)
  // 36 heads take some 30 ms; quadratic work would take minutes.
  assert.ok(performance.now() - before < 3_000)
})
