/** Socket.IO-node's own interface: each sample of its README, ported line by line, with what it says that it does. */
import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { test } from 'node:test'
import io, { Client, Listener, listen, version } from '../src/compat/socket.io/index.ts'
import { connect } from '../src/index.ts'
import { until } from './support/serving.ts'
import { ASKING, frame06, frames07, SessionClient } from './support/session-clients.ts'
import { askHttp } from './support/session-wires.ts'
import { askPolicy, get, joinPolling, joinSocket, QUIET, serve } from './support/socket.io-serving.ts'

test('README: implementing it on your project', async (t) => {
  const log: unknown[] = []
  // var http = require('http'), io = require('./path/to/socket.io'),
  // server = http.createServer(function(req, res){
  const server = createServer((_req, res) => {
    // your normal server code
    res.writeHead(200, { 'Content-Type': 'text/html' })
    res.write('<h1>Hello world</h1>')
    res.end()
  })
  // server.listen(80);
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  // socket.io, I choose you: var socket = io.listen(server);
  const socket = io.listen(server, QUIET)
  // socket.on('connection', function(client){
  socket.on('connection', (client) => {
    // new client is here!
    log.push('connection')
    // client.on('message', function(){ … })
    client.on('message', (message) => log.push(message))
    // client.on('disconnect', function(){ … })
    client.on('disconnect', () => log.push('disconnect'))
  })
  const { port } = server.address() as AddressInfo
  const serving = { server, socket, port }
  assert.equal(await get(port, '/'), '200 <h1>Hello world</h1>')
  // The script of the browser's side is the application's own: see docs/migrating/socket.io.md.
  assert.equal(await get(port, '/socket.io/socket.io.js'), '200 <h1>Hello world</h1>')
  const { socket: websocket } = await joinSocket(t, serving)
  websocket.write(frame06('hello'))
  await until(() => log.length === 2)
  websocket.close()
  await until(() => log.length === 3)
  assert.deepEqual(log, ['connection', 'hello', 'disconnect'])
})

test('README: the demo, a chat, as example/server.js has it', async (t) => {
  const server = createServer((_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/html' })
    res.end('<h1>Welcome</h1>')
  })
  const buffer: unknown[] = []
  const serving = await serve(t, {}, server)
  serving.socket.on('connection', (client) => {
    client.send({ buffer })
    client.broadcast({ announcement: `${client.sessionId} connected` })
    client.on('message', (message) => {
      buffer.push({ message: [client.sessionId, message] })
      client.broadcast(buffer.at(-1))
    })
    client.on('disconnect', () => {
      client.broadcast({ announcement: `${client.sessionId} disconnected` })
    })
  })
  // “and point your browser to http://localhost:8080”
  assert.equal(await get(serving.port, '/'), '200 <h1>Welcome</h1>')
  const json = (value: unknown) => `~j~${JSON.stringify(value)}`
  const one = await joinSocket(t, serving)
  const two = await joinPolling(t, serving)
  await until(() => one.frames.length === 2)
  const [first, second] = Object.keys(serving.socket.clients)
  one.socket.write(frame06('hello'))
  await two.receives(2)
  await two.send('good day')
  await until(() => one.frames.length === 3)
  one.socket.close()
  await two.receives(3)
  const said = { message: [first, 'hello'] }
  assert.deepEqual(one.frames, [
    json({ buffer: [] }),
    json({ announcement: `${second} connected` }),
    json({ message: [second, 'good day'] }),
  ])
  assert.deepEqual(two.received, [
    json({ buffer: [] }),
    json(said),
    json({ announcement: `${first} disconnected` }),
  ])
})

test('README: io.listen returns a Listener, with its server, options and clients', async (t) => {
  const server = createServer()
  const socket = io.listen(server, QUIET)
  t.after(() => server.close())
  assert.ok(socket instanceof Listener)
  assert.ok(socket instanceof EventEmitter)
  assert.equal(socket.server, server)
  assert.deepEqual(
    { ...socket.options, log: null },
    {
      origins: '*:*',
      resource: 'socket.io',
      flashPolicyServer: false,
      transports: [
        'websocket',
        'server-events',
        'flashsocket',
        'htmlfile',
        'xhr-multipart',
        'xhr-polling',
        'jsonp-polling',
      ],
      transportOptions: {},
      log: null,
    },
  )
  assert.deepEqual(Object.keys(socket.clients), [])
  assert.equal(socket.clientsIndex, socket.clients)
  assert.deepEqual([io.listen, io.Listener, io.version], [listen, Listener, version])
})

test('README: clients, an object of clients, indexed by session ID', async (t) => {
  const serving = await serve(t)
  const { id } = await joinSocket(t, serving)
  const [sessionId, ...others] = Object.keys(serving.socket.clients)
  assert.deepEqual(others, [])
  const client = serving.socket.clients[sessionId!]!
  assert.ok(client instanceof Client)
  assert.equal(client.sessionId, sessionId)
  // What names a client to others is not what makes a session one's own.
  assert.notEqual(client.sessionId, id)
  assert.equal(Object.getPrototypeOf(serving.socket.clients), null)
})

test('README: addListener, removeListener, and options with `on`; `this` is the Listener', async (t) => {
  const heard: string[] = []
  const given: unknown[] = []
  const serving = await serve(t, {
    onClientConnect(this: Listener, client: Client) {
      given.push(this, client)
    },
    onClientMessage: (message: unknown) => heard.push(`option ${message}`),
  })
  const { socket } = serving
  const removed = () => heard.push('removed')
  socket.addListener('clientConnect', removed)
  socket.removeListener('clientConnect', removed)
  socket.addListener('clientConnect', function (this: Listener, client) {
    heard.push(`clientConnect ${this === socket} ${client instanceof Client}`)
  })
  socket.on('connection', function (this: Listener) {
    heard.push(`connection ${this === socket}`)
  })
  socket.on('clientMessage', function (this: Listener, message, client) {
    heard.push(`clientMessage ${message} ${this === socket} ${client instanceof Client}`)
  })
  socket.on('clientDisconnect', function (this: Listener, client) {
    heard.push(`clientDisconnect ${this === socket} ${client.connected}`)
  })
  const { socket: websocket } = await joinSocket(t, serving)
  websocket.write(frame06('hi'))
  await until(() => heard.length === 4)
  websocket.close()
  await until(() => heard.length === 5)
  assert.deepEqual(heard, [
    'clientConnect true true',
    'connection true',
    'option hi',
    'clientMessage hi true true',
    'clientDisconnect true false',
  ])
  assert.equal(given[0], socket)
  assert.ok(given[1] instanceof Client)
})

test('README: broadcast(message, [except]), with a session ID or an array of them', async (t) => {
  const serving = await serve(t)
  const joined = [await joinSocket(t, serving), await joinSocket(t, serving), await joinSocket(t, serving)]
  const [one, two] = Object.keys(serving.socket.clients) as [string, string]
  assert.equal(serving.socket.broadcast('to all'), serving.socket)
  serving.socket.broadcast('not to one', one)
  serving.socket.broadcast('to three', [one, two])
  serving.socket.broadcast({ end: true })
  await until(() => joined.every(({ frames }) => frames.at(-1) === '~j~{"end":true}'))
  assert.deepEqual(
    joined.map(({ frames }) => frames.slice(0, -1)),
    [['to all'], ['to all', 'not to one'], ['to all', 'not to one', 'to three']],
  )
})

test('README: Client: listener, connected, connections, send, broadcast', async (t) => {
  const serving = await serve(t)
  const { socket } = serving
  const polling = await joinPolling(t, serving)
  const other = await joinSocket(t, serving)
  const client = Object.values(socket.clients)[0]!
  assert.deepEqual([client.listener, client.connected], [socket, true])
  assert.equal(client.send('one').send({ two: 2 }), client)
  // “Equivalent to Listener::broadcast(message, client.sessionId).”
  assert.equal(client.broadcast('to the others'), client)
  await polling.receives(2)
  await until(() => other.frames.length === 1)
  assert.deepEqual([polling.received, other.frames], [['one', '~j~{"two":2}'], ['to the others']])
  assert.ok(client.connections >= 2)
  assert.deepEqual(
    [client.connection.remoteAddress, client.request.method, client.request.connection.remoteAddress],
    ['127.0.0.1', 'GET', '127.0.0.1'],
  )
  assert.equal(client.request.headers.host, `127.0.0.1:${serving.port}`)
})

test('README: the resource', async (t) => {
  const serving = await serve(
    t,
    { resource: 'live' },
    createServer((_req, res) => res.end('application')),
  )
  await joinSocket(t, serving, '/live/websocket')
  assert.equal(await get(serving.port, '/socket.io/xhr-polling'), '200 application')
  // A bare prefix is no segment.
  assert.equal(await get(serving.port, '/lively/xhr-polling'), '200 application')
})

test('README: a list of the accepted transports, and options for each', async (t) => {
  const serving = await serve(t, {
    transports: ['websocket', 'xhr-polling'],
    transportOptions: {
      websocket: { closeTimeout: 8000 },
      'xhr-polling': { duration: 50, closeTimeout: 60 },
    },
  })
  assert.match(await get(serving.port, '/socket.io/htmlfile/'), /^404 /)
  const { socket, id } = await joinSocket(t, serving)
  const client = Object.values(serving.socket.clients)[0]!
  socket.destroy()
  let connections = 1
  await until(() => {
    serving.server.getConnections((_error, count) => {
      connections = count
    })
    return connections === 0
  })
  client.send('kept')
  const again = await connect(`ws://127.0.0.1:${serving.port}/socket.io/websocket/${id}`)
  t.after(() => again.destroy())
  const [message] = (await once(again, 'message')) as [Buffer]
  assert.deepEqual([String(message), client.connected, client.connections], [frame06('kept'), true, 2])
  let disconnected = false
  serving.socket.on('clientDisconnect', () => {
    disconnected = true
  })
  const opened = await get(serving.port, '/socket.io/xhr-polling//1')
  const [, pollingId] = /(.{22})$/.exec(opened)!
  assert.equal(await get(serving.port, `/socket.io/xhr-polling/${pollingId}/2`), '200 ')
  await until(() => disconnected)
})

test('README: the variety of transports, each accepted by default', async (t) => {
  const serving = await serve(t)
  serving.socket.on('clientMessage', (message, client) => client.send(`got ${message}`))
  const used: string[] = []
  serving.socket.on('clientConnect', ({ connection }) => used.push(connection.protocol))
  for (const name of ['websocket', 'flashsocket']) {
    const { socket, frames } = await joinSocket(t, serving, `/socket.io/${name}`)
    socket.write(frame06('this'))
    await until(() => frames.length === 1)
    assert.deepEqual(frames, ['got this'])
  }
  for (const name of ASKING) {
    const client = new SessionClient((path, asked) => askHttp(t, serving.port, path, asked), name)
    t.after(() => {
      client.polling = false
    })
    await client.connect()
    await client.send('this')
    await client.receives(1)
    assert.deepEqual(client.received, ['got this'])
  }
  assert.deepEqual(used, ['websocket', 'flashsocket', ...ASKING])
})

test('README: log, by default to standard output', async (t) => {
  const lines: string[] = []
  const { log } = console
  console.log = (line: string) => lines.push(line)
  t.after(() => {
    console.log = log
  })
  const serving = await serve(t, { log: undefined } as never)
  assert.deepEqual(lines, ['socket.io ready - accepting connections'])
  const { socket } = await joinSocket(t, serving)
  const [id] = Object.keys(serving.socket.clients)
  socket.close()
  await until(() => lines.length === 3)
  assert.deepEqual(lines.slice(1), [
    `Client ${id} connected with transport "websocket"`,
    `Client ${id} disconnected`,
  ])
  const own: string[] = []
  await serve(t, { log: (line) => own.push(line) })
  await serve(t, { log: null })
  assert.deepEqual([own, lines.length], [['socket.io ready - accepting connections'], 3])
})

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

test('README: the Flash policy, on a port of its own and inline', async (t) => {
  const port = await freePort()
  const origins = ['example.com:8080', '*.example.com:*']
  const serving = await serve(t, { flashPolicyServer: port, origins })
  const xml = await askPolicy(serving.port)
  assert.ok(xml.startsWith('<?xml version="1.0"?>\n') && xml.endsWith('</cross-domain-policy>\n\0'))
  assert.ok(xml.includes('<allow-access-from domain="example.com" to-ports="8080"/>'))
  assert.ok(xml.includes('<allow-access-from domain="*.example.com" to-ports="*"/>'))
  assert.equal(await askPolicy(port), xml)
  // The server goes, and with it that port.
  serving.server.close()
  await until(() => !serving.server.listening)
  await assert.rejects(askPolicy(port), { code: 'ECONNREFUSED' })
})

test('README: without the port, inline; without flashsocket, not at all', async (t) => {
  const lines: string[] = []
  const taken = createTcpServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.after(() => taken.close())
  const { port } = taken.address() as AddressInfo
  const serving = await serve(t, { flashPolicyServer: port, log: (line) => lines.push(line) })
  await until(() => lines.length === 2)
  assert.match(lines[1]!, /^Cannot serve the Flash policy on port \d+: .*EADDRINUSE/)
  assert.ok((await askPolicy(serving.port)).includes('<allow-access-from domain="*" to-ports="*"/>'))
  const without = await serve(t, { transports: ['websocket'] })
  assert.match(await askPolicy(without.port), /^HTTP\/1\.1 400 /)
})

test('README: the message encoding, 0 to 3', async (t) => {
  const serving = await serve(t, {
    encoding: '0.7pre',
    transportOptions: { websocket: { heartbeatInterval: 30, timeout: 10_000 } },
  })
  const got: unknown[] = []
  serving.socket.on('clientMessage', (message, _client, annotations) =>
    got.push([message, { ...annotations }]),
  )
  const { socket, id, frames, isClosed } = await joinSocket(t, serving, undefined, frames07)
  // 3 = session id handshake
  assert.match(id, /^3 [A-Za-z0-9_-]{22}$/)
  // 1 = message, as the README prints it, as its code wrote it, and without annotations
  socket.write('1:18:r:chat:Hello world,1:19:r:chat\n:Hello world,1:6::plain,1:10:j\n:{"a":1},')
  await until(() => got.length === 4)
  assert.deepEqual(got, [
    ['Hello world', { r: 'chat' }],
    ['Hello world', { r: 'chat' }],
    ['plain', {}],
    [{ a: 1 }, {}],
  ])
  Object.values(serving.socket.clients)[0]!.send({ b: 2 }, { r: 'chat' })
  // 2 = heartbeat: 2:1:1, and back
  await until(() => frames.includes('2 1'))
  socket.write('2:1:1,')
  await until(() => frames.includes('2 2'))
  assert.ok(frames.includes('1 r:chat\nj\n:{"b":2}'))
  // 0 = force disconnection
  socket.write('0:0:,')
  await until(() => isClosed())
  assert.deepEqual(Object.keys(serving.socket.clients), [])
})

test("README: `.send('Hello world')` within the realm 'chat', on the wire; the heartbeats and the id that are printed", async (t) => {
  const transportOptions = { websocket: { heartbeatInterval: 30, timeout: 10_000 } }
  const serving = await serve(t, { encoding: '0.7pre', transportOptions })
  const { socket } = await joinSocket(t, serving, undefined, (text) => [text])
  const wire: string[] = []
  socket.on('message', (message) => wire.push(message.toString()))
  const chat = serving.socket.realm('chat')
  chat.on('clientMessage', (message, client) => client.send(message))
  // What the README prints lacks the newline behind the annotation; its code wrote one.
  socket.write('1:18:r:chat:Hello world,')
  await until(() => wire.includes('1:19:r:chat\n:Hello world,'))
  await until(() => wire.includes('2:1:1,'))
  socket.write('2:1:1,')
  await until(() => wire.includes('2:1:2,'))
})
