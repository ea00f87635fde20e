import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createDeflateRaw, constants as zlib } from 'node:zlib'
import {
  DEFAULT_CONCURRENCY,
  sharedPool,
  type Work,
  type ZlibContext,
  ZlibPool,
} from '../src/node/websocket/zlib-pool.ts'

const create = () => createDeflateRaw({ flush: zlib.Z_SYNC_FLUSH })

/** Work that notes its start. */
function work(name: string, started: string[]): Work {
  return { start: () => started.push(name) }
}

function run(context: ZlibContext, input: Uint8Array): Promise<{ output: Buffer; consumed: number }> {
  const chunks: Buffer[] = []
  return new Promise((resolve, reject) => {
    context.run(input, {
      output: (chunk) => chunks.push(chunk),
      finished: (consumed) => resolve({ output: Buffer.concat(chunks), consumed }),
      failed: () => reject(new Error('failed')),
    })
  })
}

test('work starts at once while there are places, and then in the order that it came', () => {
  const pool = new ZlibPool(2)
  const started: string[] = []
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => work(name, started)) as [Work, Work, Work, Work]
  for (const each of [a, b, c, d]) pool.enter(each)
  assert.deepEqual(started, ['a', 'b'])
  assert.deepEqual([pool.working, pool.waiting], [2, 2])
  pool.leave(b)
  assert.deepEqual(started, ['a', 'b', 'c'])
  for (const each of [a, c, d]) pool.leave(each)
  assert.deepEqual(started, ['a', 'b', 'c', 'd'])
  assert.deepEqual([pool.working, pool.waiting], [0, 0])
})

test('work that leaves while it waits never starts, and takes nobody else’s place', () => {
  const pool = new ZlibPool(1)
  const started: string[] = []
  const [a, b, c] = ['a', 'b', 'c'].map((name) => work(name, started)) as [Work, Work, Work]
  for (const each of [a, b, c]) pool.enter(each)
  pool.leave(b)
  assert.deepEqual([pool.working, pool.waiting], [1, 1])
  pool.leave(a)
  assert.deepEqual(started, ['a', 'c'])
  pool.leave(c)
  assert.equal(pool.working, 0)
})

test('there are never more contexts than places, of whatever parameters', () => {
  const pool = new ZlibPool(3)
  for (let round = 0; round < 4; round++) {
    const contexts = [0, 1, 2].map((index) => pool.borrow(round * 3 + index, create))
    assert.equal(pool.contexts, 3)
    for (const context of contexts) pool.giveBack(context, true)
    assert.equal(pool.contexts, 3)
  }
  pool.clear()
  assert.equal(pool.contexts, 0)
})

test('a context is used again, and remembers nothing', async () => {
  const pool = new ZlibPool(2)
  const input = Buffer.from('once upon a time, and once upon a time again')
  const context = pool.borrow(1, create)
  const first = await run(context, input)
  assert.equal(first.consumed, input.length)
  pool.giveBack(context, true)
  const other = pool.borrow(2, create)
  assert.notEqual(other, context)
  const again = pool.borrow(1, create)
  assert.equal(again, context)
  assert.deepEqual(await run(again, input), first)
  // Without the reset it would refer to what was before.
  const third = await run(again, input)
  assert.ok(third.output.length < first.output.length)
  for (const each of [other, again]) pool.giveBack(each, false)
  assert.equal(pool.contexts, 0)
})

test('a context that is closed at work reports nothing', async () => {
  const pool = new ZlibPool(1)
  const context = pool.borrow(1, create)
  let reports = 0
  const report = () => reports++
  context.run(Buffer.alloc(1_000_000, 'abc'), { output: report, finished: report, failed: report })
  pool.giveBack(context, false)
  assert.equal(pool.contexts, 0)
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(reports, 0)
})

test('the process has one pool, as wide as the widest asked for', () => {
  const pool = sharedPool()
  assert.equal(pool.concurrency, DEFAULT_CONCURRENCY)
  assert.equal(sharedPool(12), pool)
  assert.equal(sharedPool(2).concurrency, 12)
  assert.equal(sharedPool().concurrency, 12)
})
