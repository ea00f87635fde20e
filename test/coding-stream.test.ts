import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { createGunzip, createGzip, gunzipSync, gzipSync, constants as zlib } from 'node:zlib'
import { CodingStream, type StreamTarget } from '../src/node/http/coding/coding-stream.ts'
import { type Work, ZlibPool } from '../src/node/websocket/zlib-pool.ts'
import { bytes } from './support/splits.ts'
import { allClosed } from './support/zlib-streams.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

class Target implements StreamTarget {
  readonly told: string[] = []
  readonly chunks: Buffer[] = []

  output(chunk: Buffer): void {
    this.chunks.push(chunk)
  }

  worked(): void {
    this.told.push('worked')
  }

  ended(): void {
    this.told.push('ended')
  }

  failed(failure: string): void {
    this.told.push(failure)
  }

  async until(count: number): Promise<void> {
    while (this.told.length < count) await turn()
  }
}

const flushing = () => createGzip({ flush: zlib.Z_SYNC_FLUSH })

function give(stream: CodingStream, text: string): void {
  const chunk = bytes(`...${text}...`)
  stream.give(chunk, 3, 3 + text.length)
  chunk.fill(0xdd)
}

afterEach(async () => {
  await allClosed()
})

test('what is given before it begins is gathered, and shown when the zlib stream is made', async () => {
  const shown: string[] = []
  const target = new Target()
  const stream = new CodingStream(
    new ZlibPool(1),
    (first) => {
      shown.push(Buffer.from(first).toString())
      return flushing()
    },
    target,
  )
  for (const text of ['one ', 'two ', '', 'three']) give(stream, text)
  assert.equal(Buffer.from(stream.input).toString(), 'one two three')
  assert.deepEqual([stream.waiting, stream.begun, shown], [13, false, []])
  stream.begin()
  stream.begin()
  assert.deepEqual([stream.waiting, stream.begun, shown], [13, true, ['one two three']])
  await target.until(1)
  assert.deepEqual([stream.waiting, stream.input.length], [0, 0])
  give(stream, '!')
  stream.giveLast()
  stream.giveLast(bytes('too late'))
  give(stream, 'too late')
  await target.until(3)
  assert.deepEqual(target.told, ['worked', 'worked', 'ended'])
  assert.equal(shown.length, 1)
  assert.equal(gunzipSync(Buffer.concat(target.chunks)).toString(), 'one two three!')
})

test('it has a place just while it works', async () => {
  const pool = new ZlibPool(1)
  const nothing: Work = { start() {} }
  const target = new Target()
  const stream = new CodingStream(pool, flushing, target)
  stream.begin()
  assert.deepEqual([pool.working, pool.waiting], [0, 0])
  pool.enter(nothing)
  give(stream, 'one')
  give(stream, 'two')
  assert.deepEqual([pool.working, pool.waiting, stream.waiting], [1, 1, 6])
  pool.leave(nothing)
  assert.deepEqual([pool.working, pool.waiting], [1, 0])
  await target.until(1)
  assert.deepEqual([pool.working, pool.waiting, stream.waiting], [0, 0, 0])
  pool.enter(nothing)
  give(stream, 'three')
  stream.close()
  assert.deepEqual([pool.working, pool.waiting, stream.waiting], [1, 0, 0])
  pool.leave(nothing)
  assert.equal(pool.working, 0)
})

test('two that share a place take turns', async () => {
  const pool = new ZlibPool(1)
  const targets = [new Target(), new Target()]
  const order: number[] = []
  const streams = targets.map((target, index) => {
    target.worked = () => order.push(index)
    const stream = new CodingStream(pool, flushing, target)
    stream.begin()
    return stream
  })
  for (let round = 0; round < 3; round++) {
    for (const stream of streams) give(stream, 'x'.repeat(1000))
    while (order.length < round * 2 + 2) await turn()
  }
  assert.deepEqual(order, [0, 1, 0, 1, 0, 1])
  for (const stream of streams) stream.close()
})

test('the last bytes alone are not copied', async () => {
  const target = new Target()
  const stream = new CodingStream(new ZlibPool(1), flushing, target)
  const last = Buffer.alloc(100_000, 'abc')
  stream.giveLast(last)
  assert.equal(stream.input.buffer, last.buffer)
  stream.begin()
  await target.until(1)
  assert.deepEqual(target.told, ['ended'])
  assert.ok(gunzipSync(Buffer.concat(target.chunks)).equals(last))
})

test('why it failed', async () => {
  const coded = gzipSync('hello')
  const rows: [input: Buffer, failure: string][] = [
    [coded.subarray(0, -1), 'truncated'],
    [Buffer.concat([coded, Buffer.of(0)]), 'corrupt'],
    [Buffer.from('hello'), 'corrupt'],
  ]
  for (const [input, failure] of rows) {
    const pool = new ZlibPool(1)
    const target = new Target()
    const stream = new CodingStream(pool, () => createGunzip(), target)
    stream.begin()
    stream.giveLast(input)
    await target.until(1)
    stream.giveLast()
    stream.begin()
    await turn()
    assert.deepEqual(target.told, [failure])
    assert.deepEqual([stream.waiting, pool.working], [0, 0])
  }
  assert.equal(await allClosed(), 3)
})

test('one that is closed is never begun', async () => {
  const pool = new ZlibPool(1)
  const stream = new CodingStream(pool, () => assert.fail('made'), new Target())
  give(stream, 'one')
  stream.close()
  stream.close()
  stream.begin()
  give(stream, 'two')
  stream.giveLast()
  assert.deepEqual([stream.waiting, stream.input.length, stream.begun, pool.working], [0, 0, false, 0])
})
