/** node-websocket-server's facade and those who mean it no good, applications included. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type TestContext, test } from 'node:test'
import * as ws from '../src/compat/websocket-server/index.ts'
import { type ConnectOptions, connect, type WebSocketClient } from '../src/index.ts'
import { ask, collect, get, listen, open, receives } from './support/facades.ts'
import { certificate, join, until } from './support/serving.ts'
import { uncaught } from './support/uncaught.ts'

async function serve(t: TestContext, options: ws.Options = {}): Promise<{ server: ws.Server; port: number }> {
  const http = createHttpServer()
  const server = ws.createServer({ ...options, server: http })
  return { server, port: await listen(t, http) }
}

async function meet(
  t: TestContext,
  { server, port }: { server: ws.Server; port: number },
  options: ConnectOptions = {},
): Promise<[socket: WebSocketClient, connection: ws.Connection]> {
  const [[connection], socket] = await Promise.all([once(server, 'connection'), open(t, port, options)])
  return [socket, connection as ws.Connection]
}

test('ids are names of nothing else, and never come again', async (t) => {
  const serving = await serve(t)
  const { server } = serving
  const ids = new Set<string>()
  for (let round = 0; round < 5; round++) {
    const [socket, connection] = await meet(t, serving)
    ids.add(connection.id)
    socket.destroy()
    await until(() => server.manager.length === 0)
  }
  assert.equal(ids.size, 5)
  const [socket] = await meet(t, serving)
  for (const id of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '', ...ids]) {
    server.send(id, 'to nobody')
    server.manager.find(id, () => assert.fail(`somebody has the id ${id}`))
  }
  server.broadcast('to who is there')
  assert.equal((await receives(socket)).text, 'to who is there')
})

test('whatever listeners throw, a client that goes is gone, and the others stay', async (t) => {
  const caught = uncaught(t)
  const serving = await serve(t)
  const { server } = serving
  const throwing = (name: string) => (): void => {
    throw new Error(name)
  }
  const [stays] = await meet(t, serving)
  const [goes, connection] = await meet(t, serving)
  connection.on('stateChange', throwing('stateChange'))
  connection.on('message', throwing('message'))
  goes.write('a message')
  await until(() => caught.length === 1)
  assert.equal(connection.state, ws.State.connected)
  goes.destroy()
  await until(() => caught.length === 2)
  assert.deepEqual([caught, server.manager.length], [['message', 'stateChange'], 1])
  server.on('connection', throwing('connection'))
  server.on('disconnect', throwing('disconnect'))
  const third = await open(t, serving.port)
  await until(() => caught.length === 3)
  third.destroy()
  await until(() => caught.length === 4)
  assert.deepEqual([caught.slice(2), server.manager.length], [['connection', 'disconnect'], 1])
  server.removeAllListeners('disconnect')
  server.broadcast('all well')
  assert.equal((await receives(stays)).text, 'all well')
})

test('a rejected client is gone, though a listener of rejected throws', async (t) => {
  const serving = await serve(t)
  const [, connection] = await meet(t, serving)
  connection.on('rejected', () => {
    throw new Error('thrown')
  })
  assert.throws(() => connection.reject(), { message: 'thrown' })
  assert.deepEqual([connection.state, serving.server.manager.length], [ws.State.closed, 0])
})

for (const ending of ['close', 'reject'] as const) {
  test(`${ending} inside the listeners of connection, message, stateChange and close, and again`, async (t) => {
    const serving = await serve(t)
    const { server } = serving
    const log: string[] = []
    server.on('connection', (connection) => {
      connection.on('close', () => {
        log.push('close')
        connection[ending]()
      })
      connection.on('stateChange', () => {
        log.push('stateChange')
        connection[ending]()
        assert.equal(connection.write('too late'), false)
      })
      connection.on('message', () => connection[ending]())
      if (log.length === 0) connection[ending]()
      connection[ending]()
    })
    const code = ending === 'close' ? 1000 : 1008
    const first = await open(t, serving.port)
    assert.deepEqual(await once(first, 'close'), [code, ''])
    await until(() => log.length === 2)
    const second = await open(t, serving.port)
    second.write('a message')
    assert.deepEqual(await once(second, 'close'), [code, ''])
    await until(() => log.length === 4)
    assert.deepEqual(log, ['stateChange', 'close', 'stateChange', 'close'])
    assert.equal(server.manager.length, 0)
  })
}

test('a broadcast that ends clients, and clients that go while it is sent', async (t) => {
  const serving = await serve(t)
  const { server } = serving
  const sockets: WebSocketClient[] = []
  for (let count = 0; count < 6; count++) sockets.push((await meet(t, serving))[0])
  const received = sockets.map(collect)
  let round = 0
  server.manager.forEach((connection) => {
    if (round++ % 2 === 0) connection.reject()
    server.broadcast(`${round}`)
  })
  await until(() => received[5]!.length === 6)
  assert.deepEqual(
    received.map(({ length }) => length),
    [0, 6, 2, 6, 4, 6],
  )
  assert.equal(server.manager.length, 3)
  for (const socket of sockets) socket.destroy()
  for (let count = 0; count < 10; count++) server.broadcast('to nobody')
  await until(() => server.manager.length === 0)
})

test('error: what goes wrong with a connection, before its close; without a listener nothing is thrown', async (t) => {
  const serving = await serve(t, { messageLimit: 4 })
  const [first, connection] = await meet(t, serving)
  const log: unknown[] = []
  connection.on('error', (error) => log.push((error as NodeJS.ErrnoException).code))
  connection.on('close', () => log.push('close'))
  first.write('12345')
  await until(() => log.length === 2)
  assert.deepEqual(log, ['ERR_WS_MESSAGE_TOO_LARGE', 'close'])
  const [second] = await meet(t, serving)
  second.write('12345')
  assert.deepEqual(await once(second, 'close'), [1009, ''])
})

test('an http.Server that nobody has a listener of requests on answers 501', async (t) => {
  const { server, port } = await serve(t)
  const page = get('/', 'Connection: close\r\n')
  assert.match(await ask(t, port, page), /^HTTP\/1.1 501 /)
  server.once('request', (_request, response) => response.end('a page'))
  assert.match(await ask(t, port, page), /a page$/)
  server.server.on('request', (_request, response) => response.end('its own'))
  assert.match(await ask(t, port, page), /its own$/)
})

test('a server that listens already, one of https, and one that is closed', async (t) => {
  const http = createHttpServer()
  const port = await listen(t, http)
  const server = ws.createServer({ server: http })
  server.on('listening', () => assert.fail('it listened before'))
  const [socket] = await meet(t, { server, port })
  server.close()
  const shut = once(server, 'shutdown')
  await assert.rejects(open(t, port))
  server.broadcast('who is connected stays so')
  assert.equal((await receives(socket)).text, 'who is connected stays so')
  socket.close()
  assert.deepEqual(await shut, [0])
  const https = createHttpsServer({ key: certificate.key, cert: certificate.cert })
  const secure = ws.createServer({ server: https })
  secure.on('connection', (connection) => connection.send(`encrypted: ${connection.client.encrypted}`))
  const client = await connect(`wss://127.0.0.1:${await listen(t, https)}/`, {
    tls: { rejectUnauthorized: false },
  })
  t.after(() => client.destroy())
  assert.equal((await receives(client)).text, 'encrypted: true')
})

test('options: null is none, and what is not given has its default', () => {
  for (const server of [ws.createServer(null), new ws.Server(null), ws.createServer({ origin: null })]) {
    assert.deepEqual([server.options.debug, server.options.version], [false, 'auto'])
  }
  assert.throws(() => ws.createServer({ origin: '' }), { code: 'ERR_HTTP_ORIGIN_PATTERN_INVALID' })
  for (const version of ['toString', '__proto__', null]) {
    assert.throws(() => ws.createServer({ version: version as 'auto' }), { code: 'ERR_OPTION' })
  }
})

test('origins are compared as a whole', async (t) => {
  const { port } = await serve(t, { origin: ['http://a.example', 'b.example:8080'] })
  const refused = [
    'http://a.example.evil.net',
    'http://evil.net/http://a.example',
    'http://xa.example',
    'http://a.example:8080',
    'http://b.example',
    'http://a.example@evil.net',
    'null',
    'toString',
  ]
  for (const Origin of refused) {
    await assert.rejects(open(t, port, { headers: { Origin } }), { status: 403 }, Origin)
  }
  for (const Origin of ['http://a.example', 'https://b.example:8080', 'http://a.example:80']) {
    await open(t, port, { headers: { Origin } })
  }
})

test('a subprotocol is one of those, letter by letter', async (t) => {
  const { port } = await serve(t, { subprotocol: 'chat' })
  for (const protocol of ['Chat', 'chat2', 'toString', '__proto__']) {
    await assert.rejects(open(t, port, { protocols: [protocol] }), { status: 400 }, protocol)
  }
  assert.equal((await open(t, port, { protocols: ['toString', 'chat'] })).subprotocol, 'chat')
})

test('debug mode alone reads what is written', async (t) => {
  const { server, port } = await serve(t)
  const [socket, connection] = await meet(t, { server, port })
  const bytes = Buffer.from('bytes')
  bytes.toString = () => assert.fail('it is read')
  connection.write(bytes)
  assert.deepEqual(await receives(socket), { text: 'bytes', isText: false })
})

test('what is neither HTTP nor a WebSocket is told by clientError, and ended', async (t) => {
  const { server, port } = await serve(t)
  const told = once(server, 'clientError')
  const peer = await join(t, port)
  await peer.send('no HTTP at all\r\n\r\n').finished()
  assert.equal(((await told)[0] as NodeJS.ErrnoException).code, 'HPE_INVALID_METHOD')
})
