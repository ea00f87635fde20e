/** How connections of HTTP/2 begin and end. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import {
  answerOf,
  END_HEADERS,
  END_STREAM,
  Frame,
  FramePeer,
  Http2Client,
  http2Frame,
  joinFrames,
  PREFACE,
  request,
  uint32,
} from './support/http2.ts'
import { certificate, join, joinTls, serve, until } from './support/serving.ts'
import { deliveries } from './support/splits.ts'

const { key, cert } = certificate

test('in clear text, by its preface', async (t) => {
  const serving = await serve(t)
  const client = new Http2Client(t, serving.port)
  const answer = await client.post('hello')
  assert.deepEqual([answer.status, answer.body, answer.code], [200, 'hello', 0])
  assert.equal(answer.headers['content-length'], '5')
  assert.equal(answer.headers['content-type'], 'text/plain; charset=utf-8')
  assert.match(String(answer.headers.date), / GMT$/)
  const [{ client: seen }] = serving.clients as [(typeof serving.clients)[0]]
  assert.deepEqual([seen.protocol, seen.version, seen.encrypted], ['http', '2', false])
  assert.equal(seen.remoteAddress, '127.0.0.1')
  assert.equal(serving.server.stats().verdicts.http2, 1)
})

test('the preface and a request, however they are cut', async (t) => {
  const serving = await serve(t)
  const bytes = Buffer.concat([
    PREFACE,
    http2Frame(Frame.settings, 0, 0),
    http2Frame(Frame.headers, END_HEADERS, 1, request('POST')),
    http2Frame(Frame.data, END_STREAM, 1, Buffer.from('cut')),
  ])
  let run = 0
  for (const { how, chunks } of deliveries(bytes)) {
    // Each byte of the preface, and some behind it.
    if (how.startsWith('split') && run++ > PREFACE.length && run % 16 > 0) continue
    const frames = new FramePeer(await join(t, serving.port))
    for (const chunk of chunks) {
      frames.peer.send(chunk)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await until(() => frames.of(Frame.data).length > 0)
    assert.equal(frames.of(Frame.data)[0]!.payload.toString(), 'cut', how)
    frames.peer.socket.destroy()
  }
  assert.ok(serving.messages.length > PREFACE.length)
  assert.deepEqual(serving.errors, [])
})

test('over TLS by ALPN', async (t) => {
  const serving = await serve(t, { key, cert })
  const client = new Http2Client(t, serving.port, { servername: 'localhost' }, 'https')
  assert.equal((await client.post('secret')).body, 'secret')
  assert.equal(client.session.alpnProtocol, 'h2')
  const [{ client: seen }] = serving.clients as [(typeof serving.clients)[0]]
  assert.deepEqual([seen.encrypted, seen.servername], [true, 'localhost'])
  assert.equal(serving.server.stats().verdicts.http2, 1)
})

test('over TLS without ALPN, by its preface', async (t) => {
  const serving = await serve(t, { key, cert })
  const frames = new FramePeer(await joinTls(t, serving.port))
  frames.send(
    PREFACE,
    http2Frame(Frame.settings, 0, 0),
    http2Frame(Frame.headers, END_HEADERS, 1, request('POST')),
    http2Frame(Frame.data, END_STREAM, 1, Buffer.from('known before')),
  )
  await until(() => frames.of(Frame.data).length > 0)
  assert.equal(frames.of(Frame.data)[0]!.payload.toString(), 'known before')
  assert.equal(serving.clients[0]!.client.encrypted, true)
})

test('switched off: GOAWAY in clear text, no h2 by ALPN', async (t) => {
  const serving = await serve(t, { key, cert, http2: false })
  const frames = await joinFrames(t, serving.port)
  await frames.peer.finished()
  assert.equal(frames.goaway, 0xd)
  assert.deepEqual(serving.errors, ['ERR_HTTP2_UNSUPPORTED'])
  const socket = connectTls({
    port: serving.port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    ALPNProtocols: ['h2', 'http/1.1'],
  })
  t.after(() => socket.destroy())
  await once(socket, 'secureConnect')
  assert.equal(socket.alpnProtocol, 'http/1.1')
})

test('what it announces', async (t) => {
  const serving = await serve(t, { headLimit: 10_000, fieldLimit: 10 })
  const client = new Http2Client(t, serving.port)
  await client.connected()
  const settings = client.session.remoteSettings
  assert.equal(settings.enableConnectProtocol, true)
  assert.equal(settings.maxConcurrentStreams, 100)
  assert.equal(settings.maxHeaderListSize, 10_000 + (10 + 5) * 32)
})

test('a hundred requests at once, answered in any order', async (t) => {
  const writers = new Map<string, { end(data: string): void }>()
  const serving = await serve(t, { explicitEnd: true }, (message, _client, writer) => {
    writers.set(String(message), writer)
  })
  const client = new Http2Client(t, serving.port)
  const answers = Array.from({ length: 100 }, (_, index) => client.post(`number ${index}`))
  await until(() => writers.size === 100)
  assert.equal(serving.server.clients.size, 100)
  for (const [name, writer] of [...writers].reverse()) writer.end(`${name} answered`)
  for (const [index, answer] of (await Promise.all(answers)).entries()) {
    assert.equal(answer.body, `number ${index} answered`)
  }
  await until(() => serving.server.clients.size === 0)
})

test('an idle connection ends after keepAliveTimeout, one that asks nothing after headTimeout', async (t) => {
  const serving = await serve(t, { keepAliveTimeout: 50, headTimeout: 50 })
  const [idle, silent] = [new Http2Client(t, serving.port), await joinFrames(t, serving.port)]
  await idle.post('x')
  await until(() => idle.closed && silent.peer.closed === false && silent.peer.ended)
  assert.deepEqual([idle.goaway, silent.goaway], [0, 0])
  silent.peer.socket.end()
  await until(() => serving.server.stats().connections === 0)
  assert.deepEqual(serving.errors, [])
})

test('a client that does not end its side after GOAWAY is cut', async (t) => {
  const serving = await serve(t, { keepAliveTimeout: 50, headTimeout: 50, closeTimeout: 50 })
  const silent = await joinFrames(t, serving.port)
  await until(() => silent.peer.ended)
  await until(() => serving.server.stats().connections === 0)
})

test('a request that takes long keeps the connection', async (t) => {
  const serving = await serve(
    t,
    { keepAliveTimeout: 20, headTimeout: 20 },
    async (_message, _client, writer) => {
      await sleep(1_500)
      writer.write('late')
    },
  )
  const client = new Http2Client(t, serving.port)
  assert.equal((await client.post('x')).body, 'late')
})

test('who ends its side is gone, with all that it has asked for', async (t) => {
  const serving = await serve(t, { explicitEnd: true })
  const frames = await joinFrames(t, serving.port)
  frames.send(
    http2Frame(Frame.headers, END_HEADERS, 1, request('POST')),
    http2Frame(Frame.data, END_STREAM, 1, Buffer.from('whole')),
    http2Frame(Frame.headers, END_HEADERS, 3, request('POST')),
    http2Frame(Frame.data, 0, 3, Buffer.from('part')),
  )
  await until(() => serving.server.clients.size === 2)
  const start = performance.now()
  frames.peer.finish()
  await frames.peer.finished()
  await until(() => serving.server.clients.size === 0 && serving.server.stats().connections === 0)
  assert.ok(performance.now() - start < 2_000)
  assert.deepEqual(serving.messages, ['whole'])
})

test('a connection that is reset disconnects every client on it', async (t) => {
  const serving = await serve(t, { explicitEnd: true })
  const client = new Http2Client(t, serving.port)
  for (let index = 0; index < 3; index++) void client.post('x')
  await until(() => serving.server.clients.size === 3)
  client.session.destroy()
  await until(() => serving.server.clients.size === 0)
  assert.equal(serving.log.filter((line) => line === 'disconnect http').length, 3)
})

test('a connection that breaks is reported once', async (t) => {
  const serving = await serve(t)
  const frames = await joinFrames(t, serving.port)
  await until(() => frames.of(Frame.settings).length > 0)
  frames.peer.socket.resetAndDestroy()
  await until(() => serving.server.stats().connections === 0)
  await new Promise(setImmediate)
  assert.deepEqual(serving.errors, ['ECONNRESET'])
})

test('close: GOAWAY, what is being answered is delivered, then the end', async (t) => {
  let answer: ((text: string) => void) | undefined
  const serving = await serve(t, { explicitEnd: true }, (_message, _client, writer) => {
    writer.write('begun, ')
    answer = (text) => writer.end(text)
  })
  const client = new Http2Client(t, serving.port)
  const answered = client.post('x')
  await until(() => answer !== undefined)
  const closed = once(serving.server, 'close')
  serving.server.close()
  await until(() => client.goaway !== undefined)
  assert.equal(client.goaway, 0)
  assert.equal(client.closed, false)
  answer!('and ended')
  assert.equal((await answered).body, 'begun, and ended')
  await closed
  await until(() => client.closed && serving.server.stats().connections === 0)
})

test('shutdown ends idle connections at once, and cuts what goes on', async (t) => {
  const serving = await serve(t, { explicitEnd: true })
  const [idle, busy] = [new Http2Client(t, serving.port), new Http2Client(t, serving.port)]
  await idle.connected()
  const stream = busy.open({ ':method': 'POST', ':path': '/' })
  stream.end('x')
  await until(() => serving.messages.length === 1)
  const start = performance.now()
  const down = serving.server.shutdown({ timeout: 200 })
  await until(() => idle.closed)
  const answer = await answerOf(stream)
  assert.notEqual(answer.code, 0)
  await down
  assert.ok(performance.now() - start < 2_000)
  await until(() => busy.closed)
})

test('shutdown does not wait for a client that does not read', async (t) => {
  const serving = await serve(t, { explicitEnd: true }, (_message, _client, writer) => {
    for (let index = 0; index < 100; index++) writer.write(Buffer.alloc(100_000))
  })
  // A window as large as it gets: it is TCP that is full.
  const window = Buffer.concat([Buffer.of(0, 4), uint32(2 ** 31 - 1)])
  const frames = await joinFrames(t, serving.port, window)
  frames.peer.socket.pause()
  frames.send(
    http2Frame(Frame.windowUpdate, 0, 0, uint32(2 ** 31 - 1 - 65_535)),
    http2Frame(Frame.headers, END_HEADERS, 1, request('POST')),
    http2Frame(Frame.data, END_STREAM, 1, Buffer.from('x')),
  )
  await until(() => serving.messages.length === 1)
  const start = performance.now()
  await serving.server.shutdown({ timeout: 100 })
  assert.ok(performance.now() - start < 2_000)
})

test('a server that listens again takes HTTP/2 again', async (t) => {
  const serving = await serve(t)
  const first = new Http2Client(t, serving.port)
  await first.post('one')
  const closed = once(serving.server, 'close')
  serving.server.close()
  await closed
  serving.server.listen(serving.port, '127.0.0.1')
  await once(serving.server, 'listening')
  assert.equal((await new Http2Client(t, serving.port).post('two')).body, 'two')
})

test('a frame where none may be ends the connection with GOAWAY', async (t) => {
  const serving = await serve(t, { headTimeout: 50, closeTimeout: 50 })
  const frames = await joinFrames(t, serving.port)
  frames.send(http2Frame(Frame.data, 0, 0, Buffer.from('on the connection')))
  await frames.peer.finished()
  assert.equal(frames.goaway, 1)
  await until(() => serving.server.stats().connections === 0)
})

test('an address can be read off whatever clientError gives', async (t) => {
  const serving = await serve(t, { headTimeout: 50, messageLimit: 4, closeTimeout: 50 })
  const addresses: unknown[] = []
  serving.server.on('clientError', (_error, client) => addresses.push(client.remoteAddress))
  const client = new Http2Client(t, serving.port)
  await client.get('/', { ':authority': 'a', host: 'b' })
  await client.post('too long')
  await answerOf(await client.webSocket({ 'sec-websocket-version': '8' }))
  await answerOf(await client.webSocket({ origin: 'http://b' }))
  const frames = await joinFrames(t, serving.port)
  frames.send(...Array.from({ length: 200 }, () => http2Frame(Frame.settings, 0, 0)))
  await until(() => addresses.length >= 5)
  assert.ok(
    addresses.every((address) => address === '127.0.0.1'),
    String(addresses),
  )
})
