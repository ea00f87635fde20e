/** WebSocket.IO's facade and those who mean it no good, applications included. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { Duplex } from 'node:stream'
import { type TestContext, test } from 'node:test'
import * as ws from '../src/compat/websocket.io/index.ts'
import type { ConnectOptions, WebSocketClient } from '../src/index.ts'
import { ask, collect, get, listen, open, receives } from './support/facades.ts'
import { join, until } from './support/serving.ts'
import { uncaught } from './support/uncaught.ts'

interface Serving {
  readonly server: ws.Server
  readonly port: number
}

async function serve(t: TestContext, options?: ws.Options | null): Promise<Serving> {
  const http = createHttpServer()
  const server = ws.attach(http, options)
  return { server, port: await listen(t, http) }
}

async function meet(
  t: TestContext,
  { server, port }: Serving,
  options: ConnectOptions = {},
): Promise<[client: WebSocketClient, socket: ws.Socket]> {
  const [[socket], client] = await Promise.all([once(server, 'connection'), open(t, port, options)])
  return [client, socket as ws.Socket]
}

test('options: null is none, path null and "" are any, and what is not given has its default', async (t) => {
  assert.deepEqual(new ws.Server(null).options, { path: null, clientTracking: true })
  for (const options of [null, { path: null }, { path: '' }]) {
    const serving = await serve(t, options)
    const [client, socket] = await meet(t, serving)
    socket.send('hi')
    assert.equal((await receives(client)).text, 'hi')
  }
  const server = new ws.Server({ path: null })
  const http = createHttpServer()
  http.on('upgrade', (req, socket, head) => server.handleUpgrade(req, socket, head))
  server.on('connection', (socket) => socket.send('any'))
  assert.equal(
    (await receives(await open(t, await listen(t, http), { path: '/x' } as ConnectOptions))).text,
    'any',
  )
})

test('paths are compared as a whole', async (t) => {
  const { port } = await serve(t, { path: '/chat' })
  for (const path of ['/chat/', '/cha', '/chat2', '/Chat', '/toString', '/__proto__', '//chat', '/x?/chat']) {
    await assert.rejects(open(t, port, { path } as ConnectOptions), { status: 404 }, path)
  }
})

test('whatever listeners throw, a client that goes is gone, and the others stay', async (t) => {
  const caught = uncaught(t)
  const serving = await serve(t)
  const { server } = serving
  const throwing = (name: string) => (): void => {
    throw new Error(name)
  }
  const [stays, one] = await meet(t, serving)
  const [goes, two] = await meet(t, serving)
  two.on('message', throwing('message'))
  two.on('close', throwing('close'))
  goes.write('a message')
  await until(() => caught.length === 1)
  assert.equal(two.readyState, 'open')
  goes.destroy()
  await until(() => caught.length === 2)
  server.once('connection', throwing('connection'))
  const third = await open(t, serving.port)
  await until(() => caught.length === 3)
  third.destroy()
  await until(() => server.clientsCount === 1)
  assert.deepEqual(caught, ['message', 'close', 'connection'])
  assert.deepEqual(Object.values(server.clients!), [one])
  one.send('all well')
  assert.equal((await receives(stays)).text, 'all well')
})

for (const ending of ['close', 'end', 'destroy'] as const) {
  test(`${ending} inside the listeners of connection, message and close, and again`, async (t) => {
    const serving = await serve(t)
    const { server } = serving
    const log: string[] = []
    server.on('connection', (socket) => {
      socket.on('close', () => {
        log.push('close')
        assert.equal(socket[ending]().send('too late'), socket)
      })
      socket.on('message', (message) => {
        log.push(`${message}`)
        socket[ending]()[ending]()
      })
      if (log.length === 0) socket[ending]()[ending]()
    })
    const code = ending === 'destroy' ? 1006 : 1000
    const first = await open(t, serving.port).catch(() => undefined)
    if (first !== undefined) assert.deepEqual(await once(first, 'close'), [code, ''])
    await until(() => log.length === 1)
    const second = await open(t, serving.port)
    second.write('one')
    second.write('two')
    assert.deepEqual(await once(second, 'close'), [code, ''])
    await until(() => log.length === 3)
    assert.deepEqual([log, server.clientsCount], [['close', 'one', 'close'], 0])
  })
}

test('clients that go while all are sent something', async (t) => {
  const serving = await serve(t)
  const { server } = serving
  const clients: WebSocketClient[] = []
  for (let count = 0; count < 6; count++) clients.push((await meet(t, serving))[0])
  const received = clients.map(collect)
  for (const [index, socket] of server.clients!.entries()) {
    if (index % 2 === 0) socket.destroy()
    socket.send('to all')
    server.clients!.at(-1)!.send('to the last')
  }
  await until(() => received[5]!.length === 7)
  await until(() => server.clientsCount === 3)
  assert.deepEqual(
    received.map(({ length }) => length),
    [0, 1, 0, 1, 0, 7],
  )
})

test('a stream that is gone already is left alone', () => {
  const server = new ws.Server()
  const gone = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
  gone.destroy()
  const request = { method: 'GET', url: '/', headers: { upgrade: 'websocket' }, rawHeaders: [] }
  assert.equal(server.handleUpgrade(request as never, gone, Buffer.alloc(0)), server)
  assert.equal(server.clientsCount, 0)
})

test('origins and subprotocols are compared as a whole', async (t) => {
  const { port } = await serve(t, { allowOrigin: 'a.example', protocols: ['chat'] })
  for (const Origin of [
    'http://a.example.evil.net',
    'http://xa.example',
    'http://a.example@evil.net',
    'null',
  ]) {
    await assert.rejects(open(t, port, { headers: { Origin } }), { status: 403 }, Origin)
  }
  const client = await open(t, port, {
    headers: { Origin: 'https://a.example' },
    protocols: ['__proto__', 'Chat', 'chat'],
  })
  assert.equal(client.subprotocol, 'chat')
})

test('requests that are no WebSocket, and those that are refused, leave no client', async (t) => {
  const { server, port } = await serve(t)
  server.on('connection', () => assert.fail('it is none'))
  const upgrade = 'Connection: Upgrade, close\r\nUpgrade: websocket\r\n'
  for (const fields of ['99', '__proto__', '13'].map((version) => `Sec-WebSocket-Version: ${version}\r\n`)) {
    const refused = await ask(t, port, get('/', upgrade + fields))
    assert.match(refused, /^HTTP\/1.1 4/)
  }
  const peer = await join(t, port)
  peer.send(get('/', upgrade).slice(0, -4)).socket.resetAndDestroy()
  assert.equal(server.clientsCount, 0)
})
