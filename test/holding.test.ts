import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Holding } from '../src/raw/holding.ts'
import { bytes, text } from './support/splits.ts'

test('pieces of any size become one', () => {
  const holding = new Holding()
  let expected = ''
  for (let size = 0; size < 80; size++) {
    const piece = String.fromCharCode(0x30 + size).repeat(size)
    holding.append(bytes(`<${piece}>`), 1, size + 1, 10_000)
    expected += piece
    assert.equal(holding.length, expected.length)
  }
  assert.equal(text(holding.take()), expected)
  assert.equal(holding.length, 0)
})

test('the buffer grows by doubling, up to what the message can have', () => {
  const capacities = new Set<number>()
  const holding = new Holding()
  for (let length = 1; length <= 1500; length++) {
    holding.append(bytes('x'), 0, 1, 1500)
    const { bytes: buffer } = holding as unknown as { bytes: Uint8Array }
    capacities.add(buffer.length)
  }
  assert.deepEqual([...capacities], [256, 512, 1024, 1500])
})

test('what was taken is not written to again', () => {
  const holding = new Holding()
  holding.append(bytes('first'), 0, 5, 64)
  const taken = holding.take()
  holding.append(bytes('other'), 0, 5, 64)
  assert.equal(text(taken), 'first')
  holding.drop()
  assert.equal(holding.length, 0)
  assert.equal(holding.take().length, 0)
})
