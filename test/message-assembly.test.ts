import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FIRST, LAST, MessageAssembler } from '../src/ws-codec/index.ts'
import { bytes, text } from './support/splits.ts'

interface Message {
  chunk: Uint8Array
  start: number
  end: number
  isText: boolean
}

function assemble(): { assembler: MessageAssembler; messages: Message[] } {
  const messages: Message[] = []
  const assembler = new MessageAssembler({
    message: (chunk, start, end, isText) => messages.push({ chunk, start, end, isText }),
  })
  return { assembler, messages }
}

test('a message in one piece is passed on where it lies', () => {
  const { assembler, messages } = assemble()
  const chunk = bytes('..hello..')
  assembler.data(chunk, 2, 7, 1, FIRST | LAST, 0)
  assembler.data(chunk, 0, 0, 2, FIRST | LAST, 0)
  assert.equal(messages[0]!.chunk, chunk)
  assert.deepEqual(
    messages.map(({ start, end, isText }) => [start, end, isText]),
    [
      [2, 7, true],
      [0, 0, false],
    ],
  )
  assert.equal(assembler.held, 0)
})

test('pieces are joined; the message is the target’s to keep', () => {
  const { assembler, messages } = assemble()
  const chunk = bytes('abcdefgh')
  assembler.data(chunk, 0, 3, 2, FIRST, -1)
  assert.equal(assembler.held, 3)
  assembler.data(chunk, 3, 5, 2, 0, -1)
  assert.equal(assembler.held, 5)
  assembler.data(chunk, 5, 5, 2, LAST, 0)
  assert.equal(assembler.held, 0)
  chunk.fill(0)
  assembler.data(bytes('12'), 0, 2, 1, FIRST)
  assembler.data(bytes('34'), 0, 2, 1, LAST)
  const seen = messages.map(({ chunk, start, end, isText }) => [text(chunk.slice(start, end)), isText])
  assert.deepEqual(seen, [
    ['abcde', false],
    ['1234', true],
  ])
})

test('what is declared is not reserved, and the buffer ends with the message', () => {
  const { assembler, messages } = assemble()
  const piece = new Uint8Array(1000).fill(7)
  let reserved = 0
  const original = globalThis.Uint8Array
  class Counting extends original {
    constructor(length: number) {
      super(length)
      reserved = Math.max(reserved, length)
    }
  }
  globalThis.Uint8Array = Counting as unknown as Uint8ArrayConstructor
  try {
    assembler.data(piece, 0, 1000, 2, FIRST, 15_000_000)
    assert.ok(reserved <= 2000, `${reserved} bytes for a declared length`)
    assembler.clear()
    assert.equal(assembler.held, 0)
    for (let sent = 1000; sent <= 10_000; sent += 1000) {
      const flags = (sent === 1000 ? FIRST : 0) | (sent === 10_000 ? LAST : 0)
      assembler.data(piece, 0, 1000, 2, flags, 10_000 - sent)
    }
  } finally {
    globalThis.Uint8Array = original
  }
  assert.equal(messages[0]!.chunk.length, 10_000)
  assert.ok(messages[0]!.chunk.every((byte) => byte === 7))
})

test('a frame costs its bytes and no more: 131,072 frames of a byte', () => {
  const { assembler, messages } = assemble()
  const piece = bytes('x')
  for (let index = 0; index < 131_072; index++) {
    const flags = (index === 0 ? FIRST : 0) | (index === 131_071 ? LAST : 0)
    assembler.data(piece, 0, 1, 2, flags, flags & LAST ? 0 : -1)
  }
  const { chunk, start, end } = messages[0]!
  assert.equal(end - start, 131_072)
  assert.ok(chunk.buffer.byteLength <= 2 * 131_072)
})
