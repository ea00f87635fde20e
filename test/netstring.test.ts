/** Netstrings beyond the golden cases of test/vectors/raw/netstring.md. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NetstringReader, netstringFraming } from '../src/raw/index.ts'
import { byteByByte, cutAtRandom, mutate, Random } from './support/random.ts'
import { bytes, concat, feed, text } from './support/splits.ts'

function read(chunks: readonly Uint8Array[], limit: number): string[] {
  const seen: string[] = []
  const reader = new NetstringReader(
    {
      message: (chunk, start, end) => void seen.push(text(chunk.slice(start, end))),
      fail: (code) => void seen.push(`! ${code}`),
    },
    limit,
  )
  feed(reader, chunks)
  reader.end()
  return seen
}

function frame(message: Uint8Array): Uint8Array {
  return concat([netstringFraming.header(message.length), message, netstringFraming.trailer])
}

test('messages of many lengths come back', () => {
  const random = new Random(11)
  for (let round = 0; round < 300; round++) {
    const messages = Array.from({ length: 1 + random.below(8) }, () => random.bytes(random.below(300)))
    const stream = concat(messages.map(frame))
    assert.deepEqual(read(cutAtRandom(random, stream), 300), messages.map(text))
  }
})

test('damaged ones: the same messages and the same failure however they are cut', () => {
  const random = new Random(12)
  const corpus = ['5:hello,0:,', '12:hello world!,3:you,', '1:a,', '100:x'].map(bytes)
  for (let round = 0; round < 20_000; round++) {
    const data = mutate(random, corpus)
    const whole = read([data], 20)
    assert.deepEqual(read(byteByByte(data), 20), whole, JSON.stringify(text(data)))
    assert.deepEqual(read(cutAtRandom(random, data), 20), whole, JSON.stringify(text(data)))
  }
})

test('without a limit a length stays a number that can be counted to', () => {
  assert.deepEqual(read([bytes('9007199254740992')], Number.POSITIVE_INFINITY), ['! ERR_MESSAGE_TOO_LARGE'])
  assert.deepEqual(read([bytes('9007199254740991')], Number.POSITIVE_INFINITY), ['! ERR_MESSAGE_INCOMPLETE'])
})

test('what is held is what has come of the message', () => {
  const reader = new NetstringReader({ message() {}, fail: assert.fail }, 1024)
  const steps: [string, number][] = [
    ['1', 0],
    ['0', 0],
    [':', 0],
    ['01234', 5],
    ['56789', 10],
    [',', 0],
    ['3:abc', 3],
    [',1:', 0],
  ]
  for (const [input, held] of steps) {
    reader.push(bytes(input), 0, input.length)
    assert.equal(reader.held, held, input)
  }
})

test('a message that lies whole in a chunk is reported where it lies, a held one in a buffer handed over', () => {
  const where: Uint8Array[] = []
  const reader = new NetstringReader({ message: (chunk) => void where.push(chunk), fail: assert.fail }, 64)
  const whole = bytes('2:hi,2:y')
  reader.push(whole, 0, whole.length)
  assert.equal(where[0], whole)
  const rest = bytes('o,1:a')
  reader.push(rest, 0, rest.length)
  reader.push(bytes(','), 0, 1)
  assert.deepEqual(where.slice(1).map(text), ['yo', 'a'])
})

test('a failed reader consumes nothing more and reports nothing more', () => {
  const seen: string[] = []
  const sink = { message: () => void seen.push('message'), fail: (code: string) => void seen.push(code) }
  const reader = new NetstringReader(sink, 4)
  const broken = bytes('2:abc,1:a,')
  assert.equal(reader.push(broken, 0, broken.length), 4)
  assert.equal(reader.push(broken, 6, broken.length), 6)
  reader.end()
  assert.deepEqual(seen, ['ERR_NETSTRING_INVALID'])
})

test('the writer', () => {
  assert.equal(text(frame(bytes('hello'))), '5:hello,')
  assert.equal(text(frame(bytes(''))), '0:,')
})
