import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LineReader, lineFraming } from '../src/raw/index.ts'
import { bytes, everySplit, feed, text } from './support/splits.ts'

interface Reading {
  messages: string[]
  failure: string | undefined
  held: number
}

function read(chunks: Uint8Array[], limit = 64): Reading {
  const reading: Reading = { messages: [], failure: undefined, held: 0 }
  const reader = new LineReader(
    {
      message: (chunk, start, end) => reading.messages.push(text(chunk.slice(start, end))),
      fail: (code) => {
        assert.equal(reading.failure, undefined, 'a reader fails once')
        reading.failure = code
      },
    },
    limit,
  )
  feed(reader, chunks)
  reader.end()
  reading.held = reader.held
  return reading
}

const cases: [input: string, messages: string[]][] = [
  ['', []],
  ['\n', []],
  ['\r\n', []],
  ['\n\n\r\n\n', []],
  ['one\n', ['one']],
  ['one\r\ntwo\nthree', ['one', 'two', 'three']],
  ['left over', ['left over']],
  ['left\r', ['left\r']],
  ['a\rb\n', ['a\rb']],
  ['a\r\r\n', ['a\r']],
  ['GET lost\n', ['GET lost']],
  ['{"a":1}\n{"b":2}\n', ['{"a":1}', '{"b":2}']],
  ['\x00\xff\xfe\n\x80', ['\x00\xff\xfe', '\x80']],
  ['x'.repeat(64) + '\n', ['x'.repeat(64)]],
  ['x'.repeat(64) + '\r\n', ['x'.repeat(64)]],
  ['x'.repeat(64), ['x'.repeat(64)]],
]

for (const [input, messages] of cases) {
  test(`lines of ${JSON.stringify(input.slice(0, 30))}, at every split`, () => {
    const reading = everySplit(bytes(input), read)
    assert.deepEqual(reading, { messages, failure: undefined, held: 0 })
  })
}

for (const input of [
  'x'.repeat(65) + '\n',
  'x'.repeat(65),
  'x'.repeat(65) + '\r\n',
  'ok\n' + 'x'.repeat(300),
]) {
  test(`a line over the limit fails at every split: ${input.length} bytes`, () => {
    const reading = everySplit(bytes(input), (chunks) => read(chunks))
    assert.equal(reading.failure, 'ERR_MESSAGE_TOO_LARGE')
    assert.deepEqual(reading.messages, input.startsWith('ok') ? ['ok'] : [])
    assert.equal(reading.held, 0)
  })
}

test('a failed reader consumes nothing more and reports nothing more', () => {
  const seen: string[] = []
  const sink = { message: () => seen.push('message'), fail: (code: string) => seen.push(code) }
  const reader = new LineReader(sink, 4)
  const long = bytes('too long\nok\n')
  assert.equal(reader.push(long, 0, long.length), 0)
  assert.equal(reader.push(long, 0, long.length), 0)
  reader.end()
  assert.deepEqual(seen, ['ERR_MESSAGE_TOO_LARGE'])
})

test('a whole line is reported where it lies, a held one in a buffer that is handed over', () => {
  const where: Uint8Array[] = []
  const reader = new LineReader({ message: (chunk) => where.push(chunk), fail: assert.fail }, 64)
  const whole = bytes('in place\nhe')
  reader.push(whole, 0, whole.length)
  assert.equal(reader.held, 2)
  reader.push(bytes('ld\nnext'), 0, 3)
  assert.equal(where[0], whole)
  assert.equal(text(where[1]!), 'held')
  const later = bytes('\nother')
  reader.push(later, 1, later.length)
  reader.push(bytes('\n'), 0, 1)
  assert.equal(text(where[1]!), 'held', 'a message handed over is not written to again')
})

test('an LF right behind the end is not looked at', () => {
  const seen: string[] = []
  const sink = {
    message: (chunk: Uint8Array, start: number, end: number) => void seen.push(text(chunk.slice(start, end))),
    fail: assert.fail,
  }
  const reader = new LineReader(sink, 64)
  assert.equal(reader.push(bytes('ab\n'), 0, 2), 2)
  assert.deepEqual(seen, [])
  assert.equal(reader.push(bytes('c\n'), 0, 2), 2)
  assert.deepEqual(seen, ['abc'])
  reader.push(bytes('d'), 0, 1)
  reader.push(bytes('\ne\n'), 0, 3)
  assert.deepEqual(seen, ['abc', 'd', 'e'], 'an LF as the first byte of all is')
})

test('the writer ends each message with one LF', () => {
  assert.equal(lineFraming.header(5).length, 0)
  assert.deepEqual([...lineFraming.trailer], [0x0a])
})
