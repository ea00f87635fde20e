/** Rows W28 to W30 of the checklist: what waits for a listener, and what a peer can cost in time and memory. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Checked, open } from './support/checked.ts'
import { encode, handshake, more, ping, text } from './support/frames.ts'
import { bytes, concat } from './support/splits.ts'
import { turn } from './support/wire.ts'

const MASK = 0x3d21fa37

test('W28 frames glued to the handshake, before a listener exists: delivered in order', async () => {
  const frames = [text('one'), text('t', false), ping(), more('wo'), text('three')].map((one) =>
    encode(one, MASK),
  )
  const peer = new Checked({}, true, false).send(concat([bytes(handshake()), ...frames]))
  await peer.upgraded()
  await turn()
  peer.send(encode(text('four'), MASK))
  await turn()
  peer.listen()
  await peer.until(() => peer.messages.length >= 4, 'all are delivered')
  peer.send(encode(text('five'), MASK))
  await peer.until(() => peer.messages.length >= 5, 'what follows is delivered')
  assert.deepEqual(peer.messages, ['one', 'two', 'three', 'four', 'five'])
})

test('W28 what waits for a listener is bounded', async () => {
  const peer = new Checked({}, true, false).send(handshake())
  await peer.upgraded()
  const message = encode(text('x'.repeat(64 * 1024)), MASK)
  for (let count = 0; count < 512 && !peer.wire.destroyed; count++) {
    peer.send(message)
    await turn()
    if (peer.wire.isPaused()) break
  }
  assert.ok(peer.wire.isPaused() || peer.wire.destroyed, '32 MiB were taken without anybody to take them')
  peer.wire.destroy()
})

/** Lists that make a parser that backtracks, or looks back, take the square of their length. */
const HOSTILE = [
  'a,'.repeat(32_768),
  ','.repeat(65_536),
  `a${' '.repeat(65_000)}b`,
  `a${'\t'.repeat(65_000)},`,
  'permessage-deflate;'.repeat(3400),
  'permessage-deflate,'.repeat(3400),
  'permessage-deflate; server_max_window_bits=99,'.repeat(1400),
  `permessage-deflate; a="${'\\"'.repeat(32_000)}`,
  `x; ${'a="b";'.repeat(10_000)}`,
  Array.from({ length: 10_000 }, (_, index) => `p${index}`).join(','),
  `${'a'.repeat(65_000)},`,
]

test('W29 64 KiB of adversarial header list: linear time', async () => {
  const options = { headLimit: 256 * 1024 }
  for (const name of ['Sec-WebSocket-Extensions', 'Sec-WebSocket-Protocol', 'Connection', 'Upgrade']) {
    for (const list of HOSTILE) {
      const peer = new Checked(options, false)
      const request = handshake(`${name}: ${list}\r\n`)
      const start = process.cpuUsage()
      peer.send(request)
      await peer.until(() => peer.head !== '' || peer.wire.ended, 'it is answered')
      const { user, system } = process.cpuUsage(start)
      assert.ok(user + system < 250_000, `${name}: ${list.slice(0, 30)}… took ${user + system} µs`)
      peer.wire.destroy()
    }
  }
})

function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
}

test('W30 small messages out of a large chunk do not keep it', async () => {
  const kept: Buffer[] = []
  const peer = await open()
  peer.server.on('message', (message) => kept.push(message as Buffer))
  const chunk = Buffer.alloc(64 * 1024)
  for (let at = 0; at + 26 < chunk.length; at += 26)
    encode(text('twenty bytes of text'), MASK).copy(chunk, at)
  peer.wire.push(chunk.subarray(0, chunk.length - (chunk.length % 26)))
  await peer.until(() => kept.length > 2000, 'the messages are there')
  for (const message of kept) assert.notEqual(message.buffer, chunk.buffer)
})

/** A slab of pings with, last, a piece of a message, pushed to a peer. */
function pushSlab(wire: { push(chunk: Buffer): boolean }): WeakRef<ArrayBufferLike> {
  const slab = Buffer.allocUnsafeSlow(64 * 1024)
  const filler = encode(ping(Buffer.alloc(125)), MASK)
  const piece = encode(text('a piece', false), MASK)
  let end = 0
  for (; end + filler.length + piece.length <= slab.length; end += filler.length) filler.copy(slab, end)
  piece.copy(slab, end)
  wire.push(slab.subarray(0, end + piece.length))
  return new WeakRef(slab.buffer)
}

test('W30 a small piece that is held does not keep the chunk it came in', async () => {
  const peers = await Promise.all(Array.from({ length: 20 }, () => open()))
  const slabs = peers.map(({ wire }) => pushSlab(wire))
  await turn()
  for (let round = 0; round < 5; round++) {
    await new Promise((resolve) => setTimeout(resolve, 1))
    collectGarbage()
  }
  // The codec keeps one view, over the latest chunk, for the whole process.
  assert.ok(slabs.filter((slab) => slab.deref() !== undefined).length <= 1, 'slabs are still held')
  for (const peer of peers) {
    peer.send(encode(more(' and another'), MASK))
    await peer.until(() => peer.messages.length === 1, 'the message is delivered')
    assert.deepEqual(peer.messages, ['a piece and another'])
  }
})
