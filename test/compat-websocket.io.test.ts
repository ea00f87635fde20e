import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { Socket as NetSocket } from 'node:net'
import { type TestContext, test } from 'node:test'
import * as ws from '../src/compat/websocket.io/index.ts'
import type { ConnectOptions, WebSocketClient } from '../src/index.ts'
import { connect } from '../src/index.ts'
import { ask, collect, get, listen, open, portOf, receives } from './support/facades.ts'
import { certificate, join, until } from './support/serving.ts'

/** A server of `listen`, on a port of the system's choice. */
async function start(t: TestContext, options?: ws.Options): Promise<{ server: ws.Server; port: number }> {
  const server = ws.listen(0, options)
  const http = server.httpServer!
  await once(http, 'listening')
  t.after(() => {
    http.close()
    http.closeAllConnections()
    for (const socket of server.clients ?? []) socket?.destroy()
  })
  return { server, port: portOf(http) }
}

/** A client, and the socket that the server has of it. */
async function meet(
  t: TestContext,
  server: ws.Server,
  port: number,
  options: ConnectOptions & { path?: string } = {},
): Promise<[client: WebSocketClient, socket: ws.Socket]> {
  const [[socket], client] = await Promise.all([once(server, 'connection'), open(t, port, options)])
  return [client, socket as ws.Socket]
}

test('listen: options and callback in either order; 501 for regular requests', async (t) => {
  const called: string[] = []
  const servers = [
    ws.listen(0, { path: '/a' }, () => called.push('options first')),
    ws.listen(0, () => called.push('callback first'), { path: '/a' }),
    ws.listen(0),
    ws.listen(0, null, undefined),
  ]
  t.after(() => {
    for (const { httpServer } of servers) httpServer!.close()
  })
  await until(() => called.length === 2)
  assert.deepEqual(
    servers.map(({ options }) => options.path),
    ['/a', '/a', null, null],
  )
  for (const server of servers) {
    assert.ok(server instanceof ws.Server)
    const answer = await ask(t, portOf(server.httpServer!), get('/', 'Connection: close\r\n'))
    assert.match(answer, /^HTTP\/1.1 501 Not Implemented\r\n/)
  }
})

test('attach to a https.Server', async (t) => {
  const https = createHttpsServer({ key: certificate.key, cert: certificate.cert })
  const port = await listen(t, https)
  const server = ws.attach(https)
  server.on('connection', (socket) => socket.send(`encrypted: ${socket.client.encrypted}`))
  const client = await connect(`wss://127.0.0.1:${port}/`, { tls: { rejectUnauthorized: false } })
  t.after(() => client.destroy())
  assert.equal((await receives(client)).text, 'encrypted: true')
})

test('path: others are left to others, and refused where there are none', async (t) => {
  const http = createServer()
  const port = await listen(t, http)
  const chat = ws.attach(http, { path: '/chat' })
  chat.on('connection', (socket) => socket.send('chat'))
  await assert.rejects(open(t, port, { path: '/news' }), { status: 404 })
  const news = new ws.Server({ path: '/news' })
  news.on('connection', (socket) => socket.send('news'))
  http.on('upgrade', (req, socket, head) => {
    assert.equal(news.handleUpgrade(req, socket, head), news)
  })
  assert.equal((await receives(await open(t, port, { path: '/chat?room=1' }))).text, 'chat')
  assert.equal((await receives(await open(t, port, { path: '/news' }))).text, 'news')
})

test('handleUpgrade leaves alone what is no WebSocket', async (t) => {
  const http = createServer()
  const port = await listen(t, http)
  const server = new ws.Server()
  http.on('upgrade', (req, socket, head) => {
    server.handleUpgrade(req, socket, head)
    if (!socket.destroyed) socket.end('mine')
  })
  const peer = await join(t, port)
  assert.equal(await peer.send(get('/', 'Connection: Upgrade\r\nUpgrade: mine\r\n')).finished(), 'mine')
})

test('clients and clientsCount', async (t) => {
  const { server, port } = await start(t)
  const [first, one] = await meet(t, server, port)
  const [second, two] = await meet(t, server, port)
  assert.deepEqual([server.clientsCount, Object.values(server.clients!)], [2, [one, two]])
  first.close()
  await once(one, 'close')
  assert.deepEqual([server.clientsCount, Object.keys(server.clients!)], [1, ['1']])
  const [, three] = await meet(t, server, port)
  assert.deepEqual([server.clientsCount, [...server.clients!]], [2, [three, two]])
  const seen: ws.Socket[] = []
  second.close()
  await once(two, 'close')
  server.clients!.forEach((socket) => {
    seen.push(socket)
  })
  assert.deepEqual(seen, [three])
})

test('clientTracking: false: neither is there', async (t) => {
  const http = createServer()
  const port = await listen(t, http)
  const server = ws.attach(http, { clientTracking: false })
  const [client, socket] = await meet(t, server, port)
  assert.ok(!('clients' in server) && !('clientsCount' in server))
  socket.send('works all the same')
  assert.equal((await receives(client)).text, 'works all the same')
  client.close()
  await once(socket, 'close')
})

const versions: [version: ConnectOptions['version'], name: string, protocolVersion: string, type: unknown][] =
  [
    ['hixie-75', 'websocket-hixie', 'hixie-75', ws.protocols.drafts],
    ['hixie-76', 'websocket-hixie', 'hixie-76', ws.protocols.drafts],
    ['hybi-03', 'websocket', 'hybi', ws.protocols[13]],
    ['7', 'websocket', 'hybi', ws.protocols[7]],
    ['8', 'websocket', 'hybi', ws.protocols[8]],
    ['13', 'websocket', 'hybi', ws.protocols[13]],
  ]

for (const [version, name, protocolVersion, type] of versions) {
  test(`${version}: every property, method and event of a socket`, async (t) => {
    const { server, port } = await start(t)
    const [client, socket] = await meet(t, server, port, { version: version!, path: '/at?a=1' })
    assert.ok(socket instanceof ws.Socket && socket instanceof (type as typeof ws.Socket))
    assert.ok(socket instanceof EventEmitter)
    assert.equal((socket.req as IncomingMessage).url, '/at?a=1')
    assert.ok(socket.socket instanceof NetSocket)
    assert.deepEqual(
      [socket.name, socket.protocolVersion, socket.readyState],
      [name, protocolVersion, 'open'],
    )
    const events: unknown[] = []
    socket.on('message', (data) => events.push(['message', data]))
    socket.on('data', (data) => events.push(['data', data]))
    socket.on('close', () => events.push(['close', socket.readyState]))
    client.write('über')
    await until(() => events.length === 2)
    const received = collect(client)
    assert.equal(socket.send('send').write('write'), socket)
    await until(() => received.length === 2)
    assert.deepEqual(received, [
      { text: 'send', isText: true },
      { text: 'write', isText: true },
    ])
    assert.equal(socket.close(), socket)
    assert.equal(socket.readyState, 'closed')
    await Promise.all([once(client, 'close'), once(socket, 'close')])
    assert.deepEqual(events, [
      ['message', 'über'],
      ['data', 'über'],
      ['close', 'closed'],
    ])
    assert.equal(socket.send('too late').end().destroy(), socket)
  })
}

test('bytes are a Buffer, and go out as binary', async (t) => {
  const { server, port } = await start(t)
  const [client, socket] = await meet(t, server, port)
  client.write(Buffer.from('bytes'))
  const [data] = await once(socket, 'message')
  assert.deepEqual(data, Buffer.from('bytes'))
  socket.send(data as Buffer)
  assert.deepEqual(await receives(client), { text: 'bytes', isText: false })
})

test('end and destroy end a socket, too', async (t) => {
  const { server, port } = await start(t)
  const [first, one] = await meet(t, server, port)
  one.end()
  assert.deepEqual(await once(first, 'close'), [1000, ''])
  const [second, two] = await meet(t, server, port)
  two.destroy()
  assert.equal(two.readyState, 'closed')
  assert.deepEqual(await once(second, 'close'), [1006, ''])
})

test('error: what goes wrong with a socket; without a listener nothing is thrown', async (t) => {
  const { server, port } = await start(t, { messageLimit: 4 })
  const [first, one] = await meet(t, server, port)
  const failed = once(one, 'error')
  first.write('12345')
  const [error] = (await failed) as [Error & { code: string }]
  assert.equal(error.code, 'ERR_WS_MESSAGE_TOO_LARGE')
  await once(one, 'close')
  const [second, two] = await meet(t, server, port)
  let closed = false
  two.on('close', () => {
    closed = true
  })
  second.write('12345')
  await until(() => closed)
})

test('every page may come in, unless allowOrigin says otherwise', async (t) => {
  const any = await start(t)
  await open(t, any.port, { headers: { Origin: 'http://a.example' } })
  const some = await start(t, { allowOrigin: 'a.example' })
  await open(t, some.port, { headers: { Origin: 'http://a.example' } })
  await assert.rejects(open(t, some.port, { headers: { Origin: 'http://b.example' } }), { status: 403 })
})

test('two requests that wait for their eight bytes are not mixed up', async (t) => {
  const { server, port } = await start(t)
  const urls: unknown[] = []
  server.on('connection', (socket) => urls.push(socket.req.url))
  const head = (path: string): string =>
    get(
      path,
      'Upgrade: WebSocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n' +
        'Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n',
    )
  const [one, two] = [await join(t, port), await join(t, port)]
  await one.send(head('/one')).receives('\r\n\r\n')
  await two.send(head('/two')).receives('\r\n\r\n')
  two.send('^n:ds[4U')
  await until(() => urls.length === 1)
  one.send('^n:ds[4U')
  await until(() => urls.length === 2)
  assert.deepEqual(urls, ['/two', '/one'])
})
