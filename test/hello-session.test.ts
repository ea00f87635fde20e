import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { hello } from './support/hello.ts'
import { certificate, join, joinTls, serve, until } from './support/serving.ts'
import { deliveries } from './support/splits.ts'
import { ask, clientHello, PROXY_LINE, startTarget } from './support/targets.ts'

const { key, cert } = certificate

/** With server name and ALPN, as a client has it. */
const HELLO = hello({ extensions: [0, 10, 13, 16, 43], serverName: 'a.example', protocols: ['h2'] })

/** The same message in records of `size` bytes. */
function inRecords(whole: Uint8Array, size: number): Uint8Array {
  const message = whole.subarray(5)
  const records: number[] = []
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size)
    records.push(0x16, 3, 1, part.length >> 8, part.length & 0xff, ...part)
  }
  return Uint8Array.from(records)
}

/** A hello of about so many bytes, for the sake of its length. */
function large(bytes: number): Uint8Array {
  const protocols = Array.from({ length: Math.ceil(bytes / 200) }, () => 'x'.repeat(199))
  return hello({ extensions: [0, 16], serverName: 'a.example', protocols })
}

test('a route for a server name gets the hello from its first byte, at every split', async (t) => {
  const target = await startTarget(t)
  const serving = await serve(t)
  serving.server.route({ sni: 'a.example' }, { port: target.port })
  let sent = 0
  for (const { chunks } of deliveries(HELLO)) {
    if (++sent % 7 > 2) continue
    const peer = await join(t, serving.port)
    for (const chunk of chunks) {
      peer.send(chunk)
      if (chunks.length === 2) await sleep(1)
    }
    const before = target.peers.length
    await until(() => target.peers.length > before || target.peers.at(-1)?.length === HELLO.length)
    await until(() => target.peers.at(-1)!.length === HELLO.length)
    assert.deepEqual(Uint8Array.from(target.peers.at(-1)!.received), HELLO)
    peer.socket.destroy()
  }
})

test('in many records and packets, and what follows it', async (t) => {
  const target = await startTarget(t)
  const serving = await serve(t)
  serving.server.route({ sni: 'a.example' }, { port: target.port })
  for (const bytes of [inRecords(HELLO, 1), inRecords(HELLO, 16), inRecords(large(15_000), 1_000)]) {
    const before = target.peers.length
    const peer = await join(t, serving.port)
    for (let at = 0; at < bytes.length; at += 1 + (bytes.length >> 4)) {
      peer.send(bytes.slice(at, at + 1 + (bytes.length >> 4)))
      await sleep(1)
    }
    peer.send('early data')
    await until(() => target.peers[before]?.text.endsWith('early data') === true)
    assert.deepEqual(Uint8Array.from(target.peers[before]!.received.subarray(0, bytes.length)), bytes)
  }
})

test('for `tls` nothing of it has to be read; a server name is more exact', async (t) => {
  const [all, one] = [await startTarget(t), await startTarget(t)]
  const serving = await serve(t, { key, cert })
  serving.server.route('tls', { port: all.port })
  const first = await join(t, serving.port)
  first.send(HELLO.slice(0, 6))
  await until(() => all.peers[0]?.length === 6)
  serving.server.route({ sni: 'a.example' }, { port: one.port })
  const second = await join(t, serving.port)
  second.send(HELLO)
  await until(() => one.peers[0]?.length === HELLO.length)
  const third = await join(t, serving.port)
  third.send(hello({ extensions: [0], serverName: 'b.example' }))
  await until(() => all.peers.length === 2)
})

test('without a certificate and without a route it is refused at once', async (t) => {
  const serving = await serve(t)
  const peer = await join(t, serving.port)
  peer.send(HELLO.slice(0, 6))
  assert.equal(Buffer.from(await peer.finished(), 'latin1').toString('hex'), '15030100020228')
  assert.deepEqual(serving.errors, ['ERR_TLS_UNAVAILABLE'])
  assert.deepEqual([serving.server.stats().sniffing, serving.server.stats().refused], [0, 1])
})

test('a hello that cannot be read is refused where its name could be that of a route', async (t) => {
  const target = await startTarget(t)
  const serving = await serve(t, { key, cert })
  serving.server.route({ sni: 'a.example' }, { port: target.port })
  const unreadable: [bytes: Uint8Array, code: string][] = [
    [hello({ extensions: [0], serverName: 'a.example\0.b' }), 'ERR_CLIENT_HELLO_SERVER_NAME_INVALID'],
    [hello({ extensions: [0, 0], serverName: 'a.example' }), 'ERR_CLIENT_HELLO_EXTENSION_REPEATED'],
    [inRecords(large(17_000), 16_000), 'ERR_CLIENT_HELLO_TOO_LARGE'],
  ]
  for (const [bytes, code] of unreadable) {
    const peer = await join(t, serving.port)
    peer.send(bytes)
    assert.equal(Buffer.from(await peer.finished(), 'latin1').toString('hex'), '15030100020228')
    assert.equal(serving.errors.pop(), code)
  }
  assert.equal(target.peers.length, 0)
})

test('without such routes it goes to node:tls, which answers with an alert of its own', async (t) => {
  const serving = await serve(t, { key, cert })
  for (const bytes of [
    hello({ extensions: [0], serverName: 'a.example\0.b' }),
    inRecords(hello({ extensions: [0, 0] }), 5),
  ]) {
    const peer = await join(t, serving.port)
    peer.send(bytes)
    await until(() => peer.closed || peer.ended)
    assert.equal(peer.received[0], 0x15, 'an alert')
    assert.equal(peer.received[5], 2, 'a fatal one')
  }
  assert.deepEqual(new Set(serving.errors), new Set(['ERR_TLS_HANDSHAKE']))
})

test('a slow hello is waited for until the sniff deadline, however it drips', async (t) => {
  const serving = await serve(t, { key, cert, sniffTimeout: 300 })
  const peer = await join(t, serving.port)
  const started = Date.now()
  peer.send(HELLO.slice(0, 10))
  for (const byte of HELLO.slice(10)) {
    if (peer.closed || peer.ended) break
    peer.send(Uint8Array.of(byte))
    await sleep(10)
  }
  await until(() => peer.closed || peer.ended)
  assert.ok(Date.now() - started < 1_200)
  assert.deepEqual(serving.errors, ['ERR_TLS_HANDSHAKE_TIMEOUT'])
  assert.equal(serving.server.stats().timeouts, 1)
})

test('it counts as not recognised to its end', async (t) => {
  const serving = await serve(t, { key, cert, maxSniffing: 2 })
  const [one, other] = [await join(t, serving.port), await join(t, serving.port)]
  one.send(HELLO.slice(0, 20))
  other.send(await clientHello())
  await until(() => serving.server.stats().handshaking === 1)
  assert.equal(serving.server.stats().sniffing, 1)
  const third = await join(t, serving.port)
  await until(() => third.closed || third.ended)
  assert.equal(serving.server.stats().dropped, 1)
  one.finish()
  await until(() => one.closed || one.ended)
  other.socket.destroy()
  await until(() => serving.server.stats().handshaking === 0 && serving.server.stats().sniffing === 0)
  const fourth = await joinTls(t, serving.port)
  await fourth.send('room again\n').receives('room again\n')
})

test('a drip of a hello costs its bytes, and no object each', async (t) => {
  const serving = await serve(t, { key, cert, bufferLimit: 100_000 })
  const peer = await join(t, serving.port)
  const bytes = large(15_000)
  for (let at = 0; at < bytes.length - 1; at += 500) {
    peer.send(bytes.slice(at, Math.min(at + 500, bytes.length - 1)))
    await sleep(1)
  }
  await sleep(20)
  assert.deepEqual([serving.errors, peer.ended], [[], false])
})

test('from a proxy that has not told who is there TLS is not passed on', async (t) => {
  const target = await startTarget(t)
  const serving = await serve(t, { proxy: 'required' })
  serving.server.route({ sni: 'a.example' }, { port: target.port, proxyProtocol: 1 })
  assert.equal(await ask(t, serving.port, HELLO), '')
  assert.deepEqual(serving.errors, ['ERR_PROXY_MISSING'])
  const peer = await join(t, serving.port)
  peer.send(PROXY_LINE).send(HELLO)
  await until(() => target.peers[0]?.length === PROXY_LINE.length + HELLO.length)
  assert.ok(target.peers[0]!.text.startsWith(PROXY_LINE))
})
