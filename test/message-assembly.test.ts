import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AssemblerOptions } from '../src/ws-codec/frames/message-assembly.ts'
import { FIRST, LAST, MessageAssembler, type MessageSink } from '../src/ws-codec/index.ts'
import { bytes, text } from './support/splits.ts'

interface Message {
  chunk: Uint8Array
  start: number
  end: number
  isText: boolean
}

function assemble(options?: AssemblerOptions): { assembler: MessageAssembler; messages: Message[] } {
  const messages: Message[] = []
  const sink: MessageSink = {
    message: (chunk, start, end, isText) => messages.push({ chunk, start, end, isText }),
  }
  const assembler = new MessageAssembler(sink, options)
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
    assert.ok(reserved <= 4000, `${reserved} bytes for a declared length`)
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

test('a host hands in its own buffers, which need not be zeros', () => {
  const asked: number[] = []
  const messages: string[] = []
  const assembler = new MessageAssembler(
    { message: (chunk, start, end) => messages.push(text(chunk.slice(start, end))) },
    {
      allocate: (size) => {
        asked.push(size)
        return new Uint8Array(size).fill(0xee)
      },
    },
  )
  assembler.data(bytes('abc'), 0, 3, 2, FIRST, 4)
  assembler.data(bytes('defg'), 0, 4, 2, LAST, 0)
  assembler.data(bytes('h'), 0, 1, 2, FIRST)
  assembler.data(bytes(''), 0, 0, 2, LAST)
  assert.deepEqual(messages, ['abcdefg', 'h'])
  assert.deepEqual(asked, [7, 256])
})

test('while the end is known, the buffer grows fourfold of what has arrived', () => {
  const asked: number[] = []
  const { assembler, messages } = assemble({
    allocate: (size) => {
      asked.push(size)
      return new Uint8Array(size)
    },
  })
  const piece = new Uint8Array(1000)
  for (let sent = 1000; sent <= 20_000; sent += 1000) {
    assembler.data(piece, 0, 1000, 2, sent === 1000 ? FIRST : sent === 20_000 ? LAST : 0, 20_000 - sent)
  }
  assert.deepEqual(asked, [4000, 20_000])
  assert.equal(messages.length, 1)
})

test('chunks that may be kept are joined once; small pieces of large chunks are copied', () => {
  const asked: number[] = []
  const { assembler, messages } = assemble({
    keepChunks: true,
    allocate: (size) => {
      asked.push(size)
      return new Uint8Array(size)
    },
  })
  // [bytes of the piece, bytes of its chunk, whether it is kept]
  const parts = [
    [10, 8192, false],
    [8000, 8192, true],
    [4095, 4095, false],
    [4000, 4000, false],
    [4096, 8192, true],
    [4096, 8193, false],
    [5000, 5000, true],
    [0, 10, false],
  ] as const
  for (const wanted of [parts, parts.slice(1), parts.slice(2, 5)]) {
    asked.length = 0
    const expected: number[] = []
    for (const [index, [length, size]] of wanted.entries()) {
      const chunk = new Uint8Array(size).fill(index + 1)
      expected.push(...Array.from({ length }, () => index + 1))
      const flags = (index === 0 ? FIRST : 0) | (index === wanted.length - 1 ? LAST : 0)
      const start = size - length
      assembler.data(chunk, start, size, 2, flags, -1)
      if (flags & LAST) break
      assert.equal(assembler.held, expected.length)
      // A kept chunk is not written to again; another one is.
      if (!wanted[index]![2]) chunk.fill(0xee)
    }
    const { chunk, start, end } = messages.at(-1)!
    assert.deepEqual([...chunk.subarray(start, end)], expected)
    assert.equal(asked.at(-1), expected.length)
    assert.equal(assembler.held, 0)
  }
})

test('what is kept is dropped by clear', () => {
  const { assembler, messages } = assemble({ keepChunks: true })
  assembler.data(new Uint8Array(5000).fill(1), 0, 5000, 2, FIRST)
  assembler.data(bytes('x'), 0, 1, 2, 0)
  assert.equal(assembler.held, 5001)
  assembler.clear()
  assert.equal(assembler.held, 0)
  assembler.data(bytes('ab'), 0, 2, 2, FIRST)
  assembler.data(bytes('c'), 0, 1, 2, LAST)
  const { chunk, start, end } = messages[0]!
  assert.equal(text(chunk.slice(start, end)), 'abc')
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
