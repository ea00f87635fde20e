/**
 * The golden cases of test/vectors/raw: bytes of one stream, and the messages in it. Each runs whole, byte by byte, in
 * two pieces at every offset, and with bytes after it. `limit` bounds a message (default 64), `falls at` counts the
 * bytes consumed before a failure, `chosen` is the framing that a detecting reader answers in at the end. In `events`,
 * `fin` stands before what the end of the stream has brought.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  createJsonFraming,
  createLengthPrefixedFraming,
  detectFraming,
  type Framing,
  FramingError,
  framingFault,
  jsonFraming,
  lineFraming,
  netstringFraming,
  noneFraming,
} from '../src/raw/index.ts'
import { concat, everySplit, feed, text } from './support/splits.ts'
import { bytesOf, readVectorFolder, type VectorCase } from './support/vectors.ts'

const framings = new Map<string, Framing>([
  ['line', lineFraming],
  ['json', jsonFraming],
  ['json of depth 3', createJsonFraming({ depth: 3 })],
  ['netstring', netstringFraming],
  ['none', noneFraming],
  ['detect', detectFraming],
  ['prefix of 1', createLengthPrefixedFraming({ bytes: 1 })],
  ['prefix of 2, big', createLengthPrefixedFraming({ bytes: 2 })],
  ['prefix of 2, little', createLengthPrefixedFraming({ bytes: 2, littleEndian: true })],
  ['prefix of 4, big', createLengthPrefixedFraming()],
  ['prefix of 4, little', createLengthPrefixedFraming({ bytes: 4, littleEndian: true })],
])

const cases = readVectorFolder(new URL('vectors/raw/', import.meta.url), {
  keys: ['framing', 'limit', 'falls at', 'chosen'],
  blocks: ['input', 'events'],
})

interface Reading {
  events: string[]
  consumed: number
  chosen: string | undefined
}

function read(vector: VectorCase, chunks: Uint8Array[]): Reading {
  const framing = framings.get(vector.values.get('framing')!)
  assert.ok(framing, `${vector.where}: there is no such framing`)
  const events: string[] = []
  let failed = false
  const sink = {
    message(chunk: Uint8Array, start: number, end: number): void {
      assert.ok(!failed, 'a reader that has failed reports nothing')
      const shown = visible(text(chunk.subarray(start, end)))
      if (framing === noneFraming && events.length > 0) events[0] += shown
      else events.push(`message ${shown}`.trimEnd())
    },
    fail(code: string): void {
      assert.ok(!failed, 'a reader fails once')
      failed = true
      events.push(`fail ${code}`)
    },
  }
  const reader = framing.createReader(sink, Number(vector.values.get('limit') ?? 64))
  const left = feed(reader, chunks)
  assert.ok(failed || left.length === 0, 'a reader that has not failed consumes everything')
  const seen = events.length
  reader.end()
  if (events.length > seen) events.splice(seen, 0, 'fin')
  assert.equal(reader.held, 0)
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  const exact = vector.values.has('falls at')
  return { events, consumed: exact ? length - left.length : -1, chosen: reader.chosen?.name }
}

function visible(text: string): string {
  let shown = ''
  for (const character of text) {
    const code = character.charCodeAt(0)
    if (character === '\r') shown += '\\r'
    else if (character === '\n') shown += '\\n'
    else if (character === '\\') shown += '\\\\'
    else if (code < 0x20 || code > 0x7e) shown += '\\x' + code.toString(16).padStart(2, '0')
    else shown += character
  }
  return shown
}

test('there are cases of every framing and every failure', () => {
  assert.ok(cases.length >= 80)
  for (const name of framings.keys())
    assert.ok(cases.filter(({ values }) => values.get('framing') === name).length >= 3, name)
  const events = cases.map(({ blocks }) => blocks.get('events')!).join('\n')
  for (const code of Object.values(FramingError))
    assert.ok(events.includes(code) || code === FramingError.messageInvalid, code)
})

for (const vector of cases) {
  test(`${vector.where} ${vector.group}: ${vector.name}`, () => {
    const { values, blocks } = vector
    const input = bytesOf(blocks.get('input')!)
    const expected = blocks
      .get('events')!
      .split('\n')
      .filter((line) => line !== '')
    const reading = everySplit(input, (chunks) => read(vector, chunks))
    assert.deepEqual(reading.events, expected)
    if (values.has('falls at')) assert.equal(reading.consumed, Number(values.get('falls at')))
    assert.equal(reading.chosen, values.get('chosen'))
    withMore(vector, input, expected)
  })
}

/** A failed reader is deaf to what follows; any other reads the same stream again as if nothing had been. */
function withMore(vector: VectorCase, input: Uint8Array, expected: readonly string[]): void {
  if (expected.includes('fin') || vector.values.get('framing') === 'none') return
  const again = read(vector, [concat([input, input])]).events
  const failed = expected.at(-1)?.startsWith('fail') === true
  assert.deepEqual(again, failed ? expected : [...expected, ...expected])
}

test('each failure can be told in one line of its own', () => {
  const lines = Object.values(FramingError).map((code) => framingFault(code, 4096))
  assert.equal(new Set(lines).size, lines.length)
  for (const line of lines) assert.match(line, /^Cannot read the message: [^\r\n]*[^.\r\n]$/)
  assert.equal(
    framingFault(FramingError.messageTooLarge, 4096),
    'Cannot read the message: it is over 4096 bytes',
  )
})

test('each framing reads what it writes', () => {
  const messages = ['{"a":1}', '["x"]', '"s"', '{}']
  for (const [name, framing] of framings) {
    const frames = messages.map((message) =>
      concat([framing.header(message.length), Buffer.from(message), framing.trailer]),
    )
    const seen: string[] = []
    const sink = {
      message: (chunk: Uint8Array, start: number, end: number) =>
        void seen.push(text(chunk.subarray(start, end))),
      fail: assert.fail,
    }
    const reader = framing.createReader(sink, 64)
    feed(reader, framing === noneFraming ? frames : [concat(frames)])
    reader.end()
    assert.deepEqual(seen, messages, name)
  }
})
