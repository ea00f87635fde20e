import assert from 'node:assert/strict'
import { finished } from 'node:stream/promises'
import { test } from 'node:test'
import { type DatagramSender, UdpClient, type UdpPeer } from '../src/node/udp/udp-client.ts'
import { DatagramPeers } from '../src/raw/index.ts'
import { startSender } from './support/datagrams.ts'
import { join, serve, until } from './support/serving.ts'

/** A client whose datagrams only exist here. */
function open(budget = 1_000): {
  client: UdpClient
  peer: UdpPeer
  sent: string[]
  peers: DatagramPeers<UdpClient>
} {
  const sent: string[] = []
  const peers = new DatagramPeers<UdpClient>({ peerGone() {} })
  const sender: DatagramSender = {
    waiting: 7,
    messageLimit: 10,
    send(peer, bytes) {
      if (!peers.grant(peer, bytes.length)) return false
      sent.push(Buffer.from(bytes).toString())
      return true
    },
    forget: (peer) => peers.remove(peer),
  }
  const peer = peers.receive('192.0.2.1 5000', Math.ceil(budget / 3), 0)!
  return { client: new UdpClient(sender, peer, { remoteAddress: '192.0.2.1' }), peer, sent, peers }
}

test('a write is a datagram, of text or bytes', () => {
  const { client, sent } = open()
  assert.equal(client.writer.write('text'), true)
  assert.equal(client.writer.write(Uint8Array.of(0x41)), true)
  client.writer.end('last')
  client.writer.end()
  assert.deepEqual(sent, ['text', 'A', 'last'])
  assert.equal(client.writer.ended, false)
})

test('a stream is gathered into one', async () => {
  const { client, sent } = open()
  const stream = client.writer.stream()
  stream.write('one ')
  stream.end('two')
  await finished(stream)
  assert.deepEqual(sent, ['one two'])
  const tooLong = client.writer.stream()
  tooLong.write('x'.repeat(11))
  await assert.rejects(finished(tooLong), { code: 'ERR_MESSAGE_TOO_LARGE' })
})

test('without a budget nothing is sent, until the address is proven', () => {
  const { client, sent } = open(3)
  assert.equal(client.writer.write('abcd'), false)
  assert.equal(client.writer.write('abc'), true)
  assert.equal(client.writer.write('d'), false)
  client.writer.prove()
  assert.equal(client.writer.write('x'.repeat(1_000)), true)
  assert.equal(sent.length, 2)
})

test('what waits is the sender’s', () => {
  const { writer } = open().client
  assert.deepEqual([writer.writableLength, writer.writableNeedDrain], [7, false])
})

test('a write that is refused is followed by drain: once the client is heard again, or has proven where it is', async () => {
  const { client, peer } = open(3)
  const { writer } = client
  let drains = 0
  writer.on('drain', () => drains++)
  client.heard()
  assert.equal(writer.write('abcd'), false)
  assert.equal(writer.writableNeedDrain, true)
  client.heard()
  client.heard()
  assert.deepEqual([drains, writer.writableNeedDrain], [1, false])
  writer.write('abcd')
  writer.prove()
  assert.deepEqual([drains, writer.writableNeedDrain, peer.proven], [2, false, true])
  writer.prove()
  assert.equal(drains, 2)
  writer.close()
  assert.deepEqual([writer.write('x'), writer.writableNeedDrain], [false, false])
})

for (const end of ['close', 'destroy'] as const) {
  test(`${end} forgets the client`, () => {
    const { client, peer, sent } = open()
    client.writer[end]()
    assert.deepEqual([peer.present, client.writer.ended, client.writer.write('x')], [false, true, false])
    assert.deepEqual(sent, [])
    assert.equal(client.writer.signal.aborted, true)
  })
}

test('what HTTP has is without meaning here', () => {
  const { writer } = open().client
  assert.equal(writer.setHeader('a', 'b').writeHead(404).getHeader('a'), undefined)
})

test('broadcast and send reach datagrams, too, within their budget', async (t) => {
  const serving = await serve(t, { udp: true }, () => {})
  const [sender, peer] = [await startSender(t, serving.port), await join(t, serving.port)]
  await sender.send('hello')
  peer.send('hello\n')
  await until(() => serving.clients.length === 2)
  serving.server.broadcast('to all')
  await Promise.all([sender.receives('to all'), peer.receives('to all\n')])
  const { client } = serving.clients.find(({ client: { protocol } }) => protocol === 'udp')!
  assert.equal(serving.server.send(client, Buffer.from('one')), true)
  await sender.receives('one')
  assert.equal(serving.server.send(client.id, 'x'.repeat(100)), false)
})

test('a client may prove where it is by what it repeats', async (t) => {
  const serving = await serve(t, { udp: true }, (message, client, writer) => {
    if (String(message) === client.data) {
      writer.prove()
      for (let count = 0; count < 10; count++) writer.write('0123456789')
    } else {
      client.data = client.id
      writer.write(client.id)
    }
  })
  const sender = await startSender(t, serving.port)
  await sender.send('hello!')
  await until(() => sender.received.length === 1)
  await sender.send(sender.texts[0]!)
  await until(() => sender.received.length === 11)
})

test('as an async iterator: while nobody takes its messages, those over the limit are dropped', async (t) => {
  const serving = await serve(t, { udp: { amplification: 100 } }, undefined)
  serving.server.removeAllListeners('message')
  const taken: string[] = []
  serving.server.on('clientConnect', async (client) => {
    for await (const message of client) taken.push(String(message))
  })
  const sender = await startSender(t, serving.port)
  for (let count = 0; count < 5; count++) {
    await sender.send(`${count}`)
    await until(() => taken.length === count + 1)
  }
  assert.deepEqual(taken, ['0', '1', '2', '3', '4'])
  const { client } = open()
  client.halt()
  assert.equal(client.halted, true)
  client.unhalt()
  assert.equal(client.halted, false)
})

test('a halted one is not queued up for: what comes is dropped, and counted', async (t) => {
  const serving = await serve(t, { udp: true })
  serving.server.removeAllListeners('message')
  const sender = await startSender(t, serving.port)
  await sender.send('first')
  await until(() => serving.clients.length === 1)
  for (let count = 0; count < 300; count++) await sender.send(String(count))
  await until(() => serving.server.stats().udp!.dropped > 0)
  const { received, dropped } = serving.server.stats().udp!
  assert.ok(received - dropped <= 256, `${received - dropped} are kept`)
  const late: string[] = []
  serving.server.on('message', (message) => late.push(String(message)))
  await until(() => late.length >= 256)
  assert.equal(late[0], 'first')
  await sender.send('taken again')
  await until(() => late.at(-1) === 'taken again')
})
