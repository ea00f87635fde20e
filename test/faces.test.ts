import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Server } from '../src/index.ts'
import { join, serve, until } from './support/serving.ts'

type Context = Parameters<typeof join>[0]

/** A server without a listener of `message`. */
async function quiet(context: Context): Promise<{ server: Server; port: number }> {
  const server = new Server()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  context.after(() => server.shutdown({ timeout: 5 }))
  return { server, port: (server.address() as AddressInfo).port }
}

test('a client is an async iterator of its messages, up to its end', async (t) => {
  const { server, port } = await quiet(t)
  const seen: unknown[] = []
  let over = false
  server.on('clientConnect', async (client, writer) => {
    for await (const message of client) {
      seen.push(message)
      writer.write(`got ${message}`)
    }
    over = true
  })
  const peer = await join(t, port)
  peer.send('one\ntwo\n')
  await peer.receives('got two\n')
  peer.finish('three\n')
  await until(() => over)
  assert.deepEqual(seen, ['one', 'two', 'three'])
})

test('messages that come before anybody iterates wait, in order', async (t) => {
  const { server, port } = await quiet(t)
  const seen: unknown[] = []
  server.on('clientConnect', async (client) => {
    await sleep(50)
    for await (const message of client) seen.push(message)
  })
  const peer = await join(t, port)
  peer.send('a\nb\n')
  await sleep(10)
  peer.send('c\n')
  await until(() => seen.length === 3)
  assert.deepEqual(seen, ['a', 'b', 'c'])
})

test('they wait for a first listener of message, too', async (t) => {
  const { server, port } = await quiet(t)
  const peer = await join(t, port)
  peer.send('a\n\xff\n')
  await until(() => server.clients.size === 1)
  await sleep(20)
  const seen: unknown[] = []
  server.on('message', (message, client) => seen.push([message.toString('latin1'), client.isText]))
  peer.send('c\n')
  await until(() => seen.length === 3)
  assert.deepEqual(seen, [
    ['a', true],
    ['\xff', false],
    ['c', true],
  ])
})

test('a client that nobody takes messages from is not read from', async (t) => {
  const { server, port } = await quiet(t)
  const peer = await join(t, port)
  const line = `${'x'.repeat(1023)}\n`
  peer.send(line.repeat(30_000))
  await until(() => server.clients.size === 1)
  let before = -1
  while (before !== peer.socket.writableLength) {
    before = peer.socket.writableLength
    await sleep(100)
  }
  assert.ok(before > 5_000_000, `${before} bytes are held back`)
  let taken = 0
  const [client] = server.clients.values()
  peer.finish()
  for await (const message of client!) {
    assert.equal(message.length, 1023)
    taken++
  }
  assert.equal(taken, 30_000)
})

test('bytes that are no text stay bytes', async (t) => {
  const { server, port } = await quiet(t)
  const peer = await join(t, port)
  peer.finish('\xff\xfe\n')
  await once(server, 'clientConnect')
  const [client] = server.clients.values()
  for await (const message of client!) assert.deepEqual(message, Buffer.from([0xff, 0xfe]))
})

test('a client is a pair of web streams', async (t) => {
  const { server, port } = await quiet(t)
  server.on('clientConnect', (client) => {
    void client.readable
      .pipeThrough(new TransformStream({ transform: (message, out) => out.enqueue(`<${message}>`) }))
      .pipeTo(client.writable)
  })
  const peer = await join(t, port)
  peer.send('a\nb\n')
  assert.equal(await peer.receives('<b>\n'), '<a>\n<b>\n')
})

test('writing to the stream of a client that does not read waits', async (t) => {
  const { server, port } = await quiet(t)
  const peer = await join(t, port)
  peer.socket.pause()
  peer.send('x\n')
  await once(server, 'clientConnect')
  const [client] = server.clients.values()
  const out = client!.writable.getWriter()
  let written = 0
  const writing = (async () => {
    for (; written < 60; written++) await out.write(Buffer.alloc(256 * 1024))
  })()
  let before = -1
  while (before !== written) {
    before = written
    await sleep(100)
  }
  assert.ok(written < 60)
  peer.socket.resume()
  await writing
  await out.close()
  await peer.finished()
  assert.equal(peer.received.length, 60 * (256 * 1024 + 1))
})

test('writing to the stream of a client that is gone rejects', async (t) => {
  const { server, port } = await quiet(t)
  const peer = await join(t, port)
  peer.send('x\n')
  await once(server, 'clientConnect')
  const [client] = server.clients.values()
  const out = client!.writable.getWriter()
  peer.socket.destroy()
  await once(server, 'clientDisconnect')
  await assert.rejects(out.write('late'), /gone/)
})

test('leaving the loop lets go of what waits; listeners still hear', async (t) => {
  const serving = await serve(t, {}, () => {})
  serving.server.on('clientConnect', async (client) => {
    for await (const message of client) if (message === 'stop') break
  })
  const peer = await join(t, serving.port)
  peer.send('go\nstop\nmore\n')
  await until(() => serving.messages.length === 3)
  assert.equal(serving.clients[0]!.client.listening, false)
})
