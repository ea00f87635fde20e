import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mask, unmask, unmaskText } from '../../src/ws-codec/index.ts'

const KEY = 0xfe21fa37 | 0
const OCTETS = [0x37, 0xfa, 0x21, 0xfe]

function pattern(length: number): Uint8Array {
  return new Uint8Array(length).map((_, index) => (index * 7 + 3) & 0x7f)
}

/** The definition of RFC 6455 §5.3. */
function defined(bytes: Uint8Array, phase: number): Uint8Array {
  return bytes.map((byte, index) => byte ^ OCTETS[(index + phase) % 4]!)
}

/** What holds of masking whatever it is done with. `lengths` are those at which the way of doing it changes. */
export function maskingHolds(lengths: readonly number[]): void {
  test('RFC 6455 §5.7: Hello', () => {
    const hello = Uint8Array.of(0x7f, 0x9f, 0x4d, 0x51, 0x58)
    assert.equal(unmask(hello, 0, 5, 0x3d21fa37, 0), 1)
    assert.equal(Buffer.from(hello).toString(), 'Hello')
  })

  test('every length, alignment and phase agrees with the definition, and nothing else is written', () => {
    for (const length of lengths) {
      for (let offset = 0; offset < 9; offset++) {
        for (let phase = 0; phase < 4; phase++) {
          const where = `${length} bytes at ${offset}, phase ${phase}`
          const buffer = new ArrayBuffer(length + 31)
          const all = new Uint8Array(buffer).fill(0xee)
          const bytes = new Uint8Array(buffer, 3, length + 20)
          const plain = pattern(length)
          bytes.set(defined(plain, phase), offset)
          const masked = bytes.slice()
          assert.equal(unmask(bytes, offset, offset + length, KEY, phase), (phase + length) % 4, where)
          assert.deepEqual(bytes.subarray(offset, offset + length), plain, where)
          all.fill(0xee, 3 + offset, 3 + offset + length)
          assert.equal(
            all.findIndex((byte) => byte !== 0xee),
            -1,
            where,
          )
          bytes.set(masked)
          assert.equal(unmaskText(bytes, offset, offset + length, KEY, phase) & 0x80, 0, where)
          assert.deepEqual(bytes.subarray(offset, offset + length), plain, where)
        }
      }
    }
  })

  test('unmaskText sees a high bit wherever it lies', () => {
    for (const length of lengths) {
      for (let high = 0; high < length; high += length < 400 ? 1 : 509 + (high % 8)) {
        const bytes = new Uint8Array(length + 2)
        const plain = pattern(length)
        plain[high] = 0x80
        bytes.set(defined(plain, 0), 1)
        assert.equal(unmaskText(bytes, 1, 1 + length, KEY, 0) & 0x80, 0x80, `${high} of ${length}`)
        assert.deepEqual(bytes.subarray(1, 1 + length), plain)
      }
    }
  })

  test('a chunk of many frames, each after the other', () => {
    // The second look at a chunk makes a view of it, and another chunk takes its place.
    const chunks = [new Uint8Array(4000), new Uint8Array(new ArrayBuffer(4007), 5)]
    for (const size of [5, 24, 60, 95, 96, 130]) {
      for (const chunk of chunks) {
        const plain = pattern(chunk.length)
        chunk.set(defined(plain, 0))
        let phase = 0
        for (let at = 0; at < chunk.length; at += size) {
          const end = Math.min(at + size, chunk.length)
          phase = unmask(chunk, at, end, KEY, phase)
        }
        assert.deepEqual(chunk, plain, `frames of ${size}`)
      }
    }
  })

  test('buffers in turn, large ones too', () => {
    const size = 1024 * 1024 + 24
    for (const length of [200, size, 300, size]) {
      const bytes = defined(pattern(length), 0)
      unmask(bytes, 0, length, KEY, 0)
      assert.deepEqual(bytes, pattern(length))
    }
  })

  test('mask copies, masked, and leaves the source alone', () => {
    for (const length of lengths) {
      const source = pattern(length + 4)
      const target = new Uint8Array(length + 8).fill(0xee)
      mask(source, 2, 2 + length, target, 5, KEY)
      assert.deepEqual(source, pattern(length + 4))
      assert.deepEqual(target.subarray(5, 5 + length), defined(source.subarray(2, 2 + length), 0))
      assert.deepEqual([...target.subarray(0, 5)], [0xee, 0xee, 0xee, 0xee, 0xee])
      assert.deepEqual([...target.subarray(5 + length)], [0xee, 0xee, 0xee])
    }
    assert.throws(() => mask(pattern(4), 0, 4, new Uint8Array(4), 1, KEY), RangeError)
  })
}
