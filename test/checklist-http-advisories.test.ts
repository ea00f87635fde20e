/** The causes behind published advisories that concern HTTP and TLS, by name, and row H26 of the checklist. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { answersOf, get, post, refuses, servesNext } from './support/http-rows.ts'
import { certificate, join, joinTls, Peer, type Serving, serve, until } from './support/serving.ts'

const CHUNKED = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'

test('upgrade with a body used to smuggle', async (t) => {
  const upgrade =
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
  const hidden = post('evil')
  await refuses(
    t,
    [
      get(`${upgrade}Content-Length: ${hidden.length}\r\n`) + hidden,
      get(`${upgrade}Transfer-Encoding: chunked\r\n`) +
        `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`,
    ],
    { status: 400, code: 'ERR_WS_BODY' },
  )
  // Another protocol is not spoken here: the body is read as of any request, and nothing in it is one.
  const serving = await serve(t)
  const peer = await join(t, serving.port)
  const other = `Connection: Upgrade, close\r\nUpgrade: x\r\nContent-Length: ${hidden.length}\r\n`
  await peer.send(get(other) + hidden).finished()
  assert.deepEqual(serving.messages, [])
})

test('chunk sizes truncated to 32 bits', async (t) => {
  const options = { messageLimit: Number.POSITIVE_INFINITY, wholeBody: true }
  for (const size of ['100000005', 'ffffffff00000005', '10000000000000005', '1fffffffffffff']) {
    const serving = await serve(t, options)
    const peer = await join(t, serving.port)
    peer.send(`${CHUNKED}${size}\r\nhello\r\n0\r\n\r\n`)
    await sleep(30)
    peer.finish()
    const [answer, ...rest] = answersOf(await peer.finished())
    assert.equal(answer!.status, 400, size)
    assert.deepEqual(rest, [])
    assert.deepEqual(serving.messages, [], size)
  }
})

test('the two bytes after the last chunk unchecked', (t) =>
  refuses(
    t,
    ['xx', '\r\r', 'GE', '\0\0', '0\r'].map((two) => `${CHUNKED}5\r\nhello\r\n0\r\n${two}${get()}`),
    {
      status: 400,
      code: /^ERR_HTTP_(FIELD_NAME|LINE_END)_INVALID$/,
    },
  ))

test('headers past the count silently dropped', async (t) => {
  const many = 'X: y\r\n'.repeat(2_000)
  const dropped = [
    'Content-Length: 5\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Host: b\r\n',
    'Origin: https://evil.example\r\n',
  ]
  await refuses(
    t,
    dropped.map((field) => `POST / HTTP/1.1\r\nHost: a\r\n${many}${field}\r\n`),
    { status: 431, code: 'ERR_HTTP_FIELDS_TOO_MANY', options: { headLimit: 64 * 1024 } },
  )
})

/** Milliseconds of CPU time that the process spends until the answer is there. */
async function cost(serving: Serving, t: TestContext, request: string): Promise<number> {
  const peer = await join(t, serving.port)
  const before = process.cpuUsage()
  peer.send(request)
  await peer.receives('\r\n\r\n')
  const { user, system } = process.cpuUsage(before)
  peer.socket.destroy()
  return (user + system) / 1000
}

/** Names that fall into one bucket of a table that hashes by `31 * hash + code`. */
function collidingNames(count: number): string[] {
  const pairs = ['Aa', 'BB']
  return Array.from({ length: count }, (_, index) =>
    Array.from({ length: 14 }, (_, bit) => pairs[(index >> bit) & 1]).join(''),
  )
}

test('hash-flooding header names', async (t) => {
  const limits = { fieldLimit: 20_000, headLimit: 2 ** 20 }
  const seen: number[] = []
  const serving = await serve(t, limits, (message, client, writer) => {
    seen.push(Object.keys(client.request!.headers).length)
    writer.write(message)
  })
  const names = collidingNames(10_000)
  const plain = names.map((_, index) => `X${String(index).padStart(27, '0')}`)
  const request = (fields: string[]): string => post('x', fields.map((name) => `${name}: y\r\n`).join(''))
  await cost(serving, t, request(plain))
  const [usual, flood] = [await cost(serving, t, request(plain)), await cost(serving, t, request(names))]
  assert.ok(flood < usual * 10 + 100, `${flood} ms, ${usual} ms of other names`)
  assert.deepEqual(seen.slice(0, 2), [10_002, 10_002])
})

test('one header name, repeated', async (t) => {
  const serving = await serve(t, { fieldLimit: 50_000, headLimit: 2 ** 20 }, (message, client, writer) => {
    writer.write(String(client.request!.headers.x!.length + message.length))
  })
  const request = (count: number): string => post('x', 'X: y\r\n'.repeat(count))
  await cost(serving, t, request(40_000))
  const [few, many] = [await cost(serving, t, request(4_000)), await cost(serving, t, request(40_000))]
  assert.ok(many < few * 40 + 200, `${many} ms of 40,000, ${few} ms of 4,000`)
})

const ADVERSARIAL = [
  `Connection: ${','.repeat(60_000)}`,
  `Connection: ${' '.repeat(60_000)}x`,
  `Connection: ${'close'.repeat(12_000)}`,
  `Connection: ${'a,'.repeat(30_000)}`,
  `Transfer-Encoding: ${'x;'.repeat(30_000)}`,
  `Expect: ${'100-continue '.repeat(4_500)}`,
  `Upgrade: ${'x, '.repeat(20_000)}`,
  `X: ${'\t '.repeat(30_000)}`,
  `Cookie: ${'a=b; '.repeat(12_000)}`,
  `Content-Length: ${'0'.repeat(60_000)}`,
  `Accept-Encoding: ${'gzip;q=0.5,'.repeat(5_000)}`,
  `Content-Encoding: ${'gzip, '.repeat(10_000)}x`,
  `Origin: http://${'a.'.repeat(30_000)}`,
  `Access-Control-Request-Headers: ${'a, '.repeat(20_000)}\r\nOrigin: http://a\r\nAccess-Control-Request-Method: POST`,
]

test('ReDoS in header lists', async (t) => {
  const serving = await serve(t, { headLimit: 128 * 1024, allowOrigin: ['*.example.com', 'a'] })
  for (const field of ADVERSARIAL) {
    for (const method of ['POST', 'OPTIONS']) {
      const spent = await cost(serving, t, `${method} / HTTP/1.1\r\nHost: a\r\n${field}\r\n\r\n`)
      assert.ok(spent < 250, `${spent} ms for ${field.slice(0, 60)}`)
    }
  }
  await servesNext(t, serving)
})

test('names from Object.prototype, wherever a peer may choose one', async (t) => {
  const serving = await serve(t)
  for (const name of Object.getOwnPropertyNames(Object.prototype)) {
    const fields = `${name}: x\r\nOrigin: ${name}\r\n`
    const requests = [
      post('hi', `${name}: x\r\n`),
      post('hi', `Connection: ${name}\r\n`),
      `${CHUNKED}2;${name}=${name}\r\nhi\r\n0\r\n${name}: x\r\n\r\n`,
      `${name} /${name} HTTP/1.1\r\nHost: ${name.replaceAll('_', 'a')}\r\n\r\n`,
      `OPTIONS /${name}?${name} HTTP/1.1\r\nHost: a\r\nAccess-Control-Request-Method: ${name}\r\n\r\n`,
      post('hi', `Accept-Encoding: ${name}\r\n`),
    ]
    const peer = await join(t, serving.port)
    peer.send(requests.join('') + post('end', `Connection: close\r\n`))
    const statuses = answersOf(await peer.finished()).map(({ status }) => status)
    assert.deepEqual(statuses, [200, 200, 200, 501, 200, 200, 200], name)
    const foreign = await join(t, serving.port)
    assert.match(await foreign.send(post('hi', fields)).finished(), /^HTTP\/1\.1 403 /)
  }
})

test('PROXY header believed from anyone', async (t) => {
  const addresses = new Set<string | undefined>()
  const serving = await serve(t, {}, (message, client, writer) => {
    addresses.add(client.remoteAddress)
    writer.write(message)
  })
  const v2 = Buffer.from('0d0a0d0a000d0a515549540a2111000cc0000201c0000202000a0014', 'hex')
  const headers = ['PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n', 'PROXY UNKNOWN\r\n', v2.toString('latin1')]
  for (const header of headers) {
    const peer = await join(t, serving.port)
    peer.send(header + post('x')).finish()
    await peer.finished()
  }
  await servesNext(t, serving)
  addresses.delete('127.0.0.1')
  assert.deepEqual([...addresses], [])
  const http = await join(t, serving.port)
  http.send(post('x', 'X-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.1\r\n'))
  await http.receives('x')
  assert.deepEqual(
    [...addresses].filter((address) => address !== '127.0.0.1'),
    [],
  )
})

const tls = { key: certificate.key, cert: certificate.cert }

/** A real ClientHello, taken from a client that is not answered. */
function clientHello(options: ConnectionOptions = {}): Promise<Buffer> {
  return new Promise((resolve) => {
    const wire = new Duplex({ read() {}, write: (chunk) => resolve(chunk) })
    connectTls({ socket: wire, rejectUnauthorized: false, ...options }).on('error', () => {})
  })
}

/** A client over TLS, and the socket under it: what is done to that TLS does not know of. */
async function layered(t: TestContext, port: number): Promise<{ peer: Peer; under: Socket }> {
  const under = connect({ port, host: '127.0.0.1' })
  const socket = connectTls({ socket: under, rejectUnauthorized: false })
  t.after(() => under.destroy())
  const peer = new Peer(socket)
  await once(socket, 'secureConnect')
  return { peer, under }
}

test("H26 TLSSocket 'error' unhandled: resets at every stage are contained", async (t) => {
  const serving = await serve(t, { ...tls, handshakeTimeout: 2_000 })
  const hello = await clientHello()
  for (const length of [1, 5, 6, 100, hello.length]) {
    const peer = await join(t, serving.port)
    peer.send(hello.subarray(0, length))
    await sleep(10)
    peer.socket.resetAndDestroy()
  }
  for (const request of ['', 'POST / HTTP/1.1\r\n', post('x'), post('x'.repeat(100_000)).slice(0, 50_000)]) {
    const { peer, under } = await layered(t, serving.port)
    peer.send(request)
    await sleep(10)
    under.resetAndDestroy()
  }
  const { peer: noise, under } = await layered(t, serving.port)
  under.write(Buffer.alloc(100, 0x17))
  await until(() => noise.closed || noise.ended)
  const peer = await joinTls(t, serving.port)
  const [answer] = answersOf(await peer.send(post('alive')).receives('alive'))
  assert.equal(answer!.status, 200)
})

test('H26 no ClientHello, or a part of one: timed out', async (t) => {
  const serving = await serve(t, { ...tls, rawFallback: false, sniffTimeout: 100, handshakeTimeout: 100 })
  const hello = await clientHello()
  for (const start of [
    hello.subarray(0, 1),
    hello.subarray(0, 5),
    hello.subarray(0, 6),
    hello.subarray(0, 60),
  ]) {
    const peer = await join(t, serving.port)
    const before = performance.now()
    peer.send(start)
    await until(() => peer.closed || peer.ended)
    assert.ok(performance.now() - before < 5_000)
  }
  await until(() => serving.server.stats().connections === 0)
  await servesNext(t, serving)
})

/** The ClientHello's record with another byte somewhere in its server name. */
async function helloWith(byte: number): Promise<Buffer> {
  const hello = await clientHello({ servername: 'nul-goes-here.example' })
  const at = hello.indexOf('goes')
  assert.ok(at > 0)
  hello[at] = byte
  return hello
}

test('H26 NUL and others in SNI: contained', async (t) => {
  const serving = await serve(t, { ...tls, handshakeTimeout: 200 })
  for (const byte of [0x00, 0x0a, 0x2f, 0xff]) {
    const peer = await join(t, serving.port)
    peer.send(await helloWith(byte))
    await until(() => peer.length > 0 || peer.closed || peer.ended)
    peer.socket.destroy()
  }
  await until(() => serving.server.stats().connections === 0)
  const peer = await joinTls(t, serving.port, { servername: 'alive.example' })
  await peer.send(post('alive')).receives('alive')
  for (const { client } of serving.clients) assert.doesNotMatch(client.servername ?? '', /[^a-z.]/)
})
