import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { constants, deflateRawSync } from 'node:zlib'
import { join, type Peer, type Serving, serve } from './support/serving.ts'

const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='

function handshake(fields = '', path = '/chat'): string {
  return (
    `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n${fields}\r\n`
  )
}

const TEXT = 0x81
const BINARY = 0x82
const CLOSE = 0x88
const PING = 0x89
const PONG = 0x8a

/** A masked frame as a client sends it, up to 65,535 bytes. */
function frame(first: number, payload: string | Uint8Array = ''): Buffer {
  const bytes = Buffer.from(payload as string)
  const mask = [0x37, 0xfa, 0x21, 0x3d]
  const length = bytes.length < 126 ? [0x80 | bytes.length] : [0xfe, bytes.length >> 8, bytes.length & 0xff]
  return Buffer.from([first, ...length, ...mask, ...bytes.map((byte, index) => byte ^ mask[index % 4]!)])
}

/** An unmasked frame as a server sends it. */
function sent(first: number, payload: string | Uint8Array = ''): string {
  const bytes = Buffer.from(payload as string)
  const length = bytes.length < 126 ? [bytes.length] : [126, bytes.length >> 8, bytes.length & 0xff]
  return Buffer.from([first, ...length, ...bytes]).toString('latin1')
}

function closeFrame(code: number, reason = ''): Buffer {
  return frame(CLOSE, Buffer.from([code >> 8, code & 0xff, ...Buffer.from(reason)]))
}

function sentClose(code: number, reason = ''): string {
  return sent(CLOSE, Buffer.from([code >> 8, code & 0xff, ...Buffer.from(reason)]))
}

type Context = Parameters<typeof join>[0]

/** A client whose handshake is done and left behind. */
async function upgraded(context: Context, { port }: Serving, fields = ''): Promise<Peer> {
  const peer = await join(context, port)
  const head = await peer.send(handshake(fields)).receives('\r\n\r\n')
  assert.match(head, /^HTTP\/1\.1 101 /)
  peer.received = Buffer.alloc(0)
  return peer
}

test('the handshake is answered with the key of RFC 6455 §1.3', async (t) => {
  const serving = await serve(t)
  const peer = await join(t, serving.port)
  const head = await peer.send(handshake()).receives('\r\n\r\n')
  assert.match(head, /^HTTP\/1\.1 101 Switching Protocols\r\n/)
  assert.ok(head.includes(`Sec-WebSocket-Accept: ${ACCEPT}\r\n`))
  const { client } = serving.clients[0]!
  assert.deepEqual([client.protocol, client.version, client.encrypted], ['websocket', '13', false])
  assert.equal(client.request!.url, '/chat')
  assert.equal(client.request!.headers.host, 'a')
})

test('text answers text, binary answers binary', async (t) => {
  const serving = await serve(t)
  const peer = await upgraded(t, serving)
  await peer.send(frame(TEXT, 'héllo')).receives(sent(TEXT, 'héllo'))
  await peer.send(frame(BINARY, Uint8Array.of(0, 255))).receives(sent(BINARY, Uint8Array.of(0, 255)))
})

test('a string goes out as text, bytes outside an answer as binary, options decide', async (t) => {
  const serving = await serve(t, {}, (message, client, writer) => {
    writer.write('string')
    writer.write(message, { binary: true })
    serving.server.send(client, message)
    serving.server.send(client, message, { binary: false })
    writer.write(Uint8Array.of(0xff))
  })
  const peer = await upgraded(t, serving)
  const expected =
    sent(TEXT, 'string') +
    sent(BINARY, 'x') +
    sent(BINARY, 'x') +
    sent(TEXT, 'x') +
    sent(BINARY, Uint8Array.of(0xff))
  assert.equal(await peer.send(frame(TEXT, 'x')).receives(sent(BINARY, Uint8Array.of(0xff))), expected)
})

test('frames glued to the handshake are delivered, at every split', async (t) => {
  const serving = await serve(t)
  const bytes = Buffer.concat([
    Buffer.from(handshake()),
    frame(0x01, 'Hel'),
    frame(PING, 'p'),
    frame(0x80, 'lo'),
    frame(TEXT, 'end'),
  ])
  await Promise.all(
    Array.from(bytes, async (_, offset) => {
      const peer = await join(t, serving.port)
      peer.send(bytes.subarray(0, offset))
      await sleep(5)
      peer.send(bytes.subarray(offset))
      const text = await peer.receives(sent(TEXT, 'end'))
      assert.equal(
        text.slice(text.indexOf('\r\n\r\n') + 4),
        sent(PONG, 'p') + sent(TEXT, 'Hello') + sent(TEXT, 'end'),
      )
      peer.socket.destroy()
    }),
  )
})

test('messages of every length form come back whole', async (t) => {
  const serving = await serve(t)
  for (const length of [0, 1, 125, 126, 127, 16_384, 16_385, 65_535]) {
    const peer = await upgraded(t, serving)
    const payload = Buffer.alloc(length, 'x')
    const text = await peer.send(frame(TEXT, payload)).send(frame(TEXT, 'end')).receives(sent(TEXT, 'end'))
    assert.equal(text, sent(TEXT, payload) + sent(TEXT, 'end'))
  }
  const peer = await upgraded(t, serving)
  for (let piece = 0; piece < 20; piece++)
    peer.send(frame(piece === 0 ? 0x02 : 0x00, Buffer.alloc(60_000, piece)))
  peer.send(frame(0x80))
  await serving.until(() => peer.length === 1_200_000 + 10)
  assert.deepEqual([...peer.received.subarray(0, 10)], [BINARY, 127, 0, 0, 0, 0, 0, 0x12, 0x4f, 0x80])
  assert.equal(peer.received[10 + 60_000 * 19], 19)
})

test("the peer's close is answered with its code, then the connection ends", async (t) => {
  const serving = await serve(t)
  const peer = await upgraded(t, serving)
  peer.send(Buffer.concat([closeFrame(3000, 'done'), frame(TEXT, 'after close')]))
  assert.equal(await peer.finished(), sentClose(3000))
  peer.finish()
  await serving.until(() => serving.log.includes('disconnect websocket'))
  const { client } = serving.clients[0]!
  assert.deepEqual([client.closeCode, client.closeReason], [3000, 'done'])
  assert.deepEqual(serving.messages, [])
})

test('a close without a code is answered in kind', async (t) => {
  const serving = await serve(t)
  const peer = await upgraded(t, serving)
  assert.equal(await peer.send(frame(CLOSE)).finished(), sent(CLOSE))
  assert.equal(serving.clients[0]!.client.closeCode, 1005)
})

test('writer.close sends code and reason behind what was written, and waits for the answer', async (t) => {
  const serving = await serve(t, {}, (_message, _client, writer) => {
    writer.write('last')
    writer.close(4000, 'bye')
    assert.equal(writer.ended, true)
    assert.equal(writer.write('too late'), false)
  })
  const peer = await upgraded(t, serving)
  await peer.send(frame(TEXT, 'x')).receives('bye')
  await sleep(20)
  assert.equal(peer.ended, false)
  peer.send(closeFrame(4000))
  assert.equal(await peer.finished(), sent(TEXT, 'last') + sentClose(4000, 'bye'))
  assert.deepEqual(serving.errors, [])
})

test('a close that is not answered is cut at the close timeout', async (t) => {
  const serving = await serve(t, { closeTimeout: 60 }, (_message, _client, writer) => writer.close())
  const peer = await upgraded(t, serving)
  await peer.send(frame(TEXT, 'x')).receives(sentClose(1000))
  await serving.until(() => serving.log.includes('disconnect websocket'))
})

for (const [code, reason] of [
  [1005, ''],
  [1006, ''],
  [999, ''],
  [5000, ''],
  [1000, 'x'.repeat(124)],
] as const) {
  test(`close(${code}, ${reason.length} bytes) throws before a byte goes out`, async (t) => {
    const thrown: unknown[] = []
    const serving = await serve(t, {}, (_message, _client, writer) => {
      try {
        writer.close(code, reason)
      } catch (error) {
        thrown.push((error as { code: string }).code)
      }
      writer.write('fine')
    })
    const peer = await upgraded(t, serving)
    assert.equal(await peer.send(frame(TEXT, 'x')).receives('fine'), sent(TEXT, 'fine'))
    assert.equal(thrown.length, 1)
    assert.match(String(thrown[0]), /^ERR_WS_/)
  })
}

const failures: [name: string, bytes: Uint8Array, closeCode: number][] = [
  ['an unmasked frame', Uint8Array.of(0x81, 0x01, 0x41), 1002],
  ['a reserved bit', frame(0xc1, 'x'), 1002],
  ['a reserved opcode', frame(0x83, 'x'), 1002],
  ['a continuation of nothing', frame(0x80, 'x'), 1002],
  ['a fragmented ping', frame(0x09, 'x'), 1002],
  ['text that is not UTF-8', frame(TEXT, Uint8Array.of(0xc0, 0xaf)), 1007],
  ['a message over the limit', frame(TEXT, 'x'.repeat(1001)), 1009],
  [
    'a message over the limit in fragments',
    Buffer.concat([frame(0x01, 'x'.repeat(600)), frame(0x80, 'x'.repeat(401))]),
    1009,
  ],
  ['too many frames', Buffer.concat([frame(0x01), ...Array.from({ length: 8 }, () => frame(0x00))]), 1008],
  ['a close code that must not be sent', closeFrame(1005), 1002],
]

for (const [name, bytes, closeCode] of failures) {
  test(`${name} is closed with ${closeCode}`, async (t) => {
    const serving = await serve(t, { messageLimit: 1000, frameLimit: 8 })
    const peer = await upgraded(t, serving)
    peer.send(bytes).send(frame(TEXT, 'never'))
    assert.equal(
      (await peer.finished()).slice(0, 4),
      sentClose(closeCode).slice(0, 1) + peer.text.slice(1, 4),
    )
    assert.equal(peer.received.readUInt16BE(2), closeCode)
    assert.equal(serving.errors.length, 1)
    assert.match(serving.errors[0]!, /^ERR_WS_/)
    assert.deepEqual(serving.messages, [])
  })
}

test('pings are answered; a peer that does not read is owed only the newest pong', async (t) => {
  const serving = await serve(t)
  const peer = await upgraded(t, serving)
  await peer.send(frame(PING, 'one')).receives(sent(PONG, 'one'))
  peer.received = Buffer.alloc(0)
  peer.socket.pause()
  const { writer } = serving.clients[0]!
  // Until the system's own buffers are full, too, and stay so.
  for (let full = 0; full < 3; full = writer.writableLength < 256 * 1024 ? 0 : full + 1) {
    if (writer.writableLength < 256 * 1024) writer.write(Buffer.alloc(256 * 1024))
    await sleep(30)
  }
  const waiting = writer.writableLength
  for (let ping = 0; ping < 1_000; ping++) peer.send(frame(PING, `ping ${ping}`))
  await sleep(100)
  assert.equal(writer.writableLength, waiting)
  peer.socket.resume()
  await peer.receives(sent(PONG, 'ping 999'))
  assert.equal(peer.text.split('ping ').length, 2)
})

/** What waits at a server's only client, compressed or not. */
function waitingAt({ clients }: Serving): number {
  return clients[0]?.writer.writableLength ?? 0
}

const NUMBERS = Array.from({ length: 12_000 }, (_, index) => (index * 7_919) % 1_007)
  .join()
  .slice(0, 40_000)

test('an echo that is compressed more slowly than it is asked for stops reading, and goes on', async (t) => {
  const serving = await serve(t, { compression: { concurrency: 1 } })
  const peer = await upgraded(t, serving, 'Sec-WebSocket-Extensions: permessage-deflate\r\n')
  const message = frame(TEXT, NUMBERS)
  let most = 0
  serving.server.on('message', () => {
    most = Math.max(most, waitingAt(serving))
  })
  const count = 400
  for (let index = 0; index < count; index++) peer.send(message)
  await serving.until(() => serving.messages.length === count && waitingAt(serving) === 0)
  assert.ok(most > 1024 * 1024 && most < 2 * 1024 * 1024, `${most} bytes`)
  assert.deepEqual(serving.errors, [])
})

test('bombs that are echoed are inflated one after the other, as their answers are deflated', async (t) => {
  const serving = await serve(t, { writeLimit: 6 * 1024 * 1024, compression: true })
  const peer = await upgraded(t, serving, 'Sec-WebSocket-Extensions: permessage-deflate\r\n')
  const bomb = deflateRawSync(Buffer.alloc(4 * 1024 * 1024, 0x61), { finishFlush: constants.Z_SYNC_FLUSH })
  peer.send(Buffer.concat(Array.from({ length: 12 }, () => frame(0xc1, bomb.subarray(0, -4)))))
  await serving.until(() => serving.messages.length === 12 && waitingAt(serving) === 0)
  assert.deepEqual(serving.errors, [])
})

test('what is being compressed counts for the write limit', async (t) => {
  const serving = await serve(t, { writeLimit: 100_000, compression: true }, (_message, _client, writer) => {
    assert.equal(writer.write(Buffer.alloc(200_000)), false)
    assert.equal(writer.ended, false, 'one message may be larger than the limit')
    assert.equal(writer.write(Buffer.alloc(200_000)), false)
    assert.equal(writer.ended, true)
  })
  const peer = await upgraded(t, serving, 'Sec-WebSocket-Extensions: permessage-deflate\r\n')
  await peer.send(frame(TEXT, 'go')).finished()
  assert.deepEqual(serving.errors, ['ERR_WRITE_LIMIT'])
})

test('a quiet client is pinged, and closed with 1001 when it stays quiet', async (t) => {
  const serving = await serve(t, { pingInterval: 150, idleTimeout: 600, closeTimeout: 60 })
  const [quiet, answering] = [await upgraded(t, serving), await upgraded(t, serving)]
  const answered = setInterval(() => answering.send(frame(PONG)), 30)
  t.after(() => clearInterval(answered))
  await quiet.receives(sent(PING))
  await quiet.receives(sentClose(1001).slice(2))
  assert.ok(quiet.text.split(sent(PING)).length > 2, 'more than one ping')
  await serving.until(() => serving.log.includes('disconnect websocket'))
  assert.deepEqual(serving.errors, ['ERR_IDLE_TIMEOUT'])
  assert.equal(answering.ended, false)
  assert.equal(answering.text, '', 'one that sends is not pinged')
})

const refused: [name: string, request: string, status: number][] = [
  ['no key', handshake().replace(/Sec-WebSocket-Key: .*\r\n/, ''), 400],
  ['a bad key', handshake().replace(KEY, 'AAAA'), 400],
  ['another version', handshake().replace('Version: 13', 'Version: 99'), 426],
  ['a prototype for a version', handshake().replace('Version: 13', 'Version: toString'), 426],
  ['a body', handshake('Content-Length: 1\r\n'), 400],
  ['POST', handshake().replace('GET', 'POST'), 405],
  ['a foreign origin', handshake('Origin: https://evil.example\r\n'), 403],
]

for (const [name, request, status] of refused) {
  test(`an upgrade with ${name} is answered ${status}`, async (t) => {
    const serving = await serve(t)
    const peer = await join(t, serving.port)
    const text = await peer.send(request).finished()
    assert.ok(text.startsWith(`HTTP/1.1 ${status} `), text)
    if (status === 426) assert.match(text, /\r\nSec-WebSocket-Version: 13/)
    assert.deepEqual(serving.clients, [])
    assert.equal(serving.errors.length, 1)
  })
}

test('the subprotocol is the first offered that the server speaks', async (t) => {
  const serving = await serve(t, { protocols: ['b', 'c'] })
  const fields = 'Sec-WebSocket-Protocol: a, c, b\r\n'
  const peer = await join(t, serving.port)
  assert.match(await peer.send(handshake(fields)).receives('\r\n\r\n'), /\r\nSec-WebSocket-Protocol: b\r\n/)
  const other = await join(t, serving.port)
  const head = await other.send(handshake('Sec-WebSocket-Protocol: a\r\n')).receives('\r\n\r\n')
  assert.equal(head.includes('Sec-WebSocket-Protocol'), false)
})

test('FIN without a close frame is the end; a reset is reported', async (t) => {
  const serving = await serve(t)
  const peer = await upgraded(t, serving)
  peer.finish()
  assert.equal(await peer.finished(), '')
  await serving.until(() => serving.log.includes('disconnect websocket'))
  assert.equal(serving.clients[0]!.client.closeCode, undefined)
  const reset = await upgraded(t, serving)
  reset.socket.resetAndDestroy()
  await serving.until(() => serving.errors.length === 1)
  assert.deepEqual(serving.errors, ['ECONNRESET'])
})

test('shutdown closes with 1001', async (t) => {
  const serving = await serve(t)
  const peer = await upgraded(t, serving)
  const done = serving.server.shutdown()
  await peer.receives('the server goes away')
  assert.equal(peer.received.readUInt16BE(2), 1001)
  peer.send(closeFrame(1001))
  await peer.finished()
  peer.finish()
  await done
})

test('messages behind requests on the same connection, in order', async (t) => {
  const serving = await serve(t)
  const peer = await join(t, serving.port)
  const post = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\npost'
  peer.send(Buffer.concat([Buffer.from(post + handshake()), frame(TEXT, 'frame')]))
  await peer.receives(sent(TEXT, 'frame'))
  assert.deepEqual(serving.messages, ['post', 'frame'])
  assert.deepEqual(serving.log, ['connect http', 'disconnect http', 'connect websocket'])
})

test('a writer tells of pings, which are answered before', async (t) => {
  const serving = await serve(t)
  const peer = await upgraded(t, serving)
  const pings: string[] = []
  await peer.send(frame(PING, 'unheard')).receives(sent(PONG, 'unheard'))
  serving.clients[0]!.writer.on('ping', (payload: Buffer) => pings.push(payload.toString()))
  peer.send(Buffer.concat([frame(PING, 'heard'), frame(TEXT, 'message')]))
  await peer.receives(sent(PONG, 'heard') + sent(TEXT, 'message'))
  assert.deepEqual(pings, ['heard'])
})
