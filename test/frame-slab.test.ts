import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FrameSlab } from '../src/ws-codec/frame-slab.ts'
import { encodeFrame } from '../src/ws-codec/index.ts'

interface Sent {
  bytes: Uint8Array
  start: number
  end: number
  /** As it was when it was given away. */
  copy: number[]
}

function collect(): { sent: Sent[]; send: (bytes: Uint8Array, start: number, end: number) => void } {
  const sent: Sent[] = []
  const send = (bytes: Uint8Array, start: number, end: number) => {
    sent.push({ bytes, start, end, copy: [...bytes.subarray(start, end)] })
  }
  return { sent, send }
}

function payloadOf(length: number): Uint8Array {
  return new Uint8Array(length).map((_, index) => index * 7 + length)
}

test('frames of every size leave in order and agree with encodeFrame', () => {
  const lengths = [0, 1, 24, 25, 125, 126, 127, 300, 512, 513, 1013, 1014, 1015, 70_000, 3, 65_535, 65_536, 5]
  for (const bytes of [1024, 2048, 65_536]) {
    for (const every of [1, 3, 100]) {
      const slab = new FrameSlab({ bytes, copyUpTo: 1014 })
      const { sent, send } = collect()
      const expected: number[] = []
      for (const [index, length] of [...lengths, ...lengths].entries()) {
        const around = payloadOf(length + 5)
        const opcode = index % 3
        const final = index % 2 === 0
        const compressed = index % 5 === 0 && opcode !== 0
        slab.frame(opcode, final, around, 2, 2 + length, send, compressed)
        expected.push(...encodeFrame(opcode, final, around, 2, 2 + length, undefined, compressed))
        if (index % every === 0) {
          slab.flush(send)
          assert.equal(slab.waiting, 0)
        }
      }
      slab.flush(send)
      assert.deepEqual(
        sent.flatMap(({ copy }) => copy),
        expected,
      )
      for (const { bytes, start, end, copy } of sent) {
        assert.ok(end > start, 'nothing empty is sent')
        assert.deepEqual([...bytes.subarray(start, end)], copy, 'what was given away has not changed')
      }
    }
  }
})

test('short frames leave in one piece; a long payload is sent from where it lies', () => {
  const { sent, send } = collect()
  const slab = new FrameSlab({ copyUpTo: 100 })
  for (let index = 0; index < 16; index++) slab.frame(2, true, payloadOf(64), 0, 64, send)
  assert.equal(sent.length, 0)
  assert.equal(slab.waiting, 16 * 66)
  const long = payloadOf(101)
  slab.frame(2, true, long, 0, 101, send)
  assert.deepEqual(
    sent.map(({ start, end }) => end - start),
    [16 * 66, 2, 101],
  )
  assert.equal(sent[2]!.bytes, long)
  slab.flush(send)
  assert.equal(sent.length, 3)
})

test('slabs are made by the host, when one is full and not before', () => {
  const asked: number[] = []
  const allocate = (bytes: number) => {
    asked.push(bytes)
    return new Uint8Array(bytes).fill(0xee)
  }
  const { sent, send } = collect()
  const slab = new FrameSlab({ allocate, bytes: 1000 })
  assert.deepEqual(asked, [])
  for (let index = 0; index < 30; index++) slab.frame(1, true, payloadOf(98), 0, 98, send)
  slab.flush(send)
  assert.deepEqual(asked, [1000, 1000, 1000, 1000])
  assert.equal(
    sent.reduce((sum, { start, end }) => sum + end - start, 0),
    3000,
  )
})
