import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { Server } from '../src/index.ts'
import { certificate, join, joinTls, Peer, serve, until } from './support/serving.ts'
import { clientHello } from './support/targets.ts'

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
  const serving = await serve(t, { key, cert, sniffTimeout: 300 })
  serving.server.on('clientConnect', (_client, writer) => writer.write('welcome'))
  const peer = await joinTls(t, serving.port)
  await peer.receives('welcome\n')
})

for (const ALPNProtocols of [undefined, ['http/1.1'], ['http/1.1', 'spdy/1'], ['http/1.0']]) {
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

test('HTTP/1.0 by ALPN, for who offers nothing newer, is HTTP as well, and never raw', async (t) => {
  const serving = await serve(t, { key, cert })
  const both = await joinTls(t, serving.port, { ALPNProtocols: ['http/1.0', 'http/1.1'] })
  assert.equal((both.socket as TLSSocket).alpnProtocol, 'http/1.1')
  const peer = await joinTls(t, serving.port, { ALPNProtocols: ['http/1.0'] })
  peer.send('POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi')
  assert.match(await peer.finished(), /\r\n\r\nhi$/)
  assert.equal(serving.clients[0]!.client.version, '1.0')
  const other = await joinTls(t, serving.port, { ALPNProtocols: ['http/1.0'] })
  assert.match(await other.send('hello\n').finished(), /^HTTP\/1\.1 400 /)
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
  const serving = await serve(t, { key, cert, sniffTimeout: 300, handshakeTimeout: 600 })
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

test('the time of a handshake runs from accept, and no drip refreshes it', async (t) => {
  const serving = await serve(t, { key, cert, handshakeTimeout: 150, sniffTimeout: 1_000 })
  const peer = await join(t, serving.port)
  const started = Date.now()
  await sleep(80)
  peer.send(await clientHello())
  await serving.until(() => serving.server.stats().handshaking === 1)
  // The header of a record of 16 KiB, and its bytes one by one.
  peer.send(Buffer.of(23, 3, 3, 0x40, 0))
  while (!peer.ended && !peer.closed && Date.now() - started < 2_000) {
    peer.send('x')
    await sleep(10)
  }
  assert.ok(Date.now() - started < 1_500, `${Date.now() - started} ms`)
  assert.deepEqual(serving.errors, ['ERR_TLS_HANDSHAKE_TIMEOUT'])
  assert.equal(serving.server.stats().handshaking, 0)
})

test('a limit of time that is switched off is none', async (t) => {
  const serving = await serve(t, { key, cert, handshakeTimeout: Number.POSITIVE_INFINITY })
  const peer = await joinTls(t, serving.port)
  await peer.send('hello\n').receives('hello\n')
})

test('who ends its side within the handshake is gone at once', async (t) => {
  const serving = await serve(t, { key, cert })
  const peer = await join(t, serving.port)
  peer.send(await clientHello())
  await serving.until(() => serving.server.stats().handshaking === 1)
  peer.finish()
  await serving.until(() => serving.server.stats().handshaking === 0)
  assert.deepEqual(serving.errors, ['ERR_TLS_HANDSHAKE'])
})

test('sockets of the file system, whose addresses are all alike, are told apart', async (t) => {
  const folder = await mkdtemp(joinPath(tmpdir(), 'portmanteau-'))
  t.after(() => rm(folder, { recursive: true }))
  const path = joinPath(folder, 'socket')
  const names: (string | undefined)[] = []
  const server = new Server(
    (message, client, writer) => {
      names.push(client.tls?.offeredProtocols[0])
      writer.write(message)
    },
    { key, cert, maxConnectionsPerAddress: 1, flashPolicy: [{ domain: '*' }] },
  )
  t.after(() => server.shutdown({ timeout: 5 }))
  server.listen(path)
  await once(server, 'listening')
  const sockets = [1, 2, 3].map((count) =>
    connectTls({ path, rejectUnauthorized: false, ALPNProtocols: [`${count}`, 'http/1.1'] }),
  )
  await Promise.all(sockets.map((socket) => once(socket, 'secureConnect')))
  const request = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi'
  for (const socket of [...sockets].reverse()) {
    const peer = new Peer(socket)
    await peer.send(request).receives('\r\n\r\nhi')
    socket.destroy()
  }
  assert.deepEqual(names, ['3', '2', '1'])
  const flash = new Peer(connect(path))
  await flash.send('<policy-file-request/>\0').receives('</cross-domain-policy>')
})

test('a session goes on: with and without a name, and after certificates were replaced', async (t) => {
  const serving = await serve(t, { key, cert, sni: { 'a.example': certificate } })
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    for (const servername of ['', 'a.example']) {
      let session: Buffer | undefined
      const at = { port: serving.port, host: '127.0.0.1', rejectUnauthorized: false }
      const first = connectTls({ ...at, maxVersion, servername }).on('session', (given) => {
        session = given
      })
      t.after(() => first.destroy())
      await new Peer(first).send('hello\n').receives('hello\n')
      await until(() => session !== undefined)
      const second = await joinTls(t, serving.port, { maxVersion, servername, session: session! })
      await second.send('again\n').receives('again\n')
      assert.equal((second.socket as TLSSocket).isSessionReused(), true, `${maxVersion} ${servername}`)
      assert.equal(serving.clients.at(-1)!.client.servername, servername || undefined)
    }
  }
  serving.server.setSecureContext({ key, cert })
  const peer = await joinTls(t, serving.port)
  await peer.send('new\n').receives('new\n')
})

test('NUL in a server name, and a name in another case', async (t) => {
  const serving = await serve(t, { key, cert, sni: { 'a.example': certificate } })
  const hello = Buffer.from(await clientHello({ servername: 'a.example' }))
  hello[hello.indexOf('a.example') + 1] = 0
  const peer = await join(t, serving.port)
  peer.send(hello)
  await until(() => peer.ended || peer.closed)
  assert.equal(peer.received[0], 0x15, 'an alert')
  assert.deepEqual(serving.errors, ['ERR_TLS_HANDSHAKE'])
  const upper = await joinTls(t, serving.port, { servername: 'A.EXAMPLE' })
  await upper.send('hello\n').receives('hello\n')
  assert.equal(serving.clients.at(-1)!.client.tls!.serverName, 'a.example')
})

test('a reset at any time of a handshake is contained', async (t) => {
  const serving = await serve(t, { key, cert })
  const hello = await clientHello()
  for (const length of [0, 5, 6, hello.length - 1, hello.length]) {
    for (const wait of [0, 2]) {
      const peer = await join(t, serving.port)
      peer.send(hello.subarray(0, length))
      await sleep(wait)
      peer.socket.resetAndDestroy()
    }
  }
  await until(() => {
    const { sniffing, handshaking, connections } = serving.server.stats()
    return sniffing + handshaking + connections === 0
  })
  const peer = await joinTls(t, serving.port)
  await peer.send('alive\n').receives('alive\n')
})

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`where clients show certificates no session goes on: ${maxVersion}`, async (t) => {
    const serving = await serve(t, {
      key,
      cert,
      requestCert: true,
      rejectUnauthorized: false,
      sniffTimeout: 300,
    })
    const meet = async (session?: Buffer): Promise<{ reused: boolean; session: Buffer | undefined }> => {
      const at = { port: serving.port, host: '127.0.0.1', rejectUnauthorized: false, maxVersion }
      const socket = connectTls({ ...at, ...(session && { session }) })
      t.after(() => socket.destroy())
      let latest: Buffer | undefined
      socket.on('session', (given: Buffer) => {
        latest = given
      })
      await once(socket, 'secureConnect')
      socket.write('hello\n')
      await once(socket, 'data')
      return { reused: socket.isSessionReused(), session: latest ?? socket.getSession() }
    }
    const { session } = await meet()
    assert.equal((await meet(session)).reused, false)
  })
}
