import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { afterEach, describe, test } from 'node:test'
import {
  brotliCompressSync,
  createBrotliCompress,
  createGzip,
  deflateRawSync,
  deflateSync,
  gzipSync,
  constants as zlib,
} from 'node:zlib'
import type { BodyCoding } from '../src/http/index.ts'
import { BodyDecoder, type DecodedSink, type DecodingFailure } from '../src/node/http/coding/body-decoder.ts'
import {
  acceptEncodingFields,
  codingRefusal,
  decodingRefusal,
} from '../src/node/http/coding/body-refusals.ts'
import { type Work, ZlibPool } from '../src/node/websocket/zlib-pool.ts'
import { allClosed, withoutMemory } from './support/zlib-streams.ts'

const MIB = 1024 * 1024

/** Every form that is accepted. */
const FORMS: [form: string, coding: BodyCoding, encode: (body: Uint8Array) => Buffer][] = [
  ['gzip', 'gzip', (body) => gzipSync(body)],
  ['deflate', 'deflate', (body) => deflateSync(body)],
  ['deflate without zlib', 'deflate', (body) => deflateRawSync(body)],
  ['br', 'br', (body) => brotliCompressSync(body, { params: { [zlib.BROTLI_PARAM_QUALITY]: 4 } })],
]

interface Result {
  outcome: 'complete' | DecodingFailure
  body: Buffer
}

interface Options {
  limit?: number
  pool?: ZlibPool
  /** Whether everything comes in one turn. */
  atOnce?: boolean
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

class Collector implements DecodedSink {
  readonly chunks: Buffer[] = []
  ready = 0
  told: string[] = []
  readonly result: Promise<Result>
  private resolve!: (result: Result) => void

  constructor() {
    this.result = new Promise((resolve) => {
      this.resolve = resolve
    })
  }

  decoded(chunk: Uint8Array, start: number, end: number): void {
    assert.ok(end > start)
    this.chunks.push(Buffer.from(chunk.subarray(start, end)))
  }

  decodingReady(): void {
    this.ready++
  }

  decodedEnd(): void {
    this.finish('complete')
  }

  decodingFailed(failure: DecodingFailure): void {
    this.finish(failure)
  }

  private finish(outcome: Result['outcome']): void {
    this.told.push(outcome)
    assert.equal(this.told.length, 1, `${this.told} were told`)
    this.resolve({ outcome, body: Buffer.concat(this.chunks) })
  }
}

/** Pushes a chunk at an offset, and overwrites it after. */
function push(decoder: BodyDecoder, chunk: Uint8Array): boolean {
  const padded = new Uint8Array(chunk.length + 8).fill(0xee)
  padded.set(chunk, 3)
  const ready = decoder.push(padded, 3, 3 + chunk.length)
  padded.fill(0xdd)
  return ready
}

async function decode(
  coding: BodyCoding,
  chunks: readonly Uint8Array[],
  options: Options = {},
): Promise<Result> {
  const { limit = 16 * MIB, pool = new ZlibPool(4), atOnce = false } = options
  const sink = new Collector()
  const decoder = new BodyDecoder(coding, limit, sink, pool)
  for (const chunk of chunks) {
    push(decoder, chunk)
    if (!atOnce) await turn()
  }
  decoder.end()
  const result = await sink.result
  assert.deepEqual([decoder.waiting, decoder.held, pool.working, pool.waiting], [0, 0, 0, 0])
  return result
}

/** Decodes in one turn, over several, and byte by byte; the results have to agree. */
async function decodeAnyhow(coding: BodyCoding, coded: Uint8Array, options: Options = {}): Promise<Result> {
  const bytes = Array.from(coded, (byte) => Uint8Array.of(byte))
  const result = await decode(coding, [coded], { ...options, atOnce: true })
  const results = [
    await decode(coding, [coded], options),
    await decode(coding, bytes, { ...options, atOnce: true }),
    await decode(coding, bytes, options),
  ]
  for (const other of results) {
    assert.equal(other.outcome, result.outcome)
    if (result.outcome === 'complete') assert.ok(other.body.equals(result.body))
  }
  return result
}

function cut(bytes: Uint8Array, size: number): Uint8Array[] {
  const chunks: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size))
  return chunks
}

function text(length: number): Buffer {
  let lines = ''
  for (let index = 0; lines.length < length; index++) lines += `${index * 7919} bottles of beer on the wall\n`
  return Buffer.from(lines.slice(0, length))
}

afterEach(async () => {
  await allClosed()
})

for (const [form, coding, encode] of FORMS) {
  describe(form, () => {
    test('bodies of every size, in pieces of every size', async () => {
      const bodies = [1, 2, 100, 5000, 70_000].flatMap((size) => [text(size), randomBytes(size)])
      for (const body of [...bodies, Buffer.alloc(0), text(400_000), Buffer.alloc(2 * MIB)]) {
        const coded = encode(body)
        for (const size of [1 + (coded.length >> 6), 1000, 65_536]) {
          for (const atOnce of [false, true]) {
            const result = await decode(coding, cut(coded, size), { atOnce })
            assert.equal(result.outcome, 'complete', `${body.length} bytes in pieces of ${size}`)
            assert.ok(result.body.equals(body), `${body.length} bytes in pieces of ${size}`)
          }
        }
      }
    })

    test('cut at every offset', async () => {
      const body = text(150)
      const coded = encode(body)
      assert.ok((await decodeAnyhow(coding, coded)).body.equals(body))
      for (let at = 1; at < coded.length; at++) {
        const chunks = [coded.subarray(0, at), coded.subarray(at)]
        for (const atOnce of [false, true]) {
          assert.deepEqual(await decode(coding, chunks, { atOnce }), { outcome: 'complete', body })
        }
      }
    })

    test('a body of no bytes is empty, whatever it was to be coded in', async () => {
      const empty = { outcome: 'complete', body: Buffer.alloc(0) }
      for (const chunks of [[], [Buffer.alloc(0)], [Buffer.alloc(0), Buffer.alloc(0)]]) {
        for (const atOnce of [false, true]) assert.deepEqual(await decode(coding, chunks, { atOnce }), empty)
      }
    })

    test('ended after every byte but the last, it is truncated', async () => {
      const coded = encode(text(150))
      for (let length = 1; length < coded.length; length++) {
        const { outcome } = await decodeAnyhow(coding, coded.subarray(0, length))
        assert.equal(outcome, 'truncated', `${length} of ${coded.length} bytes`)
      }
      const large = encode(randomBytes(100_000)).subarray(0, -1)
      assert.equal((await decode(coding, cut(large, 10_000))).outcome, 'truncated')
    })

    test('with a bit wrong anywhere, it never passes for something else', async () => {
      const body = text(60)
      const coded = encode(body)
      const checked = form !== 'br' && form !== 'deflate without zlib'
      let refused = 0
      for (let bit = 0; bit < coded.length * 8; bit++) {
        const broken = Buffer.from(coded)
        broken[bit >> 3]! ^= 1 << (bit & 7)
        const whole = await decode(coding, [broken], { atOnce: true })
        const streamed = await decode(coding, [broken])
        assert.equal(streamed.outcome, whole.outcome, `bit ${bit}`)
        if (whole.outcome === 'complete') {
          assert.ok(streamed.body.equals(whole.body), `bit ${bit}`)
          if (checked) assert.ok(whole.body.equals(body), `bit ${bit}`)
        } else refused++
      }
      // The date, the system and the like of a gzip header may be anything; two of the forms have no checksum.
      assert.ok(refused > coded.length * (checked ? 4.9 : 1), `${refused} of ${coded.length * 8}`)
    })

    test('what stands behind it is refused', async () => {
      const coded = encode(text(150))
      for (const rest of ['\0', '\0\0\0\0\0\0\0\0', 'A', 'AB', '\r\n', '\x1f', '\x1f\x8b', 'x'.repeat(40)]) {
        const tail = Buffer.from(rest, 'latin1')
        const { outcome } = await decodeAnyhow(coding, Buffer.concat([coded, tail]))
        assert.match(outcome, /^(corrupt|truncated)$/, JSON.stringify(rest))
        assert.equal((await decode(coding, [coded, tail])).outcome, outcome, JSON.stringify(rest))
      }
      const large = [...cut(encode(randomBytes(200_000)), 50_000), Buffer.of(0)]
      assert.equal((await decode(coding, large)).outcome, 'corrupt')
    })

    test('the limit holds on what comes out, to the byte', async () => {
      for (const size of [1, 1000, 64 * 1024, 64 * 1024 + 1, 500_000]) {
        for (const body of [Buffer.alloc(size), randomBytes(size)]) {
          const coded = encode(body)
          for (const atOnce of [false, true]) {
            const exact = await decode(coding, [coded], { limit: size, atOnce })
            assert.deepEqual([exact.outcome, exact.body.length], ['complete', size])
            const free = await decode(coding, [coded], { limit: Number.POSITIVE_INFINITY, atOnce })
            assert.deepEqual([free.outcome, free.body.length], ['complete', size])
            const over = await decode(coding, [coded], { limit: size - 0.5, atOnce })
            assert.equal(over.outcome, 'tooLarge', `${size} bytes`)
            assert.ok(over.body.length < size)
          }
        }
      }
    })

    test('a small body is decoded before `end` returns, in the turn in which it came', async () => {
      const body = text(20_000)
      const coded = encode(body)
      assert.ok(coded.length <= 8192)
      const sink = new Collector()
      const decoder = new BodyDecoder(coding, MIB, sink)
      for (const chunk of cut(coded, 100)) assert.equal(push(decoder, chunk), true)
      assert.deepEqual([decoder.waiting, decoder.held, sink.chunks], [coded.length, coded.length, []])
      decoder.end()
      assert.deepEqual(sink.told, ['complete'])
      assert.ok(Buffer.concat(sink.chunks).equals(body))
      assert.equal(await allClosed(), 0)
    })

    test('a larger one leaves the main thread', async () => {
      const coded = encode(randomBytes(8200))
      const sink = new Collector()
      const decoder = new BodyDecoder(coding, MIB, sink)
      push(decoder, coded)
      decoder.end()
      assert.deepEqual([sink.told, sink.chunks], [[], []])
      await sink.result
      assert.equal(await allClosed(), 1)
    })

    test('given up at any moment, nothing is told and nothing is left', async () => {
      const coded = encode(randomBytes(100_000))
      for (const size of [1, 100, 10_000, 100_000]) {
        for (const turns of [0, 1, 3]) {
          for (const end of [false, true]) {
            const pool = new ZlibPool(1)
            const sink = new Collector()
            const decoder = new BodyDecoder(coding, 16 * MIB, sink, pool)
            push(decoder, coded.subarray(0, size))
            for (let count = 0; count < turns; count++) await turn()
            if (end && size < 100_000) push(decoder, coded.subarray(size))
            if (end) decoder.end()
            const before = [sink.told.length, sink.chunks.length]
            decoder.destroy()
            decoder.destroy()
            assert.equal(push(decoder, coded), true)
            decoder.end()
            for (let count = 0; count < 5; count++) await turn()
            assert.deepEqual([sink.told.length, sink.chunks.length], before)
            assert.deepEqual([decoder.waiting, decoder.held, pool.working, pool.waiting], [0, 0, 0, 0])
          }
        }
      }
      assert.ok((await allClosed()) > 0)
    })

    test('the sink may give up from within', async () => {
      const coded = encode(text(500_000))
      for (const [chunk, atOnce] of [
        [encode(text(1000)), true],
        [encode(text(1000)), false],
        [coded, false],
      ] as const) {
        const pool = new ZlibPool(1)
        let pieces = 0
        const fail = () => assert.fail('told')
        const sink = { decoded, decodingReady: fail, decodedEnd: fail, decodingFailed: fail }
        const decoder = new BodyDecoder(coding, 16 * MIB, sink, pool)
        function decoded(): void {
          pieces++
          decoder.destroy()
        }
        push(decoder, chunk)
        if (!atOnce) await turn()
        decoder.end()
        for (let count = 0; pieces === 0 || count < 5; count++) await turn()
        assert.deepEqual([pieces, pool.working], [1, 0])
      }
    })
  })
}

describe('gzip', () => {
  test('several members on end are one content', async () => {
    const parts = [text(50), Buffer.alloc(0), randomBytes(20), text(3)]
    const coded = Buffer.concat(parts.map((part) => gzipSync(part)))
    const body = Buffer.concat(parts)
    assert.ok((await decodeAnyhow('gzip', coded)).body.equals(body))
    for (let at = 1; at < coded.length; at++) {
      const result = await decode('gzip', [coded.subarray(0, at), coded.subarray(at)])
      assert.deepEqual(result, { outcome: 'complete', body })
    }
  })

  test('members are limited together', async () => {
    const member = gzipSync(Buffer.alloc(10_000))
    const coded = Buffer.concat(Array.from({ length: 20 }, () => member))
    assert.equal((await decodeAnyhow('gzip', coded, { limit: 200_000 })).body.length, 200_000)
    assert.equal((await decodeAnyhow('gzip', coded, { limit: 199_999 })).outcome, 'tooLarge')
  })

  test('a flood of empty members takes no longer than its bytes', async () => {
    const empty = gzipSync(Buffer.alloc(0))
    const flood = Buffer.concat(Array.from({ length: 200_000 }, () => empty))
    const before = performance.now()
    const { outcome, body } = await decode('gzip', cut(flood, 65_536))
    assert.deepEqual([outcome, body.length], ['complete', 0])
    assert.ok(performance.now() - before < 5000)
  })

  test('a header with all of its optional fields', async () => {
    const plain = gzipSync(text(100))
    // FEXTRA, FNAME, FCOMMENT (RFC 1952 §2.3.1)
    const header = Buffer.from('1f8b081c000000000003', 'hex')
    const fields = Buffer.concat([Buffer.from('0500'), Buffer.from('a.txt\0'), Buffer.from('a comment\0')])
    fields.writeUInt16LE(2, 0)
    const coded = Buffer.concat([header, fields, plain.subarray(10)])
    assert.deepEqual(await decodeAnyhow('gzip', coded), { outcome: 'complete', body: text(100) })
  })

  test('other formats are no gzip', async () => {
    for (const coded of [
      deflateSync(text(100)),
      deflateRawSync(text(100)),
      text(100),
      brotliCompressSync(text(100)),
    ]) {
      assert.equal((await decodeAnyhow('gzip', coded)).outcome, 'corrupt')
    }
  })
})

test('what has come is decoded before the rest comes, from the second byte on', async () => {
  const stream = createGzip({ flush: zlib.Z_SYNC_FLUSH })
  const sink = new Collector()
  const decoder = new BodyDecoder('gzip', MIB, sink)
  let lines = ''
  for (let line = 0; line < 20; line++) {
    await new Promise((resolve) => stream.write(`line ${line}\n`, resolve))
    const coded = stream.read() as Buffer
    for (const piece of [coded.subarray(0, 1), coded.subarray(1)]) {
      push(decoder, piece)
      await turn()
    }
    lines += `line ${line}\n`
    while (decoder.waiting > 0) await turn()
    assert.equal(Buffer.concat(sink.chunks).toString(), lines)
  }
  assert.deepEqual(sink.told, [])
  decoder.destroy()
  stream.destroy()
})

describe('deflate', () => {
  test('every level and window of zlib, and data without its header', async () => {
    const body = text(3000)
    for (let level = 0; level <= 9; level++) {
      for (let windowBits = 9; windowBits <= 15; windowBits++) {
        for (const coded of [
          deflateSync(body, { level, windowBits }),
          deflateRawSync(body, { level, windowBits }),
        ]) {
          for (const atOnce of [false, true]) {
            const chunks = [coded.subarray(0, 1), coded.subarray(1)]
            assert.deepEqual(await decode('deflate', chunks, { atOnce }), { outcome: 'complete', body })
          }
        }
      }
    }
  })

  test('a body of one byte', async () => {
    // 07 has the block type that there is not.
    const rows: [byte: number, outcome: string][] = [
      [0x78, 'truncated'],
      [0x03, 'truncated'],
      [0x07, 'corrupt'],
    ]
    for (const [byte, outcome] of rows) {
      assert.equal((await decodeAnyhow('deflate', Uint8Array.of(byte))).outcome, outcome)
    }
  })

  test('bare data whose first bytes are almost a zlib header', async () => {
    const rows: [stored: string, body: Buffer][] = [
      // No multiple of 31
      ['080100feff41', Buffer.from('A')],
      // A multiple of 31, and a window of 8 MiB
      ['881c00e3ff' + '42'.repeat(28), Buffer.alloc(28, 'B')],
    ]
    for (const [stored, body] of rows) {
      const result = await decodeAnyhow('deflate', Buffer.from(stored + '0300', 'hex'))
      assert.deepEqual(result, { outcome: 'complete', body })
    }
  })

  test('a dictionary that nobody has agreed on is refused', async () => {
    const coded = deflateSync(text(100), { dictionary: text(50) })
    assert.equal((await decodeAnyhow('deflate', coded)).outcome, 'corrupt')
  })

  test('other formats are no deflate', async () => {
    for (const coded of [gzipSync(text(100)), text(100)]) {
      assert.equal((await decodeAnyhow('deflate', coded)).outcome, 'corrupt')
    }
  })
})

/** A block of zeros that can be repeated: a full flush forgets what was before. */
const zeros = deflateRawSync(Buffer.alloc(MIB), { level: 9, finishFlush: zlib.Z_FULL_FLUSH })

/** The same of brotli: what it makes of the second MiB of zeros refers to the first. */
async function brotliZeros(): Promise<[first: Buffer, more: Buffer]> {
  const stream = createBrotliCompress({ flush: zlib.BROTLI_OPERATION_FLUSH })
  const flushed = async () => {
    await new Promise((resolve) => stream.write(Buffer.alloc(MIB), resolve))
    return stream.read() as Buffer
  }
  const first = await flushed()
  const more = await flushed()
  stream.destroy()
  return [first, more]
}

describe('bombs', () => {
  async function defuse(coding: BodyCoding, start: Buffer, block: Buffer, blocks: number): Promise<void> {
    const bomb = Buffer.concat([start, ...Array.from({ length: blocks }, () => block)])
    const sink = new Collector()
    let most = 0
    let total = 0
    sink.decoded = (_, from, to) => {
      most = Math.max(most, to - from)
      total += to - from
    }
    const before = process.memoryUsage().arrayBuffers
    const startedAt = process.cpuUsage()
    const decoder = new BodyDecoder(coding, 16 * MIB, sink, new ZlibPool(1))
    let pushed = 0
    let peak = 0
    for (const chunk of cut(bomb, 65_536)) {
      if (sink.told.length > 0) break
      pushed += chunk.length
      if (!decoder.push(chunk, 0, chunk.length)) {
        while (sink.ready === 0 && sink.told.length === 0) {
          await turn()
          peak = Math.max(peak, process.memoryUsage().arrayBuffers - before)
        }
        sink.ready = 0
      }
    }
    decoder.end()
    assert.equal((await sink.result).outcome, 'tooLarge')
    const { user, system } = process.cpuUsage(startedAt)
    assert.ok(most <= 64 * 1024 && total <= 16 * MIB, `${total} bytes came out, ${most} at once`)
    assert.ok(pushed <= 3 * 65_536 || pushed === bomb.length, `${pushed} of ${bomb.length} bytes were taken`)
    assert.ok(peak < 48 * MIB, `${peak} bytes were kept`)
    assert.ok(user + system < 5_000_000, `it took ${user + system} µs`)
  }

  test('10 MB of gzip that would become 10 GB', async () => {
    const header = gzipSync(Buffer.alloc(0)).subarray(0, 10)
    assert.ok(zeros.length * 10_000 > 10_000_000)
    await defuse('gzip', header, zeros, 10_000)
  })

  test('10 MB of deflate that would become 10 GB, with and without zlib', async () => {
    await defuse('deflate', Buffer.from('789c', 'hex'), zeros, 10_000)
    await defuse('deflate', Buffer.alloc(0), zeros, 10_000)
  })

  test('brotli that would become 10 GB, of which the first 3 MiB are what they seem', async () => {
    const [first, more] = await brotliZeros()
    const end = Buffer.of(0x03)
    const small = await decode('br', [Buffer.concat([first, more, more, end])])
    assert.deepEqual([small.outcome, small.body.length], ['complete', 3 * MIB])
    await defuse('br', first, more, 10_000)
  })

  test('a small one, all in one turn', async () => {
    const coded = gzipSync(Buffer.alloc(7 * MIB))
    assert.ok(coded.length <= 8192)
    const { outcome, body } = await decode('gzip', [coded], { limit: MIB, atOnce: true })
    assert.equal(outcome, 'tooLarge')
    assert.ok(body.length <= MIB)
  })
})

describe('back-pressure', () => {
  const nothing: Work = { start() {} }

  test('while it cannot work it says when it is full, and when there is room again', async () => {
    const pool = new ZlibPool(1)
    pool.enter(nothing)
    const sink = new Collector()
    const body = randomBytes(300_000)
    const coded = gzipSync(body)
    const decoder = new BodyDecoder('gzip', 16 * MIB, sink, pool)
    const answers = cut(coded, 32 * 1024).map((chunk) => push(decoder, chunk))
    assert.deepEqual(answers.slice(0, 4), [true, true, false, false])
    assert.ok(answers.slice(2).every((ready) => !ready))
    assert.equal(decoder.waiting, coded.length)
    assert.ok(decoder.held >= coded.length)
    for (let count = 0; count < 3; count++) await turn()
    assert.deepEqual([sink.ready, sink.chunks.length, pool.waiting], [0, 0, 1])
    pool.leave(nothing)
    while (sink.ready === 0) await turn()
    assert.ok(decoder.waiting <= 64 * 1024)
    decoder.end()
    const result = await sink.result
    assert.ok(result.body.equals(body))
    assert.equal(sink.ready, 1)
  })

  test('there is no room while another batch is as large', async () => {
    const pool = new ZlibPool(1)
    const sink = new Collector()
    const decoder = new BodyDecoder('gzip', 16 * MIB, sink, pool)
    const waiting: number[] = []
    sink.decodingReady = () => waiting.push(decoder.waiting)
    const coded = gzipSync(randomBytes(400_000))
    assert.equal(push(decoder, coded.subarray(0, 30_000)), true)
    assert.equal(push(decoder, coded.subarray(30_000, 300_000)), false)
    while (waiting.length === 0) await turn()
    for (const piece of cut(coded.subarray(300_000), 10_000)) {
      assert.equal(push(decoder, piece), true)
      while (decoder.waiting > 0) await turn()
    }
    decoder.end()
    await sink.result
    assert.equal(waiting.length, 1)
    assert.ok(waiting[0]! <= 64 * 1024, `${waiting[0]} bytes`)
  })

  test('ended while it is full, it still says that there is room, before the end', async () => {
    const pool = new ZlibPool(1)
    pool.enter(nothing)
    const sink = new Collector()
    const order: string[] = []
    sink.decodingReady = () => order.push('ready')
    sink.decodedEnd = () => order.push('end')
    const decoder = new BodyDecoder('gzip', 16 * MIB, sink, pool)
    assert.equal(push(decoder, gzipSync(randomBytes(100_000))), false)
    decoder.end()
    pool.leave(nothing)
    while (order.length < 2) await turn()
    assert.deepEqual(order, ['ready', 'end'])
  })

  test('a hundred thousand pieces of a byte cost their bytes', async () => {
    const pool = new ZlibPool(1)
    pool.enter(nothing)
    const body = randomBytes(100_000)
    const coded = gzipSync(body)
    const sink = new Collector()
    const decoder = new BodyDecoder('gzip', MIB, sink, pool)
    const before = process.memoryUsage()
    for (let at = 0; at < coded.length; at++) decoder.push(coded, at, at + 1)
    decoder.end()
    const after = process.memoryUsage()
    assert.equal(decoder.waiting, coded.length)
    assert.ok(after.arrayBuffers - before.arrayBuffers < MIB, 'their buffers')
    pool.leave(nothing)
    assert.ok((await sink.result).body.equals(body))
    // All of them went together.
    assert.equal(await allClosed(), 1)
  })

  test('what a decoder takes itself is held, and brotli’s window with it', async () => {
    const held = async (coding: BodyCoding, start: Buffer) => {
      const sink = new Collector()
      const decoder = new BodyDecoder(coding, 64 * MIB, sink)
      push(decoder, start)
      while (decoder.waiting > 0) await turn()
      const { held } = decoder
      decoder.destroy()
      assert.equal(decoder.held, 0)
      return [held, sink.chunks.reduce((sum, { length }) => sum + length, 0)] as const
    }
    const [gzip] = await held('gzip', gzipSync(Buffer.alloc(3 * MIB)))
    assert.ok(gzip > 100_000 && gzip < 200_000, `${gzip} bytes`)
    const [first, more] = await brotliZeros()
    const [three, decoded] = await held('br', Buffer.concat([first, more, more]))
    assert.deepEqual([three - gzip, decoded], [3 * MIB, 3 * MIB])
    const [twenty] = await held('br', Buffer.concat([first, ...Array.from({ length: 19 }, () => more)]))
    assert.equal(twenty - gzip, 16 * MIB)
  })

  test('bodies wait for a place in turn, and none is left with one', async () => {
    const pool = new ZlibPool(2)
    const bodies = Array.from({ length: 30 }, (_, index) => text(50_000 + index * 1000))
    let most = 0
    const watch = setInterval(() => {
      most = Math.max(most, pool.working)
    }, 1)
    const results = await Promise.all(
      bodies.map(async (body, index) => {
        const [, coding, encode] = FORMS[index % FORMS.length]!
        const sink = new Collector()
        const decoder = new BodyDecoder(coding, MIB, sink, pool)
        for (const chunk of cut(encode(body), 3000)) {
          push(decoder, chunk)
          await turn()
        }
        decoder.end()
        return (await sink.result).body
      }),
    )
    clearInterval(watch)
    assert.ok(results.every((body, index) => body.equals(bodies[index]!)))
    assert.ok(most <= 2)
    assert.deepEqual([pool.working, pool.waiting], [0, 0])
  })
})

test('where zlib has no memory, the body cannot be read', async () => {
  const bodies = FORMS.map(([, coding, encode]) => [coding, encode(text(100))] as const)
  await withoutMemory(async () => {
    for (const [coding, coded] of bodies) {
      for (const atOnce of [false, true]) {
        assert.equal((await decode(coding, [coded], { atOnce })).outcome, 'corrupt')
      }
    }
  })
})

test('the refusals', () => {
  const shape = ({ code, status, message }: { code: string; status: number; message: string }) => [
    code,
    status,
    message,
  ]
  assert.deepEqual(acceptEncodingFields, [['Accept-Encoding', 'gzip, deflate, br']])
  assert.deepEqual(shape(codingRefusal()), [
    'ERR_HTTP_CONTENT_CODING_UNSUPPORTED',
    415,
    'Cannot read the body: its content coding is not one of gzip, deflate, br',
  ])
  assert.deepEqual(shape(decodingRefusal('tooLarge', 100)), [
    'ERR_HTTP_BODY_TOO_LARGE',
    413,
    'Cannot read the body: it has more than 100 bytes once it is decoded',
  ])
  assert.deepEqual(shape(decodingRefusal('truncated', 100)), [
    'ERR_HTTP_CONTENT_CODING_INVALID',
    400,
    'Cannot read the body: it ends before what it is coded in does',
  ])
  assert.deepEqual(shape(decodingRefusal('corrupt', 100)), [
    'ERR_HTTP_CONTENT_CODING_INVALID',
    400,
    'Cannot read the body: it is not what its Content-Encoding says',
  ])
})
