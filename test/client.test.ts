import assert from 'node:assert/strict'
import type { Readable } from 'node:stream'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, Server } from '../src/index.ts'
import { listen, open } from './support/facades.ts'
import { join, serve } from './support/serving.ts'

const LINE = 'x'.repeat(1023)
const LINES = 16 * 1024

test('a client that is paused is not read from, until it is resumed', async (t) => {
  const serving = await serve(t, {}, (_message, socket) => {
    if (serving.messages.length <= 1) socket.pause()
  })
  const peer = await join(t, serving.port)
  for (let line = 0; line < LINES; line++) peer.send(`${LINE}\n`)
  await serving.until(() => serving.messages.length > 0)
  await sleep(50)
  const taken = serving.messages.length
  assert.ok(taken <= 65, `${taken} KiB were read`)
  assert.ok(peer.socket.writableLength > 0, 'the peer waits')
  serving.clients[0]!.client.resume()
  await serving.until(() => serving.messages.length === LINES)
  serving.clients[0]!.client.resume()
})

test('reading a message of a paused client does not resume it', async (t) => {
  const seen: string[] = []
  let client: Client | undefined
  const server = new Server<Readable>({ stream: true })
  server.on('message', async (message, socket) => {
    client = socket
    socket.pause()
    for await (const piece of message) seen.push(String(piece))
  })
  const socket = await open(t, await listen(t, server))
  socket.write('first')
  while (seen.length < 1) await sleep(5)
  socket.write('second')
  await sleep(50)
  assert.deepEqual(seen, ['first'])
  client!.resume()
  while (seen.length < 2) await sleep(5)
  assert.deepEqual(seen, ['first', 'second'])
})
