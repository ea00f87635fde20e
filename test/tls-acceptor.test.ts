import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { certificate, join, joinTls, type Peer, serve } from './support/serving.ts'

const { key, cert } = certificate

test('raw over TLS, and what is left at the end is delivered', async (t) => {
  const serving = await serve(t, { key, cert })
  const peer = await joinTls(t, serving.port)
  peer.send('one\ntw')
  await peer.receives('one\n')
  peer.finish('o')
  assert.equal(await peer.finished(), 'one\ntwo\n')
  assert.equal(serving.clients[0]!.client.encrypted, true)
  assert.deepEqual(serving.messages, ['one', 'two'])
  await serving.until(() => serving.log.includes('disconnect raw'))
})

test('a silent client over TLS is raw after the sniff timeout', async (t) => {
  const serving = await serve(t, { key, cert, sniffTimeout: 50 })
  serving.server.on('clientConnect', (_client, writer) => writer.write('welcome'))
  const peer = await joinTls(t, serving.port)
  await peer.receives('welcome\n')
})

for (const ALPNProtocols of [undefined, ['http/1.1'], ['http/1.1', 'spdy/1']]) {
  test(`HTTP over TLS with ALPN ${ALPNProtocols ?? 'none'}`, async (t) => {
    const serving = await serve(t, { key, cert })
    const peer = await joinTls(t, serving.port, {
      servername: 'localhost',
      ...(ALPNProtocols && { ALPNProtocols }),
    })
    peer.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi')
    await peer.receives('\r\n\r\nhi')
    assert.equal(serving.clients[0]!.client.protocol, 'http')
    assert.equal(serving.clients[0]!.client.servername, 'localhost')
  })
}

test('after ALPN http/1.1 nothing is raw', async (t) => {
  const serving = await serve(t, { key, cert })
  const peer = await joinTls(t, serving.port, { ALPNProtocols: ['http/1.1'] })
  peer.send('hello\n')
  assert.match(await peer.finished(), /^HTTP\/1\.1 400 /)
  assert.deepEqual(serving.messages, [])
})

test('a client that offers only protocols that are not spoken is refused by alert', async (t) => {
  const serving = await serve(t, { key, cert })
  const socket = connectTls({
    port: serving.port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    ALPNProtocols: ['spdy/1'],
  })
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
  assert.match(error.message, /no application protocol/)
  await serving.until(() => serving.errors.length === 1)
})

test('plain and encrypted clients share the port', async (t) => {
  const serving = await serve(t, { key, cert })
  const [plain, encrypted] = [await join(t, serving.port), await joinTls(t, serving.port)]
  plain.send('plain\n')
  encrypted.send('encrypted\n')
  await plain.receives('plain\n')
  await encrypted.receives('encrypted\n')
  assert.deepEqual(serving.server.stats().verdicts, { tls: 1, raw: 2 })
})

test('without a certificate a ClientHello is refused with an alert, and the server lives', async (t) => {
  const serving = await serve(t)
  const socket = connectTls({ port: serving.port, host: '127.0.0.1', rejectUnauthorized: false })
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
  assert.match(error.message, /handshake failure/)
  await serving.until(() => serving.errors.length === 1)
  assert.deepEqual(serving.errors, ['ERR_TLS_UNAVAILABLE'])
  const peer = await join(t, serving.port)
  await peer.send('still here\n').receives('still here\n')
})

/** A real ClientHello, taken from a client that is not answered. */
async function clientHello(): Promise<Buffer> {
  const { Duplex } = await import('node:stream')
  return new Promise((resolve) => {
    const wire = new Duplex({ read() {}, write: (chunk) => resolve(chunk) })
    connectTls({ socket: wire, rejectUnauthorized: false }).on('error', () => {})
  })
}

test('a ClientHello cut at every offset still leads to a handshake', async (t) => {
  const serving = await serve(t, { key, cert })
  const hello = await clientHello()
  assert.ok(hello.length > 100)
  const offsets = [...Array.from({ length: 16 }, (_, index) => index + 1), 50, 100, hello.length - 1]
  await Promise.all(
    offsets.map(async (offset) => {
      const peer = await join(t, serving.port)
      peer.send(hello.subarray(0, offset))
      await sleep(10)
      peer.send(hello.subarray(offset))
      // RFC 8446 §5.1: a handshake record
      await serving.until(() => peer.received[0] === 22)
    }),
  )
})

test('a ClientHello that comes to nothing is contained', async (t) => {
  const serving = await serve(t, { key, cert, handshakeTimeout: 80 })
  const hello = await clientHello()
  const garbled = Buffer.from(hello)
  garbled.fill(0xff, 20, 60)
  const cases = {
    stalled: hello.subarray(0, 40),
    garbled,
    'hello, then noise': Buffer.concat([hello, Buffer.alloc(100, 0x41)]),
  }
  for (const [name, bytes] of Object.entries(cases)) {
    const peer: Peer = await join(t, serving.port)
    peer.send(bytes)
    await serving.until(() => peer.ended || peer.closed)
    assert.equal(serving.messages.length, 0, name)
  }
  const reset = await join(t, serving.port)
  reset.send(hello)
  reset.socket.resetAndDestroy()
  assert.equal(serving.server.stats().clients, 0)
  await serving.until(() => serving.server.stats().handshaking === 0)
  const peer = await joinTls(t, serving.port)
  await peer.send('alive\n').receives('alive\n')
})

test('TLS inside TLS is refused', async (t) => {
  const serving = await serve(t, { key, cert })
  const peer = await joinTls(t, serving.port)
  peer.send(await clientHello())
  assert.equal(Buffer.from(await peer.finished(), 'latin1').toString('hex'), '15030100020228')
  assert.deepEqual(serving.errors, ['ERR_TLS_INSIDE_TLS'])
})

test('shutdown does not wait for handshakes', async (t) => {
  const serving = await serve(t, { key, cert })
  const peer = await join(t, serving.port)
  peer.send(await clientHello())
  await serving.until(() => serving.server.stats().handshaking === 1)
  await serving.server.shutdown({ timeout: 2_000 })
  assert.equal(serving.server.stats().handshaking, 0)
})
