import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BufferBudget, type BufferHolder } from '../src/node/limits/buffer-budget.ts'

class Holder implements BufferHolder {
  charged = 0
  bytes = 0
  cuts: string[] = []
  buffered(): number {
    return this.bytes
  }
  cut(code: string): void {
    this.cuts.push(code)
    this.bytes = 0
  }
}

function holders(count: number): Holder[] {
  return Array.from({ length: count }, () => new Holder())
}

test('beyond the limit the largest is cut, and only it', () => {
  const budget = new BufferBudget(100)
  const [small, large, other] = holders(3) as [Holder, Holder, Holder]
  for (const [holder, bytes] of [
    [small, 20],
    [large, 60],
    [other, 20],
  ] as const) {
    holder.bytes = bytes
    budget.charge(holder)
  }
  assert.deepEqual([small.cuts, large.cuts, other.cuts], [[], [], []], 'the limit itself is allowed')
  other.bytes = 21
  budget.charge(other)
  assert.deepEqual([small.cuts, large.cuts, other.cuts], [[], ['ERR_BUFFER_LIMIT'], []])
})

test('what has been sent since is counted off before anybody is cut', () => {
  const budget = new BufferBudget(100)
  const [drained, busy] = holders(2) as [Holder, Holder]
  drained.bytes = 90
  budget.charge(drained)
  drained.bytes = 0
  busy.bytes = 90
  budget.charge(busy)
  assert.deepEqual([drained.cuts, busy.cuts], [[], []])
  assert.equal(drained.charged, 0)
})

test('as many are cut as it takes', () => {
  const budget = new BufferBudget(100)
  const all = holders(5)
  for (const holder of all) {
    holder.bytes = 20
    budget.charge(holder)
  }
  all[0]!.bytes = 75
  all[1]!.bytes = 85
  budget.charge(all[0]!)
  budget.charge(all[1]!)
  assert.deepEqual(
    all.map((holder) => holder.cuts.length),
    [1, 1, 0, 0, 0],
  )
})

test('a released holder no longer counts', () => {
  const budget = new BufferBudget(100)
  const [gone, here] = holders(2) as [Holder, Holder]
  gone.bytes = 90
  budget.charge(gone)
  budget.release(gone)
  here.bytes = 90
  budget.charge(here)
  assert.deepEqual([gone.cuts, here.cuts], [[], []])
})
