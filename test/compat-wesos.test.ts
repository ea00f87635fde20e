import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { Duplex, Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import * as wesos from '../src/compat/wesos/index.ts'
import { type ConnectOptions, connect, type WebSocketClient } from '../src/index.ts'
import { collect, get, listen, open, receives } from './support/facades.ts'
import { certificate, join, type Peer, until } from './support/serving.ts'

/** An HTTP server that the given one listens to. */
async function start(t: TestContext, wserver: wesos.Server): Promise<{ server: HttpServer; port: number }> {
  const server = createHttpServer()
  assert.equal(wserver.listen(server), wserver)
  return { server, port: await listen(t, server) }
}

/** A client, and the socket that the server has of it. */
async function meet(
  t: TestContext,
  wserver: wesos.Server,
  port: number,
  options: ConnectOptions = {},
): Promise<[client: WebSocketClient, wsocket: wesos.Socket]> {
  const opened = new Promise<wesos.Socket>((resolve) => wserver.once('open', resolve))
  const client = await open(t, port, options)
  return [client, await opened]
}

async function textOf(stream: Readable): Promise<string> {
  let text = ''
  for await (const piece of stream) text += piece
  return text
}

const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const HANDSHAKE = `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n`

/** A client of which every byte is seen. */
async function wire(t: TestContext, port: number): Promise<Peer> {
  const peer = await join(t, port)
  await peer.send(get('/', HANDSHAKE)).receives('\r\n\r\n')
  peer.received = Buffer.alloc(0)
  return peer
}

/** A masked text frame, with the mask 0, of less than 126 bytes. */
function frame(first: number, payload: string): string {
  return String.fromCharCode(first, 0x80 | payload.length) + '\0\0\0\0' + payload
}

test('the example: one that goes does not end the others, and bytes stay bytes', async (t) => {
  const wserver = wesos.createServer((wsocket, wserver) => wsocket.pipe(wserver))
  const { port } = await start(t, wserver)
  const [first, one] = await meet(t, wserver, port)
  const [second, two] = await meet(t, wserver, port)
  const received = collect(second)
  first.close()
  await once(one, 'close')
  two.emit('error', new Error('of one socket'))
  wserver.emit('error', new Error('told by the server'))
  second.write(Buffer.from([0xff]))
  second.write('text')
  await until(() => received.length === 2)
  assert.deepEqual(
    received.map(({ isText }) => isText),
    [false, true],
  )
  assert.equal(wserver.writable, true)
})

test('unpipe takes a socket out of the broadcast, and nothing is sent twice', async (t) => {
  const wserver = wesos.createServer()
  const { port } = await start(t, wserver)
  const [client, wsocket] = await meet(t, wserver, port)
  const received = collect(client)
  wsocket.pipe(wserver)
  assert.equal(wsocket.pipe(wserver), wserver)
  client.write('once')
  await until(() => received.length === 1)
  wsocket.unpipe(wserver)
  wsocket.unpipe(wserver)
  const read = once(wsocket.resume(), 'data')
  client.write('here')
  assert.deepEqual([await read, received.length], [['here'], 1])
  const others: string[] = []
  wsocket.pipe(
    new Writable({
      objectMode: true,
      write(chunk, _encoding, done) {
        others.push(chunk)
        done()
      },
    }),
  )
  client.write('there')
  await until(() => others.length === 1)
  wsocket.unpipe()
  assert.deepEqual(others, ['there'])
})

test('new Server(): open, with the socket and the server; error; close with the HTTP server', async (t) => {
  const wserver = new wesos.Server()
  const { server, port } = await start(t, wserver)
  const opened: unknown[][] = []
  wserver.on('open', (...args) => opened.push(args))
  const [, wsocket] = await meet(t, wserver, port)
  assert.deepEqual(opened, [[wsocket, wserver]])
  assert.ok(wsocket instanceof wesos.Socket && wsocket instanceof Duplex)
  assert.equal(wsocket.client.version, '13')
  const failed = once(wserver, 'error')
  const refused = await join(t, port)
  await refused.send(get('/', HANDSHAKE.replace('13', '99'))).finished()
  refused.socket.destroy()
  const [error] = (await failed.catch((thrown) => [thrown])) as [Error & { code: string }]
  assert.equal(error.code, 'ERR_WS_VERSION')
  let closed = false
  wserver.on('close', () => {
    closed = true
  })
  server.close()
  server.closeAllConnections()
  wsocket.destroy()
  await until(() => closed)
})

test('close comes with the last of the HTTP servers that it listens to', async (t) => {
  const wserver = new wesos.Server({ path: null })
  const { server } = await start(t, wserver)
  const { server: other, port } = await start(t, wserver)
  assert.equal(wserver.listen(other), wserver)
  server.close()
  await once(server, 'close')
  const [client] = await meet(t, wserver, port)
  wserver.write('still there')
  assert.equal((await receives(client)).text, 'still there')
  client.close()
  other.close()
  await once(wserver, 'close')
})

test('server.listen(http): with https, and with a path', async (t) => {
  const https = createHttpsServer({ key: certificate.key, cert: certificate.cert })
  const port = await listen(t, https)
  const wserver = wesos.createServer((wsocket) => wsocket.write('hi'), { path: '/here' })
  wserver.listen(https)
  const tls = { rejectUnauthorized: false }
  const client = await connect(`wss://127.0.0.1:${port}/here`, { tls })
  t.after(() => client.destroy())
  assert.equal((await receives(client)).text, 'hi')
  await assert.rejects(connect(`wss://127.0.0.1:${port}/there`, { tls }), { status: 404 })
})

test('message: an Incoming, which is readable, and ends', async (t) => {
  const wserver = wesos.createServer()
  const { port } = await start(t, wserver)
  const [client, wsocket] = await meet(t, wserver, port)
  const log: unknown[] = []
  wsocket.on('message', (incoming) => {
    assert.ok(incoming instanceof wesos.Incoming && incoming instanceof Readable)
    log.push(['isText', incoming.isText])
    incoming.on('readable', () => {
      for (let piece = incoming.read(); piece !== null; piece = incoming.read()) log.push(String(piece))
    })
    incoming.on('end', () => log.push('end'))
  })
  client.write('text')
  await until(() => log.length === 3)
  client.write(Buffer.from('bytes'))
  await until(() => log.length === 6)
  assert.deepEqual(log, [['isText', true], 'text', 'end', ['isText', false], 'bytes', 'end'])
})

test('close: a close frame, or the end without one; end before it', async (t) => {
  const wserver = wesos.createServer()
  const { port } = await start(t, wserver)
  const log: unknown[] = []
  wserver.on('open', (wsocket) => {
    for (const event of ['end', 'close']) {
      wsocket.on(event, () => log.push([event, wsocket.client.closeCode]))
    }
  })
  const [client] = await meet(t, wserver, port)
  client.close(4321, 'bye')
  await until(() => log.length === 2)
  ;(await wire(t, port)).finish()
  await until(() => log.length === 4)
  ;(await wire(t, port)).socket.resetAndDestroy()
  await until(() => log.length === 6)
  assert.deepEqual(log, [
    ['end', 4321],
    ['close', 4321],
    ['end', undefined],
    ['close', undefined],
    ['end', undefined],
    ['close', undefined],
  ])
})

test('ping: with its payload; it is answered', async (t) => {
  const wserver = wesos.createServer()
  const { port } = await start(t, wserver)
  const pings: string[] = []
  wserver.on('open', (wsocket) => wsocket.on('ping', (payload: Buffer) => pings.push(payload.toString())))
  const peer = await wire(t, port)
  await peer.send(frame(0x89, 'ping')).receives('\x8a\x04ping')
  await until(() => pings.length === 1)
  assert.deepEqual(pings, ['ping'])
})

test('a socket is a stream of whole messages: text as strings, bytes as Buffers', async (t) => {
  const wserver = wesos.createServer()
  const { port } = await start(t, wserver)
  const [client, wsocket] = await meet(t, wserver, port)
  client.write('text')
  client.write('')
  client.write(Buffer.from('bytes'))
  client.close()
  const messages: unknown[] = []
  for await (const message of wsocket) messages.push(message)
  assert.deepEqual(messages, ['text', '', Buffer.from('bytes')])
})

test('what is written to a socket is a message a chunk; its end closes the client', async (t) => {
  const wserver = wesos.createServer()
  const { port } = await start(t, wserver)
  const [client, wsocket] = await meet(t, wserver, port)
  const received = collect(client)
  const closed = once(client, 'close')
  await pipeline(Readable.from(['one', Buffer.from('two'), 'three']), wsocket)
  assert.deepEqual(await closed, [1000, ''])
  assert.deepEqual(received, [
    { text: 'one', isText: true },
    { text: 'two', isText: false },
    { text: 'three', isText: true },
  ])
  const [, other] = await meet(t, wserver, port)
  const failed = new Promise((resolve) => other.write(1, resolve))
  assert.ok((await failed) instanceof TypeError)
})

test('an echo through the socket itself, of 1,000 messages in order', async (t) => {
  const wserver = wesos.createServer((wsocket) => wsocket.pipe(wsocket))
  const { port } = await start(t, wserver)
  const client = await open(t, port)
  const all = collect(client)
  for (let index = 0; index < 1000; index++) client.write(`${index}`)
  await until(() => all.length === 1000)
  assert.deepEqual(
    all.map(({ text }) => text),
    Array.from({ length: 1000 }, (_, index) => `${index}`),
  )
})

test('messages that come before anybody takes them wait, for a listener or a reader', async (t) => {
  const wserver = wesos.createServer()
  const { port } = await start(t, wserver)
  const [first, heard] = await meet(t, wserver, port)
  for (const text of ['a', 'b', 'c']) first.write(text)
  const [second, read] = await meet(t, wserver, port)
  for (const text of ['d', 'e']) second.write(text)
  await sleep(30)
  const seen: string[] = []
  heard.on('message', async (incoming) => seen.push(await textOf(incoming)))
  await until(() => seen.length === 3)
  read.on('data', (message) => seen.push(message))
  await until(() => seen.length === 5)
  assert.deepEqual(seen, ['a', 'b', 'c', 'd', 'e'])
})

test('who listens and reads gets each message both ways', async (t) => {
  const wserver = wesos.createServer()
  const { port } = await start(t, wserver)
  const [client, wsocket] = await meet(t, wserver, port)
  const seen: string[] = []
  wsocket.on('message', async (incoming) => seen.push(`heard ${await textOf(incoming)}`))
  wsocket.on('data', (message) => seen.push(`read ${message}`))
  client.write('one')
  client.write('two')
  await until(() => seen.length === 4)
  assert.deepEqual(seen.sort(), ['heard one', 'heard two', 'read one', 'read two'])
})

test('new Outgoing(socket): write is a fragment each, end alone is one frame', async (t) => {
  const wserver = wesos.createServer()
  const { port } = await start(t, wserver)
  const opened = new Promise<wesos.Socket>((resolve) => wserver.once('open', resolve))
  const peer = await wire(t, port)
  const wsocket = await opened
  const fragmented = new wesos.Outgoing(wsocket)
  assert.ok(fragmented instanceof Writable)
  fragmented.write('one')
  fragmented.write('two')
  fragmented.end('three')
  await peer.receives('\x01\x03one\x00\x03two\x00\x05three\x80\x00')
  peer.received = Buffer.alloc(0)
  new wesos.Outgoing(wsocket).end('whole')
  await peer.receives('\x81\x05whole')
  peer.received = Buffer.alloc(0)
  new wesos.Outgoing(wsocket).end(Buffer.from('bytes'))
  await peer.receives('\x82\x05bytes')
  peer.received = Buffer.alloc(0)
  new wesos.Outgoing(wsocket, { binary: false }).end(Buffer.from('text'))
  await peer.receives('\x81\x04text')
  peer.received = Buffer.alloc(0)
  new wesos.Outgoing(wsocket).end()
  await peer.receives('\x81\x00')
  peer.received = Buffer.alloc(0)
  const bytes = new wesos.Outgoing(wsocket)
  bytes.write('6869', 'hex')
  bytes.write(Buffer.from('!'))
  bytes.end()
  await peer.receives('\x01\x02hi\x00\x01!\x80\x00')
})
