import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Connection } from '../src/node/connection.ts'
import type { ConnectionHost } from '../src/node/host.ts'
import { Outbox } from '../src/node/websocket/outbox.ts'
import { bytes, text } from './support/splits.ts'

interface Wire {
  sent: string[]
  cuts: string[]
  /** How often what waits was charged. */
  charged: number
}

function open(writeLimit = 100, drained?: () => void): { outbox: Outbox; wire: Wire } {
  const wire: Wire = { sent: [], cuts: [], charged: 0 }
  const connection = {
    host: { settings: { writeLimit }, budget: { charge: () => wire.charged++ } },
    write(piece: Uint8Array) {
      wire.sent.push(text(piece))
      return true
    },
    cut: (code: string) => wire.cuts.push(code),
  }
  return { outbox: new Outbox(connection as unknown as Connection<ConnectionHost>, drained), wire }
}

test('with nothing under way all goes straight out', () => {
  const { outbox, wire } = open()
  assert.equal(outbox.send(bytes('header'), bytes('payload')), true)
  assert.deepEqual(wire.sent, ['header', 'payload'])
  assert.equal(outbox.empty, true)
})

test('what is sent behind a reserved place waits for it', () => {
  const { outbox, wire } = open()
  const slot = outbox.reserve()
  assert.equal(outbox.send(bytes('second')), true)
  assert.deepEqual([wire.sent, outbox.waiting], [[], 6])
  slot.write(bytes('first'))
  assert.deepEqual(wire.sent, ['first'])
  slot.finish()
  assert.deepEqual([wire.sent, outbox.waiting, outbox.empty], [['first', 'second'], 0, true])
})

test('places are filled in any order and sent in theirs', () => {
  const { outbox, wire } = open()
  const slots = [outbox.reserve(), outbox.reserve(), outbox.reserve()]
  for (const index of [2, 1, 0]) {
    slots[index]!.write(bytes(String(index)))
    slots[index]!.finish()
  }
  assert.deepEqual(wire.sent, ['0', '1', '2'])
})

test('a place that is being filled when its turn comes goes on straight', () => {
  const { outbox, wire } = open()
  const [first, second] = [outbox.reserve(), outbox.reserve()]
  const turns: string[] = []
  first.whenTurn(() => turns.push('first'))
  second.whenTurn(() => turns.push('second'))
  second.write(bytes('a'))
  assert.deepEqual(turns, ['first'])
  first.finish()
  assert.deepEqual([turns, wire.sent], [['first', 'second'], ['a']])
  second.write(bytes('b'))
  assert.deepEqual(wire.sent, ['a', 'b'])
})

test('what waits is bounded', () => {
  const { outbox, wire } = open(10)
  outbox.reserve()
  outbox.send(bytes('one may be larger'))
  assert.deepEqual(wire.cuts, [])
  outbox.send(bytes('x'))
  assert.deepEqual(wire.cuts, ['ERR_WRITE_LIMIT'])
})

test('so is what is expected, until it is there: it counts once', () => {
  const { outbox, wire } = open(10)
  const [first, second] = [outbox.reserve(6), outbox.reserve(6)]
  assert.equal(outbox.waiting, 12)
  second!.write(bytes('second'))
  second!.finish()
  assert.deepEqual([outbox.waiting, wire.cuts], [12, []])
  outbox.reserve(1)
  assert.deepEqual(wire.cuts, ['ERR_WRITE_LIMIT'])
  first!.write(bytes('first'))
  first!.finish()
  assert.equal(outbox.waiting, 1)
})

test('it is full while more than 64 KiB wait or are expected, and tells when it is not any more, once, after this turn', async () => {
  let told = 0
  const { outbox, wire } = open(1e6, () => told++)
  const first = outbox.reserve(64 * 1024)
  assert.equal(outbox.full, false)
  assert.equal(outbox.send(bytes('x')), false)
  const second = outbox.reserve(64 * 1024)
  first.finish()
  first.finish()
  assert.deepEqual([outbox.full, outbox.waiting, wire.charged], [false, 64 * 1024, 2])
  assert.equal(told, 0)
  await new Promise(setImmediate)
  assert.equal(told, 1)
  second.finish()
  await new Promise(setImmediate)
  assert.deepEqual([told, outbox.empty], [1, true])
})
