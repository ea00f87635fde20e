import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type RouteMatch, Routes, type RouteTarget } from '../src/node/door/routes.ts'

const NAMES = new Set(['raw', 'tls', 'http1', 'http2', 'ssh'])

function routes(...added: [match: RouteMatch, target: RouteTarget][]): Routes {
  const all = new Routes()
  for (const [match, target] of added) all.add(match, target, NAMES)
  return all
}

const [one, other, third]: [RouteTarget, RouteTarget, RouteTarget] = [{ port: 1 }, { port: 2 }, { port: 3 }]

test('by name; the latest one of a name holds', () => {
  const all = routes(['ssh', one], ['raw', other])
  assert.equal(all.forName('ssh'), one)
  assert.equal(all.forName('raw'), other)
  assert.equal(all.forName('tls'), undefined)
  assert.equal(all.has('ssh'), true)
  assert.equal(all.has('tls'), false)
  all.add('ssh', third, NAMES)
  assert.equal(all.forName('ssh'), third)
})

test('by server name: exact, then the longest name that it is below, in any case', () => {
  const all = routes(
    [{ sni: 'a.example' }, one],
    [{ sni: '*.example' }, other],
    [{ sni: '*.B.Example' }, third],
  )
  const cases: [name: string, target: RouteTarget | undefined][] = [
    ['a.example', one],
    ['x.a.example', other],
    ['c.example', other],
    ['x.b.example', third],
    ['y.x.b.example', third],
    ['b.example', other],
    ['example', undefined],
    ['a.example.org', undefined],
    ['notexample', undefined],
    ['', undefined],
    ['.example', other],
    ['constructor', undefined],
    ['__proto__', undefined],
  ]
  for (const [name, target] of cases) assert.equal(all.forServerName(name), target, name)
})

test('only routes for server names make a ClientHello worth reading', () => {
  assert.equal(routes(['tls', one], [{ alpn: 'x' }, one]).looksAtServerNames, false)
  assert.equal(routes([{ sni: 'a' }, one]).looksAtServerNames, true)
})

test('by a protocol of ALPN; those of HTTP also by name, which is less exact', () => {
  const all = routes(['http1', one], ['http2', other], [{ alpn: 'h2' }, third], [{ alpn: 'mqtt' }, one])
  assert.equal(all.forProtocol('http/1.1'), one)
  assert.equal(all.forProtocol('http/1.0'), one)
  assert.equal(all.forProtocol('h2'), third)
  assert.equal(all.forProtocol('mqtt'), one)
  assert.equal(all.forProtocol('http1'), undefined)
  assert.equal(routes(['http2', other]).forProtocol('h2'), other)
  assert.equal(routes(['http2', other]).forProtocol('http/1.1'), undefined)
  assert.deepEqual(all.alpnProtocols, ['h2', 'mqtt'])
})

const impossible: [what: string, match: unknown, target: unknown][] = [
  ['a name that nothing has', 'telnet', one],
  ['no name', '', one],
  ['a name of Object.prototype', 'toString', one],
  ['no match at all', undefined, one],
  ['null', null, one],
  ['a number', 22, one],
  ['an object that says nothing', {}, one],
  ['a server name that is none', { sni: 'a b' }, one],
  ['an empty server name', { sni: '' }, one],
  ['a server name with NUL', { sni: 'a.example\0' }, one],
  ['a star that is no first label', { sni: 'a.*.example' }, one],
  ['a lone star', { sni: '*' }, one],
  ['a server name that is no text', { sni: 1 }, one],
  ['a label of 64 characters', { sni: `${'a'.repeat(64)}.example` }, one],
  ['a name of 256 characters', { sni: Array.from({ length: 128 }, () => 'a').join('.') + '.b' }, one],
  ['an empty protocol', { alpn: '' }, one],
  ['a protocol of 256 bytes', { alpn: 'x'.repeat(256) }, one],
  ['a protocol of 128 characters and 256 bytes', { alpn: 'é'.repeat(128) }, one],
  ['a protocol that is no text', { alpn: 1 }, one],
  ['no target', 'ssh', undefined],
  ['a text', 'ssh', 'localhost:22'],
  ['no port', 'ssh', { host: 'localhost' }],
  ['port 0', 'ssh', { port: 0 }],
  ['port 65,536', 'ssh', { port: 65_536 }],
  ['a port as text', 'ssh', { port: '22' }],
  ['no whole port', 'ssh', { port: 22.5 }],
  ['an empty host', 'ssh', { port: 22, host: '' }],
  ['a host that is no text', 'ssh', { port: 22, host: 1 }],
  ['version 3 of PROXY', 'ssh', { port: 22, proxyProtocol: 3 }],
  ['a timeout of 0', 'ssh', { port: 22, connectTimeout: 0 }],
  ['a timeout that is no number', 'ssh', { port: 22, idleTimeout: '1' }],
  ['a timeout of NaN', 'ssh', { port: 22, idleTimeout: Number.NaN }],
  ['a PROXY header before datagrams', 'quic', { port: 443, proxyProtocol: 2 }],
]

for (const [what, match, target] of impossible) {
  test(`refused: ${what}`, () => {
    assert.throws(() => routes([match as RouteMatch, target as RouteTarget]), { code: 'ERR_ROUTE' })
  })
}

test('accepted: what is at the edge', () => {
  const name = Array.from({ length: 127 }, () => 'a').join('.')
  assert.equal(name.length, 253)
  routes(
    [{ sni: `*.${name}` }, one],
    [{ sni: '_dmarc.a-b.example' }, one],
    [{ alpn: 'x'.repeat(255) }, one],
    ['quic', { port: 65_535, host: '::1' }],
    ['ssh', { port: 1, connectTimeout: Number.POSITIVE_INFINITY, idleTimeout: 0.5, proxyProtocol: 1 }],
    ['ssh', () => {}],
  )
})
