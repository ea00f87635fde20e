/** What Socket.IO-node's interface does beyond its README: realms, what is sent and comes, origins, ports. */
import assert from 'node:assert/strict'
import { type EventEmitter, once } from 'node:events'
import { createServer, type Server as HttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import io, { type Options } from '../src/compat/socket.io/index.ts'
import { connect } from '../src/index.ts'
import { certificate, join, until } from './support/serving.ts'
import { frame06, frames07 } from './support/session-clients.ts'
import { askPolicy, get, joinSocket, QUIET, serve } from './support/socket.io-serving.ts'

test('realms: what is said in one is heard there', async (t) => {
  const serving = await serve(t, { encoding: '0.7pre' })
  const chat = serving.socket.realm('chat')
  assert.equal(serving.socket.realm('chat'), chat)
  const heard: unknown[] = []
  chat.on('connection', (client) => {
    client.on('message', (message) => heard.push(['client', message]))
    client.on('disconnect', () => heard.push('disconnect'))
    client.send('welcome').broadcast('somebody is here')
  })
  chat.on('clientConnect', ({ sessionId }) => heard.push(['connect', typeof sessionId]))
  chat.on('clientMessage', (message, client) => heard.push(['realm', message, client.connected]))
  chat.on('clientDisconnect', () => heard.push('gone'))
  const one = await joinSocket(t, serving, undefined, frames07)
  const two = await joinSocket(t, serving, undefined, frames07)
  assert.deepEqual(
    [chat.clients, chat.server, chat.options],
    [serving.socket.clients, serving.server, serving.socket.options],
  )
  two.socket.write('1:10:r:chat\n:in,1:11:r:other\n:no,1:5::none,1:11:r:chat\n:end,')
  await until(() => heard.length === 6)
  chat.broadcast('to all').broadcast({ but: 'one' }, Object.keys(serving.socket.clients)[1])
  await until(() => one.frames.length === 4)
  two.socket.close()
  await until(() => heard.length === 8)
  assert.deepEqual(heard, [
    ['connect', 'string'],
    ['connect', 'string'],
    ['client', 'in'],
    ['realm', 'in', true],
    ['client', 'end'],
    ['realm', 'end', true],
    'disconnect',
    'gone',
  ])
  assert.deepEqual(one.frames, [
    '1 r:chat\n:welcome',
    '1 r:chat\n:somebody is here',
    '1 r:chat\n:to all',
    '1 r:chat\nj\n:{"but":"one"}',
  ])
  assert.deepEqual(two.frames, ['1 r:chat\n:welcome', '1 r:chat\n:to all'])
})

test('what is sent: objects as JSON, arrays as their elements, nothing as an empty text', async (t) => {
  const serving = await serve(t)
  const { frames } = await joinSocket(t, serving)
  const client = Object.values(serving.socket.clients)[0]!
  client
    .send(7)
    .send(null)
    .send(undefined)
    .send(['a', { b: [1] }])
    .send([])
    .send(true)
    .send(new Date(0))
  client
    .send({ toJSON: () => undefined })
    .send('~h~1')
    .send('end')
  await until(() => frames.at(-1) === 'end')
  assert.deepEqual(frames, [
    '7',
    '',
    '',
    'a',
    '~j~{"b":[1]}',
    'true',
    String(new Date(0)),
    '~j~null',
    '~j~"~h~1"',
    'end',
  ])
})

test('what comes: JSON as what it says; what says that it is and is not, is not heard', async (t) => {
  const lines: string[] = []
  const serving = await serve(t, { log: (line) => lines.push(line) })
  const got: unknown[] = []
  serving.socket.on('clientMessage', (message) => got.push(message))
  const { socket } = await joinSocket(t, serving)
  socket.write(frame06('~j~{"a":[1,null]}') + frame06('~j~{') + frame06('~j~"text"') + frame06('{}'))
  await until(() => got.length === 3)
  assert.deepEqual(got, [{ a: [1, null] }, 'text', '{}'])
  assert.match(lines.at(-1)!, /^Bad message received from client /)
})

test('origins', async (t) => {
  const refused = async (origins: Options['origins'], origin: string): Promise<boolean> => {
    const serving = await serve(t, origins === undefined ? {} : { origins })
    const { port } = serving
    const result = await connect(`ws://127.0.0.1:${port}/socket.io/websocket`, { origin }).then(
      (socket) => {
        socket.destroy()
        return false
      },
      () => true,
    )
    return result
  }
  const rows: [origins: Options['origins'], origin: string, refused: boolean][] = [
    [undefined, 'https://any.test', false],
    ['*:*', 'null', false],
    ['example.com:*', 'https://example.com:8443', false],
    ['example.com:*', 'https://www.example.com', true],
    ['example.com', 'http://example.com:81', false],
    ['example.com:8080', 'http://example.com:8080', false],
    ['example.com:8080', 'http://example.com', true],
    ['example.com:80', 'http://example.com', false],
    ['*:8080', 'http://any.test:8080', false],
    ['*:8080', 'http://any.test:18080', true],
    ['*:8080', 'http://[::1]:8080', false],
    ['*:80', 'http://any.test', false],
    ['*:80', 'http://any.test:81', true],
    [['a.test:*', 'b.test:*'], 'http://b.test', false],
    [['a.test:*', 'b.test:*'], 'http://c.test', true],
  ]
  for (const [origins, origin, expected] of rows)
    assert.equal(await refused(origins, origin), expected, `${origins} ${origin}`)
})

test('a server of node:https', async (t) => {
  const serving = await serve(t, {}, createHttpsServer(certificate) as unknown as HttpServer)
  const tls = { rejectUnauthorized: false }
  const socket = await connect(`wss://127.0.0.1:${serving.port}/socket.io/websocket`, { tls })
  t.after(() => socket.destroy())
  await once(socket, 'message')
  assert.equal(Object.values(serving.socket.clients)[0]!.connection.encrypted, true)
})

test('a port: nothing but sessions, and the Flash policy inline', async (t) => {
  const socket = io.listen(0, QUIET)
  const server = socket.server as import('../src/index.ts').Server
  t.after(() => server.shutdown({ timeout: 5 }))
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const serving = { server: server as never, socket, port }
  const { socket: websocket } = await joinSocket(t, serving)
  const got = once(socket, 'clientMessage')
  websocket.write(frame06('over a port'))
  assert.equal((await got)[0], 'over a port')
  assert.match(await get(port, '/'), /^405 /)
  assert.ok((await askPolicy(port)).includes('domain="*"'))
  const plain = await connect(`ws://127.0.0.1:${port}/chat`)
  await once(plain, 'close')
  const peer = await join(t, port)
  peer.finish('raw line\n')
  assert.equal(await peer.finished(), '')
  assert.equal(Object.keys(socket.clients).length, 1)
})

test('a port that is taken is an error as of any server', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.after(() => taken.close())
  const { port } = taken.address() as AddressInfo
  const socket = io.listen(port, { ...QUIET, log: () => {} })
  const heard = once(socket.server as EventEmitter, 'error')
  assert.equal((await heard)[0].code, 'EADDRINUSE')
})

test('options that cannot be', () => {
  for (const options of [
    { resource: '/x' },
    { transports: ['pigeon'] },
    { origins: 'http://x' },
    { origins: null },
    { origins: [7] },
    { origins: 'example.com:http' },
    { origins: 'example.com:99999999' },
    { origins: ':80' },
    { transportOptions: { htmlfile: { closeTimeout: -1 } } },
  ] as unknown as Options[])
    assert.throws(() => io.listen(createServer(), { ...QUIET, ...options }), {
      code: 'ERR_OPTION',
      message: /^Cannot use option /,
    })
})

test('options that are left open have their defaults', (t) => {
  const open = { transports: undefined, resource: undefined, origins: undefined, transportOptions: null }
  const { options } = io.listen(createServer(), { ...QUIET, ...open } as unknown as Options)
  assert.equal(options.transports.length, 7)
  assert.deepEqual([options.resource, options.origins, options.transportOptions], ['socket.io', '*:*', {}])
  const transportOptions = { htmlfile: null, websocket: undefined }
  assert.deepEqual(io.listen(createServer(), { ...QUIET, transportOptions }).options.transportOptions, {
    htmlfile: null,
    websocket: undefined,
  })
  const { log } = console
  t.after(() => {
    console.log = log
  })
  console.log = () => {}
  assert.equal(io.listen(createServer(), null).options.flashPolicyServer, true)
})

test('without a timeout there are no heartbeats', async (t) => {
  for (const timeout of [null, 0]) {
    const transportOptions = { websocket: { timeout, heartbeatInterval: 20 } }
    const { frames, isClosed } = await joinSocket(t, await serve(t, { transportOptions }))
    await sleep(120)
    assert.deepEqual([frames, isClosed()], [[], false])
  }
  const transportOptions = { websocket: { timeout: 5_000, heartbeatInterval: 20 } }
  const { frames } = await joinSocket(t, await serve(t, { transportOptions }))
  await until(() => frames.length === 1)
  assert.deepEqual(frames, ['~h~1'])
})
