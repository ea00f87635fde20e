import assert from 'node:assert/strict'
import { type EventEmitter, getEventListeners, once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { type ConnectOptions, connect, type WebSocketClient } from '../src/index.ts'
import { VERSIONS, type Version } from '../src/ws-codec/index.ts'
import { certificate, type Serving, serve, until } from './support/serving.ts'
import { uncaught } from './support/uncaught.ts'

type Context = Parameters<typeof serve>[0]

const { key, cert } = certificate
const TEXT_ONLY: readonly Version[] = ['hixie-75', 'hixie-76']

async function open(
  context: Context,
  { port }: Serving,
  options: ConnectOptions = {},
  scheme = 'ws',
): Promise<WebSocketClient> {
  const socket = await connect(`${scheme}://127.0.0.1:${port}/chat?x=1`, {
    tls: { rejectUnauthorized: false },
    ...options,
  })
  context.after(() => socket.destroy())
  return socket
}

/** The next message that comes. */
async function next(socket: WebSocketClient): Promise<[text: string, isText: boolean]> {
  const [message, isText] = (await once(socket, 'message')) as [Buffer, boolean]
  return [message.toString('latin1'), isText]
}

for (const version of VERSIONS) {
  for (const scheme of ['ws', 'wss']) {
    test(`${version} over ${scheme}: text, binary where there is any, close`, async (t) => {
      const serving = await serve(t, { key, cert })
      const socket = await open(t, serving, { version, protocols: ['a', 'b'] }, scheme)
      assert.deepEqual([socket.version, socket.subprotocol], [version, 'a'])
      const { client } = serving.clients[0]!
      assert.deepEqual(
        [client.protocol, client.version, client.encrypted],
        ['websocket', version, scheme === 'wss'],
      )
      assert.equal(client.request!.url, '/chat?x=1')
      socket.write('hello €')
      assert.deepEqual(await next(socket), [Buffer.from('hello €').toString('latin1'), true])
      if (TEXT_ONLY.includes(version)) {
        assert.throws(() => socket.write(Uint8Array.of(1)), { code: 'ERR_WS_BINARY_UNSUPPORTED' })
      } else {
        socket.write(Uint8Array.of(0, 255, 1))
        assert.deepEqual(await next(socket), ['\x00\xff\x01', false])
      }
      const closed = once(socket, 'close')
      socket.close(3001, 'done')
      const [code] = await closed
      await until(() => serving.log.includes('disconnect websocket'))
      if (['13', '8', '7'].includes(version))
        assert.deepEqual([code, client.closeCode, client.closeReason], [3001, 3001, 'done'])
      assert.deepEqual(serving.errors, [])
    })
  }

  test(`${version}: messages of many sizes, in order, both ways`, async (t) => {
    const serving = await serve(t)
    const socket = await open(t, serving, { version })
    const sizes = [0, 1, 125, 126, 1023, 1024, 5_000, 65_535, 65_536, 300_000]
    const seen: string[] = []
    socket.on('message', (message) => seen.push(message.toString()))
    for (const size of sizes) socket.write('é'.repeat(size / 2))
    await until(() => seen.length === sizes.length)
    assert.deepEqual(
      seen.map((text) => text.length),
      sizes.map((size) => Math.floor(size / 2)),
    )
  })

  test(`${version}: a streamed message arrives whole, and others wait for its end`, async (t) => {
    const serving = await serve(t, {}, () => {})
    const socket = await open(t, serving, { version })
    const stream = socket.stream({ binary: false })
    stream.write('one ')
    socket.write('behind')
    stream.write('two ')
    stream.end('three')
    await until(() => serving.messages.length === 2)
    assert.deepEqual(serving.messages, ['one two three', 'behind'])
  })
}

test('messages that come before anybody listens wait, in order', async (t) => {
  const serving = await serve(t)
  serving.server.on('clientConnect', (_client, writer) => {
    for (const text of ['a', 'b', 'c']) writer.write(text)
  })
  const socket = await open(t, serving)
  await new Promise((resolve) => setTimeout(resolve, 30))
  const seen: string[] = []
  for await (const message of socket) if (seen.push(message as string) === 3) break
  assert.deepEqual(seen, ['a', 'b', 'c'])
})

test('what listeners throw ends where Node puts it: what comes behind is delivered all the same', async (t) => {
  const caught = uncaught(t)
  const serving = await serve(t)
  const socket = await open(t, serving)
  const seen: string[] = []
  for (const event of ['message', 'error', 'close'] as const) {
    ;(socket as EventEmitter).on(event, (value: unknown) => {
      seen.push(String(value))
      throw new Error(event)
    })
  }
  const { client, writer } = serving.clients[0]!
  for (const text of ['one', 'compressible '.repeat(1_000), 'two']) writer.write(text)
  await until(() => seen.length === 3)
  assert.deepEqual([seen[0], seen[1]!.length, seen[2]], ['one', 13_000, 'two'])
  // An opcode that there is none of.
  ;(client as unknown as { source: { connection: { socket: Socket } } }).source.connection.socket.write(
    Buffer.of(0x83, 0),
  )
  await until(() => socket.ended && seen.length === 5)
  assert.deepEqual(caught, ['message', 'message', 'message', 'error', 'close'])
})

test('large messages are compressed by default, small ones not; without the option none', async (t) => {
  const serving = await serve(t)
  const text = 'compressible '.repeat(5_000)
  for (const [compression, largest] of [
    [true, 10_000],
    [{ takeover: true }, 10_000],
    [false, 200_000],
  ] as const) {
    const socket = await open(t, serving, { compression })
    const raw = (socket as unknown as { session: { connection: { socket: Socket } } }).session.connection
      .socket
    const before = raw.bytesRead
    socket.write(text)
    const [echoed] = await next(socket)
    assert.equal(echoed, text)
    const taken = raw.bytesRead - before
    assert.ok(
      taken < largest && (compression !== false || taken > text.length),
      `${taken} bytes with ${JSON.stringify(compression)}`,
    )
  }
})

test('the order holds between messages that are compressed, large or small', async (t) => {
  const serving = await serve(t, { compression: { threshold: 1_000, concurrency: 2 } })
  const socket = await open(t, serving)
  const sent = Array.from(
    { length: 60 },
    (_, index) => `${index} ${'x'.repeat([10, 2_000, 400_000][index % 3]!)}`,
  )
  const seen: string[] = []
  socket.on('message', (message) => seen.push(message.toString()))
  for (const message of sent) socket.write(message)
  await until(() => seen.length === sent.length)
  assert.deepEqual(
    seen.map((text) => text.split(' ')[0]),
    sent.map((text) => text.split(' ')[0]),
  )
})

test('a compressed broadcast reaches all, whatever each agreed on', async (t) => {
  const serving = await serve(t, { compression: { takeover: true } }, () => {})
  const options: ConnectOptions[] = [
    {},
    {},
    { compression: { takeover: true } },
    { compression: false },
    { version: '8' },
    { version: 'hixie-76' },
  ]
  const sockets = await Promise.all(options.map((each) => open(t, serving, each)))
  const received = sockets.map((socket) => next(socket))
  const text = 'to all '.repeat(1_000)
  serving.server.broadcast(text)
  for (const message of await Promise.all(received)) assert.deepEqual(message, [text, true])
})

test('a binary broadcast skips clients that have text only, and says so', async (t) => {
  const serving = await serve(t, {}, () => {})
  const [hixie, binary] = [await open(t, serving, { version: 'hixie-75' }), await open(t, serving)]
  const received = next(binary)
  serving.server.broadcast(Uint8Array.of(0xff))
  assert.deepEqual(await received, ['\xff', false])
  assert.deepEqual(serving.errors, ['ERR_WS_BINARY_UNSUPPORTED'])
  assert.equal(hixie.ended, false)
})

const hooks: [name: string, upgrade: NonNullable<Parameters<typeof serve>[1]>['upgrade'], status: number][] =
  [
    ['false', () => false, 403],
    ['a status', () => ({ status: 401, headers: { 'WWW-Authenticate': 'Basic' } }), 401],
    ['a promise of a status', async () => ({ status: 429, message: 'Cannot take more' }), 429],
    ['a subprotocol that was not offered', () => ({ protocol: 'never offered' }), 500],
  ]

for (const [name, upgrade, status] of hooks) {
  test(`an upgrade hook that returns ${name} refuses with ${status}`, async (t) => {
    const caught: unknown[] = []
    if (status === 500) {
      const before = process.listeners('uncaughtException')
      process.removeAllListeners('uncaughtException')
      process.on('uncaughtException', (error) => caught.push((error as { code?: string }).code))
      t.after(() => {
        process.removeAllListeners('uncaughtException')
        for (const listener of before) process.on('uncaughtException', listener)
      })
    }
    const serving = await serve(t, { upgrade: upgrade! })
    await assert.rejects(open(t, serving), { code: 'ERR_WS_STATUS', status })
    assert.deepEqual(serving.clients, [])
    if (status === 500) assert.deepEqual(caught, ['ERR_WS_PROTOCOL_NOT_OFFERED'])
  })
}

test('an upgrade hook may take its time, choose a subprotocol and attach data; nothing is lost meanwhile', async (t) => {
  const serving = await serve(t, {
    upgrade: async (request, { version, protocols }) => {
      await new Promise((resolve) => setTimeout(resolve, 40))
      return { protocol: protocols.at(-1)!, data: [request.url, version], headers: { 'X-Hook': 'yes' } }
    },
  })
  const socket = await open(t, serving, { protocols: ['a', 'b'] })
  assert.equal(socket.subprotocol, 'b')
  socket.write('hello')
  assert.deepEqual(await next(socket), ['hello', true])
  assert.deepEqual(serving.clients[0]!.client.data, ['/chat?x=1', '13'])
})

test('versions that are not allowed are refused', async (t) => {
  const serving = await serve(t, { versions: ['13', '8'] })
  for (const version of ['13', '8'] as const)
    assert.equal((await open(t, serving, { version })).version, version)
  for (const version of ['7', 'hybi-03', 'hixie-76', 'hixie-75'] as const) {
    await assert.rejects(open(t, serving, { version }), { code: 'ERR_WS_STATUS' })
  }
})

test('what cannot be connected to rejects', async (t) => {
  await assert.rejects(connect('http://127.0.0.1:1/'), { code: 'ERR_OPTION' })
  await assert.rejects(connect('ws://127.0.0.1:1/', { version: '14' as Version }), { code: 'ERR_OPTION' })
  await assert.rejects(connect('ws://127.0.0.1:1/'), { code: 'ECONNREFUSED' })
  const closed = createServer((socket) => socket.destroy())
  const silent = createServer(() => {})
  const wrong = createServer((socket) => socket.end('SSH-2.0-x\r\n'))
  const forged = createServer((socket) =>
    socket.end(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n',
    ),
  )
  for (const [server, code] of [
    [closed, /./],
    [silent, /ERR_WS_CONNECT_ABORTED/],
    [wrong, /ERR_HTTP/],
    [forged, /ERR_WS_ACCEPT/],
  ] as const) {
    const sockets: Socket[] = []
    server.on('connection', (socket) => sockets.push(socket.on('error', () => {})))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => {
      server.close()
      for (const socket of sockets) socket.destroy()
    })
    const { port } = server.address() as { port: number }
    await assert.rejects(
      connect(`ws://127.0.0.1:${port}/`, { handshakeTimeout: 100 }),
      (error: Error & { code: string }) => code.test(error.code),
    )
  }
})

test('a signal gives the attempt up', async (t) => {
  const server = createServer((socket) => t.after(() => socket.destroy()))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as { port: number }
  const attempt = connect(`ws://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(30) })
  await assert.rejects(
    attempt,
    (error: Error) => error.name === 'TimeoutError' || /given up/.test(error.message),
  )
})

test('a signal is let go once there is a connection, or none', async (t) => {
  const serving = await serve(t)
  const { signal } = new AbortController()
  const socket = await open(t, serving, { signal })
  assert.equal(getEventListeners(signal, 'abort').length, 0)
  socket.destroy()
  await assert.rejects(open(t, serving, { signal, version: 'hybi-03', headers: { Host: 'b' } }))
  assert.equal(getEventListeners(signal, 'abort').length, 0)
  const reason = new Error('nobody wants it')
  await assert.rejects(open(t, serving, { signal: AbortSignal.abort(reason) }), reason)
  await assert.rejects(open(t, serving, { signal: AbortSignal.abort() }), { code: 'ERR_WS_CONNECT_ABORTED' })
})

test('a limit of time that is switched off is none', async (t) => {
  const socket = await open(t, await serve(t), { handshakeTimeout: Number.POSITIVE_INFINITY })
  socket.write('x')
  assert.deepEqual(await next(socket), ['x', true])
})

test('a server that breaks the rules is left with the code that says so', async (t) => {
  const serving = await serve(t)
  const socket = await open(t, serving)
  const errors: unknown[] = []
  socket.on('error', (error) => errors.push((error as { code?: string }).code))
  const server = (
    serving.server as unknown as { reception: { sessions: Map<string, { connection: { socket: Socket } }> } }
  ).reception
  const [session] = server.sessions.values()
  const closed = new Promise((resolve) => socket.once('close', resolve))
  session!.connection.socket.write(Uint8Array.of(0x81, 0x81, 0, 0, 0, 0, 0x41))
  await until(() => serving.clients[0]!.client.closeCode === 1002)
  await closed
  assert.deepEqual(errors, ['ERR_WS_MASK_UNEXPECTED'])
})

test('a message that the server does not take yet does not keep it from reading', async (t) => {
  const serving = await serve(t)
  const socket = await open(t, serving, { compression: false, writeLimit: 64 * 1024 * 1024 })
  const [{ client, writer }] = serving.clients as [(typeof serving.clients)[number]]
  const received: string[] = []
  socket.on('message', (message) => received.push(message.toString()))
  client.pause()
  socket.write(Buffer.alloc(15 * 1024 * 1024))
  for (const text of ['one', 'two', 'three']) {
    writer.write(text)
    await until(() => received.at(-1) === text)
  }
  assert.ok(socket.writableLength > 1024 * 1024, 'the message waits')
})
