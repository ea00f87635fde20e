import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NoneReader, noneFraming } from '../src/raw/index.ts'
import { bytes, text } from './support/splits.ts'

function read(chunks: readonly string[], limit: number): string[] {
  const seen: string[] = []
  const reader = new NoneReader(
    { message: (chunk, start, end) => void seen.push(text(chunk.slice(start, end))), fail: assert.fail },
    limit,
  )
  for (const chunk of chunks)
    assert.equal(reader.push(bytes(`<${chunk}>`), 1, chunk.length + 1), chunk.length + 1)
  assert.equal(reader.held, 0)
  reader.end()
  return seen
}

test('each read is a message', () => {
  assert.deepEqual(read(['one\ntwo', '\n', '', 'three'], 64), ['one\ntwo', '\n', 'three'])
})

test('a read over the limit comes in pieces', () => {
  assert.deepEqual(read(['0123456789'], 4), ['0123', '4567', '89'])
  assert.deepEqual(read(['01234567'], 4), ['0123', '4567'])
  assert.deepEqual(read(['abc'], 0.5), ['a', 'b', 'c'])
  assert.deepEqual(read(['abc'], Number.POSITIVE_INFINITY), ['abc'])
})

test('nothing is copied', () => {
  const where: Uint8Array[] = []
  const chunk = bytes('abc')
  noneFraming
    .createReader({ message: (each) => void where.push(each), fail: assert.fail }, 2)
    .push(chunk, 0, chunk.length)
  assert.deepEqual(
    where.map((each) => each === chunk),
    [true, true],
  )
})

test('nothing is written around a message', () => {
  assert.equal(noneFraming.header(5).length, 0)
  assert.equal(noneFraming.trailer.length, 0)
})
