import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runInNewContext } from 'node:vm'
import { encodeFrame, messageFrame } from '../src/sessions/coding/encoder.ts'
import {
  type AnswerContext,
  answerFields,
  encodeMessage,
  MessageDecoder,
  scriptString,
  sendAnswer,
  TRANSPORT_NAMES,
  transportOf,
} from '../src/sessions/index.ts'
import { Random } from './support/random.ts'

const context: AnswerContext = { sessionId: 'Zm9v', jsonpIndex: 3, boundary: 'socketio' }

/** Texts that try to leave what surrounds them. */
function* hostileTexts(count: number): Generator<string> {
  const random = new Random(99)
  const pieces = [
    '</script>',
    '<!--',
    '-->',
    ']]>',
    '"',
    "'",
    '\\',
    '\n',
    '\r',
    '\u2028',
    '\u2029',
    '&',
    '\0',
    'a',
    '😀',
    '\ud800',
    'data:',
    '\n\n',
    ');',
    '--socketio',
  ]
  for (let round = 0; round < count; round++)
    yield Array.from({ length: random.below(8) }, () => random.pick(pieces)).join('')
}

test('the transports, by name', () => {
  assert.deepEqual(TRANSPORT_NAMES, [
    'websocket',
    'flashsocket',
    'htmlfile',
    'xhr-multipart',
    'xhr-polling',
    'jsonp-polling',
    'server-events',
  ])
  for (const name of TRANSPORT_NAMES) assert.equal(transportOf(name)?.name, name)
  for (const name of ['', 'xhr', 'WebSocket', '__proto__', 'constructor', 'toString'])
    assert.equal(transportOf(name), undefined)
})

test('what each of them is', () => {
  const table = TRANSPORT_NAMES.map((name) => {
    const { polling, comesBack, body, crossOrigin, withoutReturns, formNewlines } = transportOf(name)!
    const flags = { polling, comesBack, crossOrigin, withoutReturns, formNewlines }
    const set = Object.entries(flags).filter(([, value]) => value)
    return [name, body, ...set.map(([flag]) => flag)].join(' ')
  })
  assert.deepEqual(table, [
    'websocket frames',
    'flashsocket frames',
    'htmlfile chunked',
    'xhr-multipart close crossOrigin',
    'xhr-polling length polling comesBack crossOrigin',
    'jsonp-polling length polling comesBack formNewlines',
    'server-events chunked comesBack crossOrigin withoutReturns',
  ])
})

test('the answer to a send', () => {
  assert.deepEqual(sendAnswer(), {
    status: 200,
    fields: [
      ['Content-Type', 'text/plain; charset=UTF-8'],
      ['Cache-Control', 'no-store'],
      ['X-Content-Type-Options', 'nosniff'],
    ],
    body: 'ok',
  })
})

test('a callback gets what was sent, whatever it is, and the script stays one line of one element', () => {
  const transport = transportOf('jsonp-polling')!
  for (const text of hostileTexts(400)) {
    const script = transport.batch(text, context)
    assert.match(script, /^io\.JSONP\[3\]\._\("[^<>&\n\r\u2028\u2029]*"\);$/)
    const called: string[] = []
    runInNewContext(script, { io: { JSONP: [null, null, null, { _: (data: string) => called.push(data) }] } })
    assert.deepEqual(called, [text])
  }
})

test('an iframe calls its parent with what was sent', () => {
  const transport = transportOf('htmlfile')!
  for (const text of hostileTexts(400)) {
    const element = transport.batch(text, context)
    const script = /^<script>([^<>&\n\r\u2028\u2029]*)<\/script>$/.exec(element)?.[1]
    assert.ok(script, element)
    const called: unknown[] = []
    runInNewContext(script, {
      document: 1,
      parent: { s: { _: (...data: unknown[]) => called.push(...data) } },
    })
    assert.deepEqual(called, [text, 1])
  }
})

test('an event stream brings each batch as one event', () => {
  const transport = transportOf('server-events')!
  const texts = [...hostileTexts(300)]
  const batches = texts.map((text) => encodeFrame(messageFrame(text), '0.6', transport.withoutReturns))
  const stream = transport.opening(context) + batches.map((batch) => transport.batch(batch, context)).join('')
  const { events, id } = readEventStream(stream)
  assert.equal(id, 'Zm9v')
  assert.deepEqual(events, batches)
  assert.deepEqual(events.map(textOf), texts.map(wellFormed))
})

test('without CR the batch is the same to an event stream', () => {
  const transport = transportOf('server-events')!
  const batch = encodeMessage('a\n\n\nb\n', '0.6')
  assert.deepEqual(readEventStream(transport.batch(batch, context)).events, [batch])
})

test('an index that is none calls nobody', () => {
  const transport = transportOf('jsonp-polling')!
  for (const jsonpIndex of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])
    assert.throws(() => transport.batch('', { ...context, jsonpIndex }), { code: 'ERR_SESSION_OPTION' })
})

test('a boundary must be one, and its own when it is written', () => {
  const transport = transportOf('xhr-multipart')!
  for (const boundary of ['', 'a b', 'a"b', 'a\n', 'é', 'x'.repeat(61)]) {
    assert.throws(() => answerFields(transport, { ...context, boundary }), { code: 'ERR_SESSION_OPTION' })
    assert.throws(() => transport.opening({ ...context, boundary }), { code: 'ERR_SESSION_OPTION' })
    assert.throws(() => transport.batch('', { ...context, boundary }), { code: 'ERR_SESSION_OPTION' })
  }
  assert.equal(transport.opening({ ...context, boundary: 'x'.repeat(60) }), `--${'x'.repeat(60)}\n`)
})

test('a text is a string of JavaScript', () => {
  assert.equal(scriptString('</script>'), '"\\u003c/script\\u003e"')
  assert.equal(scriptString('\u2028\u2029&'), '"\\u2028\\u2029\\u0026"')
  assert.equal(scriptString('\ud800'), '"\\ud800"')
  assert.equal(JSON.parse(scriptString('<>&\u2028"\\')), '<>&\u2028"\\')
})

/** WHATWG HTML §9.2.6. */
function readEventStream(stream: string): { events: string[]; id: string } {
  const events: string[] = []
  let id = ''
  let data: string[] = []
  for (const line of stream.split(/\r\n|\r|\n/)) {
    const [, field, value] = /^(id|data): ?(.*)$/s.exec(line) ?? []
    if (field === 'id') id = value!
    else if (field === 'data') data.push(value!)
    else {
      assert.equal(line, '')
      if (data.length > 0) events.push(data.join('\n'))
      data = []
    }
  }
  return { events, id }
}

/** What a client makes of one frame. */
function textOf(batch: string): string {
  const texts: string[] = []
  const nothing = () => {}
  const message = (text: string, json: boolean) => texts.push(json ? JSON.parse(text) : text)
  const decoder = new MessageDecoder({ message, heartbeat: nothing, handshake: nothing, disconnect: nothing })
  const bytes = new TextEncoder().encode(batch)
  decoder.push(bytes, 0, bytes.length)
  assert.equal(decoder.end(), null)
  assert.equal(texts.length, 1)
  return wellFormed(texts[0]!)
}

function wellFormed(text: string): string {
  return Buffer.from(text).toString()
}
