import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sharedHeader } from '../src/ws-codec/frames/header-cache.ts'
import { codecOf, frameHeaderLength, writeFrameHeader } from '../src/ws-codec/index.ts'

const lengths = [
  0,
  1,
  125,
  126,
  127,
  382,
  383,
  255,
  256,
  511,
  65_535,
  65_536,
  65_791,
  2 ** 32,
  2 ** 32 + 256,
  2 ** 53 - 1,
]
const firstBytes = [0x00, 0x01, 0x02, 0x41, 0x42, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8a, 0xc1, 0xc2]

test('every header is the one of its first byte and length, in whatever order they come', () => {
  for (const order of [lengths, [...lengths].reverse(), lengths]) {
    for (const length of order) {
      for (const first of firstBytes) {
        const expected = new Uint8Array(frameHeaderLength(length, false))
        writeFrameHeader(expected, 0, first, length)
        assert.deepEqual(sharedHeader(first, length), expected, `${first} ${length}`)
      }
    }
  }
})

test('the same one is given again', () => {
  for (const length of [5, 1024, 1_000_000]) {
    assert.equal(sharedHeader(0x82, length), sharedHeader(0x82, length))
    assert.notEqual(sharedHeader(0x82, length), sharedHeader(0x81, length))
  }
})

test('a version that translates its headers leaves the shared ones as they are', () => {
  const before = [...sharedHeader(0x82, 77)]
  assert.deepEqual([...codecOf('hybi-03').header(2, true, 77)], [0x05, 77])
  assert.deepEqual([...codecOf('13').header(2, true, 77)], before)
})
