/** The causes behind published advisories that concern WebSocket, by name. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateRawSync, constants as zlib } from 'node:zlib'
import { Checked, growthOf, open } from './support/checked.ts'
import { encode, frame, handshake, more, Opcode, ping, text } from './support/frames.ts'
import { hixie75 } from './support/old-handshakes.ts'
import { concat } from './support/splits.ts'
import { turn } from './support/wire.ts'

const MASK = 0x0badcafe
const MIB = 1024 * 1024
const COMPRESSED = 4

test('inflate bombs past the size limit: in one frame, in fragments, and as text', async () => {
  const bomb = deflateRawSync(Buffer.alloc(128 * MIB, 0x20), { finishFlush: zlib.Z_SYNC_FLUSH }).subarray(
    0,
    -4,
  )
  const half = bomb.length >> 1
  const bombs = [
    [frame(Opcode.binary, bomb, true, COMPRESSED)],
    [frame(Opcode.text, bomb, true, COMPRESSED)],
    [frame(Opcode.binary, bomb.subarray(0, half), false, COMPRESSED), more(bomb.subarray(half))],
  ]
  for (const frames of bombs) {
    const peer = await open({ messageLimit: MIB }, 'Sec-WebSocket-Extensions: permessage-deflate\r\n')
    const bytes = concat(frames.map((one) => encode(one, MASK)))
    const grown = await growthOf(async () => {
      peer.send(bytes)
      await peer.until(() => peer.wire.ended, 'the server ends its side')
    })
    assert.equal(peer.close, 1009)
    assert.deepEqual(peer.messages, [])
    assert.ok(grown < 24 * MIB, `${grown} bytes of 128 MiB`)
    peer.wire.destroy()
  }
})

test('tiny-fragment memory floods', async () => {
  const peer = await open({ frameLimit: 50_000 })
  peer.send(encode(text('', false), MASK))
  const piece = encode(more('x', false), MASK)
  const chunk = concat(Array.from({ length: 1000 }, () => piece))
  const heap = process.memoryUsage().heapUsed
  const grown = await growthOf(async () => {
    for (let count = 0; count < 60 && peer.close === undefined; count++) {
      peer.send(chunk)
      await turn()
    }
  })
  assert.equal(peer.close, 1008)
  assert.ok(grown < 8 * MIB, `${grown} bytes of 50 KB`)
  assert.ok(process.memoryUsage().heapUsed - heap < 32 * MIB)
})

test('tiny chunks of one large message', async () => {
  const peer = await open()
  const message = encode(text('x'.repeat(256 * 1024)), MASK)
  const heap = process.memoryUsage().heapUsed
  const grown = await growthOf(async () => {
    for (let at = 0; at < message.length; at++) peer.send(message.subarray(at, at + 1))
    await peer.until(() => peer.frames.length === 1, 'the message comes back')
  })
  assert.equal(peer.messages[0]!.length, 256 * 1024)
  assert.ok(grown < 16 * MIB, `${grown} bytes of array buffers`)
  assert.ok(process.memoryUsage().heapUsed - heap < 64 * MIB)
})

test('unread-socket ping floods', async () => {
  const peer = await open()
  peer.wire.block()
  peer.send(encode(text('x'.repeat(64 * 1024)), MASK))
  await peer.until(() => peer.wire.writableNeedDrain, 'the peer is behind')
  const waiting = peer.wire.writableLength
  const flood = concat(Array.from({ length: 500 }, () => encode(ping(Buffer.alloc(125)), MASK)))
  for (let count = 0; count < 100; count++) peer.send(flood)
  await turn()
  assert.equal(peer.wire.writableLength, waiting)
})

test('extension and protocol names from Object.prototype', async () => {
  for (const name of Object.getOwnPropertyNames(Object.prototype)) {
    const fields = `Sec-WebSocket-Extensions: ${name}; ${name}=1\r\nSec-WebSocket-Protocol: ${name}\r\n`
    const peer = await open({ protocols: ['chat'] }, fields)
    assert.equal(/sec-websocket-(extensions|protocol)/i.test(peer.head), false, name)
    peer.wire.destroy()
    const refused = new Checked({}, false).send(handshake('', name))
    await refused.refused()
    assert.equal(refused.status, 426, name)
  }
})

test('header count overflow dropping Upgrade', async () => {
  const many = Array.from({ length: 2000 }, (_, index) => `X-${index}: y\r\n`).join('')
  for (const before of [many, '']) {
    const behind = before === '' ? many : ''
    const request = handshake()
      .replace('Connection:', `${before}Connection:`)
      .replace(/\r\n\r\n$/, `\r\n${behind}\r\n`)
    const peer = new Checked({ headLimit: 64 * 1024 }, false).send(request)
    await peer.refused()
    assert.equal(peer.status, 431)
    assert.deepEqual(peer.clients, [])
  }
})

test('uninitialised memory in a close reason', async () => {
  for (const reason of [100, 123, { length: 50 }, new ArrayBuffer(40), Symbol.iterator, true]) {
    const peer = await open()
    const before = peer.wire.answered
    try {
      peer.clients[0]!.writer.close(1000, reason as unknown as string)
    } catch {
      await turn()
      assert.equal(peer.wire.answered, before, 'it throws before a byte goes out')
      peer.wire.destroy()
      continue
    }
    await peer.until(() => peer.close === 1000, 'the close frame has come')
    const sent = String(Buffer.from(peer.reader.close!.payload.subarray(2)))
    assert.ok(sent === '' || sent === String(reason), `${String(reason)} became ${JSON.stringify(sent)}`)
    peer.wire.destroy()
  }
})

test('draft-75/76 lengths past 2^53', async () => {
  const peer = await new Checked({}, false).send(hixie75()).upgraded()
  peer.send(Uint8Array.of(0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f))
  await peer.until(() => peer.wire.ended, 'the server ends its side')
  assert.deepEqual(peer.errors, ['ERR_WS_MESSAGE_TOO_LARGE'])
})

test('upgrade with a body used to smuggle', async () => {
  const hidden = handshake('Origin: https://evil.example\r\n')
  const peer = new Checked({}, false)
  peer.send(handshake(`Content-Length: ${hidden.length}\r\n`) + hidden)
  await peer.refused()
  assert.equal(peer.status, 400)
  assert.equal(peer.rest.includes('HTTP/1.1'), false)
  assert.equal(peer.errors.length, 1)
})
