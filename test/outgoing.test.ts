import assert from 'node:assert/strict'
import { test } from 'node:test'
import { frameRaw, frameWebSocket, Outgoing } from '../src/node/outgoing.ts'
import { type Framing, LineReader, lineFraming } from '../src/raw/index.ts'

const counted: Framing = {
  name: 'counted',
  createReader: (sink, limit) => new LineReader(sink, limit),
  header: (length) => Uint8Array.of(length),
  trailer: Uint8Array.of(0xff),
}

test('a raw frame has the framing around its bytes', () => {
  assert.equal(frameRaw('é', lineFraming).toString(), 'é\n')
  assert.deepEqual([...frameRaw('é', counted)], [2, 0xc3, 0xa9, 0xff])
  assert.deepEqual([...frameRaw(Uint8Array.of(1, 2, 3), counted)], [3, 1, 2, 3, 0xff])
})

test('a WebSocket frame says its kind', () => {
  assert.deepEqual([...frameWebSocket('é', false)], [0x81, 2, 0xc3, 0xa9])
  assert.deepEqual([...frameWebSocket('é', true)], [0x82, 2, 0xc3, 0xa9])
})

test('for many it is framed once for each protocol', () => {
  const outgoing = new Outgoing('x', undefined, lineFraming)
  assert.equal(outgoing.raw, outgoing.raw)
  assert.equal(outgoing.webSocket, outgoing.webSocket)
})

test('strings are text, bytes binary, unless it is said', () => {
  const kind = (data: string | Uint8Array, binary?: boolean) =>
    new Outgoing(data, binary, lineFraming).webSocket[0]
  assert.deepEqual(
    [kind('x'), kind('x', true), kind(Uint8Array.of(1)), kind(Uint8Array.of(65), false)],
    [0x81, 0x82, 0x82, 0x81],
  )
})
