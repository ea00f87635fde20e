/** Coded bodies in, and coded answers out, end to end: on HTTP/1.1, on HTTP/2, and on a connection that node:http has. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Agent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { after, afterEach, before, describe, test } from 'node:test'
import {
  brotliCompressSync,
  brotliDecompressSync,
  deflateRawSync,
  deflateSync,
  gunzipSync,
  gzipSync,
  constants as zlib,
} from 'node:zlib'
import { Server } from '../src/index.ts'
import { allClosed } from './support/zlib-streams.ts'

const MIB = 1024 * 1024

interface Reply {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
}

let server: Server
let port = 0
const errors: string[] = []

before(async () => {
  server = new Server({ wholeBody: true, answerCompression: true })
  server.on('message', (message, client, writer) => {
    const { url } = client.request!
    if (url === '/events') {
      writer.setHeader('Content-Type', 'text/event-stream')
      writer.write('data: 0\n\n')
      writer.once('next', () => writer.end('data: 2\n\n'))
      setTimeout(() => writer.write('data: 1\n\n'), 20)
      setTimeout(() => writer.emit('next'), 60)
      return new Promise((resolve) => setTimeout(resolve, 80))
    }
    writer.setHeader('ETag', '"1"')
    if (url === '/length') return writer.end(String((message as Buffer).length))
    writer.end(message as Buffer)
  })
  server.on('request', (_, response) => response.end('from node:http'))
  server.on('clientError', (error) => errors.push(String((error as { code?: string }).code)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
})

after(() => server.shutdown({ timeout: 100 }))
afterEach(async () => {
  await allClosed()
  errors.length = 0
})

type Fetch = (path: string, body: Uint8Array, headers?: Record<string, string>) => Promise<Reply>

async function gathered(message: IncomingMessage): Promise<Reply> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk)
  return { status: message.statusCode!, headers: message.headers, body: Buffer.concat(chunks) }
}

function fetchBy(agent: Agent): Fetch {
  return (path, body, headers = {}) =>
    new Promise((resolve, reject) => {
      const options = {
        port,
        path,
        agent,
        method: 'POST',
        headers: { 'content-length': body.length, ...headers },
      }
      let answered = false
      const sent = httpRequest(options, (message) => {
        answered = true
        gathered(message).then(resolve, reject)
      })
      // A refused request may be cut while it is still being sent.
      sent.on('error', (error) => answered || reject(error))
      sent.end(body)
    })
}

const http1: Fetch = (...given) => {
  const agent = new Agent()
  return fetchBy(agent)(...given).finally(() => agent.destroy())
}

/** The connection is node:http's: its first request was for the application. */
const handed: Fetch = async (path, body, headers) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const first = await new Promise<Reply>((resolve, reject) => {
    httpRequest({ port, agent }, (message) => gathered(message).then(resolve, reject)).end()
  })
  assert.equal(first.body.toString(), 'from node:http')
  return fetchBy(agent)(path, body, headers).finally(() => agent.destroy())
}

const http2: Fetch = (path, body, headers = {}) =>
  new Promise((resolve, reject) => {
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    session.on('error', reject)
    const stream = session.request({ ':method': 'POST', ':path': path, ...headers })
    const chunks: Buffer[] = []
    let head: IncomingHttpHeaders = {}
    stream.on('response', (fields) => (head = fields))
    stream.on('data', (chunk) => chunks.push(chunk))
    stream.on('error', reject)
    stream.on('close', () => {
      session.destroy()
      resolve({
        status: Number((head as Record<string, unknown>)[':status']),
        headers: head,
        body: Buffer.concat(chunks),
      })
    })
    stream.end(body)
  })

function decoded({ headers, body }: Reply): Buffer {
  const coding = headers['content-encoding']
  return coding === 'br' ? brotliDecompressSync(body) : coding === 'gzip' ? gunzipSync(body) : body
}

const text = (length: number) =>
  Buffer.from('bottles of beer on the wall, '.repeat(length / 29 + 1).slice(0, length))

const CODED: [coding: string, encode: (body: Uint8Array) => Buffer][] = [
  ['gzip', (body) => gzipSync(body)],
  ['x-gzip', (body) => gzipSync(body)],
  ['deflate', (body) => deflateSync(body)],
  ['deflate', (body) => deflateRawSync(body)],
  ['br', (body) => brotliCompressSync(body, { params: { [zlib.BROTLI_PARAM_QUALITY]: 3 } })],
]

for (const [name, fetch] of [
  ['HTTP/1.1', http1],
  ['HTTP/2', http2],
  ['node:http', handed],
] as const) {
  describe(name, () => {
    test('bodies in every coding', async () => {
      for (const [coding, encode] of CODED) {
        for (const body of [text(100), text(300_000), randomBytes(200_000), randomBytes(3 * MIB)]) {
          const reply = await fetch('/', encode(body), { 'content-encoding': coding })
          assert.equal(reply.status, 200)
          assert.ok(reply.body.equals(body), `${coding}, ${body.length} bytes`)
        }
      }
      assert.deepEqual(errors, [])
    })

    test('answers in every coding', async () => {
      for (const coding of ['gzip', 'br']) {
        for (const length of [1024, 16_384, 16_385, 60_000, 400_000]) {
          const reply = await fetch('/', text(length), { 'accept-encoding': coding })
          assert.equal(reply.headers['content-encoding'], coding)
          assert.equal(reply.headers.vary, 'Accept-Encoding')
          assert.equal(reply.headers.etag, 'W/"1"')
          assert.ok(decoded(reply).equals(text(length)))
          assert.ok(reply.body.length < length / 4)
        }
      }
      const small = await fetch('/', text(1023), { 'accept-encoding': 'gzip' })
      assert.deepEqual(
        [small.headers['content-encoding'], small.headers.vary],
        [undefined, 'Accept-Encoding'],
      )
      const both = await fetch('/', gzipSync(text(90_000)), {
        'accept-encoding': 'br',
        'content-encoding': 'gzip',
      })
      assert.ok(decoded(both).equals(text(90_000)))
    })

    test('what cannot be read', async () => {
      const good = gzipSync(text(1000))
      const bomb = gzipSync(Buffer.alloc(20 * MIB))
      const rows: [coding: string, body: Buffer, status: number, code: string][] = [
        ['zstd', good, 415, 'ERR_HTTP_CONTENT_CODING_UNSUPPORTED'],
        ['gzip, gzip', good, 415, 'ERR_HTTP_CONTENT_CODING_UNSUPPORTED'],
        ['gzip', good.subarray(0, -1), 400, 'ERR_HTTP_CONTENT_CODING_INVALID'],
        ['br', good, 400, 'ERR_HTTP_CONTENT_CODING_INVALID'],
        ['gzip', Buffer.concat([good, Buffer.of(0)]), 400, 'ERR_HTTP_CONTENT_CODING_INVALID'],
        ['gzip', bomb, 413, 'ERR_HTTP_BODY_TOO_LARGE'],
        ['gzip', Buffer.concat([gzipSync(randomBytes(MIB)), bomb]), 413, 'ERR_HTTP_BODY_TOO_LARGE'],
      ]
      for (const [coding, body, status, code] of rows) {
        const reply = await fetch('/', body, { 'content-encoding': coding })
        assert.equal(reply.status, status, `${coding} ${code}`)
        assert.equal(reply.headers['accept-encoding'], status === 415 ? 'gzip, deflate, br' : undefined)
        assert.deepEqual(errors.splice(0), [code])
      }
    })

    test('an empty body in a coding is empty', async () => {
      const reply = await fetch('/length', Buffer.alloc(0), { 'content-encoding': 'gzip' })
      assert.equal(reply.status, 200)
    })

    test('Server-Sent Events', async () => {
      const reply = await fetch('/events', text(10), { 'accept-encoding': 'gzip' })
      assert.equal(reply.headers['content-encoding'], 'gzip')
      assert.equal(gunzipSync(reply.body).toString(), 'data: 0\n\ndata: 1\n\ndata: 2\n\n')
    })
  })
}

function post(body: Buffer, fields: string): Buffer {
  return Buffer.concat([
    Buffer.from(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n${fields}\r\n`),
    body,
  ])
}

async function answers(pieces: Buffer[], count: number): Promise<Buffer> {
  const socket: Socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  let received = Buffer.alloc(0)
  const done = new Promise<Buffer>((resolve) => {
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      if (received.toString('latin1').split('HTTP/1.1 ').length > count)
        setTimeout(() => resolve(received), 50)
    })
  })
  for (const piece of pieces) {
    socket.write(piece)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  const all = await done
  socket.destroy()
  return all
}

test('pipelined: answers in order, whether they take a detour or not', async () => {
  const requests = Buffer.concat([
    post(gzipSync(Buffer.from('A'.repeat(100_000))), 'Content-Encoding: gzip\r\nAccept-Encoding: gzip\r\n'),
    post(Buffer.from('B'), ''),
    post(
      brotliCompressSync(Buffer.from('C'.repeat(50_000))),
      'Content-Encoding: br\r\nAccept-Encoding: gzip\r\n',
    ),
    post(gzipSync(Buffer.from('D')), 'Content-Encoding: gzip\r\n'),
    post(Buffer.from('E'.repeat(2000)), 'Accept-Encoding: gzip\r\n'),
  ])
  for (const pieces of [
    [requests],
    Array.from({ length: Math.ceil(requests.length / 40) }, (_, at) =>
      requests.subarray(at * 40, at * 40 + 40),
    ),
  ]) {
    let all = await answers(pieces, 5)
    let bodies = ''
    while (all.length > 0) {
      const end = all.indexOf('\r\n\r\n') + 4
      const head = all.subarray(0, end).toString('latin1')
      const length = Number(/Content-Length: (\d+)/.exec(head)![1])
      const body = all.subarray(end, end + length)
      const plain = head.includes('Content-Encoding: gzip') ? gunzipSync(body) : body
      bodies += String.fromCharCode(plain[0]!) + plain.length + ' '
      all = all.subarray(end + length)
    }
    assert.equal(bodies, 'A100000 B1 C50000 D1 E2000 ')
  }
})

test('a client that goes in the middle, either way, leaves nothing', async () => {
  for (const [coding, bytes] of [
    [
      'Content-Encoding',
      post(gzipSync(randomBytes(500_000)), 'Content-Encoding: gzip\r\n').subarray(0, 300_000),
    ],
    ['Accept-Encoding', post(text(8 * MIB), 'Accept-Encoding: br\r\n')],
  ] as const) {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    await new Promise((resolve) => socket.write(bytes, resolve))
    await new Promise((resolve) => setTimeout(resolve, coding === 'Content-Encoding' ? 20 : 5))
    socket.destroy()
    await new Promise((resolve) => setTimeout(resolve, 30))
    await allClosed()
  }
})
