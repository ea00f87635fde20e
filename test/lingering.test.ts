/** A peer that is slow to take what was sent before the end gets it; one that takes nothing is cut. */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { Client, ServerOptions, Writer } from '../src/index.ts'
import { certificate, join, joinTls, type Peer, type Serving, serve } from './support/serving.ts'

const CLOSE_TIMEOUT = 200
/** More than the system takes in one's stead. */
const LARGE = Buffer.alloc(12 * 1024 * 1024, 'large ')
const SLOW_PIECE = 512 * 1024
const SLOW_PAUSE_MS = 40

interface Ending {
  readonly name: string
  readonly options?: ServerOptions
  readonly request: string
  /** What the server does on what is received, to end the connection behind something large. */
  end(writer: Writer, client: Client, serving: Serving): void
}

const WEBSOCKET =
  'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x81\x82\0\0\0\0hi'

const ENDINGS: readonly Ending[] = [
  {
    name: 'an answer of HTTP with Connection: close',
    request: 'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi',
    end: (writer) => writer.write(LARGE),
  },
  {
    name: 'a WebSocket that is closed behind a message',
    request: WEBSOCKET,
    end: (writer) => {
      writer.write(LARGE)
      writer.close()
    },
  },
  {
    name: 'a server that shuts down behind lines',
    request: 'hi\n',
    end: (writer, _client, { server }) => {
      writer.write(LARGE)
      void server.shutdown({ timeout: 60_000 })
    },
  },
]

/** Takes a piece now and then; stops after so many bytes. */
function readSlowly(t: TestContext, { socket }: Peer, most: number, pause = SLOW_PAUSE_MS): void {
  socket.pause()
  let taken = 0
  const timer = setInterval(() => {
    if (taken >= most) return
    const piece: Buffer | null = (socket as Socket).read(SLOW_PIECE) ?? (socket as Socket).read()
    taken += piece?.length ?? 0
  }, pause)
  t.after(() => clearInterval(timer))
}

for (const { name, options = {}, request, end } of ENDINGS) {
  for (const over of ['TCP', 'TLS']) {
    const all = { ...options, ...(over === 'TLS' ? certificate : {}), closeTimeout: CLOSE_TIMEOUT }

    test(`${name}, over ${over}: who reads slowly gets all of it`, async (t) => {
      const serving: Serving = await serve(t, all, (_message, client, writer) => end(writer, client, serving))
      const peer = await (over === 'TLS' ? joinTls : join)(t, serving.port)
      const start = performance.now()
      peer.send(request)
      readSlowly(t, peer, Number.POSITIVE_INFINITY)
      await peer.finished()
      assert.ok(performance.now() - start > 3 * CLOSE_TIMEOUT)
      assert.ok(peer.received.includes(LARGE))
      assert.deepEqual(serving.errors, [])
    })

    test(`${name}, over ${over}: who stops reading is cut`, async (t) => {
      const serving: Serving = await serve(t, all, (_message, client, writer) => end(writer, client, serving))
      const peer = await (over === 'TLS' ? joinTls : join)(t, serving.port)
      peer.send(request)
      readSlowly(t, peer, SLOW_PIECE)
      await serving.until(() => serving.log.length === 2)
      assert.ok(serving.log[1]!.startsWith('disconnect'))
      await serving.until(() => serving.server.stats().connections === 0)
      assert.ok(peer.length < LARGE.length)
    })
  }
}

test('a peer that has taken all, and does not end its side, has closeTimeout from then on', async (t) => {
  const serving = await serve(t, { closeTimeout: CLOSE_TIMEOUT }, (_message, _client, writer) => {
    writer.write(LARGE)
    writer.close()
  })
  const peer = await join(t, serving.port)
  peer.send(WEBSOCKET)
  readSlowly(t, peer, Number.POSITIVE_INFINITY)
  await serving.until(() => peer.length >= LARGE.length)
  const taken = performance.now()
  await serving.until(() => serving.server.stats().connections === 0)
  assert.ok(performance.now() - taken < 10 * CLOSE_TIMEOUT)
})

for (const { name, request } of [
  { name: 'a WebSocket', request: WEBSOCKET },
  { name: 'a raw client', request: 'hi\n' },
]) {
  test(`${name} that takes what it is sent, slowly, is not idle; once it takes nothing more it is`, async (t) => {
    // Twice as long as the system takes to deliver what it holds.
    const options = { idleTimeout: 1_300, closeTimeout: CLOSE_TIMEOUT }
    const serving = await serve(t, options, (_message, _client, writer) => writer.write(LARGE))
    const peer = await join(t, serving.port)
    peer.send(request)
    readSlowly(t, peer, Number.POSITIVE_INFINITY, 100)
    await serving.until(() => peer.length > LARGE.length)
    assert.deepEqual(serving.errors, [])
    await serving.until(() => serving.errors.length > 0)
    assert.deepEqual(serving.errors, ['ERR_IDLE_TIMEOUT'])
  })
}
