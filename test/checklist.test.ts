/** Rows W1 to W18 of the checklist: what a hostile or careless WebSocket peer sends in frames, and what it gets. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateRawSync, constants as zlib } from 'node:zlib'
import { everyDelivery, fails, growthOf, open } from './support/checked.ts'
import { closeCode, closing, encode, frame, more, Opcode, ping, text } from './support/frames.ts'
import { concat } from './support/splits.ts'
import { turn } from './support/wire.ts'

const KEY = 0x3d21fa37
const sent = (...frames: ReturnType<typeof frame>[]) => concat(frames.map((one) => encode(one, KEY)))

const DEFLATE = 'Sec-WebSocket-Extensions: permessage-deflate\r\n'
const COMPRESSED = 4

/** A message as permessage-deflate has it (RFC 7692 §7.2.1). */
function deflated(message: string | Uint8Array): Uint8Array {
  return deflateRawSync(message, { finishFlush: zlib.Z_SYNC_FLUSH }).subarray(0, -4)
}

for (const version of ['7', '8', '13']) {
  test(`W1 unmasked client frame of version ${version}: 1002`, async () => {
    await fails(encode(text('A')), { code: 1002, error: /ERR_WS_MASK_MISSING/, version })
    await fails(encode(ping()), { code: 1002, error: /ERR_WS_MASK_MISSING/, version })
  })
}

test('W2 RSV bit with no negotiated meaning: 1002', async () => {
  for (const rsv of [1, 2, 3, 4, 5, 6, 7]) {
    await fails(sent(frame(Opcode.text, 'x', true, rsv)), { code: 1002, error: /ERR_WS_RESERVED_BIT/ })
  }
})

test('W2 RSV1 on a control or continuation frame, although negotiated: 1002', async () => {
  const fault = { code: 1002, error: /ERR_WS_RESERVED_BIT/, fields: DEFLATE }
  for (const opcode of [Opcode.ping, Opcode.pong, Opcode.close]) {
    await fails(sent(frame(opcode, '', true, COMPRESSED)), fault)
  }
  await fails(sent(text('a', false), frame(Opcode.continuation, 'b', true, COMPRESSED)), fault)
  for (const rsv of [1, 2, 5]) await fails(sent(frame(Opcode.text, 'x', true, rsv)), fault)
})

test('W3 opcode 3 to 7 and 11 to 15: 1002', async () => {
  for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
    await fails(sent(frame(opcode, 'x')), { code: 1002, error: /ERR_WS_OPCODE/ })
  }
})

test('W4 control frame with FIN=0 or over 125 bytes: 1002', async () => {
  for (const opcode of [Opcode.close, Opcode.ping, Opcode.pong]) {
    await fails(sent(frame(opcode, '', false)), { code: 1002, error: /ERR_WS_CONTROL_FRAGMENTED/ })
    const long = encode(frame(opcode, Buffer.alloc(126)), KEY).subarray(0, 12)
    await fails(long, { code: 1002, error: /ERR_WS_CONTROL_TOO_LARGE/ })
  }
})

test('W5 continuation with nothing open, new data frame inside a message: 1002', async () => {
  await fails(sent(more('x')), { code: 1002, error: /ERR_WS_CONTINUATION_UNEXPECTED/ })
  await fails(sent(more('x', false)), { code: 1002, error: /ERR_WS_CONTINUATION_UNEXPECTED/ })
  for (const opcode of [Opcode.text, Opcode.binary]) {
    await fails(sent(text('a', false), frame(opcode, 'b')), {
      code: 1002,
      error: /ERR_WS_CONTINUATION_MISSING/,
    })
  }
})

test('W6 close payload of 1 byte, code that must not be sent: 1002', async () => {
  await fails(sent(frame(Opcode.close, 'x')), { code: 1002, error: /ERR_WS_CLOSE_LENGTH/ })
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535]) {
    await fails(sent(closing(code)), { code: 1002, error: /ERR_WS_CLOSE_CODE/ })
  }
  for (const code of [1000, 1003, 1007, 1014, 3000, 4999]) {
    const peer = await open()
    peer.send(sent(closing(code)))
    await peer.until(() => peer.wire.ended, 'the server ends its side')
    assert.equal(peer.close, code)
    assert.deepEqual(peer.errors, [])
  }
})

test('W7 close reason not UTF-8: 1007', async () => {
  for (const reason of ['ff', 'c3', '61c080', 'eda080', '6162f4908080']) {
    await fails(sent(closing(1000, Buffer.from(reason, 'hex'))), { code: 1007, error: /ERR_WS_CLOSE_REASON/ })
  }
})

const NOT_TEXT: [name: string, frames: ReturnType<typeof frame>[]][] = [
  ['in one frame', [text(Buffer.from('6162f4908080', 'hex'))]],
  ['in the second fragment', [text('ab', false), more(Buffer.from('c0', 'hex'), false), more('z')]],
  ['across fragments', [text(Buffer.from('61e2', 'hex'), false), ping(), more(Buffer.from('28a1', 'hex'))]],
  [
    'across fragments, cut at the end',
    [text(Buffer.from('e2', 'hex'), false), more(Buffer.from('82', 'hex'))],
  ],
]

for (const [name, frames] of NOT_TEXT) {
  test(`W8 text not UTF-8 ${name}: 1007, at every split`, () =>
    fails(sent(...frames), { code: 1007, error: /ERR_WS_TEXT_INVALID/ }))
}

test('W8 text not UTF-8: at the first invalid byte, at every cut before it', async () => {
  const invalid = encode(text(Buffer.from('c3a9e282acf4908080', 'hex')), KEY)
  const proven = 6 + 7
  for (let cut = 1; cut < proven; cut++) {
    const peer = await open()
    for (const chunk of [invalid.subarray(0, cut), invalid.subarray(cut, proven - 1)]) peer.send(chunk)
    await turn()
    assert.equal(peer.close, undefined, `cut at ${cut}: nothing is proven yet`)
    peer.send(invalid.subarray(proven - 1, proven))
    await turn()
    assert.equal(peer.close, 1007, `cut at ${cut}: at once, with two bytes of the frame still to come`)
    peer.wire.destroy()
  }
})

/** A header with a 64-bit length, masked, without its payload. */
function longHeader(length: bigint, opcode: number = Opcode.binary): Buffer {
  const header = Buffer.alloc(14)
  header[0] = 0x80 | opcode
  header[1] = 0xff
  header.writeBigUInt64BE(length, 2)
  return header
}

test('W9 declared length over the limit: 1009 before anything is allocated', async () => {
  const fault = { code: 1009, error: /ERR_WS_MESSAGE_TOO_LARGE/ }
  const grown = await growthOf(async () => {
    await fails(longHeader(16n * 1024n * 1024n + 1n), fault)
    await fails(longHeader(2n ** 40n), fault)
  })
  assert.ok(grown < 4 * 1024 * 1024, `${grown} bytes`)
  const fragments = [text('x'.repeat(60), false), more('x'.repeat(60))]
  await fails(sent(...fragments), { ...fault, options: { messageLimit: 100 } })
  await fails(encode(text('x'.repeat(126)), KEY).subarray(0, 8), { ...fault, options: { messageLimit: 125 } })
})

test('W10 64-bit length with its top bit set: 1002; over 2^53-1: 1009', async () => {
  await fails(longHeader(2n ** 63n), { code: 1002, error: /ERR_WS_LENGTH_INVALID/ })
  await fails(longHeader(2n ** 63n + 5n), { code: 1002, error: /ERR_WS_LENGTH_INVALID/ })
  for (const length of [2n ** 53n, 2n ** 53n + 1n, 2n ** 62n, 2n ** 63n - 1n]) {
    await fails(longHeader(length), { code: 1009, error: /ERR_WS_MESSAGE_TOO_LARGE/ })
    const options = { messageLimit: Number.POSITIVE_INFINITY }
    await fails(longHeader(length), { code: 1009, error: /ERR_WS_MESSAGE_TOO_LARGE/, options })
  }
})

test('W11 length not minimally encoded: 1002', async () => {
  for (const length of [0, 1, 125]) {
    const short = Buffer.from([0x82, 0xfe, 0, length, 0, 0, 0, 0])
    await fails(short, { code: 1002, error: /ERR_WS_LENGTH_NOT_MINIMAL/ })
  }
  for (const length of [0n, 125n, 126n, 65_535n]) {
    await fails(longHeader(length), { code: 1002, error: /ERR_WS_LENGTH_NOT_MINIMAL/ })
  }
})

test('W12 inflated size over the limit: 1009, inflating stops mid-stream', async () => {
  const bomb = deflated(Buffer.alloc(256 * 1024 * 1024))
  const peer = await open({ messageLimit: 1024 * 1024 }, DEFLATE)
  const bytes = encode(frame(Opcode.binary, bomb, true, COMPRESSED), KEY)
  const grown = await growthOf(async () => {
    peer.send(bytes)
    await peer.until(() => peer.wire.ended, 'the server ends its side')
  })
  assert.equal(peer.close, 1009)
  assert.deepEqual(peer.errors, ['ERR_WS_MESSAGE_TOO_LARGE'])
  assert.deepEqual(peer.messages, [])
  assert.ok(grown < 32 * 1024 * 1024, `${grown} bytes of a message of 256 MiB`)
  peer.wire.destroy()
  const small = frame(Opcode.text, deflated('x'.repeat(5000)), true, COMPRESSED)
  await fails(sent(small), { code: 1009, fields: DEFLATE, options: { messageLimit: 4999 } })
})

test('W13 inflate error: 1007', async () => {
  const fault = { code: 1007, error: /ERR_WS_COMPRESSION_INVALID/, fields: DEFLATE }
  for (const garbage of ['ff', '07', 'ffffffffff', '040506']) {
    await fails(sent(frame(Opcode.text, Buffer.from(garbage, 'hex'), true, COMPRESSED)), fault)
  }
  const cut = deflated('a message that is long enough to be cut in the middle').subarray(0, 20)
  await fails(sent(frame(Opcode.binary, cut, true, COMPRESSED)), fault)
})

test('W13 inflated text not UTF-8: 1007', async () => {
  const latin1 = frame(Opcode.text, deflated(Uint8Array.of(0x61, 0xff)), true, COMPRESSED)
  await fails(sent(latin1), { code: 1007, error: /ERR_WS_TEXT_INVALID/, fields: DEFLATE })
})

test('W14 fragments over the count limit, empty ones counted: 1008', async () => {
  const fault = { code: 1008, error: /ERR_WS_TOO_MANY_FRAMES/, options: { frameLimit: 4 } }
  const empty = Array.from({ length: 4 }, () => more('', false))
  await fails(sent(text('', false), ...empty), fault)
  await fails(sent(text('a', false), ...empty.map(() => more('b', false))), fault)
  await everyDelivery(
    sent(text('a', false), more('b', false), more('', false), more('c')),
    () => open({ frameLimit: 4 }),
    async (peer, how) => {
      await peer.until(() => peer.frames.length === 1, 'the message comes back')
      assert.deepEqual(peer.messages, ['abc'], how)
    },
  )
})

test('W15 pings while the peer does not read: only the newest is owed a pong', async () => {
  const peer = await open()
  peer.wire.block()
  peer.send(sent(text('x'.repeat(64 * 1024))))
  await peer.until(() => peer.wire.writableNeedDrain, 'the peer is behind')
  const waiting = peer.wire.writableLength
  for (let count = 0; count < 2000; count++) peer.send(sent(ping(`ping ${count}`)))
  await turn()
  assert.equal(peer.wire.writableLength, waiting, 'no pong waits in line')
  peer.wire.unblock()
  await peer.until(() => peer.frames.length > 1, 'a pong has come')
  await turn()
  assert.deepEqual(
    peer.frames.slice(1).map(({ payload }) => String(payload)),
    ['ping 1999'],
  )
})

test('W15 a peer that never reads is cut', async () => {
  const peer = await open({ writeLimit: 256 * 1024 })
  peer.wire.block()
  const flood = sent(text('x'.repeat(60 * 1024)), ping('p'))
  for (let count = 0; count < 40 && !peer.wire.destroyed; count++) {
    peer.send(flood)
    await turn()
  }
  await peer.until(() => peer.wire.destroyed || peer.wire.isPaused(), 'the peer is cut or not read from')
  assert.ok(peer.wire.writableLength <= 512 * 1024, `${peer.wire.writableLength} bytes wait`)
  assert.deepEqual(peer.errors, ['ERR_WRITE_LIMIT'])
  assert.equal(peer.wire.destroyed, true)
})

test('W16 idle: ping, then 1001, then cut', async () => {
  const peer = await open({ pingInterval: 40, idleTimeout: 150, closeTimeout: 40 })
  await peer.until(() => peer.wire.destroyed, 'the peer is cut')
  assert.equal(peer.frames[0]!.opcode, Opcode.ping)
  assert.equal(peer.close, 1001)
  assert.deepEqual(peer.errors, ['ERR_IDLE_TIMEOUT'])
})

test('W16 a close that is not answered: cut at the close timeout, whatever else is sent', async () => {
  const peer = await open({ closeTimeout: 60 })
  peer.clients[0]!.writer.close(1000)
  await peer.until(() => peer.close === 1000, 'the close frame has come')
  const chatter = setInterval(() => peer.wire.destroyed || peer.send(sent(text('still here'))), 5)
  await peer.until(() => peer.wire.destroyed, 'the peer is cut').finally(() => clearInterval(chatter))
})

test('W16 a peer that keeps its side open behind our close: cut at the close timeout', async () => {
  const peer = await open({ closeTimeout: 60 })
  peer.send(sent(closing(1000)))
  await peer.until(() => peer.wire.ended, 'the server ends its side')
  assert.equal(peer.wire.destroyed, false)
  await peer.until(() => peer.wire.destroyed, 'the peer is cut')
})

test('W17 data after a close frame: dropped', () =>
  everyDelivery(
    sent(closing(1000), text('late'), ping('late'), frame(3), closing(1001)),
    () => open(),
    async (peer, how) => {
      await peer.until(() => peer.wire.ended, `the server ends its side, delivered ${how}`)
      assert.deepEqual(peer.frames.map(closeCode), [1000])
      assert.deepEqual([peer.messages, peer.errors], [[], []])
    },
  ))

test('W18 the application sends an oversized reason or a forbidden code: throws before a byte goes out', async () => {
  const peer = await open()
  const { writer } = peer.clients[0]!
  const before = peer.wire.answered
  const wrong: [number, string][] = [
    ...[0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_536, -1, 1000.5, Number.NaN].map(
      (code): [number, string] => [code, ''],
    ),
    [1000, 'x'.repeat(124)],
    [1000, '€'.repeat(42)],
  ]
  for (const [code, reason] of wrong) {
    assert.throws(() => writer.close(code, reason), { code: /^ERR_WS_/ }, `${code} ${reason.length}`)
  }
  await turn()
  assert.equal(peer.wire.answered, before)
  assert.equal(writer.ended, false)
  writer.close(1000, '€'.repeat(41))
  await peer.until(() => peer.close === 1000, 'the close frame has come')
})
