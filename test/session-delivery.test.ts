import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DECODER_LIMITS } from '../src/sessions/coding/decoder.ts'
import { readDelivery } from '../src/sessions/coding/delivery.ts'
import { decodeUtf8, type Encoding, encodeMessage, SessionError } from '../src/sessions/index.ts'

function read(input: string, formNewlines = false, encoding?: Encoding): unknown {
  const bytes = new TextEncoder().encode(`..${input}..`)
  const options = { limits: DECODER_LIMITS, encoding, formNewlines, decode: decodeUtf8 }
  const delivery = readDelivery(bytes, 2, bytes.length - 2, options)
  if (delivery instanceof SessionError) return delivery.code
  return delivery.frames.map(({ text, index }) => (index < 0 ? text : index))
}

/** What a browser's form makes of a text (WHATWG HTML §4.10.21.4). */
function throughForm(text: string): string {
  return text.replace(/\r\n|\r|\n/g, '\r\n')
}

test('frames in their order, and the encoding that they are in', () => {
  const bytes = new TextEncoder().encode('1:2::a,2:1:5,0:0:,')
  const options = { limits: DECODER_LIMITS, encoding: undefined, formNewlines: false, decode: decodeUtf8 }
  const delivery = readDelivery(bytes, 0, bytes.length, options)
  assert.ok(!(delivery instanceof SessionError))
  assert.equal(delivery.encoding, '0.7pre')
  assert.deepEqual(
    delivery.frames.map(({ type }) => type),
    [1, 2, 0],
  )
})

test('an empty delivery has no frames and shows no encoding', () => {
  const options = { limits: DECODER_LIMITS, encoding: undefined, formNewlines: true, decode: decodeUtf8 }
  assert.deepEqual(readDelivery(new Uint8Array(0), 0, 0, options), { frames: [], encoding: undefined })
})

test('a delivery that ends inside a frame is an error, and nothing of it is reported', () => {
  assert.equal(read('~m~1~m~a~m~5~m~b'), 'ERR_SESSION_TRUNCATED')
  assert.equal(read('~m~1~m~a~m~5'), 'ERR_SESSION_TRUNCATED')
})

test('a client gives no session id', () => {
  assert.equal(read('1:2::a,3:1:x,'), 'ERR_SESSION_HANDSHAKE_UNEXPECTED')
})

test('only the expected encoding is read', () => {
  assert.equal(read('1:2::a,', false, '0.6'), 'ERR_SESSION_ENCODING_UNKNOWN')
  assert.deepEqual(read('1:2::a,', false, '0.7pre'), ['a'])
})

test('a form writes LF as CR LF, behind the back of the client that has counted', () => {
  for (const messages of [['a\nb'], ['\n'], ['a\n\n', '\nb', 'c'], ['x'.repeat(300) + '\n']]) {
    for (const encoding of ['0.6', '0.7pre'] as const) {
      const sent = messages.map((message) => encodeMessage(message, encoding)).join('')
      assert.deepEqual(read(throughForm(sent), true), messages)
    }
  }
})

test('CR LF of the text itself survives the form', () => {
  const sent = encodeMessage('a\r\nb', '0.6') + encodeMessage('\r\n', '0.6')
  assert.deepEqual(read(throughForm(sent), true), ['a\r\nb', '\r\n'])
})

test('annotations survive the form', () => {
  const sent = encodeMessage('a\nb', '0.7pre', { annotations: new Map([['r', 'chat']]) })
  assert.deepEqual(read(throughForm(sent), true), ['a\nb'])
})

test('both kinds of line ends in one delivery cannot be told apart', () => {
  const sent = throughForm(encodeMessage('a\nb', '0.6') + encodeMessage('a\r\nb', '0.6'))
  assert.equal(read(sent, true), 'ERR_SESSION_TRUNCATED')
})

test('without a form, line ends are what they are', () => {
  assert.deepEqual(read('~m~4~m~a\r\nb'), ['a\r\nb'])
  assert.equal(read('~m~3~m~a\r\nb'), 'ERR_SESSION_MARK_INVALID')
})
