import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { ServerOptions } from '../src/index.ts'
import { type ForwardedOption, type ProxyOption, ProxyTrust } from '../src/node/door/proxy-trust.ts'
import { bareAddress, type Endpoint } from '../src/node/endpoint.ts'
import type { ProxyHeader } from '../src/sniff/index.ts'
import { certificate, join, joinTls, type Serving, serve } from './support/serving.ts'
import { ask } from './support/targets.ts'

const { key, cert } = certificate

const TOLD = { source: { address: '192.0.2.9', port: 1 } } as ProxyHeader
const UNTOLD = { source: null } as ProxyHeader

function isProxy(option: ProxyOption | undefined, remoteAddress: string | undefined): boolean {
  return new ProxyTrust(option, false).isProxy({ remoteAddress })
}

test('off: nobody; required: everybody, whoever that is', () => {
  for (const address of ['127.0.0.1', '::1', undefined]) {
    assert.equal(isProxy(undefined, address), false)
    assert.equal(isProxy('off', address), false)
    assert.equal(isProxy('required', address), true)
    assert.equal(isProxy({ trusted: ['0.0.0.0/0', '::/0'] }, address), address !== undefined)
  }
})

test('those of the ranges: mapped addresses and zones are seen through', () => {
  const option = { trusted: ['10.0.0.0/8', 'fe80::/10', '::1'] }
  for (const address of ['10.1.2.3', '::ffff:10.1.2.3', 'fe80::1', 'fe80::1%eth0', 'febf::1%2', '::1']) {
    assert.equal(isProxy(option, address), true, address)
  }
  for (const address of ['11.0.0.1', '::ffff:11.0.0.1', 'fec0::1%eth0', '::2', '', '10.1.2.3%x.y', 'name']) {
    assert.equal(isProxy(option, address), address.startsWith('10.1'), address)
  }
  assert.equal(isProxy({ trusted: [] }, '127.0.0.1'), false)
})

test('without a header nobody begins with one', () => {
  const trust = new ProxyTrust({ trusted: ['10.0.0.0/8'], header: false }, 'forwarded')
  assert.equal(trust.isProxy({ remoteAddress: '10.0.0.1' }), false)
  assert.equal(trust.isTrusted('10.0.0.1'), true)
})

test('a header is owed until there was one, whatever it has told', () => {
  const trust = new ProxyTrust('required', false)
  assert.equal(trust.isOwed({ remoteAddress: '192.0.2.1' }), true)
  assert.equal(trust.isOwed({ remoteAddress: '192.0.2.1', proxied: TOLD }), false)
  assert.equal(trust.isOwed({ remoteAddress: '192.0.2.1', proxied: UNTOLD }), false)
})

const impossible: [what: string, proxy: unknown, forwarded?: unknown][] = [
  ['a mode that is none', 'on'],
  ['true', true],
  ['null', null],
  ['no list', {}],
  ['a list that is none', { trusted: '10.0.0.0/8' }],
  ['a range that is no text', { trusted: [1] }],
  ['a range with bits behind its prefix', { trusted: ['10.0.0.1/8'] }],
  ['a name', { trusted: ['localhost'] }],
  ['a zone', { trusted: ['fe80::1%eth0'] }],
  ['a header that is neither there nor not', { trusted: [], header: 'no' }],
  ['no header, and no field either', { trusted: ['10.0.0.0/8'], header: false }],
  ['a field that is none', { trusted: [] }, 'x-real-ip'],
  ['any field', { trusted: [] }, true],
  ['a field, and nobody to be believed', 'off', 'forwarded'],
  ['a field, and everybody', 'required', 'x-forwarded-for'],
]

for (const [what, proxy, forwarded] of impossible) {
  test(`refused: ${what}`, () => {
    const make = () => new ProxyTrust(proxy as ProxyOption, forwarded as ForwardedOption)
    assert.throws(make, { code: 'ERR_OPTION' })
  })
}

/** Where a request is from by these fields, as text. */
function from(forwarded: ForwardedOption, under: Endpoint, fields: Record<string, string>): string {
  const trust = new ProxyTrust({ trusted: ['10.0.0.0/8', '::1'], header: false }, forwarded)
  const { remoteAddress, remotePort, remoteFamily, encrypted, localPort } = trust.endpointOf(under, {
    field: (name) => (Object.hasOwn(fields, name) ? fields[name] : undefined),
  })
  return [remoteAddress, remotePort, remoteFamily, encrypted === true ? 'tls' : 'plain', localPort].join(' ')
}

const proxy: Endpoint = {
  remoteAddress: '::ffff:10.0.0.1',
  remotePort: 1,
  remoteFamily: 'IPv6',
  localPort: 80,
}
const stranger: Endpoint = { ...proxy, remoteAddress: '192.0.2.9' }

test('X-Forwarded-For and X-Forwarded-Proto, from those who are trusted', () => {
  const fields = { 'x-forwarded-for': '198.51.100.7, 192.0.2.1', 'x-forwarded-proto': 'https' }
  assert.equal(from('x-forwarded-for', proxy, fields), '192.0.2.1  IPv4 tls 80')
  assert.equal(
    from('x-forwarded-for', proxy, { 'x-forwarded-for': '2001:DB8:0::1' }),
    '2001:db8::1  IPv6 plain 80',
  )
  assert.equal(
    from('x-forwarded-for', proxy, { 'x-forwarded-for': '[2001:db8::1]:99' }),
    '2001:db8::1 99 IPv6 plain 80',
  )
  assert.equal(
    from('x-forwarded-for', proxy, { 'x-forwarded-proto': 'https' }),
    '::ffff:10.0.0.1 1 IPv6 tls 80',
  )
  assert.equal(
    from('x-forwarded-for', { ...proxy, encrypted: true }, { 'x-forwarded-proto': 'http' }),
    '::ffff:10.0.0.1 1 IPv6 plain 80',
  )
  assert.equal(from('x-forwarded-for', stranger, fields), '192.0.2.9 1 IPv6 plain 80')
  assert.equal(
    from('x-forwarded-for', proxy, { forwarded: 'for=192.0.2.1' }),
    '::ffff:10.0.0.1 1 IPv6 plain 80',
  )
})

test('Forwarded, from those who are trusted', () => {
  const fields = { forwarded: 'for=198.51.100.7, for="192.0.2.1:99";proto=https, for=10.0.0.2' }
  assert.equal(from('forwarded', proxy, fields), '192.0.2.1 99 IPv4 tls 80')
  assert.equal(from('forwarded', stranger, fields), '192.0.2.9 1 IPv6 plain 80')
  assert.equal(
    from('forwarded', proxy, { 'x-forwarded-for': '192.0.2.1' }),
    '::ffff:10.0.0.1 1 IPv6 plain 80',
  )
})

test('what nobody has asked for, or can be believed, is not read', () => {
  const fields = { 'x-forwarded-for': '192.0.2.1', forwarded: 'for=192.0.2.1' }
  assert.equal(
    new ProxyTrust({ trusted: ['10.0.0.0/8'] }, false).endpointOf(proxy, { field: assert.fail }),
    proxy,
  )
  assert.equal(from('forwarded', { ...proxy, proxied: UNTOLD }, fields), '::ffff:10.0.0.1 1 IPv6 plain 80')
  assert.equal(from('forwarded', { localPort: 80 }, fields), '   plain 80')
})

test('after a PROXY header the client that it has told of must be trusted, too', () => {
  const fields = { forwarded: 'for=192.0.2.1' }
  assert.equal(from('forwarded', { ...stranger, proxied: TOLD }, fields), '192.0.2.9 1 IPv6 plain 80')
  assert.equal(from('forwarded', { ...proxy, proxied: TOLD }, fields), '192.0.2.1  IPv4 plain 80')
})

test('an address as it is compared', () => {
  const cases = {
    '10.0.0.1': '10.0.0.1',
    '::ffff:10.0.0.1': '10.0.0.1',
    'fe80::1%eth0': 'fe80::1',
    '::ffff:1': '::ffff:1',
    '': '',
  }
  for (const [address, bare] of Object.entries(cases)) assert.equal(bareAddress(address), bare)
})

function behindProxy(t: TestContext, options: ServerOptions = {}): Promise<Serving> {
  const proxy: ProxyOption = { trusted: ['127.0.0.0/8'], header: false }
  return serve(t, { proxy, forwarded: 'x-forwarded-for', ...options }, (_message, client, writer) => {
    writer.write(`${client.remoteAddress} ${client.encrypted ? 'tls' : 'plain'} ${client.remotePort}`)
  })
}

function post(fields: string): string {
  return `POST / HTTP/1.1\r\nHost: a.example\r\n${fields}Content-Length: 1\r\n\r\nx`
}

test('each request on a connection is from whom it names', async (t) => {
  const serving = await behindProxy(t)
  const peer = await join(t, serving.port)
  await peer
    .send(post('X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n'))
    .receives('192.0.2.1 tls undefined')
  await peer.send(post('X-Forwarded-For: 192.0.2.2:7\r\n')).receives('192.0.2.2 plain 7')
  await peer.send(post('')).receives(`127.0.0.1 plain ${peer.socket.localPort}`)
  assert.deepEqual(serving.log, ['connect http'])
})

test('it is on a connection of node:http, and on HTTP/2', async (t) => {
  const serving = await behindProxy(t, { key, cert })
  serving.server.on('request', (_request, response) => response.end('page'))
  const peer = await join(t, serving.port)
  await peer.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n').receives('page')
  await peer
    .send(post('X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n'))
    .receives('192.0.2.1 tls')
  await peer.send(post('')).receives('127.0.0.1 plain')
  const { connect } = await import('node:http2')
  const session = connect(`http://127.0.0.1:${serving.port}`)
  t.after(() => session.destroy())
  let text = ''
  for (const fields of [{ 'x-forwarded-for': '192.0.2.3' }, {}]) {
    const stream = session.request({ ':method': 'POST', ':path': '/', ...fields })
    stream.end('x')
    for await (const chunk of stream) text += `${chunk};`
  }
  assert.match(text, /^192\.0\.2\.3 plain undefined;127\.0\.0\.1 plain \d+;$/)
})

const UPGRADE =
  'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'

test('a WebSocket is from whom its request names, and its origin is what the browser has seen', async (t) => {
  const serving = await behindProxy(t)
  const fields = 'X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nOrigin: https://a.example\r\n'
  const peer = await join(t, serving.port)
  await peer.send(`GET / HTTP/1.1\r\nHost: a.example\r\n${UPGRADE}${fields}\r\n`).receives('HTTP/1.1 101')
  const { remoteAddress, remoteFamily, encrypted, localPort } = serving.clients[0]!.client
  assert.deepEqual(
    [remoteAddress, remoteFamily, encrypted, localPort],
    ['192.0.2.1', 'IPv4', true, serving.port],
  )
  const plain = await join(t, serving.port)
  plain.send(`GET / HTTP/1.1\r\nHost: a.example\r\n${UPGRADE}Origin: https://a.example\r\n\r\n`)
  assert.match(await plain.finished(), /^HTTP\/1\.1 403/)
})

test('a page that was loaded over TLS may send messages through the proxy that ends it', async (t) => {
  const serving = await behindProxy(t)
  const peer = await join(t, serving.port)
  const origin = 'Origin: https://a.example\r\n'
  await peer.send(post(`${origin}X-Forwarded-Proto: https\r\n`)).receives('127.0.0.1 tls')
  peer.send(post(origin))
  assert.match(await peer.finished(), /HTTP\/1\.1 403/)
})

test('without the option neither field is believed, from anybody', async (t) => {
  const serving = await serve(
    t,
    {},
    (_message, client, writer) => void writer.write(String(client.remoteAddress)),
  )
  const peer = await join(t, serving.port)
  await peer.send(post('X-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.1\r\n')).receives('127.0.0.1')
})

test('a PROXY header is refused where the proxies send none', async (t) => {
  const serving = await behindProxy(t)
  assert.equal(await ask(t, serving.port, 'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nhello\n'), '')
  assert.deepEqual(serving.errors, ['ERR_PROXY_UNEXPECTED'])
})

test('over TLS, too', async (t) => {
  const serving = await behindProxy(t, { key, cert })
  const peer = await joinTls(t, serving.port, { ALPNProtocols: ['http/1.1'] })
  await peer.send(post('X-Forwarded-For: 192.0.2.1\r\n')).receives('192.0.2.1 tls')
})
