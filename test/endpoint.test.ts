import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import { bareAddress, restore, showEndpoint } from '../src/node/endpoint.ts'
import type { ProxyHeader } from '../src/sniff/index.ts'
import { turn } from './support/wire.ts'

/** A stream from which something was read, and its listeners taken off. */
async function readUpTo(text: string, ends: boolean): Promise<{ stream: Duplex; first: Buffer }> {
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
  const chunks: Buffer[] = []
  const onData = (chunk: Buffer) => chunks.push(chunk)
  stream.on('data', onData)
  stream.push(text)
  if (ends) stream.push(null)
  await (ends ? once(stream, 'end') : turn())
  stream.removeListener('data', onData)
  return { stream, first: Buffer.concat(chunks) }
}

const header: ProxyHeader = {
  version: 2,
  command: 'PROXY',
  family: 'IPv4',
  transport: 'stream',
  source: { address: '192.0.2.1', port: 1 },
  destination: { address: '192.0.2.2', port: 2 },
  tlvs: {},
}

test('an address as it is compared', () => {
  const cases: [address: string, bare: string][] = [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::ffff:c000:201', '::ffff:c000:201'],
    ['', ''],
    ['%', ''],
  ]
  for (const [address, bare] of cases) assert.equal(bareAddress(address), bare, address)
})

test('a socket that a proxy has connected tells where the client is; any other one is left alone', () => {
  const told = {
    remoteAddress: '192.0.2.1',
    remotePort: 1,
    remoteFamily: 'IPv4',
    localAddress: '192.0.2.2',
    localPort: 2,
  }
  const socket = new Duplex() as Duplex & typeof told
  showEndpoint(socket, told)
  showEndpoint(socket, { ...told, proxied: { ...header, source: null } })
  assert.equal(Object.hasOwn(socket, 'remoteAddress'), false)
  showEndpoint(socket, { ...told, proxied: header })
  for (const [name, value] of Object.entries(told))
    assert.equal(socket[name as keyof typeof told], value, name)
})

test('what was read is read again, and then what follows', async () => {
  const { stream, first } = await readUpTo('first', false)
  restore(stream, first)
  assert.equal(stream.readableFlowing, null)
  let text = ''
  stream.on('data', (chunk) => {
    text += chunk
  })
  stream.push(' second')
  stream.push(null)
  await once(stream, 'end')
  assert.equal(text, 'first second')
})

test('nothing that was read is nothing that is put back', async () => {
  const { stream } = await readUpTo('', false)
  restore(stream, Buffer.alloc(0))
  assert.deepEqual([stream.readableLength, stream.readableFlowing], [0, null])
})

test('an end that was read is read again', async () => {
  for (const text of ['first', '']) {
    const { stream, first } = await readUpTo(text, true)
    assert.equal(stream.readableEnded, true)
    restore(stream, first)
    assert.deepEqual([stream.readableEnded, stream.readable, stream.writable], [false, true, true])
    let again = ''
    for await (const chunk of stream.iterator({ destroyOnReturn: false })) again += chunk
    assert.equal(again, text)
    assert.equal(stream.readableEnded, true)
  }
})

test('the end of what was put back ends a stream that is not half-open', async () => {
  const { stream, first } = await readUpTo('first', true)
  restore(stream, first)
  stream.allowHalfOpen = false
  stream.resume()
  await once(stream, 'close')
  assert.equal(stream.writableEnded, true)
})
