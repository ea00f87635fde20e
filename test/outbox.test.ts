import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Connection } from '../src/node/connection.ts'
import type { ConnectionHost } from '../src/node/host.ts'
import { Outbox } from '../src/node/websocket/outbox.ts'
import { bytes, text } from './support/splits.ts'

interface Wire {
  sent: string[]
  cuts: string[]
}

function open(writeLimit = 100): { outbox: Outbox; wire: Wire } {
  const wire: Wire = { sent: [], cuts: [] }
  const connection = {
    host: { settings: { writeLimit } },
    write(piece: Uint8Array) {
      wire.sent.push(text(piece))
      return true
    },
    cut: (code: string) => wire.cuts.push(code),
  }
  return { outbox: new Outbox(connection as unknown as Connection<ConnectionHost>), wire }
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
  assert.equal(outbox.send(bytes('second')), false)
  assert.deepEqual([wire.sent, outbox.held], [[], 6])
  slot.write(bytes('first'))
  assert.deepEqual(wire.sent, ['first'])
  slot.finish()
  assert.deepEqual([wire.sent, outbox.held, outbox.empty], [['first', 'second'], 0, true])
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
  outbox.send(bytes('0123456789'))
  assert.deepEqual(wire.cuts, [])
  outbox.send(bytes('x'))
  assert.deepEqual(wire.cuts, ['ERR_WRITE_LIMIT'])
})
