import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import type { Readable } from 'node:stream'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { connect, Server } from '../src/index.ts'
import { type Serving, serve, until } from './support/serving.ts'

type Context = Parameters<typeof serve>[0]

const GIB = 1024 ** 3
const MIB = 1024 ** 2

/** A server whose listener gets streams. */
function serveStreams(
  context: Context,
  take: (message: Readable, serving: Serving) => void,
): Promise<Serving> {
  const serving = serve(context, { stream: true }, async (message) =>
    take(message as never as Readable, await serving),
  )
  return serving
}

async function text(stream: Readable): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of stream) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}

test('with stream a message is a Readable, there before its end', async (t) => {
  const seen: string[] = []
  const serving = await serveStreams(t, (message) => {
    seen.push('begun')
    message.on('data', (piece) => seen.push(String(piece)))
    message.on('end', () => seen.push('end'))
  })
  const socket = await connect(`ws://127.0.0.1:${serving.port}/`)
  t.after(() => socket.destroy())
  const stream = socket.stream({ binary: false })
  stream.write('one')
  await until(() => seen.length === 2)
  stream.write('two')
  await until(() => seen.length === 3)
  stream.end()
  await until(() => seen.length === 4)
  assert.deepEqual(seen, ['begun', 'one', 'two', 'end'])
  assert.equal(serving.clients[0]!.client.isText, true)
})

test('messages whole or in fragments, empty ones too, keep their order', async (t) => {
  const seen: Promise<string>[] = []
  const serving = await serveStreams(t, (message) => seen.push(text(message)))
  const socket = await connect(`ws://127.0.0.1:${serving.port}/`)
  t.after(() => socket.destroy())
  socket.write('whole')
  socket.write('')
  socket.stream({ binary: false }).end('streamed')
  socket.write('x'.repeat(200_000))
  await until(() => seen.length === 4)
  const texts = await Promise.all(seen)
  assert.deepEqual(
    texts.map((each) => each.slice(0, 10)),
    ['whole', '', 'streamed', 'xxxxxxxxxx'],
  )
  assert.equal(texts[3]!.length, 200_000)
})

test('a message that nobody reads is not read from the socket; reading on takes all of it', async (t) => {
  let message: Readable | undefined
  const serving = await serveStreams(t, (each) => {
    message = each
  })
  const socket = await connect(`ws://127.0.0.1:${serving.port}/`, { compression: false })
  t.after(() => socket.destroy())
  socket.write(Buffer.alloc(15 * MIB))
  await until(() => message !== undefined)
  let before = -1
  while (before !== socket.writableLength) {
    before = socket.writableLength
    await sleep(80)
  }
  assert.ok(before > 4 * MIB, `${before} bytes are held back`)
  assert.ok(message!.readableLength < MIB, `${message!.readableLength} bytes are buffered`)
  let taken = 0
  for await (const piece of message!) taken += (piece as Buffer).length
  assert.equal(taken, 15 * MIB)
})

test('a message that is given up lets the next one pass', async (t) => {
  const seen: string[] = []
  const serving = await serveStreams(t, (message) => {
    if (serving.messages.length === 1) message.destroy()
    else void text(message).then((all) => seen.push(all))
  })
  const socket = await connect(`ws://127.0.0.1:${serving.port}/`)
  t.after(() => socket.destroy())
  socket.write(Buffer.alloc(3 * MIB))
  socket.write('next')
  await until(() => seen.length === 1)
  assert.deepEqual(seen, ['next'])
})

for (const takeover of [false, true]) {
  test(`compressed messages are streamed as they are inflated, takeover ${takeover}`, async (t) => {
    const seen: Promise<string>[] = []
    const compression = { threshold: 10, takeover }
    const server = new Server<Readable>({ stream: true, compression })
    server.on('message', (message) => seen.push(text(message)))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.shutdown({ timeout: 5 }))
    const { port } = server.address() as { port: number }
    const socket = await connect(`ws://127.0.0.1:${port}/`, { compression })
    t.after(() => socket.destroy())
    const sent = ['€'.repeat(200_000), 'small', '', 'again '.repeat(100), 'x'.repeat(3 * MIB)]
    for (const message of sent) socket.write(message)
    await until(() => seen.length === sent.length)
    assert.deepEqual(
      (await Promise.all(seen)).map((each) => each.length),
      [...sent.map((each) => each.length)],
    )
  })
}

test('a compressed message over the limit fails its reader in the middle, and the client with 1009', async (t) => {
  const errors: unknown[] = []
  let taken = 0
  const server = new Server<Readable>({ stream: true, messageLimit: MIB })
  server.on('message', (message) => {
    message.on('data', (piece) => {
      taken += piece.length
    })
    message.on('error', (error: Error & { code?: string }) => errors.push(error.code))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.shutdown({ timeout: 5 }))
  const { port } = server.address() as { port: number }
  const socket = await connect(`ws://127.0.0.1:${port}/`, { writeLimit: 20 * MIB })
  t.after(() => socket.destroy())
  const closed = once(socket, 'close')
  socket.write(Buffer.alloc(20 * MIB))
  socket.write('never')
  assert.equal((await closed)[0], 1009)
  assert.deepEqual(errors, ['ERR_MESSAGE_CUT'])
  assert.ok(taken <= MIB, `${taken} bytes came out`)
})

test('a message that is cut off fails its reader', async (t) => {
  const errors: unknown[] = []
  const serving = await serveStreams(t, (message) =>
    message.on('error', (error: Error & { code?: string }) => errors.push(error.code)).resume(),
  )
  const socket = await connect(`ws://127.0.0.1:${serving.port}/`)
  socket.stream().write('half')
  await until(() => serving.messages.length === 1)
  socket.destroy()
  await until(() => errors.length === 1)
  assert.deepEqual(errors, ['ERR_MESSAGE_CUT'])
})

test('many streams on one writer leave nothing behind', async (t) => {
  const serving = await serve(t, {}, () => {})
  const socket = await connect(`ws://127.0.0.1:${serving.port}/`)
  t.after(() => socket.destroy())
  for (let sent = 0; sent < 50; sent++) socket.stream({ binary: false }).end(String(sent))
  await until(() => serving.messages.length === 50)
  assert.deepEqual(
    serving.messages,
    Array.from({ length: 50 }, (_, index) => String(index)),
  )
})

test('a 1 GiB message passes through a server whose heap is bounded', async (t) => {
  const script = fileURLToPath(new URL('support/streaming-server.mjs', import.meta.url))
  const child = fork(script, { execArgv: ['--max-old-space-size=32'] })
  t.after(() => child.kill('SIGKILL'))
  const [{ port, rss }] = (await once(child, 'message')) as [{ port: number; rss: number }]
  const socket = connectTcp(port, '127.0.0.1')
  t.after(() => socket.destroy())
  let received = 0
  socket.on('data', (chunk) => {
    received += chunk.length
  })
  socket.write(
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  )
  // One masked frame of 1 GiB; with a key of zeros the payload goes out as it is.
  const header = Buffer.alloc(14)
  header.set([0x82, 0xff])
  header.writeBigUInt64BE(BigInt(GIB), 2)
  socket.write(header)
  const piece = Buffer.alloc(MIB)
  for (let sent = 0; sent < GIB; sent += piece.length) {
    if (!socket.write(piece)) await once(socket, 'drain')
  }
  const deadline = Date.now() + 30_000
  while (received < GIB && Date.now() < deadline) await sleep(20)
  assert.ok(
    received > GIB && received < GIB + MIB,
    `${received} bytes came back: the message and its headers`,
  )
  child.send('peak')
  const [{ peak }] = (await once(child, 'message')) as [{ peak: number }]
  assert.ok(peak < rss + 200 * MIB, `${peak / MIB} MiB at most, ${rss / MIB} MiB before`)
  t.diagnostic(`${(peak / MIB).toFixed(0)} MiB at most, ${(rss / MIB).toFixed(0)} MiB before`)
})
