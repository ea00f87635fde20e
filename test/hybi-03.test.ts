import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codecOf, type DecoderOptions } from '../src/ws-codec/index.ts'
import { decode, fromHex, toHex } from './support/decoding.ts'
import { byteByByte, cutAtRandom, mutate, Random } from './support/random.ts'
import { bytes, concat, everySplit } from './support/splits.ts'

const codec = codecOf('hybi-03')
const GOOD = fromHex('04 02 6f 6b')
const KEY = 0x3d21fa37

/** Runs whole, byte by byte and at every split; alone, and between good messages; for both roles, which are the same. */
function check(name: string, wire: Uint8Array, events: string[], options?: DecoderOptions): void {
  test(name, () => {
    const stops = /^fail|^control 8/.test(events.at(-1) ?? '')
    const failed = events.at(-1)?.startsWith('fail') === true
    for (const role of ['server', 'client'] as const) {
      const run = (chunks: Uint8Array[]) => decode(codec, chunks, { ...options, role })
      assert.deepEqual(everySplit(wire, run), { events, consumed: wire.length })
      assert.deepEqual(everySplit(concat([GOOD, wire, GOOD]), run), {
        events: ['text ok', ...events, ...(stops ? [] : ['text ok'])],
        consumed: GOOD.length + wire.length + (failed ? 0 : GOOD.length),
      })
    }
  })
}

function refuses(name: string, digits: string, failure: string, options?: DecoderOptions): void {
  check(name, fromHex(digits), [`fail ${failure}`], options)
}

// draft-ietf-hybi-thewebsocketprotocol-03 §4.7
check('a text message', fromHex('04 05 48 65 6c 6c 6f'), ['text Hello'])
check('a fragmented text message', fromHex('84 03 48 65 6c 00 02 6c 6f'), ['text Hello'])
check('a ping', fromHex('02 05 48 65 6c 6c 6f'), ['control 9 48656c6c6f'])
check('a pong', fromHex('03 05 48 65 6c 6c 6f'), ['control 10 48656c6c6f'])
check('a close frame', fromHex('01 00'), ['control 8 '])
check('what a close frame carries is no code, and dropped', fromHex('01 03 03 e7 ff'), ['control 8 '])
check('a close payload of one byte', fromHex('01 01 03'), ['control 8 '])
check('binary', fromHex('05 03 00 ff 80'), ['binary 00ff80'])
check('an empty text message', fromHex('04 00'), ['text '])
check('empty fragments around a ping', fromHex('85 00 80 01 aa 02 00 00 00'), ['control 9 ', 'binary aa'])
check('126 bytes', concat([fromHex('04 7e 00 7e'), bytes('x'.repeat(126))]), [`text ${'x'.repeat(126)}`])
test('64 KiB', () => {
  const payload = new Uint8Array(65536).fill(7)
  const wire = concat([fromHex('05 7f 00 00 00 00 00 01 00 00'), payload])
  const events = [`binary ${toHex(payload)}`]
  for (const cut of [0, 1, 2, 5, 9, 10, 11, 30_000])
    assert.deepEqual(decode(codec, [wire.slice(0, cut), wire.slice(cut)]).events, events)
  assert.deepEqual(codec.frame(2, true, payload, 0, payload.length), wire)
})

// The rows of the checklist, as far as they have a meaning here.
refuses('W1: a set RSV4, which is the mask bit later', '04 85', '1002 ERR_WS_RESERVED_BIT')
for (const first of ['44', '24', '14', 'c4', '42', '41', '11', '40', '75'])
  refuses(`W2: first byte ${first}`, first, '1002 ERR_WS_RESERVED_BIT')
test('W2: RSV1 is reserved even when a host asks for compression', () => {
  const events = ['fail 1002 ERR_WS_RESERVED_BIT']
  assert.deepEqual(decode(codec, [fromHex('44 00')], { compression: true }).events, events)
})
for (let opcode = 6; opcode < 16; opcode++) {
  const digits = opcode.toString(16)
  refuses(`W3: opcode ${opcode}`, `0${digits}`, '1002 ERR_WS_OPCODE')
  refuses(`W3: opcode ${opcode}, MORE`, `8${digits}`, '1002 ERR_WS_OPCODE')
}
for (const first of ['1', '2', '3']) {
  refuses(`W4: opcode ${first}, MORE`, `8${first}`, '1002 ERR_WS_CONTROL_FRAGMENTED')
  refuses(`W4: opcode ${first} of 126 bytes`, `0${first} 7e`, '1002 ERR_WS_CONTROL_TOO_LARGE')
}
refuses('W5: a continuation of nothing', '00', '1002 ERR_WS_CONTINUATION_UNEXPECTED')
refuses('W5: a first continuation of nothing', '80', '1002 ERR_WS_CONTINUATION_UNEXPECTED')
refuses('W5: text inside a message', '84 01 61 04', '1002 ERR_WS_CONTINUATION_MISSING')
refuses('W8: text that is not UTF-8', '04 05 61 ff', '1007 ERR_WS_TEXT_INVALID')
refuses('W8: a character cut by the end', '84 01 e2 00 01 82', '1007 ERR_WS_TEXT_INVALID')
const small = { maxMessageBytes: 130, maxFrames: 3 }
refuses('W9: a length over the limit', '04 7e 00 83', '1009 ERR_WS_MESSAGE_TOO_LARGE', small)
refuses('W9: over it in two frames', '85 01 aa 00 7e 00 82', '1009 ERR_WS_MESSAGE_TOO_LARGE', small)
refuses('W10: the top bit of a length', '04 7f 80', '1002 ERR_WS_LENGTH_INVALID')
refuses('W10: over 2^53', '04 7f 00 20', '1009 ERR_WS_MESSAGE_TOO_LARGE')
refuses('W11: a length that is not minimal', '04 7e 00 7d', '1002 ERR_WS_LENGTH_NOT_MINIMAL')
refuses('W14: too many frames', '84 00 80 00 80 00 80', '1008 ERR_WS_TOO_MANY_FRAMES', small)
check('W17: data after a close frame is dropped', fromHex('01 00'), ['control 8 '])

test('frames, which nobody masks', () => {
  const hello = bytes('Hello')
  assert.equal(toHex(codec.frame(1, true, hello, 0, 5, KEY)), '040548656c6c6f')
  assert.equal(toHex(codec.frame(1, false, hello, 0, 3)), '840348656c')
  assert.equal(toHex(codec.frame(0, true, hello, 3, 5)), '00026c6f')
  assert.equal(toHex(codec.frame(2, true, hello, 0, 0)), '0500')
  assert.equal(toHex(codec.frame(9, true, hello, 0, 5)), '020548656c6c6f')
  assert.equal(toHex(codec.frame(10, true, hello, 0, 5)), '030548656c6c6f')
  assert.equal(toHex(codec.frame(8, true, bytes('\x03\xe8'), 0, 2)), '0100')
  assert.equal(toHex(codec.header(1, true, 126, KEY)), '047e007e')
  assert.equal(toHex(codec.header(0, false, 5)), '8005')
  assert.equal(codec.trailer.length, 0)
  assert.throws(() => codec.frame(3, true, hello, 0, 5), { code: 'ERR_WS_OPCODE' })
  assert.throws(() => codec.frame(9, false, hello, 0, 5), { code: 'ERR_WS_CONTROL_FRAGMENTED' })
  assert.throws(() => codec.header(9, true, 126), { code: 'ERR_WS_CONTROL_TOO_LARGE' })
  for (const compressed of [
    () => codec.header(1, true, 5, undefined, true),
    () => codec.frame(1, true, hello, 0, 5, 0, true),
  ])
    assert.throws(compressed, { code: 'ERR_WS_RESERVED_BIT' })
})

test('W18: close carries nothing, and is checked all the same', () => {
  assert.equal(toHex(codec.close()), '0100')
  assert.equal(toHex(codec.close(1000, 'bye', KEY)), '0100')
  assert.throws(() => codec.close(1005), { code: 'ERR_WS_CLOSE_CODE' })
  assert.throws(() => codec.close(1000, 'x'.repeat(124)), { code: 'ERR_WS_CONTROL_TOO_LARGE' })
})

test('5,000 damaged inputs from seed 3: cuts make no difference', (t) => {
  t.diagnostic('seed 3')
  const random = new Random(3)
  const corpus = [
    '84 03 48 65 6c 02 01 70 00 02 6c 6f 05 03 00 ff 80 01 00',
    `04 7e 00 80 ${'c3a9'.repeat(64)} 03 00 84 02 e2 82 80 00 00 01 ac`,
    '04 00 85 00 00 00 02 05 48 65 6c 6c 6f 01 02 03 e8',
  ].map(fromHex)
  const options = { maxMessageBytes: 100, maxFrames: 4 }
  const outcomes = new Set<string>()
  for (let input = 0; input < 5000; input++) {
    const data = mutate(random, corpus)
    const whole = decode(codec, [data.slice()], options)
    for (const chunks of [byteByByte(data), cutAtRandom(random, data)])
      assert.deepEqual(decode(codec, chunks, options), whole, `input ${input}: ${toHex(data)}`)
    outcomes.add(whole.events.at(-1)?.replace(/^(text|binary).*$/, '$1') ?? '')
  }
  assert.ok(outcomes.size > 8, [...outcomes].join())
})
