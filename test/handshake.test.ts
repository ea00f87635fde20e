import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type AcceptedHandshake,
  acceptHandshake,
  acceptKey,
  type Handshake,
  type HandshakeOptions,
  readHandshake,
} from '../src/ws-codec/index.ts'

const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const FIELDS = {
  upgrade: 'websocket',
  connection: 'Upgrade',
  'sec-websocket-version': '13',
  'sec-websocket-key': KEY,
}

function read(
  fields: Record<string, string | string[] | undefined> = {},
  head: { method?: string; versionMinor?: number; framing?: number; contentLength?: number } = {},
  options?: HandshakeOptions,
): Handshake {
  const all = new Map<string, string[]>()
  for (const [name, value] of Object.entries({ ...FIELDS, ...fields })) {
    if (value !== undefined) all.set(name, [value].flat())
  }
  return readHandshake(
    {
      method: 'GET',
      target: '/chat',
      host: 'example.com',
      versionMinor: 1,
      framing: 0,
      ...head,
      field: (name) => all.get(name)?.join(', '),
      count: (name) => all.get(name)?.length ?? 0,
    },
    options,
  )
}

function accepted(fields: Parameters<typeof read>[0] = {}): AcceptedHandshake {
  const handshake = read(fields)
  assert.ok(handshake.accepted, JSON.stringify(handshake))
  return handshake
}

function refused(handshake: Handshake, status: number, code: string): Record<string, string> {
  assert.ok(!handshake.accepted)
  assert.deepEqual([handshake.status, handshake.code], [status, code])
  assert.match(handshake.message, /^Cannot accept the WebSocket: .*[^.]$/)
  return Object.fromEntries(handshake.fields)
}

test('RFC 6455 §1.3: the key and its answer', () => {
  assert.equal(acceptKey(KEY), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
})

test('a handshake, and the whole answer', () => {
  const handshake = accepted({
    origin: 'http://example.com',
    'sec-websocket-protocol': 'chat, superchat',
    'sec-websocket-extensions': 'permessage-deflate',
  })
  assert.deepEqual(handshake, {
    accepted: true,
    version: '13',
    protocols: ['chat', 'superchat'],
    extensions: 'permessage-deflate',
    origin: 'http://example.com',
    challengeBytes: 0,
    key: KEY,
    numbers: [0, 0],
    resource: 'example.com/chat',
  })
  assert.equal(
    acceptHandshake(handshake, { protocol: 'superchat', fields: [['Server', 'x']] }),
    'HTTP/1.1 101 Switching Protocols\r\n' +
      'Upgrade: websocket\r\n' +
      'Connection: Upgrade\r\n' +
      'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n' +
      'Sec-WebSocket-Protocol: superchat\r\n' +
      'Server: x\r\n\r\n',
  )
  assert.deepEqual(accepted().protocols, [])
  assert.equal(accepted().origin, undefined)
  assert.doesNotMatch(acceptHandshake(handshake), /Protocol:/)
})

test('the extensions to use', () => {
  const offer = { 'sec-websocket-extensions': 'permessage-deflate' }
  const head = acceptHandshake(accepted(offer), { extensions: 'permessage-deflate; x=1' })
  assert.match(head, /\r\nSec-WebSocket-Extensions: permessage-deflate; x=1\r\n\r\n$/)
  const unasked = { code: 'ERR_WS_EXTENSION_NOT_OFFERED' }
  assert.throws(() => acceptHandshake(accepted(), { extensions: 'permessage-deflate' }), unasked)
  assert.throws(() => acceptHandshake(accepted(offer), { extensions: 'x\r\ny' }), { code: 'ERR_WS_FIELD' })
})

test('7 and 8 are as 13, but for the field of the origin', () => {
  for (const version of ['7', '8'] as const) {
    const fields = { 'sec-websocket-version': version, 'sec-websocket-extensions': 'x-y' }
    const sent = { ...fields, 'sec-websocket-origin': 'http://a', origin: 'http://b' }
    const handshake = accepted(sent)
    assert.deepEqual([handshake.version, handshake.origin], [version, 'http://a'])
    assert.equal(handshake.extensions, 'x-y')
    assert.equal(accepted({ ...fields, origin: 'http://b' }).origin, 'http://b')
    assert.match(acceptHandshake(handshake), /Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/)
  }
  assert.equal(accepted({ 'sec-websocket-origin': 'http://a' }).origin, undefined)
})

test('the host may bring its own SHA-1', () => {
  const head = acceptHandshake(accepted(), {}, (bytes) => bytes.slice(0, 3))
  assert.match(head, /Sec-WebSocket-Accept: ZEdo\r\n/)
})

test('Upgrade and Connection are lists, in any case', () => {
  for (const upgrade of [
    'WebSocket',
    'foo/1, websocket',
    'WEBSOCKET , h2c',
    ',\twebsocket',
    ['h2c', 'websocket'],
  ]) {
    accepted({ upgrade })
  }
  for (const upgrade of [
    undefined,
    '',
    'websockets',
    'web socket',
    'xwebsocket',
    'websocket/13',
    'webso\u212aet',
  ]) {
    refused(read({ upgrade }), 400, 'ERR_WS_UPGRADE')
  }
  for (const connection of [
    'keep-alive, Upgrade',
    'upgrade',
    'UPGRADE,keep-alive',
    ['keep-alive', 'Upgrade'],
  ]) {
    accepted({ connection })
  }
  for (const connection of [undefined, '', 'keep-alive', 'upgrades', 'up grade', 'upgrade;x', 'upgrad']) {
    refused(read({ connection }), 400, 'ERR_WS_CONNECTION')
  }
})

test('W20: key missing, repeated, or not 16 bytes of base 64', () => {
  const bad = [undefined, '', [KEY, KEY], `${KEY}, ${KEY}`, KEY.slice(0, -1), 'AAAA', KEY.slice(4), `x${KEY}`]
  bad.push(
    'dGhlIHNhbXBsZSBub25jZQ=',
    'dGhlIHNhbXBsZSBub25j!Q==',
    'dGhlIHNhbXBsZSBub25jZQA=',
    'dGhlIHNhbXBsZSBub25jZQAA',
  )
  for (const key of bad) refused(read({ 'sec-websocket-key': key }), 400, 'ERR_WS_KEY')
})

test('W21: an unknown version', () => {
  const versions = [
    'toString',
    '__proto__',
    'constructor',
    ' 13',
    '013',
    '13.0',
    '13, 13',
    '0',
    '12',
    '14',
    '',
    '+13',
  ]
  for (const version of [...versions, undefined, ['13', '13']]) {
    const fields = refused(read({ 'sec-websocket-version': version }), 426, 'ERR_WS_VERSION')
    assert.deepEqual(fields, { Upgrade: 'websocket', 'Sec-WebSocket-Version': '13, 8, 7' })
  }
})

test('W21: only the versions that are allowed', () => {
  const list = (version: string, options: HandshakeOptions) =>
    refused(read({ 'sec-websocket-version': version }, {}, options), 426, 'ERR_WS_VERSION')[
      'Sec-WebSocket-Version'
    ]
  assert.equal(list('8', { versions: ['13'] }), '13')
  assert.equal(list('13', { versions: ['hixie-75', '7', '8'] }), '8, 7')
  assert.equal(list('hybi-03', { versions: ['hybi-03', '13'] }), '13')
  assert.ok(read({}, {}, { versions: ['13'] }).accepted)
  // No version has a name that could be told.
  const none = read({}, {}, { versions: ['hixie-75', 'hixie-76', 'hybi-03'] })
  assert.deepEqual(refused(none, 400, 'ERR_WS_VERSION'), {})
  refused(read({}, {}, { versions: [] }), 400, 'ERR_WS_VERSION')
})

test('W22: no GET, not HTTP/1.1, a body', () => {
  for (const method of ['POST', 'get', 'HEAD']) {
    assert.deepEqual(refused(read({}, { method }), 405, 'ERR_WS_METHOD'), { Allow: 'GET' })
  }
  refused(read({}, { versionMinor: 0 }), 400, 'ERR_WS_HTTP_VERSION')
  refused(read({}, { framing: 1 }), 400, 'ERR_WS_BODY')
})

test('W24: subprotocols: tokens, each once; only an offered one can be chosen', () => {
  const list = (value: string | string[]) => read({ 'sec-websocket-protocol': value })
  for (const bad of ['chat, chat', 'a b', 'a;q=1', '', ' , ', 'caf\xe9', '"chat"', ['chat', 'v2, chat']]) {
    refused(list(bad), 400, 'ERR_WS_PROTOCOLS')
  }
  const handshake = accepted({ 'sec-websocket-protocol': ['a, ,b\t', '__proto__,A'] })
  assert.deepEqual(handshake.protocols, ['a', 'b', '__proto__', 'A'])
  for (const protocol of ['c', '', 'a, b', 'a\r\nX: y', 'toString']) {
    assert.throws(() => acceptHandshake(handshake, { protocol }), { code: 'ERR_WS_PROTOCOL_NOT_OFFERED' })
  }
  assert.throws(() => acceptHandshake(accepted(), { protocol: 'a' }), { code: 'ERR_WS_PROTOCOL_NOT_OFFERED' })
})

test('a field that cannot be sent throws', () => {
  const bad: [string, string][] = [
    ['', 'x'],
    ['a b', 'x'],
    ['a:', 'x'],
    ['X', 'a\r\nb'],
    ['X', 'a\n'],
    ['X', '\0'],
    ['X', '\x7f'],
    ['X', '\u0100'],
    ['Content-Length', '0'],
    ['transfer-encoding', 'chunked'],
    ['Sec-WebSocket-Accept', 'x'],
    ['CONNECTION', 'close'],
  ]
  for (const field of bad) {
    assert.throws(() => acceptHandshake(accepted(), { fields: [field] }), { code: 'ERR_WS_FIELD' })
  }
  assert.match(
    acceptHandshake(accepted(), { fields: [['Set-Cookie', 'a=\xe9\tb']] }),
    /\r\nSet-Cookie: a=\xe9\tb\r\n\r\n$/,
  )
})

test('W29: 64 KiB of adversarial list is read in linear time', () => {
  const shapes: ((length: number) => string)[] = [
    (length) => ' '.repeat(length),
    (length) => ','.repeat(length),
    (length) => ' ,'.repeat(length / 2),
    (length) => `${' '.repeat(length / 2)}x${' '.repeat(length / 2)}y`,
    (length) => 'upgrade '.repeat(length / 8),
    (length) => 'websocke,'.repeat(length / 9),
    (length) => `a${','.repeat(length)};`,
    (length) => Array.from({ length: length / 8 }, (_, index) => `token${index}`).join(','),
  ]
  const time = (length: number, shape: (length: number) => string) => {
    const list = shape(length)
    let best = Number.POSITIVE_INFINITY
    for (let run = 0; run < 5; run++) {
      const start = performance.now()
      read({ upgrade: list })
      read({ connection: list })
      read({ 'sec-websocket-protocol': list, 'sec-websocket-key': KEY })
      best = Math.min(best, performance.now() - start)
    }
    return best
  }
  for (const [index, shape] of shapes.entries()) {
    // Quadratic time would be 64 times as long for 8 times as much: seconds, not milliseconds.
    const long = time(512 * 1024, shape)
    assert.ok(long < Math.max(32 * time(64 * 1024, shape), 100), `shape ${index}: ${long} ms`)
  }
})
