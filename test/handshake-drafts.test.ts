/** hixie-75, hixie-76 and hybi-03: the server's side, on heads as they come from the wire. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RequestHead } from '../src/http/index.ts'
import {
  type AcceptedHandshake,
  acceptHandshake,
  answerChallenge,
  type Handshake,
  type HandshakeOptions,
  readHandshake,
} from '../src/ws-codec/index.ts'
import { bytes, everySplit, feed, text } from './support/splits.ts'

const COMMON =
  'Upgrade: WebSocket\r\nConnection: Upgrade\r\nHost: example.com\r\nOrigin: http://example.com\r\n'
// draft-hixie-thewebsocketprotocol-76 §1.3
const KEYS = 'Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n'
const BODY = '^n:ds[4U'
const ANSWER = "8jKS'y:G*Co,Wxa-"
const DRAFT = 'Sec-WebSocket-Draft: 3\r\n'

/** Reads a request with these fields, delivered in every way, with what follows left alone. */
function read(fields: string, options?: HandshakeOptions, target = '/demo'): Handshake {
  const wire = bytes(`GET ${target} HTTP/1.1\r\n${fields}\r\n`)
  return everySplit(wire, (chunks) => {
    const head = new RequestHead()
    assert.equal(feed(head, [...chunks, bytes(BODY)]).length, BODY.length)
    assert.ok(head.complete, head.error?.message)
    return readHandshake(head, options)
  })
}

function accepted(fields: string, target?: string): AcceptedHandshake {
  const handshake = read(fields, undefined, target)
  assert.ok(handshake.accepted, JSON.stringify(handshake))
  return handshake
}

function refused(fields: string, status: number, code: string, options?: HandshakeOptions): void {
  const handshake = read(fields, options)
  assert.ok(!handshake.accepted, fields)
  assert.deepEqual([handshake.status, handshake.code], [status, code], fields)
}

test('hixie-75', () => {
  const handshake = accepted(`${COMMON}WebSocket-Protocol: sample\r\n`)
  assert.equal(handshake.version, 'hixie-75')
  assert.equal(handshake.challengeBytes, 0)
  assert.equal(handshake.origin, 'http://example.com')
  assert.deepEqual(handshake.protocols, ['sample'])
  assert.equal(
    acceptHandshake(handshake, { protocol: 'sample', fields: [['Set-Cookie', 'a=b']] }),
    'HTTP/1.1 101 Web Socket Protocol Handshake\r\n' +
      'Upgrade: WebSocket\r\n' +
      'Connection: Upgrade\r\n' +
      'WebSocket-Origin: http://example.com\r\n' +
      'WebSocket-Location: ws://example.com/demo\r\n' +
      'WebSocket-Protocol: sample\r\n' +
      'Set-Cookie: a=b\r\n\r\n',
  )
})

test('hixie-76, with the example of the draft', () => {
  const handshake = accepted(`${COMMON}Sec-WebSocket-Protocol: sample\r\n${KEYS}`)
  assert.equal(handshake.version, 'hixie-76')
  assert.equal(handshake.challengeBytes, 8)
  assert.equal(
    acceptHandshake(handshake, { protocol: 'sample', encrypted: true }),
    'HTTP/1.1 101 WebSocket Protocol Handshake\r\n' +
      'Upgrade: WebSocket\r\n' +
      'Connection: Upgrade\r\n' +
      'Sec-WebSocket-Origin: http://example.com\r\n' +
      'Sec-WebSocket-Location: wss://example.com/demo\r\n' +
      'Sec-WebSocket-Protocol: sample\r\n\r\n',
  )
  assert.equal(text(answerChallenge(handshake, bytes(BODY))), ANSWER)
  assert.deepEqual(
    answerChallenge(handshake, bytes(BODY), (question) => question.slice(8)),
    bytes(BODY),
  )
  for (const length of [0, 7, 9])
    assert.throws(() => answerChallenge(handshake, new Uint8Array(length)), { code: 'ERR_WS_OPTION' })
})

test('hybi-03', () => {
  const handshake = accepted(COMMON + KEYS + DRAFT)
  assert.equal(handshake.version, 'hybi-03')
  assert.equal(handshake.challengeBytes, 8)
  assert.match(acceptHandshake(handshake), /Sec-WebSocket-Location: ws:\/\/example\.com\/demo\r\n\r\n$/)
  assert.equal(text(answerChallenge(handshake, bytes(BODY))), ANSWER)
})

test('extensions have no meaning in hixie and hybi-03', () => {
  const handshake = accepted(`${COMMON}${KEYS}${DRAFT}Sec-WebSocket-Extensions: permessage-deflate\r\n`)
  assert.equal(handshake.extensions, undefined)
  assert.throws(() => acceptHandshake(handshake, { extensions: 'permessage-deflate' }), {
    code: 'ERR_WS_EXTENSION_NOT_OFFERED',
  })
})

test('the location is of the origin form, and no origin is told when none was', () => {
  const fields = 'Upgrade: WebSocket\r\nConnection: Upgrade\r\nHost: a:81\r\n'
  const location = (target: string) => acceptHandshake(accepted(fields, target)).split('\r\n').slice(3, -2)
  assert.deepEqual(location('/x?y=z'), ['WebSocket-Location: ws://a:81/x?y=z'])
  assert.deepEqual(location('http://b:82/x?y'), ['WebSocket-Location: ws://b:82/x?y'])
  assert.deepEqual(location('http://b'), ['WebSocket-Location: ws://b/'])
})

test('which version it is: Sec-WebSocket-Version, then -Draft, then the keys', () => {
  const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
  const version = (fields: string) => accepted(COMMON + fields).version
  assert.equal(version(`${key}Sec-WebSocket-Version: 13\r\n${KEYS}${DRAFT}`), '13')
  assert.equal(version(`${key}Sec-WebSocket-Version: 8\r\n${KEYS}`), '8')
  assert.equal(version(`${key}${KEYS}`), 'hixie-76')
  assert.equal(version(`${key}${KEYS}${DRAFT}`), 'hybi-03')
  assert.equal(version(''), 'hixie-75')
})

test('W21: drafts that are not spoken, and requests of none', () => {
  for (const draft of ['0', '1', '2', '4', '03', '3.0', 'toString', '76', ''])
    refused(`${COMMON}${KEYS}Sec-WebSocket-Draft: ${draft}\r\n`, 426, 'ERR_WS_VERSION')
  refused(COMMON + KEYS + DRAFT + DRAFT, 426, 'ERR_WS_VERSION')
  refused(`${COMMON}${KEYS}Sec-WebSocket-Version: 9\r\n`, 426, 'ERR_WS_VERSION')
  refused(`${COMMON}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n`, 426, 'ERR_WS_VERSION')
  refused(`${COMMON}Sec-WebSocket-Protocol: chat\r\n`, 426, 'ERR_WS_VERSION')
  const numbered = { versions: ['13', '8', '7'] } as const
  for (const fields of [COMMON, COMMON + KEYS, COMMON + KEYS + DRAFT])
    refused(fields, 426, 'ERR_WS_VERSION', numbered)
  refused(COMMON, 400, 'ERR_WS_VERSION', { versions: ['hixie-76'] })
  refused(COMMON + KEYS, 400, 'ERR_WS_VERSION', { versions: ['hybi-03'] })
})

test('W20, W25: keys missing, repeated, without spaces, or not divisible', () => {
  const [key1, key2] = KEYS.split('\r\n').map((line) => `${line}\r\n`) as [string, string]
  for (const draft of ['', DRAFT]) {
    const bad = [key1, key2, KEYS + key1, KEYS + key2, key1 + key1 + key2]
    for (const value of ['12345', '1 1 1', '', 'x y', '4294967296 x', `${'9'.repeat(400)} 0`])
      bad.push(`Sec-WebSocket-Key1: ${value}\r\n${key2}`, `${key1}Sec-WebSocket-Key2: ${value}\r\n`)
    for (const keys of bad) refused(COMMON + keys + draft, 400, 'ERR_WS_KEY')
  }
  refused(COMMON + DRAFT, 400, 'ERR_WS_KEY')
})

test('W22: the eight bytes may be announced, and nothing else may', () => {
  const length = (count: number) => `Content-Length: ${count}\r\n`
  assert.equal(accepted(COMMON + KEYS + length(8)).version, 'hixie-76')
  assert.equal(accepted(COMMON + KEYS + DRAFT + length(8)).version, 'hybi-03')
  for (const fields of [KEYS + length(9), length(8), `${KEYS}Transfer-Encoding: chunked\r\n`])
    refused(COMMON + fields, 400, 'ERR_WS_BODY')
  const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n'
  refused(COMMON + key + length(8), 400, 'ERR_WS_BODY')
})

test('W24: subprotocols are words, each once', () => {
  const list = (value: string) => `${COMMON}${KEYS}Sec-WebSocket-Protocol: ${value}\r\n`
  assert.deepEqual(accepted(list('a b/1, c:d')).protocols, ['a', 'b/1', 'c:d'])
  assert.deepEqual(accepted(COMMON + KEYS).protocols, [])
  const old = `${COMMON}${KEYS}WebSocket-Protocol: old\r\n`
  assert.deepEqual(accepted(old).protocols, ['old'])
  assert.match(acceptHandshake(accepted(old), { protocol: 'old' }), /\r\nSec-WebSocket-Protocol: old\r\n/)
  assert.deepEqual(accepted(`${old}Sec-WebSocket-Protocol: new\r\n`).protocols, ['new'])
  for (const bad of ['a a', '', ',', 'caf\xe9']) refused(list(bad), 400, 'ERR_WS_PROTOCOLS')
  refused(`${COMMON}WebSocket-Protocol: a, a\r\n`, 400, 'ERR_WS_PROTOCOLS')
  const handshake = accepted(list('a b'))
  assert.throws(() => acceptHandshake(handshake, { protocol: 'a b' }), {
    code: 'ERR_WS_PROTOCOL_NOT_OFFERED',
  })
})

test('nothing that is echoed can break out of its line', () => {
  const handshake = accepted(COMMON + KEYS)
  for (const bad of [
    { origin: 'a\r\nX: y' },
    { origin: 'a\nb' },
    { resource: 'a/\r\n' },
    { resource: 'a/\0' },
  ])
    assert.throws(() => acceptHandshake({ ...handshake, ...bad }), { code: 'ERR_WS_FIELD' })
  for (const name of [
    'Sec-WebSocket-Location',
    'websocket-origin',
    'WebSocket-Protocol',
    'Sec-WebSocket-Draft',
  ])
    assert.throws(() => acceptHandshake(handshake, { fields: [[name, 'x']] }), { code: 'ERR_WS_FIELD' })
})
