/** WebSocket.IO's README from its top to its end: each sample, ported line by line, and what it says that there is. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { createServer, Server as HttpServer, IncomingMessage } from 'node:http'
import { Socket as NetSocket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import * as ws from '../src/compat/websocket.io/index.ts'
import type { Version } from '../src/index.ts'
import { ask, get, listen, open, portOf, receives } from './support/facades.ts'
import { until } from './support/serving.ts'

/** The port of the server that `listen` has made; closed when the test ends. */
async function listening(t: TestContext, server: ws.Server): Promise<number> {
  const http = server.httpServer!
  await once(http, 'listening')
  t.after(() => {
    http.close()
    http.closeAllConnections()
    for (const socket of server.clients ?? []) socket?.destroy()
  })
  return portOf(http)
}

/** What the samples' `function () { }` are called with. */
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

test('Features: the widest support of protocols', async (t) => {
  const server = ws.listen(0)
  server.on('connection', (socket) => {
    socket.on('message', (message) => socket.send(message))
  })
  const port = await listening(t, server)
  const versions: Version[] = ['hixie-75', 'hixie-76', '7', '8', '13']
  for (const version of versions) {
    const client = await open(t, port, { version })
    client.write(`draft or protocol ${version}`)
    assert.deepEqual(await receives(client), { text: `draft or protocol ${version}`, isText: true })
  }
})

test('How to use (A): listening on a port', async (t) => {
  const { log, hear } = recorder()
  // var ws = require('websocket.io'), server = ws.listen(3000)
  const server = ws.listen(0)

  server.on('connection', (socket) => {
    hear('connection')(socket)
    // socket.on('message', function () { });
    socket.on('message', hear('message'))
    // socket.on('close', function () { });
    socket.on('close', hear('close'))
  })

  const port = await listening(t, server)
  const client = await open(t, port)
  client.write('hello')
  client.close()
  await until(() => log.length === 3)
  const [[, socket] = []] = log
  assert.ok(socket instanceof ws.Socket)
  assert.deepEqual(log.slice(1), [['message', 'hello'], ['close']])
  assert.match(await ask(t, port, get('/', 'Connection: close\r\n')), /^HTTP\/1.1 501 Not Implemented\r\n/)
})

test('How to use (B): intercepting WebSocket requests for a http.Server', async (t) => {
  const { log, hear } = recorder()
  // var ws = require('websocket.io'), http = require('http').createServer().listen(3000)
  const http = createServer((request, response) => response.end(`page ${request.url}`))
  const port = await listen(t, http)
  // , server = ws.attach(http)
  const server = ws.attach(http)

  server.on('connection', (socket) => {
    hear('connection')(socket)
    // socket.on('message', function () { });
    socket.on('message', hear('message'))
    // socket.on('close', function () { });
    socket.on('close', hear('close'))
  })

  const client = await open(t, port)
  client.write('hello')
  client.close()
  await until(() => log.length === 3)
  assert.ok(log[0]![1] instanceof ws.Socket)
  assert.deepEqual(log.slice(1), [['message', 'hello'], ['close']])
  assert.match(await ask(t, port, get('/of-its-own', 'Connection: close\r\n')), /page \/of-its-own$/)
})

test('How to use (C): passing in requests', async (t) => {
  // var ws = require('websocket.io'), server = new ws.Server()
  const server = new ws.Server()

  server.on('connection', (socket) => {
    socket.send('hi')
  })

  const httpServer = createServer()
  httpServer.on('upgrade', (req, socket, head) => {
    server.handleUpgrade(req, socket, head)
  })

  const port = await listen(t, httpServer)
  assert.deepEqual(await receives(await open(t, port)), { text: 'hi', isText: true })
  assert.deepEqual(await receives(await open(t, port, { version: 'hixie-76' })), { text: 'hi', isText: true })
})

/** The sample names its socket `ws` and then `socket`; it is one. */
const CLIENT = `
const socket = new WebSocket(process.argv[1])

socket.onopen = function() {
  console.log('open')
  socket.send('something')
}

socket.onmessage = function(message) {
  console.log('message ' + message.data)
}

socket.onclose = function() {
  console.log('close')
}
`

test('Client-side example: the WebSocket of browsers, which Node has, too', async (t) => {
  const server = ws.listen(0)
  server.on('connection', (socket) => {
    socket.on('message', (message) => socket.send(`got ${message}`).close())
  })
  const url = `ws://127.0.0.1:${await listening(t, server)}/`
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--experimental-websocket',
    '-e',
    CLIENT,
    url,
  ])
  assert.deepEqual(stdout, 'open\nmessage got something\nclose\n')
})

test('API, top-level: version and protocols', () => {
  assert.equal(ws.version, '0.2.1')
  assert.deepEqual(Object.keys(ws.protocols), ['7', '8', '13', 'drafts'])
  for (const type of Object.values(ws.protocols)) {
    assert.ok(type.prototype instanceof ws.Socket)
  }
})

test('API, top-level: listen(Number, Object, Function) and attach(http.Server, Object) return a Server', async (t) => {
  let called = 0
  const server = ws.listen(0, { path: '/chat' }, () => called++)
  assert.ok(server instanceof ws.Server && server.httpServer instanceof HttpServer)
  const port = await listening(t, server)
  assert.equal(called, 1)
  await open(t, port, { path: '/chat' })
  await assert.rejects(open(t, port, { path: '/other' }), { status: 404 })
  const http = createServer()
  const attached = ws.attach(http, { path: '/chat' })
  assert.ok(attached instanceof ws.Server)
  const other = await listen(t, http)
  await open(t, other, { path: '/chat' })
  await assert.rejects(open(t, other, { path: '/other' }), { status: 404 })
})

test('API, Server: clients and clientsCount, which are not set when clientTracking is false', async (t) => {
  const server = ws.listen(0)
  assert.ok(server instanceof EventEmitter)
  assert.deepEqual([server.clientsCount, Object.keys(server.clients!)], [0, []])
  const connected = once(server, 'connection')
  await open(t, await listening(t, server))
  const [socket, ...others] = await connected
  assert.deepEqual([server.clientsCount, Object.values(server.clients!), others], [1, [socket], []])
  const untracked = new ws.Server({ clientTracking: false })
  assert.deepEqual([untracked.clients, untracked.clientsCount], [undefined, undefined])
})

test('API, Socket: every property, event and method, by the name that is printed', async (t) => {
  const { log, hear } = recorder()
  const server = ws.listen(0, { messageLimit: 100 })
  const port = await listening(t, server)
  const sockets: ws.Socket[] = []
  server.on('connection', (socket) => {
    sockets.push(socket)
    for (const event of ['message', 'data', 'close'] as const) socket.on(event, hear(event))
    socket.on('error', (error) => hear('error')(error instanceof Error))
  })
  const client = await open(t, port, { path: '/at' })
  await until(() => sockets.length === 1)
  const [socket] = sockets
  assert.ok(socket!.req instanceof IncomingMessage && socket!.socket instanceof NetSocket)
  assert.deepEqual(
    [socket!.readyState, socket!.name, socket!.protocolVersion, socket!.req.url],
    ['open', 'websocket', 'hybi', '/at'],
  )
  client.write('über')
  await until(() => log.length === 2)
  for (const method of ['send', 'write'] as const) {
    const message = receives(client)
    assert.equal(socket![method](`by ${method}`), socket)
    assert.deepEqual(await message, { text: `by ${method}`, isText: true })
  }
  client.write('x'.repeat(101))
  await until(() => log.length === 4)
  assert.equal(socket!.readyState, 'closed')
  assert.deepEqual(log, [['message', 'über'], ['data', 'über'], ['error', true], ['close']])
  for (const method of ['close', 'end', 'destroy'] as const) {
    const client = await open(t, port)
    await until(() => sockets.length > 1)
    const socket = sockets.pop()!
    const closed = Promise.all([once(client, 'close'), once(socket, 'close')])
    assert.equal(socket[method](), socket)
    const [[code]] = await closed
    assert.deepEqual([code, socket.readyState], [method === 'destroy' ? 1006 : 1000, 'closed'])
  }
})
