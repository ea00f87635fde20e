import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Annotations,
  type DecoderLimits,
  type Encoding,
  encodeHeartbeat,
  encodeMessage,
  MessageDecoder,
} from '../src/sessions/index.ts'
import { cutAtRandom, mutate, Random } from './support/random.ts'
import { bytes, everySplit, feed, text } from './support/splits.ts'

class Received {
  readonly frames: unknown[] = []
  message(message: string, json: boolean, annotations: Annotations): void {
    this.frames.push(json ? { json: message } : message, ...annotations)
  }
  heartbeat(index: number): void {
    this.frames.push(index)
  }
  handshake(id: string): void {
    this.frames.push({ id })
  }
  disconnect(): void {
    this.frames.push(null)
  }
}

function decode(chunks: Uint8Array[], limits?: Partial<DecoderLimits>, encoding?: Encoding): unknown {
  const received = new Received()
  const decoder = new MessageDecoder(received, limits, encoding)
  const left = feed(decoder, chunks)
  return [...received.frames, decoder.end()?.code ?? 'complete', left.length]
}

test('the first byte shows the encoding', () => {
  for (const [input, encoding] of [
    ['~m~1~m~a', '0.6'],
    ['1:2::a,', '0.7pre'],
    ['', undefined],
    ['x', undefined],
  ] as const) {
    const decoder = new MessageDecoder(new Received())
    decoder.push(bytes(input), 0, input.length)
    assert.equal(decoder.encoding, encoding, input)
  }
})

test('an expected encoding stays, and the other fails at its first byte', () => {
  const decoder = new MessageDecoder(new Received(), {}, '0.7pre')
  assert.equal(decoder.push(bytes('..~m~1~m~a'), 2, 10), 2)
  assert.equal(decoder.encoding, '0.7pre')
  assert.equal(decoder.error?.code, 'ERR_SESSION_ENCODING_UNKNOWN')
  assert.equal(decoder.error?.status, 400)
  assert.equal(decoder.error?.closeCode, 1002)
})

test('once failed it consumes nothing, and the error stays', () => {
  const decoder = new MessageDecoder(new Received())
  assert.equal(decoder.push(bytes('~m~x'), 0, 4), 3)
  const { error } = decoder
  assert.equal(decoder.push(bytes('~m~1~m~a'), 0, 8), 0)
  assert.equal(decoder.end(), error)
  assert.equal(error?.code, 'ERR_SESSION_LENGTH_INVALID')
})

test('a text in one chunk is decoded where it lies; one that is cut, from one buffer', () => {
  const from: Uint8Array[] = []
  const decoder = new MessageDecoder(new Received(), {}, undefined, (chunk, start, end) => {
    from.push(chunk)
    return text(chunk.slice(start, end))
  })
  const first = bytes('~m~3~m~abc~m~3~m~d')
  const second = bytes('e')
  const third = bytes('f~m~1~m~g')
  for (const chunk of [first, second, third]) decoder.push(chunk, 0, chunk.length)
  assert.deepEqual(
    from.map((chunk) => chunk === first || chunk === third),
    [true, false, true],
  )
})

test('the bytes of a chunk are not needed after push', () => {
  const received = new Received()
  const decoder = new MessageDecoder(received)
  for (const byte of bytes('~m~5~m~hello~m~5~m~world')) {
    const chunk = Uint8Array.of(byte)
    decoder.push(chunk, 0, 1)
    chunk.fill(0)
  }
  assert.deepEqual(received.frames, ['hello', 'world'])
})

test('the defaults: 16 MiB a message, 65,536 messages, 16 annotations', () => {
  const code = (input: string) => (decode([bytes(input)]) as unknown[]).at(-2)
  assert.equal(code('~m~16777216~m~'), 'ERR_SESSION_TRUNCATED')
  assert.equal(code('~m~16777217~m~'), 'ERR_SESSION_MESSAGE_TOO_LARGE')
  assert.equal(code('~m~0~m~'.repeat(65_536)), 'complete')
  assert.equal(code('~m~0~m~'.repeat(65_537)), 'ERR_SESSION_TOO_MANY_MESSAGES')
  const annotated = (count: number) => {
    const data = Array.from({ length: count }, (_, index) => `a${index}\n`).join('') + ':'
    return `1:${data.length}:${data},`
  }
  assert.equal(code(annotated(16)), 'complete')
  assert.equal(code(annotated(17)), 'ERR_SESSION_TOO_MANY_ANNOTATIONS')
})

test('a limit must be one', () => {
  for (const limits of [{ message: 0 }, { message: 1.5 }, { messages: Number.NaN }, { annotations: -1 }])
    assert.throws(() => new MessageDecoder(new Received(), limits), { code: 'ERR_SESSION_OPTION' })
})

test('a limit may be infinite', () => {
  const limits = { message: Number.POSITIVE_INFINITY, messages: Number.POSITIVE_INFINITY }
  assert.deepEqual(
    everySplit(bytes('~m~2~m~hi'), (chunks) => decode(chunks, limits)),
    ['hi', 'complete', 0],
  )
})

/** Each lone surrogate replaced, as UTF-8 does it. */
function wellFormed(message: string): string {
  return Buffer.from(message).toString()
}

const PIECES = [
  '~',
  ':',
  ',',
  '\n',
  '\r',
  '\0',
  '~m~',
  '~j~',
  '~h~',
  '1:2:',
  '"',
  'a',
  'é',
  '€',
  '😀',
  '\ufeff',
  '\ud83d',
  '\ude00',
]

test('random texts come back as they were, in both encodings, cut anywhere', () => {
  const random = new Random(606)
  for (let round = 0; round < 1_500; round++) {
    const encoding = random.pick<Encoding>(['0.6', '0.7pre'])
    const messages = Array.from({ length: 1 + random.below(4) }, () => ({
      text: Array.from({ length: random.below(9) }, () => random.pick(PIECES)).join(''),
      json: random.next() < 0.3,
    }))
    const encoded =
      messages.map(({ text: message, json }) => encodeMessage(message, encoding, { json })).join('') +
      encodeHeartbeat(round, encoding)
    const input = new TextEncoder().encode(encoded)
    // UTF-8 has no lone surrogates, and a length counts each as the one unit that takes its place.
    const expected = messages.map(({ text: message, json }) => {
      const marked = encoding === '0.6' && (message.startsWith('~j~') || message.startsWith('~h~'))
      if (json) return { json: wellFormed(message) }
      return marked ? { json: JSON.stringify(message) } : wellFormed(message)
    })
    for (const chunks of [[input], cutAtRandom(random, input)])
      assert.deepEqual(decode(chunks), [...expected, round, 'complete', 0], JSON.stringify(encoded))
  }
})

test('damaged frames: nothing throws, and the cuts do not matter', () => {
  const corpus = [
    '~m~5~m~hello~m~4~m~~h~1~m~10~m~~j~{"a":1}~m~2~m~\xc3\xa9\xe2\x82\xac',
    '3:4:Zm9v,1:19:r:chat\n:Hello world,1:10:j\n:{"a":1},2:1:0,0:0:,',
    '1:18:r:chat:Hello world,1:4::\xf0\x9f\x98\x80x,',
  ].map(bytes)
  const random = new Random(607)
  let failed = 0
  for (let round = 0; round < 4_000; round++) {
    const input = mutate(random, corpus)
    const limits = { message: 24, messages: 5, annotations: 2 }
    const whole = decode([input], limits) as unknown[]
    if (whole.at(-2) !== 'complete') failed++
    assert.deepEqual(decode(cutAtRandom(random, input), limits), whole, JSON.stringify(text(input)))
  }
  assert.ok(failed > 1_000 && failed < 4_000, `${failed} of 4,000 fail`)
})
