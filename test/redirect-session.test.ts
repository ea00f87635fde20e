import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { type TestContext, test } from 'node:test'
import type { ServerOptions } from '../src/index.ts'
import { answersOf } from './support/http-rows.ts'
import { certificate, join, joinTls, type Serving, serve } from './support/serving.ts'
import { ask, OPENINGS } from './support/targets.ts'

const { key, cert } = certificate

function required(t: TestContext, options: ServerOptions = {}): Promise<Serving> {
  return serve(t, { key, cert, tls: 'required', ...options })
}

const redirected: [request: string, location: string][] = [
  ['GET /a?b=c HTTP/1.1\r\nHost: a.example\r\n\r\n', 'https://a.example/a?b=c'],
  ['GET / HTTP/1.1\r\nHost: a.example:8080\r\n\r\n', 'https://a.example:8080/'],
  ['GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n', 'https://[::1]:8080/'],
  ['GET //b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n', 'https://a.example//b.example/'],
  ['GET http://b.example/x HTTP/1.1\r\nHost: a.example\r\n\r\n', 'https://b.example/x'],
  ['OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n', 'https://a.example/'],
  ['POST /m HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello', 'https://a.example/m'],
  ['PUT /m HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n', 'https://a.example/m'],
  ['GET /old HTTP/1.0\r\nHost: a.example\r\n\r\n', 'https://a.example/old'],
  [
    'GET /chat HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    'https://a.example/chat',
  ],
]

test('plain HTTP is told where the same is over TLS, once, and nothing else', async (t) => {
  const serving = await required(t)
  for (const [request, location] of redirected) {
    const peer = await join(t, serving.port)
    peer.send(`${request}GET /second HTTP/1.1\r\nHost: a.example\r\n\r\n`)
    const answers = answersOf(await peer.finished())
    assert.equal(answers.length, 1, request)
    const [{ status, fields, body }] = answers as [(typeof answers)[number]]
    assert.equal(status, 308, request)
    assert.equal(fields.get('location'), location)
    assert.equal(fields.get('connection'), 'close')
    assert.equal(body, `${location}\n`)
  }
  assert.deepEqual([serving.messages, serving.log], [[], []])
})

test('HEAD is told without a body', async (t) => {
  const serving = await required(t)
  const text = await ask(t, serving.port, 'HEAD /h HTTP/1.1\r\nHost: a.example\r\n\r\n')
  assert.match(text, /^HTTP\/1\.1 308 .*\r\nLocation: https:\/\/a\.example\/h\r\n.*\r\n\r\n$/s)
})

for (const method of ['GET', 'HEAD']) {
  test(`${method} without a Host is asked to upgrade: nobody knows where to`, async (t) => {
    const serving = await required(t)
    const text = await ask(t, serving.port, `${method} / HTTP/1.0\r\n\r\n`)
    assert.match(text, /^HTTP\/1\.1 426 /)
    assert.match(text, /\r\nUpgrade: TLS\/1\.2, HTTP\/1\.1\r\n/)
    assert.match(text, /\r\nConnection: (?:upgrade, close|close, upgrade)\r\n/)
    assert.equal(text.endsWith('\r\n\r\n'), method === 'HEAD')
  })
}

const broken: [request: string, status: number, code: string][] = [
  ['GET / HTTP/1.1\r\n\r\n', 400, 'ERR_HTTP_HOST_MISSING'],
  ['GET / HTTP/1.1\r\nHost: a b\r\n\r\n', 400, 'ERR_HTTP_HOST_INVALID'],
  ['GET / HTTP/1.1\r\nHost: a\r\n b: c\r\n\r\n', 400, 'ERR_HTTP_FIELD_FOLDED'],
  [`GET /${'x'.repeat(9_000)} HTTP/1.1\r\n`, 414, 'ERR_HTTP_REQUEST_LINE_TOO_LONG'],
  [`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n`, 431, 'ERR_HTTP_FIELDS_TOO_LARGE'],
]

test('what is malformed is refused as ever', async (t) => {
  const serving = await required(t)
  for (const [request, status, code] of broken) {
    const peer = await join(t, serving.port)
    peer.send(request)
    assert.match(await peer.finished(), new RegExp(`^HTTP/1\\.1 ${status} `), request.slice(0, 50))
    assert.equal(serving.errors.pop(), code)
  }
})

test('a head that does not come in time', async (t) => {
  const serving = await required(t, { headTimeout: 60 })
  const peer = await join(t, serving.port)
  peer.send('GET / HTTP/1.1\r\nHost: a')
  assert.match(await peer.finished(), /^HTTP\/1\.1 408 /)
  assert.deepEqual(serving.errors, ['ERR_HTTP_HEAD_TIMEOUT'])
})

test('a head that ends too early is no request', async (t) => {
  const serving = await required(t)
  assert.equal(await ask(t, serving.port, 'GET / HTTP/1.1\r\nHost: a'), '')
})

test('everything else in clear text is closed, silence too', async (t) => {
  const serving = await required(t, { sniffTimeout: 40, flashPolicy: [{ domain: '*' }] })
  for (const text of ['hello\n', 'SSH-2.0-x\r\n', '\0\0\0\0', OPENINGS.flashPolicy!, '']) {
    const peer = await join(t, serving.port)
    if (text !== '') peer.send(text)
    assert.equal(await peer.finished(), '', text)
    assert.equal(serving.errors.pop(), 'ERR_TLS_REQUIRED', text)
  }
  assert.deepEqual(
    serving.log.filter((line) => !line.startsWith('error')),
    [],
  )
})

test('HTTP/2 in clear text is told that it is not safe enough', async (t) => {
  const serving = await required(t)
  const client = connectHttp2(`http://127.0.0.1:${serving.port}`)
  t.after(() => client.destroy())
  client.on('error', () => {})
  const [code] = (await once(client, 'goaway')) as [number]
  assert.equal(code, 0x0c)
  assert.deepEqual(serving.errors, ['ERR_TLS_REQUIRED'])
})

test('routes go on in clear text', async (t) => {
  const serving = await required(t)
  serving.server.route('ssh', (socket) => void socket.end('SSH'))
  assert.equal(await ask(t, serving.port, OPENINGS.ssh!), 'SSH')
})

test('over TLS everything is served', async (t) => {
  const serving = await required(t, { sniffTimeout: 400, flashPolicy: [{ domain: '*' }] })
  const raw = await joinTls(t, serving.port)
  await raw.send('hello\n').receives('hello\n')
  const http = await joinTls(t, serving.port)
  http.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi')
  await http.receives('\r\n\r\nhi')
  const flash = await joinTls(t, serving.port)
  await flash.send(OPENINGS.flashPolicy!).receives('</cross-domain-policy>')
  const silent = await joinTls(t, serving.port)
  serving.server.on('clientConnect', (_client, writer) => writer.write('welcome'))
  await silent.receives('welcome\n')
  assert.deepEqual(serving.errors, [])
})

test('with HTTP switched off there is nothing to be told', async (t) => {
  const serving = await required(t, { http: false })
  assert.equal(await ask(t, serving.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'), '')
  assert.deepEqual(serving.errors, ['ERR_PROTOCOL_UNKNOWN'])
})
