import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { pipeline } from 'node:stream/promises'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import * as wesos from '../src/compat/wesos/index.ts'
import { collect, get, open } from './support/facades.ts'
import { join, until } from './support/serving.ts'
import { HANDSHAKE, MIB, meet, serve, settled } from './support/wesos-serving.ts'

test('while nobody reads an Incoming, the client is not read from', async (t) => {
  const { client, wsocket } = await meet(t)
  const arrived = once(wsocket, 'message')
  const sent = randomBytes(12 * MIB)
  client.write(sent)
  const [incoming] = (await arrived) as [wesos.Incoming]
  assert.ok((await settled(() => client.writableLength)) > 2 * MIB, 'it waits at the client')
  assert.ok(incoming.readableLength < MIB)
  const hash = createHash('sha1')
  await pipeline(incoming, hash)
  assert.equal(hash.digest('hex'), createHash('sha1').update(sent).digest('hex'))
})

test('a message larger than what is gathered passes from Incoming to Outgoing, in fragments', async (t) => {
  const { client, wsocket } = await meet(t, { gatherLimit: MIB })
  wsocket.on('message', (incoming: wesos.Incoming) => {
    incoming.pipe(new wesos.Outgoing(wsocket, { binary: !incoming.isText }))
  })
  const sent = randomBytes(8 * MIB)
  client.write(sent)
  const [message] = (await once(client, 'message')) as [Buffer]
  assert.ok(message.equals(sent))
})

test('a socket that is not read from does not read from its client', async (t) => {
  const { client, wsocket } = await meet(t)
  const message = 'x'.repeat(64 * 1024)
  const count = 200
  for (let index = 0; index < count; index++) client.write(message)
  assert.ok((await settled(() => client.writableLength)) > 4 * MIB, 'they wait at the client')
  assert.equal(wsocket.readableLength, 0)
  let read = 0
  for await (const each of wsocket) {
    assert.equal(each, message)
    if (++read === count) break
  }
  assert.equal(read, count)
})

test('writing to a socket whose client does not read waits', async (t) => {
  const { wserver, port } = await serve(t)
  const opened = once(wserver, 'open')
  const slow = await join(t, port)
  await slow.send(get('/', HANDSHAKE)).receives('\r\n\r\n')
  slow.socket.pause()
  const [wsocket] = (await opened) as [wesos.Socket]
  let written = 0
  const message = Buffer.alloc(256 * 1024)
  wsocket.on('drain', fill)
  function fill(): void {
    while (written < 100 && wsocket.write(message)) written++
    if (written < 100) written++
  }
  fill()
  await sleep(100)
  assert.ok(written < 100, `${written} were taken`)
  slow.socket.resume()
  await until(() => written === 100)
})

test('a message that is read whole has a limit', async (t) => {
  const { client, wsocket } = await meet(t, { gatherLimit: 1000 })
  const errors: Error[] = []
  const seen: unknown[] = []
  wsocket.on('error', (error: Error) => errors.push(error))
  wsocket.on('data', (message: string) => seen.push(message.length))
  client.write('x'.repeat(1000))
  await until(() => seen.length === 1)
  client.write('x'.repeat(1001))
  assert.deepEqual(await once(client, 'close'), [1009, ''])
  assert.deepEqual([seen, errors.length], [[1000], 1])
  assert.match(errors[0]!.message, /1000 bytes/)
})

test('an Incoming that is given up lets the next one pass', async (t) => {
  const { client, wsocket } = await meet(t)
  const seen: number[] = []
  wsocket.on('message', async (incoming: wesos.Incoming) => {
    if (seen.length === 0) {
      seen.push(0)
      incoming.destroy()
      return
    }
    let length = 0
    for await (const piece of incoming) length += piece.length
    seen.push(length)
  })
  client.write(Buffer.alloc(2 * MIB))
  client.write('next')
  await until(() => seen.length === 2)
  assert.deepEqual(seen, [0, 4])
})

test('a message that is cut off fails its Incoming, is none to who reads, and ends no process', async (t) => {
  const { wserver, port } = await serve(t)
  const failed: unknown[] = []
  const read: unknown[] = []
  let ends = 0
  wserver.on('open', (wsocket: wesos.Socket) => {
    wsocket.on('message', (incoming: wesos.Incoming) => {
      incoming.on('error', (error) => failed.push(error))
      incoming.resume()
    })
    wsocket.on('data', (message) => read.push(message))
    wsocket.on('end', () => ends++)
  })
  const peer = await join(t, port)
  await peer.send(get('/', HANDSHAKE)).receives('\r\n\r\n')
  peer.send('\x81\x82\0\0\0\0ok\x81\xfe\x10\x00\0\0\0\0beginning')
  await until(() => read.length === 1)
  peer.socket.destroy()
  await until(() => ends === 1 && failed.length === 1)
  assert.deepEqual(read, ['ok'])
})

test('messages that nobody has read by the time of the end are still there', async (t) => {
  const { client, wsocket } = await meet(t)
  for (const text of ['a', 'b', 'c']) client.write(text)
  client.close()
  await once(client, 'close')
  await until(() => wsocket.writer.ended)
  const messages: unknown[] = []
  for await (const message of wsocket) messages.push(message)
  assert.deepEqual(messages, ['a', 'b', 'c'])
})

test('writing to a client that is gone fails, and ends no process', async (t) => {
  const { client, wsocket } = await meet(t)
  client.destroy()
  await once(wsocket, 'close')
  const errors = [
    new Promise((resolve) => wsocket.write('x', resolve)),
    new Promise((resolve) => new wesos.Outgoing(wsocket).end('x').on('error', resolve)),
    new Promise((resolve) => new wesos.Outgoing(wsocket).on('error', resolve).write('x')),
  ]
  for (const error of await Promise.all(errors)) assert.ok(error instanceof Error)
})

test('destroy cuts the client; so does an Outgoing that is given up half-way', async (t) => {
  const first = await meet(t)
  first.wsocket.destroy()
  assert.deepEqual(await once(first.client, 'close'), [1006, ''])
  const second = await meet(t)
  const outgoing = new wesos.Outgoing(second.wsocket)
  outgoing.write('half')
  await sleep(20)
  outgoing.destroy()
  assert.deepEqual(await once(second.client, 'close'), [1006, ''])
})

test('a version without binary takes an Outgoing of bytes as text, and none that has to be binary', async (t) => {
  const { client, wsocket } = await meet(t, {}, { version: 'hixie-76' })
  const received = collect(client)
  const outgoing = new wesos.Outgoing(wsocket)
  outgoing.write(Buffer.from('by'))
  outgoing.end(Buffer.from('tes'))
  await until(() => received.length === 1)
  assert.deepEqual(received, [{ text: 'bytes', isText: true }])
  const binary = new wesos.Outgoing(wsocket, { binary: true })
  const failed = new Promise<NodeJS.ErrnoException>((resolve) => binary.on('error', resolve))
  binary.write('x')
  assert.equal((await failed).code, 'ERR_WS_BINARY_UNSUPPORTED')
})

test('what is no message is refused', async (t) => {
  const { wserver, wsocket } = await meet(t)
  assert.throws(() => new wesos.Outgoing({} as wesos.Socket), TypeError)
  const failed = new Promise((resolve) => wserver.write({}, resolve))
  assert.ok((await failed) instanceof TypeError)
  assert.equal(wsocket.writable, true)
})

test('a client that does not read sets the pace of the broadcast, and when it goes all goes on', async (t) => {
  const { wserver, port } = await serve(t)
  wserver.on('open', (wsocket: wesos.Socket) => wsocket.pipe(wserver))
  const slow = await join(t, port)
  await slow.send(get('/', HANDSHAKE)).receives('\r\n\r\n')
  slow.socket.pause()
  const client = await open(t, port, { compression: false, writeLimit: Number.POSITIVE_INFINITY })
  const received = collect(client)
  const message = 'x'.repeat(256 * 1024)
  const count = 160
  for (let index = 0; index < count; index++) client.write(message)
  assert.ok((await settled(() => client.writableLength)) > 4 * MIB, 'they wait at who sends them')
  assert.ok(received.length < count)
  slow.socket.destroy()
  await until(() => received.length === count)
})
