import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Deadlined, Deadlines } from '../src/node/limits/deadlines.ts'

function member(deadlines: Deadlines, timeout: number, expired: string[], name: string): Deadlined {
  return {
    deadline: deadlines.after(timeout),
    expire() {
      expired.push(name)
      deadlines.remove(this)
    },
  }
}

test('each member expires once its own deadline has passed, and not before', async () => {
  const deadlines = new Deadlines(80)
  const expired: string[] = []
  const started = performance.now()
  const soon = member(deadlines, 30, expired, 'soon')
  const late = member(deadlines, 100_000, expired, 'late')
  deadlines.add(soon)
  deadlines.add(late)
  while (expired.length === 0) await sleep(5)
  assert.ok(performance.now() - started >= 30)
  assert.deepEqual(expired, ['soon'])
  deadlines.remove(late)
})

test('a deadline that is moved is the only one that counts', async () => {
  const deadlines = new Deadlines(10)
  const expired: string[] = []
  const moving = member(deadlines, 10, expired, 'moving')
  const other = member(deadlines, 60, expired, 'other')
  deadlines.add(moving)
  deadlines.add(other)
  moving.deadline = Number.POSITIVE_INFINITY
  while (expired.length === 0) await sleep(5)
  assert.deepEqual(expired, ['other'])
  deadlines.remove(moving)
})

test('a clock that has stood goes on from the present', async () => {
  const deadlines = new Deadlines(80)
  const expired: string[] = []
  await sleep(60)
  const started = performance.now()
  const first = member(deadlines, 40, expired, 'first')
  deadlines.add(first)
  assert.ok(deadlines.now >= started)
  while (expired.length === 0) await sleep(5)
  assert.ok(performance.now() - started >= 40)
  await sleep(60)
  const again = performance.now()
  deadlines.add({ deadline: Number.POSITIVE_INFINITY, expire() {} })
  assert.ok(deadlines.now >= again)
})

test('it looks as often as the shortest timeout needs, within bounds', () => {
  assert.equal(new Deadlines(1).period, 10)
  assert.equal(new Deadlines(800).period, 100)
  assert.equal(new Deadlines(60_000).period, 250)
  assert.equal(new Deadlines(Number.POSITIVE_INFINITY).period, 250)
})
