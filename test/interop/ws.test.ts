import assert from 'node:assert/strict'
import { test } from 'node:test'
import WebSocket from 'ws'
import { curlAnswer, nc } from './support/clients.ts'
import { startCommand } from './support/command.ts'
import { type Connect, testClient } from './support/peer-cases.ts'
import { connectWebSocket } from './support/websocket.ts'
import { WsPeer, wsOptions } from './support/ws-peer.ts'

class NewWsPeer extends WsPeer<WebSocket> {
  override negotiated(): { subprotocol: string; extensions: string } {
    return { subprotocol: this.socket.protocol, extensions: this.socket.extensions }
  }

  override sendParts(parts: readonly string[]): void {
    for (const [index, part] of parts.entries()) {
      this.socket.send(part, { fin: index === parts.length - 1 })
    }
  }
}

const connect: Connect = async (t, url, version, options) => {
  const peer = new NewWsPeer(t, new WebSocket(url, options.protocols ?? [], wsOptions(version, options)))
  await peer.sees('open')
  return peer
}

for (const version of ['8', '13']) {
  testClient('ws 8', version, connect, {
    binary: true,
    ping: true,
    fragments: true,
    close: 'codes',
    tls: true,
    deflate: true,
    origin: true,
    protocols: true,
  })
}

test('text and binary come back in their own kind (--echo)', async (t) => {
  const command = await startCommand(t, '--echo')
  const client = await connectWebSocket(t, command.url('ws', '/any/path'))
  client.socket.send('héllo')
  assert.deepEqual(await client.next(), { data: Buffer.from('héllo'), binary: false })
  client.socket.send(Buffer.from([0, 255, 10, 13]))
  assert.deepEqual(await client.next(), { data: Buffer.from([0, 255, 10, 13]), binary: true })
  const message = await command.message('héllo')
  assert.equal(message.protocol, 'websocket')
  assert.equal(message.encrypted, false)
  await command.sees('the binary message', ({ base64 }) => base64 === 'AP8KDQ==')
})

for (const perMessageDeflate of [false, true]) {
  test(`one mebibyte ${perMessageDeflate ? 'with' : 'without'} an offer of permessage-deflate`, async (t) => {
    const command = await startCommand(t, '--echo')
    const client = await connectWebSocket(t, command.url('ws'), { perMessageDeflate })
    const text = 'mebibyte'.repeat(131_072)
    client.socket.send(text)
    assert.equal(await client.nextText(), text)
    const bytes = Buffer.from(Uint8Array.from({ length: 1024 * 1024 }, (_, index) => (index * 7919) >> 3))
    client.socket.send(bytes)
    const { data, binary } = await client.next()
    assert.ok(binary)
    assert.ok(data.equals(bytes))
  })
}

test('every length around the borders of the length field', async (t) => {
  const command = await startCommand(t, '--echo')
  const client = await connectWebSocket(t, command.url('ws'))
  for (const length of [0, 1, 125, 126, 127, 128, 65_535, 65_536, 65_537]) {
    const text = 'x'.repeat(length)
    client.socket.send(text)
    assert.equal((await client.nextText()).length, length)
  }
})

test('a message in fragments, with a ping between them', async (t) => {
  const command = await startCommand(t, '--echo')
  const client = await connectWebSocket(t, command.url('ws'), { perMessageDeflate: false })
  const euro = Buffer.from('€')
  client.socket.send(Buffer.concat([Buffer.from('one '), euro.subarray(0, 1)]), { fin: false, binary: false })
  client.socket.ping('between')
  client.socket.send(euro.subarray(1), { fin: false })
  client.socket.send('', { fin: false })
  client.socket.send(' two', { fin: true })
  assert.equal(await client.nextText(), 'one € two')
  assert.deepEqual(client.pongs, ['between'])
})

test('a ping is answered by its pong', async (t) => {
  const command = await startCommand(t)
  const client = await connectWebSocket(t, command.url('ws'))
  client.socket.ping('are you there')
  assert.equal(await client.until('the pong', () => client.pongs[0]), 'are you there')
})

test('close codes come back', async (t) => {
  const command = await startCommand(t)
  for (const [code, reason] of [
    [1000, ''],
    [1001, 'going'],
    [3000, 'über'],
    [4999, 'mine'],
  ] as const) {
    const client = await connectWebSocket(t, command.url('ws'))
    client.socket.close(code, reason)
    assert.equal((await client.closing()).code, code)
  }
  await command.sees(
    'four leaves',
    () => command.events.filter(({ event }) => event === 'leave').length === 4,
  )
  const client = await connectWebSocket(t, command.url('ws'))
  client.socket.close()
  assert.ok([1000, 1005].includes((await client.closing()).code))
})

test('text that is not UTF-8 is closed with 1007, and a message over the limit with 1009', async (t) => {
  const command = await startCommand(t)
  const broken = await connectWebSocket(t, command.url('ws'), { perMessageDeflate: false })
  broken.socket.send(Buffer.from([0x61, 0xc3, 0x28]), { binary: false })
  assert.equal((await broken.closing()).code, 1007)
  const large = await connectWebSocket(t, command.url('ws'), { perMessageDeflate: false })
  large.socket.send(Buffer.alloc(17 * 1024 * 1024))
  assert.equal((await large.closing()).code, 1009)
  assert.deepEqual(command.messages, [])
  assert.equal((await curlAnswer(t, ['-d', 'alive', command.url('http')])).status, 200)
})

test('wss with a self-signed certificate, on the port of ws', async (t) => {
  const command = await startCommand(t, '--tls', '--echo')
  for (const [scheme, encrypted] of [
    ['wss', true],
    ['ws', false],
  ] as const) {
    const client = await connectWebSocket(t, command.url(scheme))
    client.socket.send(`by ${scheme}`)
    assert.equal(await client.nextText(), `by ${scheme}`)
    assert.equal((await command.message(`by ${scheme}`)).encrypted, encrypted)
  }
  await command.stop()
})

test('a verifying client refuses the throw-away certificate, and the server lives', async (t) => {
  const command = await startCommand(t, '--tls')
  await assert.rejects(connectWebSocket(t, command.url('wss'), { rejectUnauthorized: true }), /self-signed/)
  await connectWebSocket(t, command.url('wss'))
})

test('an origin that is not allowed is refused with 403', async (t) => {
  const command = await startCommand(t, '--allow-origin', '*.example.com')
  const connect = (origin: string): Promise<unknown> => connectWebSocket(t, command.url('ws'), { origin })
  await connect('https://example.com')
  await assert.rejects(connect('https://evilexample.com'), /403/)
})

test('in the hub the message of one reaches the others, in their kind', async (t) => {
  const command = await startCommand(t)
  const raw = nc(t, command.port)
  raw.write('hello\n')
  await command.message('hello')
  const [first, second] = [
    await connectWebSocket(t, command.url('ws')),
    await connectWebSocket(t, command.url('ws')),
  ]
  raw.write('from raw\n')
  assert.equal(await first.nextText(), 'from raw')
  assert.equal(await second.nextText(), 'from raw')
  first.socket.send('from the first')
  assert.equal(await second.nextText(), 'from the first')
  await raw.says('from the first\n')
  first.socket.send(Buffer.from([0xff, 0xfe]))
  assert.deepEqual(await second.next(), { data: Buffer.from([0xff, 0xfe]), binary: true })
  await curlAnswer(t, ['-d', 'from curl', command.url('http')])
  assert.equal(await second.nextText(), 'from curl')
  assert.equal(await first.nextText(), 'from curl', 'its own message came back')
})

test('a hundred messages in one go keep their order', async (t) => {
  const command = await startCommand(t, '--echo')
  const client = await connectWebSocket(t, command.url('ws'))
  for (let index = 0; index < 100; index += 1) client.socket.send(`number ${index}`)
  for (let index = 0; index < 100; index += 1) assert.equal(await client.nextText(), `number ${index}`)
})

test('/room speaks of the room in JSON', async (t) => {
  const command = await startCommand(t)
  const raw = nc(t, command.port)
  raw.write('early\n')
  const { id: rawId } = await command.message('early')
  const page = await connectWebSocket(t, command.url('ws', '/room'))
  const next = async (): Promise<Record<string, unknown>> =>
    JSON.parse(await page.nextText()) as Record<string, unknown>

  const room = (await next()) as { event: string; id: string; clients: Record<string, unknown>[] }
  assert.equal(room.event, 'room')
  assert.deepEqual(room.clients.map(({ id }) => id).sort(), [rawId, room.id].sort())
  const other = room.clients.find(({ id }) => id === rawId)
  assert.equal(other?.protocol, 'raw')
  assert.equal(other?.encrypted, false)
  assert.match(String(other?.address), /^127\.0\.0\.1:\d+$/)

  raw.write('to the page\n')
  const message = await next()
  assert.ok(Math.abs(Date.now() - Number(message.at)) < 10_000, `at is ${message.at}`)
  const { id, protocol, encrypted } = message.from as Record<string, unknown>
  assert.deepEqual({ id, protocol, encrypted }, { id: rawId, protocol: 'raw', encrypted: false })
  assert.deepEqual([message.event, message.text], ['message', 'to the page'])

  page.socket.send('from the page')
  await raw.says('from the page\n')
  const own = (await next()) as { from: { id: string }; text: string }
  assert.equal(own.from.id, room.id)
  assert.equal(own.text, 'from the page')

  raw.write(Buffer.from([0xff, 0x0a]))
  assert.equal((await next()).base64, '/w==')

  const visitor = await connectWebSocket(t, command.url('ws'))
  const join = (await next()) as { event: string; client: { id: string; protocol: string } }
  assert.equal(join.event, 'join')
  assert.equal(join.client.protocol, 'websocket')
  visitor.socket.close()
  assert.deepEqual(await next(), { event: 'leave', id: join.client.id })
})

test('SIGTERM closes with 1001 and ends the command', async (t) => {
  const command = await startCommand(t)
  const client = await connectWebSocket(t, command.url('ws'))
  await command.stop('SIGTERM')
  assert.equal((await client.closing()).code, 1001)
})
