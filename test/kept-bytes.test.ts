import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KeptBytes } from '../src/node/door/kept-bytes.ts'

test('what is added comes back in one piece, and only once', () => {
  const kept = new KeptBytes()
  assert.equal(kept.length, 0)
  assert.equal(kept.take().length, 0)
  kept.add(Buffer.from('..one..'), 2, 5)
  kept.add(Buffer.from('two'), 0, 0)
  kept.add(Buffer.from('two'), 0, 3)
  assert.equal(kept.length, 6)
  assert.equal(String(kept.take()), 'onetwo')
  assert.deepEqual([kept.length, kept.take().length], [0, 0])
  kept.add(Buffer.from('again'), 0, 5)
  assert.equal(String(kept.take()), 'again')
})

test('a drip is copied: it holds on to nothing, and what was taken does not change', () => {
  const kept = new KeptBytes()
  const drop = Buffer.alloc(1)
  for (let sent = 0; sent < 10_000; sent++) {
    drop[0] = sent
    kept.add(drop, 0, 1)
  }
  const all = kept.take()
  assert.equal(all.length, 10_000)
  assert.ok(all.every((byte, at) => byte === (at & 0xff)))
  assert.ok(all.buffer.byteLength < 20_000, 'the buffer is no larger than twice what is kept')
  kept.add(drop, 0, 1)
  assert.equal(all[0], 0)
})
