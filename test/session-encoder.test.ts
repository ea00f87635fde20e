import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  controlFrame,
  encodeDisconnect,
  encodeFrame,
  encodeHandshake,
  encodeHeartbeat,
  encodeMessage,
  FrameType,
  messageFrame,
} from '../src/sessions/coding/encoder.ts'

test('the frames of 0.6', () => {
  assert.equal(encodeMessage('hello', '0.6'), '~m~5~m~hello')
  assert.equal(encodeMessage('', '0.6'), '~m~0~m~')
  assert.equal(encodeMessage('{"a":1}', '0.6', { json: true }), '~m~10~m~~j~{"a":1}')
  assert.equal(encodeHeartbeat(1, '0.6'), '~m~4~m~~h~1')
  assert.equal(encodeHandshake('Zm9v', '0.6'), '~m~4~m~Zm9v')
  assert.equal(encodeDisconnect('0.6'), '')
})

test('the frames of 0.7pre, those of the README among them', () => {
  const realm = new Map([['r', 'chat']])
  assert.equal(encodeMessage('plain', '0.7pre'), '1:6::plain,')
  assert.equal(encodeMessage('Hello world', '0.7pre', { annotations: realm }), '1:19:r:chat\n:Hello world,')
  assert.equal(encodeMessage('{"a":1}', '0.7pre', { json: true }), '1:10:j\n:{"a":1},')
  assert.equal(encodeMessage('1', '0.7pre', { json: true, annotations: realm }), '1:11:r:chat\nj\n:1,')
  assert.equal(encodeHeartbeat(0, '0.7pre'), '2:1:0,')
  assert.equal(encodeHandshake('253', '0.7pre'), '3:3:253,')
  assert.equal(encodeDisconnect('0.7pre'), '0:0:,')
})

test('lengths count UTF-16 units', () => {
  assert.equal(encodeMessage('é€😀', '0.6'), '~m~4~m~é€😀')
  assert.equal(encodeMessage('é€😀', '0.7pre'), '1:5::é€😀,')
  assert.equal(encodeMessage('\ud800', '0.6'), '~m~1~m~\ud800')
})

test('in 0.6 a text that looks like JSON or a heartbeat goes as the JSON of that text', () => {
  assert.equal(encodeMessage('~h~1', '0.6'), '~m~9~m~~j~"~h~1"')
  assert.equal(encodeMessage('~j~{}', '0.6'), '~m~10~m~~j~"~j~{}"')
  assert.equal(encodeMessage('~h', '0.6'), '~m~2~m~~h')
  assert.equal(encodeMessage(' ~h~1', '0.6'), '~m~5~m~ ~h~1')
  assert.equal(encodeMessage('~h~1', '0.7pre'), '1:5::~h~1,')
})

test('0.6 has no annotations', () => {
  assert.throws(() => encodeMessage('x', '0.6', { annotations: new Map([['r', 'chat']]) }), {
    name: 'SessionError',
    code: 'ERR_SESSION_ANNOTATION_UNSUPPORTED',
    status: 500,
  })
  assert.equal(encodeMessage('x', '0.6', { annotations: new Map() }), '~m~1~m~x')
})

test('annotations are checked when the frame is made', () => {
  assert.throws(() => messageFrame('x', { annotations: new Map([['a:', null]]) }), {
    code: 'ERR_SESSION_ANNOTATION_INVALID',
  })
})

test('without returns: JSON has none, and a text becomes the JSON of it', () => {
  const encode = (text: string, json: boolean, encoding: '0.6' | '0.7pre') =>
    encodeFrame(messageFrame(text, { json }), encoding, true)
  assert.equal(encode('a\r\nb', false, '0.6'), '~m~11~m~~j~"a\\r\\nb"')
  assert.equal(encode('a\r\nb', false, '0.7pre'), '1:11:j\n:"a\\r\\nb",')
  assert.equal(encode('[1,\r\n2]', true, '0.6'), '~m~10~m~~j~[1, \n2]')
  assert.equal(encode('a\nb', false, '0.6'), '~m~3~m~a\nb')
  assert.deepEqual(JSON.parse(encode('\r~h~1', false, '0.6').slice(11)), '\r~h~1')
})

test('control frames carry their text as it is', () => {
  assert.equal(encodeFrame(controlFrame(FrameType.heartbeat, '7'), '0.7pre'), '2:1:7,')
  assert.equal(encodeFrame(controlFrame(FrameType.handshake, 'a'), '0.6'), '~m~1~m~a')
})
