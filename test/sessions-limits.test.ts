/** What may wait for a client, and what of it: text, so many bytes and messages, and an application that takes its time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openSession } from './support/open-session.ts'
import { join, until } from './support/serving.ts'
import { SessionClient } from './support/session-clients.ts'
import { serveSessions, WIRES } from './support/session-wires.ts'

test('all is text: bytes go out as such where they are UTF-8, and are refused where they are not', async (t) => {
  const { serving, client, writer } = await openSession(t, 'xhr-polling')
  writer.write(Buffer.from('bytes'))
  writer.write(new TextEncoder().encode('€'))
  const refused = { code: 'ERR_SESSION_BINARY_UNSUPPORTED' }
  assert.throws(() => writer.write(Buffer.of(0xff)), refused)
  assert.throws(() => writer.write(Buffer.from('text'), { binary: true }), refused)
  assert.equal(serving.server.send(serving.clients[0]!.client, Buffer.of(0xff)), false)
  serving.server.broadcast(Buffer.of(0xff))
  assert.deepEqual(serving.errors, ['ERR_SESSION_BINARY_UNSUPPORTED', 'ERR_SESSION_BINARY_UNSUPPORTED'])
  serving.server.broadcast(Buffer.from('all'))
  await client.once()
  assert.deepEqual(client.received, ['bytes', '€', 'all'])
})

test('a message that is streamed is sent whole', async (t) => {
  const { client, writer } = await openSession(t, 'xhr-polling')
  const stream = writer.stream({ json: true })
  stream.write('[1,')
  stream.end('2]')
  await client.once()
  assert.deepEqual(client.received, ['~j~[1,2]'])
})

test('the limit of what waits, in bytes', async (t) => {
  const { serving, client, writer } = await openSession(t, 'xhr-polling', { writeLimit: 100 })
  assert.equal(writer.write('x'.repeat(100)), true)
  assert.equal(writer.write('y'), false)
  assert.deepEqual(serving.log.slice(1), ['error ERR_SESSION_WRITE_LIMIT', 'disconnect xhr-polling'])
  await client.once()
  assert.equal(client.refused, 404)
})

test('the limit of what waits, in messages', async (t) => {
  const { serving, writer } = await openSession(t, 'xhr-polling', { writeCount: 10 })
  // The id counts, too, until it is known to have arrived.
  for (let count = 1; count < 10; count++) assert.equal(writer.write(''), true)
  assert.equal(writer.write(''), false)
  assert.deepEqual(serving.errors, ['ERR_SESSION_WRITE_LIMIT'])
})

test('without an own limit the server’s holds', async (t) => {
  const { serving, writer } = await openSession(t, 'xhr-polling', {}, { writeLimit: 50 })
  writer.write('x'.repeat(51))
  assert.deepEqual(serving.errors, ['ERR_SESSION_WRITE_LIMIT'])
})

test('what waits for clients counts for the budget of all: the largest goes', async (t) => {
  const { serving, writer } = await openSession(t, 'xhr-polling', {}, { bufferLimit: 10_000 })
  const other = new SessionClient(serving.ask, 'xhr-polling')
  other.polling = false
  await other.connect()
  writer.write('x'.repeat(6_000))
  serving.clients[1]!.writer.write('y'.repeat(5_000))
  await until(() => serving.log.length === 4)
  assert.deepEqual(serving.log.slice(2), ['error ERR_BUFFER_LIMIT', 'disconnect xhr-polling'])
  assert.deepEqual([writer.ended, serving.clients[1]!.writer.ended], [true, false])
})

test('back-pressure: write says when to wait, and drain when the client has it', async (t) => {
  const { client, writer } = await openSession(t, 'xhr-polling', { highWater: 10 })
  assert.equal(writer.write('123456789'), true)
  assert.equal(writer.write('0'), false)
  let drained = false
  writer.on('drain', () => {
    drained = true
  })
  await client.once()
  assert.deepEqual([drained, writer.writableNeedDrain, writer.writableLength], [false, true, 10])
  // That it asks again shows that it has read the answer.
  void client.once()
  await until(() => drained)
  assert.deepEqual([writer.writableNeedDrain, writer.writableLength], [false, 0])
  writer.close()
})

test('an application that takes its time: requests wait, and nothing is lost', async (t) => {
  const serving = await serveSessions(t)
  serving.server.removeAllListeners('message')
  const client = new SessionClient(serving.ask, 'xhr-polling')
  client.polling = false
  await client.connect()
  const iterator = serving.clients[0]!.client[Symbol.asyncIterator]()
  const texts = Array.from({ length: 300 }, (_, index) => `first ${index}`)
  assert.equal(await client.send(...texts), 200)
  let answered = false
  const behind = client.send('behind').then((status) => {
    answered = true
    return status
  })
  await sleep(30)
  assert.equal(answered, false)
  for (const text of texts) assert.equal((await iterator.next()).value, text)
  assert.equal((await iterator.next()).value, 'behind')
  assert.equal(await behind, 200)
})

test('a client that goes while its requests wait leaves nothing behind', async (t) => {
  const serving = await serveSessions(t)
  serving.server.removeAllListeners('message')
  const client = new SessionClient(serving.ask, 'xhr-polling')
  client.polling = false
  await client.connect()
  const { client: seen, writer } = serving.clients[0]!
  const iterator = seen[Symbol.asyncIterator]()
  await client.send(...Array.from({ length: 300 }, String))
  const behind = client.send('behind')
  await sleep(20)
  writer.destroy()
  // Nobody has heard it.
  assert.equal(await behind, 404)
  assert.deepEqual(serving.errors, ['ERR_SESSION_UNKNOWN'])
  let count = 0
  for await (const _ of { [Symbol.asyncIterator]: () => iterator }) count++
  assert.equal(count, 300)
})

for (const wire of WIRES) {
  test(`${wire}: only so many sessions come from one address`, async (t) => {
    const { serving, writer } = await openSession(t, 'xhr-polling', { maxSessionsPerAddress: 2 }, {}, wire)
    const open = async () => (await serving.ask('/socket.io/xhr-polling/')).status
    assert.deepEqual([await open(), await open()], [200, 503])
    assert.deepEqual(serving.errors, ['ERR_SESSION_TOO_MANY'])
    writer.destroy()
    assert.deepEqual([await open(), await open()], [200, 503])
  })
}

for (const wire of WIRES.filter((each) => each !== 'http2')) {
  test(`${wire}: what comes for a session that ends meanwhile is not said to be heard`, async (t) => {
    const { serving, client, writer } = await openSession(t, 'xhr-polling', {}, {}, wire)
    const peer = await join(t, serving.port)
    // From its first request for the application on, a connection is node:http's.
    if (wire === 'handed') {
      peer.send('GET /application HTTP/1.1\r\nHost: localhost\r\n\r\n')
      await peer.receives('application')
    }
    peer.send(`POST /socket.io/xhr-polling/${client.id}/send HTTP/1.1\r\nHost: localhost\r\n`)
    peer.send('Content-Length: 16\r\n\r\ndata=~m~4~m~')
    await sleep(30)
    writer.destroy()
    peer.send('late')
    await peer.receives('HTTP/1.1 404 Not Found')
    assert.deepEqual(serving.messages, [])
    assert.deepEqual(serving.errors, ['ERR_SESSION_UNKNOWN'])
  })
}

test('an address is the one that a proxy tells of', async (t) => {
  const sessions = { maxSessionsPerAddress: 1 }
  const proxy = { trusted: ['127.0.0.1'], header: false as const }
  const serving = await serveSessions(t, { sessions, proxy, forwarded: 'x-forwarded-for' })
  const open = async (from: string) =>
    (await serving.ask('/socket.io/xhr-polling/', { headers: { 'x-forwarded-for': from } })).status
  assert.deepEqual([await open('192.0.2.1'), await open('192.0.2.2')], [200, 200])
  assert.deepEqual([await open('192.0.2.1'), await open('::ffff:192.0.2.2')], [503, 503])
})
