import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { defineSignature, MATCH } from '../src/sniff/index.ts'
import { post } from './support/http-rows.ts'
import { certificate, join, joinTls, serve } from './support/serving.ts'
import { deliveries } from './support/splits.ts'
import { ask, OPENINGS, PROXY_LINE } from './support/targets.ts'

const { key, cert } = certificate

const openings: [name: string, bytes: string, answer: RegExp][] = [
  ['lines', 'hello\nworld\n', /^hello\nworld\n$/],
  ['what begins like a method', 'GETTING\n', /^GETTING\n$/],
  ['what begins like the preface of HTTP/2', 'PRI * HTTP/2.0\r\nx\r\n', /^PRI \* HTTP\/2\.0\nx\n$/],
  ['what begins like TLS', '\x16\x03\x01\x00\n', /^\x16\x03\x01\x00\n$/],
  ['what begins like a PROXY header', 'PROXY me\n', /^PROXY me\n$/],
  ['HTTP', post('hi'), /^HTTP\/1\.1 200 .*\r\n\r\nhi$/s],
  ['HTTP behind an empty line', `\r\n${post('hi')}`, /^HTTP\/1\.1 200 .*\r\n\r\nhi$/s],
  ['a protocol with a route', OPENINGS.ssh!, /^SSH here$/],
]

for (const [name, bytes, answer] of openings) {
  test(`${name}: at every split the same`, async (t) => {
    const serving = await serve(t)
    serving.server.route('ssh', (socket) => void socket.on('end', () => socket.end('SSH here')).resume())
    await Promise.all(
      Array.from(deliveries(Buffer.from(bytes, 'latin1')), async ({ how, chunks }) => {
        const peer = await join(t, serving.port)
        for (const chunk of chunks) {
          peer.send(chunk)
          await sleep(1)
        }
        peer.finish()
        assert.match(await peer.finished(), answer, how)
      }),
    )
    assert.deepEqual(serving.errors, [])
  })
}

test('a client that is gone without a word leaves no trace', async (t) => {
  const serving = await serve(t)
  const peer = await join(t, serving.port)
  peer.finish()
  assert.equal(await peer.finished(), '')
  await serving.until(() => serving.server.stats().connections === 0)
  assert.deepEqual([serving.log, serving.server.stats().verdicts], [[], {}])
})

test('with HTTP switched off a request never is a message, over TLS neither', async (t) => {
  const serving = await serve(t, { key, cert, http: false, sniffTimeout: 300 })
  const requests = [
    post('hi'),
    'GET / HTTP/1.0\r\n\r\n',
    `GET /${'x'.repeat(9_000)}`,
    'GET /a b HTTP/1.1\r\n',
    'GET /late',
  ]
  for (const request of requests) {
    const peer = await join(t, serving.port)
    peer.send(request)
    assert.equal(await peer.finished(), '', request.slice(0, 40))
    const inside = await joinTls(t, serving.port)
    inside.send(request)
    assert.equal(await inside.finished(), '', request.slice(0, 40))
  }
  assert.deepEqual(new Set(serving.errors), new Set(['ERR_PROTOCOL_UNKNOWN']))
  assert.equal(serving.errors.length, 2 * requests.length)
  assert.deepEqual(serving.messages, [])
  assert.equal(await ask(t, serving.port, 'still lines\n'), 'still lines\n')
})

test('an end that shows what is not wanted here is the last of it', async (t) => {
  for (const options of [{ rawFallback: false }, { tls: 'required' }, { proxy: 'required' }] as const) {
    const serving = await serve(t, { key, cert, ...options })
    for (const text of ['GET', 'h', '\x16\x03', '\r\n', 'PROXY '])
      assert.equal(await ask(t, serving.port, text), '')
    assert.equal(serving.errors.length, 5)
    await serving.until(() => serving.server.stats().connections === 0)
  }
})

test('with HTTP switched off ALPN offers none of it', async (t) => {
  const serving = await serve(t, { key, cert, http: false })
  await assert.rejects(
    joinTls(t, serving.port, { ALPNProtocols: ['h2', 'http/1.1'] }),
    /no application protocol/,
  )
})

test('a route may take HTTP that is not spoken here, by its bytes and by ALPN', async (t) => {
  const serving = await serve(t, { key, cert, http: false })
  serving.server.route('http1', (socket) => void socket.on('data', () => socket.end('elsewhere')))
  assert.equal(await ask(t, serving.port, post('hi')), 'elsewhere')
  const peer = await joinTls(t, serving.port, { ALPNProtocols: ['h2', 'http/1.1'] })
  peer.send(post('hi'))
  assert.equal(await peer.finished(), 'elsewhere')
})

test('a signature may claim silence', async (t) => {
  const patient = defineSignature({
    name: 'patient',
    match: { step: () => MATCH, atDeadline: (state) => state === 0 },
  })
  const serving = await serve(t, { signatures: [patient], sniffTimeout: 40 })
  serving.server.route('patient', (socket) => void socket.end('you were silent'))
  const peer = await join(t, serving.port)
  assert.equal(await peer.finished(), 'you were silent')
})

test('at the limit in bytes it is decided in any case', async (t) => {
  const anything = defineSignature({ name: 'anything', match: (state) => Math.min(state + 1, 1) })
  const serving = await serve(t, { signatures: [anything], sniffLimit: 100 })
  serving.server.route('anything', (socket) => void socket.end('never'))
  const peer = await join(t, serving.port)
  peer.send('x'.repeat(99))
  await sleep(20)
  assert.deepEqual(serving.log, [])
  peer.send('\n')
  await peer.receives(`${'x'.repeat(99)}\n`)
  assert.equal(serving.server.stats().tooLarge, 1)
})

test('the time of the first client after a quiet hour is as long as that of any other', async (t) => {
  const serving = await serve(t, { sniffTimeout: 200 })
  await sleep(450)
  const started = performance.now()
  await join(t, serving.port)
  await serving.until(() => serving.clients.length === 1)
  assert.ok(performance.now() - started >= 200)
})

test('a drip is cut at the deadline, however it drips, inside TLS too', async (t) => {
  const serving = await serve(t, { key, cert, sniffTimeout: 300, rawFallback: false })
  for (const enter of [join, joinTls]) {
    const peer = await enter(t, serving.port)
    const started = Date.now()
    while (!peer.ended && !peer.closed && Date.now() - started < 2_000) {
      peer.send('x')
      await sleep(7)
    }
    assert.ok(Date.now() - started < 1_500, `${Date.now() - started} ms`)
  }
  assert.deepEqual(new Set(serving.errors), new Set(['ERR_PROTOCOL_UNKNOWN']))
})

test('what comes from a proxy with no header where one belongs is cut, whatever it begins with', async (t) => {
  const serving = await serve(t, { key, cert, proxy: 'required', sniffTimeout: 60 })
  const starts = ['\x16hello\n', '\x16\x03', '\x16\x03\x01\x00\n', '\x16\x03\x01\x40\x01\x01\n']
  for (const start of starts) {
    const peer = await join(t, serving.port)
    peer.send(start)
    assert.equal(await peer.finished(), '', JSON.stringify(start))
  }
  assert.deepEqual(
    serving.errors,
    starts.map(() => 'ERR_PROXY_MISSING'),
  )
  assert.deepEqual(serving.messages, [])
  assert.equal(await ask(t, serving.port, `${PROXY_LINE}fine\n`), 'fine\n')
})

test('connections that wait are ended at once by close, whatever they wait for', async (t) => {
  const serving = await serve(t, { key, cert })
  const starts = ['', 'GET', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 'PROXY ', 'PRI * HTTP/2.0\r\n']
  const peers = await Promise.all(
    starts.map(async (start) => {
      const peer = await join(t, serving.port)
      return start === '' ? peer : peer.send(start)
    }),
  )
  await serving.until(() => serving.server.stats().sniffing === starts.length)
  serving.server.close()
  for (const peer of peers) await serving.until(() => peer.closed || peer.ended)
  assert.equal(serving.server.stats().connections, 0)
  assert.deepEqual(serving.messages, [])
})
