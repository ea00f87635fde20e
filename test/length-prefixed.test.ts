/** Length prefixes beyond the golden cases of test/vectors/raw/length-prefixed.md: what is kept, and what is written. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  createLengthPrefixedFraming,
  type LengthPrefix,
  LengthPrefixedReader,
  lengthPrefixedFraming,
  RawError,
} from '../src/raw/index.ts'
import { cutAtRandom, Random } from './support/random.ts'
import { concat, feed, text } from './support/splits.ts'

const PREFIXES: readonly LengthPrefix[] = [1, 2, 4].flatMap((bytes) => [
  { bytes: bytes as 1 | 2 | 4 },
  { bytes: bytes as 1 | 2 | 4, littleEndian: true },
])

for (const prefix of PREFIXES) {
  test(`messages of many lengths come back, ${JSON.stringify(prefix)}`, () => {
    const random = new Random(7)
    const framing = createLengthPrefixedFraming(prefix)
    const longest = prefix.bytes === 1 ? 255 : 2000
    for (let round = 0; round < 200; round++) {
      const messages = Array.from({ length: 1 + random.below(8) }, () =>
        random.bytes(random.below(longest + 1)),
      )
      const stream = concat(messages.flatMap((message) => [framing.header(message.length), message]))
      const seen: Uint8Array[] = []
      const sink = {
        message: (chunk: Uint8Array, start: number, end: number) => void seen.push(chunk.slice(start, end)),
        fail: assert.fail,
      }
      const reader = framing.createReader(sink, longest)
      feed(reader, cutAtRandom(random, stream))
      reader.end()
      assert.deepEqual(seen, messages)
    }
  })
}

test('headers, byte by byte', () => {
  const header = (prefix: LengthPrefix, length: number) => [
    ...createLengthPrefixedFraming(prefix).header(length),
  ]
  assert.deepEqual(header({ bytes: 1 }, 255), [255])
  assert.deepEqual(header({ bytes: 2 }, 0x0102), [1, 2])
  assert.deepEqual(header({ bytes: 2, littleEndian: true }, 0x0102), [2, 1])
  assert.deepEqual(header({}, 0x01020304), [1, 2, 3, 4])
  assert.deepEqual(header({ bytes: 4, littleEndian: true }, 0xfffefdfc), [0xfc, 0xfd, 0xfe, 0xff])
  assert.deepEqual([...lengthPrefixedFraming.header(0)], [0, 0, 0, 0])
  assert.equal(lengthPrefixedFraming.trailer.length, 0)
})

test('what a prefix cannot say is thrown at the application, and nothing is framed', () => {
  for (const [prefix, longest] of [
    [{ bytes: 1 }, 255],
    [{ bytes: 2 }, 65_535],
    [{ bytes: 4 }, 4_294_967_295],
  ] as [LengthPrefix, number][]) {
    const framing = createLengthPrefixedFraming(prefix)
    assert.equal(framing.header(longest).length, prefix.bytes)
    assert.throws(() => framing.header(longest + 1), {
      name: 'RawError',
      code: 'ERR_LENGTH_PREFIX_TOO_SMALL',
      message: `Cannot write the message: it is ${longest + 1} bytes long, and its prefix can say ${longest}`,
    })
  }
})

test('another prefix is refused when the framing is made', () => {
  for (const bytes of [0, 3, 8, -1, Number.NaN, '4']) {
    assert.throws(
      () => createLengthPrefixedFraming({ bytes: bytes as 4 }),
      (error) => error instanceof RawError && error.code === 'ERR_RAW_OPTION',
    )
  }
})

test('nothing is reserved by a length that is only declared', () => {
  const sink = { message: () => assert.fail('there is no message'), fail: assert.fail }
  const before = process.memoryUsage().arrayBuffers
  for (let index = 0; index < 100; index++) {
    const reader = new LengthPrefixedReader(sink, 2 ** 32, 4, false)
    reader.push(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 1, 2, 3), 0, 7)
    assert.equal(reader.held, 3)
  }
  assert.ok(process.memoryUsage().arrayBuffers - before < 1_000_000)
})

test('a message that lies whole in a chunk is reported where it lies, a held one in a buffer handed over', () => {
  const where: Uint8Array[] = []
  const reader = new LengthPrefixedReader(
    { message: (chunk) => void where.push(chunk), fail: assert.fail },
    64,
    1,
    false,
  )
  const first = Uint8Array.of(1, 0x61, 2)
  reader.push(first, 0, 3)
  const second = Uint8Array.of(0x62, 0x63, 2, 0x64)
  reader.push(second, 0, 4)
  const third = Uint8Array.of(0x65, 2, 0x66)
  reader.push(third, 0, 3)
  assert.deepEqual([where[0] === first, where[1] === second, where.length], [true, true, 3])
  assert.equal(text(where[2]!), 'de')
  reader.push(Uint8Array.of(0x67), 0, 1)
  assert.deepEqual(where.slice(2).map(text), ['de', 'fg'])
})

test('a failed reader consumes nothing more and reports nothing more', () => {
  const seen: string[] = []
  const sink = { message: () => void seen.push('message'), fail: (code: string) => void seen.push(code) }
  const reader = new LengthPrefixedReader(sink, 4, 1, false)
  const long = Uint8Array.of(5, 1, 0, 0)
  assert.equal(reader.push(long, 0, 4), 0)
  assert.equal(reader.push(long, 1, 4), 1)
  reader.end()
  assert.deepEqual(seen, ['ERR_MESSAGE_TOO_LARGE'])
})
