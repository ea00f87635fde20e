import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, Server as NetServer } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Server } from '../src/index.ts'
import { join, serve, until } from './support/serving.ts'
import { Wire } from './support/wire.ts'

test('it is a net.Server', async () => {
  const server = new Server()
  assert.ok(server instanceof NetServer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  assert.equal(typeof (server.address() as { port: number }).port, 'number')
  const closed = once(server, 'close')
  server.close()
  await closed
})

test('it can listen again after close', async (t) => {
  const serving = await serve(t)
  const closed = once(serving.server, 'close')
  serving.server.close()
  await closed
  serving.server.listen(serving.port, '127.0.0.1')
  await once(serving.server, 'listening')
  const peer = await join(t, serving.port)
  await peer.send('again\n').receives('again\n')
})

test('options alone, a listener alone, both, or neither', () => {
  assert.equal(new Server().listenerCount('message'), 0)
  assert.equal(new Server({ sniffTimeout: 10 }).listenerCount('message'), 0)
  assert.equal(new Server(() => {}).listenerCount('message'), 1)
  assert.equal(new Server(() => {}, {}).listenerCount('message'), 1)
  assert.throws(() => new Server({ sniffTimeout: -1 }), { code: 'ERR_OPTION' })
})

test('clients are known by their ids, which cannot be guessed', async (t) => {
  const serving = await serve(t)
  const peers = [await join(t, serving.port), await join(t, serving.port)]
  for (const peer of peers) peer.send('x\n')
  await serving.until(() => serving.clients.length === 2)
  const { clients } = serving.server
  assert.equal(clients.size, 2)
  for (const [id, client] of clients) {
    assert.equal(client.id, id)
    assert.match(id, /^[A-Za-z0-9_-]{16}$/)
    assert.equal(client.remoteAddress, '127.0.0.1')
    assert.equal(client.localPort, serving.port)
    assert.equal(client.encrypted, false)
  }
  assert.deepEqual(
    Array.from(clients.values(), (client) => client.remotePort).sort(),
    peers.map((peer) => peer.socket.localPort).sort(),
  )
  peers[0]!.socket.destroy()
  await serving.until(() => clients.size === 1)
})

test('send reaches one client, broadcast all others', async (t) => {
  const serving = await serve(t, {}, (message, client) => {
    if (String(message) === 'all') serving.server.broadcast('to all')
    else if (String(message) === 'others') serving.server.broadcast('to others', client)
    else if (String(message) === 'none') serving.server.broadcast('to none', () => true)
  })
  const peers = [
    await join(t, serving.port),
    await join(t, serving.port),
    await join(t, serving.port),
  ] as const
  for (const peer of peers) peer.send('hello\n')
  await serving.until(() => serving.clients.length === 3)
  const idOf = (index: number) =>
    [...serving.server.clients.values()].find(
      (client) => client.remotePort === peers[index]!.socket.localPort,
    )!.id
  assert.equal(serving.server.send(idOf(0), 'to one'), true)
  await peers[0].receives('to one\n')
  assert.equal(serving.server.send('nobody', 'x'), false)
  peers[0].send('none\nothers\n')
  await peers[1].receives('to others\n')
  peers[1].send('all\n')
  for (const peer of peers) await peer.receives('to all\n')
  assert.deepEqual(
    peers.map((peer) => peer.text),
    ['to one\nto all\n', 'to others\nto all\n', 'to others\nto all\n'],
  )
})

test('a client that does not read is cut at the write limit, with clientError', async (t) => {
  const serving = await serve(t, { writeLimit: 1024 * 1024 })
  const peer = await join(t, serving.port)
  peer.socket.pause()
  peer.send('x\n')
  await serving.until(() => serving.clients.length === 1)
  const { writer } = serving.clients[0]!
  const piece = Buffer.alloc(64 * 1024, 'x')
  let refused = 0
  for (let sent = 0; sent < 1000 && serving.errors.length === 0; sent++) {
    if (!writer.write(piece)) refused++
    assert.ok(writer.writableLength <= 1024 * 1024 + 2 * piece.length, `${writer.writableLength} bytes wait`)
    if (sent % 10 === 0) await sleep(1)
  }
  assert.deepEqual(serving.errors, ['ERR_WRITE_LIMIT'])
  assert.ok(refused > 0, 'write says so before')
  assert.equal(writer.write('more'), false)
  await serving.until(() => serving.log.includes('disconnect raw'))
})

test('a slow client that reads after all gets drain', async (t) => {
  const serving = await serve(t)
  const peer = await join(t, serving.port)
  peer.socket.pause()
  peer.send('x\n')
  await serving.until(() => serving.clients.length === 1)
  const { writer } = serving.clients[0]!
  const piece = Buffer.alloc(256 * 1024, 'x')
  let sent = 0
  while (writer.write(piece) || sent < 20) {
    sent++
    await sleep(1)
  }
  assert.equal(writer.writableNeedDrain, true)
  const drained = once(writer, 'drain')
  peer.socket.resume()
  await drained
  assert.equal(writer.writableLength, 0)
})

test('an echo whose client does not read stops reading instead of buffering', async (t) => {
  const serving = await serve(t, { writeLimit: 64 * 1024 * 1024 })
  const peer = await join(t, serving.port)
  peer.socket.pause()
  const line = `${'x'.repeat(1023)}\n`
  peer.send(line.repeat(20 * 1024))
  let before = -1
  let now = 0
  while (now !== before || now === 0) {
    before = now
    await sleep(100)
    now = serving.messages.length
  }
  assert.ok(now < 20 * 1024, 'not everything was read')
  assert.ok(serving.clients[0]!.writer.writableLength < 2 * 1024 * 1024)
  peer.socket.resume()
  await until(() => peer.length === 20 * 1024 * 1024)
  assert.equal(serving.messages.length, 20 * 1024)
})

test('over the buffer limit of all clients the largest is cut', async (t) => {
  const serving = await serve(t, { bufferLimit: 1_000_000 })
  const [small, large] = [await join(t, serving.port), await join(t, serving.port)]
  small.send('s'.repeat(300_000))
  large.send('l'.repeat(600_000))
  await serving.until(() => serving.clients.length === 2)
  await sleep(50)
  assert.deepEqual(serving.errors, [])
  large.send('l'.repeat(200_000))
  await serving.until(() => large.closed)
  assert.deepEqual(serving.errors, ['ERR_BUFFER_LIMIT'])
  small.finish()
  await small.finished()
  assert.deepEqual(
    serving.messages.map((message) => message.length),
    [300_000],
  )
})

test('connections over each limit are dropped, the newest first, and counted', async (t) => {
  for (const option of ['maxConnections', 'maxConnectionsPerAddress', 'maxSniffing'] as const) {
    const serving = await serve(t, { [option]: 2 })
    const kept = [await join(t, serving.port), await join(t, serving.port)]
    await serving.until(() => serving.server.stats().accepted === 2)
    const dropped = await join(t, serving.port)
    await serving.until(() => dropped.closed || dropped.ended)
    assert.equal(serving.server.stats().dropped, 1, option)
    for (const peer of kept) await peer.send('kept\n').receives('kept\n')
    for (const peer of kept) peer.socket.destroy()
    await serving.until(() => serving.server.stats().connections === 0)
    const next = await join(t, serving.port)
    await next.send('free again\n').receives('free again\n')
  }
})

test('maxSniffing counts only connections that have not shown their protocol', async (t) => {
  const serving = await serve(t, { maxSniffing: 1 })
  for (let joined = 0; joined < 5; joined++) {
    const peer = await join(t, serving.port)
    await peer.send('hello\n').receives('hello\n')
  }
  assert.deepEqual([serving.server.stats().sniffing, serving.server.stats().clients], [0, 5])
})

test('a drip cannot refresh the sniff deadline', async (t) => {
  const serving = await serve(t, { sniffTimeout: 100 })
  const peer = await join(t, serving.port)
  const started = Date.now()
  while (serving.clients.length === 0 && Date.now() - started < 2_000) {
    peer.send('x')
    await sleep(15)
  }
  assert.ok(Date.now() - started < 400)
  assert.deepEqual(serving.log, ['connect raw'])
})

test('a request line that outgrows the sniff limit goes to HTTP', async (t) => {
  const serving = await serve(t)
  const peer = await join(t, serving.port)
  for (let sent = 0; sent < 9; sent++) {
    peer.send(sent === 0 ? 'GET /' : 'x'.repeat(1024))
    await sleep(2)
  }
  assert.match(await peer.finished(), /^HTTP\/1\.1 414 /)
  assert.deepEqual(serving.messages, [])
})

test('a listener that throws or rejects never breaks a session', async (t) => {
  const thrown: string[] = []
  const caught = (error: unknown) => {
    thrown.push((error as Error).message)
  }
  const before = process.listeners('uncaughtException')
  const beforeRejection = process.listeners('unhandledRejection')
  process.removeAllListeners('uncaughtException')
  process.removeAllListeners('unhandledRejection')
  process.on('uncaughtException', caught)
  process.on('unhandledRejection', caught)
  t.after(() => {
    process.removeListener('uncaughtException', caught)
    process.removeListener('unhandledRejection', caught)
    for (const listener of before) process.on('uncaughtException', listener)
    for (const listener of beforeRejection) process.on('unhandledRejection', listener)
  })
  const serving = await serve(t, {}, (message, _client, writer) => {
    if (String(message) === 'throw') throw new Error('thrown')
    if (String(message) === 'reject') return Promise.reject(new Error('rejected'))
    return writer.write(message)
  })
  const raw = await join(t, serving.port)
  raw.send('throw\nreject\nfine\n')
  assert.equal(await raw.receives('fine\n'), 'fine\n')
  const http = await join(t, serving.port)
  http.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nreject')
  assert.match(await http.receives('\r\n\r\n'), /^HTTP\/1\.1 500 /)
  await until(() => thrown.length === 3)
  assert.deepEqual(thrown.sort(), ['rejected', 'rejected', 'thrown'])
})

test('shutdown lets each client finish in its own way, and resolves when all are gone', async (t) => {
  let finish: (() => void) | undefined
  const serving = await serve(t, {}, (message, _client, writer) => {
    if (String(message) !== 'slow') return writer.write(message)
    return new Promise<void>((resolve) => {
      finish = () => {
        writer.write('finished')
        resolve()
      }
    })
  })
  const [raw, silent, slow, idle] = [
    await join(t, serving.port),
    await join(t, serving.port),
    await join(t, serving.port),
    await join(t, serving.port),
  ]
  await raw.send('x\n').receives('x\n')
  slow.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nslow')
  await idle.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nidle').receives('idle')
  await serving.until(() => finish !== undefined)
  const done = serving.server.shutdown({ timeout: 3_000 })
  await serving.until(() => raw.ended && idle.ended && (silent.ended || silent.closed))
  assert.equal(slow.ended, false)
  for (const peer of [raw, idle]) peer.finish()
  finish!()
  assert.match(await slow.finished(), /finished$/)
  slow.finish()
  await done
  assert.equal(serving.server.stats().connections, 0)
})

test('shutdown cuts after its timeout', async (t) => {
  const serving = await serve(t, {}, () => new Promise(() => {}))
  const stuck = await join(t, serving.port)
  stuck.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx')
  await serving.until(() => serving.messages.length === 1)
  const started = Date.now()
  await serving.server.shutdown({ timeout: 60 })
  assert.ok(Date.now() - started < 1_000)
  await until(() => stuck.ended || stuck.closed)
})

test('close ends connections that are no clients yet, and leaves clients', async (t) => {
  const serving = await serve(t)
  const [silent, raw] = [await join(t, serving.port), await join(t, serving.port)]
  await raw.send('x\n').receives('x\n')
  await serving.until(() => serving.server.stats().accepted === 2)
  serving.server.close()
  await until(() => silent.closed || silent.ended)
  await raw.send('y\n').receives('y\n')
  const closed = once(serving.server, 'close')
  raw.finish()
  await closed
})

test('await using shuts it down', async () => {
  const server = new Server()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  await server[Symbol.asyncDispose]()
  assert.equal(server.listening, false)
})

test('handleWebSocket takes a stream on which a WebSocket was agreed on elsewhere', async (t) => {
  const serving = await serve(t)
  const clients: unknown[] = []
  const other = createServer((stream) =>
    clients.push(serving.server.handleWebSocket(stream, { version: '8' })),
  )
  other.listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.after(() => other.close())
  const peer = await join(t, (other.address() as AddressInfo).port)
  await peer.send('\x81\x82\0\0\0\0hi').receives('\x81\x02hi')
  const [{ client }] = serving.clients as [(typeof serving.clients)[number]]
  assert.deepEqual([client.protocol, client.version, clients[0] === client], ['websocket', '8', true])
})

test('handleWebSocket of a stream that has closed leaves no client', async (t) => {
  const serving = await serve(t)
  const wire = new Wire()
  wire.destroy()
  await once(wire, 'close')
  serving.server.handleWebSocket(wire)
  await until(() => serving.log.length === 2)
  assert.deepEqual(serving.log, ['connect websocket', 'disconnect websocket'])
  assert.deepEqual([serving.server.clients.size, serving.server.stats().connections], [0, 0])
})

test('handleWebSocket reads what was read already, and refuses a version that there is not', async (t) => {
  const serving = await serve(t)
  const wire = new Wire()
  const head = Buffer.from('\0glued\xff', 'latin1')
  serving.server.handleWebSocket(wire, { version: 'hixie-76', head })
  assert.deepEqual(serving.messages, ['glued'])
  const version = 'toString' as 'hixie-76'
  assert.throws(() => serving.server.handleWebSocket(new Wire(), { version }), { code: 'ERR_OPTION' })
  wire.destroy()
})
