/** WebSockets on a server of node:http or node:https that exists. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server as HttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { Server } from '../src/index.ts'
import { certificate, join, joinTls, type Peer } from './support/serving.ts'

const MASKED_HI = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69])
const PLAIN_HI = '\x81\x02hi'

function upgrade(path: string, fields = ''): string {
  return (
    `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
    `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${fields}\r\n`
  )
}

async function listen(t: TestContext, httpServer: HttpServer): Promise<number> {
  httpServer.listen(0, '127.0.0.1')
  await once(httpServer, 'listening')
  t.after(() => {
    httpServer.closeAllConnections()
    httpServer.close()
  })
  return (httpServer.address() as AddressInfo).port
}

function makeEcho(t: TestContext): Server {
  const server = new Server((message, _client, writer) => writer.write(message))
  t.after(() => server.shutdown({ timeout: 5 }))
  return server
}

async function checkEcho(peer: Peer, path: string): Promise<void> {
  // The first frame is glued to the handshake.
  peer.send(Buffer.concat([Buffer.from(upgrade(path), 'latin1'), MASKED_HI]))
  await peer.receives(PLAIN_HI)
  assert.match(peer.text, /^HTTP\/1\.1 101 /)
}

test('a server that is attached takes WebSockets; requests stay the server’s own', async (t) => {
  const httpServer = createServer((_request, response) => response.end('own'))
  makeEcho(t).attach(httpServer)
  const port = await listen(t, httpServer)
  await checkEcho(await join(t, port), '/any')
  await (await join(t, port)).send('GET / HTTP/1.1\r\nHost: a\r\n\r\n').receives('own')
})

test('on https it is encrypted, and so is the client', async (t) => {
  const httpServer = createHttpsServer({ key: certificate.key, cert: certificate.cert })
  const server = makeEcho(t).attach(httpServer)
  const encrypted: boolean[] = []
  server.on('clientConnect', (client) => encrypted.push(client.encrypted))
  const port = await listen(t, httpServer as unknown as HttpServer)
  await checkEcho(await joinTls(t, port), '/')
  assert.deepEqual(encrypted, [true])
})

test('two servers share one by their paths; what neither takes is refused, or left to others', async (t) => {
  const httpServer = createServer()
  const [one, other] = [makeEcho(t), makeEcho(t)]
  one.attach(httpServer, { path: '/one' })
  other.attach(httpServer, { path: '/other' })
  const port = await listen(t, httpServer)
  await checkEcho(await join(t, port), '/one?query')
  await checkEcho(await join(t, port), '/other')
  assert.deepEqual([one.clients.size, other.clients.size], [1, 1])
  const refused = await join(t, port)
  assert.match(await refused.send(upgrade('/else')).finished(), /^HTTP\/1\.1 404 [\s\S]*Cannot accept/)
  httpServer.on('upgrade', (request, socket) => {
    if (request.url === '/else') socket.end('taken')
  })
  assert.equal(await (await join(t, port)).send(upgrade('/else')).finished(), 'taken')
})

test('an offer of another protocol is an ordinary request, with its body', async (t) => {
  const httpServer = createServer((request, response) => {
    let body = ''
    request.on('data', (part) => {
      body += part
    })
    request.on('end', () => response.end(`own ${request.headers.upgrade} ${body}`))
  })
  makeEcho(t).attach(httpServer)
  const port = await listen(t, httpServer)
  const peer = await join(t, port)
  const offer = 'Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 4\r\n'
  await peer.send(`POST / HTTP/1.1\r\nHost: a\r\n${offer}\r\nbody`).receives('own undefined body')
})

test('one upgrade may be handed over; hixie-76’s eight bytes may come late', async (t) => {
  const httpServer = createServer()
  const server = makeEcho(t)
  httpServer.on('upgrade', (request, socket, head) => server.handleUpgrade(request, socket, head))
  const port = await listen(t, httpServer)
  await checkEcho(await join(t, port), '/')
  const peer = await join(t, port)
  peer.send(
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nOrigin: http://a\r\n' +
      'Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n\r\n',
  )
  await peer.receives('\r\n\r\n')
  await peer.send('^n:ds[4U').receives("8jKS'y:G*Co,Wxa-")
  await peer.send('\x00hi\xff').receives('\x00hi\xff')
})

test('a client that resets at any moment of its upgrade ends nothing but itself', async (t) => {
  const httpServer = createServer((_request, response) => response.end('own'))
  const server = makeEcho(t).attach(httpServer, { path: '/ws' })
  const port = await listen(t, httpServer)
  for (const path of ['/ws', '/else']) {
    for (let cut = 1; cut <= upgrade(path).length; cut += 20) {
      const peer = await join(t, port)
      peer.send(upgrade(path).slice(0, cut))
      if (cut % 40 === 1) await new Promise(setImmediate)
      peer.socket.resetAndDestroy()
    }
    const whole = await join(t, port)
    whole.send(upgrade(path))
    whole.socket.resetAndDestroy()
  }
  await checkEcho(await join(t, port), '/ws')
  assert.ok(server.clients.size >= 1)
})
