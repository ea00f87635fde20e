import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  codecOf,
  type DecoderOptions,
  FIRST,
  HixieDecoder,
  LAST,
  type Version,
} from '../src/ws-codec/index.ts'
import { decode, fromHex, toHex } from './support/decoding.ts'
import { byteByByte, cutAtRandom, mutate, Random } from './support/random.ts'
import { bytes, concat, everySplit } from './support/splits.ts'

const HIXIES: readonly Version[] = ['hixie-76', 'hixie-75']
const GOOD = fromHex('00 6f 6b ff')

/** Runs whole, byte by byte and at every split; alone, and between good messages. */
function check(
  name: string,
  versions: readonly Version[],
  wire: Uint8Array,
  events: string[],
  options?: DecoderOptions,
): void {
  for (const version of versions) {
    test(`${version}: ${name}`, () => {
      const stops = /^fail|^control 8/.test(events.at(-1) ?? '')
      const failed = events.at(-1)?.startsWith('fail') === true
      const run = (chunks: Uint8Array[]) => decode(codecOf(version), chunks, options)
      assert.deepEqual(everySplit(wire, run), { events, consumed: wire.length })
      assert.deepEqual(everySplit(concat([GOOD, wire, GOOD]), run), {
        events: ['text ok', ...events, ...(stops ? [] : ['text ok'])],
        consumed: GOOD.length + wire.length + (failed ? 0 : GOOD.length),
      })
    })
  }
}

function accepts(name: string, digits: string, events: string[], options?: DecoderOptions): void {
  check(name, HIXIES, fromHex(digits), events, options)
}

function refuses(name: string, digits: string, failure: string, options?: DecoderOptions): void {
  check(name, HIXIES, fromHex(digits), [`fail ${failure}`], options)
}

accepts('a text message', '00 48 65 6c 6c 6f ff', ['text Hello'])
accepts('an empty text message', '00 ff', ['text '])
accepts('text that is not ASCII', '00 e2 82 ac f0 9f 98 80 ff', ['text €😀'])
accepts('a NUL in a text', '00 00 ff', ['text \0'])
accepts('messages one behind the other', '00 61 ff 00 62 ff 00 ff', ['text a', 'text b', 'text '])
for (const length of [63, 64, 65, 200]) {
  check(
    `text of ${length} bytes`,
    HIXIES,
    concat([fromHex('00'), bytes('x'.repeat(length)), fromHex('ff')]),
    [`text ${'x'.repeat(length)}`],
  )
}

accepts('a frame with a length is dropped', '80 03 00 ff 00', [])
accepts('a length in two digits', `81 81 02 ${'ff'.repeat(130)}`, [])
accepts('a length of zero', '80 00', [])
accepts('an FF frame with a length is dropped', 'ff 01 00', [])
accepts('leading digits of zero', '80 80 80 01 aa', [])
accepts('a frame of another type that ends with FF is dropped', '01 61 62 ff 7f ff', [])
accepts('what is dropped need not be UTF-8', '05 80 c0 f5 ff', [])

check('the closing frame', ['hixie-76'], fromHex('ff 00'), ['control 8 '])
check('W17: data after the closing frame is dropped', ['hixie-76'], fromHex('00 61 ff ff 00'), [
  'text a',
  'control 8 ',
])
check('FF 00 is a frame to drop', ['hixie-75'], fromHex('ff 00'), [])
// Zero with a leading digit is not what the draft sends to close, but its steps read it so (§5.3).
check('FF 80 00 closes too', ['hixie-76'], fromHex('ff 80 00'), ['control 8 '])

refuses('W8: text that is not UTF-8', '00 61 80', '1007 ERR_WS_TEXT_INVALID')
refuses('W8: at the first invalid byte', '00 ed a0', '1007 ERR_WS_TEXT_INVALID')
refuses('W8: a text that ends inside a character', '00 e2 82 ff', '1007 ERR_WS_TEXT_INVALID')

const small = { maxMessageBytes: 4 }
accepts('W9: text at the limit', '00 61 62 63 64 ff', ['text abcd'], small)
refuses('W9: text over the limit', '00 61 62 63 64 65', '1009 ERR_WS_MESSAGE_TOO_LARGE', small)
accepts('W9: a dropped frame at the limit', '80 04 00 00 00 00 01 61 62 63 64 ff', [], small)
refuses('W9: a dropped text over the limit', '01 61 62 63 64 65', '1009 ERR_WS_MESSAGE_TOO_LARGE', small)
refuses('W9: a length over the limit', '80 05', '1009 ERR_WS_MESSAGE_TOO_LARGE', small)
refuses('W8 before W9', '00 61 62 80', '1007 ERR_WS_TEXT_INVALID', small)

refuses(
  'W26: a length that grows is refused at the limit',
  'ff 81 80 80 80',
  '1009 ERR_WS_MESSAGE_TOO_LARGE',
  {
    maxMessageBytes: 128 ** 3 - 1,
  },
)
const all = { maxMessageBytes: Number.MAX_SAFE_INTEGER }
refuses(
  'W26: a length below 2^53 without a limit',
  '80 ff ff ff ff ff ff ff',
  '1009 ERR_WS_MESSAGE_TOO_LARGE',
  all,
)
refuses('W26: zeros without end', '80 80 80 80 80 80 80 80', '1009 ERR_WS_MESSAGE_TOO_LARGE', all)
const few = { maxFrames: 2 }
accepts(
  'W14: dropped frames, a message between',
  '80 00 01 ff 00 ff 80 01 00 80 00 00 ff',
  ['text ', 'text '],
  few,
)
refuses('W14: too many dropped frames in a row', '80 00 01 ff 80 00', '1008 ERR_WS_TOO_MANY_FRAMES', few)
refuses('W14: the last with a payload', '80 00 80 00 80 01 00', '1008 ERR_WS_TOO_MANY_FRAMES', few)
refuses('W14: the last ends with FF', '80 00 80 00 01 ff', '1008 ERR_WS_TOO_MANY_FRAMES', few)

test('W26: nothing is read once it has failed, and nothing is kept', () => {
  const wire = concat([fromHex('80'), new Uint8Array(1000).fill(0x81)])
  for (const version of HIXIES) {
    const { events, consumed } = decode(codecOf(version), [wire])
    assert.deepEqual(events, ['fail 1009 ERR_WS_MESSAGE_TOO_LARGE'])
    assert.ok(consumed < 8)
  }
})

test('pieces: FIRST and LAST once each, and every byte where it lies', () => {
  const pieces: unknown[] = []
  const decoder = new HixieDecoder(
    {
      data: (_chunk, start, end, opcode, flags, rest) => pieces.push([start, end, opcode, flags, rest]),
      control: () => assert.fail(),
      fail: (_closeCode, code) => assert.fail(code),
    },
    true,
  )
  const wire = fromHex('00 61 62 63 ff 00 ff')
  assert.equal(decoder.push(wire, 0, 1), 1)
  assert.equal(decoder.push(wire, 1, 3), 3)
  assert.equal(decoder.push(wire, 3, 4), 4)
  assert.equal(decoder.push(wire, 4, 7), 7)
  assert.deepEqual(pieces, [
    [1, 3, 1, FIRST, -1],
    [3, 4, 1, 0, -1],
    [4, 4, 1, LAST, 0],
    [6, 6, 1, FIRST | LAST, 0],
  ])
  assert.equal(toHex(wire), '00616263ff00ff', 'the chunk is left alone')
})

test('pause and resume at each report', () => {
  const wire = fromHex('00 61 ff 80 01 00 00 62 ff ff 00 00')
  const seen: string[] = []
  const decoder = codecOf('hixie-76').createDecoder({
    data: (chunk, start, end) => {
      seen.push(Buffer.from(chunk.subarray(start, end)).toString())
      decoder.pause()
    },
    control: (opcode) => {
      seen.push(`control ${opcode}`)
      decoder.pause()
    },
    fail: (_closeCode, code) => assert.fail(code),
  })
  const stops: number[] = []
  for (let pos = 0; pos < wire.length; ) {
    pos = decoder.push(wire, pos, wire.length)
    stops.push(pos)
    assert.equal(decoder.push(wire, pos, wire.length), decoder.paused ? pos : wire.length)
    decoder.resume()
  }
  assert.deepEqual(seen, ['a', 'b', 'control 8'])
  assert.deepEqual(stops, [3, 9, 11, 12])
  assert.ok(decoder.closed && !decoder.failed)
})

test('text is not checked when it must not be, and a limit must be one', () => {
  const { events } = decode(codecOf('hixie-76'), [fromHex('00 80 ff')], { validateText: false })
  assert.deepEqual(events, ['text \ufffd'])
  for (const maxMessageBytes of [-1, 1.5, Number.NaN])
    assert.throws(() => codecOf('hixie-75').createDecoder({} as never, { maxMessageBytes }), {
      code: 'ERR_WS_OPTION',
    })
})

const hello = bytes('Hello')

test('frames', () => {
  for (const version of HIXIES) {
    const codec = codecOf(version)
    assert.equal(toHex(codec.frame(1, true, hello, 0, 5)), '0048656c6c6fff')
    assert.equal(toHex(codec.frame(1, true, hello, 2, 4, 0x12345678)), '006c6cff')
    assert.equal(toHex(codec.frame(1, true, hello, 0, 0)), '00ff')
    const fragments = [
      codec.frame(1, false, hello, 0, 2),
      codec.frame(0, false, hello, 2, 4),
      codec.frame(0, true, hello, 4, 5),
    ]
    assert.equal(toHex(concat(fragments)), '0048656c6c6fff', 'fragments make one frame')
    assert.equal(toHex(codec.header(1, true, 5)), '00')
    assert.equal(toHex(codec.header(0, true, 5)), '')
    assert.equal(toHex(codec.trailer), 'ff')
    assert.ok(!codec.hasBinary && !codec.hasPing && !codec.hasCloseCodes && !codec.masked)
  }
})

test('what hixie has not throws', () => {
  for (const version of HIXIES) {
    const codec = codecOf(version)
    assert.throws(() => codec.frame(2, true, hello, 0, 5), { code: 'ERR_WS_BINARY_UNSUPPORTED' })
    assert.throws(() => codec.header(2, true, 5), { code: 'ERR_WS_BINARY_UNSUPPORTED' })
    for (const opcode of [3, 9, 10, 11])
      assert.throws(() => codec.frame(opcode, true, hello, 0, 5), { code: 'ERR_WS_OPCODE' })
    assert.throws(() => codec.frame(1, true, fromHex('61 ff 62'), 0, 3), { code: 'ERR_WS_TEXT_INVALID' })
    assert.throws(() => codec.frame(1, true, hello, 0, 5, undefined, true), { code: 'ERR_WS_RESERVED_BIT' })
    assert.equal(codec.frame(1, true, fromHex('ff 61 ff'), 1, 2).length, 3)
  }
})

test('W18: the closing frame, and what cannot be said', () => {
  assert.equal(toHex(codecOf('hixie-76').close()), 'ff00')
  assert.equal(toHex(codecOf('hixie-76').close(1000, 'bye')), 'ff00')
  assert.equal(toHex(codecOf('hixie-76').frame(8, true, hello, 0, 2)), 'ff00')
  assert.equal(codecOf('hixie-75').close(1000).length, 0)
  for (const version of HIXIES) {
    assert.throws(() => codecOf(version).close(1006), { code: 'ERR_WS_CLOSE_CODE' })
    assert.throws(() => codecOf(version).close(1000, 'x'.repeat(124)), { code: 'ERR_WS_CONTROL_TOO_LARGE' })
  }
})

for (const version of HIXIES) {
  test(`${version}: 5,000 damaged inputs from seed 76: cuts make no difference`, (t) => {
    t.diagnostic('seed 76')
    const random = new Random(76)
    const corpus = [
      '00 48 65 6c 6c 6f ff 00 e2 82 ac ff 80 03 00 ff 00 00 61 ff ff 00',
      `00 ${'c3a9'.repeat(40)} ff 81 81 02 ${'00'.repeat(130)} 01 61 ff 00 62 ff`,
      '00 ff 00 f0 9f 98 80 ff ff 02 00 00 00 61 62 ff',
    ].map(fromHex)
    const options = { maxMessageBytes: 140, maxFrames: 3 }
    const outcomes = new Set<string>()
    for (let input = 0; input < 5000; input++) {
      const data = mutate(random, corpus)
      const whole = decode(codecOf(version), [data.slice()], options)
      for (const chunks of [byteByByte(data), cutAtRandom(random, data)])
        assert.deepEqual(decode(codecOf(version), chunks, options), whole, `input ${input}: ${toHex(data)}`)
      outcomes.add(whole.events.at(-1)?.slice(0, 14) ?? '')
    }
    assert.ok(outcomes.size >= (version === 'hixie-76' ? 5 : 4), [...outcomes].join())
  })
}
