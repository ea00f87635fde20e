import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  COMPRESSED,
  codecOf,
  encodeFrame,
  FIRST,
  FrameDecoder,
  isVersion,
  LAST,
  VERSIONS,
} from '../src/ws-codec/index.ts'
import { decode, fromHex, toHex } from './support/decoding.ts'
import { bytes, concat, everySplit, feed } from './support/splits.ts'

const hello = bytes('Hello')
const KEY = 0x3d21fa37

test('every version has a codec of its name', () => {
  assert.deepEqual(
    VERSIONS.map((version) => codecOf(version).version),
    ['13', '8', '7', 'hybi-03', 'hixie-76', 'hixie-75'],
  )
  for (const name of ['toString', '__proto__', '', '03', '76', 'HYBI-03']) assert.ok(!isVersion(name), name)
  assert.ok(VERSIONS.every(isVersion))
})

test('what each version has', () => {
  const has = VERSIONS.map((version) => {
    const { hasBinary, hasPing, hasClose, hasCloseCodes, masked } = codecOf(version)
    return [hasBinary, hasPing, hasClose, hasCloseCodes, masked].map(Number).join('')
  })
  assert.deepEqual(has, ['11111', '11111', '11111', '11100', '00100', '00000'])
})

test('versions 7, 8 and 13 have the frames of RFC 6455', () => {
  for (const version of ['13', '8', '7'] as const) {
    const codec = codecOf(version)
    assert.deepEqual(codec.frame(1, true, hello, 0, 5, KEY), encodeFrame(1, true, hello, 0, 5, KEY))
    assert.equal(toHex(codec.header(1, true, 5)), '8105')
    assert.equal(toHex(codec.header(2, false, 126, KEY)), '02fe007e37fa213d')
    assert.equal(toHex(codec.close(1000)), '880203e8')
    assert.equal(codec.trailer.length, 0)
    assert.deepEqual(decode(codec, [fromHex('81 85 37 fa 21 3d 7f 9f 4d 51 58')]).events, ['text Hello'])
    assert.deepEqual(decode(codec, [fromHex('81 05')]).events, ['fail 1002 ERR_WS_MASK_MISSING'])
  }
})

test('what one end of a version frames, the other reads', () => {
  for (const version of VERSIONS) {
    const codec = codecOf(version)
    for (const role of ['server', 'client'] as const) {
      const key = role === 'server' && codec.masked ? KEY : undefined
      const wire = concat([
        codec.frame(1, true, hello, 0, 5, key),
        codec.frame(1, false, hello, 0, 2, key),
        ...(codec.hasPing ? [codec.frame(9, true, hello, 0, 1, key)] : []),
        codec.frame(0, true, hello, 2, 5, key),
        ...(codec.hasBinary ? [codec.frame(2, true, hello, 1, 3, key)] : []),
        codec.close(1000, 'x', key),
      ])
      const events = [
        'text Hello',
        ...(codec.hasPing ? ['control 9 48'] : []),
        'text Hello',
        ...(codec.hasBinary ? ['binary 656c'] : []),
        ...(codec.hasClose ? [codec.hasCloseCodes ? 'control 8 03e878' : 'control 8 '] : []),
      ]
      const run = (chunks: Uint8Array[]) => decode(codec, chunks, { role }).events
      assert.deepEqual(everySplit(wire, run), events, `${version}, ${role}`)
    }
  }
})

/** The pieces of a compressed message, and the flags that they came with. */
function pieces(chunks: Uint8Array[], options: object): string[] {
  const seen: string[] = []
  let payload = ''
  let flagged = 0
  const decoder = new FrameDecoder(
    {
      data: (chunk, start, end, opcode, flags) => {
        if ((flags & FIRST) !== 0) flagged = flags & COMPRESSED
        assert.equal(flags & COMPRESSED, flagged, 'every piece of a message has the same mark')
        payload += toHex(chunk.slice(start, end))
        if ((flags & LAST) === 0) return
        seen.push(`${opcode}${flagged === 0 ? '' : ' compressed'} ${payload}`)
        payload = ''
      },
      control: (opcode) => seen.push(`control ${opcode}`),
      fail: (closeCode, code) => seen.push(`fail ${closeCode} ${code}`),
    },
    options,
  )
  feed(decoder, chunks)
  return seen
}

test('RFC 7692 §6: RSV1 marks the messages that are compressed', () => {
  const deflated = fromHex('ff fe 00')
  const wire = concat([
    encodeFrame(1, true, deflated, 0, 3, KEY, true),
    encodeFrame(1, true, hello, 0, 5, KEY),
    encodeFrame(1, false, deflated, 0, 1, KEY, true),
    encodeFrame(9, true, hello, 0, 0, KEY),
    encodeFrame(0, false, deflated, 1, 1, KEY),
    encodeFrame(0, true, deflated, 1, 3, KEY),
    encodeFrame(2, true, deflated, 0, 0, KEY, true),
    encodeFrame(2, false, deflated, 0, 1, KEY),
    encodeFrame(0, true, deflated, 1, 3, KEY),
  ])
  const run = (chunks: Uint8Array[]) => pieces(chunks, { compression: true })
  const expected = [
    '1 compressed fffe00',
    '1 48656c6c6f',
    'control 9',
    '1 compressed fffe00',
    '2 compressed ',
    '2 fffe00',
  ]
  assert.deepEqual(everySplit(wire, run), expected)
  assert.deepEqual(
    everySplit(wire, (chunks) => pieces(chunks, {})),
    ['fail 1002 ERR_WS_RESERVED_BIT'],
  )
})

test('W2: with compression, RSV1 stays reserved on other frames, and RSV2 and RSV3 on all', () => {
  for (const first of [0xc8, 0xc9, 0xca, 0xc0, 0x40, 0xa1, 0x91, 0xe1, 0xd2, 0x61]) {
    const events = everySplit(Uint8Array.of(first), (chunks) => pieces(chunks, { compression: true }))
    assert.deepEqual(events, ['fail 1002 ERR_WS_RESERVED_BIT'], first.toString(16))
  }
  const continued = concat([encodeFrame(1, false, hello, 0, 1, KEY, true), fromHex('c0')])
  assert.deepEqual(
    everySplit(continued, (chunks) => pieces(chunks, { compression: true })),
    ['fail 1002 ERR_WS_RESERVED_BIT'],
  )
  const unknown = everySplit(fromHex('c3'), (chunks) => pieces(chunks, { compression: true }))
  assert.equal(unknown.length, 1)
  const nested = concat([encodeFrame(1, false, hello, 0, 1, KEY), fromHex('c1')])
  assert.deepEqual(
    everySplit(nested, (chunks) => pieces(chunks, { compression: true })),
    ['fail 1002 ERR_WS_CONTINUATION_MISSING'],
  )
})

test('W9: the limit counts compressed bytes as they come', () => {
  const wire = encodeFrame(1, true, hello, 0, 5, KEY, true)
  const run = (limit: number) => (chunks: Uint8Array[]) =>
    pieces(chunks, { compression: true, maxMessageBytes: limit })
  assert.deepEqual(everySplit(wire, run(5)), ['1 compressed 48656c6c6f'])
  assert.deepEqual(everySplit(wire, run(4)), ['fail 1009 ERR_WS_MESSAGE_TOO_LARGE'])
})

test('frames that are marked as compressed', () => {
  const codec = codecOf('13')
  assert.equal(toHex(codec.frame(1, true, hello, 0, 5, undefined, true)), 'c10548656c6c6f')
  assert.equal(toHex(codec.header(2, false, 5, undefined, true)), '4205')
  for (const opcode of [0, 8, 9, 10]) {
    assert.throws(() => codec.frame(opcode, true, hello, 0, 5, undefined, true), {
      code: 'ERR_WS_RESERVED_BIT',
    })
    assert.throws(() => codec.header(opcode, true, 5, undefined, true), { code: 'ERR_WS_RESERVED_BIT' })
  }
})
