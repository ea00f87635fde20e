import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { test } from 'node:test'
import * as ws from '../src/compat/websocket-server/index.ts'
import type { ConnectOptions } from '../src/index.ts'
import { ask, collect, get, open, post, receives } from './support/facades.ts'
import { hixie76 } from './support/old-handshakes.ts'
import { join, until } from './support/serving.ts'
import { meet, start } from './support/websocket-server-serving.ts'

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '')

const versions: [version: ConnectOptions['version'], name: string][] = [
  ['hixie-75', 'draft75'],
  ['hixie-76', 'draft76'],
  ['hybi-03', 'hybi-03'],
  ['8', '8'],
  ['13', '13'],
]

for (const [version, name] of versions) {
  test(`version auto: ${name} is spoken, and getVersion() tells it`, async (t) => {
    const server = ws.createServer()
    server.on('connection', (connection) => connection.on('message', (text) => connection.write(text)))
    const [socket, connection] = await meet(t, server, await start(t, server), { version: version! })
    assert.deepEqual([connection.getVersion(), connection.version], [name, name])
    socket.write('über')
    assert.deepEqual(await receives(socket), { text: 'über', isText: true })
  })
}

test('version draft75, draft76: that one alone, however it is written', async (t) => {
  for (const [option, spoken] of [
    ['draft75', 'hixie-75'],
    ['Draft76', 'hixie-76'],
    ['13', '13'],
  ] as const) {
    const server = ws.createServer({ version: option as 'draft75' })
    const port = await start(t, server)
    await meet(t, server, port, { version: spoken })
    const other = spoken === '13' ? 'hixie-76' : '13'
    await assert.rejects(open(t, port, { version: other }), { code: 'ERR_WS_STATUS' })
  }
  assert.throws(() => ws.createServer({ version: 'draft77' as 'auto' }), { code: 'ERR_OPTION' })
})

const origins: [option: string | string[], allowed: string[], refused: string[]][] = [
  ['*', ['http://a.example', 'null'], []],
  ['http://a.example', ['http://a.example', 'HTTP://A.EXAMPLE'], ['https://a.example', 'http://b.example']],
  [
    ['a.example', 'https://*.b.example'],
    ['https://a.example', 'https://x.b.example'],
    ['http://x.b.example'],
  ],
]

for (const [option, allowed, refused] of origins) {
  test(`origin ${JSON.stringify(option)}`, async (t) => {
    const port = await start(t, ws.createServer({ origin: option }))
    for (const Origin of allowed) await open(t, port, { headers: { Origin } })
    for (const Origin of refused) {
      await assert.rejects(open(t, port, { headers: { Origin } }), { status: 403 }, Origin)
    }
    await open(t, port)
  })
}

test('subprotocol: one of those, or none; who asks for others only is refused', async (t) => {
  const port = await start(t, ws.createServer({ subprotocol: ['b', 'c'] }))
  assert.equal((await open(t, port, { protocols: ['a', 'c', 'b'] })).subprotocol, 'b')
  assert.equal((await open(t, port)).subprotocol, undefined)
  await assert.rejects(open(t, port, { protocols: ['a'] }), { status: 400 })
  const any = await start(t, ws.createServer({ subprotocol: null }))
  assert.equal((await open(t, any, { protocols: ['a', 'b'] })).subprotocol, 'a')
  const one = await start(t, ws.createServer({ subprotocol: 'b', upgrade: () => false }))
  await assert.rejects(open(t, one, { protocols: ['b'] }), { status: 403 })
})

test('server: an http.Server that there is already listens, and answers as before', async (t) => {
  const log: string[] = []
  const http = createHttpServer((request, response) => response.end(`page ${request.url}`))
  const server = ws.createServer({ server: http })
  assert.equal(server.server, http)
  server.on('request', (request) => log.push(`request ${request.url}`))
  server.on('connection', (connection) => connection.on('message', (text) => connection.write(text)))
  server.on('clientError', (error) => log.push(`clientError ${(error as { code?: string }).code}`))
  const port = await start(t, server)
  assert.match(await ask(t, port, get('/a')), /page \/a/)
  const [socket] = await meet(t, server, port)
  socket.write('x')
  assert.equal((await receives(socket)).text, 'x')
  const broken = await join(t, port)
  broken.send('no HTTP at all\r\n\r\n')
  await until(() => broken.closed || broken.ended)
  assert.deepEqual(log, ['request /a', 'clientError HPE_INVALID_METHOD'])
})

test('server: its own listener of clientError is left alone with its sockets', async (t) => {
  const http = createHttpServer()
  http.on('clientError', (_error, socket) => socket.end('HTTP/1.1 400 Own\r\n\r\n'))
  const server = ws.createServer({ server: http })
  const broken = await join(t, await start(t, server))
  assert.equal(await broken.send('no HTTP at all\r\n\r\n').finished(), 'HTTP/1.1 400 Own\r\n\r\n')
})

test('listen(port, host) and listening, close() and shutdown', async () => {
  const server = ws.createServer()
  const log: unknown[] = []
  server.on('listening', () => log.push('listening'))
  server.on('shutdown', (errno) => log.push(['shutdown', errno]))
  assert.equal(server.listen(0, '127.0.0.1'), server)
  await once(server, 'listening')
  const closed = new Promise((resolve) => server.close(resolve))
  await Promise.all([once(server, 'shutdown'), closed])
  assert.deepEqual(log, ['listening', ['shutdown', 0]])
})

test('an address that cannot be listened on is an error of the server', async (t) => {
  const port = await start(t, ws.createServer())
  const second = ws.createServer()
  second.listen(port, '127.0.0.1')
  const [error] = (await once(second, 'error')) as [NodeJS.ErrnoException]
  assert.equal(error.code, 'EADDRINUSE')
})

test('request: whatever does not upgrade, also with a body; without a listener 501', async (t) => {
  const server = ws.createServer()
  const port = await start(t, server)
  assert.match(await ask(t, port, get('/')), /^HTTP\/1.1 501 [\s\S]*Not Implemented$/)
  server.on('request', async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    response.end(`${request.method} ${request.url} ${body}`)
  })
  assert.match(await ask(t, port, get('/page')), /\r\n\r\nGET \/page $/)
  assert.match(await ask(t, port, post('body')), /\r\n\r\nPOST \/ body$/)
})

test('stream: each connection of TCP', async (t) => {
  const server = ws.createServer()
  const streams: (string | undefined)[] = []
  server.on('stream', (stream) => streams.push(stream.remoteAddress))
  const port = await start(t, server)
  await open(t, port)
  await ask(t, port, get('/'))
  assert.deepEqual(streams, ['127.0.0.1', '127.0.0.1'])
})

test('what is neither HTTP nor WebSocket is closed', async (t) => {
  const peer = await join(t, await start(t, ws.createServer()))
  assert.equal(await peer.send('raw\n').finished(), '')
})

test('server.send(id, message) and broadcast(message)', async (t) => {
  const server = ws.createServer()
  const port = await start(t, server)
  const [first, connection] = await meet(t, server, port)
  const [second] = await meet(t, server, port, { version: 'hixie-76' })
  const [one, other] = [collect(first), collect(second)]
  server.send(connection.id, 'to the first')
  server.send('toString', 'to nobody')
  server.broadcast('to all')
  await until(() => one.length === 2 && other.length === 1)
  assert.deepEqual(
    one.map(({ text }) => text),
    ['to the first', 'to all'],
  )
  assert.equal(other[0]!.text, 'to all')
})

test('connection.broadcast reaches all others', async (t) => {
  const server = ws.createServer()
  const port = await start(t, server)
  const [first, connection] = await meet(t, server, port)
  const [second] = await meet(t, server, port)
  const [one, other] = [collect(first), collect(second)]
  connection.broadcast('from the first')
  connection.write('to the first')
  await until(() => one.length === 1 && other.length === 1)
  assert.deepEqual([one[0]!.text, other[0]!.text], ['to the first', 'from the first'])
})

test('close, by both its names, stateChange and state: a client goes', async (t) => {
  const server = ws.createServer()
  const log: unknown[] = []
  server.on('close', (connection) => log.push(['server close', connection.id]))
  server.on('disconnect', (connection) => log.push(['server disconnect', connection.id]))
  const [socket, connection] = await meet(t, server, await start(t, server))
  assert.equal(connection.state, ws.State.connected)
  connection.on('stateChange', (state, previous) => log.push(['stateChange', state, previous]))
  connection.on('close', () => log.push('close'))
  assert.equal(connection.write('hi'), true)
  socket.close()
  await until(() => log.length === 4)
  const { id } = connection
  assert.deepEqual(log, [['stateChange', 5, 4], ['server disconnect', id], ['server close', id], 'close'])
  assert.equal(connection.state, 5)
  assert.equal(connection.write('gone'), false)
})

test('connection.close() closes the client in its own way', async (t) => {
  const server = ws.createServer()
  const port = await start(t, server)
  const [socket, connection] = await meet(t, server, port)
  connection.close()
  assert.deepEqual(await once(socket, 'close'), [1000, ''])
  const [old, other] = await meet(t, server, port, { version: 'hixie-75' })
  other.close()
  await once(old, 'close')
})

test('connection.reject(reason): rejected, immediately followed by close; the reason stays here', async (t) => {
  const server = ws.createServer()
  const [socket, connection] = await meet(t, server, await start(t, server))
  const log: string[] = []
  connection.on('message', () => log.push('message'))
  connection.on('rejected', () => log.push(`rejected ${connection.state}`))
  connection.on('close', () => log.push('close'))
  socket.write('too late')
  connection.reject('a secret')
  assert.deepEqual(log, ['rejected 5', 'close'])
  connection.reject('once more')
  assert.deepEqual(await once(socket, 'close'), [1008, ''])
  assert.deepEqual(log, ['rejected 5', 'close'])
  assert.equal(server.manager.length, 0)
})

test('connection.handshake() has nothing left to do', async (t) => {
  const server = ws.createServer()
  const [socket, connection] = await meet(t, server, await start(t, server))
  connection.handshake()
  connection.write('still there')
  assert.equal((await receives(socket)).text, 'still there')
})

test('message: text as a string, bytes of newer versions as a Buffer', async (t) => {
  const server = ws.createServer()
  const [socket, connection] = await meet(t, server, await start(t, server))
  const messages: unknown[] = []
  connection.on('message', (message) => messages.push(message))
  socket.write('text')
  socket.write(Buffer.from('bytes'))
  await until(() => messages.length === 2)
  assert.deepEqual(messages, ['text', Buffer.from('bytes')])
})

test('the manager: length, find, forEach, map, filter, attach and detach', async (t) => {
  const server = ws.createServer()
  const { manager } = server
  const log: string[] = []
  manager.on('attach', () => log.push('attach'))
  manager.on('detach', () => log.push('detach'))
  const port = await start(t, server)
  const [first, one] = await meet(t, server, port)
  const [, two] = await meet(t, server, port)
  assert.equal(manager.length, 2)
  manager.find(two.id, (connection) => assert.equal(connection, two))
  manager.find('__proto__', () => assert.fail('nobody has that id'))
  const seen: ws.Connection[] = []
  manager.forEach(function (this: unknown, connection) {
    seen.push(connection)
    assert.equal(this, server)
  }, server)
  assert.deepEqual(seen, [one, two])
  assert.deepEqual(
    manager.map(({ id }, index) => `${index} ${id}`),
    [`0 ${one.id}`, `1 ${two.id}`],
  )
  assert.deepEqual(
    manager.filter((connection) => connection === two),
    [two],
  )
  first.close()
  await until(() => manager.length === 1)
  assert.deepEqual(log, ['attach', 'attach', 'detach'])
})

test('clientError: what goes wrong with one client ends that client alone', async (t) => {
  const server = ws.createServer()
  const errors: unknown[] = []
  server.on('clientError', (error) => errors.push((error as { code?: string }).code))
  const port = await start(t, server)
  const [socket] = await meet(t, server, port)
  const refused = await ask(t, port, hixie76('Sec-WebSocket-Version: 99\r\n'))
  assert.match(refused, /^HTTP\/1.1 4/)
  await until(() => errors.length === 1)
  server.broadcast('all well')
  assert.equal((await receives(socket)).text, 'all well')
})

test('debug: what happens is told on standard error', async (t) => {
  const told: string[] = []
  t.mock.method(console, 'error', (line: string) => told.push(line))
  const server = ws.createServer({ debug: true })
  const [socket, connection] = await meet(t, server, await start(t, server))
  socket.write('hello')
  await once(connection, 'message')
  connection.reject('a reason')
  const { id } = connection
  assert.deepEqual(lines(told.join('\n')), [
    `WS: ${id} 13 connection`,
    `WS: ${id} recv: hello`,
    `WS: ${id} rejected. Reason: a reason`,
    `WS: ${id} stateChange: 4 -> 5`,
  ])
})
