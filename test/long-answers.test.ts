/** Answers over time: event streams, slow clients, and clients that go away. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Client, ServerOptions, Writer } from '../src/index.ts'
import { join, type Serving, serve } from './support/serving.ts'

const STREAM = 'GET /events HTTP/1.1\r\nHost: a\r\n\r\n'
const OPTIONS: ServerOptions = { isMessage: () => true, explicitEnd: true, closeTimeout: 200 }

interface Answering extends Serving {
  writer(): Promise<Writer>
}

/** A server whose answers are the test's to write. */
async function serveAnswers(t: Parameters<typeof serve>[0], options: ServerOptions = {}): Promise<Answering> {
  const writers: Writer[] = []
  const onMessage = (_message: Buffer, _client: Client, writer: Writer) => void writers.push(writer)
  const serving = await serve(t, { ...OPTIONS, ...options }, onMessage)
  return {
    ...serving,
    writer: async () => {
      await serving.until(() => writers.length > 0)
      return writers.shift()!
    },
  }
}

test('each write of an event stream leaves at once', async (t) => {
  const serving = await serveAnswers(t)
  const peer = await join(t, serving.port)
  peer.send(STREAM)
  const writer = await serving.writer()
  writer.setHeader('Content-Type', 'text/event-stream')
  for (const event of ['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n']) {
    writer.write(event)
    await peer.receives(event)
  }
  assert.match(
    peer.text,
    /^HTTP\/1\.1 200 OK\r\nContent-Type: text\/event-stream\r\n[\s\S]*Transfer-Encoding: chunked\r\n/,
  )
  writer.end()
  await peer.receives('\r\n0\r\n\r\n')
  assert.equal(writer.signal.aborted, false)
})

test('on HTTP/1.0 it ends with the connection, and HEAD has no body', async (t) => {
  const serving = await serveAnswers(t)
  const old = await join(t, serving.port)
  old.send('GET / HTTP/1.0\r\n\r\n')
  const writer = await serving.writer()
  writer.write('part ')
  await old.receives('part ')
  writer.end('whole')
  assert.match(await old.finished(), /Connection: close\r\n\r\npart whole$/)
  const head = await join(t, serving.port)
  head.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n')
  const answer = await serving.writer()
  answer.write('x'.repeat(70_000))
  answer.end()
  assert.match(await head.receives('\r\n\r\n'), /\r\n\r\n$/)
})

test('a slow client is waited for: write says so, drain when it goes on', async (t) => {
  const serving = await serveAnswers(t)
  const peer = await join(t, serving.port)
  peer.socket.pause()
  peer.send(STREAM)
  const writer = await serving.writer()
  const part = Buffer.alloc(64 * 1024, 'x')
  let written = 0
  while (writer.write(part)) written++
  assert.ok(writer.writableNeedDrain && writer.writableLength > 0)
  const drained = new Promise((resolve) => writer.once('drain', resolve))
  peer.socket.resume()
  await drained
  assert.equal(writer.write('end'), true)
  writer.end()
  await peer.receives('0\r\n\r\n')
  assert.ok(peer.length > written * part.length)
})

for (const how of ['reset', 'gone'] as const) {
  test(`a client that is ${how} ends it: close, the signal, clientDisconnect`, async (t) => {
    const serving = await serveAnswers(t)
    const peer = await join(t, serving.port)
    peer.send(STREAM)
    const writer = await serving.writer()
    const { signal } = writer
    let closed = 0
    writer.on('close', () => closed++)
    writer.write('data: 1\n\n')
    await peer.receives('data: 1')
    if (how === 'reset') peer.socket.resetAndDestroy()
    else peer.socket.destroy()
    // Whoever has closed its socket answers what is written with a reset; that it is gone shows then, or by a probe.
    const timer = setInterval(() => writer.write('data: 2\n\n'), 5)
    t.after(() => clearInterval(timer))
    await serving.until(() => signal.aborted)
    clearInterval(timer)
    assert.equal(closed, 1)
    assert.equal(writer.write('more'), false)
    assert.equal(writer.ended, true)
    await serving.until(() => serving.log.at(-1) === 'disconnect http')
    assert.equal(serving.server.clients.size, 0)
  })
}

test('who only ends its side hears the rest', async (t) => {
  const serving = await serveAnswers(t)
  const peer = await join(t, serving.port)
  peer.finish(STREAM)
  const writer = await serving.writer()
  writer.write('one ')
  await peer.receives('one ')
  writer.end('two')
  assert.match(await peer.finished(), /two\r\n0\r\n\r\n$/)
})

test('an answer as a stream has the pace of its client', async (t) => {
  const serving = await serveAnswers(t)
  const peer = await join(t, serving.port)
  peer.send(STREAM)
  const writer = await serving.writer()
  const stream = writer.stream()
  for (let part = 0; part < 50; part++) {
    if (!stream.write(Buffer.alloc(10_000, '~')))
      await new Promise((resolve) => stream.once('drain', resolve))
  }
  stream.end(() => writer.end())
  await peer.receives('\r\n0\r\n\r\n')
  assert.equal(peer.text.match(/~/g)?.length, 500_000)
})

test('a signal that is asked for when the client is gone is aborted already', async (t) => {
  const serving = await serveAnswers(t)
  const peer = await join(t, serving.port)
  peer.send(STREAM)
  const writer = await serving.writer()
  writer.destroy()
  await peer.finished()
  await serving.until(() => serving.log.at(-1) === 'disconnect http')
  assert.equal(writer.signal.aborted, true)
})
