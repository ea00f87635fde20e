import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MessageQueue } from '../src/node/client/message-queue.ts'

class Faucet {
  halts = 0
  unhalts = 0
  halt(): void {
    this.halts++
  }
  unhalt(): void {
    this.unhalts++
  }
}

test('messages come out in order, whether they or the takers are first', async () => {
  const queue = new MessageQueue(new Faucet())
  const early = [queue.next(), queue.next()]
  for (const message of ['a', 'b', 'c']) queue.push(message)
  assert.deepEqual(await Promise.all(early), [
    { done: false, value: 'a' },
    { done: false, value: 'b' },
  ])
  assert.deepEqual(await queue.next(), { done: false, value: 'c' })
})

test('at the end what waits is still taken, and takers that wait are told', async () => {
  const queue = new MessageQueue(new Faucet())
  queue.push('last')
  queue.end()
  assert.deepEqual(await queue.next(), { done: false, value: 'last' })
  assert.deepEqual(await queue.next(), { done: true, value: undefined })
  const other = new MessageQueue(new Faucet())
  const waiting = other.next()
  other.end()
  assert.deepEqual(await waiting, { done: true, value: undefined })
})

for (const [name, message, count] of [
  ['256 messages', 'x', 256],
  ['1 MiB', Buffer.alloc(1024 * 256), 4],
] as const) {
  test(`it stops its source at ${name}, and lets it go on when half is taken`, () => {
    const faucet = new Faucet()
    const queue = new MessageQueue(faucet)
    for (let pushed = 1; pushed < count; pushed++) queue.push(message)
    assert.equal(faucet.halts, 0)
    queue.push(message)
    queue.push(message)
    assert.equal(faucet.halts, 1)
    while (faucet.unhalts === 0) assert.notEqual(queue.take(), undefined)
    assert.equal(faucet.unhalts, 1)
    let left = 0
    while (queue.take() !== undefined) left++
    assert.equal(left, count / 2)
    assert.equal(faucet.unhalts, 1)
  })
}

test('dropping lets the source go on', () => {
  const faucet = new Faucet()
  const queue = new MessageQueue(faucet)
  for (let pushed = 0; pushed < 300; pushed++) queue.push('x')
  queue.drop()
  assert.deepEqual([faucet.halts, faucet.unhalts], [1, 1])
  assert.equal(queue.take(), undefined)
})

test('who waits when all is dropped waits no longer', async () => {
  const queue = new MessageQueue({ halt() {}, unhalt() {} })
  const waiting = queue.next()
  queue.drop()
  assert.deepEqual(await waiting, { done: true, value: undefined })
  queue.push('later')
  assert.deepEqual(await queue.next(), { done: false, value: 'later' })
})
