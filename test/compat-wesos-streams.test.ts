import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import * as wesos from '../src/compat/wesos/index.ts'
import { collect, get, open } from './support/facades.ts'
import { join, until } from './support/serving.ts'
import { HANDSHAKE, MIB, meet, serve, settled } from './support/wesos-serving.ts'

test('what one client does ends no stream that is piped into the server', async (t) => {
  const { wserver, port } = await serve(t)
  const told: unknown[] = []
  wserver.on('clientError', (error, wsocket) => told.push([error.code, wsocket]))
  const ticks = new Readable({ objectMode: true, read() {} })
  let ended = false
  const over = pipeline(ticks, wserver).then(
    () => (ended = true),
    () => (ended = true),
  )
  const generated = pipeline(async function* () {
    yield 'generated'
    await new Promise((resolve) => wserver.once('close', resolve))
  }, wserver).catch(() => {})
  const client = await open(t, port)
  const received = collect(client)
  await (await join(t, port)).send(get('/', HANDSHAKE.replace('13', '99'))).finished()
  const broken = await join(t, port)
  await broken.send(get('/', HANDSHAKE)).receives('\r\n\r\n')
  broken.send('\xff\xff')
  await until(() => told.length === 2)
  ticks.push('tick')
  await until(() => received.some(({ text }) => text === 'tick'))
  assert.deepEqual([ended, wserver.writable], [false, true])
  assert.deepEqual(
    told.map((each) => (each as unknown[])[0]),
    ['ERR_WS_VERSION', 'ERR_WS_RESERVED_BIT'],
  )
  assert.ok((told[1] as unknown[])[1] instanceof wesos.Socket)
  wserver.destroy()
  await Promise.all([over, generated])
})

test('bytes for all leave who has text alone, and the stream that is piped into it, as they are', async (t) => {
  const { wserver, port, wsocket, client } = await meet(t, {}, { version: 'hixie-76' })
  const received = collect(client)
  const ticks = new Readable({ objectMode: true, read() {} })
  const over = pipeline(ticks, wsocket).catch(() => {})
  const told = once(wserver, 'clientError')
  await open(t, port)
  wserver.write(Buffer.from([0xff]))
  const [error, whose] = (await told) as [NodeJS.ErrnoException, wesos.Socket]
  assert.deepEqual([error.code, whose], ['ERR_WS_BINARY_UNSUPPORTED', wsocket])
  ticks.push('tick')
  await until(() => received.length === 1)
  ticks.push(null)
  await over
})

test('bytes that one client cannot have fail who writes them to it', async (t) => {
  const { wsocket } = await meet(t, {}, { version: 'hixie-76' })
  const whole = new Promise((resolve) =>
    new wesos.Outgoing(wsocket).end(Buffer.from([0xff])).on('error', resolve),
  )
  assert.equal(((await whole) as NodeJS.ErrnoException).code, 'ERR_WS_BINARY_UNSUPPORTED')
  assert.equal(wsocket.writable, true)
  const written = new Promise((resolve) => wsocket.write(Buffer.from([0xff]), resolve))
  assert.equal(((await written) as NodeJS.ErrnoException).code, 'ERR_WS_BINARY_UNSUPPORTED')
})

test('a stream that is piped into a socket is given up when the client goes', async (t) => {
  const { client, wsocket } = await meet(t)
  const ticks = new Readable({ objectMode: true, read() {} })
  const over = pipeline(ticks, wsocket)
  client.close()
  await assert.rejects(over)
  assert.equal(ticks.destroyed, true)
})

test('an Outgoing that waits for more to write hears that its client went', async (t) => {
  const { client, wsocket } = await meet(t, { pingInterval: 20 })
  const outgoing = new wesos.Outgoing(wsocket)
  const pieces = new Readable({ read() {} })
  const over = pipeline(pieces, outgoing)
  pieces.push('half')
  await until(() => pieces.readableLength === 0)
  client.destroy()
  await assert.rejects(over, { message: 'Cannot write the message: the client is gone' })
  assert.equal(pieces.destroyed, true)
})

test('messages behind one that is being read do not pile up', async (t) => {
  const { client, wsocket } = await meet(t)
  client.write('first')
  client.write('x'.repeat(40 * 1024))
  const small = 'a small message of some bytes'
  for (let index = 0; index < 200_000; index++) client.write(small)
  const waits = async (): Promise<void> => {
    assert.ok((await settled(() => client.writableLength)) > MIB, 'they wait at the client')
  }
  await waits()
  const messages = wsocket[Symbol.asyncIterator]()
  for (const length of [5, 40 * 1024, small.length, small.length]) {
    assert.equal((await messages.next()).value.length, length)
    await waits()
  }
})

test('highWaterMark: how much waits in an Incoming, and ahead of an Outgoing', async (t) => {
  const { client, wsocket } = await meet(t, { highWaterMark: 1024 })
  const arrived = once(wsocket, 'message')
  client.write(Buffer.alloc(MIB))
  const [incoming] = (await arrived) as [wesos.Incoming]
  assert.equal(incoming.readableHighWaterMark, 1024)
  incoming.resume()
  const outgoing = new wesos.Outgoing(wsocket, { highWaterMark: 3 })
  assert.deepEqual([outgoing.write('ab'), outgoing.write('c')], [true, false])
  outgoing.end()
  assert.deepEqual(new wesos.Incoming({ isText: true, highWaterMark: 7 }).readableHighWaterMark, 7)
  for (const options of [{ highWaterMark: -1 }, { highWaterMark: 0.5 }, { gatherLimit: Number.NaN }]) {
    assert.throws(() => new wesos.Server(options), { code: 'ERR_OPTION' })
  }
  assert.throws(() => new wesos.Server({ gatherLimit: '1' as unknown as number }), { code: 'ERR_OPTION' })
})

test('a message of 100 MiB passes in constant memory, from a client and back to it', async (t) => {
  const unlimited = { messageLimit: Number.POSITIVE_INFINITY }
  const { client, wsocket } = await meet(t, unlimited, { ...unlimited, compression: false, stream: true })
  let most = 0
  wsocket.on('message', (incoming: wesos.Incoming) => {
    const outgoing = new wesos.Outgoing(wsocket, { binary: true })
    incoming.pipe(outgoing).on('drain', () => {
      const { readableLength, writableLength } = incoming
      const held = readableLength + writableLength + outgoing.writableLength + wsocket.writer.writableLength
      most = Math.max(most, held)
    })
  })
  const piece = randomBytes(MIB)
  const [sent, returned] = [createHash('sha1'), createHash('sha1')]
  function* pieces(): Generator<Buffer> {
    for (let index = 0; index < 100; index++) {
      piece[0] = index
      sent.update(piece)
      yield Buffer.from(piece)
    }
  }
  const answered = once(client, 'message').then(([message]) => pipeline(message as Readable, returned))
  await Promise.all([pipeline(pieces, client.stream()), answered])
  assert.equal(returned.digest('hex'), sent.digest('hex'))
  assert.ok(most > 0 && most < 2 * MIB, `${most} bytes were held`)
})

test('an Outgoing keeps its message together', async (t) => {
  const { client, wsocket } = await meet(t)
  const received = collect(client)
  const outgoing = new wesos.Outgoing(wsocket)
  outgoing.write('slow ')
  wsocket.write('quick')
  await sleep(20)
  assert.deepEqual(received, [])
  outgoing.end('message')
  await until(() => received.length === 2)
  assert.deepEqual(
    received.map(({ text }) => text),
    ['slow message', 'quick'],
  )
})

test('a file is piped into an Outgoing, as bytes or as text', async (t) => {
  const { client, wsocket } = await meet(t)
  const received = collect(client)
  const path = new URL('../README.md', import.meta.url)
  await pipeline(createReadStream(path), new wesos.Outgoing(wsocket))
  await pipeline(createReadStream(path, 'utf8'), new wesos.Outgoing(wsocket))
  await until(() => received.length === 2)
  const text = readFileSync(path, 'utf8')
  assert.deepEqual(received, [
    { text, isText: false },
    { text, isText: true },
  ])
})

test('who has ended its side still gets the answers to what it sent', async (t) => {
  const { wserver, port } = await serve(t)
  wserver.on('open', (wsocket: wesos.Socket) => wsocket.pipe(wsocket))
  const peer = await join(t, port)
  await peer.send(get('/', HANDSHAKE)).receives('\r\n\r\n')
  assert.match(await peer.finish('\x81\x82\0\0\0\0ok').finished(), /\x81\x02ok/)
})

test('end sends its last message before the close frame; leaving a loop cuts', async (t) => {
  const first = await meet(t)
  const received = collect(first.client)
  first.wsocket.end('the last')
  assert.deepEqual(await once(first.client, 'close'), [1000, ''])
  assert.deepEqual(received, [{ text: 'the last', isText: true }])
  const second = await meet(t)
  second.client.write('one')
  for await (const message of second.wsocket) {
    assert.equal(message, 'one')
    break
  }
  assert.deepEqual(await once(second.client, 'close'), [1006, ''])
  const third = await meet(t)
  third.wsocket.writer.close(4001, 'a reason')
  assert.deepEqual(await once(third.client, 'close'), [4001, 'a reason'])
  await until(() => third.wsocket.closed)
  assert.equal(third.wsocket.client.closeCode, 4001)
})

test('what is written behind an Outgoing waits for its end, and nobody is cut', async (t) => {
  const { client, wserver, wsocket } = await meet(t)
  const received = collect(client)
  const outgoing = new wesos.Outgoing(wsocket)
  outgoing.write('half')
  let [written, sent] = [0, 0]
  const large = 'x'.repeat(128 * 1024)
  const over = pipeline(function* () {
    for (; written < 200; written++) yield large
  }, wsocket)
  const broadcast = pipeline(function* () {
    for (; sent < 200; sent++) yield large
  }, wserver)
  await settled(() => written + sent)
  assert.ok(written < 10 && sent < 30, `${written} and ${sent} were taken`)
  outgoing.end(' and half')
  await Promise.all([over, broadcast])
  await until(() => received.length === 401)
  assert.equal(received[0]!.text, 'half and half')
})

test('messages that are being compressed are waited for', async (t) => {
  const { client, wsocket } = await meet(t, { compression: true }, { compression: true })
  let written = 0
  const over = pipeline(function* () {
    for (; written < 30; written++) yield randomBytes(MIB)
  }, wsocket)
  await new Promise(setImmediate)
  assert.ok(written < 10, `${written} were taken`)
  const received = collect(client)
  await over
  await until(() => received.length === 30)
})
