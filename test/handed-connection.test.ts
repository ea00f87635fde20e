/** A connection that node:http reads: the order of its answers, its client, what comes behind. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { bodiesOf, parseAnswers } from './support/answers.ts'
import { get, joinHanded, post, SLOW_MS, serveBoth, slowly } from './support/handed.ts'
import { certificate, join, joinTls, serve } from './support/serving.ts'

const OFFER = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n'
const WEBSOCKET = get(
  '/ws',
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n',
)
/** A masked text frame whose key is zero. */
const HI = '\x81\x82\0\0\0\0hi'

test('answers keep the order of their requests, however long each takes', async (t) => {
  const serving = await serveBoth(t, {}, slowly)
  const peer = await join(t, serving.port)
  const targets = ['/slow1', '/2', '/slow3']
  peer.send(post('0') + targets.map((target, at) => get(target) + post(`${at}`)).join(''))
  await peer.receives('</slow3>')
  await serving.until(() => peer.text.endsWith('\r\n\r\n2'))
  assert.deepEqual(bodiesOf(peer.text), ['0', '</slow1>', '0', '</2>', '1', '</slow3>', '2'])
})

test('a flood of requests is answered whole, and read as it is answered', async (t) => {
  let open = 0
  let most = 0
  const serving = await serve(t)
  serving.server.on('request', async (request, response) => {
    most = Math.max(most, ++open)
    await sleep(1)
    open--
    response.end(`<${request.url}>`)
  })
  const peer = await join(t, serving.port)
  const padding = `X: ${'x'.repeat(1_000)}\r\n`
  const targets = Array.from({ length: 2_000 }, (_, at) => `/${at}`)
  peer.send(targets.map((target) => get(target, padding)).join(''))
  await peer.receives('</1999>')
  assert.deepEqual(
    bodiesOf(peer.text),
    targets.map((target) => `<${target}>`),
  )
  // 64, and what one chunk of 64 KiB holds.
  assert.ok(most <= 64 + 65_536 / 1_000, `${most} were open at once`)
})

test('of requests that are never answered, no more are read than may wait', async (t) => {
  const serving = await serve(t)
  let requests = 0
  serving.server.on('request', () => requests++)
  const peer = await join(t, serving.port)
  for (let round = 0; round < 30; round++) {
    peer.send(get().repeat(10_000))
    await sleep(1)
  }
  await serving.until(() => requests >= 64)
  await sleep(SLOW_MS)
  // 64, and what one chunk of 64 KiB holds.
  assert.ok(requests <= 64 + 65_536 / get().length, `${requests} were read`)
})

test('a WebSocket that is asked for behind requests opens once they are answered', async (t) => {
  const serving = await serveBoth(t, {}, slowly)
  const peer = await join(t, serving.port)
  peer.send(get('/slow') + post('m') + get('/2') + WEBSOCKET + HI)
  await peer.receives('\x81\x02hi')
  const [slow, message, second, switched] = parseAnswers(peer.text.slice(0, -4))
  assert.deepEqual([slow!.body, message!.body, second!.body], ['</slow>', 'm', '</2>'])
  assert.equal(switched!.status, 101)
  assert.deepEqual(serving.log, ['connect http', 'disconnect http', 'connect websocket'])
  assert.equal(serving.server.stats().connections, 1)
  assert.equal(serving.server.clients.size, 1)
})

test('an answer with more than fits still leaves when a WebSocket is asked for behind it', async (t) => {
  const serving = await serve(t)
  const part = Buffer.alloc(256 * 1024, 'x')
  serving.server.on('request', async (_request, response) => {
    for (let parts = 0; parts < 20; parts++) if (!response.write(part)) await once(response, 'drain')
    response.end()
  })
  const peer = await join(t, serving.port)
  peer.socket.pause()
  peer.send(get() + WEBSOCKET)
  await sleep(SLOW_MS)
  peer.socket.resume()
  await peer.receives('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
  const [answer, switched] = parseAnswers(peer.text)
  assert.equal(answer!.body.length, 20 * part.length)
  assert.equal(switched!.status, 101)
})

test('a WebSocket that is refused there is told so', async (t) => {
  const serving = await serveBoth(t, { upgrade: () => ({ status: 401, message: 'Cannot come in' }) })
  const peer = await join(t, serving.port)
  peer.send(get('/slow') + WEBSOCKET)
  const [slow, refused] = parseAnswers(await peer.finished())
  assert.deepEqual([slow!.body, refused!.status, refused!.body], ['</slow>', 401, 'Cannot come in\n'])
})

test('offers of h2c, request after request, cost nothing and keep the client', async (t) => {
  const warnings: string[] = []
  const warn = (warning: Error) => void warnings.push(warning.message)
  process.on('warning', warn)
  t.after(() => process.removeListener('warning', warn))
  const serving = await serveBoth(t)
  let listeners: number[] = []
  serving.server.on('connection', (socket: Socket) => {
    listeners = []
    setInterval(
      () => listeners.push(socket.listenerCount('close') + socket.listenerCount('error')),
      1,
    ).unref()
  })
  const peer = await join(t, serving.port)
  await peer.send(post('m', OFFER)).receives('\r\n\r\nm')
  for (let at = 0; at < 30; at++) await peer.send(get(`/${at}`, OFFER)).receives(`</${at}>`)
  peer.send(get('/slow', OFFER) + post('n', OFFER) + get('/last', OFFER))
  await peer.receives('</last>')
  assert.deepEqual(bodiesOf(peer.text).slice(-3), ['</slow>', 'n', '</last>'])
  assert.deepEqual(serving.log, ['connect http'])
  assert.ok(Math.max(...listeners) < 10, `${Math.max(...listeners)} listeners`)
  peer.finish()
  await serving.until(() => serving.log.length === 2)
  assert.deepEqual(serving.log, ['connect http', 'disconnect http'])
  assert.deepEqual(warnings, [])
})

test('a message may be sent to the client while it is answered, and not between two requests', async (t) => {
  const serving = await serve(t, { explicitEnd: true }, () => {})
  serving.server.on('request', (_request, response) => response.end('<page>'))
  const { server } = serving
  const peer = await join(t, serving.port)
  peer.send(post('before'))
  await serving.until(() => serving.messages.length === 1)
  const { client, writer } = serving.clients[0]!
  assert.equal(server.send(client, 'sent'), true)
  writer.end()
  await peer.receives('\r\n\r\nsent')
  assert.equal(server.send(client, 'between'), false)
  await peer.send(get()).receives('<page>')
  assert.equal(server.send(client.id, 'between'), false)
  peer.send(post('behind'))
  await serving.until(() => serving.messages.length === 2)
  assert.equal(server.clients.get(client.id), client)
  assert.equal(server.send(client.id, 'once '), true)
  server.broadcast('more')
  await peer.receives('more')
  assert.equal(serving.clients.length, 1)
})

test('messages behind a request are taken one at a time', async (t) => {
  let open = 0
  let most = 0
  const serving = await serveBoth(t, {}, async (message, client, writer) => {
    most = Math.max(most, ++open)
    assert.equal(client.request?.headers['x-number'], String(message))
    await sleep(2)
    assert.equal(client.request?.headers['x-number'], String(message))
    writer.write(message)
    open--
  })
  const peer = await join(t, serving.port)
  const numbers = Array.from({ length: 100 }, (_, at) => String(at))
  peer.send(get() + numbers.map((number) => post(number, `X-Number: ${number}\r\n`)).join(''))
  await serving.until(() => peer.text.endsWith('\r\n\r\n99'))
  assert.deepEqual(bodiesOf(peer.text), ['</>', ...numbers])
  assert.equal(most, 1)
})

test('connections that are handed over count, by their address, too', async (t) => {
  const serving = await serveBoth(t, { maxConnectionsPerAddress: 2 })
  const [one, two] = [await joinHanded(t, serving), await joinHanded(t, serving)]
  assert.equal(serving.server.stats().connections, 2)
  const third = await join(t, serving.port)
  await third.finished()
  assert.equal(serving.server.stats().dropped, 1)
  one.socket.destroy()
  await serving.until(() => serving.server.stats().connections === 1)
  const again = await joinHanded(t, serving)
  for (const peer of [two, again]) peer.socket.destroy()
  await serving.until(() => serving.server.stats().connections === 0)
})

test('the application sees where a request comes from, and TLS', async (t) => {
  const serving = await serve(t, certificate)
  const seen: unknown[] = []
  serving.server.on('request', ({ socket }, response) => {
    seen.push([socket.remoteAddress, socket.remotePort, 'encrypted' in socket && socket.encrypted === true])
    response.end('<seen>')
  })
  const [plain, encrypted] = [await join(t, serving.port), await joinTls(t, serving.port)]
  for (const peer of [plain, encrypted]) await peer.send(get()).receives('<seen>')
  assert.deepEqual(seen, [
    ['127.0.0.1', plain.socket.localPort, false],
    ['127.0.0.1', encrypted.socket.localPort, true],
  ])
})

test('the host that the application sees is the one that is asked for', async (t) => {
  const serving = await serve(t, {}, (_message, { request }, writer) => writer.write(request!.headers.host!))
  serving.server.on('request', ({ headers }, response) => response.end(headers.host))
  const peer = await join(t, serving.port)
  const absolute = 'http://b.example:81/'
  peer.send(post('m').replace(' / ', ` ${absolute} `) + get(absolute) + get() + get(absolute))
  peer.send(post('m').replace(' / ', ` ${absolute} `) + get('/', 'Connection: close\r\n'))
  const hosts = bodiesOf(await peer.finished())
  assert.deepEqual(hosts, ['b.example:81', 'b.example:81', 'a', 'b.example:81', 'b.example:81', 'a'])
})

test('over TLS answers are as whole and as ordered, up to a half-closed end', async (t) => {
  const serving = await serveBoth(t, certificate, slowly)
  const peer = await joinTls(t, serving.port)
  peer.finish(post('1') + get('/slow') + post('2', OFFER) + get('/3', OFFER))
  assert.deepEqual(bodiesOf(await peer.finished()), ['1', '</slow>', '2', '</3>'])
  const other = await joinTls(t, serving.port)
  other.send(get('/slow') + WEBSOCKET + HI)
  await other.receives('\x81\x02hi')
})

test('HTTP/1.0 ends with the answer, unless it asks to be kept', async (t) => {
  const serving = await serve(t)
  serving.server.on('request', (request, response) => {
    // What node:http keeps a connection of HTTP/1.0 for.
    response.setHeader('Content-Length', request.url!.length + 2)
    response.end(`<${request.url}>`)
  })
  const old = await join(t, serving.port)
  old.send('GET /old HTTP/1.0\r\n\r\n')
  const [answer] = parseAnswers(await old.finished())
  assert.deepEqual([answer!.body, answer!.fields.get('connection')], ['</old>', 'close'])
  const kept = await join(t, serving.port)
  kept.send('GET /kept HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
  await kept.receives('</kept>')
  kept.send('POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nm')
  const [first, second] = parseAnswers(await kept.finished())
  assert.deepEqual([first!.body, second!.body], ['</kept>', 'm'])
})
