import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Server } from '../src/index.ts'
import { DTLS, quicInitial, STUN, startDatagramTarget, startSender, WIREGUARD } from './support/datagrams.ts'
import { join, serve, until } from './support/serving.ts'
import { closedPort } from './support/targets.ts'
import { uncaught } from './support/uncaught.ts'

test('each datagram is a message, and each answer a datagram to its sender', async (t) => {
  const serving = await serve(t, { udp: true })
  const [one, other] = [await startSender(t, serving.port), await startSender(t, serving.port)]
  await one.send('hello\n')
  await other.send('\xff\x00')
  await one.receives('hello\n')
  await other.receives('\xff\x00')
  await one.send('again')
  await one.receives('again')
  assert.deepEqual(serving.log, ['connect udp', 'connect udp'])
  const { client } = serving.clients[0]!
  assert.deepEqual(
    [client.protocol, client.version, client.remoteAddress, client.remotePort, client.remoteFamily],
    ['udp', undefined, '127.0.0.1', one.port, 'IPv4'],
  )
  assert.deepEqual([client.localPort, client.encrypted], [serving.port, false])
  assert.deepEqual(serving.server.stats().udp, {
    received: 3,
    sent: 3,
    peers: 2,
    dropped: 0,
    refused: 0,
    faults: 0,
  })
})

test('TCP on the same number is served as ever', async (t) => {
  const serving = await serve(t, { udp: true })
  const peer = await join(t, serving.port)
  await peer.send('hello\n').receives('hello\n')
})

test('text is told by its bytes', async (t) => {
  const texts: boolean[] = []
  const serving = await serve(t, { udp: true }, (_message, client) => void texts.push(client.isText))
  const sender = await startSender(t, serving.port)
  for (const [count, bytes] of ['hello', '\xff', 'h\xc3\xa9'].entries()) {
    await sender.send(bytes)
    await until(() => texts.length === count + 1)
  }
  assert.deepEqual(texts, [true, false, true])
})

test('an empty datagram is a message, too', async (t) => {
  const serving = await serve(t, { udp: true })
  const sender = await startSender(t, serving.port)
  await sender.send('')
  await until(() => serving.messages.length === 1)
  assert.deepEqual(serving.messages, [''])
})

test('a large one whole, and one that cannot be sent is not', async (t) => {
  const sizes: (number | boolean)[] = []
  const serving = await serve(t, { udp: { amplification: 100 } }, (message, _client, writer) => {
    sizes.push(message.length, writer.write(Buffer.alloc(70_000)), writer.write(message))
  })
  const sender = await startSender(t, serving.port)
  await sender.send('x'.repeat(60_000))
  await sender.receives('x'.repeat(60_000))
  assert.deepEqual(sizes, [60_000, false, true])
  assert.deepEqual(serving.errors, [])
  await sender.send('alive')
  await sender.receives('alive')
})

test('an address that has proven nothing is sent three times what came from it, and no more', async (t) => {
  const results: boolean[] = []
  const serving = await serve(t, { udp: true }, (_message, _client, writer) => {
    for (let count = 0; count < 3; count++) results.push(writer.write('0123456789'))
    results.push(writer.write('x'))
  })
  const sender = await startSender(t, serving.port)
  await sender.send('0123456789')
  await until(() => results.length === 4)
  assert.deepEqual(results, [true, true, true, false])
  assert.equal(serving.server.stats().udp!.refused, 1)
  await until(() => sender.received.length === 3)
})

for (const [amplification, sent] of [
  [1, 1],
  [2.5, 2],
  [Number.POSITIVE_INFINITY, 10],
] as const) {
  test(`with amplification ${amplification} it is ${sent} of ten`, async (t) => {
    const serving = await serve(t, { udp: { amplification } }, (message, _client, writer) => {
      for (let count = 0; count < 10; count++) writer.write(message)
    })
    const sender = await startSender(t, serving.port)
    await sender.send('0123456789')
    await until(() => sender.received.length === sent)
    await sleep(20)
    assert.equal(sender.received.length, sent)
  })
}

test('one that is quiet for the idle time is gone, and comes again as a new one', async (t) => {
  const serving = await serve(t, { udp: { idleTimeout: 80 }, sniffTimeout: 80 })
  const sender = await startSender(t, serving.port)
  await sender.send('one')
  await until(() => serving.log.includes('disconnect udp'))
  assert.equal(serving.server.clients.size, 0)
  assert.equal(serving.server.stats().udp!.peers, 0)
  assert.equal(serving.clients[0]!.writer.write('late'), false)
  assert.equal(serving.clients[0]!.writer.ended, true)
  await sender.send('two')
  await until(() => serving.clients.length === 2)
  assert.notEqual(serving.clients[0]!.client.id, serving.clients[1]!.client.id)
})

test('only so many senders are known at once; the newest is dropped', async (t) => {
  const serving = await serve(t, { udp: { maxPeers: 2 } })
  const senders = [
    await startSender(t, serving.port),
    await startSender(t, serving.port),
    await startSender(t, serving.port),
  ]
  for (const [count, sender] of senders.entries()) {
    await sender.send(`from ${count}`)
    await until(() => serving.messages.length === Math.min(count + 1, 2))
  }
  await until(() => serving.server.stats().udp!.dropped === 1)
  assert.deepEqual(serving.messages, ['from 0', 'from 1'])
  serving.clients[0]!.writer.close()
  await senders[2]!.send('now')
  await senders[2]!.receives('now')
})

test('by IPv6', async (t) => {
  const server = new Server((message, _client, writer) => writer.write(message), { udp: true })
  t.after(() => server.shutdown({ timeout: 5 }))
  server.listen(0, '::1')
  await once(server, 'listening')
  const sender = await startSender(t, (server.address() as AddressInfo).port, '::1')
  await sender.send('hello')
  await sender.receives('hello')
  const [client] = server.clients.values()
  assert.deepEqual([client!.remoteAddress, client!.remoteFamily], ['::1', 'IPv6'])
})

test('a number that is taken is an error of the server', async (t) => {
  const taken = createSocket('udp4')
  taken.bind(0, '127.0.0.1')
  await once(taken, 'listening')
  t.after(() => taken.close())
  const server = new Server({ udp: true })
  t.after(() => server.close())
  server.listen(taken.address().port, '127.0.0.1')
  const [error] = (await once(server, 'error')) as [NodeJS.ErrnoException]
  assert.equal(error.code, 'EADDRINUSE')
})

test('close lets the clients go and the number free; it can be listened on again', async (t) => {
  const serving = await serve(t, { udp: true })
  const sender = await startSender(t, serving.port)
  await sender.send('one')
  await sender.receives('one')
  const closed = once(serving.server, 'close')
  serving.server.close()
  await closed
  assert.deepEqual(serving.log, ['connect udp', 'disconnect udp'])
  const { writer } = serving.clients[0]!
  assert.deepEqual([writer.write('late'), writer.writableLength, writer.ended], [false, 0, true])
  serving.server.listen(serving.port, '127.0.0.1')
  await once(serving.server, 'listening')
  await until(() => {
    void sender.send('two')
    return sender.texts.includes('two')
  })
})

test('what listeners throw at the end of one client leaves none of the others behind, and the number free', async (t) => {
  const caught = uncaught(t)
  const serving = await serve(t, { udp: true })
  for (const name of ['one', 'two']) {
    const sender = await startSender(t, serving.port)
    await sender.send(name)
    await sender.receives(name)
    serving.clients.at(-1)!.writer.on('close', () => {
      throw new Error(`close ${name}`)
    })
  }
  const closed = once(serving.server, 'close')
  serving.server.close()
  await closed
  assert.deepEqual(serving.log.slice(2), ['disconnect udp', 'disconnect udp'])
  assert.deepEqual(caught, ['close one', 'close two'])
  const free = createSocket('udp4').bind(serving.port, '127.0.0.1')
  t.after(() => free.close())
  await once(free, 'listening')
})

test('who may be sent no more hears drain once he has sent more', async (t) => {
  const serving = await serve(t, { udp: true }, (_message, client, writer) => {
    if (client.data !== undefined) return
    client.data = 'asked'
    assert.equal(writer.write('x'.repeat(100)), false)
    writer.once('drain', () => writer.write('drained'))
  })
  const sender = await startSender(t, serving.port)
  await sender.send('hi')
  await until(() => serving.messages.length === 1)
  await sender.send('hello')
  await sender.receives('drained')
  assert.deepEqual(sender.texts, ['drained'])
})

test('impossible options are refused', () => {
  for (const udp of [
    { maxPeers: 0 },
    { idleTimeout: -1 },
    { amplification: Number.NaN },
    { maxPeers: '1' },
  ]) {
    assert.throws(() => new Server({ udp } as never), { code: 'ERR_OPTION' })
  }
})

const protocols = {
  stun: STUN,
  dtls: DTLS,
  quic: quicInitial('12345678', '87654321'),
  wireguard: WIREGUARD,
} as const

for (const [name, datagram] of Object.entries(protocols) as [keyof typeof protocols, Buffer][]) {
  test(`${name} goes where it is routed to, and comes back; without a route it is a message`, async (t) => {
    const target = await startDatagramTarget(t, (bytes, reply) => reply(`answer to ${bytes.length}`))
    const serving = await serve(t, { udp: true }, () => {})
    const before = await startSender(t, serving.port)
    await before.send(datagram)
    await until(() => serving.messages.length === 1)
    serving.server.route(name, { host: '127.0.0.1', port: target.port })
    const sender = await startSender(t, serving.port)
    for (const each of [datagram, datagram, Buffer.from('whatever follows')]) {
      await sender.send(each)
      await sender.receives(`answer to ${each.length}`)
    }
    assert.deepEqual(target.received.map(String), [datagram, datagram, 'whatever follows'].map(String))
    assert.equal(new Set(target.from).size, 1, 'one port for all of it')
    const text = await startSender(t, serving.port)
    await text.send('hello')
    await until(() => serving.messages.length === 2)
    assert.equal(serving.server.stats().clients, 2)
  })
}

test('a function gets the datagrams of each sender', async (t) => {
  const serving = await serve(t, { udp: true })
  const places: string[] = []
  serving.server.route('stun', (datagrams) => {
    places.push(`${datagrams.remoteAddress} ${datagrams.remotePort} ${datagrams.localPort}`)
    datagrams.on('data', (bytes: Buffer) => datagrams.write(`${bytes.length} bytes`))
  })
  const [one, other] = [await startSender(t, serving.port), await startSender(t, serving.port)]
  for (const sender of [one, other]) {
    await sender.send(STUN)
    await sender.send(STUN)
    await until(() => sender.received.length === 2)
    assert.deepEqual(sender.texts, ['20 bytes', '20 bytes'])
  }
  assert.deepEqual(
    places,
    [one, other].map(({ port }) => `127.0.0.1 ${port} ${serving.port}`),
  )
})

test('what a route sends to an unproven address is bounded, until its protocol has proven it', async (t) => {
  const answer = quicInitial('87654321', 'abcdefgh')
  const target = await startDatagramTarget(t, (_bytes, reply) => {
    for (let count = 0; count < 5; count++) reply(answer)
  })
  const serving = await serve(t, { udp: true })
  serving.server.route('quic', { port: target.port, host: '127.0.0.1' })
  const sender = await startSender(t, serving.port)
  await sender.send(quicInitial('12345678', '87654321'))
  await until(() => serving.server.stats().udp!.refused === 2)
  await until(() => sender.received.length === 3)
  await sender.send(Buffer.concat([Buffer.of(0x41), Buffer.from('abcdefgh')]))
  await until(() => sender.received.length === 8)
  assert.equal(serving.server.stats().udp!.refused, 2)
})

test('a target that is not there: an error of that sender, and the next datagram tries again', async (t) => {
  const serving = await serve(t, { udp: true })
  serving.server.route('stun', { host: '127.0.0.1', port: await closedPort() })
  const sender = await startSender(t, serving.port)
  for (let count = 1; count <= 2; count++) {
    await until(() => {
      void sender.send(STUN)
      return serving.errors.length >= count
    })
  }
  assert.deepEqual(new Set(serving.errors), new Set(['ERR_ROUTE_UNREACHABLE']))
})
