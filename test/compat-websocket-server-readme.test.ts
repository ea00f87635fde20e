/** node-websocket-server's README from its top to its end: each block, ported line by line, and what it says that there is. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket as NetSocket } from 'node:net'
import { test } from 'node:test'
import * as ws from '../src/compat/websocket-server/index.ts'
import type { WebSocketClient } from '../src/index.ts'
import { ask, collect, get, open, portOf, receives } from './support/facades.ts'
import { until } from './support/serving.ts'
import { meet, start } from './support/websocket-server-serving.ts'

/** What the blocks' `function (…) { }` are called with. */
function recorder(): { log: unknown[][]; hear(name: string): (...args: unknown[]) => void } {
  const log: unknown[][] = []
  return {
    log,
    hear:
      (name) =>
      (...args) =>
        log.push([name, ...args]),
  }
}

test('with both draft75 and draft76', async (t) => {
  const server = ws.createServer()
  server.on('connection', (connection) => connection.on('message', (message) => connection.write(message)))
  const port = await start(t, server)
  for (const [version, name] of [
    ['hixie-75', 'draft75'],
    ['hixie-76', 'draft76'],
  ] as const) {
    const [socket, connection] = await meet(t, server, port, { version })
    socket.write(name)
    assert.deepEqual(await receives(socket), { text: name, isText: true })
    assert.equal(connection.getVersion(), name)
  }
})

test('Synopsis: a simple server that will echo the messages received back out', async (t) => {
  const server = ws.createServer({ debug: false })
  server.addListener('connection', (conn) => {
    conn.send(`Connection: ${conn.id}`)
    conn.addListener('message', (message) => {
      conn.send(`<${conn.id}> ${message}`)
    })
  })
  server.addListener('disconnect', (conn) => server.broadcast(`<${conn.id}> disconnected`))
  const port = await start(t, server)
  const [first, connection] = await meet(t, server, port)
  const received = collect(first)
  first.write('hello')
  await until(() => received.length === 2)
  const [second, gone] = await meet(t, server, port)
  second.close()
  await until(() => received.length === 3)
  assert.deepEqual(
    received.map(({ text }) => text),
    [`Connection: ${connection.id}`, `<${connection.id}> hello`, `<${gone.id}> disconnected`],
  )
})

test('Server: the options object has these defaults', async (t) => {
  const defaults = {
    debug: false, // Boolean:         Show debug information.
    version: 'auto', // String:          Value must be either: draft75, draft76, auto
    origin: '*', // String, Array:   A match for a valid connection origin
    subprotocol: null, // String, Array:   A match for a valid connection subprotocol.
  } as const
  const told: unknown[] = []
  t.mock.method(console, 'error', (line: string) => told.push(line))
  for (const server of [
    ws.createServer(),
    new ws.Server(),
    ws.createServer(defaults),
    new ws.Server(defaults),
  ]) {
    assert.ok(server instanceof ws.Server)
    assert.deepEqual(server.options, defaults)
    const port = await start(t, server)
    const [socket] = await meet(t, server, port, {
      protocols: ['any'],
      headers: { Origin: 'http://anywhere.example' },
    })
    assert.equal(socket.subprotocol, 'any')
  }
  assert.deepEqual(told, [])
})

test('Server: a String, or an Array, for origin and subprotocol', async (t) => {
  for (const origin of ['http://a.example', ['http://a.example', 'http://b.example']]) {
    const port = await start(t, ws.createServer({ origin }))
    await open(t, port, { headers: { Origin: 'http://a.example' } })
    await assert.rejects(open(t, port, { headers: { Origin: 'http://c.example' } }), { status: 403 })
  }
  for (const subprotocol of ['chat', ['news', 'chat']]) {
    const port = await start(t, ws.createServer({ subprotocol }))
    assert.equal((await open(t, port, { protocols: ['x', 'chat'] })).subprotocol, 'chat')
    await assert.rejects(open(t, port, { protocols: ['x'] }), { status: 400 })
  }
})

test('Server: a connection has its handshake behind it, and can send and receive', async (t) => {
  const server = ws.createServer()
  const heard: unknown[] = []
  server.on('connection', (connection) => {
    heard.push(connection.state)
    connection.on('message', (message) => heard.push(message))
    connection.write('sent at once')
  })
  const socket = await open(t, await start(t, server))
  assert.equal((await receives(socket)).text, 'sent at once')
  socket.write('received')
  await until(() => heard.length === 2)
  assert.deepEqual(heard, [4, 'received'])
})

test('server.listen(port, host), send(client_id, message), broadcast(message), close()', async (t) => {
  const server = ws.createServer()
  assert.equal(server.listen(0, '127.0.0.1'), server)
  await once(server, 'listening')
  const port = portOf(server.server)
  const clients: WebSocketClient[] = []
  const ids: string[] = []
  server.on('connection', ({ id }) => ids.push(id))
  for (let count = 0; count < 2; count++) {
    clients.push(await open(t, port))
  }
  const received = clients.map(collect)
  await until(() => ids.length === 2)
  server.send(ids[1]!, 'to the second')
  server.broadcast('to all')
  await until(() => received.every((messages) => messages.at(-1)?.text === 'to all'))
  assert.deepEqual(
    received.map((messages) => messages.map(({ text }) => text)),
    [['to all'], ['to the second', 'to all']],
  )
  const shutdown = once(server, 'shutdown')
  server.close()
  await assert.rejects(open(t, port))
  // As of an http.Server: who is connected stays so.
  server.broadcast('still there')
  await until(() => received.every((messages) => messages.at(-1)?.text === 'still there'))
  for (const client of clients) client.close()
  await shutdown
})

test('the events of the server, each with what the README prints', async (t) => {
  const { log, hear } = recorder()
  const server = ws.createServer()
  // listening: function () { }
  server.on('listening', hear('listening'))
  // stream: function (stream) { }
  server.on('stream', hear('stream'))
  // connection: function (connection) { }
  server.on('connection', hear('connection'))
  // request: function (request, response) { }
  server.on('request', (request, response) => {
    hear('request')(request, response)
    response.end('a normal http connection')
  })
  // close: function(connection) { }
  server.on('close', hear('close'))
  // shutdown: function (errno) { }
  server.on('shutdown', hear('shutdown'))
  const port = await start(t, server)
  const [socket, connection] = await meet(t, server, port)
  socket.close()
  await until(() => log.at(-1)![0] === 'close')
  assert.match(await ask(t, port, get('/', 'Connection: close\r\n')), /a normal http connection$/)
  server.close()
  await until(() => log.at(-1)![0] === 'shutdown')
  const [, request, response] = log[5]!
  assert.ok(request instanceof IncomingMessage && response instanceof ServerResponse)
  const streams = log.filter(([name]) => name === 'stream')
  assert.ok(streams.every(([, stream, ...others]) => stream instanceof NetSocket && others.length === 0))
  assert.deepEqual(
    log.filter(([name]) => name !== 'stream'),
    [
      ['listening'],
      ['connection', connection],
      ['close', connection],
      ['request', request, response],
      ['shutdown', 0],
    ],
  )
  assert.equal(streams.length, 2)
})

test('connection.getVersion(), write(data), handshake(), close()', async (t) => {
  const server = ws.createServer()
  const [socket, connection] = await meet(t, server, await start(t, server))
  assert.equal(connection.getVersion(), '13')
  connection.handshake()
  connection.write('published')
  assert.equal((await receives(socket)).text, 'published')
  const closed = once(socket, 'close')
  connection.close()
  assert.deepEqual(await closed, [1000, ''])
})

for (const debug of [false, true]) {
  test(`connection.reject(reason): the reason is ${debug ? '' : 'not '}used in debug mode ${debug}`, async (t) => {
    const told: string[] = []
    t.mock.method(console, 'error', (line: string) => told.push(line))
    const server = ws.createServer({ debug })
    const [socket, connection] = await meet(t, server, await start(t, server))
    const closed = once(socket, 'close')
    connection.reject('because')
    assert.deepEqual(await closed, [1008, ''])
    assert.equal(told.filter((line) => line.includes('because')).length, debug ? 1 : 0)
  })
}

test('Event: stateChange, with the state codes', () => {
  assert.deepEqual(ws.State, {
    unknown: 0,
    opening: 1,
    waiting: 2,
    handshaking: 3,
    connected: 4,
    closed: 5,
  })
})

test('the events of a connection, each with what the README prints; rejected is immediately followed by close', async (t) => {
  const server = ws.createServer()
  const port = await start(t, server)
  const { log, hear } = recorder()
  const listenTo = (connection: ws.Connection) => {
    // stateChange: function (state, previous_state) { }
    connection.on('stateChange', hear('stateChange'))
    // message: function (message) { }
    connection.on('message', hear('message'))
    // close: function () { }
    connection.on('close', hear('close'))
    // rejected: function () { }
    connection.on('rejected', hear('rejected'))
  }
  const [socket, connection] = await meet(t, server, port)
  listenTo(connection)
  socket.write('hello')
  socket.close()
  await until(() => log.length === 3)
  assert.deepEqual(log.splice(0), [['message', 'hello'], ['stateChange', 5, 4], ['close']])
  const [, other] = await meet(t, server, port)
  listenTo(other)
  other.reject('a bad one')
  assert.deepEqual(log, [['stateChange', 5, 4], ['rejected'], ['close']])
})
