/** The door as `openssl s_client` sees it: names, protocols, versions, resumption, certificates, and what is sent on undecrypted. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createServer } from 'node:tls'
import { type Client, type ServerOptions, selfSignedCertificate, type TlsDetails } from 'portmanteau'
import { certificate, type Serving, serve, until } from '../support/serving.ts'
import { curl, curlAnswer, nc, opensslCommand } from './support/clients.ts'
import type { Child } from './support/process.ts'
import { folderWith, startProgram } from './support/programs.ts'

const VERSIONS = [
  { option: 'tls1', name: 'TLSv1', wire: 0x0301 },
  { option: 'tls1_1', name: 'TLSv1.1', wire: 0x0302 },
  { option: 'tls1_2', name: 'TLSv1.2', wire: 0x0303 },
  { option: 'tls1_3', name: 'TLSv1.3', wire: 0x0304 },
] as const

/** What OpenSSL needs to speak TLS 1.0 and 1.1, which sign with SHA-1. */
const ANY_CIPHER = 'DEFAULT:@SECLEVEL=0'
const ANY_VERSION: ServerOptions = { minVersion: 'TLSv1', ciphers: ANY_CIPHER }

/** Talkative, so that its output tells of the handshake; what comes from the server stands behind it. */
function sClient(t: TestContext, port: number, ...args: string[]): Child {
  return startProgram(t, 'openssl', 'openssl', ['s_client', '-connect', `127.0.0.1:${port}`, ...args])
}

/** Says a word, waits until it is echoed, and ends. Returns what `openssl` told of it. */
async function converse(t: TestContext, { port }: Serving, ...args: string[]): Promise<string> {
  const client = sClient(t, port, ...args)
  client.write('echoed\n')
  await client.says('\nechoed\n')
  client.end()
  assert.equal((await client.ends()).code, 0, client.describe())
  return client.stdout
}

/** Waits until the server has ended the handshake, and returns the alert that it sent. */
async function refused(t: TestContext, { port }: Serving, ...args: string[]): Promise<string> {
  const client = sClient(t, port, ...args)
  const { code } = await client.ends()
  assert.notEqual(code, 0, client.describe())
  return /:(?:ssl\/tls|tlsv\d+) alert ([^:]+):/.exec(client.stderr)?.[1] ?? client.describe()
}

/** The name that the certificate is for. */
function subjectOf(output: string): string | undefined {
  return /^subject=CN ?= ?(.*)$/m.exec(output)?.[1]
}

interface Secured extends Serving {
  /** What was known of each client and its TLS when it said something. */
  readonly seen: { readonly client: Client; readonly tls: TlsDetails; readonly url: string | undefined }[]
}

async function secure(t: TestContext, options: ServerOptions = {}): Promise<Secured> {
  const seen: Secured['seen'] = []
  const serving = await serve(t, { ...certificate, ...options }, (message, client, writer) => {
    const { version, cipher, serverName, protocol, ja3, ja4, authorized, peerCertificate } = client.tls!
    const { offeredProtocols, offeredVersions, authorizationError } = client.tls!
    const names = { serverName, protocol, offeredProtocols, offeredVersions, ja3, ja4 }
    const tls = { version, cipher, ...names, authorized, authorizationError, peerCertificate }
    seen.push({ client, tls, url: client.request?.url })
    writer.write(message)
  })
  return { ...serving, seen }
}

test('every version of TLS that openssl has, where the server allows it', async (t) => {
  const { stderr: help } = await opensslCommand(t, 's_client', '-help')
  const serving = await secure(t, ANY_VERSION)
  for (const { option, name, wire } of VERSIONS) {
    assert.match(help, new RegExp(`^ -${option} `, 'm'))
    const output = await converse(t, serving, `-${option}`, '-cipher', ANY_CIPHER, '-servername', 'a.example')
    assert.match(output, /^New, TLSv1[.\d]*, Cipher is /m)
    const { client, tls } = serving.seen.at(-1)!
    assert.deepEqual([client.protocol, client.encrypted, tls.version], ['raw', true, name])
    assert.deepEqual([tls.serverName, client.servername], ['a.example', 'a.example'])
    assert.ok(tls.offeredVersions.includes(wire), `${tls.offeredVersions}`)
    assert.match(tls.ja3 ?? '', /^[0-9a-f]{32}$/)
    assert.match(tls.ja4 ?? '', new RegExp(`^t1${name === 'TLSv1' ? 0 : name.at(-1)}d\\d{4}00_`))
  }
  assert.deepEqual(serving.errors, [])
})

test('TLS 1.0 and 1.1 are refused by alert unless the server allows them, and do not end it', async (t) => {
  const serving = await secure(t)
  for (const option of ['-tls1', '-tls1_1']) {
    assert.equal(await refused(t, serving, option, '-cipher', ANY_CIPHER), 'protocol version')
  }
  assert.deepEqual(serving.errors, ['ERR_TLS_HANDSHAKE', 'ERR_TLS_HANDSHAKE'])
  assert.match(await converse(t, serving), /^New, TLSv1\.3, /m)
})

test('ALPN: ours, one of a route, one that nobody speaks, and none', async (t) => {
  const serving = await secure(t)
  serving.server.route({ alpn: 'x-echo' }, (socket) => void socket.pipe(socket))
  for (const [offer, chosen] of [
    ['h2,http/1.1', 'h2'],
    ['http/1.1,h2', 'h2'],
    ['http/1.1', 'http/1.1'],
    ['http/1.1,x-echo', 'x-echo'],
  ] as const) {
    const client = sClient(t, serving.port, '-alpn', offer)
    await client.says(`ALPN protocol: ${chosen}\n`)
    await client.cut()
  }
  assert.equal(await refused(t, serving, '-alpn', 'spdy/3,x-other'), 'no application protocol')
  assert.match(await converse(t, serving, '-alpn', 'x-echo'), /^ALPN protocol: x-echo$/m)
  assert.deepEqual(serving.messages, [], 'what is for the route has become a message')
  assert.match(await converse(t, serving), /^No ALPN negotiated$/m)
  assert.deepEqual(serving.messages, ['echoed'])
})

test('what ALPN has agreed on is trusted: lines are no messages where HTTP was agreed on', async (t) => {
  const serving = await secure(t)
  const client = sClient(t, serving.port, '-quiet', '-alpn', 'http/1.1')
  client.write('a line\n')
  await client.says('HTTP/1.1 400 ')
  const other = sClient(t, serving.port, '-quiet', '-alpn', 'http/1.1')
  other.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nposted')
  await other.says('\r\n\r\nposted')
  assert.equal(serving.seen[0]?.tls.protocol, 'http/1.1')
  assert.deepEqual(serving.messages, ['posted'])
})

test('certificates by name, in any case, and without one; replaced while it runs', async (t) => {
  const [a, b, later] = [['a.example'], ['*.b.example'], ['later.example']].map((names) =>
    selfSignedCertificate(names),
  )
  const serving = await secure(t, { sni: { 'a.example': a!, '*.b.example': b! } })
  const subject = async (...args: string[]) => subjectOf(await converse(t, serving, ...args))
  for (const [name, expected] of [
    ['a.example', 'a.example'],
    ['A.EXAMPLE', 'a.example'],
    ['x.b.example', '*.b.example'],
    ['x.y.b.example', '*.b.example'],
    ['b.example', 'localhost'],
    ['x.a.example', 'localhost'],
  ] as const) {
    assert.equal(await subject('-servername', name), expected, name)
    assert.equal(serving.seen.at(-1)?.tls.serverName, name.toLowerCase())
  }
  assert.equal(await subject('-noservername'), 'localhost')
  assert.equal(serving.seen.at(-1)?.tls.serverName, undefined)

  const before = sClient(t, serving.port, '-servername', 'a.example')
  before.write('before\n')
  await before.says('\nbefore\n')
  serving.server.setSecureContext(later!, 'a.example')
  assert.equal(await subject('-servername', 'a.example'), 'later.example')
  serving.server.setSecureContext(later!)
  assert.equal(await subject('-noservername'), 'later.example')
  before.write('still there\n')
  await before.says('\nstill there\n')
})

test('certificates that are looked for, and not found', async (t) => {
  const found = selfSignedCertificate(['found.example'])
  const sni = async (name: string) => {
    await new Promise((resolve) => setTimeout(resolve, 10))
    if (name === 'broken.example') throw new Error('the store is broken')
    return name === 'found.example' ? found : undefined
  }
  const serving = await secure(t, { sni })
  assert.equal(subjectOf(await converse(t, serving, '-servername', 'found.example')), 'found.example')
  assert.equal(subjectOf(await converse(t, serving, '-servername', 'other.example')), 'localhost')
  const client = sClient(t, serving.port, '-servername', 'broken.example')
  assert.notEqual((await client.ends()).code, 0)
  assert.deepEqual(serving.errors, ['ERR_TLS_HANDSHAKE'])
})

for (const option of ['-tls1_2', '-tls1_3']) {
  for (const name of [['-noservername'], ['-servername', 'a.example'], ['-servername', 'x.b.example']]) {
    test(`a session goes on: ${[option, ...name].join(' ')}`, async (t) => {
      const [a, b] = [selfSignedCertificate(['a.example']), selfSignedCertificate(['*.b.example'])]
      const serving = await secure(t, { sni: { 'a.example': a, '*.b.example': b } })
      const file = join(await folderWith(t), 'session')
      assert.match(await converse(t, serving, option, ...name, '-sess_out', file), /^New, /m)
      assert.match(await converse(t, serving, option, ...name, '-sess_in', file), /^Reused, /m)
      const [first, second] = serving.seen
      assert.equal(first?.tls.serverName, name[1])
      assert.equal(second?.tls.serverName, name[1], 'the name is forgotten')
      assert.equal(second?.tls.version, first?.tls.version)
    })
  }
}

test('-reconnect: five connections go on with the session of the first', async (t) => {
  const serving = await secure(t)
  const output = await converse(t, serving, '-reconnect', '-tls1_2')
  assert.deepEqual(output.match(/^(New|Reused)(?=, )/gm), ['New', ...new Array(5).fill('Reused')])
  await until(() => serving.server.stats().connections === 0)
  assert.equal(serving.server.stats().accepted, 6)
})

/** Without what it prints otherwise: OpenSSL 3.0 keeps what comes to itself once it has shown a certificate and is talkative. */
async function shows(t: TestContext, { port }: Serving, ...args: string[]): Promise<Child> {
  const client = sClient(t, port, '-quiet', ...args)
  client.write('echoed\n')
  await client.says('echoed\n')
  return client
}

test('a certificate of the client: asked for, believed or not, required', async (t) => {
  const folder = await folderWith(t)
  const pem = (name: string) => join(folder, `${name}.pem`)
  for (const name of ['known', 'stranger']) {
    const made = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${name}`]
    const { code, stderr } = await opensslCommand(
      t,
      'req',
      ...made,
      '-keyout',
      pem(`${name}-key`),
      '-out',
      pem(name),
    )
    assert.equal(code, 0, stderr)
  }
  const shown = (name: string) => ['-cert', pem(name), '-key', pem(`${name}-key`)]
  const ca = readFileSync(pem('known'))
  const asking = await secure(t, { requestCert: true, rejectUnauthorized: false, ca })
  await shows(t, asking)
  await shows(t, asking, ...shown('known'))
  await shows(t, asking, ...shown('stranger'), '-tls1_2')
  const seen = asking.seen.map(({ tls }) => [
    tls.peerCertificate?.subject,
    tls.authorized,
    tls.authorizationError,
  ])
  assert.deepEqual(seen, [
    [undefined, false, 'UNABLE_TO_GET_ISSUER_CERT'],
    ['CN=known', true, undefined],
    ['CN=stranger', false, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  ])

  const requiring = await secure(t, { requestCert: true, rejectUnauthorized: true, ca })
  for (const args of [[], shown('stranger')]) {
    const client = sClient(t, requiring.port, '-quiet', ...args)
    client.write('not heard\n')
    await client.ends()
  }
  await shows(t, requiring, ...shown('known'))
  assert.deepEqual(requiring.messages, ['echoed'])
  assert.deepEqual(requiring.errors, ['ERR_TLS_HANDSHAKE', 'ERR_TLS_HANDSHAKE'])
})

test('a ClientHello of many packets and records', async (t) => {
  const serving = await secure(t)
  const names = Array.from(
    { length: 120 },
    (_, index) => `x-${String(index).padStart(3, '0')}-${'y'.repeat(80)}`,
  )
  const client = sClient(
    t,
    serving.port,
    '-alpn',
    [...names, 'http/1.1'].join(','),
    '-servername',
    'a.example',
  )
  await client.says('ALPN protocol: http/1.1\n')
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nposted')
  await client.says('\r\n\r\nposted')
  assert.equal(serving.seen[0]?.tls.offeredProtocols.length, 121)
  assert.equal(serving.seen[0]?.tls.serverName, 'a.example')
})

/** A server of node:tls that greets, and echoes. */
async function startTlsServer(t: TestContext, name: string): Promise<number> {
  const server = createServer(selfSignedCertificate([name]), (socket) => {
    socket.write('greeted by another\n')
    socket.pipe(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

test('by its name a connection goes on undecrypted, with all that follows; the others stay', async (t) => {
  const serving = await secure(t)
  serving.server.route(
    { sni: '*.elsewhere.example' },
    { host: '127.0.0.1', port: await startTlsServer(t, 'elsewhere') },
  )
  for (const version of ['-tls1_2', '-tls1_3']) {
    const output = await converse(t, serving, version, '-servername', 'x.elsewhere.example')
    assert.equal(subjectOf(output), 'elsewhere')
    assert.match(output, /^greeted by another$/m)
  }
  assert.equal(subjectOf(await converse(t, serving, '-servername', 'elsewhere.example')), 'localhost')
  assert.deepEqual(serving.messages, ['echoed'])
  await until(() => serving.server.stats().forwarded === 0)
})

test('undecrypted, with a PROXY header in front: the other server knows the client', async (t) => {
  for (const proxyProtocol of [1, 2] as const) {
    const behind = await secure(t, { proxy: 'required' })
    const serving = await secure(t)
    serving.server.route({ sni: 'a.example' }, { host: '127.0.0.1', port: behind.port, proxyProtocol })
    const ports: unknown[] = []
    serving.server.on('connection', ({ remotePort }) => ports.push(remotePort))
    await converse(t, serving, '-servername', 'a.example')
    const { client, tls } = behind.seen[0]!
    assert.deepEqual([client.remoteAddress, client.remotePort], ['127.0.0.1', ports[0]])
    assert.deepEqual([client.localPort, tls.serverName], [serving.port, 'a.example'])
  }
})

test("tls: 'required': curl -L is sent to https with method and body, and plain lines are cut", async (t) => {
  const serving = await secure(t, { tls: 'required', wholeBody: true })
  const plain = `http://127.0.0.1:${serving.port}/some/where?x=1`
  const { status, headers } = await curlAnswer(t, ['-d', 'not yet', plain])
  assert.deepEqual([status, headers.get('location')], [308, plain.replace('http:', 'https:')])
  assert.deepEqual(serving.messages, [])
  for (const version of [['--http1.0', '--no-alpn'], ['--http1.1'], ['--http2']]) {
    const followed = ['-k', '-L', ...version, '-d', version[0]!, '-w', ' %{num_redirects} %{scheme}', plain]
    assert.equal((await curl(t, followed)).stdout, `${version[0]} 1 HTTPS`)
  }
  assert.deepEqual(
    serving.seen.map(({ client, url }) => [client.encrypted, url]),
    new Array(3).fill([true, '/some/where?x=1']),
  )
  const lines = nc(t, serving.port)
  lines.write('in the clear\n')
  await until(() => serving.errors.includes('ERR_TLS_REQUIRED'))
  assert.match(await converse(t, serving), /^New, TLSv1\.3/m)
  assert.deepEqual(serving.messages.slice(3), ['echoed'])
})
