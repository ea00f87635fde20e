import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BodyFraming, type BodyLimits, BodyReader, type HttpError } from '../src/http/index.ts'
import { bytes, deliveries, text } from './support/splits.ts'

/** A reader whose sink writes down what it is told. */
function reading(limits?: Partial<BodyLimits>): { reader: BodyReader; told: string[] } {
  const told: string[] = []
  const reader = new BodyReader(
    {
      bodyData: (chunk, start, end) => told.push(text(chunk.slice(start, end))),
      bodyEnd: () => told.push('end'),
    },
    limits,
  )
  return { reader, told }
}

test('before the first body it is complete and consumes nothing', () => {
  const { reader, told } = reading()
  assert.equal(reader.complete, true)
  assert.equal(reader.push(bytes('abc'), 0, 3), 0)
  assert.deepEqual(told, [])
})

test('a body by length is passed on where it lies, and nothing behind it', () => {
  const { reader, told } = reading()
  reader.start(BodyFraming.length, 5)
  assert.equal(reader.push(bytes('..ab'), 2, 4), 4)
  assert.equal(reader.received, 2)
  assert.equal(reader.complete, false)
  assert.equal(reader.push(bytes('cdeGET'), 0, 6), 3)
  assert.equal(reader.push(bytes('cdeGET'), 3, 6), 3)
  assert.deepEqual(told, ['ab', 'cde', 'end'])
  assert.equal(reader.complete, true)
  assert.equal(reader.received, 5)
})

test('an empty body ends within start', () => {
  for (const framing of [BodyFraming.none, BodyFraming.length]) {
    const { reader, told } = reading()
    reader.start(framing, 0)
    assert.deepEqual(told, ['end'])
    assert.equal(reader.complete, true)
  }
})

test('chunks in one piece are passed on one by one, without copies', () => {
  const pieces: [Uint8Array, number, number][] = []
  const reader = new BodyReader({
    bodyData: (chunk, start, end) => pieces.push([chunk, start, end]),
    bodyEnd: () => {},
  })
  reader.start(BodyFraming.chunked, 0)
  const chunk = bytes('1\r\na\r\n2;x\r\nbc\r\n0\r\n\r\n')
  assert.equal(reader.push(chunk, 0, chunk.length), chunk.length)
  assert.deepEqual(
    pieces.map(([of, start, end]) => [of === chunk, start, end]),
    [
      [true, 3, 4],
      [true, 11, 13],
    ],
  )
})

test('the sink may start the next body from bodyEnd', () => {
  const received: number[] = []
  const reader: BodyReader = new BodyReader({
    bodyData: () => {},
    bodyEnd: () => {
      received.push(reader.received)
      if (received.length < 3) reader.start(BodyFraming.chunked, 0)
    },
  })
  reader.start(BodyFraming.chunked, 0)
  const chunk = bytes('1\r\na\r\n0\r\n\r\n'.repeat(3))
  assert.equal(reader.push(chunk, 0, chunk.length), 11, 'push returns at the end of each body')
  assert.equal(reader.push(chunk, 11, chunk.length), 22)
  assert.equal(reader.push(chunk, 22, chunk.length), 33)
  assert.deepEqual(received, [1, 1, 1])
})

test('H13: a length over the limit is an error before a byte is read; the limit itself is none', () => {
  const { reader, told } = reading({ body: 5 })
  reader.start(BodyFraming.length, 6)
  assert.equal(reader.error?.status, 413)
  assert.equal(reader.push(bytes('abcdef'), 0, 6), 0)
  assert.equal(reader.complete, false)
  reader.start(BodyFraming.length, 5)
  assert.equal(reader.error, null)
  assert.equal(reader.push(bytes('abcdef'), 0, 6), 5)
  assert.deepEqual(told, ['abcde', 'end'])
})

test('the defaults: 16 MiB of body, 16 KiB of extensions, 16,384 bytes and 100 lines of trailers', () => {
  const errorOf = (input: string) => {
    const { reader } = reading()
    reader.start(BodyFraming.chunked, 0)
    reader.push(bytes(input), 0, input.length)
    return reader.error?.code
  }
  assert.equal(errorOf('1000000\r\n'), undefined)
  assert.equal(errorOf('1000001\r\n'), 'ERR_HTTP_BODY_TOO_LARGE')
  const startError = (length: number) => {
    const { reader } = reading()
    reader.start(BodyFraming.length, length)
    return reader.error?.code
  }
  assert.equal(startError(16_777_216), undefined)
  assert.equal(startError(16_777_217), 'ERR_HTTP_BODY_TOO_LARGE')
  assert.equal(errorOf(`1;${'a'.repeat(16_383)}\r\n`), undefined)
  assert.equal(errorOf(`1;${'a'.repeat(16_384)}\r\n`), 'ERR_HTTP_CHUNK_EXTENSIONS_TOO_LARGE')
  assert.equal(errorOf(`0\r\nX: ${'a'.repeat(16_377)}\r\n\r\n`), undefined)
  assert.equal(errorOf(`0\r\nX: ${'a'.repeat(16_378)}\r\n\r\n`), 'ERR_HTTP_FIELDS_TOO_LARGE')
  assert.equal(errorOf(`0\r\n${'X:\r\n'.repeat(100)}\r\n`), undefined)
  assert.equal(errorOf(`0\r\n${'X:\r\n'.repeat(101)}\r\n`), 'ERR_HTTP_FIELDS_TOO_MANY')
})

test('H7: extensions are counted over all chunks of a body, and anew for the next', () => {
  const { reader } = reading({ chunkExtensions: 8 })
  for (let body = 0; body < 3; body++) {
    reader.start(BodyFraming.chunked, 0)
    const input = '1;aaa\r\nx\r\n0;bbb\r\n\r\n'
    assert.equal(reader.push(bytes(input), 0, input.length), input.length)
    assert.equal(reader.error, null)
  }
})

test('trailers are texts of their own, and gone with the next body', () => {
  const input = bytes('0\r\nX-Sum: 1\r\nx-sum: 2\r\n__proto__: 3\r\n\r\n')
  for (const { how, chunks } of deliveries(input)) {
    const { reader } = reading()
    reader.start(BodyFraming.chunked, 0)
    for (const chunk of chunks) {
      reader.push(chunk, 0, chunk.length)
      chunk.fill(0)
    }
    assert.deepEqual(reader.rawTrailers, ['X-Sum', '1', 'x-sum', '2', '__proto__', '3'], how)
    const trailers = reader.trailers()
    assert.equal(Object.getPrototypeOf(trailers), null)
    assert.deepEqual(Object.entries(trailers), [
      ['x-sum', '1, 2'],
      ['__proto__', '3'],
    ])
    reader.start(BodyFraming.none, 0)
    assert.deepEqual(reader.rawTrailers, [])
  }
})

test('after an error nothing is consumed and nothing told until the next start', () => {
  const { reader, told } = reading()
  reader.start(BodyFraming.chunked, 0)
  const input = bytes('1\r\naXX0\r\n\r\n')
  assert.equal(reader.push(input, 0, input.length), 4)
  assert.equal(reader.error?.code, 'ERR_HTTP_CHUNK_END_INVALID')
  assert.equal(reader.push(input, 7, input.length), 7)
  assert.deepEqual(told, ['a'])
  reader.start(BodyFraming.chunked, 0)
  assert.equal(reader.error, null)
  assert.equal(reader.push(input, 6, input.length), input.length)
  assert.deepEqual(told, ['a', 'end'])
  // Also out of the middle of the trailers.
  reader.start(BodyFraming.chunked, 0)
  const trailers = bytes('0\r\nX: 1\r\nY')
  reader.push(trailers, 0, trailers.length)
  reader.push(bytes(' :'), 0, 2)
  assert.equal((reader.error as HttpError | null)?.code, 'ERR_HTTP_FIELD_NAME_INVALID')
  reader.start(BodyFraming.chunked, 0)
  const good = bytes('0\r\nZ: 2\r\n\r\n')
  assert.equal(reader.push(good, 0, good.length), good.length)
  assert.deepEqual(reader.rawTrailers, ['Z', '2'])
})
