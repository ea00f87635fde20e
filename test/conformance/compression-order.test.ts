/** Beyond the suite: what comes behind a compressed message does not overtake the answer to it, or lose it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deflateRawSync, constants as zlib } from 'node:zlib'
import { open } from '../support/checked.ts'
import { closing, encode, type Frame, frame, Opcode, ping, text } from '../support/frames.ts'
import { concat } from '../support/splits.ts'

const MASK = 0x11223344
const COMPRESSED = 4
const OFFER = 'Sec-WebSocket-Extensions: permessage-deflate\r\n'
/** Small ones are worked on at once, large ones off the main thread. */
const SIZES = [100, 2_000, 16_000, 300_000]

function compressed(size: number): Frame {
  const flushed = deflateRawSync(Buffer.alloc(size, 'abcdefghij0123456789'), {
    finishFlush: zlib.Z_SYNC_FLUSH,
  })
  return frame(Opcode.text, flushed.subarray(0, -4), true, COMPRESSED)
}

for (const size of SIZES) {
  describe(`a compressed message of ${size} octets`, () => {
    const message = compressed(size)

    test('and a close: the message is answered, then the close (as 7.1.6)', async () => {
      for (const first of [message, text(Buffer.alloc(size, 'x'))]) {
        const peer = await open({}, OFFER)
        peer.send(concat([first, closing(1000)].map((one) => encode(one, MASK))))
        await peer.until(() => peer.wire.ended, 'the server ends its side')
        assert.deepEqual(
          peer.messages.map(({ length }) => length),
          [size],
        )
        assert.deepEqual(
          peer.frames.map(({ opcode }) => opcode),
          [Opcode.text, Opcode.close],
        )
        peer.wire.destroy()
      }
    })

    test('and FIN: the message is delivered', async () => {
      const peer = await open({}, OFFER)
      peer.send(encode(message, MASK))
      peer.wire.push(null)
      await peer.until(() => peer.wire.destroyed, 'the connection is closed')
      assert.deepEqual(
        peer.messages.map(({ length }) => length),
        [size],
      )
      assert.deepEqual(peer.errors, [])
    })

    test('and more messages: all are answered, in order', async () => {
      const peer = await open({}, OFFER)
      const behind = [ping('p'), compressed(10), text('plain'), compressed(5_000)]
      peer.send(concat([message, ...behind].map((one) => encode(one, MASK))))
      await peer.until(() => peer.frames.length === 5, 'all have come back')
      assert.deepEqual(
        peer.messages.map(({ length }) => length),
        [size, 10, 5, 5_000],
      )
      const answers = peer.frames.filter(({ opcode }) => opcode !== Opcode.pong)
      assert.deepEqual(
        answers.slice(1, 3).map(({ rsv, payload }) => [rsv, payload.length]),
        [
          [0, 10],
          [0, 5],
        ],
      )
      peer.wire.destroy()
    })
  })
}
