import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createServer as createTlsServer } from 'node:tls'
import { ProxyHeaderReader } from '../src/sniff/index.ts'
import { certificate, join, joinTls, type Serving, serve, until } from './support/serving.ts'
import { closedPort, OPENINGS, PROXY_LINE, startTarget } from './support/targets.ts'

const { key, cert } = certificate
const ssh = OPENINGS.ssh!

/** All that a door holds is gone. */
async function empty({ server, until }: Serving): Promise<void> {
  await until(() => server.stats().connections === 0 && server.stats().forwarded === 0)
}

test('both ways, from the first byte, in whatever pieces', async (t) => {
  const target = await startTarget(t, (socket) => socket.write('SSH-2.0-target\r\n'))
  const serving = await serve(t)
  serving.server.route('ssh', { port: target.port })
  const peer = await join(t, serving.port)
  for (const byte of ssh) {
    peer.send(byte)
    await sleep(1)
  }
  await peer.receives('SSH-2.0-target\r\n')
  await target.peers[0]!.receives(ssh)
  peer.send('one ')
  await target.peers[0]!.receives('one ')
  target.peers[0]!.send('two')
  await peer.receives('two')
  assert.deepEqual([serving.server.stats().forwarded, serving.server.stats().clients], [1, 0])
  peer.finish()
  target.peers[0]!.finish()
  await empty(serving)
  assert.deepEqual(serving.errors, [])
})

test('a client that has ended its side still gets its answer', async (t) => {
  const target = await startTarget(t)
  const serving = await serve(t)
  serving.server.route('ssh', { port: target.port })
  const peer = await join(t, serving.port)
  peer.send(ssh)
  await until(() => target.peers.length === 1)
  peer.finish('request')
  await until(() => target.peers[0]!.ended)
  assert.equal(target.peers[0]!.text, `${ssh}request`)
  await sleep(20)
  assert.equal(peer.ended, false)
  target.peers[0]!.finish('answer')
  assert.equal(await peer.finished(), 'answer')
  await empty(serving)
})

test('one that has ended it before it was recognised does, too', async (t) => {
  const target = await startTarget(t, (socket) => socket.on('end', () => socket.end('answer')))
  const serving = await serve(t)
  serving.server.route('raw', { port: target.port })
  for (const text of ['S', 'GET', 'hello']) {
    const peer = await join(t, serving.port)
    peer.finish(text)
    assert.equal(await peer.finished(), 'answer')
    assert.equal(target.peers.at(-1)!.text, text)
  }
  await empty(serving)
})

test('a target that has ended its side still gets what the client sends', async (t) => {
  const target = await startTarget(t, (socket) => socket.end('goodbye'))
  const serving = await serve(t)
  serving.server.route('ssh', { port: target.port })
  const peer = await join(t, serving.port)
  peer.send(ssh)
  assert.equal(await peer.finished(), 'goodbye')
  await sleep(20)
  peer.send('last words')
  await target.peers[0]!.receives('last words')
  peer.finish()
  await until(() => target.peers[0]!.ended)
  await empty(serving)
})

test('inside TLS, what was decrypted', async (t) => {
  const target = await startTarget(t, (socket) => void socket.pipe(socket))
  const serving = await serve(t, { key, cert })
  serving.server.route('ssh', { port: target.port })
  const peer = await joinTls(t, serving.port)
  peer.send(ssh)
  await peer.receives(ssh)
  peer.finish('more')
  assert.equal(await peer.finished(), `${ssh}more`)
  await empty(serving)
})

test('TLS for a server name passes through undecrypted; other names are served here', async (t) => {
  const other = createTlsServer({ key, cert }, (socket) => socket.end(`behind ${socket.alpnProtocol}`))
  other.listen(0, '127.0.0.1')
  t.after(() => other.close())
  const { port } = await new Promise<{ port: number }>((resolve) =>
    other.on('listening', () => resolve(other.address() as { port: number })),
  )
  const serving = await serve(t, { key, cert })
  serving.server.route({ sni: '*.pass.example' }, { port })
  const passed = await joinTls(t, serving.port, { servername: 'A.Pass.example', ALPNProtocols: ['x'] })
  assert.equal(await passed.finished(), 'behind false')
  for (const servername of ['pass.example', 'other.example', '']) {
    const served = await joinTls(t, serving.port, { servername })
    await served.send('hello\n').receives('hello\n')
  }
})

test('without a certificate there is still TLS for those who have a route', async (t) => {
  const target = await startTarget(t)
  const serving = await serve(t)
  serving.server.route({ sni: 'a.example' }, { port: target.port })
  const failed = joinTls(t, serving.port, { servername: 'b.example' })
  await assert.rejects(failed, /handshake failure/)
  assert.deepEqual(serving.errors, ['ERR_TLS_UNAVAILABLE'])
  void joinTls(t, serving.port, { servername: 'a.example' }).catch(() => {})
  await until(() => (target.peers[0]?.length ?? 0) > 100)
  assert.equal(target.peers[0]!.received[0], 22)
})

for (const version of [1, 2] as const) {
  test(`who the client is goes ahead in a PROXY header, version ${version}`, async (t) => {
    const target = await startTarget(t)
    const serving = await serve(t)
    serving.server.route('ssh', { port: target.port, proxyProtocol: version })
    const peer = await join(t, serving.port)
    peer.send(ssh)
    await until(() => target.peers[0]?.text.endsWith(ssh) === true)
    const { received } = target.peers[0]!
    const reader = new ProxyHeaderReader()
    const pos = reader.push(received, 0, received.length)
    assert.equal(received.toString('latin1', pos), ssh)
    assert.equal(reader.header!.version, version)
    assert.deepEqual(reader.header!.source, { address: '127.0.0.1', port: peer.socket.localPort })
    assert.deepEqual(reader.header!.destination, { address: '127.0.0.1', port: serving.port })
  })
}

test('the client is the one that a proxy has told of', async (t) => {
  const target = await startTarget(t)
  const serving = await serve(t, { proxy: 'required' })
  serving.server.route('ssh', { port: target.port, proxyProtocol: 1 })
  const peer = await join(t, serving.port)
  peer.send(PROXY_LINE + ssh)
  await until(() => target.peers[0]?.text.endsWith(ssh) === true)
  assert.equal(target.peers[0]!.text, PROXY_LINE + ssh)
})

test('a target that cannot be reached: the client is told by the end, the application by an error', async (t) => {
  const serving = await serve(t)
  const port = await closedPort()
  serving.server.route('ssh', { port, host: '127.0.0.1' })
  const reported: Error[] = []
  serving.server.on('clientError', (error) => reported.push(error))
  const peer = await join(t, serving.port)
  peer.send(ssh)
  assert.equal(await peer.finished(), '')
  assert.deepEqual(serving.errors, ['ERR_ROUTE_UNREACHABLE'])
  assert.match(reported[0]!.message, new RegExp(`127.0.0.1:${port} cannot be reached`))
  assert.equal((reported[0]!.cause as NodeJS.ErrnoException).code, 'ECONNREFUSED')
  peer.finish()
  await empty(serving)
})

test('a name that leads nowhere', async (t) => {
  const serving = await serve(t)
  serving.server.route('ssh', { port: 22, host: 'no-such-host.invalid' })
  const peer = await join(t, serving.port)
  peer.send(ssh).finish()
  assert.equal(await peer.finished(), '')
  assert.deepEqual(serving.errors, ['ERR_ROUTE_UNREACHABLE'])
  await empty(serving)
})

test('a target that resets: what came before is delivered', async (t) => {
  const target = await startTarget(t)
  const serving = await serve(t)
  serving.server.route('ssh', { port: target.port })
  const peer = await join(t, serving.port)
  peer.send(ssh)
  await until(() => target.peers.length === 1)
  target.peers[0]!.send('before')
  await peer.receives('before')
  target.peers[0]!.socket.resetAndDestroy()
  assert.equal(await peer.finished(), 'before')
  assert.deepEqual(serving.errors, ['ECONNRESET'])
  peer.finish()
  await empty(serving)
})

test('a client that resets: the target sees the end', async (t) => {
  const target = await startTarget(t)
  const serving = await serve(t)
  serving.server.route('ssh', { port: target.port })
  const peer = await join(t, serving.port)
  peer.send(ssh)
  await until(() => target.peers.length === 1)
  peer.socket.resetAndDestroy()
  await until(() => target.peers[0]!.ended)
  assert.deepEqual(serving.errors, ['ECONNRESET'])
  target.peers[0]!.finish()
  await empty(serving)
})

test('a client that resets while the target is connected to', async (t) => {
  const target = await startTarget(t, (socket) => socket.on('end', () => socket.end('too late')))
  const serving = await serve(t)
  serving.server.route('ssh', { port: target.port })
  for (let round = 0; round < 5; round++) {
    const peer = await join(t, serving.port)
    peer.send(ssh)
    peer.socket.resetAndDestroy()
  }
  await until(() => serving.server.stats().accepted === 5)
  await empty(serving)
})

test('a target that does not answer is given up after connectTimeout', async (t) => {
  const serving = await serve(t)
  // A target of documentation (RFC 5737) that nothing answers for; where the network says so at once, that will do, too.
  serving.server.route('ssh', { host: '192.0.2.1', port: 22, connectTimeout: 60 })
  const peer = await join(t, serving.port)
  const started = Date.now()
  peer.send(ssh).finish()
  await peer.finished()
  assert.ok(Date.now() - started < 2_000)
  assert.deepEqual(serving.errors, ['ERR_ROUTE_UNREACHABLE'])
  await empty(serving)
})

test('nothing said for idleTimeout ends it, a word in either direction does not', async (t) => {
  const target = await startTarget(t)
  const serving = await serve(t, { closeTimeout: 80 })
  serving.server.route('ssh', { port: target.port, idleTimeout: 600 })
  const [idle, active] = [await join(t, serving.port), await join(t, serving.port)]
  for (const peer of [idle, active]) peer.send(ssh)
  await until(() => target.peers.length === 2)
  const behind = target.peers.find(({ socket }) => socket.remotePort !== undefined)!
  assert.ok(behind)
  for (let round = 0; round < 10; round++) {
    active.send('.')
    await sleep(80)
  }
  await until(() => idle.ended)
  assert.equal(active.ended, false)
  assert.deepEqual(serving.errors, ['ERR_IDLE_TIMEOUT'])
  await until(() => active.ended)
  await empty(serving)
})

test('a client that never ends its side after the target is cut at closeTimeout', async (t) => {
  const target = await startTarget(t)
  const serving = await serve(t, { closeTimeout: 60 })
  serving.server.route('ssh', { port: target.port })
  const peer = await join(t, serving.port)
  peer.send(ssh)
  await until(() => target.peers.length === 1)
  target.peers[0]!.socket.resetAndDestroy()
  await peer.finished()
  await empty(serving)
})

test('a reader that is slow holds its sender, and no more than the streams keep waits here', async (t) => {
  const SIZE = 64 * 1024 * 1024
  let upstream: Socket | undefined
  const target = await startTarget(t, (socket) => {
    upstream = socket
  })
  const serving = await serve(t)
  serving.server.route('ssh', { port: target.port })
  const peer = await join(t, serving.port)
  peer.send(ssh)
  await until(() => upstream !== undefined)
  peer.socket.pause()
  const before = process.memoryUsage().arrayBuffers
  const piece = Buffer.alloc(64 * 1024)
  let written = 0
  const pump = () => {
    while (written < SIZE) {
      written += piece.length
      if (!upstream!.write(piece)) return void upstream!.once('drain', pump)
    }
    upstream!.end()
  }
  pump()
  let last = -1
  while (last !== written) {
    last = written
    await sleep(100)
  }
  assert.ok(written < SIZE / 2, `${written} bytes were taken from the sender`)
  assert.ok(process.memoryUsage().arrayBuffers - before < SIZE / 8, 'what waits is bounded')
  let read = 0
  peer.socket.removeAllListeners('data')
  peer.socket.on('data', (chunk: Buffer) => {
    read += chunk.length
  })
  peer.socket.resume()
  await until(() => read === SIZE)
  await until(() => peer.ended)
  peer.finish()
  await empty(serving)
})

test('shutdown cuts what is forwarded after its time', async (t) => {
  const target = await startTarget(t)
  const serving = await serve(t)
  serving.server.route('ssh', { port: target.port })
  const peer = await join(t, serving.port)
  peer.send(ssh)
  await until(() => target.peers.length === 1)
  const started = Date.now()
  await serving.server.shutdown({ timeout: 60 })
  assert.ok(Date.now() - started < 1_000)
  await until(() => (peer.ended || peer.closed) && target.peers[0]!.ended)
})
