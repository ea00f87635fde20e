import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { post } from './support/http-rows.ts'
import { Http2Client } from './support/http2.ts'
import { certificate, join, joinTls, serve, until } from './support/serving.ts'
import { ask, clientHello, OPENINGS, PROXY_LINE } from './support/targets.ts'
import { turn, Wire } from './support/wire.ts'

const { key, cert } = certificate

test('connections are bounded in all, per address, and while they are not recognised; the newest is dropped', async (t) => {
  for (const option of ['maxConnections', 'maxConnectionsPerAddress', 'maxSniffing'] as const) {
    const serving = await serve(t, { [option]: 3 })
    const kept = await Promise.all([1, 2, 3].map(() => join(t, serving.port)))
    await until(() => serving.server.stats().accepted === 3)
    for (let count = 1; count <= 5; count++) {
      const dropped = await join(t, serving.port)
      await until(() => dropped.closed || dropped.ended)
      assert.equal(serving.server.stats().dropped, count, option)
    }
    for (const peer of kept) await peer.send('kept\n').receives('kept\n')
    assert.equal(serving.server.stats().accepted, 3)
  }
})

test('a client that is recognised makes room for the next one, whatever it is', async (t) => {
  const serving = await serve(t, { key, cert, maxSniffing: 1, proxy: 'off' })
  serving.server.route('ssh', (socket) => void socket.resume())
  for (const start of ['lines\n', post('hi'), OPENINGS.ssh!, 'GET / HTTP/1.1\r\nHost: a\r\n']) {
    const peer = await join(t, serving.port)
    peer.send(start)
    await until(
      () => serving.server.stats().sniffing === 0 && Object.keys(serving.server.stats().verdicts).length > 0,
    )
    await sleep(5)
  }
  for (const ALPNProtocols of [[], ['http/1.1']]) {
    const peer = await joinTls(t, serving.port, { ALPNProtocols })
    peer.send(post('hi'))
    await peer.receives('\r\n\r\nhi')
  }
  assert.equal(serving.server.stats().dropped, 0)
})

test('handshakes count as not recognised, too', async (t) => {
  const serving = await serve(t, { key, cert, maxSniffing: 3 })
  const hello = await clientHello()
  for (let count = 1; count <= 3; count++) {
    const peer = await join(t, serving.port)
    peer.send(hello)
    await until(() => serving.server.stats().handshaking === count)
  }
  const dropped = await join(t, serving.port)
  await until(() => dropped.closed || dropped.ended)
  assert.deepEqual([serving.server.stats().sniffing, serving.server.stats().dropped], [0, 1])
})

test('per address TLS, routes and WebSockets count as one connection each, until they close', async (t) => {
  const serving = await serve(t, { key, cert, maxConnectionsPerAddress: 2 })
  serving.server.route('ssh', (socket) => void socket.pipe(socket))
  const encrypted = await joinTls(t, serving.port)
  await encrypted.send('a\n').receives('a\n')
  const routed = await join(t, serving.port)
  await routed.send(OPENINGS.ssh!).receives(OPENINGS.ssh!)
  const third = await join(t, serving.port)
  await until(() => third.closed || third.ended)
  routed.finish()
  await routed.finished()
  await until(() => serving.server.stats().connections === 1)
  assert.equal(await ask(t, serving.port, 'room\n'), 'room\n')
})

test('many silent connections hold up nobody, and end with the server', async (t) => {
  const COUNT = 1_000
  const serving = await serve(t, { sniffTimeout: 60_000 })
  const sockets: Socket[] = []
  t.after(() => {
    for (const socket of sockets) socket.destroy()
  })
  while (sockets.length < COUNT) {
    const batch = Array.from({ length: 100 }, () => connect(serving.port, '127.0.0.1'))
    await Promise.all(batch.map((socket) => once(socket, 'connect')))
    sockets.push(...batch)
  }
  await until(() => serving.server.stats().sniffing === COUNT)
  const times: number[] = []
  for (let count = 0; count < 50; count++) {
    const started = performance.now()
    const peer = await join(t, serving.port)
    await peer.send(post('hi')).receives('\r\n\r\nhi')
    times.push(performance.now() - started)
    peer.socket.destroy()
  }
  times.sort((one, other) => one - other)
  assert.ok(times[25]! < 50, `the median is ${times[25]} ms`)
  const closed = once(serving.server, 'close')
  serving.server.close()
  await closed
  await until(() => serving.server.stats().connections === 0)
  assert.equal(serving.server.stats().sniffing, 0)
})

test('what a connection holds while it drips is bounded by the budget of all', async (t) => {
  const serving = await serve(t, { bufferLimit: 50_000, sniffLimit: 65_536, headTimeout: 5_000 })
  const peers = await Promise.all([1, 2, 3].map(() => join(t, serving.port)))
  for (const peer of peers) peer.send(`GET /${'x'.repeat(20_000)}`)
  await until(() => serving.errors.length === 1)
  assert.deepEqual(serving.errors, ['ERR_BUFFER_LIMIT'])
  await until(() => peers.some((peer) => peer.closed || peer.ended))
  assert.equal(serving.server.stats().connections, 2)
})

test('stats count what is open, whoever reads it', async (t) => {
  const serving = await serve(t, { key, cert })
  serving.server.on('request', (_request, response) => response.end('page'))
  const raw = await join(t, serving.port)
  await raw.send('x\n').receives('x\n')
  const page = await join(t, serving.port)
  await page.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n').receives('page')
  const silent = await join(t, serving.port)
  await until(() => serving.server.stats().connections === 3)
  const { accepted, clients, sniffing, verdicts } = serving.server.stats()
  assert.deepEqual([accepted, clients, sniffing, verdicts], [3, 1, 1, { raw: 1, http1: 1 }])
  for (const peer of [raw, page, silent]) peer.socket.destroy()
  await until(() => serving.server.stats().connections === 0)
  assert.deepEqual([serving.server.stats().clients, serving.server.stats().sniffing], [0, 0])
})

test('stats count connections, and not what goes on within one of HTTP/2', async (t) => {
  for (const maxConnectionsPerAddress of [1, Number.POSITIVE_INFINITY]) {
    const serving = await serve(t, { maxConnectionsPerAddress })
    const responses: ServerResponse[] = []
    serving.server.on('request', (_request, response) => responses.push(response))
    const client = new Http2Client(t, serving.port)
    const sockets = [await client.webSocket(), await client.webSocket()]
    const page = client.get()
    await until(() => responses.length === 1 && serving.clients.length === 2)
    const stats = serving.server.stats()
    assert.deepEqual([stats.connections, stats.clients], [1, 2])
    responses[0]!.end('page')
    assert.equal((await page).body, 'page')
    sockets[0]!.close()
    await until(() => serving.server.clients.size === 1)
    assert.equal(serving.server.stats().connections, 1)
    client.session.destroy()
    await until(() => serving.server.stats().connections === 0)
    assert.equal(serving.server.clients.size, 0)
  }
})

test('messages that came before anybody listened are delivered to the first who does', async (t) => {
  const serving = await serve(t)
  serving.server.removeAllListeners('message')
  const peer = await join(t, serving.port)
  peer.send('one\ntwo\n')
  await until(() => serving.clients.length === 1)
  await sleep(10)
  serving.server.on('message', (message, _client, writer) => writer.write(message))
  await peer.receives('one\ntwo\n')
})

test('a certificate cannot be replaced where there is none', async (t) => {
  const serving = await serve(t)
  assert.throws(() => serving.server.setSecureContext({ key, cert }), { code: 'ERR_TLS_UNAVAILABLE' })
})

test('behind a proxy it is the proxy that may have any number of connections that have not told yet', async (t) => {
  const serving = await serve(t, { proxy: 'required', maxConnectionsPerAddress: 1, maxSniffing: 3 })
  const peers = await Promise.all([1, 2, 3].map(() => join(t, serving.port)))
  await until(() => serving.server.stats().sniffing === 3)
  const fourth = await join(t, serving.port)
  await until(() => fourth.closed || fourth.ended)
  await peers[0]!.send(`${PROXY_LINE}a\n`).receives('a\n')
  peers[1]!.send(`${PROXY_LINE}b\n`)
  await until(() => peers[1]!.closed || peers[1]!.ended)
  assert.deepEqual([serving.server.stats().dropped, serving.messages], [2, ['a']])
})

test('shutdown that is asked for again, sooner: each resolves once all are gone', async (t) => {
  const serving = await serve(t)
  const peer = await join(t, serving.port)
  await peer.send('x\n').receives('x\n')
  const started = Date.now()
  const first = serving.server.shutdown({ timeout: 60_000 })
  await Promise.all([first, serving.server.shutdown({ timeout: 50 }), serving.server.shutdown()])
  assert.ok(Date.now() - started < 5_000)
  await serving.server.shutdown()
})

test('shutdown without an end to its patience cuts nobody', async (t) => {
  const serving = await serve(t, { closeTimeout: 60_000 })
  const peer = await join(t, serving.port)
  await peer.send('x\n').receives('x\n')
  const done = serving.server.shutdown({ timeout: Number.POSITIVE_INFINITY })
  await peer.finished()
  await sleep(50)
  assert.equal(serving.server.stats().connections, 1)
  peer.finish()
  await done
})

test('shutdown while connections are at every stage', async (t) => {
  const serving = await serve(t, { key, cert, udp: true })
  serving.server.route('ssh', (socket) => void socket.resume())
  const hello = await clientHello()
  const starts: (string | Buffer)[] = [
    '',
    'GET',
    'x\n',
    OPENINGS.ssh!,
    hello.subarray(0, 20),
    hello,
    post('hi'),
  ]
  const peers = await Promise.all(
    starts.map(async (start) => {
      const peer = await join(t, serving.port)
      return start.length === 0 ? peer : peer.send(start)
    }),
  )
  const encrypted = await joinTls(t, serving.port)
  await until(() => serving.server.stats().accepted === starts.length + 1 && serving.messages.length === 2)
  const started = Date.now()
  await serving.server.shutdown({ timeout: 100 })
  assert.ok(Date.now() - started < 2_000)
  const { connections, handshaking, sniffing, clients } = serving.server.stats()
  assert.deepEqual([connections, handshaking, sniffing, clients], [0, 0, 0, 0])
  for (const peer of [...peers, encrypted]) await until(() => peer.closed || peer.ended)
})

test('a stream on which a WebSocket was agreed on may be paused, or have ended', async (t) => {
  const serving = await serve(t, { closeTimeout: 50 })
  const paused = new Wire()
  paused.pause()
  paused.push(Buffer.of(0x81, 0x81, 0, 0, 0, 0, 0x78))
  serving.server.handleWebSocket(paused)
  await until(() => serving.messages.length === 1)
  paused.destroy()
  const ended = new Wire()
  ended.push(null)
  ended.resume()
  await turn()
  serving.server.handleWebSocket(ended)
  await until(() => ended.ended && serving.server.clients.size === 0)
  assert.equal(serving.server.stats().connections, 0)
})
