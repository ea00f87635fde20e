/** Choosing a framing beyond the golden cases of test/vectors/raw/detect.md: when it falls, and what is kept until then. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DETECTION_LIMIT, DetectingReader, detectFraming, lineFraming } from '../src/raw/index.ts'
import { byteByByte, cutAtRandom, mutate, Random } from './support/random.ts'
import { bytes, feed, text } from './support/splits.ts'

const SEED = Number(process.env.FUZZ_SEED ?? 20_261_121)
const FACTOR = Number(process.env.FUZZ_FACTOR ?? 1)

function read(chunks: readonly Uint8Array[], limit: number): [seen: string[], chosen: string] {
  const seen: string[] = []
  const reader = new DetectingReader(
    {
      message: (chunk, start, end) => void seen.push(text(chunk.slice(start, end))),
      fail: (code) => void seen.push(`! ${code}`),
    },
    limit,
  )
  feed(reader, chunks)
  reader.end()
  return [seen, reader.chosen.name]
}

/** The byte at which the framing is certain, and which it is; delivered byte by byte. */
function decision(input: string, limit = 65_536): [at: number, framing: string] {
  const reader = new DetectingReader({ message() {}, fail() {} }, limit)
  const data = bytes(input)
  for (let at = 0; at < data.length; at++) {
    assert.equal(reader.decided, false)
    assert.equal(reader.chosen, lineFraming, 'until it is certain it is lines')
    reader.push(data, at, at + 1)
    if (reader.decided) return [at + 1, reader.chosen.name]
  }
  reader.end()
  return [-1, reader.chosen.name]
}

const decisions: [input: string, at: number, framing: string][] = [
  ['hello\n', 1, 'line'],
  ['"hello"\n', 1, 'line'],
  ['\n', 1, 'line'],
  ['\xff', 1, 'line'],
  ['{}', 2, 'json'],
  ['{"a":[1,2]}{}', 11, 'json'],
  ['[1] note', 3, 'json'],
  ['[12:30] hi\n', 4, 'line'],
  ['{', -1, 'line'],
  ['5:hello,', 8, 'netstring'],
  ['0:,', 3, 'netstring'],
  ['0:x', 3, 'line'],
  ['05:', 2, 'line'],
  ['5 apples\n', 2, 'line'],
  ['12:30 x\n', 8, 'line'],
  ['5:hell', -1, 'line'],
  ['\0\0\0\x01', 4, 'length-prefixed'],
  ['\0\x01', 2, 'line'],
  ['\0\0\0\0', 4, 'line'],
  ['\0\0', -1, 'line'],
  [`{${' '.repeat(2000)}`, DETECTION_LIMIT, 'json'],
  [`9999:${'x'.repeat(2000)}`, DETECTION_LIMIT, 'netstring'],
]

for (const [input, at, framing] of decisions) {
  test(`${JSON.stringify(input.slice(0, 16))}, ${input.length} bytes: ${framing} at ${at}`, () => {
    assert.deepEqual(decision(input), [at, framing])
  })
}

test('what is kept until the framing is certain is bounded, and nothing is kept behind it', () => {
  const reader = new DetectingReader({ message() {}, fail() {} }, 1_000_000)
  const spaces = bytes(`{${' '.repeat(5000)}`)
  reader.push(spaces, 0, DETECTION_LIMIT - 1)
  assert.equal(reader.decided, false)
  assert.ok(reader.held <= 2 * DETECTION_LIMIT, `${reader.held} bytes are held`)
  reader.push(spaces, DETECTION_LIMIT - 1, spaces.length)
  assert.equal(reader.held, spaces.length, 'the reader of JSON holds the value, and nobody else')
})

test('a first chunk of many messages is read where it lies', () => {
  const where: Uint8Array[] = []
  const reader = new DetectingReader({ message: (chunk) => void where.push(chunk), fail: assert.fail }, 64)
  const chunk = bytes('{"a":1}{"b":2}')
  reader.push(chunk, 0, chunk.length)
  assert.deepEqual(
    where.map((each) => each === chunk),
    [true, true],
  )
})

test('nothing pushed decides nothing', () => {
  const reader = new DetectingReader(
    { message: () => assert.fail('there is no message'), fail: assert.fail },
    64,
  )
  assert.equal(reader.push(bytes('{'), 1, 1), 1)
  assert.equal(reader.held, 0)
  assert.equal(reader.decided, false)
  reader.end()
  assert.equal(reader.chosen, lineFraming)
})

test('an LF decides also as the first byte of a chunk, and not behind its end', () => {
  const seen: string[] = []
  const sink = {
    message: (chunk: Uint8Array, start: number, end: number) => void seen.push(text(chunk.slice(start, end))),
    fail: assert.fail,
  }
  const reader = new DetectingReader(sink, 64)
  reader.push(bytes('12:30 x\n'), 0, 7)
  assert.equal(reader.decided, false)
  reader.push(bytes('\n'), 0, 1)
  assert.equal(reader.decided, true)
  assert.deepEqual(seen, ['12:30 x'])
})

test('a length prefix may say as much as the limit', () => {
  assert.deepEqual(decision('\0\0\0\x05', 5), [4, 'length-prefixed'])
  assert.deepEqual(decision('\0\0\0\x06', 5), [4, 'line'])
})

test('a reader that fails on what was kept consumes nothing of the chunk', () => {
  const seen: string[] = []
  const sink = { message: () => void seen.push('message'), fail: (code: string) => void seen.push(code) }
  const reader = new DetectingReader(sink, 4)
  reader.push(bytes('{"a"'), 0, 4)
  const rest = bytes(':1}\nhello\n')
  assert.equal(reader.push(rest, 0, rest.length), 0)
  assert.equal(reader.push(rest, 4, rest.length), 4)
  reader.end()
  assert.deepEqual(seen, ['ERR_MESSAGE_TOO_LARGE'])
})

test(`the same framing and messages however the bytes are cut, from seed ${SEED}`, () => {
  const random = new Random(SEED)
  const corpus = [
    '{"a":1}{"b":[2,3]}\n',
    '[1,2]\n[3]\n',
    '[12:30] hello\n[12:31] you\n',
    '5:hello,0:,3:you,',
    '12:30 lunch\n12:45 back\n',
    'hello\r\nyou',
    '\0\0\0\x05hello\0\0\0\x03you',
  ].map(bytes)
  for (let round = 0; round < 20_000 * FACTOR; round++) {
    const data = mutate(random, corpus)
    const limit = random.pick([8, 24, 4096])
    const whole = read([data], limit)
    assert.deepEqual(read(byteByByte(data), limit), whole, JSON.stringify(text(data)))
    assert.deepEqual(read(cutAtRandom(random, data), limit), whole, JSON.stringify(text(data)))
  }
})

test('what is written before anything was read is a line', () => {
  assert.deepEqual([...detectFraming.trailer], [...lineFraming.trailer])
  assert.equal(detectFraming.header(5).length, 0)
})
