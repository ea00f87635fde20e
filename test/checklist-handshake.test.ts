/** Rows W19 to W27 of the checklist: handshakes, and the versions before 13. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ServerOptions } from '../src/index.ts'
import { acceptHandshake, readHandshake } from '../src/ws-codec/index.ts'
import { Checked, everyDelivery, open } from './support/checked.ts'
import { encode, handshake, KEY, text } from './support/frames.ts'
import { CHALLENGE, hixie75, hixie76, hybi03 } from './support/old-handshakes.ts'
import { byteByByte } from './support/random.ts'
import { bytes, concat } from './support/splits.ts'
import { turn } from './support/wire.ts'

const MASK = 0x3d21fa37
const FOREIGN = 'https://evil.example'

/** The head that refuses a request, the same whole and byte by byte. */
async function refusal(
  request: string,
  options: ServerOptions = {},
): Promise<{ status: number; head: string }> {
  const heads: string[] = []
  for (const chunks of [[bytes(request)], byteByByte(bytes(request))]) {
    const peer = new Checked(options, false)
    for (const chunk of chunks) peer.send(chunk)
    heads.push(withoutDate(await peer.refused()))
    assert.deepEqual(peer.clients, [], 'no client has come of it')
    assert.deepEqual(peer.messages, [])
    assert.equal(peer.errors.length, 1)
  }
  assert.equal(heads[1], heads[0])
  return { status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(heads[0]!)?.[1]), head: heads[0]! }
}

function withoutDate(head: string): string {
  return head.replace(/\r\nDate: [^\r]*/, '')
}

const DECLINED = [
  ...[
    '7',
    '16',
    '08',
    '0',
    '-8',
    '+9',
    '1e1',
    '0x9',
    ' 9',
    '10 ',
    '""',
    '"08"',
    '99999999999999999999',
  ].flatMap((bits) => [
    `permessage-deflate; server_max_window_bits=${bits}x`,
    `permessage-deflate; server_max_window_bits=x${bits}`,
  ]),
  ...['7', '16', '08', '0', '-8', '+9', '1e1', '0x9', '""', '"08"', '99999999999999999999'].flatMap(
    (bits) => [
      `permessage-deflate; server_max_window_bits=${bits}`,
      `permessage-deflate; client_max_window_bits=${bits}`,
    ],
  ),
  'permessage-deflate; server_max_window_bits',
  'permessage-deflate; server_no_context_takeover=true',
  'permessage-deflate; client_no_context_takeover=""',
  'permessage-deflate; server_no_context_takeover; server_no_context_takeover',
  'permessage-deflate; client_max_window_bits; client_max_window_bits=10',
  'permessage-deflate; unknown',
  'permessage-deflate; unknown=1',
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf'].flatMap((name) => [
    name,
    `${name}; ${name}=1`,
    `permessage-deflate; ${name}`,
    `permessage-deflate; ${name}=10`,
    `permessage-deflate; server_max_window_bits=${name}`,
  ]),
  'permessage-bzip2',
  'PERMESSAGE-DEFLATE-NOT',
  ...[
    '',
    ';',
    ',',
    '=',
    'permessage-deflate;',
    'permessage-deflate;;',
    'permessage-deflate; =',
    'permessage-deflate; a="',
  ],
]

test('W19 extension offer with bad or repeated or unknown or prototype-named parameters: declined', async () => {
  for (const offer of DECLINED) {
    const peer = await open({}, `Sec-WebSocket-Extensions: ${offer}\r\n`)
    assert.equal(/sec-websocket-extensions/i.test(peer.head), false, `${offer}: ${peer.head}`)
    peer.send(encode(text('works'), MASK))
    await peer.until(() => peer.frames.length === 1, 'the message comes back')
    assert.deepEqual([peer.frames[0]!.rsv, peer.errors], [0, []])
    peer.wire.destroy()
  }
})

test('W19 the offer behind a declined one is taken', async () => {
  const offers =
    'permessage-deflate; server_max_window_bits=7, x-other, permessage-deflate; server_max_window_bits="10"'
  const peer = await open({}, `Sec-WebSocket-Extensions: ${offers}\r\n`)
  assert.match(
    peer.head,
    /\r\nSec-WebSocket-Extensions: permessage-deflate[^\r]*; server_max_window_bits=10\b/,
  )
})

test('W20 key missing, repeated, not 16 bytes of base64: 400', async () => {
  const line = `Sec-WebSocket-Key: ${KEY}\r\n`
  const requests = [
    handshake().replace(line, ''),
    handshake().replace(line, line + line),
    ...[
      '',
      'AAAA',
      KEY.slice(0, -2),
      `${KEY}AA==`,
      KEY.replace('==', '='),
      `!${KEY.slice(1)}`,
      KEY.replace('=', 'A'),
    ].map((key) => handshake('', '13', key)),
  ]
  for (const request of requests) assert.equal((await refusal(request)).status, 400, request)
})

test('W21 version unknown: 426 and the versions that are spoken', async () => {
  const unknown = [
    '99',
    '0',
    '6',
    '9',
    '14',
    '013',
    '13.0',
    '13, 8',
    '-1',
    'toString',
    '__proto__',
    'constructor',
  ]
  for (const version of [...unknown, 'hybi-03', 'hixie-76', 'hixie-75']) {
    const { status, head } = await refusal(handshake('', version))
    assert.equal(status, 426, version)
    assert.match(head, /\r\nSec-WebSocket-Version: 13, 8, 7\r\n/)
  }
  const { head } = await refusal(handshake('', '8'), { versions: ['13'] })
  assert.match(head, /^HTTP\/1\.1 426 [\s\S]*\r\nSec-WebSocket-Version: 13\r\n/)
})

test('W22 upgrade that is no GET: 405; not 1.1: 400; with a body: 400 and close', async () => {
  for (const method of ['POST', 'PUT', 'HEAD', 'OPTIONS', 'DELETE']) {
    assert.equal((await refusal(handshake().replace('GET', method))).status, 405, method)
  }
  assert.equal((await refusal(handshake().replace('HTTP/1.1', 'HTTP/1.0'))).status, 400)
  const body = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
  for (const framing of [`Content-Length: ${body.length}`, 'Transfer-Encoding: chunked']) {
    const peer = new Checked({}, false).send(handshake(`${framing}\r\n`) + body)
    await peer.refused()
    assert.equal(peer.status, 400)
    assert.equal(peer.rest.includes('HTTP/1.1'), false, 'what follows is not taken for a request')
  }
})

const VERSIONS: [version: string, request: (origin: string) => string][] = [
  ['13', (origin) => handshake(`Origin: ${origin}\r\n`)],
  ['8', (origin) => handshake(`Sec-WebSocket-Origin: ${origin}\r\n`, '8')],
  ['7', (origin) => handshake(`Sec-WebSocket-Origin: ${origin}\r\n`, '7')],
  ['hybi-03', (origin) => hybi03(`Origin: ${origin}\r\n`) + CHALLENGE.body],
  ['hixie-76', (origin) => hixie76(`Origin: ${origin}\r\n`) + CHALLENGE.body],
  ['hixie-75', (origin) => hixie75(`Origin: ${origin}\r\n`)],
]

for (const [version, request] of VERSIONS) {
  test(`W23 origin refused in version ${version}: 403`, async () => {
    assert.equal((await refusal(request(FOREIGN))).status, 403)
    assert.equal((await refusal(request('null'))).status, 403)
    const peer = await new Checked({ allowOrigin: '*.example' }, false).send(request(FOREIGN)).upgraded()
    await peer.until(() => peer.clients.length === 1, 'the client is there')
    assert.equal(peer.clients[0]!.client.version, version)
    peer.wire.destroy()
  })
}

test('W24 subprotocol repeated in the offer, or no token: 400', async () => {
  for (const offer of ['a, a', 'a, b, a', 'a b', 'a,/', '"a"', '']) {
    assert.equal((await refusal(handshake(`Sec-WebSocket-Protocol: ${offer}\r\n`))).status, 400, offer)
  }
  const lines = 'Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: a\r\n'
  assert.equal((await refusal(handshake(lines))).status, 400)
})

test('W24 subprotocol chosen that was not offered: throws', () => {
  const fields = new Map([
    ['upgrade', 'websocket'],
    ['connection', 'Upgrade'],
    ['sec-websocket-version', '13'],
    ['sec-websocket-key', KEY],
    ['sec-websocket-protocol', 'a, b'],
  ])
  const field = (name: string) => fields.get(name)
  const count = (name: string) => (fields.has(name) ? 1 : 0)
  const read = readHandshake({
    method: 'GET',
    target: '/',
    versionMinor: 1,
    framing: 0,
    host: 'a',
    field,
    count,
  })
  assert.ok(read.accepted)
  for (const protocol of ['c', 'A', 'a, b', '', 'toString']) {
    assert.throws(
      () => acceptHandshake(read, { protocol }),
      { code: 'ERR_WS_PROTOCOL_NOT_OFFERED' },
      protocol,
    )
  }
  assert.match(acceptHandshake(read, { protocol: 'b' }), /\r\nSec-WebSocket-Protocol: b\r\n/)
})

test('W25 hixie-76 keys without spaces, not divisible, over 32 bits, missing or repeated: 400', async () => {
  const { key1, key2, body } = CHALLENGE
  const wrong: [string, string][] = [
    ['12998', key2],
    [key1, '12998'],
    ['1 0 1', key2],
    [key1, '1 0 1'],
    ['9 9999999999', key2],
    ['99999999999999999999 99999999999999999999', key2],
  ]
  for (const [first, second] of wrong) {
    assert.equal((await refusal(hixie76('', first, second) + body)).status, 400, `${first} / ${second}`)
  }
  const line = `Sec-WebSocket-Key2: ${key2}\r\n`
  assert.equal((await refusal(hixie76().replace(line, '') + body)).status, 400)
  assert.equal((await refusal(hixie76().replace(line, line + line) + body)).status, 400)
})

test('W25 eight bytes that come late or in pieces are waited for, the head goes out before', () =>
  everyDelivery(
    concat([bytes(CHALLENGE.body), Uint8Array.of(0x00, 0x68, 0x69, 0xff)]),
    () => new Checked({}, false).send(hixie76()).upgraded(),
    async (peer, how) => {
      const expected = `${CHALLENGE.answer}\x00hi\xff`
      await peer.until(() => peer.rest.length >= expected.length, `all is there, delivered ${how}`)
      assert.equal(peer.rest.toString('latin1'), expected)
      assert.deepEqual([peer.messages, peer.errors], [['hi'], []])
    },
  ))

for (const [version, request] of [
  ['hixie-76', hixie76()],
  ['hybi-03', hybi03()],
] as const) {
  test(`W25 the eight bytes of ${version} never come: the wait is bounded`, async () => {
    const peer = await new Checked({ handshakeTimeout: 60 }, false).send(request).send('7 bytes').upgraded()
    await peer.until(() => peer.wire.destroyed, 'the peer is cut')
    assert.deepEqual(peer.clients, [])
    assert.equal(peer.errors.length, 1)
  })
}

const GROWING: [name: string, frame: Uint8Array][] = [
  ['digits that grow without end', Uint8Array.of(0x80, ...Array.from({ length: 40 }, () => 0xff))],
  ['leading zeros without end', Uint8Array.of(0x80, ...Array.from({ length: 40 }, () => 0x80))],
  ['a length just over 2^53', Uint8Array.of(0xff, 0x90, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01)],
  ['a text over the limit', Uint8Array.of(0x00, ...Array.from({ length: 1100 }, () => 0x61))],
]

for (const [name, frame] of GROWING) {
  test(`W26 hixie frame, ${name}: closed at the limit`, async () => {
    for (const [request, close] of [
      [hixie75(), ''],
      [hixie76() + CHALLENGE.body, '\xff\x00'],
    ] as const) {
      const peer = await new Checked({ messageLimit: 1000 }, false).send(request).upgraded()
      await peer.until(() => peer.clients.length === 1, 'the client is there')
      for (let at = 0; at < frame.length && !peer.wire.writableEnded; at++) {
        peer.send(frame.subarray(at, at + 1))
        if (at < 40) await turn()
      }
      await peer.until(() => peer.wire.ended, 'the server ends its side')
      assert.deepEqual(peer.errors, ['ERR_WS_MESSAGE_TOO_LARGE'])
      assert.deepEqual(peer.messages, [])
      assert.equal(peer.rest.toString('latin1'), (close && CHALLENGE.answer) + close)
      peer.wire.destroy()
    }
  })
}

test('W27 reset between upgrade and accept: contained, clientError', async () => {
  let decide: (decision: boolean) => void = () => {}
  let asked = 0
  const upgrade = () => {
    asked++
    return new Promise<boolean>((resolve) => {
      decide = resolve
    })
  }
  const peer = new Checked({ upgrade }).send(handshake())
  await peer.until(() => asked === 1, 'the hook is asked')
  peer.wire.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }))
  await turn()
  decide(true)
  await turn()
  assert.deepEqual(peer.errors, ['ECONNRESET'])
  assert.deepEqual(peer.clients, [])
  assert.equal(peer.server.stats().connections, 0)
})
