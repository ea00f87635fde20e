/** What is taken of a server of node:http besides WebSockets and sessions: Flash's policy; and the end of it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { Server, type ServerOptions } from '../src/index.ts'
import { join, until } from './support/serving.ts'

const REQUEST = '<policy-file-request/>\0'
const POLICY: ServerOptions = { flashPolicy: [{ domain: 'example.com' }] }

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** The server that has the port, and the one that is attached to it. */
async function attach(t: TestContext, options: ServerOptions, before = false) {
  const httpServer = createServer((_request, response) => response.end('own'))
  const server = new Server(options)
  t.after(() => server.shutdown({ timeout: 5 }))
  if (before) server.attach(httpServer)
  httpServer.listen(0, '127.0.0.1')
  await once(httpServer, 'listening')
  if (!before) server.attach(httpServer)
  t.after(() => {
    httpServer.closeAllConnections()
    httpServer.close()
  })
  return { httpServer, server, port: (httpServer.address() as AddressInfo).port }
}

async function ask(t: TestContext, port: number, bytes = REQUEST): Promise<string> {
  const peer = await join(t, port)
  return peer.finish(bytes).finished()
}

test('the policy is for the port of the server, and its own errors stay its own', async (t) => {
  const { httpServer, port } = await attach(t, POLICY)
  const errors: string[] = []
  httpServer.on('clientError', (error, socket) => {
    errors.push((error as { code?: string }).code!)
    socket.end('HTTP/1.1 400 mine\r\n\r\n')
  })
  const policy = `<allow-access-from domain="example.com" to-ports="${port}"/>`
  assert.ok((await ask(t, port)).includes(policy))
  assert.deepEqual(errors, [])
  assert.match(await ask(t, port, '<policy-file-request/>'), / mine/)
  assert.match(await ask(t, port, 'nonsense\r\n\r\n'), / mine/)
  assert.equal(errors.length, 2)
  assert.match(await ask(t, port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'), /^HTTP\/1\.1 200 /)
})

test('without the option it is no request', async (t) => {
  const { port } = await attach(t, { sessions: true })
  assert.match(await ask(t, port), /^HTTP\/1\.1 400 /)
})

for (const before of [true, false]) {
  test(`a port for the policy opens and closes with the server, attached ${before ? 'before' : 'while'} it listens`, async (t) => {
    const flashPolicyPort = await freePort()
    const { httpServer, port } = await attach(t, { ...POLICY, flashPolicyPort }, before)
    const policy = await ask(t, flashPolicyPort, '')
    assert.ok(policy.includes(`to-ports="${port}"`))
    httpServer.close()
    await once(httpServer, 'close')
    await assert.rejects(ask(t, flashPolicyPort, ''), { code: 'ECONNREFUSED' })
  })
}

test('a port that is taken is an error of the server that is attached', async (t) => {
  const taken = createTcpServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.after(() => taken.close())
  const { port: flashPolicyPort } = taken.address() as AddressInfo
  const server = new Server({ ...POLICY, flashPolicyPort })
  const httpServer = createServer()
  t.after(() => httpServer.close())
  const failed = once(server, 'error')
  server.attach(httpServer)
  httpServer.listen(0, '127.0.0.1')
  assert.equal((await failed)[0].code, 'EADDRINUSE')
})

test('a server that is closed takes nothing any more', async (t) => {
  const { server, port } = await attach(t, { ...POLICY, sessions: true })
  const request = 'GET /socket.io/xhr-polling HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
  assert.match(await ask(t, port, request), /~m~22~m~/)
  server.close()
  await until(() => server.clients.size === 0)
  assert.match(await ask(t, port, request), /own$/)
  assert.match(await ask(t, port), /^HTTP\/1\.1 400 /)
})
