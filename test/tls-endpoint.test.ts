import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import type { Client, TlsDetails } from '../src/index.ts'
import { TlsEndpoint } from '../src/node/tls/tls-endpoint.ts'
import { ClientHelloReader, ja3, ja4 } from '../src/sniff/index.ts'
import { clientCertificate } from './support/client-certificate.ts'
import { hello } from './support/hello.ts'
import { certificate, join, joinTls, Peer, type Serving, serve, until } from './support/serving.ts'
import { clientHello, PROXY_LINE } from './support/targets.ts'

const { key, cert } = certificate

async function detailsOf(serving: Serving): Promise<TlsDetails> {
  await serving.until(() => serving.clients.length > 0)
  return serving.clients.pop()!.client.tls!
}

test('what was offered and what was agreed on', async (t) => {
  const serving = await serve(t, { key, cert })
  serving.server.route({ alpn: 'own' }, (socket) => void socket.resume())
  const peer = await joinTls(t, serving.port, {
    servername: 'A.example',
    ALPNProtocols: ['x', 'http/1.1', 'own2'],
  })
  peer.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx')
  const tls = await detailsOf(serving)
  assert.deepEqual(
    [tls.version, tls.cipher, tls.serverName, tls.protocol, tls.offeredProtocols],
    ['TLSv1.3', 'TLS_AES_256_GCM_SHA384', 'a.example', 'http/1.1', ['x', 'http/1.1', 'own2']],
  )
  assert.ok(tls.offeredVersions.includes(0x0304) && tls.offeredVersions.includes(0x0303))
  assert.deepEqual(
    [tls.peerCertificate, tls.authorized, tls.authorizationError],
    [undefined, false, undefined],
  )
})

test('nothing where nothing was offered, and none in clear text', async (t) => {
  const serving = await serve(t, { key, cert })
  const peer = await joinTls(t, serving.port, { maxVersion: 'TLSv1.2' })
  await peer.send('x\n').receives('x\n')
  const tls = await detailsOf(serving)
  assert.deepEqual(
    [tls.version, tls.serverName, tls.protocol, tls.offeredProtocols],
    ['TLSv1.2', undefined, undefined, []],
  )
  assert.deepEqual(tls.offeredVersions, [0x0303])
  const plain = await join(t, serving.port)
  await plain.send('x\n').receives('x\n')
  assert.equal(serving.clients.pop()!.client.tls, undefined)
})

test('the fingerprints are those of the hello', async (t) => {
  const options: ConnectionOptions = {
    servername: 'a.example',
    ALPNProtocols: ['http/1.1'],
    minVersion: 'TLSv1.2',
  }
  const bytes = await clientHello(options)
  const reader = new ClientHelloReader()
  reader.push(bytes, 0, bytes.length)
  const md5 = (text: string) => createHash('md5').update(text, 'latin1').digest('hex')
  const sha256 = (text: string) => createHash('sha256').update(text, 'latin1').digest('hex')
  const serving = await serve(t, { key, cert })
  const peer = await joinTls(t, serving.port, options)
  peer.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx')
  const tls = await detailsOf(serving)
  assert.match(tls.ja3!, /^[0-9a-f]{32}$/)
  assert.match(tls.ja4!, /^t13d\d{4}h1_[0-9a-f]{12}_[0-9a-f]{12}$/)
  assert.equal(tls.ja3, ja3(reader.hello!, { md5 }))
  assert.equal(tls.ja4, ja4(reader.hello!, { protocol: 't', sha256 }))
})

test('a hello that could not be read leaves what node:tls knows', () => {
  const socket = {
    getProtocol: () => 'TLSv1.3',
    getCipher: () => null,
    alpnProtocol: false,
    servername: false,
  }
  const endpoint = new TlsEndpoint(socket as unknown as TLSSocket, { remoteAddress: '192.0.2.1' }, undefined)
  assert.deepEqual(
    [
      endpoint.version,
      endpoint.cipher,
      endpoint.ja3,
      endpoint.ja4,
      endpoint.offeredProtocols,
      endpoint.offeredVersions,
    ],
    ['TLSv1.3', undefined, undefined, undefined, [], []],
  )
  assert.deepEqual(
    [endpoint.serverName, endpoint.protocol, endpoint.remoteAddress],
    [undefined, undefined, '192.0.2.1'],
  )
  assert.equal(endpoint.tls, endpoint)
})

test('a name that Node does not tell is the one of the hello', () => {
  const reader = new ClientHelloReader()
  const bytes = hello({ extensions: [0], serverName: 'a.example' })
  reader.push(bytes, 0, bytes.length)
  const endpoint = new TlsEndpoint({ servername: false } as unknown as TLSSocket, {}, reader.hello!)
  assert.equal(endpoint.serverName, 'a.example')
})

test('once the connection is closed nothing of it throws', async (t) => {
  const serving = await serve(t, { key, cert })
  const gone: Client[] = []
  const seen: unknown[] = []
  serving.server.on('clientDisconnect', (client) => {
    const { version, cipher, peerCertificate, protocol, ja3: fingerprint } = client.tls!
    seen.push(version, cipher, peerCertificate, protocol, typeof fingerprint)
    gone.push(client)
  })
  const peer = await joinTls(t, serving.port)
  await peer.send('x\n').receives('x\n')
  peer.socket.destroy()
  await until(() => gone.length === 1)
  assert.deepEqual(seen, [undefined, undefined, undefined, undefined, 'string'])
  assert.equal(gone[0]!.remoteAddress, '127.0.0.1')
})

const own = clientCertificate('client.example')

test('a certificate of the client that is asked for, and believed', async (t) => {
  const serving = await serve(t, { key, cert, requestCert: true, ca: own.cert })
  const peer = await joinTls(t, serving.port, { key: own.key, cert: own.cert })
  await peer.send('x\n').receives('x\n')
  const tls = await detailsOf(serving)
  assert.equal(tls.peerCertificate!.subject, 'CN=client.example')
  assert.deepEqual([tls.authorized, tls.authorizationError], [true, undefined])
})

test('one that is not believed is refused, and so is none', async (t) => {
  const serving = await serve(t, { key, cert, requestCert: true, ca: own.cert })
  const stranger = clientCertificate('stranger.example')
  for (const shown of [{}, { key: stranger.key, cert: stranger.cert }]) {
    const peer = await joinTls(t, serving.port, shown)
    peer.send('x\n')
    await until(() => peer.closed)
  }
  await until(() => serving.errors.length === 2)
  assert.deepEqual(new Set(serving.errors), new Set(['ERR_TLS_HANDSHAKE']))
  assert.deepEqual(serving.messages, [])
})

test('with rejectUnauthorized: false the application decides', async (t) => {
  const options = {
    key,
    cert,
    requestCert: true,
    rejectUnauthorized: false,
    ca: own.cert,
    sni: { 'a.example': certificate },
  }
  const serving = await serve(t, options)
  const stranger = clientCertificate('stranger.example')
  const cases: [
    shown: ConnectionOptions,
    subject: string | undefined,
    authorized: boolean,
    error: string | undefined,
  ][] = [
    [{}, undefined, false, 'UNABLE_TO_GET_ISSUER_CERT'],
    [{ key: stranger.key, cert: stranger.cert }, 'CN=stranger.example', false, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    [{ key: own.key, cert: own.cert }, 'CN=client.example', true, undefined],
    [{ key: own.key, cert: own.cert, servername: 'a.example' }, 'CN=client.example', true, undefined],
  ]
  for (const [shown, subject, authorized, error] of cases) {
    const peer = await joinTls(t, serving.port, shown)
    await peer.send('x\n').receives('x\n')
    const tls = await detailsOf(serving)
    assert.deepEqual(
      [tls.peerCertificate?.subject, tls.authorized, tls.authorizationError],
      [subject, authorized, error],
    )
  }
})

test('behind a proxy it is where the proxy says, over TLS all the same', async (t) => {
  const serving = await serve(t, { key, cert, proxy: 'required' })
  const peer = await join(t, serving.port)
  peer.socket.removeAllListeners('data')
  peer.send(PROXY_LINE)
  const socket = connectTls({ socket: peer.socket, rejectUnauthorized: false, servername: 'a.example' })
  await once(socket, 'secureConnect')
  await new Peer(socket).send('x\n').receives('x\n')
  const { client } = serving.clients[0]!
  assert.deepEqual(
    [
      client.remoteAddress,
      client.remotePort,
      client.remoteFamily,
      client.localPort,
      client.servername,
      client.encrypted,
    ],
    ['192.0.2.1', 56324, 'IPv4', 443, 'a.example', true],
  )
})
