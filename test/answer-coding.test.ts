import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { afterEach, describe, test } from 'node:test'
import { brotliDecompressSync, gunzipSync, constants as zlib } from 'node:zlib'
import { AnswerHead } from '../src/http/index.ts'
import {
  AnswerCoder,
  type CodedSink,
  codedStreams,
  planAnswer,
} from '../src/node/http/coding/answer-coding.ts'
import {
  type AnswerCoding,
  type AnswerCompressionOptions,
  resolveAnswerCompression,
} from '../src/node/http/coding/answer-compression-options.ts'
import { type Work, ZlibPool } from '../src/node/websocket/zlib-pool.ts'
import { allClosed, withoutMemory } from './support/zlib-streams.ts'

const MIB = 1024 * 1024
const CODINGS: AnswerCoding[] = ['br', 'gzip']

const turn = () => new Promise((resolve) => setImmediate(resolve))

function settings(options: AnswerCompressionOptions = {}) {
  return resolveAnswerCompression(options)!
}

function text(length: number): Buffer {
  let lines = ''
  for (let index = 0; lines.length < length; index++) lines += `${index * 7919} bottles of beer on the wall\n`
  return Buffer.from(lines.slice(0, length))
}

function decoded(coding: AnswerCoding, coded: Uint8Array): Buffer {
  return coding === 'br' ? brotliDecompressSync(coded) : gunzipSync(coded)
}

/** What a client can make of the beginning of an answer. */
function decodedSoFar(coding: AnswerCoding, coded: Uint8Array): Buffer {
  return coding === 'br'
    ? brotliDecompressSync(coded, { finishFlush: zlib.BROTLI_OPERATION_FLUSH })
    : gunzipSync(coded, { finishFlush: zlib.Z_SYNC_FLUSH })
}

class Collector implements CodedSink {
  readonly chunks: Uint8Array[] = []
  readonly told: string[] = []

  coded(bytes: Uint8Array): void {
    assert.ok(bytes.length > 0)
    this.chunks.push(bytes)
  }

  codingReady(): void {
    this.told.push('ready')
  }

  codedEnd(): void {
    this.told.push('end')
  }

  codingFailed(): void {
    this.told.push('failed')
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks)
  }

  async until(what: string): Promise<void> {
    while (!this.told.includes(what)) await turn()
  }
}

const deaf: CodedSink = {
  coded: () => assert.fail('told'),
  codingReady: () => assert.fail('told'),
  codedEnd: () => assert.fail('told'),
  codingFailed: () => assert.fail('told'),
}

function whole(
  coding: AnswerCoding,
  bytes: Uint8Array,
  options: AnswerCompressionOptions = {},
  pool?: ZlibPool,
) {
  return new Promise<Uint8Array | undefined>((resolve) => {
    new AnswerCoder(coding, settings(options), deaf, pool ?? new ZlibPool(2)).whole(bytes, resolve)
  })
}

async function idle(coder: AnswerCoder): Promise<void> {
  while (coder.waiting > 0) await turn()
  await turn()
}

afterEach(async () => {
  await allClosed()
  assert.equal(codedStreams(), 0)
})

describe('planAnswer', () => {
  interface Row {
    accept?: string
    length?: number
    status?: number
    fields?: Record<string, string>
    options?: AnswerCompressionOptions
    coding?: AnswerCoding
    vary?: string
  }
  const both = 'gzip, br'
  const vary = 'Accept-Encoding'
  const rows: Row[] = [
    { accept: both, coding: 'br', vary },
    { accept: 'gzip', coding: 'gzip', vary },
    { accept: 'x-gzip', coding: 'gzip', vary },
    { accept: both, options: { codings: ['gzip', 'br'] }, coding: 'gzip', vary },
    { accept: both, options: { codings: ['gzip'] }, coding: 'gzip', vary },
    { accept: 'br', options: { codings: ['gzip'] }, vary },
    { vary },
    { accept: '', vary },
    { accept: 'deflate', vary },
    { accept: 'gzip;q=0, br;q=0', vary },
    { accept: both, length: 1024, coding: 'br', vary },
    { accept: both, length: 1023, vary },
    { accept: both, length: 1023, options: { threshold: 1023 }, coding: 'br', vary },
    { accept: both, length: 1, options: { threshold: 0 }, coding: 'br', vary },
    { accept: both, length: 1e9, options: { threshold: Number.POSITIVE_INFINITY }, vary },
    { accept: both, length: 0, options: { threshold: 0 } },
    { accept: both, length: -1, coding: 'br', vary },
    { accept: both, length: -1, options: { threshold: Number.POSITIVE_INFINITY }, coding: 'br', vary },
    { accept: both, length: -1, options: { streams: 0 }, vary },
    { accept: both, options: { streams: 0 }, coding: 'br', vary },
    { accept: 'gzip, identity;q=0', length: 1, coding: 'gzip', vary },
    { accept: 'gzip, *;q=0', length: 1, coding: 'gzip', vary },
    { accept: 'zstd, identity;q=0', vary },
    { accept: both, status: 204 },
    { accept: both, status: 206 },
    { accept: both, status: 404, coding: 'br', vary },
    { accept: both, fields: { 'Content-Encoding': 'gzip' } },
    { accept: both, fields: { 'Content-Type': 'image/png' } },
    { accept: both, fields: { 'Cache-Control': 'no-transform' } },
    { accept: both, fields: { Vary: 'Origin' }, coding: 'br', vary: 'Origin, Accept-Encoding' },
    { accept: '', fields: { Vary: 'Origin' }, vary: 'Origin, Accept-Encoding' },
  ]
  for (const row of rows) {
    test(JSON.stringify(row), () => {
      const head = new AnswerHead()
      head.status = row.status ?? 200
      for (const [name, value] of Object.entries(row.fields ?? {})) head.setField(name, value)
      const coding = planAnswer(head, row.accept, row.length ?? 5000, settings(row.options))
      assert.equal(coding, row.coding)
      assert.equal(head.getField('vary'), row.vary)
      assert.equal(head.getField('content-encoding'), row.fields?.['Content-Encoding'])
    })
  }
})

/** RFC 7932 §9.1: WBITS of a brotli stream, of those that occur here. */
const windows = new Map([
  ['0100001', 10],
  ['1010001', 13],
  ['0011', 18],
  ['1011', 22],
])

function windowBits(coded: Uint8Array): number | undefined {
  const first = coded[0]!.toString(2).padStart(8, '0')
  return windows.get(first.slice(1)) ?? windows.get(first.slice(4))
}

test('brotli’s window is as large as the answer, up to 4 MiB, and 256 KiB where that is not known', async () => {
  const sizes: [size: number, bits: number][] = [
    [100, 10],
    [5000, 13],
    [3 * MIB, 22],
    [8 * MIB, 22],
  ]
  for (const [size, bits] of sizes) {
    assert.equal(windowBits((await whole('br', Buffer.alloc(size, 'abc')))!), bits, `${size} bytes`)
  }
  const sink = new Collector()
  const coder = new AnswerCoder('br', settings(), sink)
  coder.write(text(100))
  coder.end()
  await sink.until('end')
  assert.equal(windowBits(sink.bytes), 18)
})

for (const coding of CODINGS) {
  describe(`${coding}, an answer at once`, () => {
    test('answers of every size and at every level', async () => {
      for (const size of [100, 1023, 1024, 1025, 16_384, 16_385, 70_000, MIB]) {
        const bytes = text(size)
        const coded = await whole(coding, bytes)
        assert.ok(coded !== undefined && coded.length < size)
        assert.ok(decoded(coding, coded).equals(bytes), `${size} bytes`)
      }
      for (const size of [5000, 50_000]) {
        for (let level = 0; level <= 11; level++) {
          const options = coding === 'br' ? { quality: level } : { level: Math.min(level, 9) }
          const coded = await whole(coding, text(size), options)
          if (coding === 'gzip' && level === 0) assert.equal(coded, undefined)
          else assert.ok(decoded(coding, coded!).equals(text(size)), `level ${level}`)
        }
      }
    })

    test('what gets no smaller goes as it is', async () => {
      for (const size of [0, 1, 10, 1024, 16_384, 16_385, 100_000]) {
        assert.equal(await whole(coding, randomBytes(size)), undefined, `${size} bytes`)
      }
    })

    test('16 KiB are coded where they are, more is not', async () => {
      let told = 0
      const coder = (size: number) => {
        const each = new AnswerCoder(coding, settings(), deaf, new ZlibPool(1))
        each.whole(text(size), () => told++)
        return each
      }
      assert.deepEqual([coder(16_384).waiting, told], [0, 1])
      assert.deepEqual([coder(16_385).waiting, told], [16_385, 1])
      while (told < 2) await turn()
      assert.equal(await allClosed(), 1)
    })

    test('no more are worked on than there are places', async () => {
      const pool = new ZlibPool(2)
      const answers = Array.from({ length: 12 }, (_, index) => text(20_000 + index))
      let most = 0
      const watch = setInterval(() => {
        most = Math.max(most, pool.working)
      }, 1)
      const coded = await Promise.all(answers.map((bytes) => whole(coding, bytes, {}, pool)))
      clearInterval(watch)
      assert.ok(coded.every((each, index) => decoded(coding, each!).equals(answers[index]!)))
      assert.ok(most <= 2)
      assert.deepEqual([pool.working, pool.waiting], [0, 0])
    })

    test('given up, nothing is told', async () => {
      const pool = new ZlibPool(1)
      const fail = () => assert.fail('told')
      const coders = [0, 1, 2].map(() => new AnswerCoder(coding, settings(), deaf, pool))
      for (const coder of coders) coder.whole(text(200_000), fail)
      assert.deepEqual([pool.working, pool.waiting], [1, 2])
      await turn()
      for (const coder of coders) coder.destroy()
      assert.deepEqual(
        coders.map(({ waiting }) => waiting),
        [0, 0, 0],
      )
      const late = new AnswerCoder(coding, settings(), deaf, pool)
      late.destroy()
      late.whole(text(100), fail)
      for (let count = 0; count < 5; count++) await turn()
      assert.deepEqual([pool.working, pool.waiting], [0, 0])
    })
  })

  describe(`${coding}, piece by piece`, () => {
    test('each piece can be decoded once it has come out, as Server-Sent Events are', async () => {
      const sink = new Collector()
      const coder = new AnswerCoder(coding, settings(), sink)
      let sent = ''
      for (let event = 0; event < 50; event++) {
        const piece = `event: tick\ndata: ${event}${'.'.repeat((event * 37) % 900)}\n\n`
        sent += piece
        assert.equal(coder.write(Buffer.from(piece)), true)
        await idle(coder)
        assert.equal(decodedSoFar(coding, sink.bytes).toString(), sent)
      }
      assert.equal(codedStreams(), 1)
      coder.end()
      await sink.until('end')
      assert.deepEqual(sink.told, ['end'])
      assert.equal(decoded(coding, sink.bytes).toString(), sent)
      assert.ok(sink.bytes.length < sent.length / 4)
    })

    test('pieces of every size, as fast as they can be written', async () => {
      for (const turns of [0, 1]) {
        const sink = new Collector()
        const coder = new AnswerCoder(coding, settings(), sink, new ZlibPool(1))
        const pieces: Buffer[] = []
        for (let index = 0; index < 60; index++) {
          const size = [0, 1, 10, 1000, 20_000, 70_000][index % 6]!
          const piece = index % 4 === 3 ? randomBytes(size) : text(size)
          pieces.push(Buffer.from(piece))
          coder.write(piece)
          // The bytes are the caller's again.
          piece.fill(0xdd)
          for (let count = 0; count < turns; count++) await turn()
        }
        coder.end()
        await sink.until('end')
        assert.equal(sink.told.at(-1), 'end')
        assert.ok(decoded(coding, sink.bytes).equals(Buffer.concat(pieces)))
      }
    })

    test('a thousand small pieces of one turn go together', async () => {
      const sink = new Collector()
      const coder = new AnswerCoder(coding, settings(), sink)
      const pieces = Array.from({ length: 1000 }, (_, index) => `piece ${index}\n`)
      for (const piece of pieces) coder.write(Buffer.from(piece))
      await idle(coder)
      assert.ok(sink.chunks.length <= 4, `${sink.chunks.length} chunks`)
      coder.end()
      await sink.until('end')
      assert.equal(decoded(coding, sink.bytes).toString(), pieces.join(''))
    })

    test('an answer in which nothing was written', async () => {
      const sink = new Collector()
      const coder = new AnswerCoder(coding, settings(), sink)
      coder.end()
      await sink.until('end')
      assert.equal(decoded(coding, sink.bytes).length, 0)
    })

    test('behind its end nothing is taken', async () => {
      const sink = new Collector()
      const coder = new AnswerCoder(coding, settings(), sink)
      coder.write(Buffer.from('one'))
      coder.end()
      assert.equal(coder.write(Buffer.from('two')), false)
      coder.end()
      await sink.until('end')
      coder.end()
      for (let count = 0; count < 5; count++) await turn()
      assert.deepEqual(sink.told, ['end'])
      assert.equal(decoded(coding, sink.bytes).toString(), 'one')
    })

    test('it says when it is full, and once when there is room again', async () => {
      const nothing: Work = { start() {} }
      const pool = new ZlibPool(1)
      pool.enter(nothing)
      const sink = new Collector()
      const coder = new AnswerCoder(coding, settings(), sink, pool)
      const piece = randomBytes(16 * 1024)
      const answers = Array.from({ length: 6 }, () => coder.write(piece))
      assert.deepEqual(answers, [true, true, true, true, false, false])
      assert.equal(coder.waiting, 6 * piece.length)
      await turn()
      assert.deepEqual([sink.told, sink.chunks.length], [[], 0])
      pool.leave(nothing)
      await sink.until('ready')
      assert.equal(coder.waiting, 0)
      assert.equal(coder.write(piece), true)
      await idle(coder)
      coder.end()
      await sink.until('end')
      assert.deepEqual(sink.told, ['ready', 'end'])
      assert.equal(decoded(coding, sink.bytes).length, 7 * piece.length)
    })

    test('ended while it is full, there is no room any more', async () => {
      const sink = new Collector()
      const coder = new AnswerCoder(coding, settings(), sink)
      assert.equal(coder.write(text(100_000)), false)
      coder.end()
      await sink.until('end')
      assert.deepEqual(sink.told, ['end'])
    })

    test('there is no room while another batch is as large', async () => {
      const sink = new Collector()
      const coder = new AnswerCoder(coding, settings(), sink, new ZlibPool(1))
      const waiting: number[] = []
      sink.codingReady = () => waiting.push(coder.waiting)
      assert.equal(coder.write(text(1000)), true)
      assert.equal(coder.write(text(300_000)), false)
      await idle(coder)
      assert.deepEqual(waiting, [0])
      coder.destroy()
    })

    test('given up at any moment, nothing is told and nothing is left', async () => {
      for (const turns of [0, 1, 2, 20]) {
        for (const end of [false, true]) {
          const pool = new ZlibPool(1)
          const sink = new Collector()
          const coder = new AnswerCoder(coding, settings(), sink, pool)
          coder.write(text(100_000))
          if (end) coder.end()
          for (let count = 0; count < turns; count++) await turn()
          const before = [sink.chunks.length, sink.told.length]
          coder.destroy()
          coder.destroy()
          assert.equal(coder.write(text(10)), false)
          coder.end()
          for (let count = 0; count < 5; count++) await turn()
          assert.deepEqual([sink.chunks.length, sink.told.length], before)
          assert.deepEqual([coder.waiting, codedStreams(), pool.working, pool.waiting], [0, 0, 0, 0])
        }
      }
      assert.equal(await allClosed(), 8)
    })

    test('no more are begun than the option says, and those that end make room', async () => {
      const options = settings({ streams: 2 })
      const plan = () => planAnswer(new AnswerHead(), coding, -1, options)
      const sinks = [new Collector(), new Collector()]
      const coders = sinks.map((sink) => {
        assert.equal(plan(), coding)
        const coder = new AnswerCoder(coding, options, sink)
        coder.write(Buffer.from('hello'))
        return coder
      })
      assert.equal(plan(), undefined)
      // One that is whole needs none.
      assert.equal(planAnswer(new AnswerHead(), coding, 5000, options), coding)
      coders[0]!.end()
      assert.equal(plan(), undefined)
      await sinks[0]!.until('end')
      assert.equal(plan(), coding)
      coders[1]!.destroy()
      assert.equal(codedStreams(), 0)
    })

    test('a long stream of text takes a bounded amount', async () => {
      const sink = new Collector()
      let most = 0
      let total = 0
      sink.coded = (bytes) => {
        most = Math.max(most, bytes.length)
        total += bytes.length
      }
      const coder = new AnswerCoder(coding, settings(), sink)
      const piece = text(50_000)
      for (let count = 0; count < 200; count++) {
        if (!coder.write(piece)) await sink.until('ready')
        sink.told.length = 0
        assert.ok(coder.waiting <= 64 * 1024 + piece.length)
      }
      coder.end()
      await sink.until('end')
      assert.ok(most <= 16 * 1024 && total < 200 * piece.length * 0.2, `${total} bytes, ${most} at once`)
    })
  })

  test(`${coding}: where zlib has no memory, an answer goes as it is or is cut`, async () => {
    await withoutMemory(async () => {
      for (const size of [2000, 20_000]) assert.equal(await whole(coding, text(size)), undefined)
      const pool = new ZlibPool(1)
      const sink = new Collector()
      const coder = new AnswerCoder(coding, settings(), sink, pool)
      coder.write(text(100))
      await sink.until('failed')
      assert.equal(coder.write(text(100)), false)
      coder.end()
      await turn()
      assert.deepEqual(sink.told, ['failed'])
      assert.deepEqual([coder.waiting, codedStreams(), pool.working], [0, 0, 0])
    })
  })
}
