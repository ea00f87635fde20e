/** WebSocket on HTTP/2 (RFC 8441). */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2'
import { text as textOf } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { inflateRawSync } from 'node:zlib'
import type { ServerOptions } from '../src/index.ts'
import {
  binary,
  closeCode,
  closing,
  encode,
  type Frame,
  FrameReader,
  Opcode,
  ping,
  text,
} from './support/frames.ts'
import { answerOf, Http2Client } from './support/http2.ts'
import { certificate, echo, type Serving, serve, until } from './support/serving.ts'

const KEY = 0x12345678

/** A WebSocket of a client, frame by frame. */
class Channel {
  readonly stream: ClientHttp2Stream
  readonly reader = new FrameReader()
  headers: IncomingHttpHeaders = {}
  ended = false
  closed = false

  constructor(stream: ClientHttp2Stream) {
    this.stream = stream
    stream.on('response', (headers) => {
      this.headers = headers
    })
    stream.on('data', (chunk: Buffer) => this.reader.push(chunk))
    stream.on('end', () => {
      this.ended = true
    })
    stream.on('close', () => {
      this.closed = true
    })
  }

  get frames(): readonly Frame[] {
    return this.reader.frames
  }

  get texts(): string[] {
    return this.frames.map(({ payload }) => Buffer.from(payload).toString())
  }

  send(...frames: readonly Frame[]): this {
    this.stream.write(Buffer.concat(frames.map((frame) => encode(frame, KEY))))
    return this
  }

  /** The message that comes next is this one. */
  async receives(message: string): Promise<void> {
    await until(() => this.texts.includes(message) || this.closed)
    assert.ok(this.texts.includes(message), this.texts.join())
  }
}

async function open(client: Http2Client, headers: OutgoingHttpHeaders = {}): Promise<Channel> {
  const channel = new Channel(await client.webSocket(headers))
  await until(() => channel.headers[':status'] !== undefined || channel.closed)
  assert.equal(channel.headers[':status'], 200)
  return channel
}

async function join(
  t: TestContext,
  options: ServerOptions = {},
  headers: OutgoingHttpHeaders = {},
): Promise<{ serving: Serving; client: Http2Client; channel: Channel }> {
  const serving = await serve(t, options)
  const client = new Http2Client(t, serving.port)
  return { serving, client, channel: await open(client, headers) }
}

test('the same client as ever; its request shows HTTP/2', async (t) => {
  const { serving, channel } = await join(
    t,
    {},
    { ':path': '/chat?a', 'x-a': 'b', 'sec-websocket-key': 'of no use' },
  )
  channel.send(text('hello'), binary('bytes'))
  await channel.receives('bytes')
  assert.deepEqual(
    channel.frames.map(({ opcode }) => opcode),
    [Opcode.text, Opcode.binary],
  )
  const { client } = serving.clients[0]!
  assert.deepEqual([client.protocol, client.version, client.encrypted], ['websocket', '13', false])
  assert.equal(client.remoteAddress, '127.0.0.1')
  const { method, url, httpVersion, headers } = client.request!
  assert.deepEqual([method, url, httpVersion, headers['x-a']], ['GET', '/chat?a', '2.0', 'b'])
  for (const name of ['connection', 'upgrade', 'sec-websocket-key']) assert.equal(headers[name], undefined)
  for (const name of ['connection', 'upgrade', 'sec-websocket-accept']) {
    assert.equal(channel.headers[name], undefined)
  }
})

test('over TLS', async (t) => {
  const serving = await serve(t, { ...certificate })
  const client = new Http2Client(t, serving.port, {}, 'https')
  const origin = `https://127.0.0.1:${serving.port}`
  await (await open(client, { origin })).send(text('secret')).receives('secret')
  assert.equal(serving.clients[0]!.client.encrypted, true)
})

test('subprotocol and permessage-deflate', async (t) => {
  const { channel, serving } = await join(
    t,
    { protocols: ['b', 'c'], compression: { threshold: 10 } },
    { 'sec-websocket-protocol': 'a, b', 'sec-websocket-extensions': 'permessage-deflate' },
  )
  assert.equal(channel.headers['sec-websocket-protocol'], 'b')
  assert.match(String(channel.headers['sec-websocket-extensions']), /^permessage-deflate/)
  assert.equal(serving.clients[0]!.client.subprotocol, 'b')
  const message = 'compressed '.repeat(100)
  channel.send(text(message))
  await until(() => channel.frames.length === 1)
  const [frame] = channel.frames as [Frame]
  assert.equal(frame.rsv, 4)
  const tail = Buffer.of(0, 0, 0xff, 0xff)
  assert.equal(inflateRawSync(Buffer.concat([frame.payload, tail]), { finishFlush: 2 }).toString(), message)
})

test('what an upgrade hook decides: at once, later, or too late', async (t) => {
  const hook: NonNullable<ServerOptions['upgrade']> = async (request, offer) => {
    assert.deepEqual([request.httpVersion, offer.version], ['2.0', '13'])
    const what = request.url.slice(1)
    if (what === 'late') await sleep(5_000, undefined, { ref: false })
    if (what !== 'now') await sleep(20)
    if (what === 'refused') return { status: 418, message: 'a teapot', headers: { 'X-A': 'b' } }
    return what !== 'false' && { protocol: 'x', data: what, headers: { 'X-A': 'c' } }
  }
  const serving = await serve(t, { upgrade: hook, handshakeTimeout: 200, closeTimeout: 50 })
  const client = new Http2Client(t, serving.port)
  const refused = await answerOf(await client.webSocket({ ':path': '/refused' }))
  assert.deepEqual([refused.status, refused.headers['x-a'], refused.code], [418, 'b', 0])
  assert.match(refused.body, /a teapot/)
  assert.equal((await answerOf(await client.webSocket({ ':path': '/false' }))).status, 403)
  assert.equal((await answerOf(await client.webSocket({ ':path': '/late' }))).status, 503)
  const channel = await open(client, { ':path': '/soon', 'sec-websocket-protocol': 'x' })
  assert.deepEqual([channel.headers['x-a'], channel.headers['sec-websocket-protocol']], ['c', 'x'])
  assert.equal(serving.clients[0]!.client.data, 'soon')
  assert.deepEqual(serving.errors, ['ERR_UPGRADE_REFUSED', 'ERR_UPGRADE_REFUSED', 'ERR_UPGRADE_TIMEOUT'])
})

test('frames that come with the request, also while the application is asked', async (t) => {
  for (const upgrade of [undefined, () => sleep(30, true)]) {
    const serving = await serve(t, upgrade === undefined ? {} : { upgrade })
    const client = new Http2Client(t, serving.port)
    const channel = new Channel(await client.webSocket())
    channel.send(text('glued')).send(text('and more'))
    await channel.receives('and more')
    assert.deepEqual(channel.texts, ['glued', 'and more'])
  }
})

test('what is no WebSocket of RFC 6455 is refused', async (t) => {
  const serving = await serve(t, { allowOrigin: 'example.com', closeTimeout: 200 })
  const client = new Http2Client(t, serving.port)
  for (const [headers, status] of [
    [{ origin: 'https://example.org' }, 403],
    [{ 'sec-websocket-version': '8' }, 400],
    [{ 'sec-websocket-version': [] }, 400],
    [{ 'sec-websocket-protocol': 'a, a' }, 400],
    [{ ':protocol': 'webtransport' }, 501],
  ] as const) {
    const answer = await answerOf(await client.webSocket(headers as OutgoingHttpHeaders))
    assert.deepEqual([answer.status, answer.code], [status, 0], JSON.stringify(headers))
  }
  const version = await answerOf(await client.webSocket({ 'sec-websocket-version': '99' }))
  assert.equal(version.headers['sec-websocket-version'], '13')
  const tunnel = await answerOf(client.session.request({ ':method': 'CONNECT', ':authority': 'a:80' }))
  assert.equal(tunnel.status, 501)
  assert.equal(serving.clients.length, 0)
  assert.equal(serving.errors.length, 7)
  const other = new Http2Client(t, (await serve(t, { versions: ['hixie-76'], closeTimeout: 50 })).port)
  assert.equal((await answerOf(await other.webSocket())).status, 400)
})

test('the client closes: its frame is answered, then END_STREAM', async (t) => {
  const { channel, serving } = await join(t)
  channel.send(closing(3456, 'enough'))
  await until(() => channel.ended)
  assert.equal(closeCode(channel.reader.close!), 3456)
  channel.stream.end()
  await until(() => channel.closed)
  assert.equal(channel.stream.rstCode, 0)
  await until(() => serving.log.includes('disconnect websocket'))
  assert.deepEqual([serving.clients[0]!.client.closeCode, serving.errors], [3456, []])
})

test('the server closes: END_STREAM once the client has answered', async (t) => {
  const { channel, serving } = await join(t)
  serving.clients[0]!.writer.close(4000, 'over')
  await until(() => channel.reader.close !== undefined)
  assert.equal(closeCode(channel.reader.close!), 4000)
  assert.equal(channel.ended, false)
  channel.send(closing(4000))
  await until(() => channel.ended)
  channel.stream.end()
  await until(() => channel.closed)
  assert.equal(channel.stream.rstCode, 0)
})

test('an end without a close frame is an end; a reset is a reset (§5)', async (t) => {
  const { channel, serving, client } = await join(t)
  channel.stream.end()
  await until(() => channel.closed)
  assert.equal(channel.stream.rstCode, 0)
  await until(() => serving.log.includes('disconnect websocket'))
  const reset = await open(client)
  reset.stream.close(constants.NGHTTP2_CANCEL)
  await until(() => serving.log.filter((line) => line === 'disconnect websocket').length === 2)
  const destroyed = await open(client)
  serving.clients[2]!.writer.destroy()
  await until(() => destroyed.closed)
  assert.equal(destroyed.stream.rstCode, constants.NGHTTP2_CANCEL)
  await until(() => serving.server.clients.size === 0)
  assert.deepEqual(serving.errors, [])
})

test('a client that does not answer a close is reset with CANCEL', async (t) => {
  const { channel, serving } = await join(t, { closeTimeout: 50 })
  serving.clients[0]!.writer.close()
  await until(() => channel.closed)
  assert.equal(channel.stream.rstCode, constants.NGHTTP2_CANCEL)
  assert.deepEqual(serving.errors, [])
})

test('what breaks the protocol is answered with its close code', async (t) => {
  const { channel, serving } = await join(t, { messageLimit: 1000 })
  channel.stream.write(encode(text('not masked')))
  await until(() => channel.ended)
  assert.equal(closeCode(channel.reader.close!), 1002)
  const large = await open(new Http2Client(t, serving.port))
  large.send(binary('x'.repeat(1001)))
  await until(() => large.ended)
  assert.equal(closeCode(large.reader.close!), 1009)
  assert.equal(serving.errors.length, 2)
})

test('pings both ways, and the end of an idle client', async (t) => {
  const { channel, serving } = await join(t, { pingInterval: 30, idleTimeout: 200 })
  channel.send(ping('are you there'))
  await channel.receives('are you there')
  assert.equal(channel.frames.at(-1)!.opcode, Opcode.pong)
  await until(() => channel.frames.some(({ opcode }) => opcode === Opcode.ping))
  await until(() => channel.reader.close !== undefined)
  assert.equal(closeCode(channel.reader.close!), 1001)
  assert.deepEqual(serving.errors, ['ERR_IDLE_TIMEOUT'])
})

test('a thousand messages in order, one larger than every window, and many at once', async (t) => {
  const { channel, client } = await join(t, { compression: false })
  const messages = Array.from({ length: 1000 }, (_, index) => `message ${index}`)
  for (const message of messages) channel.send(text(message))
  await until(() => channel.frames.length === 1000)
  assert.deepEqual(channel.texts, messages)
  const large = 'large '.repeat(500_000)
  channel.send(text(large))
  await channel.receives(large)
  const others = await Promise.all(Array.from({ length: 50 }, () => open(client)))
  for (const [index, other] of others.entries()) other.send(text(`from ${index}`))
  await Promise.all(others.map((other, index) => other.receives(`from ${index}`)))
  assert.equal((await client.post('and a request beside them')).status, 200)
})

test('a client that does not read: drain, and the write limit', async (t) => {
  const { channel, serving } = await join(t, { writeLimit: 1024 * 1024 })
  const { writer } = serving.clients[0]!
  channel.stream.pause()
  const piece = Buffer.alloc(64 * 1024)
  while (writer.write(piece)) await sleep(1)
  const drained = once(writer, 'drain')
  channel.stream.resume()
  await drained
  channel.stream.pause()
  for (let sent = 0; sent < 100 && serving.errors.length === 0; sent++) {
    writer.write(piece)
    await sleep(1)
  }
  assert.deepEqual(serving.errors, ['ERR_WRITE_LIMIT'])
  channel.stream.resume()
  await until(() => channel.closed)
  assert.equal(channel.stream.rstCode, constants.NGHTTP2_CANCEL)
})

test('an echo whose client does not read stops reading', async (t) => {
  const { channel, serving } = await join(t, { compression: false })
  channel.stream.pause()
  const lines = 4 * 1024
  const message = 'x'.repeat(1024)
  for (let sent = 0; sent < lines; sent++) channel.send(text(message))
  let before = -1
  while (serving.messages.length !== before || before === 0) {
    before = serving.messages.length
    await sleep(100)
  }
  assert.ok(before < lines)
  channel.stream.resume()
  await until(() => channel.frames.length === lines)
})

test('messages as they arrive', async (t) => {
  const serving = await serve(t, { stream: true })
  serving.server.removeAllListeners('message')
  serving.server.on('message', async (message, _client, writer) => {
    writer.write(String((await textOf(message as never)).length))
  })
  const channel = await open(new Http2Client(t, serving.port))
  channel.send(text('x'.repeat(200_000), false), { ...text('yz'), opcode: Opcode.continuation })
  await channel.receives('200002')
})

test('broadcast, and shutdown with 1001', async (t) => {
  const serving = await serve(t, {}, echo)
  const client = new Http2Client(t, serving.port)
  const channels = [await open(client), await open(client)]
  serving.server.broadcast('to all')
  for (const channel of channels) await channel.receives('to all')
  const down = serving.server.shutdown()
  for (const channel of channels) {
    await until(() => channel.reader.close !== undefined)
    assert.equal(closeCode(channel.reader.close!), 1001)
    channel.send(closing(1001)).stream.end()
  }
  await down
  await until(() => client.closed)
  assert.equal(client.goaway, 0)
  assert.deepEqual(serving.errors, [])
})

test('close leaves WebSockets open, and a connection that is cut ends them', async (t) => {
  const { channel, serving, client } = await join(t)
  const closed = once(serving.server, 'close')
  serving.server.close()
  await until(() => client.goaway === 0)
  await channel.send(text('still here')).receives('still here')
  client.session.destroy()
  await until(() => serving.log.includes('disconnect websocket'))
  await closed
  assert.equal(serving.server.stats().connections, 0)
})
