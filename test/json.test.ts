/**
 * The JSON framing beside JSON.parse: what one takes the other takes, however it is cut. Its rules one by one are the
 * golden cases of test/vectors/raw/json.md.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createJsonFraming, JsonReader, jsonFraming, RawError } from '../src/raw/index.ts'
import { byteByByte, cutAtRandom, mutate, Random } from './support/random.ts'
import { bytes, concat, feed, text } from './support/splits.ts'

const SEED = Number(process.env.FUZZ_SEED ?? 20_261_121)
const FACTOR = Number(process.env.FUZZ_FACTOR ?? 1)

interface Reading {
  messages: string[]
  failure: string | undefined
}

function read(chunks: readonly Uint8Array[], limit = 100_000): Reading {
  const reading: Reading = { messages: [], failure: undefined }
  const reader = new JsonReader(
    {
      message: (chunk, start, end) =>
        void reading.messages.push(Buffer.from(chunk.subarray(start, end)).toString()),
      fail: (code) => {
        assert.equal(reading.failure, undefined, 'a reader fails once')
        reading.failure = code
      },
    },
    limit,
  )
  feed(reader, chunks)
  reader.end()
  assert.equal(reader.held, 0)
  return reading
}

const CHARACTERS = [
  'a',
  ' ',
  '"',
  '\\',
  '/',
  '\n',
  '\u0001',
  '\x7f',
  'é',
  '€',
  '😀',
  '{',
  ']',
  ',',
  ':',
  '\ud800',
]

function randomString(random: Random): string {
  return Array.from({ length: random.below(12) }, () => random.pick(CHARACTERS)).join('')
}

function randomNumber(random: Random): number {
  switch (random.below(4)) {
    case 0:
      return random.below(20) - 10
    case 1:
      return random.next() * 10 ** (random.below(40) - 20)
    case 2:
      return -random.next() * 1e300
    default:
      return random.below(2 ** 40)
  }
}

function randomValue(random: Random, depth: number): unknown {
  switch (random.below(depth > 0 ? 7 : 5)) {
    case 0:
      return randomString(random)
    case 1:
      return randomNumber(random)
    case 2:
      return random.next() < 0.5
    case 3:
      return null
    case 4:
      return random.next() < 0.5 ? [] : {}
    case 5:
      return Array.from({ length: random.below(5) }, () => randomValue(random, depth - 1))
    default: {
      const members = Array.from({ length: random.below(5) }, () => [
        random.next() < 0.1 ? '__proto__' : randomString(random),
        randomValue(random, depth - 1),
      ])
      return Object.fromEntries(members)
    }
  }
}

function randomSpace(random: Random, least: number): string {
  const length = least + random.below(3)
  return Array.from({ length }, () => random.pick([' ', '\t', '\n', '\r'])).join('')
}

/** A value's text, sometimes with white space wherever it may be. */
function randomText(random: Random): string {
  const value = randomValue(random, 4)
  return random.next() < 0.5 ? JSON.stringify(value) : JSON.stringify(value, null, random.pick([1, 2, '\t']))
}

function needsSpace(before: string, after: string): boolean {
  return /[\w.]$/.test(before) && !/^["[{]/.test(after)
}

test(`values and white space: just those values, from seed ${SEED}`, () => {
  const random = new Random(SEED)
  for (let round = 0; round < 3000 * FACTOR; round++) {
    const values = Array.from({ length: random.below(6) }, () => randomText(random))
    let stream = randomSpace(random, 0)
    for (const [index, value] of values.entries()) {
      const space = index > 0 && needsSpace(values[index - 1]!, value) ? 1 : 0
      stream += randomSpace(random, space) + value
    }
    stream += randomSpace(random, 0)
    const data = Buffer.from(stream)
    for (const chunks of [[data], byteByByte(data), cutAtRandom(random, data)])
      assert.deepEqual(read(chunks), { messages: values, failure: undefined }, JSON.stringify(stream))
  }
})

/** What JSON.parse makes of the bytes, where they are UTF-8 at all. */
function parses(data: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data))
    return true
  } catch {
    return false
  }
}

test(`damaged values: taken whole if and only if JSON.parse takes them, from seed ${SEED}`, () => {
  const random = new Random(SEED)
  const corpus = Array.from({ length: 300 }, () => Buffer.from(randomText(random)))
  let valid = 0
  for (let round = 0; round < 20_000 * FACTOR; round++) {
    const data = mutate(random, corpus)
    const reading = read([data])
    const whole = reading.failure === undefined && reading.messages.length === 1
    assert.equal(whole, parses(data), JSON.stringify(text(data)))
    if (whole) valid++
    for (const message of reading.messages) JSON.parse(message)
    for (const chunks of [byteByByte(data), cutAtRandom(random, data)])
      assert.deepEqual(read(chunks), reading, JSON.stringify(text(data)))
  }
  assert.ok(valid > 2000, `only ${valid} inputs are valid`)
})

test(`limits: the same failure however the bytes are cut, from seed ${SEED}`, () => {
  const random = new Random(SEED)
  const corpus = Array.from({ length: 100 }, () => Buffer.from(randomText(random) + randomText(random)))
  for (let round = 0; round < 3000 * FACTOR; round++) {
    const data = mutate(random, corpus)
    const limit = 1 + random.below(40)
    const reading = read([data], limit)
    for (const message of reading.messages) assert.ok(Buffer.byteLength(message) <= limit)
    for (const chunks of [byteByByte(data), cutAtRandom(random, data)])
      assert.deepEqual(read(chunks, limit), reading, JSON.stringify(text(data)))
  }
})

/** Strings with the first and the last character of each length, and where a second byte is narrowed (RFC 3629 §4). */
const STRINGS = ['"\\u00e9\\n/"', '"\u0080\u07ff\u0800\ud7ff\ue000\uffff"', '"\u{10000}\u{40000}\u{10ffff}"']
const SCALARS = [...STRINGS, '-2.50e+31', '0.5', '10E-2', '-0e0', 'true', 'false', 'null', '{}', '[[]]']

/** Wherever a value may stand, and a string. */
function inEveryContext(): string[] {
  const containers = SCALARS.flatMap((value) => [value, `[${value}]`, `[0,${value} ]`, `{"a":${value}}`])
  return [...containers, ...STRINGS.map((name) => `{${name}:1,${name} : 2}`)]
}

test('every byte in every place of a small value, as JSON.parse', () => {
  for (const sample of inEveryContext().map((value) => Buffer.from(value))) {
    for (let at = 0; at < sample.length; at++) {
      const data = Uint8Array.from(sample)
      for (let byte = 0; byte < 256; byte++) {
        data[at] = byte
        const reading = read([data])
        const whole = reading.failure === undefined && reading.messages.length === 1
        assert.equal(whole, parses(data), JSON.stringify(text(data)))
      }
    }
  }
})

test('a value that lies whole in a chunk is reported where it lies, a held one in a buffer handed over', () => {
  const where: Uint8Array[] = []
  const reader = new JsonReader({ message: (chunk) => void where.push(chunk), fail: assert.fail }, 64)
  const whole = bytes('{"a":1}{"b"')
  reader.push(whole, 0, whole.length)
  assert.equal(where[0], whole)
  assert.equal(reader.held, 4)
  const rest = bytes(':2}"c"12')
  reader.push(rest, 0, rest.length)
  assert.equal(text(where[1]!), '{"b":2}')
  assert.equal(where[2], rest)
  assert.equal(reader.held, 2)
  reader.push(bytes('3 '), 0, 2)
  assert.equal(text(where[3]!), '123')
  assert.equal(text(where[1]!), '{"b":2}', 'a message handed over is not written to again')
})

test('an object or a string is reported at its last byte, a number at the byte behind it', () => {
  const seen: string[] = []
  const sink = { message: () => void seen.push('message'), fail: assert.fail }
  const reader = new JsonReader(sink, 64)
  const steps: [string, number][] = [
    ['{"a":1', 0],
    ['}', 1],
    ['"', 1],
    ['"', 2],
    ['12', 2],
    ['\n', 3],
    ['true', 3],
    ['[', 4],
    [']', 5],
  ]
  for (const [input, count] of steps) {
    reader.push(bytes(input), 0, input.length)
    assert.equal(seen.length, count, input)
  }
})

test('a failed reader consumes nothing more and reports nothing more', () => {
  const seen: string[] = []
  const reader = new JsonReader(
    { message: () => void seen.push('message'), fail: (code) => void seen.push(code) },
    64,
  )
  const broken = bytes('[1,]{}')
  assert.equal(reader.push(broken, 0, broken.length), 3)
  assert.equal(reader.push(broken, 0, broken.length), 0)
  reader.end()
  assert.deepEqual(seen, ['ERR_JSON_INVALID'])
})

test('after the end of a stream the reader holds nothing', () => {
  const seen: string[] = []
  const sink = {
    message: (chunk: Uint8Array, start: number, end: number) => void seen.push(text(chunk.slice(start, end))),
    fail: assert.fail,
  }
  const reader = new JsonReader(sink, 64)
  reader.push(bytes('42'), 0, 2)
  reader.end()
  reader.end()
  assert.deepEqual(seen, ['42'])
})

test('ten thousand levels where that is allowed, and no recursion', () => {
  const deep = bytes('[{"a":'.repeat(5000) + '1' + '}]'.repeat(5000))
  const seen: number[] = []
  const sink = {
    message: (_: Uint8Array, start: number, end: number) => void seen.push(end - start),
    fail: assert.fail,
  }
  const reader = createJsonFraming({ depth: 10_000 }).createReader(sink, 1_000_000)
  feed(reader, [concat([deep, deep])])
  assert.deepEqual(seen, [deep.length, deep.length])
})

test('a limit of Infinity is none', () => {
  const long = bytes(`["${'x'.repeat(100_000)}"]`)
  const reading = read([long.slice(0, 50_000), long.slice(50_000)], Number.POSITIVE_INFINITY)
  assert.equal(reading.messages[0]!.length, long.length)
})

test('a depth that is none is refused when the framing is made', () => {
  for (const depth of [0, -1, 1.5, Number.NaN, 65_537, '8' as unknown as number]) {
    assert.throws(
      () => createJsonFraming({ depth }),
      (error) => error instanceof RawError && error.code === 'ERR_RAW_OPTION',
    )
  }
})

test('the writer ends each value with LF, and tells a fault as a string', () => {
  assert.equal(jsonFraming.header(5).length, 0)
  assert.deepEqual([...jsonFraming.trailer], [0x0a])
  assert.equal(jsonFraming.fault!('it is "x"'), '"it is \\"x\\""')
})
