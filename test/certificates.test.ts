import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSecureContext, type SecureContext, type TLSSocket } from 'node:tls'
import { Server, type ServerOptions, type SniCallback } from '../src/index.ts'
import { Certificates, forName, readServerName } from '../src/node/tls/certificates.ts'
import { selfSignedCertificate } from '../src/node/tls/self-signed.ts'
import { certificate, join, joinTls, type Serving, serve, until } from './support/serving.ts'
import { clientHello } from './support/targets.ts'

const { key, cert } = certificate
const [a, b, c] = ['a.example', 'b.example', 'c.example'].map((name) => selfSignedCertificate([name])) as [
  typeof certificate,
  typeof certificate,
  typeof certificate,
]

/** The subject of the certificate that a client gets. */
async function subject(t: TestContext, { port }: Serving, servername: string): Promise<string> {
  const peer = await joinTls(t, port, { servername })
  const { subject: shown } = new X509Certificate((peer.socket as TLSSocket).getPeerCertificate().raw)
  peer.finish()
  return shown.replace(/^CN=/, '')
}

test('by name, exactly, or below the longest name with a star; the default for all others', async (t) => {
  const sni = { 'a.example': a, '*.example': b, '*.x.example': { key: c.key, cert: c.cert } }
  const serving = await serve(t, { key, cert, sni })
  const cases = {
    'a.example': 'a.example',
    'A.Example': 'a.example',
    'z.a.example': 'b.example',
    'other.example': 'b.example',
    'y.x.example': 'c.example',
    'z.y.x.example': 'c.example',
    'x.example': 'b.example',
    example: 'localhost',
    'a.example.org': 'localhost',
    '': 'localhost',
  }
  for (const [name, expected] of Object.entries(cases)) {
    assert.equal(await subject(t, serving, name), expected, name)
  }
})

test('without a default only those who ask for a name that has one', async (t) => {
  const serving = await serve(t, { sni: { 'a.example': a } })
  assert.equal(await subject(t, serving, 'a.example'), 'a.example')
  for (const name of ['b.example', ''])
    await assert.rejects(subject(t, serving, name), /handshake failure/, name)
  await until(() => serving.errors.length === 2)
  assert.deepEqual(serving.errors, ['ERR_TLS_HANDSHAKE', 'ERR_TLS_HANDSHAKE'])
})

const callbacks: [what: string, sni: SniCallback][] = [
  ['options', (name) => (name === 'a.example' ? a : undefined)],
  ['a promise of options', async (name) => (name === 'a.example' ? a : undefined)],
  ['options, later', (name) => sleep(10, name === 'a.example' ? a : undefined)],
  ['a context', (name) => (name === 'a.example' ? createSecureContext(a) : undefined)],
]

for (const [what, sni] of callbacks) {
  test(`from a function that gives ${what}`, async (t) => {
    const serving = await serve(t, { key, cert, sni })
    assert.equal(await subject(t, serving, 'A.EXAMPLE'), 'a.example')
    assert.equal(await subject(t, serving, 'b.example'), 'localhost')
  })
}

const failing: [what: string, sni: SniCallback, code: string][] = [
  ['throws', () => assert.fail('no'), 'ERR_TLS_HANDSHAKE'],
  [
    'throws what is no error',
    () => {
      throw 'no'
    },
    'ERR_TLS_HANDSHAKE',
  ],
  ['rejects', () => Promise.reject(new Error('no')), 'ERR_TLS_HANDSHAKE'],
  ['gives what is no certificate', () => ({ key: 'none', cert: 'none' }), 'ERR_TLS_HANDSHAKE'],
  ['gives what is no object', () => 1 as never, 'ERR_TLS_HANDSHAKE'],
  ['never answers', () => new Promise(() => {}), 'ERR_TLS_HANDSHAKE_TIMEOUT'],
]

for (const [what, sni, code] of failing) {
  test(`a function that ${what} ends that handshake, and nothing else`, async (t) => {
    const serving = await serve(t, { key, cert, sni, handshakeTimeout: 600 })
    await assert.rejects(joinTls(t, serving.port, { servername: 'a.example' }))
    await until(() => serving.errors.length === 1)
    assert.deepEqual(serving.errors, [code])
    await until(() => serving.server.stats().handshaking === 0)
    const nameless = await joinTls(t, serving.port)
    await nameless.send('alive\n').receives('alive\n')
  })
}

test('an answer that comes when nobody waits for it any more changes nothing', async (t) => {
  const answers: (() => void)[] = []
  const sni = () => new Promise<typeof a>((resolve) => answers.push(() => resolve(a)))
  const serving = await serve(t, { key, cert, sni, handshakeTimeout: 600 })
  await assert.rejects(joinTls(t, serving.port, { servername: 'a.example' }))
  const gone = await join(t, serving.port)
  gone.send(await clientHello({ servername: 'a.example' }))
  await until(() => answers.length === 2)
  gone.socket.destroy()
  await sleep(20)
  for (const answer of answers) answer()
  await sleep(20)
  const peer = await joinTls(t, serving.port)
  await peer.send('alive\n').receives('alive\n')
})

test('what a function gives is read once an object', () => {
  const given = { key: a.key, cert: a.cert }
  const certificates = new Certificates(() => given, {})
  const contexts: (SecureContext | undefined)[] = []
  for (let count = 0; count < 2; count++) certificates.find('a', (_error, context) => contexts.push(context))
  return until(() => contexts.length === 2).then(() => assert.equal(contexts[0], contexts[1]))
})

test('certificates are replaced while it runs: the default one, one by name, and one beside a function', async (t) => {
  const serving = await serve(t, { key, cert, sni: { 'a.example': a, '*.example': b } })
  const open = await joinTls(t, serving.port)
  serving.server.setSecureContext(c)
  assert.equal(await subject(t, serving, 'nobody'), 'c.example')
  assert.equal(await subject(t, serving, 'a.example'), 'a.example')
  serving.server.setSecureContext(b, 'A.example')
  assert.equal(await subject(t, serving, 'a.example'), 'b.example')
  serving.server.setSecureContext(c, '*.example')
  assert.equal(await subject(t, serving, 'x.example'), 'c.example')
  await open.send('still here\n').receives('still here\n')
  const asked = await serve(t, { key, cert, sni: () => a })
  assert.equal(await subject(t, asked, 'x.example'), 'a.example')
  asked.server.setSecureContext(b, 'x.example')
  assert.equal(await subject(t, asked, 'x.example'), 'b.example')
  assert.equal(await subject(t, asked, 'y.example'), 'a.example')
})

test('what all contexts share stays when one is replaced', async (t) => {
  const serving = await serve(t, { key, cert, maxVersion: 'TLSv1.2', sni: { 'a.example': a } })
  serving.server.setSecureContext(b)
  serving.server.setSecureContext(c, 'c.example')
  for (const servername of ['', 'a.example', 'c.example']) {
    const peer = await joinTls(t, serving.port, { servername })
    assert.equal((peer.socket as TLSSocket).getProtocol(), 'TLSv1.2', servername)
  }
})

test('what cannot be is told by the constructor, and by setSecureContext', async () => {
  for (const sni of [{ 'a b': a }, { '': a }, { '*': a }, { 'a.*.b': a }, { 'a\0b': a }]) {
    assert.throws(() => new Server({ sni } as ServerOptions), { code: 'ERR_OPTION' }, Object.keys(sni)[0])
  }
  assert.throws(() => new Server({ sni: { 'a.example': { key: 'x', cert: 'y' } } }))
  assert.throws(() => new Server().setSecureContext(a), { code: 'ERR_TLS_UNAVAILABLE' })
  const server = new Server({ key, cert })
  assert.throws(() => server.setSecureContext(a, 'a b'), { code: 'ERR_OPTION' })
  assert.throws(() => server.setSecureContext({ key: 'x', cert: 'y' }))
})

test('names are host names, in lower case', () => {
  for (const name of [
    'a',
    'A.Example',
    '*.a.b',
    '_x.y-z.1',
    'xn--bcher-kva.example',
    `${'a'.repeat(63)}.b`,
  ]) {
    assert.equal(readServerName(name), name.toLowerCase())
  }
  for (const name of [
    '',
    '.',
    'a.',
    '.a',
    'a..b',
    '*',
    '*.',
    '**.a',
    '*a.b',
    'a.*',
    'ä.b',
    'a/b',
    `${'a'.repeat(64)}.b`,
    1,
  ]) {
    assert.throws(() => readServerName(name as string), { code: 'ERR_OPTION' }, String(name))
  }
})

test('a look-up takes as long as the name has labels', () => {
  const values = new Map([['*.example', 1]])
  assert.equal(forName(values, 'a.b.c.example'), 1)
  assert.equal(forName(values, '__proto__'), undefined)
  const started = performance.now()
  for (let count = 0; count < 100; count++) forName(values, 'a.'.repeat(126))
  assert.ok(performance.now() - started < 2_000)
})
