/** What is too much on HTTP/2, too late, or goes wrong in the application. */
import assert from 'node:assert/strict'
import { constants, sensitiveHeaders } from 'node:http2'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '../src/index.ts'
import {
  answerOf,
  END_HEADERS,
  END_STREAM,
  Frame,
  FramePeer,
  Http2Client,
  http2Frame,
  joinFrames,
  PREFACE,
  request,
  uint32,
} from './support/http2.ts'
import { echo, join, serve, until } from './support/serving.ts'
import { uncaught } from './support/uncaught.ts'

const POST = { ':method': 'POST', ':path': '/' }

test('413: by Content-Length at once, by the bytes that come, by the message; the connection goes on', async (t) => {
  const serving = await serve(t, { messageLimit: 1000, closeTimeout: 50 })
  const client = new Http2Client(t, serving.port)
  const declared = client.open({ ...POST, 'content-length': '1001' })
  assert.equal((await answerOf(declared)).status, 413)
  const arriving = client.open(POST)
  arriving.write('x'.repeat(600))
  arriving.write('x'.repeat(600))
  const answer = await answerOf(arriving)
  assert.deepEqual([answer.status, answer.code], [413, 0])
  assert.match(answer.body, /^413 .*more than 1000 bytes\n$|more than 1000 bytes/s)
  assert.equal((await client.post('x'.repeat(1000))).body.length, 1000)
  assert.deepEqual(serving.errors, ['ERR_HTTP_BODY_TOO_LARGE', 'ERR_HTTP_BODY_TOO_LARGE'])
})

test('413 for a body that has no end: what still comes is not waited for', async (t) => {
  const serving = await serve(t, { messageLimit: 100_000, closeTimeout: 50 })
  const client = new Http2Client(t, serving.port)
  const endless = client.open(POST)
  const send = () => {
    while (!endless.destroyed && endless.write(Buffer.alloc(16_384)));
  }
  endless.on('drain', send)
  send()
  assert.equal((await answerOf(endless)).status, 413)
  assert.equal((await client.post('next')).body, 'next')
})

test('408 for a late body; one whose answer has begun is reset', async (t) => {
  const serving = await serve(t, { bodyTimeout: 50, closeTimeout: 50 })
  const client = new Http2Client(t, serving.port)
  const late = client.open({ ...POST, 'content-length': '5' })
  late.write('he')
  const answer = await answerOf(late)
  assert.deepEqual([answer.status, answer.code], [408, 0])
  const begun = client.open(POST)
  begun.write('line\n')
  const { status, body, code } = await answerOf(begun)
  assert.deepEqual([status, body, code], [200, 'line', constants.NGHTTP2_INTERNAL_ERROR])
  assert.deepEqual(serving.errors, ['ERR_HTTP_BODY_TIMEOUT', 'ERR_HTTP_BODY_TIMEOUT'])
  await until(() => serving.server.clients.size === 0)
})

test('431 and 414 for heads that HTTP/1.1 would not take either', async (t) => {
  const serving = await serve(t, { headLimit: 2000, fieldLimit: 10, requestLineLimit: 1000 })
  const client = new Http2Client(t, serving.port)
  const fields = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, at) => [`x-${at}`, 'y']))
  assert.equal((await client.post('x', fields(9))).status, 200)
  assert.equal((await client.post('x', fields(10))).status, 431)
  assert.equal((await client.post('x', { 'x-a': 'y'.repeat(1800) })).status, 200)
  assert.equal((await client.post('x', { 'x-a': 'y'.repeat(2100) })).status, 431)
  assert.equal((await client.post('x', { ':path': `/${'y'.repeat(950)}` })).status, 200)
  assert.equal((await client.post('x', { ':path': `/${'y'.repeat(1100)}` })).status, 414)
  // A cookie in pieces is one field; the pieces may not be compressed together (RFC 9113 §8.2.3).
  const cookie = Array.from({ length: 50 }, (_, at) => `c${at}=v`)
  assert.equal((await client.post('x', { cookie, [sensitiveHeaders]: ['cookie'] })).status, 200)
  assert.deepEqual(serving.errors, [
    'ERR_HTTP_FIELDS_TOO_MANY',
    'ERR_HTTP_FIELDS_TOO_LARGE',
    'ERR_HTTP_REQUEST_LINE_TOO_LONG',
  ])
})

test('a head over what is announced is refused by HTTP/2 itself', async (t) => {
  const serving = await serve(t, { headLimit: 2000, fieldLimit: 10 })
  const client = new Http2Client(t, serving.port)
  await client.post('x')
  const large = await client.post('x', { 'x-a': 'y'.repeat(2000), 'x-b': 'z'.repeat(1500) })
  assert.deepEqual([large.status, large.code], [0, constants.NGHTTP2_ENHANCE_YOUR_CALM])
  assert.equal((await client.post('next')).body, 'next')
})

test('limits that are switched off', async (t) => {
  const off = Number.POSITIVE_INFINITY
  const serving = await serve(t, {
    headLimit: off,
    fieldLimit: off,
    requestLineLimit: off,
    bodyTimeout: off,
    keepAliveTimeout: off,
    headTimeout: off,
    messageLimit: off,
    writeLimit: off,
  })
  const client = new Http2Client(t, serving.port, { maxSendHeaderBlockLength: 2 ** 20 })
  const answer = await client.post('x', { 'x-a': 'y'.repeat(50_000), ':path': `/${'y'.repeat(30_000)}` })
  assert.equal(answer.body, 'x')
})

test('an echo whose client does not read stops reading, and goes on', async (t) => {
  const serving = await serve(t)
  const client = new Http2Client(t, serving.port)
  const stream = client.open(POST)
  const line = `${'x'.repeat(1023)}\n`
  const lines = 10 * 1024
  stream.end(line.repeat(lines))
  let before = -1
  while (serving.messages.length !== before || before === 0) {
    before = serving.messages.length
    await sleep(100)
  }
  assert.ok(before < lines, 'not everything was read')
  assert.ok(serving.clients[0]!.writer.writableLength < 2 * 1024 * 1024)
  const { body, code } = await answerOf(stream)
  assert.deepEqual([serving.errors, code], [[], 0])
  assert.equal(body.length, 1023 * lines)
})

test('a client that does not read is cut at the write limit; the others are served', async (t) => {
  const serving = await serve(
    t,
    { writeLimit: 1024 * 1024, explicitEnd: true },
    (message, client, writer) => {
      if (String(message) === 'echo') writer.end(message)
      else client.data = writer
    },
  )
  const client = new Http2Client(t, serving.port)
  const stream = client.open(POST)
  stream.pause()
  stream.end('x')
  await until(() => serving.clients.length === 1)
  const { writer } = serving.clients[0]!
  const piece = Buffer.alloc(64 * 1024)
  let refused = 0
  for (let sent = 0; sent < 100 && serving.errors.length === 0; sent++) {
    if (!writer.write(piece)) refused++
    assert.ok(writer.writableLength <= 1024 * 1024 + 2 * piece.length)
    await sleep(1)
  }
  assert.deepEqual(serving.errors, ['ERR_WRITE_LIMIT'])
  assert.ok(refused > 0)
  await until(() => serving.log.includes('disconnect http'))
  assert.equal(writer.write('more'), false)
  assert.equal((await client.post('echo')).body, 'echo')
  assert.notEqual((await answerOf(stream)).code, 0)
})

test('what is buffered for requests counts: over all, the largest is cut', async (t) => {
  const serving = await serve(t, { bufferLimit: 1024 * 1024, wholeBody: true })
  const client = new Http2Client(t, serving.port)
  const small = client.open(POST)
  small.write('x'.repeat(50_000))
  const large = client.open(POST)
  large.end('y'.repeat(2 * 1024 * 1024))
  assert.notEqual((await answerOf(large)).code, 0)
  assert.deepEqual(serving.errors, ['ERR_BUFFER_LIMIT'])
  small.end()
  assert.equal((await answerOf(small)).body.length, 50_000)
})

test('a large answer that nobody takes does not keep others from being asked for', async (t) => {
  const large = 15 * 1024 * 1024
  const serving = await serve(t, {}, (message, _client, writer) => {
    if (String(message) === 'large') writer.write(Buffer.alloc(large))
    else writer.write(message)
  })
  const client = new Http2Client(t, serving.port)
  const stalled = client.open(POST)
  stalled.pause()
  stalled.end('large')
  await until(() => serving.messages.length === 1)
  for (let index = 0; index < 5; index++) assert.equal((await client.post('small')).body, 'small')
  assert.equal((await answerOf(stalled)).body.length, large)
})

test('an application that fails: 500, and what it threw ends where Node puts it', async (t) => {
  const caught: unknown[] = []
  for (const name of ['uncaughtException', 'unhandledRejection'] as const) {
    const before = process.listeners(name as 'uncaughtException')
    process.removeAllListeners(name)
    process.on(name, (error: unknown) => caught.push((error as Error).message))
    t.after(() => {
      process.removeAllListeners(name)
      for (const listener of before) process.on(name, listener)
    })
  }
  const serving = await serve(t, {}, (message, _client, writer) => {
    if (String(message) === 'throw') throw new Error('thrown')
    if (String(message) === 'reject') return Promise.reject(new Error('rejected'))
    return writer.write(message)
  })
  const client = new Http2Client(t, serving.port)
  assert.equal((await client.post('throw')).status, 500)
  assert.equal((await client.post('reject')).status, 500)
  assert.equal((await client.post('fine')).body, 'fine')
  await until(() => caught.length === 2)
  assert.deepEqual(caught, ['thrown', 'rejected'])
})

test('what listeners throw at the end of a request leaves no client behind, and is not counted as a connection', async (t) => {
  const caught = uncaught(t)
  const serving = await serve(t, { explicitEnd: true })
  const fail = (name: string) => () => {
    throw new Error(name)
  }
  serving.server.on('clientConnect', ({ protocol }, writer) => writer.on('close', fail(protocol)))
  serving.server.on('request', (_request, response) => response.on('close', fail('response')))
  const client = new Http2Client(t, serving.port)
  void client.post('x')
  void client.get()
  await client.webSocket()
  await until(() => serving.server.clients.size === 2)
  client.session.destroy()
  await until(() => serving.server.stats().connections === 0 && caught.length === 3)
  assert.equal(serving.server.clients.size, 0)
  assert.deepEqual(caught.sort(), ['http', 'response', 'websocket'])
})

test('requests that were reset before anybody saw them reach nobody, and harm nobody', async (t) => {
  let asked = 0
  const serving = await serve(t, { isMessage: () => ++asked > 0 }, echo)
  for (const code of [0, 1, 2, 8]) {
    const frames = new FramePeer(await join(t, serving.port))
    frames.send(
      PREFACE,
      http2Frame(Frame.settings, 0, 0),
      http2Frame(Frame.headers, END_HEADERS | END_STREAM, 1, request('GET')),
      http2Frame(Frame.reset, 0, 1, uint32(code)),
      http2Frame(Frame.headers, END_HEADERS | END_STREAM, 3, request('GET')),
    )
    await until(() => frames.of(Frame.headers).length > 0)
    assert.deepEqual(
      frames.of(Frame.headers).map(({ stream }) => stream),
      [3],
    )
  }
  assert.equal(asked, 4)
  assert.deepEqual(serving.errors, [])
})

for (const reads of [true, false]) {
  test(`who is slow to take what came before the end ${reads ? 'gets all of it' : 'and takes nothing is cut'}`, async (t) => {
    const answer = Buffer.alloc(12 * 1024 * 1024, 'answer')
    const options = { keepAliveTimeout: 100, closeTimeout: 200 }
    const serving = await serve(t, options, (_message, _client, writer) => writer.write(answer))
    // A window as large as it gets: it is TCP that is full.
    const window = Buffer.concat([Buffer.of(0, 4), uint32(2 ** 31 - 1)])
    const frames = await joinFrames(t, serving.port, window)
    const { socket } = frames.peer
    socket.pause()
    frames.send(
      http2Frame(Frame.windowUpdate, 0, 0, uint32(2 ** 31 - 1 - 65_535)),
      http2Frame(Frame.headers, END_HEADERS, 1, request('POST')),
      http2Frame(Frame.data, END_STREAM, 1, Buffer.from('x')),
    )
    let taken = 0
    const timer = setInterval(() => {
      if (reads || taken === 0)
        taken += ((socket.read(512 * 1024) ?? socket.read()) as Buffer | null)?.length ?? 0
    }, 40)
    t.after(() => clearInterval(timer))
    await until(() => serving.messages.length === 1)
    await until(() => serving.server.stats().connections === 0)
    if (reads) await frames.peer.finished()
    assert.equal(frames.peer.length > answer.length, reads)
  })
}

test('who is being cut is told of once, whoever writes to it then', async (t) => {
  const serving = await serve(t, { writeLimit: 100_000, explicitEnd: true }, (_message, _client, writer) => {
    for (let part = 0; part < 100; part++) writer.write(Buffer.alloc(60_000))
  })
  serving.server.on('clientError', (_error, client) => serving.server.send(client as Client, 'sorry'))
  const client = new Http2Client(t, serving.port)
  const stream = client.open(POST)
  stream.pause()
  stream.end('x')
  await until(() => serving.log.at(-1) === 'disconnect http')
  assert.deepEqual(serving.errors, ['ERR_WRITE_LIMIT'])
})
