/**
 * The golden cases of test/vectors/http: bytes of one connection, and what is read from them. Each runs
 * whole, byte by byte, in two pieces at every offset, and with bytes after it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BodyLimits, BodyReader, type HeadLimits, HttpError, RequestHead } from '../src/http/index.ts'
import { concat, everySplit, feed } from './support/splits.ts'
import { bytesOf, readVectorFolder, type VectorCase } from './support/vectors.ts'

/** Reads requests one after the other, as a connection would, and writes down what it reads. */
class Reading {
  readonly events: string[] = []
  private readonly head: RequestHead
  private readonly body: BodyReader
  private content = ''
  private inBody = false
  private failed = false

  constructor(limits: Partial<HeadLimits & BodyLimits>) {
    this.head = new RequestHead(limits)
    const sink = {
      bodyData: (chunk: Uint8Array, start: number, end: number) => {
        assert.ok(start < end, 'a piece of a body is never empty')
        this.content += String.fromCharCode(...chunk.subarray(start, end))
      },
      bodyEnd: () => this.endBody(),
    }
    this.body = new BodyReader(sink, limits)
  }

  push(chunk: Uint8Array, start: number, end: number): number {
    let pos = start
    while (pos < end && !this.failed) {
      const stage = this.inBody ? this.body : this.head
      pos = stage.push(chunk, pos, end)
      if (!this.inBody && this.head.complete) this.startBody()
      const error = stage.error ?? this.body.error
      if (error !== null) this.refuse(error)
      else if (pos < end && stage === this.body) assert.ok(!this.inBody, 'a reader that stops is complete')
    }
    return pos
  }

  finish(): void {
    if (this.failed || (!this.inBody && !this.head.started)) return
    this.events.push(this.inBody ? `waiting in the body ${visible(this.content)}` : 'waiting in the head')
  }

  private startBody(): void {
    const { head } = this
    let line = `head ${head.method} ${head.target} 1.${head.versionMinor}`
    if (!head.methodKnown) line += ' unknown'
    if (head.path !== head.target) line += ` path=${head.path}`
    if (head.host !== (head.field('host') ?? '')) line += ` host=${head.host}`
    line += ['', ` length=${head.contentLength}`, ' chunked'][head.framing]
    if (!head.keepAlive) line += ' close'
    if (head.upgrade) line += ' upgrade'
    if (head.expectContinue) line += ' expect'
    this.events.push(line)
    head.forEachField((name, value) => this.events.push(`field ${name}: ${visible(value)}`.trimEnd()))
    this.content = ''
    this.inBody = true
    this.body.start(head.framing, head.contentLength)
  }

  private endBody(): void {
    assert.equal(this.body.received, this.content.length)
    if (this.content !== '') this.events.push(`body ${visible(this.content)}`)
    const { rawTrailers } = this.body
    for (let at = 0; at < rawTrailers.length; at += 2)
      this.events.push(`trailer ${rawTrailers[at]}: ${visible(rawTrailers[at + 1]!)}`)
    this.events.push('end')
    this.inBody = false
    this.head.reset()
  }

  private refuse(error: HttpError): void {
    assert.ok(error instanceof HttpError)
    assert.match(error.message, /^Cannot read the (request|body): [^\r\n]*[^.\r\n]$/)
    this.failed = true
    this.events.push(`refused ${error.status} ${error.code}`)
  }
}

function visible(text: string): string {
  let shown = ''
  for (const character of text) {
    const code = character.charCodeAt(0)
    if (character === '\r') shown += '\\r'
    else if (character === '\n') shown += '\\n'
    else if (character === '\t') shown += '\\t'
    else if (character === '\\') shown += '\\\\'
    else if (code < 0x20 || code > 0x7e) shown += '\\x' + code.toString(16).padStart(2, '0')
    else shown += character
  }
  return shown
}

function read(
  chunks: Uint8Array[],
  limits: Partial<HeadLimits & BodyLimits>,
): [events: string[], left: number] {
  const reading = new Reading(limits)
  const left = feed(reading, chunks)
  reading.finish()
  return [reading.events, left.length]
}

function limitsOf({ values, where }: VectorCase): Partial<HeadLimits & BodyLimits> {
  const pairs = (values.get('limits') ?? '').split(' ').filter((pair) => pair !== '')
  return Object.fromEntries(
    pairs.map((pair) => {
      const match = /^(requestLine|head|fields|body|chunkExtensions|trailers|trailerFields)=([0-9]+)$/.exec(
        pair,
      )
      assert.ok(match, `${where}: ${pair} is no limit`)
      return [match[1], Number(match[2])]
    }),
  )
}

const shape = { keys: ['limits'], blocks: ['input', 'events'] }
const cases = readVectorFolder(new URL('vectors/http/', import.meta.url), shape)

for (const vector of cases) {
  test(`${vector.group}: ${vector.name}`, () => {
    const limits = limitsOf(vector)
    const input = bytesOf(vector.blocks.get('input')!)
    const expected = vector.blocks.get('events')!.split('\n')
    const [events, left] = everySplit(input, (chunks) => read(chunks, limits))
    assert.deepEqual(events, expected, vector.where)
    const last = expected.at(-1)!
    if (last.startsWith('waiting')) return
    // With bytes after it: of a request they are the next one, and no good one; of a refusal they are left.
    const more = Uint8Array.of(0x00, 0xff, 0x0d, 0x0a)
    const [withMore, leftWithMore] = read([concat([input, more])], limits)
    const refusal = last === 'end' ? ['refused 400 ERR_HTTP_METHOD_INVALID'] : []
    assert.deepEqual(withMore, [...expected, ...refusal], `${vector.where}, with bytes after it`)
    assert.equal(leftWithMore, left + more.length)
  })
}

test('there are vectors for every row of the checklist that concerns the core, many times over', () => {
  const rows = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 23, 24, 25]
  for (const row of rows) {
    const count = cases.filter(({ name }) => name.startsWith(`H${row} `)).length
    assert.ok(count >= 5, `H${row} has ${count} vectors`)
  }
  assert.ok(cases.length >= 750, `only ${cases.length} vectors`)
})
