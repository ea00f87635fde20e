/** Requests on HTTP/2 that are messages, and their answers. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type ClientHttp2Stream, constants } from 'node:http2'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Writer } from '../src/index.ts'
import {
  answerOf,
  END_HEADERS,
  Frame,
  Http2Client,
  http2Frame,
  joinFrames,
  request,
  uint32,
} from './support/http2.ts'
import { certificate, echo, serve, until } from './support/serving.ts'

const POST = { ':method': 'POST', ':path': '/' }

test('several lines are several messages, however they are cut; wholeBody is one', async (t) => {
  for (const wholeBody of [false, true]) {
    const serving = await serve(t, { wholeBody })
    const client = new Http2Client(t, serving.port)
    const stream = client.open({ ...POST, ':method': 'PUT' })
    for (const piece of ['o', 'ne\ntw', 'o\r\n', '\nthree']) {
      stream.write(piece)
      await sleep(2)
    }
    stream.end()
    const { body } = await answerOf(stream)
    assert.equal(body, wholeBody ? 'one\ntwo\r\n\nthree' : 'onetwothree')
    assert.deepEqual(serving.messages, wholeBody ? [body] : ['one', 'two', 'three'])
  }
})

test('without a body there is no message, unless isMessage says so', async (t) => {
  const plain = new Http2Client(t, (await serve(t)).port)
  const empty = await plain.post('')
  assert.deepEqual([empty.status, empty.body], [200, ''])
  const asked: string[][] = []
  const serving = await serve(
    t,
    {
      isMessage: ({ method, url, httpVersion, headers, rawHeaders }) => {
        asked.push([method, url, httpVersion, String(headers.host), rawHeaders.join()])
        return url.startsWith('/message')
      },
    },
    (message, client, writer) => writer.write(`${client.request!.method} ${message.length}`),
  )
  const client = new Http2Client(t, serving.port)
  assert.equal((await client.get('/message?x', { ':authority': 'a', te: 'trailers' })).body, 'GET 0')
  assert.equal((await client.get('/other')).status, 405)
  assert.deepEqual(asked[0], ['GET', '/message?x', '2.0', 'a', 'Host,a,te,trailers'])
  assert.equal(asked.length, 2)
  const head = await client.send('HEAD', undefined, { ':path': '/message' })
  assert.deepEqual([head.status, head.headers['content-length'], head.body], [200, '6', ''])
})

test('the request at hand is the one that was sent, without what HTTP/1.1 would add', async (t) => {
  const seen: unknown[] = []
  const serving = await serve(t, {}, (_message, { request }) => {
    seen.push({ ...request, headers: { ...request!.headers } })
  })
  const client = new Http2Client(t, serving.port)
  await client.post('x', { ':path': '/a?b', ':authority': 'h:1', 'x-a': ['1', '2'], cookie: ['c=1', 'd=2'] })
  assert.deepEqual(seen, [
    {
      method: 'POST',
      url: '/a?b',
      httpVersion: '2.0',
      rawHeaders: ['Host', 'h:1', 'x-a', '1', 'x-a', '2', 'cookie', 'c=1; d=2'],
      headers: { host: 'h:1', 'x-a': '1, 2', cookie: 'c=1; d=2' },
    },
  ])
})

test('what nobody serves: 405 or 501, as on HTTP/1.1', async (t) => {
  const serving = await serve(t, { closeTimeout: 50 })
  const client = new Http2Client(t, serving.port)
  for (const [method, status] of [
    ['GET', 405],
    ['HEAD', 405],
    ['DELETE', 405],
    ['TRACE', 405],
    ['BREW', 501],
  ] as const) {
    const answer = await client.send(method, undefined)
    assert.equal(answer.status, status, method)
    assert.equal(answer.headers.allow, 'POST, PUT, OPTIONS')
    assert.equal(answer.body === '', method === 'HEAD')
  }
  const upload = client.open({ ...POST, ':method': 'PATCH' })
  upload.write('more is to come')
  assert.deepEqual([(await answerOf(upload)).status, upload.rstCode], [405, 0])
})

test('origins, CORS and preflight', async (t) => {
  const serving = await serve(t, { allowOrigin: '*.example.com', allowCredentials: true })
  const client = new Http2Client(t, serving.port)
  const foreign = await client.post('refused', { origin: 'https://example.org' })
  assert.equal(foreign.status, 403)
  assert.match(foreign.body, /origin https:\/\/example\.org is not allowed/)
  assert.equal(foreign.headers.vary, 'Origin')
  for (const origin of [`http://127.0.0.1:${serving.port}`, 'https://a.example.com']) {
    const { status, headers } = await client.post('mine', { origin })
    assert.equal(status, 200)
    assert.equal(headers['access-control-allow-origin'], origin)
    assert.equal(headers['access-control-allow-credentials'], 'true')
  }
  const preflight = await client.send('OPTIONS', undefined, {
    origin: 'https://example.com',
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'x-a',
  })
  assert.ok([200, 204].includes(preflight.status))
  assert.match(String(preflight.headers['access-control-allow-methods']), /POST/)
  assert.equal(preflight.headers['access-control-allow-headers'], 'x-a')
  const whole = await client.send('OPTIONS', undefined, { ':path': '*' })
  assert.equal(whole.headers.allow, 'POST, PUT, OPTIONS')
  assert.deepEqual(serving.messages, ['mine', 'mine'])
  assert.deepEqual(serving.errors, ['ERR_ORIGIN_REFUSED'])
})

test('over TLS the own origin is https', async (t) => {
  const serving = await serve(t, { ...certificate })
  const client = new Http2Client(t, serving.port, {}, 'https')
  assert.equal((await client.post('x', { origin: `https://127.0.0.1:${serving.port}` })).status, 200)
  assert.equal((await client.post('x', { origin: `http://127.0.0.1:${serving.port}` })).status, 403)
})

test('status and fields of the answer; what HTTP/2 has not is left out', async (t) => {
  const serving = await serve(t, {}, (message, _client, writer) => {
    const status = Number(message)
    writer.writeHead(status, {
      'X-A': ['1', '2'],
      'Set-Cookie': ['a=1', 'b=2'],
      'X-Content-Type-Options': 'nosniff',
    })
    writer.setHeader('Connection', 'close, x-b').setHeader('Upgrade', 'x').setHeader('TE', 'gzip')
    writer.setHeader('Keep-Alive', '1').setHeader('HTTP2-Settings', 'x').setHeader('Age', ['1', '1'])
    writer.write('body')
  })
  const client = new Http2Client(t, serving.port)
  const { headers, body } = await client.post('418')
  assert.deepEqual([headers[':status'], body], [418, 'body'])
  assert.deepEqual([headers['x-a'], headers['set-cookie'], headers.age], ['1, 2', ['a=1', 'b=2'], '1, 1'])
  for (const name of ['connection', 'upgrade', 'te', 'keep-alive', 'http2-settings', 'transfer-encoding']) {
    assert.equal(headers[name], undefined, name)
  }
  for (const status of [204, 205, 304]) {
    const bodyless = await client.post(String(status))
    assert.deepEqual([bodyless.status, bodyless.body, bodyless.code], [status, '', 0])
  }
  assert.deepEqual(serving.errors, [])
})

test('an answer over time: each write at once, drain, and the end', async (t) => {
  const writers: Writer[] = []
  const serving = await serve(t, { explicitEnd: true }, (_message, _client, writer) => writers.push(writer))
  const client = new Http2Client(t, serving.port)
  const stream = client.open(POST)
  const pieces: string[] = []
  stream.on('data', (chunk) => pieces.push(String(chunk)))
  stream.end('x')
  await until(() => writers.length === 1)
  const [writer] = writers as [Writer]
  for (const piece of ['one', 'two', 'three']) {
    assert.equal(writer.write(piece), true)
    await until(() => pieces.at(-1) === piece)
  }
  stream.pause()
  while (writer.write(Buffer.alloc(32 * 1024))) await sleep(1)
  assert.equal(writer.writableNeedDrain, true)
  const drained = once(writer, 'drain')
  stream.resume()
  await drained
  writer.end('four')
  assert.equal((await answerOf(stream)).code, 0)
  assert.equal(writer.ended, true)
})

test('a stream that is reset: clientDisconnect, signal, and what is written is ignored', async (t) => {
  for (const code of [
    constants.NGHTTP2_CANCEL,
    constants.NGHTTP2_NO_ERROR,
    constants.NGHTTP2_INTERNAL_ERROR,
  ]) {
    const writers: Writer[] = []
    const serving = await serve(t, { explicitEnd: true }, (_message, _client, writer) => writers.push(writer))
    const client = new Http2Client(t, serving.port)
    const stream = client.open(POST)
    stream.end('x')
    await until(() => writers.length === 1)
    const [writer] = writers as [Writer]
    const { signal } = writer
    writer.write('begun')
    await once(stream, 'response')
    stream.close(code)
    await until(() => signal.aborted && serving.log.includes('disconnect http'))
    assert.equal(writer.write('more'), false)
    writer.end('x')
    const another = client.post('another')
    await until(() => writers.length === 2)
    writers[1]!.end('answered')
    assert.equal((await another).body, 'answered')
    assert.deepEqual(serving.errors, [])
  }
})

test('a request that is reset before its end is no message, whatever the code', async (t) => {
  const serving = await serve(t)
  const frames = await joinFrames(t, serving.port)
  for (const [index, code] of [8, 0, 2].entries()) {
    const stream = 2 * index + 1
    frames.send(
      http2Frame(Frame.headers, END_HEADERS, stream, request('POST')),
      http2Frame(Frame.data, 0, stream, Buffer.from(`whole ${code}\npart`)),
    )
    await until(() => serving.messages.at(-1) === `whole ${code}`)
    frames.send(http2Frame(Frame.reset, 0, stream, uint32(code)))
    await until(() => serving.server.clients.size === 0)
  }
  assert.deepEqual(serving.messages, ['whole 8', 'whole 0', 'whole 2'])
})

test('destroy, and an answer shorter than it said, reset the stream', async (t) => {
  const serving = await serve(t, { explicitEnd: true }, (message, _client, writer) => {
    if (String(message) === 'short') writer.setHeader('Content-Length', 100)
    writer.write('begun')
    setTimeout(() => (String(message) === 'short' ? writer.end() : writer.destroy()), 20)
  })
  const client = new Http2Client(t, serving.port)
  for (const message of ['destroy', 'short']) {
    const answer = await client.post(message)
    assert.notEqual(answer.code, 0, message)
  }
})

test('close ends the answer and leaves the connection to the other requests', async (t) => {
  const serving = await serve(t, { explicitEnd: true }, (message, _client, writer) => {
    writer.write(message)
    writer.close()
  })
  const client = new Http2Client(t, serving.port)
  assert.equal((await client.post('one')).body, 'one')
  assert.equal((await client.post('two')).body, 'two')
  assert.equal(client.goaway, undefined)
})

test('Expect: 100-continue is answered, or refused, before the body', async (t) => {
  const serving = await serve(t, { messageLimit: 100, closeTimeout: 50 })
  const client = new Http2Client(t, serving.port)
  const expecting = { ...POST, expect: '100-continue' }
  const stream = client.open({ ...expecting, 'content-length': '5' })
  await once(stream, 'continue')
  stream.end('hello')
  assert.equal((await answerOf(stream)).body, 'hello')
  const refused = client.open({ ...expecting, 'content-length': '101' })
  refused.on('continue', () => assert.fail('100 although it is refused'))
  assert.equal((await answerOf(refused)).status, 413)
  const unknown = await client.post('x', { expect: 'more' })
  assert.equal(unknown.status, 417)
})

test('trailers of a request are read over', async (t) => {
  const serving = await serve(t)
  const client = new Http2Client(t, serving.port)
  const stream = client.session.request(POST, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '1' }))
  stream.end('with trailers')
  assert.equal((await answerOf(stream)).body, 'with trailers')
})

test('send, broadcast and clients: each request is a client of its own', async (t) => {
  const serving = await serve(t, { explicitEnd: true }, () => {})
  const client = new Http2Client(t, serving.port)
  const streams: ClientHttp2Stream[] = []
  for (const name of ['one', 'two', 'three']) {
    const stream = client.open(POST)
    stream.end(name)
    streams.push(stream)
    await until(() => serving.messages.at(-1) === name)
  }
  const { server, clients } = serving
  assert.equal(server.clients.size, 3)
  assert.equal(server.send(clients[1]!.client, 'to one, '), true)
  server.broadcast('to all', clients[0]!.client)
  const answers = streams.map((stream) => answerOf(stream))
  await sleep(50)
  for (const { writer } of clients) writer.end()
  assert.deepEqual(
    (await Promise.all(answers)).map(({ body }) => body),
    ['', 'to one, to all', 'to all'],
  )
  await until(() => server.clients.size === 0)
  assert.equal(server.send(clients[1]!.client, 'x'), false)
})

test('messages one by one, as the application takes them', async (t) => {
  const taken: unknown[] = []
  const serving = await serve(t, { explicitEnd: true }, echo)
  serving.server.removeAllListeners('message')
  serving.server.on('clientConnect', async (client, writer) => {
    for await (const message of client) {
      taken.push(message)
      if (taken.length % 1000 === 0) await sleep(1)
      if (message === 'last') writer.end(`${taken.length}`)
    }
  })
  const client = new Http2Client(t, serving.port)
  const lines = Array.from({ length: 20_000 }, (_, index) => `message number ${index}`)
  const answer = await client.post(`${lines.join('\n')}\nlast`)
  assert.equal(answer.body, '20001')
  assert.deepEqual(taken.slice(0, -1), lines)
})

test('an answer in a coding that the client takes, and a body in one', async (t) => {
  const serving = await serve(t, { answerCompression: true })
  const client = new Http2Client(t, serving.port)
  const text = 'compress me '.repeat(1000)
  const answer = await client.post(text, { 'accept-encoding': 'gzip' })
  assert.equal(answer.headers['content-encoding'], 'gzip')
  const { gunzipSync, gzipSync } = await import('node:zlib')
  assert.equal(gunzipSync(Buffer.from(answer.body, 'latin1')).toString(), text)
  assert.equal((await client.post(gzipSync(text), { 'content-encoding': 'gzip' })).body, text)
  assert.equal((await client.post('x', { 'content-encoding': 'what' })).status, 415)
})
