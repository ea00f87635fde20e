import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { deflateRawSync, constants as zlib } from 'node:zlib'
import { type InflateError, MessageInflater } from '../src/node/websocket/compression.ts'
import { ZlibPool } from '../src/node/websocket/zlib-pool.ts'
import { negotiateDeflate, withoutDeflateTail } from '../src/ws-codec/handshake/permessage-deflate.ts'
import { bytes } from './support/splits.ts'

const MIB = 1024 * 1024

function inflater(takeover: boolean = false, messageLimit: number = 16 * MIB): MessageInflater {
  const settings = { serverTakeover: takeover, clientTakeover: takeover }
  const agreement = negotiateDeflate('permessage-deflate', settings)!
  return new MessageInflater(agreement, 'server', { messageLimit }, new ZlibPool(2))
}

function deflated(message: Uint8Array, dictionary?: Buffer): Uint8Array {
  const options = { finishFlush: zlib.Z_SYNC_FLUSH }
  return withoutDeflateTail(deflateRawSync(message, dictionary ? { ...options, dictionary } : options))
}

/** Streams a payload in pieces of `size`; the bytes of each are overwritten once it was given. */
function stream(
  target: MessageInflater,
  payload: Uint8Array,
  size: number = 1000,
): Promise<{ error: InflateError | undefined; message: Buffer }> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    const pieces = target.stream({
      output: (chunk) => chunks.push(chunk) > 0,
      ended: (error) => resolve({ error, message: Buffer.concat(chunks) }),
    })
    const next = (at: number) => {
      const end = Math.min(payload.length, at + size)
      const chunk = Buffer.concat([bytes('...'), payload.subarray(at, end)])
      pieces.push(chunk, 3, chunk.length, end === payload.length, () => next(end))
      chunk.fill(0xdd)
    }
    next(0)
  })
}

const hello = Buffer.from('f248cdc9c90700', 'hex')

test('pieces of every size', async () => {
  for (const message of [bytes(''), bytes('Hello'), randomBytes(3000), Buffer.alloc(100_000, 'abc')]) {
    const payload = deflated(message)
    for (const size of [1, 2, 7, 500, 1_000_000]) {
      const { error, message: out } = await stream(inflater(), payload, size)
      assert.equal(error, undefined)
      assert.ok(out.equals(message), `${message.length} bytes in pieces of ${size}`)
    }
  }
})

test('a payload of no bytes is taken for the empty message', async () => {
  const none = Buffer.alloc(0)
  assert.deepEqual(await stream(inflater(), none), { error: undefined, message: none })
})

test('takeover goes on over streamed and whole messages', async () => {
  const target = inflater(true)
  const first = randomBytes(40_000)
  const streamed = await stream(target, deflated(first))
  assert.deepEqual([streamed.error, streamed.message.length], [undefined, first.length])
  assert.ok(streamed.message.equals(first))
  const recent = first.subarray(-32_768)
  const second = deflated(first.subarray(20_000, 21_000), recent)
  assert.ok(second.length < 100)
  assert.ok((await stream(target, second)).message.equals(first.subarray(20_000, 21_000)))
  const window = Buffer.concat([recent.subarray(1000), first.subarray(20_000, 21_000)])
  const third = deflated(first.subarray(30_000, 30_500), window)
  assert.ok(third.length < 100)
  const whole = await new Promise<Buffer>((resolve) => {
    target.inflate(third, 0, third.length, (_, message) => resolve(message))
  })
  assert.ok(whole.equals(first.subarray(30_000, 30_500)))
})

test('BFINAL anywhere, cut anywhere (§7.2.3.4)', async () => {
  const parts = [bytes('Hel'), randomBytes(40), bytes('lo')]
  const message = Buffer.concat(parts)
  const payload = Buffer.concat([...parts.map((part) => deflateRawSync(part)), Buffer.of(0)])
  for (const each of [payload, payload.subarray(0, -1)]) {
    for (let size = 1; size <= each.length; size++) {
      const { error, message: out } = await stream(inflater(), each, size)
      assert.deepEqual([error, out], [undefined, message], `pieces of ${size}`)
    }
  }
  const across = Buffer.concat([
    deflateRawSync(parts[1]!),
    deflateRawSync(parts[1]!, { dictionary: parts[1]! }),
  ])
  assert.ok(across.length < 60)
  const twice = Buffer.concat([parts[1]!, parts[1]!])
  assert.ok((await stream(inflater(), Buffer.concat([across, Buffer.of(0)]), 10)).message.equals(twice))
  const flood = Buffer.concat(Array.from({ length: 100 }, () => Buffer.of(3, 0)))
  assert.equal((await stream(inflater(), flood)).error, 'corrupt')
})

test('W13: what is no DEFLATE data, or is cut', async () => {
  const good = deflated(randomBytes(5000))
  for (const payload of [
    bytes('Hello'),
    good.subarray(0, -20),
    Buffer.concat([good, Buffer.of(0xff, 0xff)]),
  ]) {
    for (const size of [1, 1000, 10_000]) {
      const target = inflater()
      assert.equal((await stream(target, payload, size)).error, 'corrupt')
      // It is dead.
      target.inflate(hello, 0, hello.length, () => assert.fail('answered'))
    }
  }
})

test('W12: the limit ends it mid-stream', async () => {
  const target = inflater(false, 100_000)
  assert.equal((await stream(target, deflated(Buffer.alloc(100_000)))).message.length, 100_000)
  const { error, message } = await stream(target, deflated(Buffer.alloc(16 * MIB)))
  assert.equal(error, 'tooLarge')
  assert.ok(message.length <= 100_000)
})

test('no more is inflated than is wanted', async () => {
  const payload = deflated(Buffer.alloc(8 * MIB))
  let total = 0
  let ended = false
  const pieces = inflater().stream({
    output: (chunk) => {
      total += chunk.length
      return false
    },
    ended: (error) => {
      assert.equal(error, undefined)
      ended = true
    },
  })
  pieces.push(payload, 0, payload.length, true, () => assert.fail('the last piece ends the message'))
  while (total === 0) await new Promise((resolve) => setTimeout(resolve, 1))
  await new Promise((resolve) => setTimeout(resolve, 30))
  assert.ok(total <= 64 * 1024, `${total} bytes`)
  while (!ended) {
    pieces.resume()
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.equal(total, 8 * MIB)
})

test('what is given up tells nothing more', async () => {
  const payload = deflated(randomBytes(100_000))
  const fail = () => assert.fail('told')
  const pieces = inflater().stream({ output: fail, ended: fail })
  pieces.push(payload, 0, payload.length, false, fail)
  pieces.close()
  pieces.push(payload, 0, payload.length, true, fail)
  pieces.resume()
  await new Promise((resolve) => setTimeout(resolve, 30))
})
