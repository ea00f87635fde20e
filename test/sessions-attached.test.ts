/** Sessions on a server of node:http or node:https that somebody else has. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, createServer, request } from 'node:http'
import { createServer as createHttpsServer, request as requestHttps } from 'node:https'
import type { AddressInfo, Server as NetServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { connect, Server, type ServerOptions } from '../src/index.ts'
import { certificate, echo, join, record, until } from './support/serving.ts'
import { frame06, SessionClient } from './support/session-clients.ts'
import { serveSessions } from './support/session-wires.ts'

async function listening(t: TestContext, server: NetServer): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

function serving(t: TestContext, options: ServerOptions = { sessions: true }) {
  const server = new Server(echo, options)
  t.after(() => server.shutdown({ timeout: 5 }))
  return { ...record(server), server }
}

test('the server’s own listeners hear of nothing that is a session’s, also those that come later', async (t) => {
  const heard: string[] = []
  const httpServer = createServer((request, response) => {
    heard.push(`first ${request.url}`)
    response.end('first')
  })
  const { server, log, messages } = serving(t)
  server.attach(httpServer)
  httpServer.on('request', (request) => heard.push(`second ${request.url}`))
  httpServer.on('upgrade', (request, socket) => {
    heard.push(`upgrade ${request.url}`)
    socket.destroy()
  })
  const port = await listening(t, httpServer)
  const peer = await join(t, port)
  peer.send('GET /socket.io/xhr-polling// HTTP/1.1\r\nHost: a\r\n\r\n')
  const [, id] = /~m~22~m~(.{22})/.exec(await peer.receives('~m~22~m~')) ?? []
  peer.send(
    `POST /socket.io/xhr-polling/${id}/send HTTP/1.1\r\nHost: a\r\nContent-Length: 13\r\n\r\ndata=~m~1~m~x`,
  )
  await peer.receives('ok')
  const socket = await connect(`ws://127.0.0.1:${port}/socket.io/websocket`)
  socket.write(frame06('y'))
  await until(() => messages.length === 2)
  assert.deepEqual(heard, [])
  peer.send('GET /own HTTP/1.1\r\nHost: a\r\n\r\n')
  await peer.receives('first')
  assert.deepEqual(heard, ['first /own', 'second /own'])
  assert.deepEqual(log, ['connect xhr-polling', 'connect websocket'])
})

test('without the option requests are the server’s, as before', async (t) => {
  const httpServer = createServer((_request, response) => response.end('own'))
  const { server } = serving(t, {})
  server.attach(httpServer)
  const port = await listening(t, httpServer)
  const peer = await join(t, port)
  peer.send('GET /socket.io/xhr-polling// HTTP/1.1\r\nHost: a\r\n\r\n')
  assert.match(await peer.receives('own'), /^HTTP\/1\.1 200/)
})

test('with `path: false` only the WebSockets of sessions are taken', async (t) => {
  const httpServer = createServer()
  const { server, log } = serving(t)
  server.attach(httpServer, { path: false })
  const port = await listening(t, httpServer)
  const refused = await connect(`ws://127.0.0.1:${port}/chat`).catch((error) => error.status)
  assert.equal(refused, 404)
  const socket = await connect(`ws://127.0.0.1:${port}/socket.io/websocket`)
  const [first] = (await once(socket, 'message')) as [Buffer]
  assert.match(String(first), /^~m~22~m~/)
  // Another listener may have others.
  const upgrades: string[] = []
  httpServer.on('upgrade', (request, socket) => {
    upgrades.push(request.url!)
    socket.destroy()
  })
  await connect(`ws://127.0.0.1:${port}/chat`).catch(() => {})
  assert.deepEqual([upgrades, log], [['/chat'], ['connect websocket']])
})

test('beside the WebSockets of a path', async (t) => {
  const httpServer = createServer()
  const { server, log } = serving(t)
  server.attach(httpServer, { path: '/chat' })
  const port = await listening(t, httpServer)
  const plain = await connect(`ws://127.0.0.1:${port}/chat`)
  plain.write('plain')
  assert.equal(String((await once(plain, 'message'))[0]), 'plain')
  const session = await connect(`ws://127.0.0.1:${port}/socket.io/websocket`)
  assert.match(String((await once(session, 'message'))[0]), /^~m~22~m~/)
  assert.deepEqual(log, ['connect websocket', 'connect websocket'])
})

test('a request that waits for a word before its body gets it', async (t) => {
  const serving = await serveSessions(t, {}, 'attached')
  serving.httpServer!.on('checkContinue', () => assert.fail('it was heard'))
  const client = new SessionClient(serving.ask, 'xhr-polling')
  client.polling = false
  await client.connect()
  const outgoing = request({
    host: '127.0.0.1',
    port: serving.port,
    path: `/socket.io/xhr-polling/${client.id}/send`,
    method: 'POST',
    headers: { expect: '100-continue' },
  })
  outgoing.flushHeaders()
  await once(outgoing, 'continue')
  outgoing.end(`data=${frame06('late')}`)
  const [response] = await once(outgoing, 'response')
  response.resume()
  assert.deepEqual([response.statusCode, serving.messages], [200, ['late']])
})

test('on a server of node:https, over TLS', async (t) => {
  const httpServer = createHttpsServer(certificate, (_request, response) => response.end('own'))
  const { server, clients, messages } = serving(t)
  server.attach(httpServer)
  const port = await listening(t, httpServer)
  const tls = { rejectUnauthorized: false }
  const socket = await connect(`wss://127.0.0.1:${port}/socket.io/websocket`, { tls })
  socket.write(frame06('secret'))
  await until(() => messages.length === 1)
  const outgoing = requestHttps({ host: '127.0.0.1', port, path: '/socket.io/xhr-polling', ...tls })
  outgoing.end()
  const [response] = await once(outgoing, 'response')
  response.resume()
  assert.deepEqual(
    clients.map(({ client }) => [client.protocol, client.encrypted]),
    [
      ['websocket', true],
      ['xhr-polling', true],
    ],
  )
  outgoing.destroy()
})

test('what node:http lets pass and our own engine does not is refused', async (t) => {
  const serving = await serveSessions(t, { fieldLimit: 5 }, 'attached')
  const peer = await join(t, serving.port)
  peer.send(`GET /socket.io/xhr-polling HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(10)}\r\n`)
  assert.match(await peer.finished(), /^HTTP\/1\.1 431 /)
  assert.deepEqual(serving.errors, ['ERR_HTTP_FIELDS_TOO_MANY'])
})

test('a client that goes is gone at once', async (t) => {
  const serving = await serveSessions(t, {}, 'attached')
  const client = await new SessionClient(serving.ask, 'htmlfile').connect()
  client.stream!.cancel()
  await until(() => serving.log.length === 2)
  assert.deepEqual(serving.log, ['connect htmlfile', 'disconnect htmlfile'])
})

test('the server that has the sessions goes: they end, and the other one stays', async (t) => {
  const serving = await serveSessions(t, {}, 'attached')
  const client = await new SessionClient(serving.ask, 'htmlfile').connect()
  await serving.server.shutdown({ timeout: 1_000 })
  await until(() => client.stream!.ended())
  assert.equal((await serving.ask('/')).status, 200)
})

test('a server that is closed lets go of clients that would ask for ever', async (t) => {
  const serving = await serveSessions(t, { sessions: { pollDuration: 60 } }, 'attached')
  const httpServer = serving.httpServer!
  const { port } = httpServer.address() as AddressInfo
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => agent.destroy())
  const ask = async (path: string) => {
    const outgoing = request({ port, path, agent })
    outgoing.end()
    const [incoming] = await once(outgoing, 'response')
    let body = ''
    for await (const chunk of incoming) body += chunk
    return body
  }
  const id = (await ask('/socket.io/xhr-polling/')).slice('~m~22~m~'.length)
  const poll = async () => {
    for (;;) await ask(`/socket.io/xhr-polling/${id}`)
  }
  const polling = assert.rejects(poll(), /ECONN|socket hang up/)
  await until(() => serving.clients[0]!.client.session!.connections === 2)
  let closed = false
  httpServer.close(() => {
    closed = true
  })
  await until(() => closed)
  await polling
})
