/** Requests on HTTP/2 that are the application's, through node:http on a connection in memory. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { constants } from 'node:http2'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import type { ServerOptions } from '../src/index.ts'
import { answerOf, Http2Client } from './support/http2.ts'
import { certificate, type Serving, serve, until } from './support/serving.ts'

interface Application {
  readonly serving: Serving
  readonly client: Http2Client
}

/** A server with this listener of `request`, and a client of it. */
async function application(
  t: TestContext,
  http: RequestListener,
  options: ServerOptions = {},
): Promise<Application> {
  const serving = await serve(t, { http, ...options })
  return { serving, client: new Http2Client(t, serving.port) }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks)
}

const MEBIBYTE = Buffer.alloc(1024 * 1024, 'mebibyte ')
const PATCH = { ':method': 'PATCH', ':path': '/' }

test('the request as node:http has it', async (t) => {
  const seen: unknown[] = []
  const { client, serving } = await application(t, (request, response) => {
    const { method, url, httpVersion, httpVersionMajor, headers, rawHeaders } = request
    const { remoteAddress, localPort, encrypted } = request.socket as typeof request.socket & {
      encrypted: boolean
    }
    seen.push({ method, url, httpVersion, httpVersionMajor, headers: { ...headers }, rawHeaders })
    seen.push({ remoteAddress, localPort, encrypted })
    response.statusCode = 201
    response.setHeader('X-A', 'b').end('made')
  })
  const fields = { ':path': '/p?q', ':authority': 'h', cookie: ['a=1', 'b=2'], 'x-list': ['1', '2'] }
  const answer = await client.get('/p?q', fields)
  assert.deepEqual([answer.status, answer.body, answer.headers['x-a']], [201, 'made', 'b'])
  assert.equal(answer.headers['content-length'], '4')
  for (const name of ['connection', 'keep-alive', 'transfer-encoding'])
    assert.equal(answer.headers[name], undefined)
  assert.deepEqual(seen, [
    {
      method: 'GET',
      url: '/p?q',
      httpVersion: '2.0',
      httpVersionMajor: 2,
      headers: { host: 'h', cookie: 'a=1; b=2', 'x-list': '1, 2' },
      rawHeaders: ['Host', 'h', 'x-list', '1', 'x-list', '2', 'cookie', 'a=1; b=2'],
    },
    { remoteAddress: '127.0.0.1', localPort: serving.port, encrypted: false },
  ])
})

test('over TLS, and with a whole http.Server', async (t) => {
  const http = createServer((request, response) => {
    const { encrypted, servername } = request.socket as typeof request.socket & {
      encrypted: boolean
      servername: string
    }
    response.end(`${encrypted} ${servername}`)
  })
  const serving = await serve(t, { ...certificate, http })
  const client = new Http2Client(t, serving.port, { servername: 'localhost' }, 'https')
  assert.equal((await client.get()).body, 'true localhost')
})

test('the certificate that the client shows, which no authority has issued', async (t) => {
  const { key, cert } = certificate
  const seen: unknown[] = []
  const http: RequestListener = (request, response) => {
    const socket = request.socket as TLSSocket
    seen.push([
      socket.authorized,
      socket.getPeerX509Certificate()?.subject,
      'subject' in socket.getPeerCertificate(),
    ])
    response.end()
  }
  const serving = await serve(t, { key, cert, ca: cert, requestCert: true, rejectUnauthorized: false, http })
  await new Http2Client(t, serving.port, { key, cert }, 'https').get()
  await new Http2Client(t, serving.port, {}, 'https').get()
  const { subject } = new X509Certificate(cert)
  assert.deepEqual(seen, [
    [false, subject, true],
    [false, undefined, false],
  ])
})

test('nothing is left of requests that are over, however they ended', async (t) => {
  const { client, serving } = await application(t, (request, response) => {
    if (request.url === '/cut') response.destroy()
    else if (request.url !== '/hangs') request.pipe(response)
  })
  await client.connected()
  const before = process.getActiveResourcesInfo().length
  const paths = ['/echo', '/cut', '/hangs', '/echo']
  for (let round = 0; round < 10; round++) {
    const answers = paths.map((path) => {
      const stream = client.open({ ...PATCH, ':path': path })
      stream.end('body')
      if (path === '/hangs') setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), 10)
      return answerOf(stream)
    })
    assert.equal((await Promise.all(answers))[0]!.body, 'body')
  }
  // The connection alone: no request of its own counts any more.
  await until(() => serving.server.stats().connections === 1)
  await until(() => process.getActiveResourcesInfo().length <= before + 2)
  client.session.close()
  await until(() => serving.server.stats().connections === 0)
})

test('bodies both ways: a mebibyte, of known length and not, and none', async (t) => {
  const { client } = await application(t, async (request, response) => {
    const body = await bodyOf(request)
    if (request.headers['content-length'] !== undefined) response.setHeader('Content-Length', body.length)
    response.write(body.subarray(0, body.length / 2))
    response.end(body.subarray(body.length / 2))
  })
  for (const length of [0, 1, 16_384, 70_000, MEBIBYTE.length]) {
    const body = MEBIBYTE.subarray(0, length)
    for (const fields of [{}, { 'content-length': String(length) }]) {
      const answer = await client.send('PATCH', body, fields)
      assert.equal(answer.body, body.toString('latin1'), `${length} bytes`)
      assert.deepEqual([answer.status, answer.code], [200, 0])
    }
  }
  assert.equal((await client.send('DELETE', undefined)).body, '')
})

test('an upload that the application does not read is not buffered', async (t) => {
  let request: IncomingMessage | undefined
  const { client } = await application(t, (asked, response) => {
    request = asked
    response.once('start', async () => response.end(String((await bodyOf(asked)).length)))
    asked.once('later', () => response.emit('start'))
  })
  const upload = client.open(PATCH)
  const length = 4 * MEBIBYTE.length
  for (let at = 0; at < length; at += MEBIBYTE.length) upload.write(MEBIBYTE)
  upload.end()
  await until(() => request !== undefined)
  await sleep(100)
  assert.ok(upload.bufferSize > length - 512 * 1024, `${upload.bufferSize} bytes wait at the client`)
  request!.emit('later')
  assert.equal((await answerOf(upload)).body, String(length))
})

test('a download that the client does not read is not buffered, then drain', async (t) => {
  let written = 0
  const { client } = await application(t, async (_request, response) => {
    for (let at = 0; at < 64; at++) {
      written += 65_536
      if (!response.write(MEBIBYTE.subarray(0, 65_536))) await once(response, 'drain')
    }
    response.end()
  })
  const stream = client.open({ ':path': '/' }, false)
  stream.pause()
  await once(stream, 'response')
  await sleep(100)
  assert.ok(written < 1024 * 1024, `${written} bytes were written`)
  assert.equal((await answerOf(stream)).body.length, 64 * 65_536)
})

test('interim answers: 100, 102, 103', async (t) => {
  const { client } = await application(t, async (request, response) => {
    response.writeProcessing()
    await new Promise<void>((resolve) => {
      response.writeEarlyHints({ link: ['</a.css>; rel=preload', '</b.js>; rel=preload'] }, resolve)
    })
    response.end(await bodyOf(request))
  })
  const stream = client.open({ ...PATCH, expect: '100-continue' })
  const answered = answerOf(stream)
  await once(stream, 'continue')
  stream.end('body')
  const { interim, body, status } = await answered
  assert.deepEqual([status, body], [200, 'body'])
  assert.deepEqual(
    interim.map((fields) => fields[':status']),
    [100, 102, 103],
  )
  assert.equal(interim[2]!.link, '</a.css>; rel=preload, </b.js>; rel=preload')
})

test("checkContinue is the application's own", async (t) => {
  const { client, serving } = await application(t, (_request, response) => response.end('not this'), {
    closeTimeout: 50,
  })
  serving.server.on('checkContinue', (_request: IncomingMessage, response: ServerResponse) => {
    response.writeHead(403).end()
  })
  const stream = client.open({ ...PATCH, expect: '100-continue' })
  stream.on('continue', () => assert.fail('it was refused'))
  assert.equal((await answerOf(stream)).status, 403)
})

test('trailers both ways, announced or not', async (t) => {
  const { client } = await application(t, async (request, response) => {
    await bodyOf(request)
    if (request.url === '/announced') response.setHeader('Trailer', 'x-sum')
    response.write('body')
    response.addTrailers({ 'X-Sum': String(request.trailers['x-sum']) })
    response.end()
  })
  for (const path of ['/announced', '/not']) {
    const stream = client.session.request({ ...PATCH, ':path': path }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '42' }))
    stream.end('x')
    const { body, trailers, code } = await answerOf(stream)
    assert.deepEqual([body, trailers['x-sum'], code], ['body', '42', 0])
  }
})

test('answers without a body: HEAD, 204, 205, 304', async (t) => {
  const { client } = await application(t, (request, response) => {
    const status = Number(request.url!.slice(1))
    response.writeHead(status, status === 200 ? { 'Content-Length': 4 } : {})
    response.end(status === 200 || status === 205 ? 'body' : undefined)
  })
  const head = await client.send('HEAD', undefined, { ':path': '/200' })
  assert.deepEqual([head.status, head.headers['content-length'], head.body], [200, '4', ''])
  for (const status of [204, 205, 304]) {
    const answer = await client.get(`/${status}`)
    assert.deepEqual([answer.status, answer.body, answer.code], [status, '', 0])
  }
  assert.equal((await client.get('/200')).body, 'body')
})

test('fields that node:http2 takes only once, and statuses that HTTP/2 has not', async (t) => {
  const { client, serving } = await application(t, (request, response) => {
    if (request.url === '/status') response.statusCode = 999
    response.setHeader('X-Content-Type-Options', ['nosniff', 'nosniff'])
    response.setHeader('Set-Cookie', ['a=1', 'b=2'])
    response.setHeader('Upgrade-Insecure-Requests', '1').end('x')
  })
  const { headers } = await client.get()
  assert.deepEqual(
    [headers['x-content-type-options'], headers['set-cookie']],
    ['nosniff, nosniff', ['a=1', 'b=2']],
  )
  assert.notEqual((await client.get('/status')).code, 0)
  assert.deepEqual(serving.errors, ['ERR_HTTP2_STATUS_INVALID'])
})

test('an answer that is cut is no answer: destroyed, too short, or without an end', async (t) => {
  const { client } = await application(t, (request, response) => {
    response.writeHead(200, request.url === '/short' ? { 'Content-Length': 100 } : {})
    response.write('begun')
    setTimeout(() => {
      if (request.url === '/destroy') response.destroy()
      else if (request.url === '/short') response.socket!.end()
      else request.socket.destroy(new Error('broken'))
    }, 20)
  })
  for (const path of ['/destroy', '/short', '/broken']) {
    const { body, code } = await client.get(path)
    assert.deepEqual([body, code], ['begun', constants.NGHTTP2_INTERNAL_ERROR], path)
  }
  const { client: silent } = await application(t, (request) => void request.socket.end())
  assert.deepEqual(await silent.get().then(({ status, code }) => [status, code]), [
    0,
    constants.NGHTTP2_INTERNAL_ERROR,
  ])
})

test('an answer up to the end of the connection', async (t) => {
  const { client } = await application(t, (_request, response) => {
    response.useChunkedEncodingByDefault = false
    response.writeHead(200, { Connection: 'close' })
    response.write('all ')
    setTimeout(() => response.end('of it'), 10)
  })
  const { body, code } = await client.get()
  assert.deepEqual([body, code], ['all of it', 0])
})

test('the client gives a request up: aborted and close, and nothing is left', async (t) => {
  const seen: string[] = []
  const { client, serving } = await application(t, (request, response) => {
    request.on('aborted', () => seen.push('aborted'))
    request.on('error', (error: NodeJS.ErrnoException) => seen.push(String(error.code)))
    request.on('close', () => seen.push('request closed'))
    response.on('close', () => seen.push('response closed'))
    response.write('begun')
  })
  for (const [code, open] of [
    [8, true],
    [0, true],
    [8, false],
  ] as const) {
    const stream = client.open(PATCH, open)
    if (open) stream.write('part')
    await once(stream, 'response')
    stream.close(code)
    await until(() => seen.includes('response closed'))
    seen.length = 0
  }
  client.session.close()
  await until(() => serving.server.stats().connections === 0)
  assert.deepEqual(serving.errors, [])
})

test('an answer before the body has come: the rest is read to its end, or given up', async (t) => {
  let read: number | undefined
  const { client } = await application(t, async (request, response) => {
    response.end('early')
    if (request.url === '/read') read = (await bodyOf(request)).length
  })
  const stream = client.open({ ...PATCH, ':path': '/read' })
  stream.write(MEBIBYTE)
  await once(stream, 'response')
  stream.end(MEBIBYTE)
  assert.equal((await answerOf(stream)).body, 'early')
  await until(() => read === 2 * MEBIBYTE.length)
  const dropped = await client.send('PATCH', MEBIBYTE)
  assert.deepEqual([dropped.body, dropped.code], ['early', 0])
})

test('timeouts of the request and the response', async (t) => {
  const seen: string[] = []
  const { client } = await application(t, (request, response) => {
    request.setTimeout(20, () => seen.push('request'))
    response.setTimeout(20, () => {
      seen.push('response')
      response.end('late')
    })
  })
  assert.equal((await client.get()).body, 'late')
  assert.ok(seen.includes('response'))
})

test('a request that is late is 408', async (t) => {
  const { client, serving } = await application(t, (request) => void request.resume(), {
    headTimeout: 50,
    bodyTimeout: 50,
    closeTimeout: 50,
  })
  const stream = client.open(PATCH)
  stream.write('part')
  const { status } = await answerOf(stream)
  assert.equal(status, 408)
  assert.deepEqual(serving.errors, ['ERR_HTTP_BODY_TIMEOUT'])
})
