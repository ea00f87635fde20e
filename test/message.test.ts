import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Client } from '../src/index.ts'
import { markText, toMessage } from '../src/node/message.ts'

test('a small piece of a large chunk is copied, so that the chunk is freed (W30)', () => {
  const chunk = Buffer.alloc(65_536, 'x')
  const message = toMessage(chunk, 10, 20)
  assert.equal(message.toString(), 'xxxxxxxxxx')
  assert.notEqual(message.buffer, chunk.buffer)
})

test('a large piece, and one that is most of its chunk, stay where they are', () => {
  const chunk = Buffer.from(new ArrayBuffer(65_536))
  assert.equal(toMessage(chunk, 0, 60_000).buffer, chunk.buffer)
  const small = Buffer.from(new ArrayBuffer(20)).fill('abcdefghij')
  const message = toMessage(small, 4, 19)
  assert.equal(message.buffer, small.buffer)
  assert.equal(message.toString(), 'efghijabcdefghi')
})

test('an offset inside a larger buffer is kept', () => {
  const outer = new Uint8Array(32).map((_, index) => index)
  assert.deepEqual(
    [...toMessage(outer.subarray(8, 28), 2, 18)],
    Array.from({ length: 16 }, (_, index) => index + 10),
  )
})

test('text is what is UTF-8', () => {
  const client = { isText: false } as Client
  for (const [bytes, isText] of [
    ['héllo', true],
    ['', true],
    [Uint8Array.of(0xc3), false],
    [Uint8Array.of(0xff), false],
  ] as const) {
    markText(client, Buffer.from(bytes as string))
    assert.equal(client.isText, isText)
  }
})
