import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { DatagramDuplex } from '../src/node/udp/datagram-duplex.ts'
import { STUN, startSender } from './support/datagrams.ts'
import { serve, until } from './support/serving.ts'

interface Opened {
  readonly duplex: DatagramDuplex
  readonly log: string[]
}

function open(): Opened {
  const log: string[] = []
  const duplex = new DatagramDuplex(
    {
      remoteAddress: '192.0.2.1',
      remotePort: 1,
      remoteFamily: 'IPv4',
      localAddress: '192.0.2.2',
      localPort: 2,
    },
    {
      send: (bytes) => log.push(`sent ${Buffer.from(bytes)}`) > 0,
      prove: () => void log.push('proven'),
      close: () => void log.push('closed'),
    },
  )
  return { duplex, log }
}

test('it tells both ends', () => {
  const { remoteAddress, remotePort, remoteFamily, localAddress, localPort } = open().duplex
  assert.deepEqual(
    [remoteAddress, remotePort, remoteFamily, localAddress, localPort],
    ['192.0.2.1', 1, 'IPv4', '192.0.2.2', 2],
  )
})

test('a datagram is one read, and a write is a datagram', async () => {
  const { duplex, log } = open()
  duplex.receive(Buffer.from('one'))
  duplex.receive(Buffer.alloc(0))
  duplex.receive(Buffer.from('two'))
  assert.deepEqual(
    [duplex.read(), duplex.read(), duplex.read(), duplex.read()].map((each) => each && String(each)),
    ['one', '', 'two', null],
  )
  duplex.write('text')
  duplex.write(Buffer.from('bytes'))
  duplex.prove()
  assert.deepEqual(log, ['sent text', 'sent bytes', 'proven'])
})

test('256 wait to be read, and what comes beyond is dropped', () => {
  const { duplex } = open()
  let taken = 0
  for (let count = 0; count < 300; count++) if (duplex.receive(Buffer.of(1))) taken++
  assert.equal(taken, 256)
  duplex.read()
  assert.equal(duplex.receive(Buffer.of(1)), true)
})

test('its end is the end of both sides', async () => {
  const { duplex, log } = open()
  duplex.resume()
  duplex.end('last')
  await once(duplex, 'finish')
  duplex.leave()
  await once(duplex, 'close')
  assert.equal(log[0], 'sent last')
  assert.equal(log.at(-1), 'closed')
  assert.equal(duplex.receive(Buffer.of(1)), false)
})

test('a sender that is gone: what waits can still be read, and then it ends', async () => {
  const { duplex } = open()
  duplex.receive(Buffer.from('one'))
  duplex.leave()
  const read: string[] = []
  for await (const bytes of duplex) read.push(String(bytes))
  assert.deepEqual(read, ['one'])
  duplex.leave()
})

test('destroyed, it has let go of its sender', async () => {
  const { duplex, log } = open()
  duplex.destroy()
  await once(duplex, 'close')
  assert.deepEqual(log, ['closed'])
})

test('a function may read it by async iteration; the idle time ends it', async (t) => {
  const serving = await serve(t, { udp: { idleTimeout: 60 } })
  const read: number[] = []
  let ended = false
  serving.server.route('stun', async (datagrams) => {
    for await (const bytes of datagrams) read.push(bytes.length)
    ended = true
  })
  const sender = await startSender(t, serving.port)
  await sender.send(STUN)
  await sender.send('anything')
  await until(() => ended)
  assert.deepEqual(read, [20, 8])
  assert.equal(serving.server.stats().udp!.peers, 0)
})

test('to end it is to forget the sender: its next datagram is a new one’s', async (t) => {
  const serving = await serve(t, { udp: true })
  let opened = 0
  serving.server.route('stun', (datagrams) => {
    opened++
    datagrams.end(`answer ${opened}`)
  })
  const sender = await startSender(t, serving.port)
  for (let count = 1; count <= 3; count++) {
    await sender.send(STUN)
    await sender.receives(`answer ${count}`)
    await until(() => serving.server.stats().udp!.peers === 0)
  }
})

test('close ends those of functions; a write after it goes nowhere', async (t) => {
  const serving = await serve(t, { udp: true })
  const duplexes: DatagramDuplex[] = []
  serving.server.route('stun', (datagrams) => void duplexes.push(datagrams.resume()))
  const sender = await startSender(t, serving.port)
  await sender.send(STUN)
  await until(() => duplexes.length === 1)
  serving.server.close()
  duplexes[0]!.on('error', () => {})
  duplexes[0]!.write('late')
  await until(() => duplexes[0]!.destroyed)
  await sleep(10)
  assert.deepEqual(sender.received, [])
})
