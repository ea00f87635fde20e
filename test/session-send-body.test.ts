import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_BODY, SendBodyReader } from '../src/sessions/index.ts'
import { cutAtRandom, mutate, Random } from './support/random.ts'
import { bytes, everySplit, feed, text } from './support/splits.ts'

function read(chunks: Uint8Array[], limit?: number): string {
  const reader = new SendBodyReader(limit)
  const left = feed(reader, chunks)
  const error = reader.end()
  return error === null ? text(reader.payload) : `${error.code} ${left.length}`
}

test('what a form encodes is read back, as by the platform', () => {
  const random = new Random(11)
  for (let round = 0; round < 500; round++) {
    const value = Array.from({ length: random.below(20) }, () =>
      random.pick(['~', 'm', ' ', '+', '&', '=', '%', '\r\n', '\0', 'é', '😀', ',', ':']),
    ).join('')
    const expected = text(new TextEncoder().encode(value))
    for (const body of [new URLSearchParams({ data: value }).toString(), `data=${encodeURIComponent(value)}`])
      assert.equal(read(cutAtRandom(random, bytes(body))), expected, body)
  }
})

test('damaged bodies: nothing throws, and the cuts do not matter', () => {
  const corpus = ['data=~m~5~m~h%65llo', 'data=%7Em%7E1%7Em%7E+', 'data=%F0%9F%98%80&x=y'].map(bytes)
  const random = new Random(12)
  for (let round = 0; round < 4_000; round++) {
    const input = mutate(random, corpus)
    assert.equal(read(cutAtRandom(random, input), 16), read([input], 16), JSON.stringify(text(input)))
  }
})

test('the limit counts decoded bytes', () => {
  assert.equal(read([bytes('data=%41%42%43')], 3), 'ABC')
  assert.equal(
    everySplit(bytes('data=%41%42%43%44'), (chunks) => read(chunks, 3)),
    'ERR_SESSION_BODY_TOO_LARGE 1',
  )
})

test('the default limit is 16 MiB', () => {
  assert.equal(MAX_BODY, 16 * 1024 * 1024)
  const name = bytes('data=')
  const value = new Uint8Array(MAX_BODY).fill(0x61)
  const reader = new SendBodyReader()
  reader.push(name, 0, name.length)
  assert.equal(reader.push(value, 0, value.length), value.length)
  assert.equal(reader.payload.length, MAX_BODY)
  assert.equal(reader.push(value, 0, 1), 0)
  assert.equal(reader.error?.code, 'ERR_SESSION_BODY_TOO_LARGE')
  assert.equal(reader.error?.status, 413)
})

test('a refused body keeps nothing', () => {
  const reader = new SendBodyReader()
  const body = bytes('data=hello&')
  reader.push(body, 0, body.length)
  assert.equal(reader.error?.code, 'ERR_SESSION_BODY_INVALID')
  assert.equal(reader.held, 0)
  assert.equal(reader.payload.length, 0)
  assert.equal(reader.push(body, 0, body.length), 0)
})

test('a body dripped byte by byte grows by doubling', () => {
  const reader = new SendBodyReader()
  const name = bytes('data=')
  reader.push(name, 0, name.length)
  let buffers = 0
  let last = -1
  for (let at = 0; at < 10_000; at++) {
    reader.push(name, 0, 1)
    if (reader.held !== last) buffers++
    last = reader.held
  }
  assert.ok(buffers < 10, `${buffers} buffers`)
})

test('a limit must be one', () => {
  for (const limit of [0, -1, Number.NaN, 1.5])
    assert.throws(() => new SendBodyReader(limit), { code: 'ERR_SESSION_OPTION' })
})
