/** From the first request for the application a connection is node:http's; messages on it are still messages. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ServerOptions } from '../src/index.ts'
import { certificate, join, joinTls, type Peer, type Serving, serve } from './support/serving.ts'

const GET = 'GET /page HTTP/1.1\r\nHost: a\r\n\r\n'

function post(body: string, fields = ''): string {
  return `POST / HTTP/1.1\r\nHost: a\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`
}

/** An application that answers with the method, the target and the body. */
async function serveBoth(t: Parameters<typeof serve>[0], options: ServerOptions = {}): Promise<Serving> {
  const serving = await serve(t, options)
  serving.server.on('request', (request, response) => {
    let body = ''
    request.on('data', (part) => {
      body += part
    })
    request.on('end', () => response.end(`<${request.method} ${request.url} ${body}>`))
  })
  return serving
}

/** The answers' bodies, in their order: what the application says is in angle brackets, messages are in square ones. */
function bodies(text: string): string[] {
  return text.match(/<[^>]*>|\[[^\]]*\]/g) ?? []
}

test('messages and requests on one connection are each answered by their own, in order, however they are cut', async (t) => {
  const serving = await serveBoth(t)
  const requests = post('[1]') + GET + post('[2]') + GET.replace('page', 'other') + post('[3]')
  const expected = ['[1]', '<GET /page >', '[2]', '<GET /other >', '[3]']
  const cuts = Array.from({ length: requests.length }, (_, at) => [requests.slice(0, at), requests.slice(at)])
  for (const pieces of [[requests], [...requests], ...cuts]) {
    const peer = await join(t, serving.port)
    for (const piece of pieces) {
      if (piece === '') continue
      peer.send(piece)
      await new Promise(setImmediate)
    }
    assert.deepEqual(bodies(await peer.receives('[3]')), expected)
    peer.socket.destroy()
  }
})

test('the client of a connection stays the same, before and behind a request', async (t) => {
  const serving = await serveBoth(t)
  const peer = await join(t, serving.port)
  await peer.send(post('[before]')).receives('[before]')
  await peer.send(GET).receives('<GET /page >')
  await peer.send(post('[behind]')).receives('[behind]')
  assert.equal(serving.clients.length, 1)
  assert.deepEqual(serving.log, ['connect http'])
  peer.finish()
  await serving.until(() => serving.log.at(-1) === 'disconnect http')
  assert.deepEqual(serving.messages, ['[before]', '[behind]'])
  assert.equal(serving.server.clients.size, 0)
})

test('who ends its side behind a request is answered, however late', async (t) => {
  const serving = await serve(t)
  serving.server.on('request', async (_request, response) => {
    await sleep(50)
    response.end('<late>')
  })
  const peer = await join(t, serving.port)
  peer.finish(GET)
  assert.deepEqual(bodies(await peer.finished()), ['<late>'])
})

test('a body for the application arrives whole, in every framing', async (t) => {
  const serving = await serveBoth(t)
  const peer = await join(t, serving.port)
  peer.send('PATCH /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody')
  await peer.receives('<PATCH /x body>')
  peer.send(
    'DELETE /y HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n',
  )
  await peer.receives('<DELETE /y body>')
})

test('an offer of h2c is not heeded, and the request is served', async (t) => {
  const serving = await serveBoth(t)
  const peer = await join(t, serving.port)
  const offer = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n'
  peer.send(`GET /a HTTP/1.1\r\nHost: a\r\n${offer}\r\n`)
  await peer.receives('<GET /a >')
  peer.send(`GET /b HTTP/1.1\r\nHost: a\r\n${offer}\r\n`)
  await peer.receives('<GET /b >')
})

test('a WebSocket may be asked for behind a request', async (t) => {
  const serving = await serveBoth(t)
  const peer = await join(t, serving.port)
  await peer.send(GET).receives('<GET /page >')
  peer.send(
    'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  )
  await peer.receives('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
  // A masked text frame whose key is zero.
  peer.send(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]))
  await serving.until(() => serving.messages.length === 1)
  assert.equal(serving.clients.at(-1)!.client.protocol, 'websocket')
  assert.equal(serving.clients.at(-1)!.client.request?.url, '/ws')
})

for (const looks of [false, true]) {
  test(`100 Continue, ${looks ? 'by the application' : 'by itself'}`, async (t) => {
    const serving = await serveBoth(t)
    if (looks) {
      serving.server.on('checkContinue', (request, response) => {
        response.writeContinue()
        request.resume().on('end', () => response.end('<looked>'))
      })
    }
    const peer = await join(t, serving.port)
    peer.send('PATCH / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n')
    await peer.receives('HTTP/1.1 100 Continue\r\n\r\n')
    await peer.send('hi').receives(looks ? '<looked>' : '<PATCH / hi>')
  })
}

test('limits hold behind the hand-off: head, fields, body of a message', async (t) => {
  const options = { headLimit: 1_000, fieldLimit: 10, messageLimit: 100, bodyTimeout: 200, closeTimeout: 200 }
  const serving = await serveBoth(t, options)
  const statusOf = async (request: string): Promise<string> => {
    const peer = await join(t, serving.port)
    await peer.send(GET).receives('<GET /page >')
    peer.received = Buffer.alloc(0)
    await peer.send(request).receives('\r\n\r\n')
    return peer.text.slice(9, 12)
  }
  assert.equal(await statusOf(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(2_000)}\r\n\r\n`), '431')
  assert.equal(await statusOf(`GET / HTTP/1.1\r\nHost: a\r\n${'X: x\r\n'.repeat(11)}\r\n`), '431')
  assert.equal(await statusOf(post('x'.repeat(101))), '413')
  assert.equal(await statusOf('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nslow'), '408')
  assert.equal(await statusOf('GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n'), '400')
})

test('what the application throws is a 500, and the server goes on', async (t) => {
  const serving = await serve(t)
  const thrown: unknown[] = []
  const before = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', (error) => thrown.push(error))
  t.after(() => {
    process.removeAllListeners('uncaughtException')
    for (const listener of before) process.on('uncaughtException', listener)
  })
  serving.server.on('request', () => {
    throw new Error('broken')
  })
  const peer = await join(t, serving.port)
  assert.match(await peer.send(GET).receives('\r\n\r\n'), /^HTTP\/1\.1 500 /)
  await serving.until(() => thrown.length === 1)
})

test('close ends what is idle, and what is busy once it has answered', async (t) => {
  const serving = await serve(t)
  serving.server.on('request', async (request, response) => {
    if (request.url === '/slow') await sleep(60)
    response.end('<done>')
  })
  const [idle, busy] = [await join(t, serving.port), await join(t, serving.port)]
  await idle.send(GET).receives('<done>')
  busy.send(GET.replace('page', 'slow'))
  await serving.until(() => serving.server.stats().connections === 2)
  await sleep(10)
  const closed = serving.server.shutdown({ timeout: 5_000 })
  await idle.finished()
  assert.match(await busy.finished(), /<done>/)
  await Promise.all([closed, ...[idle, busy].map((peer: Peer) => peer.socket.end())])
  assert.equal(serving.server.stats().connections, 0)
})

test('over TLS it is the same', async (t) => {
  const serving = await serveBoth(t, certificate)
  const peer = await joinTls(t, serving.port)
  peer.send(post('[1]') + GET + post('[2]'))
  assert.deepEqual(bodies(await peer.receives('[2]')), ['[1]', '<GET /page >', '[2]'])
})
