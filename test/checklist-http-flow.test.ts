/** Rows H18 to H21 of the checklist: peers that are slow, silent, or too fast, and what they get. */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { answersOf, everyWay, get, post, servesNext } from './support/http-rows.ts'
import { join, type Peer, type Serving, serve, until } from './support/serving.ts'

const MIB = 1024 * 1024
const HEAD = 'POST / HTTP/1.1\r\nHost: a\r\n'
const BODY = `${HEAD}Content-Length: 100\r\n\r\nabc`
const CHUNKED = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`

/** What is late, as the first request of a connection and as the second. */
async function late(peer: Peer, serving: Serving, code: string): Promise<void> {
  const answers = answersOf(await peer.finished())
  const last = answers.at(-1)!
  assert.equal(last.status, 408)
  assert.equal(last.fields.get('connection'), 'close')
  assert.match(last.body, /^Cannot [^\r\n]*[^.\r\n]\n$/)
  assert.ok(serving.errors.includes(code), `${serving.errors}`)
}

test('H18 slow head: 408, wherever it stops, however it drips', async (t) => {
  const serving = await serve(t, { headTimeout: 150, keepAliveTimeout: 5_000, sniffTimeout: 5_000 })
  const starts = ['P', 'POST / HT', 'POST / HTTP/1.1\r\n', HEAD, `${HEAD}X: y`, `${HEAD}X: y\r\n\r`]
  await Promise.all(
    starts.map(async (start) => {
      const peer = await join(t, serving.port)
      await peer.send(post('x')).receives('\r\n\r\nx')
      await late(peer.send(start), serving, 'ERR_HTTP_HEAD_TIMEOUT')
    }),
  )
  await Promise.all(
    [HEAD, `${HEAD}X: `].map(async (start) => {
      const peer = await join(t, serving.port)
      peer.send(start)
      const drip = setInterval(() => peer.ended || peer.send('y'), 10)
      await late(peer, serving, 'ERR_HTTP_HEAD_TIMEOUT').finally(() => clearInterval(drip))
    }),
  )
  assert.equal(serving.errors.length, 8)
  await servesNext(t, serving)
})

test('H18 slow body: 408, wherever it stops, however it drips', async (t) => {
  const serving = await serve(t, { bodyTimeout: 150 })
  const starts = [BODY, CHUNKED, `${CHUNKED}5`, `${CHUNKED}5\r\nhel`, `${CHUNKED}5\r\nhello\r\n0\r\nX: y\r\n`]
  await Promise.all(
    starts.map(async (start) => {
      const peer = await join(t, serving.port)
      await late(peer.send(start), serving, 'ERR_HTTP_BODY_TIMEOUT')
    }),
  )
  await Promise.all(
    [BODY, `${CHUNKED}ff\r\n`].map(async (start) => {
      const peer = await join(t, serving.port)
      peer.send(start)
      const drip = setInterval(() => peer.ended || peer.send('y'), 10)
      await late(peer, serving, 'ERR_HTTP_BODY_TIMEOUT').finally(() => clearInterval(drip))
    }),
  )
  assert.equal(serving.errors.length, 7)
  assert.deepEqual(serving.messages, [])
  await servesNext(t, serving)
})

test('H18 idle keep-alive: silent close', async (t) => {
  const serving = await serve(t, { keepAliveTimeout: 100, headTimeout: 60_000 })
  const peers = await Promise.all(['', '\r', '\r\n'].map(() => join(t, serving.port)))
  for (const [index, peer] of peers.entries()) peer.send(post('x') + ['', '\r', '\r\n'][index]!)
  for (const peer of peers) {
    assert.deepEqual(
      answersOf(await peer.finished()).map(({ status, body }) => [status, body]),
      [[200, 'x']],
    )
  }
  assert.deepEqual(serving.errors, [])
})

test('H18 the timers start anew with each request, and stand still while the application answers', async (t) => {
  const timeouts = { headTimeout: 600, bodyTimeout: 600, keepAliveTimeout: 600 }
  const serving = await serve(t, timeouts, async (message, _client, writer) => {
    await sleep(String(message) === 'slow' ? 1_500 : 0)
    writer.write(message)
  })
  const peer = await join(t, serving.port)
  for (let round = 1; round <= 3; round++) {
    peer.send('POST / HTTP/1.1\r\nHo')
    await sleep(180)
    peer.send('st: a\r\nContent-Length: 4\r\n\r\n')
    await sleep(180)
    peer.send('slow'.slice(0, 2))
    await sleep(180)
    peer.send(round === 2 ? 'ow' : 'ug')
    await until(() => answersOf(peer.text).length === round || peer.ended)
    await sleep(180)
  }
  assert.deepEqual(
    answersOf(peer.text).map(({ body }) => body),
    ['slug', 'slow', 'slug'],
  )
  assert.deepEqual(serving.errors, [])
})

test('H19 no first byte: closed at its timeout', async (t) => {
  const strict = await serve(t, { rawFallback: false, sniffTimeout: 80 })
  const silent = await join(t, strict.port)
  assert.equal(await silent.finished(), '')
  const raw = await serve(t, { sniffTimeout: 40, idleTimeout: 80 })
  const quiet = await join(t, raw.port)
  assert.equal(await quiet.finished(), '')
  await servesNext(t, strict)
  await servesNext(t, raw)
})

test('H19 no first byte: counted against the connection limits', async (t) => {
  for (const options of [{ maxConnections: 2 }, { maxConnectionsPerAddress: 2 }, { maxSniffing: 2 }]) {
    const serving = await serve(t, options)
    const silent = [await join(t, serving.port), await join(t, serving.port)]
    const third = await join(t, serving.port)
    third.send(post('x'))
    assert.equal(await third.finished(), '', JSON.stringify(options))
    silent[0]!.socket.destroy()
    await until(() => serving.server.stats().connections === 1)
    await servesNext(t, serving)
  }
})

/** The server's end of its only connection. */
function accepted(serving: Serving): Promise<Socket> {
  return new Promise((resolve) => serving.server.once('connection', resolve))
}

test('H20 pipelined flood that is not read: bounded, reading pauses, then all answers in order', async (t) => {
  const count = 6_000
  const filler = 'x'.repeat(4_000)
  const serving = await serve(t)
  const socket = accepted(serving)
  const peer = await join(t, serving.port)
  const ours = await socket
  peer.socket.pause()
  for (let sent = 0; sent < count; sent += 100) {
    peer.send(Array.from({ length: 100 }, (_, index) => post(`${sent + index} ${filler}`)).join(''))
  }
  let before = -1
  let most = 0
  while (ours.bytesRead !== before) {
    before = ours.bytesRead
    for (let look = 0; look < 20; look++) {
      most = Math.max(most, ours.writableLength)
      await sleep(10)
    }
  }
  assert.ok(ours.bytesRead < count * 4_000, `${ours.bytesRead} bytes were read`)
  assert.ok(most < 4 * MIB, `${most} bytes of answers wait`)
  assert.ok(serving.messages.length < count)
  peer.socket.resume()
  await until(() => serving.messages.length === count && peer.length > count * filler.length)
  await peer.receives(`\r\n\r\n${count - 1} x`)
  const bodies = answersOf(peer.text).map(({ body }) => Number(body.slice(0, body.indexOf(' '))))
  assert.deepEqual(
    bodies,
    Array.from({ length: count }, (_, index) => index),
  )
  assert.deepEqual(serving.errors, [])
})

test('H20 pipelined flood behind a slow answer: what waits is bounded, reading pauses', async (t) => {
  let go: () => void = () => {}
  const gate = new Promise<void>((resolve) => {
    go = resolve
  })
  const serving = await serve(t, {}, async (message, _client, writer) => {
    await gate
    writer.write(String(Number.parseInt(String(message), 10)))
  })
  const socket = accepted(serving)
  const peer = await join(t, serving.port)
  const ours = await socket
  const count = 2_000
  peer.send(Array.from({ length: count }, (_, index) => post(`${index} ${'x'.repeat(8_000)}`)).join(''))
  let before = -1
  while (ours.bytesRead !== before) {
    before = ours.bytesRead
    await sleep(150)
  }
  assert.ok(ours.bytesRead < MIB, `${ours.bytesRead} bytes of ${count * 8_000} were read`)
  assert.equal(serving.messages.length, 1)
  assert.equal(peer.length, 0)
  go()
  await peer.receives(`\r\n\r\n${count - 1}`)
  const bodies = answersOf(peer.text).map(({ body }) => Number.parseInt(body, 10))
  assert.deepEqual(
    bodies,
    Array.from({ length: count }, (_, index) => index),
  )
})

test('H21 bytes after Connection: close: the first answer is delivered whole, the rest is ignored', async (t) => {
  const serving = await serve(t, { wholeBody: true })
  const rests = [post('never'), get(), '\0\xff garbage', 'GET / HTTP/1.1\r\n', '\x16\x03\x01\x00']
  for (const rest of rests) {
    await everyWay(
      serving,
      post('last', 'Connection: close\r\n') + rest,
      () => false,
      (text, how) => {
        const [answer, ...more] = answersOf(text)
        assert.deepEqual([answer!.status, answer!.body, more], [200, 'last', []], how)
        assert.equal(answer!.fields.get('connection'), 'close')
      },
    )
  }
  assert.equal(serving.messages.includes('never'), false)
  assert.deepEqual(serving.errors, [])
})

test('H21 a large answer is not cut off by what comes behind its request', async (t) => {
  const serving = await serve(t, { wholeBody: true })
  const body = 'x'.repeat(4 * MIB)
  const peer = await join(t, serving.port)
  peer.socket.pause()
  peer.send(post(body, 'Connection: close\r\n'))
  const more = setInterval(() => peer.ended || peer.send('y'.repeat(65_536)), 5)
  await sleep(100)
  peer.socket.resume()
  const text = await peer.finished().finally(() => clearInterval(more))
  const [answer, ...rest] = answersOf(text)
  assert.ok(answer!.body === body, `${answer!.body.length} bytes`)
  assert.deepEqual(rest, [])
  assert.deepEqual(serving.errors, [])
})
