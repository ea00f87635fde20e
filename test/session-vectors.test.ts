/**
 * The golden cases of test/vectors/sessions. Bytes that come in run whole, byte by byte, and in two pieces at every
 * offset; what goes out is compared byte for byte.
 *
 * Events of a decoder: `message "text" key=value …`, `json "text" …`, `heartbeat index`, `handshake id`, `disconnect`;
 * and `refused CODE n left`, with the bytes that were not consumed, if any.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Annotations,
  answerFields,
  type DecoderLimits,
  Encoding,
  encodeDisconnect,
  encodeHandshake,
  encodeHeartbeat,
  encodeMessage,
  MessageDecoder,
  readSessionRequest,
  SendBodyReader,
  SessionError,
  type TransportName,
  transportOf,
} from '../src/sessions/index.ts'
import { everySplit, feed } from './support/splits.ts'
import { bytesOf, readVectorFile, type VectorCase } from './support/vectors.ts'

const folder = new URL('vectors/sessions/', import.meta.url)
let count = 0

function vectors(file: string, keys: string[], blocks: string[], run: (vector: VectorCase) => void): void {
  for (const vector of readVectorFile(new URL(file, folder), { keys, blocks })) {
    count++
    test(`${vector.where} ${vector.group}: ${vector.name}`, () => run(vector))
  }
}

/** The lines of a block, `\{text*count}` written out. */
function linesOf(block: string): string[] {
  const whole = block.replace(/\\\{(.*?)\*(\d+)\}/g, (_, text: string, times: string) =>
    text.repeat(Number(times)),
  )
  return whole.split('\n').filter((line) => line !== '')
}

function refusal(error: SessionError, left: number): string {
  assert.ok(error instanceof SessionError)
  assert.match(error.message, /^Cannot read the (message|body): [^\r\n]*[^.\r\n]$/)
  return `refused ${error.code}${left > 0 ? ` ${left} left` : ''}`
}

/** ASCII, so that a case can be read. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[^ -~]/g,
    (unit) => '\\u' + unit.charCodeAt(0).toString(16).padStart(4, '0'),
  )
}

function shown(text: string): string {
  return quoted(text).slice(1, -1)
}

/** Reads frames, and writes down what they are, and what they are in the same encoding again. */
class Reading {
  readonly events: string[] = []
  readonly again: (() => string)[] = []
  readonly decoder: MessageDecoder

  constructor(limits: Partial<DecoderLimits>, encoding: Encoding | undefined) {
    this.decoder = new MessageDecoder(this, limits, encoding)
  }

  message(text: string, json: boolean, annotations: Annotations): void {
    let event = `${json ? 'json' : 'message'} ${quoted(text)}`
    for (const [key, value] of annotations)
      event += ' ' + shown(key) + (value === null ? '' : `=${shown(value)}`)
    this.add(event, () => encodeMessage(text, this.decoder.encoding!, { json, annotations }))
  }

  heartbeat(index: number): void {
    this.add(`heartbeat ${index}`, () => encodeHeartbeat(index, this.decoder.encoding!))
  }

  handshake(id: string): void {
    this.add(`handshake ${id}`, () => encodeHandshake(id, this.decoder.encoding!))
  }

  disconnect(): void {
    this.add('disconnect', () => encodeDisconnect(this.decoder.encoding!))
  }

  private add(event: string, encode: () => string): void {
    this.events.push(event)
    this.again.push(encode)
  }
}

function readAll(
  chunks: Uint8Array[],
  limits: Partial<DecoderLimits>,
  encoding: Encoding | undefined,
): Reading {
  const reading = new Reading(limits, encoding)
  const { length } = feed(reading.decoder, chunks)
  if (length > 0) assert.ok(reading.decoder.error, 'a decoder that stops has failed')
  const error = reading.decoder.end()
  if (error !== null) reading.events.push(refusal(error, length))
  return reading
}

function limitsOf({ values }: VectorCase): Partial<DecoderLimits> {
  const pairs = (values.get('limits') ?? '').split(' ').filter((pair) => pair !== '')
  return Object.fromEntries(pairs.map((pair) => [pair.split('=')[0], Number(pair.split('=')[1])]))
}

for (const file of ['coding-06.md', 'coding-07pre.md']) {
  vectors(file, ['writes back', 'limits', 'expects'], ['input', 'events'], (vector) => {
    const input = bytesOf(vector.blocks.get('input')!)
    const expects = vector.values.get('expects') as Encoding | undefined
    const run = (chunks: Uint8Array[]) => readAll(chunks, limitsOf(vector), expects)
    assert.deepEqual(
      everySplit(input, (chunks) => run(chunks).events),
      linesOf(vector.blocks.get('events')!),
    )
    if (vector.values.get('writes back') !== 'yes') return
    const reading = run([input])
    assert.equal(reading.decoder.encoding, file === 'coding-06.md' ? Encoding.v06 : Encoding.v07pre)
    assert.deepEqual(Buffer.from(reading.again.map((encode) => encode()).join('')), Buffer.from(input))
  })
}

vectors('bodies.md', ['limit'], ['input', 'payload', 'events'], (vector) => {
  const limit = vector.values.get('limit')
  const events = everySplit(bytesOf(vector.blocks.get('input')!), (chunks) => {
    const reader = new SendBodyReader(limit === undefined ? undefined : Number(limit))
    const left = feed(reader, chunks)
    const error = reader.end()
    return error === null ? Buffer.from(reader.payload).toString('latin1') : refusal(error, left.length)
  })
  const refused = vector.blocks.get('events')
  const expected = refused ?? Buffer.from(bytesOf(vector.blocks.get('payload')!)).toString('latin1')
  assert.equal(events, expected)
})

const parts = ['payload', 'fields', 'opening', 'batch']
vectors('transports.md', ['transport', 'index', 'boundary'], parts, ({ values, blocks }) => {
  const transport = transportOf(values.get('transport')!)!
  const context = {
    sessionId: 'Zm9v',
    jsonpIndex: Number(values.get('index') ?? 3),
    boundary: values.get('boundary') ?? 'socketio',
  }
  const utf8 = (block: string) => Buffer.from(bytesOf(blocks.get(block)!)).toString('utf8')
  assert.equal(transport.batch(utf8('payload'), context), utf8('batch'))
  if (blocks.has('opening')) assert.equal(transport.opening(context), utf8('opening'))
  if (!blocks.has('fields')) return
  const fields = answerFields(transport, context).map(([name, value]) => `${name}: ${value}`)
  assert.deepEqual(fields, linesOf(blocks.get('fields')!))
})

vectors('requests.md', ['resource', 'transports'], ['requests', 'readings'], ({ values, blocks }) => {
  const options = {
    ...(values.has('resource') && { resource: values.get('resource')! }),
    ...(values.has('transports') && { transports: values.get('transports')!.split(' ') as TransportName[] }),
  }
  const readings = linesOf(blocks.get('requests')!).map((line) => {
    const space = line.indexOf(' ')
    const request = readSessionRequest(line.slice(0, space), line.slice(space + 1), options)
    if (request === null) return 'not ours'
    if (request.accepted)
      return `${request.kind} ${request.transport.name} ${request.sessionId || '-'} ${request.jsonpIndex}`
    assert.match(request.message, /^Cannot serve the request: [^\r\n<]*[^.\r\n]$/)
    return [request.status, request.code, ...request.fields.map(([name, value]) => `${name}: ${value}`)].join(
      ' ',
    )
  })
  assert.deepEqual(readings, linesOf(blocks.get('readings')!))
})

test('there are at least 80 vectors', () => {
  assert.ok(count >= 80, `only ${count}`)
})
