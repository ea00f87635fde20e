import assert from 'node:assert/strict'
import { test } from 'node:test'
import { controlFrame, FrameType, messageFrame } from '../src/sessions/coding/encoder.ts'
import { Outgoing } from '../src/sessions/outgoing.ts'

function filled(...texts: string[]): Outgoing {
  const outgoing = new Outgoing(1_000, 100)
  for (const text of texts) assert.ok(outgoing.push(messageFrame(text)))
  return outgoing
}

test('a batch is what waits, in order', () => {
  const outgoing = filled('a', 'b')
  assert.equal(outgoing.waiting, 2)
  assert.equal(outgoing.take('0.6', false), '~m~1~m~a~m~1~m~b')
  assert.equal(outgoing.waiting, 0)
  assert.equal(outgoing.take('0.6', false), '')
})

test('what was handed over counts until it is confirmed', () => {
  const outgoing = filled('ab', 'é')
  outgoing.take('0.6', false)
  assert.deepEqual([outgoing.bytes, outgoing.messages], [4, 2])
  outgoing.push(messageFrame('x'))
  outgoing.confirm()
  assert.deepEqual([outgoing.bytes, outgoing.messages, outgoing.waiting], [1, 1, 1])
  outgoing.confirm()
  assert.equal(outgoing.waiting, 1)
  assert.equal(outgoing.take('0.7pre', false), '1:2::x,')
  outgoing.confirm()
  assert.deepEqual([outgoing.bytes, outgoing.messages], [0, 0])
})

test('what was handed over and has not arrived goes out again, before what came later', () => {
  const outgoing = filled('a', 'b')
  outgoing.take('0.6', false)
  outgoing.push(messageFrame('c'))
  outgoing.restore()
  assert.equal(outgoing.waiting, 3)
  assert.equal(outgoing.take('0.6', false), '~m~1~m~a~m~1~m~b~m~1~m~c')
})

test('heartbeats do not go out again', () => {
  const outgoing = filled('a')
  outgoing.pushControl(controlFrame(FrameType.heartbeat, '1'))
  outgoing.pushControl(controlFrame(FrameType.handshake, 'id'))
  outgoing.take('0.6', false)
  outgoing.restore()
  assert.equal(outgoing.take('0.6', false), '~m~1~m~a~m~2~m~id')
})

test('the limits: bytes, and frames', () => {
  const bytes = new Outgoing(5, 100)
  assert.equal(bytes.push(messageFrame('abc')), true)
  assert.equal(bytes.push(messageFrame('€')), false)
  assert.equal(bytes.push(messageFrame('é')), true)
  assert.equal(bytes.push(messageFrame('x')), false)
  assert.equal(bytes.push(messageFrame('')), true)
  assert.equal(bytes.messages, 3)
  const count = new Outgoing(5, 2)
  assert.equal(count.push(messageFrame('')), true)
  assert.equal(count.push(messageFrame('')), true)
  assert.equal(count.push(messageFrame('')), false)
  count.take('0.6', false)
  assert.equal(count.push(messageFrame('')), false, 'handed over is not yet gone')
  count.confirm()
  assert.equal(count.push(messageFrame('')), true)
})

test('what the session itself says always fits, and is no message', () => {
  const outgoing = new Outgoing(0, 1)
  outgoing.pushControl(controlFrame(FrameType.handshake, 'id'))
  outgoing.pushControl(controlFrame(FrameType.heartbeat, '1'))
  assert.deepEqual([outgoing.bytes, outgoing.messages, outgoing.waiting], [0, 0, 2])
})

test('annotations are known of', () => {
  const outgoing = filled('a')
  assert.equal(outgoing.annotated, false)
  outgoing.push(messageFrame('b', { annotations: new Map([['r', 'x']]) }))
  assert.equal(outgoing.annotated, true)
  outgoing.clear()
  assert.deepEqual([outgoing.annotated, outgoing.bytes, outgoing.waiting], [false, 0, 0])
})

test('without returns, if the transport has none', () => {
  const outgoing = filled('a\rb')
  assert.equal(outgoing.take('0.6', true), '~m~9~m~~j~"a\\rb"')
})
