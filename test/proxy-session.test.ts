import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import type { Client, ServerOptions } from '../src/index.ts'
import { formatProxyHeader, ProxySslClient } from '../src/sniff/index.ts'
import { post } from './support/http-rows.ts'
import { certificate, join, Peer, type Serving, serve, until } from './support/serving.ts'
import { deliveries } from './support/splits.ts'
import { ask, OPENINGS, PROXY_LINE } from './support/targets.ts'

const { key, cert } = certificate

const source = { address: '2001:db8::7', port: 1000 }
const destination = { address: '2001:db8::1', port: 443 }
const V2 = formatProxyHeader({
  version: 2,
  source,
  destination,
  tlvs: { crc32c: true, authority: 'A.example' },
})
const LOCAL = formatProxyHeader({ version: 2, command: 'LOCAL' })

/** Where a client is, in one line. */
function place(client: Client): string {
  const { remoteAddress, remotePort, remoteFamily, localAddress, localPort } = client
  return `${remoteAddress} ${remotePort} ${remoteFamily} ${localAddress} ${localPort}`
}

const LINE_PLACE = '192.0.2.1 56324 IPv4 198.51.100.1 443'
const V2_PLACE = '2001:db8::7 1000 IPv6 2001:db8::1 443'

async function latestPlace(serving: Serving): Promise<string> {
  await serving.until(() => serving.clients.length > 0)
  return place(serving.clients.pop()!.client)
}

for (const [version, header, expected] of [
  [1, Buffer.from(PROXY_LINE), LINE_PLACE],
  [2, V2, V2_PLACE],
] as const) {
  test(`version ${version}, at every split: the client is who the proxy says`, async (t) => {
    const serving = await serve(t, { proxy: 'required' })
    const bytes = Buffer.concat([header, Buffer.from('hello\n')])
    for (const { how, chunks } of deliveries(bytes)) {
      const peer = await join(t, serving.port)
      for (const chunk of chunks) {
        peer.send(chunk)
        if (chunks.length === 2) await sleep(1)
      }
      peer.finish()
      assert.equal(await peer.finished(), 'hello\n', how)
      assert.equal(await latestPlace(serving), expected, how)
    }
    assert.deepEqual(serving.errors, [])
  })
}

for (const [name, header] of [
  ['LOCAL', LOCAL],
  ['UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n')],
  ['UNKNOWN with addresses', Buffer.from('PROXY UNKNOWN 192.0.2.1 192.0.2.2 1 2\r\n')],
] as const) {
  test(`${name} keeps the address of the connection`, async (t) => {
    const serving = await serve(t, { proxy: { trusted: ['127.0.0.1'] } })
    const peer = await join(t, serving.port)
    await peer.send(header).send('hello\n').receives('hello\n')
    const { remoteAddress, localPort } = serving.clients[0]!.client
    assert.deepEqual([remoteAddress, localPort], ['127.0.0.1', serving.port])
  })
}

const protocols: [name: string, options: ServerOptions, bytes: string, answer: string][] = [
  ['HTTP', {}, post('hi'), '\r\n\r\nhi'],
  ['HTTP for the application', {}, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', '405'],
  ['Flash', { flashPolicy: [{ domain: '*' }] }, OPENINGS.flashPolicy!, 'to-ports="443"'],
]

for (const [name, options, bytes, answer] of protocols) {
  test(`${name} behind a header`, async (t) => {
    const serving = await serve(t, { proxy: 'required', ...options })
    const peer = await join(t, serving.port)
    await peer.send(PROXY_LINE + bytes).receives(answer)
  })
}

test('an application of node:http is shown the client', async (t) => {
  const serving = await serve(t, { proxy: 'required' })
  serving.server.on('request', ({ socket }, response) => {
    response.end(`${socket.remoteAddress} ${socket.remotePort} ${socket.localPort}`)
  })
  const peer = await join(t, serving.port)
  await peer.send(`${PROXY_LINE}GET / HTTP/1.1\r\nHost: a\r\n\r\n`).receives('192.0.2.1 56324 443')
})

test('a function that a route leads to is shown the client', async (t) => {
  const serving = await serve(t, { proxy: 'required' })
  serving.server.route('ssh', (socket) => void socket.end(`${socket.remoteAddress} ${socket.remoteFamily}`))
  assert.equal(await ask(t, serving.port, PROXY_LINE + OPENINGS.ssh), '192.0.2.1 IPv4')
})

/** TLS on a connection on which something was said before. */
async function startTls(peer: Peer, ALPNProtocols: string[] = []): Promise<Peer> {
  const socket = connectTls({ socket: peer.socket, rejectUnauthorized: false, ALPNProtocols })
  await once(socket, 'secureConnect')
  return new Peer(socket)
}

test('before TLS', async (t) => {
  const serving = await serve(t, { key, cert, proxy: 'required' })
  const peer = await join(t, serving.port)
  peer.socket.removeAllListeners('data')
  peer.send(PROXY_LINE)
  const inside = await startTls(peer)
  await inside.send('hello\n').receives('hello\n')
  assert.equal(place(serving.clients[0]!.client), LINE_PLACE)
  assert.equal(serving.clients[0]!.client.encrypted, true)
})

for (const [name, header] of [
  ['a client', PROXY_LINE],
  ['nothing (LOCAL)', LOCAL],
] as const) {
  test(`once only: a header before TLS that has told of ${name}, and another one inside`, async (t) => {
    const serving = await serve(t, { key, cert, proxy: 'required' })
    const peer = await join(t, serving.port)
    peer.socket.removeAllListeners('data')
    peer.send(header)
    const inside = await startTls(peer)
    inside.send(PROXY_LINE)
    await until(() => inside.closed || inside.ended)
    assert.deepEqual([serving.errors, serving.messages], [['ERR_PROXY_UNEXPECTED'], []])
  })
}

test('once only: a second one behind the first', async (t) => {
  const serving = await serve(t, { proxy: 'required' })
  assert.equal(await ask(t, serving.port, PROXY_LINE + PROXY_LINE), '')
  assert.deepEqual(serving.errors, ['ERR_PROXY_UNEXPECTED'])
})

const inside: [alpn: string | undefined, bytes: string, answer: RegExp][] = [
  [undefined, 'hello\n', /^hello\n$/],
  [undefined, post('hi'), /\r\n\r\nhi$/],
  ['http/1.1', post('hi'), /\r\n\r\nhi$/],
  ['own', 'hello', /^192\.0\.2\.1 hello$/],
]

for (const [alpn, bytes, answer] of inside) {
  test(`inside TLS, with ALPN ${alpn ?? 'none'}: ${JSON.stringify(bytes.slice(0, 5))}`, async (t) => {
    const serving = await serve(t, { key, cert, proxy: { trusted: ['127.0.0.0/8'] } })
    serving.server.route({ alpn: 'own' }, (socket) => {
      socket.once('data', (chunk) => socket.end(`${socket.remoteAddress} ${chunk}`))
    })
    for (const pieces of [
      [PROXY_LINE + bytes],
      [PROXY_LINE, bytes],
      [PROXY_LINE.slice(0, 9), PROXY_LINE.slice(9) + bytes],
    ]) {
      const peer = await join(t, serving.port)
      peer.socket.removeAllListeners('data')
      const encrypted = await startTls(peer, alpn === undefined ? [] : [alpn])
      for (const piece of pieces) {
        encrypted.send(piece)
        await sleep(5)
      }
      await until(() => answer.test(encrypted.text))
      if (alpn !== 'own') assert.equal(await latestPlace(serving), LINE_PLACE)
      encrypted.socket.destroy()
    }
    assert.equal(serving.server.stats().sniffing, 0)
  })
}

test('inside TLS, after ALPN h2, and then it is not anything else', async (t) => {
  const serving = await serve(t, { key, cert, proxy: 'required' })
  const { connect } = await import('node:http2')
  const peer = await join(t, serving.port)
  peer.socket.removeAllListeners('data')
  const socket = connectTls({ socket: peer.socket, rejectUnauthorized: false, ALPNProtocols: ['h2'] })
  await once(socket, 'secureConnect')
  // node:http2 does not take a socket that is still writing.
  await new Promise((resolve) => socket.write(PROXY_LINE, resolve))
  const session = connect('https://localhost', { createConnection: () => socket })
  t.after(() => session.destroy())
  const stream = session.request({ ':method': 'POST', ':path': '/' })
  stream.end('hi')
  let text = ''
  for await (const chunk of stream) text += chunk
  assert.equal(text, 'hi')
  assert.equal(place(serving.clients[0]!.client), LINE_PLACE)
  const liar = await join(t, serving.port)
  liar.socket.removeAllListeners('data')
  const encrypted = await startTls(liar, ['http/1.1'])
  encrypted.send(`${PROXY_LINE}hello\n`)
  assert.match(await encrypted.finished(), /^HTTP\/1\.1 400/)
  assert.deepEqual(serving.messages, ['hi'])
})

const broken: [bytes: string | Uint8Array, code: string][] = [
  ['hello\n', 'ERR_PROXY_SIGNATURE_INVALID'],
  [post('hi'), 'ERR_PROXY_SIGNATURE_INVALID'],
  ['PROXY TCP4 192.0.2.1\r\n', 'ERR_PROXY_LINE_INVALID'],
  ['PROXY TCP4 192.0.2.256 192.0.2.1 1 2\r\n', 'ERR_PROXY_ADDRESS_INVALID'],
  [`PROXY ${'x'.repeat(200)}`, 'ERR_PROXY_LINE_TOO_LONG'],
  [V2.map((byte, at) => (at === V2.length - 1 ? byte ^ 1 : byte)), 'ERR_PROXY_CHECKSUM_INVALID'],
]

test('required: whoever has none, or a broken one, is cut without an answer', async (t) => {
  const serving = await serve(t, { proxy: 'required' })
  for (const [bytes, code] of broken) {
    const peer = await join(t, serving.port)
    peer.send(bytes)
    assert.equal(await peer.finished(), '', String(bytes))
    assert.equal(serving.errors.pop(), code, String(bytes))
  }
  assert.equal(serving.server.stats().refused, broken.length)
  assert.deepEqual([serving.messages, serving.errors], [[], []])
})

test('trusted: strangers have none, and one of theirs is refused', async (t) => {
  const serving = await serve(t, { proxy: { trusted: ['192.0.2.0/24'] } })
  assert.equal(await ask(t, serving.port, 'hello\n'), 'hello\n')
  assert.equal(await ask(t, serving.port, `${PROXY_LINE}hello\n`), '')
  assert.deepEqual(serving.errors, ['ERR_PROXY_UNEXPECTED'])
})

test('a connection that ends inside a header, and one that ends before it', async (t) => {
  const serving = await serve(t, { proxy: 'required' })
  assert.equal(await ask(t, serving.port, PROXY_LINE.slice(0, 20)), '')
  assert.deepEqual(serving.errors, ['ERR_PROXY_INCOMPLETE'])
  assert.equal(await ask(t, serving.port, ''), '')
  assert.deepEqual(serving.errors, ['ERR_PROXY_INCOMPLETE'])
})

test('the time runs from accept, through the header and all that follows', async (t) => {
  const serving = await serve(t, { proxy: 'required', sniffTimeout: 400, rawFallback: false })
  const [late, slow] = [await join(t, serving.port), await join(t, serving.port)]
  const started = Date.now()
  for (const byte of PROXY_LINE.slice(0, -1)) {
    if (late.ended || late.closed) break
    late.send(byte)
    await sleep(15)
    if (slow.ended || slow.closed) continue
    if (slow.socket.bytesWritten === 0 && Date.now() - started > 200) slow.send(PROXY_LINE)
  }
  await until(() => (late.ended || late.closed) && (slow.ended || slow.closed))
  assert.ok(Date.now() - started < 2_000)
  assert.deepEqual(serving.errors.sort(), ['ERR_PROTOCOL_UNKNOWN', 'ERR_PROXY_TIMEOUT'])
})

test('limits per address are those of the client, not of the proxy', async (t) => {
  const serving = await serve(t, { proxy: 'required', maxConnectionsPerAddress: 1 })
  const line = (address: string) => `PROXY TCP4 ${address} 198.51.100.1 1 2\r\n`
  const kept = await join(t, serving.port)
  await kept.send(`${line('192.0.2.1')}a\n`).receives('a\n')
  assert.equal(await ask(t, serving.port, `${line('192.0.2.1')}b\n`), '')
  assert.equal(serving.server.stats().dropped, 1)
  assert.equal(await ask(t, serving.port, `${line('192.0.2.2')}c\n`), 'c\n')
  kept.socket.destroy()
  await until(() => serving.server.stats().connections === 0)
  assert.equal(await ask(t, serving.port, `${line('192.0.2.1')}d\n`), 'd\n')
})

test('what version 2 says of TLS in front of the proxy is of the client', async (t) => {
  const serving = await serve(t, { proxy: 'required', tls: 'required', key, cert })
  const ssl = { client: ProxySslClient.ssl, verify: 0, version: 'TLSv1.3' }
  const header = formatProxyHeader({ version: 2, source, destination, tlvs: { ssl, authority: 'A.example' } })
  const peer = await join(t, serving.port)
  await peer.send(header).send('hello\n').receives('hello\n')
  const { encrypted, servername, tls } = serving.clients[0]!.client
  assert.deepEqual([encrypted, servername, tls], [true, 'a.example', undefined])
  const { version, tlvs } = serving.clients[0]!.client.proxyHeader!
  assert.deepEqual([version, tlvs.ssl!.version, tlvs.authority], [2, 'TLSv1.3', 'A.example'])
  assert.equal(await ask(t, serving.port, Buffer.concat([V2, Buffer.from('hello\n')])), '')
  assert.deepEqual(serving.errors, ['ERR_TLS_REQUIRED'])
})
