import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type DecoderOptions,
  encodeFrame,
  FAILURES,
  FrameDecoder,
  MessageAssembler,
} from '../src/ws-codec/index.ts'
import { bytes, concat, everySplit, feed } from './support/splits.ts'

const KEY = 0x3d21fa37

interface Reading {
  events: string[]
  /** Bytes consumed: where it failed, if it did. */
  consumed: number
}

function read(chunks: Uint8Array[], options?: DecoderOptions): Reading {
  const events: string[] = []
  const assembler = new MessageAssembler({
    message: (chunk, start, end, isText) => {
      const data = Buffer.from(chunk.subarray(start, end))
      events.push(isText ? `text ${data.toString()}` : `binary ${data.toString('hex')}`)
    },
  })
  const decoder = new FrameDecoder(
    {
      data: (...piece) => assembler.data(...piece),
      control: (opcode, chunk, start, end) =>
        events.push(`control ${opcode} ${Buffer.from(chunk.subarray(start, end)).toString('hex')}`),
      fail: (closeCode, code) => events.push(`fail ${closeCode} ${code}`),
    },
    options,
  )
  const left = feed(decoder, chunks)
  return { events, consumed: concat(chunks).length - left.length }
}

function hex(digits: string): Uint8Array {
  return Uint8Array.from(Buffer.from(digits.replaceAll(' ', ''), 'hex'))
}

/** A masked frame; the first byte as it goes out. */
function frame(firstByte: number, payload: Uint8Array | string, key: number = KEY): Uint8Array {
  const data = typeof payload === 'string' ? Uint8Array.from(Buffer.from(payload)) : payload
  const encoded = encodeFrame(0, false, data, 0, data.length, key)
  encoded[0] = firstByte
  return encoded
}

function frames(...parts: Uint8Array[]): Uint8Array {
  return concat(parts)
}

const GOOD = frame(0x81, 'ok')

/** Runs whole, byte by byte and at every split; alone, behind a good message and with bytes behind it. */
function check(name: string, wire: Uint8Array, events: string[], options?: DecoderOptions): void {
  test(name, () => {
    const alone = everySplit(wire, (chunks) => read(chunks, options))
    assert.deepEqual(alone, { events, consumed: wire.length })
    const failed = events.at(-1)?.startsWith('fail') === true
    const closed = events.at(-1)?.startsWith('control 8') === true
    if (options?.role === 'client') return
    const surrounded = everySplit(frames(GOOD, wire, GOOD), (chunks) => read(chunks, options))
    assert.deepEqual(surrounded, {
      events: ['text ok', ...events, ...(failed || closed ? [] : ['text ok'])],
      consumed: GOOD.length + wire.length + (failed ? 0 : GOOD.length),
    })
  })
}

/** `wire` must fail at its last byte. */
function refuses(name: string, wire: Uint8Array, failure: string, options?: DecoderOptions): void {
  check(name, wire, [`fail ${failure}`], options)
  const code = failure.split(' ')[1]!
  test(`${name}: ${code} has a message`, () => assert.match(FAILURES.get(code) ?? '', /^Cannot .*[^.]$/))
}

// RFC 6455 §5.7
check('§5.7: a masked text message', hex('81 85 37 fa 21 3d 7f 9f 4d 51 58'), ['text Hello'])
check('§5.7: a masked pong', hex('8a 85 37 fa 21 3d 7f 9f 4d 51 58'), ['control 10 48656c6c6f'])
check('§5.7: an unmasked text message', hex('81 05 48 65 6c 6c 6f'), ['text Hello'], { role: 'client' })
check('§5.7: a fragmented text message', hex('01 03 48 65 6c 80 02 6c 6f'), ['text Hello'], {
  role: 'client',
})
check('§5.7: an unmasked ping', hex('89 05 48 65 6c 6c 6f'), ['control 9 48656c6c6f'], { role: 'client' })
for (const length of [256, 65536]) {
  const payload = new Uint8Array(length).map((_, index) => index)
  test(`§5.7: ${length} bytes of binary, both roles, cut in places`, () => {
    for (const key of [undefined, KEY]) {
      const wire = encodeFrame(2, true, payload, 0, length, key)
      assert.equal(wire.length, length + (length === 256 ? 4 : 10) + (key === undefined ? 0 : 4))
      for (const cut of [0, 1, 2, 3, 4, 9, 10, 11, 13, 14, 15, 100, 203, length - 1]) {
        const chunks = [wire.slice(0, cut), wire.slice(cut)]
        const { events } = read(chunks, { role: key === undefined ? 'client' : 'server' })
        assert.deepEqual(events, [`binary ${Buffer.from(payload).toString('hex')}`], `cut at ${cut}`)
      }
    }
  })
}

// What is allowed.
check('an empty text message', frame(0x81, ''), ['text '])
check('an empty binary message', frame(0x82, ''), ['binary '])
check('a message of empty frames', frames(frame(0x01, ''), frame(0x00, ''), frame(0x80, '')), ['text '])
check('empty frames around text', frames(frame(0x01, ''), frame(0x00, 'ab'), frame(0x80, '')), ['text ab'])
check(
  'control frames inside a message',
  frames(frame(0x01, 'a'), frame(0x89, 'p'), frame(0x8a, ''), frame(0x80, 'b')),
  ['control 9 70', 'control 10 ', 'text ab'],
)
check(
  'a character cut by a frame, and by a ping with bytes that are not text',
  frames(frame(0x01, bytes('\xe2\x82')), frame(0x89, bytes('\xff')), frame(0x80, bytes('\xac'))),
  ['control 9 ff', 'text €'],
)
for (const length of [124, 125, 126, 127, 200]) {
  const payload = 'x'.repeat(length)
  check(`text of ${length} bytes`, frame(0x81, payload), [`text ${payload}`])
}
check('text of 130 bytes that is not ASCII', frame(0x81, 'é'.repeat(65)), [`text ${'é'.repeat(65)}`])
check('a ping of 125 bytes', frame(0x89, 'x'.repeat(125)), [`control 9 ${'78'.repeat(125)}`])
check('a masking key of zeros', frame(0x81, 'zero', 0), ['text zero'])
check('a masking key with its top bits set', frame(0x81, 'top', 0xfedcba98 | 0), ['text top'])

// W1
refuses('W1: an unmasked frame to a server', hex('81 05'), '1002 ERR_WS_MASK_MISSING')
refuses('W1: an unmasked ping to a server', hex('89 00'), '1002 ERR_WS_MASK_MISSING')
refuses('W1: a masked frame to a client', hex('81 85'), '1002 ERR_WS_MASK_UNEXPECTED', { role: 'client' })

// W2
for (const firstByte of [0xc1, 0xa1, 0x91, 0xf1, 0xc2, 0xc8, 0xc9, 0xca, 0x41, 0xc0]) {
  const name = `W2: first byte ${firstByte.toString(16)}`
  refuses(name, Uint8Array.of(firstByte), '1002 ERR_WS_RESERVED_BIT')
}
test('W2: RSV1 on a continuation frame', () => {
  const wire = frames(frame(0x01, 'a'), hex('c0'))
  assert.deepEqual(everySplit(wire, read).events, ['fail 1002 ERR_WS_RESERVED_BIT'])
})

// W3
for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
  refuses(`W3: opcode ${opcode}`, Uint8Array.of(0x80 | opcode), '1002 ERR_WS_OPCODE')
  refuses(`W3: opcode ${opcode} without FIN`, Uint8Array.of(opcode), '1002 ERR_WS_OPCODE')
}

// W4
for (const opcode of [8, 9, 10]) {
  refuses(`W4: opcode ${opcode} without FIN`, Uint8Array.of(opcode), '1002 ERR_WS_CONTROL_FRAGMENTED')
  const long = Uint8Array.of(0x80 | opcode, 0xfe)
  refuses(`W4: opcode ${opcode} of more than 125 bytes`, long, '1002 ERR_WS_CONTROL_TOO_LARGE')
  refuses(
    `W4: opcode ${opcode}, 64-bit length`,
    Uint8Array.of(0x80 | opcode, 0xff),
    '1002 ERR_WS_CONTROL_TOO_LARGE',
  )
}

// W5
refuses('W5: a continuation of nothing', hex('80'), '1002 ERR_WS_CONTINUATION_UNEXPECTED')
refuses('W5: a first continuation of nothing', hex('00'), '1002 ERR_WS_CONTINUATION_UNEXPECTED')
for (const firstByte of [0x81, 0x01, 0x82, 0x02]) {
  const wire = frames(frame(0x01, 'a'), Uint8Array.of(firstByte))
  refuses(
    `W5: first byte 0${firstByte.toString(16)} inside a message`,
    wire,
    '1002 ERR_WS_CONTINUATION_MISSING',
  )
}
test('W5: a continuation after the message has ended', () => {
  const wire = frames(frame(0x01, 'a'), frame(0x80, 'b'), frame(0x80, 'c'))
  const events = ['text ab', 'fail 1002 ERR_WS_CONTINUATION_UNEXPECTED']
  assert.deepEqual(everySplit(wire, read), { events, consumed: wire.length - 6 })
})

// W6, W7
function close(code: number, reason = ''): Uint8Array {
  return frame(0x88, frames(Uint8Array.of(code >>> 8, code & 0xff), bytes(reason)))
}
check('W6: a close frame without a code', frame(0x88, ''), ['control 8 '])
refuses('W6: a close payload of 1 byte', hex('88 81'), '1002 ERR_WS_CLOSE_LENGTH')
for (const code of [
  1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
]) {
  check(`W6: close code ${code}`, close(code), [`control 8 ${code.toString(16).padStart(4, '0')}`])
}
for (const code of [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]) {
  refuses(`W6: close code ${code}`, close(code), '1002 ERR_WS_CLOSE_CODE')
}
check('W7: a close reason', close(1000, '\xc3\xa9!'), ['control 8 03e8c3a921'])
refuses('W7: a close reason that is not UTF-8', close(1000, 'a\xff'), '1007 ERR_WS_CLOSE_REASON')
refuses(
  'W7: a close reason that ends inside a character',
  close(1000, 'a\xe2\x82'),
  '1007 ERR_WS_CLOSE_REASON',
)
check('W7: a close frame of 125 bytes', close(1000, 'r'.repeat(123)), [`control 8 03e8${'72'.repeat(123)}`])
test('W7: a close reason is judged for itself, inside a message that is cut inside a character', () => {
  const wire = frames(frame(0x01, bytes('\xe2\x82')), close(1000, '\xc3\xa9'))
  assert.deepEqual(everySplit(wire, read).events, ['control 8 03e8c3a9'])
})
test('W7: a bad reason fails at its first bad byte', () => {
  const wire = close(1000, 'a\xffbcd')
  assert.equal(everySplit(wire, read).consumed, wire.length - 3)
})

// W8
const invalidTexts: [name: string, text: string, good: number][] = [
  ['a lone continuation byte', 'a\x80b', 1],
  ['an overlong slash', '\xc0\xaf', 0],
  ['a surrogate', 'ab\xed\xa0\x80', 3],
  ['above U+10FFFF', '\xf4\x90\x80\x80', 1],
  ['an impossible byte', 'abc\xffdef', 3],
  ['a character broken off', '\xe2\x82a', 2],
  ['behind 200 bytes of ASCII', 'x'.repeat(200) + '\xc0', 200],
  ['in the middle of 300 bytes', 'x'.repeat(150) + '\xfe' + 'x'.repeat(149), 150],
]
for (const [name, invalid, good] of invalidTexts) {
  test(`W8: ${name}: fails at byte ${good} of the text, at every split`, () => {
    const wire = frame(0x81, bytes(invalid))
    const header = wire.length - invalid.length
    const events = ['fail 1007 ERR_WS_TEXT_INVALID']
    assert.deepEqual(everySplit(wire, read), { events, consumed: header + good + 1 })
  })
  test(`W8: ${name}: across fragments`, () => {
    for (let cut = 0; cut <= invalid.length; cut += invalid.length > 50 ? 37 : 1) {
      const wire = frames(frame(0x01, bytes(invalid.slice(0, cut))), frame(0x80, bytes(invalid.slice(cut))))
      const headers = good < cut ? 6 + (cut > 125 ? 2 : 0) : wire.length - invalid.length
      assert.deepEqual(everySplit(wire, read), {
        events: ['fail 1007 ERR_WS_TEXT_INVALID'],
        consumed: headers + good + 1,
      })
    }
  })
}
refuses('W8: text that ends inside a character', frame(0x81, bytes('a\xe2\x82')), '1007 ERR_WS_TEXT_INVALID')
refuses(
  'W8: a message that ends inside a character, with an empty frame',
  frames(frame(0x01, bytes('a\xe2\x82')), frame(0x80, '')),
  '1007 ERR_WS_TEXT_INVALID',
)
check('W8: binary is never checked', frame(0x82, bytes('\xff\xc0')), ['binary ffc0'])
test('W8: text to a client is checked too', () => {
  const wire = hex('81 03 61 ff 62')
  const reading = everySplit(wire, (chunks) => read(chunks, { role: 'client' }))
  assert.deepEqual(reading, { events: ['fail 1007 ERR_WS_TEXT_INVALID'], consumed: 4 })
})
test('W8: validateText off', () => {
  const wire = frame(0x81, bytes('\xff'))
  const options = { validateText: false }
  assert.deepEqual(everySplit(wire, (chunks) => read(chunks, options)).events, ['text \ufffd'])
})

// W9, W10, W11
const small: DecoderOptions = { maxMessageBytes: 300, maxFrames: 4 }
check('W9: as large as the limit', frame(0x82, new Uint8Array(300)), [`binary ${'00'.repeat(300)}`], small)
refuses(
  'W9: one byte over the limit, at its length',
  hex('82 fe 01 2d'),
  '1009 ERR_WS_MESSAGE_TOO_LARGE',
  small,
)
refuses(
  'W9: over the limit at the first byte of its length',
  hex('82 fe 02'),
  '1009 ERR_WS_MESSAGE_TOO_LARGE',
  small,
)
refuses(
  'W9: over the limit together with the frames before it',
  frames(frame(0x02, new Uint8Array(200)), frame(0x00, ''), hex('80 e5')),
  '1009 ERR_WS_MESSAGE_TOO_LARGE',
  small,
)
check(
  'W9: as large as the limit together',
  frames(frame(0x02, new Uint8Array(200)), frame(0x00, new Uint8Array(99)), frame(0x80, 'x')),
  [`binary ${'00'.repeat(299)}78`],
  small,
)
test('W9: the limit counts anew for each message', () => {
  const message = frames(frame(0x02, new Uint8Array(200)), frame(0x80, new Uint8Array(100)))
  const { events } = read([frames(message, message, message)], small)
  assert.equal(events.length, 3)
})
test('W9: the default limit is 16 MiB', () => {
  assert.deepEqual(read([hex('82 ff 00 00 00 00 01 00 00 01')]).events, [
    'fail 1009 ERR_WS_MESSAGE_TOO_LARGE',
  ])
  assert.deepEqual(read([hex('82 ff 00 00 00 00 01 00 00 00')]).events, [])
})
test('W9: a limit of 0 lets empty messages through, and a length of 1 fails at byte 2', () => {
  const options = { maxMessageBytes: 0 }
  assert.deepEqual(read([frame(0x81, '')], options).events, ['text '])
  assert.deepEqual(read([hex('81 81')], options), {
    events: ['fail 1009 ERR_WS_MESSAGE_TOO_LARGE'],
    consumed: 2,
  })
})
refuses('W10: a 64-bit length with its top bit set', hex('82 ff 80'), '1002 ERR_WS_LENGTH_INVALID')
refuses('W10: a length above 2^53', hex('82 ff 00 20'), '1009 ERR_WS_MESSAGE_TOO_LARGE')
test('W10: the largest limit does not overflow', () => {
  const options = { maxMessageBytes: Number.MAX_SAFE_INTEGER }
  const largest = everySplit(hex('82 ff 00 1f ff ff ff ff ff ff'), (chunks) => read(chunks, options))
  assert.deepEqual(largest.events, [])
  const over = everySplit(hex('82 ff 00 20 00 00 00 00 00 00'), (chunks) => read(chunks, options))
  assert.deepEqual(over.events, ['fail 1009 ERR_WS_MESSAGE_TOO_LARGE'])
  const second = hex('00 ff 00 1f ff ff ff ff ff ff')
  const together = everySplit(frames(frame(0x02, 'x'), second), (chunks) => read(chunks, options))
  assert.deepEqual(together.events, ['fail 1009 ERR_WS_MESSAGE_TOO_LARGE'])
})
for (const wire of [
  '82 fe 00 00',
  '82 fe 00 7d',
  '81 fe 00 05',
  '82 ff 00 00 00 00 00 00 00 7e',
  '82 ff 00 00 00 00 00 00 ff ff',
]) {
  refuses(`W11: ${wire}`, hex(wire), '1002 ERR_WS_LENGTH_NOT_MINIMAL')
}
check('W11: 126 in 16 bits', frame(0x82, new Uint8Array(126)), [`binary ${'00'.repeat(126)}`])

// W14
check(
  'W14: as many frames as the limit',
  frames(frame(0x01, 'a'), frame(0x00, ''), frame(0x00, ''), frame(0x80, 'b')),
  ['text ab'],
  small,
)
refuses(
  'W14: one frame more, empty ones counted',
  frames(frame(0x01, 'a'), frame(0x00, ''), frame(0x00, ''), frame(0x00, ''), hex('80')),
  '1008 ERR_WS_TOO_MANY_FRAMES',
  small,
)
test('W14: the default limit is 131,072 frames', () => {
  const wire = new Uint8Array(131_072 * 6)
  for (let at = 0; at < wire.length; at += 6) wire.set([at === 0 ? 0x01 : 0x00, 0x80], at)
  assert.deepEqual(read([wire]).events, [])
  assert.deepEqual(read([wire, hex('80')]).events, ['fail 1008 ERR_WS_TOO_MANY_FRAMES'])
})

// W17
test('W17: what follows a close frame is dropped', () => {
  for (const rest of [GOOD, hex('ff ff'), frame(0x88, '')]) {
    const wire = frames(close(1000), rest)
    assert.deepEqual(everySplit(wire, read), { events: ['control 8 03e8'], consumed: wire.length })
  }
})

test('a failed decoder consumes and reports nothing more', () => {
  const seen: string[] = []
  const decoder = new FrameDecoder({
    data: () => seen.push('data'),
    control: () => seen.push('control'),
    fail: (closeCode) => seen.push(`fail ${closeCode}`),
  })
  const wire = frames(hex('83'), GOOD)
  assert.equal(decoder.push(wire, 0, wire.length), 1)
  assert.equal(decoder.failed, true)
  assert.equal(decoder.push(wire, 1, wire.length), 1)
  assert.deepEqual(seen, ['fail 1002'])
})

test('pieces: reported where they lie, with flags and what is to come', () => {
  const pieces: unknown[] = []
  const sink = {
    data: (_: Uint8Array, start: number, end: number, opcode: number, flags: number, rest: number) =>
      pieces.push([start, end, opcode, flags, rest]),
    control: () => assert.fail(),
    fail: () => assert.fail(),
  }
  const wire = frames(frame(0x02, 'abc'), frame(0x00, ''), frame(0x80, 'defgh'), frame(0x81, 'x'))
  const decoder = new FrameDecoder(sink)
  decoder.push(wire, 0, 8)
  decoder.push(wire, 8, 23)
  decoder.push(wire, 23, wire.length)
  assert.deepEqual(pieces, [
    [6, 8, 2, 1, -1],
    [8, 9, 2, 0, -1],
    [21, 23, 2, 0, 3],
    [23, 26, 2, 2, 0],
    [32, 33, 1, 3, 0],
  ])
  assert.equal(Buffer.from(wire.subarray(21, 26)).toString(), 'defgh')
})

test('pause stops behind the report at hand, resume goes on from there', () => {
  const wire = frames(
    frame(0x81, 'one'),
    frame(0x89, ''),
    frame(0x01, 'two'),
    frame(0x80, ''),
    close(1000),
    GOOD,
  )
  for (let size = 1; size <= wire.length; size++) {
    const seen: string[] = []
    const stop = (name: string) => {
      seen.push(name)
      decoder.pause()
    }
    const decoder: FrameDecoder = new FrameDecoder({
      data: (chunk, start, end) => stop(Buffer.from(chunk.subarray(start, end)).toString()),
      control: (opcode) => stop(`control ${opcode}`),
      fail: () => assert.fail(),
    })
    const copy = wire.slice()
    for (let at = 0; at < copy.length; at += size) {
      const end = Math.min(at + size, copy.length)
      let pos = at
      while (pos < end) {
        const reports = seen.length
        pos = decoder.push(copy, pos, end)
        assert.ok(seen.length <= reports + 1, 'one report a push')
        if (decoder.paused) assert.equal(decoder.push(copy, pos, end), pos, 'paused, it consumes nothing')
        decoder.resume()
      }
    }
    assert.equal(seen.join('').replaceAll(/[^a-z0-9]/g, ''), 'onecontrol9twocontrol8')
  }
})

test('options out of range are refused', () => {
  const sink = { data: () => assert.fail(), control: () => assert.fail(), fail: () => assert.fail() }
  for (const options of [
    { maxMessageBytes: -1 },
    { maxMessageBytes: Number.NaN },
    { maxMessageBytes: Number.POSITIVE_INFINITY },
    { maxFrames: 0 },
    { maxFrames: 1.5 },
  ]) {
    assert.throws(() => new FrameDecoder(sink, options), { name: 'WebSocketError', code: 'ERR_WS_OPTION' })
  }
})

/** xorshift32: the same seed, the same run. */
function generator(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

function randomFrames(random: (below: number) => number, count: number): Uint8Array {
  const parts: Uint8Array[] = []
  let open = false
  for (let index = 0; index < count; index++) {
    if (random(10) === 0) {
      parts.push(frame(random(2) === 0 ? 0x89 : 0x8a, randomText(random, random(30))))
      continue
    }
    const fin = random(3) !== 0
    const length = random(20) === 0 ? random(1000) : random(140)
    parts.push(
      frame((fin ? 0x80 : 0) | (open ? 0 : 1 + random(2)), randomText(random, length), random(2 ** 32) | 0),
    )
    open = !fin
  }
  return frames(...parts)
}

const ALPHABET = ['a', 'b', ' ', 'é', '€', '😀', '\n', '~']
function randomText(random: (below: number) => number, length: number): string {
  const wide = random(2)
  return Array.from({ length }, () => ALPHABET[wide === 0 ? random(3) : random(ALPHABET.length)]).join('')
}

const SEED = Number(process.env.SEED ?? 20260101)

test(`10,000 random frames, whole and in pieces, read alike (SEED=${SEED})`, () => {
  const random = generator(SEED)
  for (let run = 0; run < 100; run++) {
    const wire = randomFrames(random, 100)
    const whole = read([wire.slice()])
    assert.equal(whole.consumed, wire.length)
    const singles = Array.from(wire, (byte) => Uint8Array.of(byte))
    assert.deepEqual(read(singles), whole, `run ${run}, byte by byte`)
    const pieces: Uint8Array[] = []
    for (let at = 0; at < wire.length; ) {
      const size = 1 + random(300)
      pieces.push(wire.slice(at, at + size))
      at += size
    }
    assert.deepEqual(read(pieces), whole, `run ${run}, in pieces`)
  }
})

test(`damaged frames fail alike, whole and byte by byte (SEED=${SEED})`, () => {
  const random = generator(SEED + 1)
  const failures = new Set<string>()
  for (let run = 0; run < 1000; run++) {
    const wire = randomFrames(random, 4)
    for (let damage = random(3); damage >= 0; damage--) wire[random(wire.length)] = random(256)
    const whole = read([wire.slice()], small)
    failures.add(whole.events.at(-1)?.slice(0, 9) ?? '')
    assert.deepEqual(
      read(
        Array.from(wire, (byte) => Uint8Array.of(byte)),
        small,
      ),
      whole,
      `run ${run}`,
    )
  }
  for (const failure of ['fail 1002', 'fail 1007', 'fail 1009']) assert.ok(failures.has(failure), failure)
})
