import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { afterEach, describe, test } from 'node:test'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { AnswerHead } from '../src/http/index.ts'
import type { AnswerChannel } from '../src/node/http/answer-channel.ts'
import {
  type AnswerCompressionOptions,
  resolveAnswerCompression,
} from '../src/node/http/coding/answer-compression-options.ts'
import { type CodedAnswer, CodedChannel } from '../src/node/http/coding/coded-channel.ts'
import { allClosed, withoutMemory } from './support/zlib-streams.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** What goes out. */
class Out implements AnswerChannel {
  readonly isHead: boolean
  writable = true
  destroyed = false
  writableLength = 7
  writableNeedDrain = false
  readonly busy = false
  head = ''
  plain: unknown[] = []
  finished = 0
  private readonly parts: Uint8Array[] = []

  constructor(isHead: boolean) {
    this.isHead = isHead
  }

  get body(): Buffer {
    return Buffer.concat(this.parts)
  }

  send(head: AnswerHead, pieces: readonly Uint8Array[], length: number): void {
    this.setHead(head, length)
    this.parts.push(...pieces)
    this.finished++
  }

  sendPlain(...plain: unknown[]): boolean {
    this.plain = plain
    return true
  }

  begin(head: AnswerHead): void {
    this.setHead(head, -1)
  }

  write(bytes: Uint8Array): boolean {
    if (!this.isHead) this.parts.push(bytes)
    return !this.writableNeedDrain
  }

  finish(): void {
    this.finished++
  }

  whenSent(callback: (sent: boolean) => void): void {
    callback(true)
  }

  destroy(): void {
    this.destroyed = true
    this.writable = false
  }

  close(): void {}

  private setHead(head: AnswerHead, length: number): void {
    assert.equal(this.head, '', 'two heads')
    this.head = head.format({ length, keepAlive: true, versionMinor: 1, date: '', head: this.isHead })
  }
}

class Answer implements CodedAnswer {
  readonly acceptEncoding: string | undefined
  readonly isHead: boolean
  readonly told: string[] = []

  constructor(acceptEncoding: string | undefined, isHead: boolean) {
    this.acceptEncoding = acceptEncoding
    this.isHead = isHead
  }

  answerEnded(): void {
    this.told.push('ended')
  }

  drained(): void {
    this.told.push('drained')
  }

  overflowed(): void {
    this.told.push('overflowed')
  }

  async until(what: string): Promise<void> {
    while (!this.told.includes(what)) await turn()
  }
}

interface Setup {
  /** `null`: the field is not there. */
  accept?: string | null
  isHead?: boolean
  limit?: number
  options?: AnswerCompressionOptions
}

function setup({ accept = 'gzip', isHead = false, limit = 1e6, options = {} }: Setup = {}) {
  const out = new Out(isHead)
  const answer = new Answer(accept ?? undefined, isHead)
  const channel = new CodedChannel(out, answer, resolveAnswerCompression(options)!, limit)
  const head = new AnswerHead()
  head.setField('ETag', '"1"')
  return { out, answer, channel, head }
}

function text(length: number): Buffer {
  return Buffer.from('bottles of beer on the wall, '.repeat(length / 29 + 1).slice(0, length))
}

const asItIs = (length: number, fields = 'ETag: "1"\r\nVary: Accept-Encoding\r\n') =>
  `HTTP/1.1 200 OK\r\n${fields}Content-Length: ${length}\r\n\r\n`
const coded = (coding: string, framing: string) =>
  `HTTP/1.1 200 OK\r\nETag: W/"1"\r\nVary: Accept-Encoding\r\nContent-Encoding: ${coding}\r\n${framing}\r\n\r\n`
const CHUNKED = 'Transfer-Encoding: chunked'

afterEach(async () => {
  await allClosed()
})

describe('an answer that is whole', () => {
  test('small: it has left when `send` returns', () => {
    const { out, answer, channel, head } = setup()
    const pieces = [text(1000), text(500)]
    channel.send(head, pieces, 1500)
    assert.equal(out.head, coded('gzip', `Content-Length: ${out.body.length}`))
    assert.ok(gunzipSync(out.body).equals(Buffer.concat(pieces)))
    assert.deepEqual([channel.busy, out.finished, answer.told], [false, 1, []])
  })

  test('large: it leaves later, and its owner is told', async () => {
    const { out, answer, channel, head } = setup({ accept: 'gzip, br' })
    const pieces = [text(50_000), text(5)]
    channel.send(head, pieces, 50_005)
    assert.deepEqual([channel.busy, out.head, channel.writableLength], [true, '', 50_012])
    await answer.until('ended')
    assert.equal(out.head, coded('br', `Content-Length: ${out.body.length}`))
    assert.ok(brotliDecompressSync(out.body).equals(Buffer.concat(pieces)))
    assert.deepEqual([channel.busy, out.finished, answer.told], [false, 1, ['ended']])
    assert.equal(channel.writableLength, 7)
  })

  test('one that gets no smaller goes as it is', async () => {
    for (const size of [2000, 20_000]) {
      const { out, answer, channel, head } = setup()
      const bytes = randomBytes(size)
      channel.send(head, [bytes], size)
      if (channel.busy) await answer.until('ended')
      assert.equal(out.head, asItIs(size))
      assert.ok(out.body.equals(bytes))
    }
  })

  test('below the threshold, without the field, or where it cannot be: at once, as it is', () => {
    const rows: [setup: Setup, size: number][] = [
      [{}, 1023],
      [{ accept: null }, 50_000],
      [{ accept: '' }, 50_000],
      [{ accept: 'br', options: { codings: ['gzip'] } }, 50_000],
    ]
    for (const [how, size] of rows) {
      const { out, channel, head } = setup(how)
      channel.send(head, [text(size)], size)
      assert.deepEqual([channel.busy, out.head, out.body.length], [false, asItIs(size), size])
    }
    const { out, channel, head } = setup()
    head.setField('Content-Type', 'image/png')
    channel.send(head, [text(5000)], 5000)
    assert.equal(out.head, asItIs(5000, 'ETag: "1"\r\nContent-Type: image/png\r\n'))
  })

  test('HEAD: the fields of the coded answer, without a length that nobody knows', () => {
    const { out, channel, head } = setup({ isHead: true })
    channel.send(head, [], 50_000)
    assert.deepEqual([channel.busy, out.finished, out.body.length], [false, 1, 0])
    assert.equal(out.head, coded('gzip', CHUNKED))
    const small = setup({ isHead: true })
    small.channel.send(small.head, [], 100)
    assert.equal(small.out.head, asItIs(100))
  })

  test('what cannot be sent throws at once, and its head is not touched', () => {
    for (const [status, length] of [
      [1000, ''],
      [200.5, ''],
      [99, ''],
      [200, '49999'],
    ] as const) {
      const { out, channel, head } = setup()
      head.status = status
      if (length !== '') head.setField('Content-Length', length)
      assert.throws(() => channel.send(head, [text(50_000)], 50_000), { name: 'HttpError', status: 500 })
      assert.deepEqual([channel.busy, out.head], [false, ''])
      assert.deepEqual([head.getField('etag'), head.getField('content-encoding')], ['"1"', undefined])
    }
  })

  test('a length that was declared right is replaced', () => {
    const { out, channel, head } = setup()
    head.setField('Content-Length', 5000)
    channel.send(head, [text(5000)], 5000)
    assert.equal(out.head, coded('gzip', `Content-Length: ${out.body.length}`))
  })

  test('a client that goes meanwhile', async () => {
    for (const gone of [
      ({ channel }: ReturnType<typeof setup>) => channel.close(),
      ({ channel }: ReturnType<typeof setup>) => channel.destroy(),
      ({ out }: ReturnType<typeof setup>) => out.destroy(),
    ]) {
      const all = setup()
      all.channel.send(all.head, [text(100_000)], 100_000)
      gone(all)
      assert.ok((await allClosed()) === 1)
      for (let count = 0; count < 3; count++) await turn()
      assert.deepEqual([all.out.head, all.answer.told, all.channel.busy], ['', [], false])
    }
  })
})

describe('who asks when it has left', () => {
  const told: boolean[] = []
  const tell = (sent: boolean) => told.push(sent)
  afterEach(() => told.splice(0))

  test('an answer that is whole: once it is coded and sent', async () => {
    const { out, answer, channel, head } = setup()
    channel.send(head, [text(100_000)], 100_000)
    channel.whenSent(tell)
    assert.deepEqual([told, out.finished], [[], 0])
    await answer.until('ended')
    assert.deepEqual([told, out.finished], [[true], 1])
    channel.whenSent(tell)
    assert.deepEqual(told, [true, true])
  })

  test('a small one, and one as it is: with the channel behind', () => {
    for (const accept of ['gzip', 'identity']) {
      const { channel, head } = setup({ accept })
      channel.send(head, [text(1500)], 1500)
      channel.whenSent(tell)
    }
    assert.deepEqual(told, [true, true])
  })

  test('parts that are coded: with the end of them all', async () => {
    const { answer, channel, head } = setup()
    channel.begin(head)
    channel.write(text(2_000))
    channel.whenSent(tell)
    await turn()
    assert.deepEqual(told, [])
    channel.finish()
    await answer.until('ended')
    assert.deepEqual(told, [true])
  })

  test('a client that goes: never', () => {
    const { channel, head } = setup()
    channel.send(head, [text(100_000)], 100_000)
    channel.whenSent(tell)
    channel.close()
    assert.deepEqual(told, [false])
  })
})

describe('an answer in parts', () => {
  test('each part goes out at once, the end when all is coded', async () => {
    const { out, answer, channel, head } = setup()
    channel.begin(head)
    assert.equal(out.head, coded('gzip', CHUNKED))
    let sent = ''
    for (let event = 0; event < 5; event++) {
      const before = out.body.length
      assert.equal(channel.write(Buffer.from(`data: ${event}\n\n`)), true)
      sent += `data: ${event}\n\n`
      while (out.body.length === before || channel.waiting > 0) await turn()
    }
    assert.equal(channel.busy, false)
    channel.finish()
    assert.deepEqual([channel.busy, out.finished], [true, 0])
    await answer.until('ended')
    assert.deepEqual([channel.busy, out.finished, answer.told], [false, 1, ['ended']])
    assert.equal(gunzipSync(out.body).toString(), sent)
  })

  test('as it is, where it is not to be coded', () => {
    const rows: Setup[] = [{ accept: 'deflate' }, { options: { streams: 0 } }]
    for (const row of rows) {
      const { out, answer, channel, head } = setup(row)
      channel.begin(head)
      assert.equal(channel.write(text(10)), true)
      channel.finish()
      assert.deepEqual([channel.busy, out.finished, answer.told], [false, 1, []])
      assert.equal(out.head, `HTTP/1.1 200 OK\r\nETag: "1"\r\nVary: Accept-Encoding\r\n${CHUNKED}\r\n\r\n`)
      assert.ok(out.body.equals(text(10)))
    }
  })

  test('a length that was declared decides, and is left out when it is coded', async () => {
    const small = setup()
    small.head.setField('Content-Length', 1023)
    small.channel.begin(small.head)
    assert.equal(small.out.head, asItIs(1023))
    const large = setup()
    large.head.setField('Content-Length', 1024)
    large.channel.begin(large.head)
    assert.equal(large.out.head, coded('gzip', CHUNKED))
    large.channel.write(text(1024))
    large.channel.finish()
    await large.answer.until('ended')
    assert.equal(gunzipSync(large.out.body).length, 1024)
    const none = setup({ options: { streams: 0 } })
    none.head.setField('Content-Length', 1024)
    none.channel.begin(none.head)
    assert.equal(none.out.head, asItIs(1024))
  })

  test('HEAD: nothing is coded', () => {
    const { out, channel, head } = setup({ isHead: true })
    channel.begin(head)
    assert.equal(channel.write(text(5000)), true)
    channel.finish()
    assert.deepEqual([out.head, out.body.length, channel.busy], [coded('gzip', CHUNKED), 0, false])
  })

  test('back-pressure of both, and what is too much', async () => {
    const { out, answer, channel, head } = setup({ limit: 200_000 })
    channel.begin(head)
    assert.equal(channel.write(text(1000)), true)
    assert.equal(channel.write(randomBytes(100_000)), false)
    assert.deepEqual([channel.writableNeedDrain, channel.waiting], [true, 101_000])
    await answer.until('drained')
    assert.deepEqual([channel.writableNeedDrain, channel.waiting], [false, 0])
    out.writableNeedDrain = true
    assert.equal(channel.write(text(10)), false)
    channel.write(randomBytes(100_000))
    while (channel.waiting > 0) await turn()
    await turn()
    // It is for the channel behind to say.
    assert.deepEqual(answer.told, ['drained'])
    channel.write(randomBytes(200_001))
    assert.deepEqual(answer.told, ['drained', 'overflowed'])
    channel.destroy()
    assert.deepEqual([out.destroyed, channel.waiting], [true, 0])
  })

  test('where zlib has no memory it is cut', async () => {
    await withoutMemory(async () => {
      const { out, answer, channel, head } = setup()
      channel.begin(head)
      channel.write(text(10))
      await turn()
      assert.deepEqual([out.destroyed, out.finished, answer.told], [true, 0, []])
    })
  })
})

test('a plain answer goes through only when it is empty', () => {
  const { out, channel } = setup()
  assert.equal(channel.sendPlain('hello', true), false)
  assert.deepEqual(out.plain, [])
  assert.equal(channel.sendPlain('', false), true)
  assert.deepEqual(out.plain, ['', false])
})
