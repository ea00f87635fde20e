import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AnswerHeadReader, RequestHead } from '../src/http/index.ts'
import {
  acceptHandshake,
  answerChallenge,
  type ExpectedAnswer,
  type HandshakeRequest,
  nonceBytes,
  provesServer,
  readAnswer,
  readHandshake,
  requestHandshake,
  VERSIONS,
  type Version,
} from '../src/ws-codec/index.ts'
import { Random } from './support/random.ts'
import { bytes, feed } from './support/splits.ts'

const NUMBERED: readonly Version[] = ['13', '8', '7']
const OLD: readonly Version[] = ['hybi-03', 'hixie-76', 'hixie-75']

function request(version: Version, more: Partial<HandshakeRequest> = {}) {
  const nonce = new Random(6455).bytes(nonceBytes(version))
  return requestHandshake({ version, host: 'example.com:81', path: '/chat?x=y', nonce, ...more })
}

function answer(expected: ExpectedAnswer, head: string) {
  const reader = new AnswerHeadReader()
  feed(reader, [bytes(head)])
  assert.ok(reader.complete, reader.error?.message)
  return readAnswer(expected, reader)
}

function refuses(expected: ExpectedAnswer, head: string, code: string): void {
  const answered = answer(expected, head)
  assert.ok(!answered.accepted, head)
  assert.equal(answered.code, code, head)
  assert.match(answered.message, /^Cannot take the answer: .*[^.]$/)
}

/** Our own server's answer. */
function serve(head: string, body: Uint8Array, options: Parameters<typeof acceptHandshake>[1] = {}) {
  const reader = new RequestHead()
  feed(reader, [bytes(head)])
  assert.ok(reader.complete, reader.error?.message)
  const handshake = readHandshake(reader)
  assert.ok(handshake.accepted, JSON.stringify(handshake))
  const response = handshake.challengeBytes === 8 ? answerChallenge(handshake, body) : new Uint8Array(0)
  return { handshake, head: acceptHandshake(handshake, options), response }
}

test('the whole request of 13, with the nonce of RFC 6455 §1.2', () => {
  const { head, body, expected } = requestHandshake({
    version: '13',
    host: 'server.example.com',
    path: '/chat',
    nonce: bytes('the sample nonce'),
    origin: 'http://example.com',
    protocols: ['chat', 'superchat'],
    extensions: 'permessage-deflate',
    fields: [['Cookie', 'a=b']],
  })
  assert.equal(
    head,
    'GET /chat HTTP/1.1\r\n' +
      'Host: server.example.com\r\n' +
      'Upgrade: websocket\r\n' +
      'Connection: Upgrade\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
      'Sec-WebSocket-Version: 13\r\n' +
      'Origin: http://example.com\r\n' +
      'Sec-WebSocket-Protocol: chat, superchat\r\n' +
      'Sec-WebSocket-Extensions: permessage-deflate\r\n' +
      'Cookie: a=b\r\n\r\n',
  )
  assert.equal(body.length, 0)
  assert.equal(expected.accept, 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
})

test('the whole request of 75', () => {
  const { head, body } = request('hixie-75', {
    origin: 'http://a',
    protocols: ['p'],
    fields: [['Cookie', 'a=b']],
  })
  assert.equal(
    head,
    'GET /chat?x=y HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nHost: example.com:81\r\n' +
      'Origin: http://a\r\nWebSocket-Protocol: p\r\nCookie: a=b\r\n\r\n',
  )
  assert.equal(body.length, 0)
})

test('each version is understood by our own server, and its answer by our client', () => {
  for (const version of VERSIONS) {
    for (const encrypted of [false, true]) {
      const offer = { origin: 'http://a', protocols: ['p', 'q'], extensions: 'permessage-deflate', encrypted }
      const { head, body, expected } = request(version, offer)
      const extensions = NUMBERED.includes(version)
        ? 'permessage-deflate; server_no_context_takeover'
        : undefined
      const served = serve(head, body, {
        protocol: 'q',
        encrypted,
        ...(extensions === undefined ? {} : { extensions }),
      })
      assert.equal(served.handshake.version, version)
      assert.equal(served.handshake.origin, 'http://a')
      assert.deepEqual(served.handshake.protocols, ['p', 'q'])
      assert.equal(body.length, served.handshake.challengeBytes)
      assert.deepEqual(answer(expected, served.head), {
        accepted: true,
        protocol: 'q',
        extensions,
        challengeBytes: served.response.length,
      })
      assert.ok(provesServer(expected, served.response))
    }
  }
})

test('without options', () => {
  for (const version of VERSIONS) {
    const { head, body, expected } = request(version)
    const served = serve(head, body)
    assert.deepEqual([served.handshake.origin, served.handshake.protocols], [undefined, []])
    const answered = answer(expected, served.head)
    assert.ok(answered.accepted)
    assert.deepEqual([answered.protocol, answered.extensions], [undefined, undefined])
  }
})

test('an answer that is none', () => {
  for (const version of VERSIONS) {
    const { head, body, expected } = request(version, { protocols: ['p'] })
    const good = serve(head, body).head
    const bad: [string | RegExp, string, string][] = [
      [' 101 ', ' 200 ', 'ERR_WS_STATUS'],
      [' 101 ', ' 426 ', 'ERR_WS_STATUS'],
      [/Upgrade: websocket\r\n/i, '', 'ERR_WS_UPGRADE'],
      [/Upgrade: websocket\r\n/i, 'Upgrade: websocket, h2c\r\n', 'ERR_WS_UPGRADE'],
      ['Connection: Upgrade', 'Connection: close', 'ERR_WS_CONNECTION'],
      ['Connection: Upgrade\r\n', '', 'ERR_WS_CONNECTION'],
    ]
    for (const [from, to, code] of bad) refuses(expected, good.replace(from, to), code)
  }
})

test('an accept key that is wrong, missing or repeated', () => {
  for (const version of NUMBERED) {
    const { head, body, expected } = request(version)
    const good = serve(head, body).head
    const line = /Sec-WebSocket-Accept: .*\r\n/.exec(good)![0]
    for (const other of ['', line + line, line.replace('=\r', '\r'), line.toUpperCase()])
      refuses(expected, good.replace(line, other), 'ERR_WS_ACCEPT')
  }
})

test('16 bytes that prove nothing', () => {
  for (const version of ['hybi-03', 'hixie-76'] as const) {
    const { head, body, expected } = request(version)
    const { response } = serve(head, body)
    assert.ok(provesServer(expected, response))
    for (let at = 0; at < 16; at++) {
      const wrong = response.slice()
      wrong[at]! ^= 1
      assert.ok(!provesServer(expected, wrong))
    }
    for (const length of [0, 15, 17]) assert.ok(!provesServer(expected, new Uint8Array(length)))
  }
})

test('an origin or a location that is not ours', () => {
  for (const version of OLD) {
    const { head, body, expected } = request(version, { origin: 'http://a' })
    const good = serve(head, body).head
    const name = version === 'hixie-75' ? '' : 'Sec-'
    for (const [from, to] of [
      [/Origin: .*\r\n/, 'Origin: http://b\r\n'],
      [RegExp(`${name}WebSocket-Origin: .*\r\n`), ''],
      ['Location: ws:', 'Location: wss:'],
      [RegExp(`${name}WebSocket-Location: .*\r\n`), ''],
    ] as const)
      refuses(expected, good.replace(from, to), 'ERR_WS_ECHO')
  }
})

test('W24: a subprotocol or an extension that was not offered', () => {
  for (const version of VERSIONS) {
    const { head, body, expected } = request(version, {
      protocols: ['p', 'q'],
      extensions: 'x-a; b="c", x-e',
    })
    const good = serve(head, body).head
    const protocol = version === 'hixie-75' ? 'WebSocket-Protocol' : 'Sec-WebSocket-Protocol'
    const add = (line: string) => good.replace(/\r\n\r\n$/, `\r\n${line}\r\n\r\n`)
    for (const value of ['r', 'P', 'p, q', '', 'toString'])
      refuses(expected, add(`${protocol}: ${value}`), 'ERR_WS_PROTOCOL_NOT_OFFERED')
    refuses(expected, add(`${protocol}: p\r\n${protocol}: p`), 'ERR_WS_PROTOCOL_NOT_OFFERED')
    const numbered = NUMBERED.includes(version)
    for (const value of ['x-b', 'x-d', 'x-a, x-b', 'X-A', 'x-a; =', 'x-a;"'])
      refuses(expected, add(`Sec-WebSocket-Extensions: ${value}`), 'ERR_WS_EXTENSION_NOT_OFFERED')
    const answered = answer(expected, add('Sec-WebSocket-Extensions: x-e; y, x-a'))
    assert.equal(answered.accepted, numbered)
  }
  const { head, body, expected } = request('13')
  const good = serve(head, body).head.replace(/\r\n$/, 'Sec-WebSocket-Extensions: x\r\n\r\n')
  refuses(expected, good, 'ERR_WS_EXTENSION_NOT_OFFERED')
})

test('what cannot be asked for throws', () => {
  for (const version of VERSIONS) {
    const throws = (more: Partial<HandshakeRequest>, code: string) =>
      assert.throws(() => request(version, more), { name: 'WebSocketError', code: `ERR_WS_${code}` })
    for (const host of ['', 'a b', 'a\r\nX: y', 'a/b', 'ä']) throws({ host }, 'OPTION')
    for (const path of ['', 'x', '/a b', '/\r\n', '/ä', '/\x7f']) throws({ path }, 'OPTION')
    throws({ nonce: new Uint8Array(nonceBytes(version) + 1) }, 'OPTION')
    for (const protocols of [['a', 'a'], ['a b'], [''], ['a\r\n']]) throws({ protocols }, 'PROTOCOLS')
    throws({ origin: 'a\r\nb' }, 'FIELD')
    for (const name of ['Host', 'Upgrade', 'Sec-WebSocket-Key', 'sec-websocket-key1', 'a b', ''])
      throws({ fields: [[name, 'x']] }, 'FIELD')
    throws({ fields: [['X', 'a\nb']] }, 'FIELD')
  }
  assert.throws(() => request('13', { extensions: 'a\r\n' }), { code: 'ERR_WS_FIELD' })
})
