/** Sessions over WebSocket, in all of its versions. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { type ConnectOptions, connect, type ServerOptions, type WebSocketClient } from '../src/index.ts'
import { VERSIONS } from '../src/ws-codec/index.ts'
import { encode, FrameReader, text } from './support/frames.ts'
import { Http2Client } from './support/http2.ts'
import { type Serving, serve, until } from './support/serving.ts'
import { frame06, frames06 } from './support/session-clients.ts'
import { serveSessions } from './support/session-wires.ts'

/** A client and what it got. */
interface Joined {
  readonly socket: WebSocketClient
  readonly id: string
  /** Frames behind the id. */
  readonly frames: string[]
  /** Messages of the WebSocket. */
  readonly batches: string[]
  readonly closed: { code: number; reason: string }[]
}

async function joinSession(
  serving: Serving,
  options: ConnectOptions = {},
  path = '/socket.io/websocket',
): Promise<Joined> {
  const socket = await connect(`ws://127.0.0.1:${serving.port}${path}`, options)
  const batches: string[] = []
  const frames: string[] = []
  const closed: Joined['closed'] = []
  socket.on('message', (message) => {
    batches.push(String(message))
    frames.push(...frames06(String(message)))
  })
  socket.on('close', (code, reason) => closed.push({ code, reason }))
  await until(() => frames.length > 0 || closed.length > 0)
  return { socket, id: frames.shift() ?? '', frames, batches, closed }
}

/** The status that refuses the WebSocket, and whatever was reported. */
async function refusal(serving: Serving, path: string, options: ConnectOptions = {}): Promise<unknown[]> {
  const before = serving.errors.length
  const error = await connect(`ws://127.0.0.1:${serving.port}${path}`, options).then(
    () => assert.fail('it was accepted'),
    (reason) => reason as { status?: number },
  )
  return [error.status, ...serving.errors.slice(before)]
}

function sessions(options: ServerOptions['sessions'], rest: ServerOptions = {}): ServerOptions {
  return { sessions: options as never, ...rest }
}

for (const version of VERSIONS) {
  test(`version ${version}: the id, messages both ways, and its end`, async (t) => {
    const serving = await serveSessions(t)
    const { socket, id, frames } = await joinSession(serving, { version })
    assert.match(id, /^[A-Za-z0-9_-]{22}$/)
    const [{ client }] = serving.clients as [(typeof serving.clients)[0]]
    assert.deepEqual([client.protocol, client.version], ['websocket', '0.6'])
    assert.deepEqual([serving.server.clients.get(client.id), client.id === id], [client, false])
    assert.equal(client.request?.url, '/socket.io/websocket')
    assert.equal(client.session?.connections, 1)
    socket.write(frame06('one') + frame06('zwölf € 😀') + frame06(''))
    await until(() => frames.length === 3)
    assert.deepEqual(frames, ['one', 'zwölf € 😀', ''])
    socket.close()
    await until(() => serving.log.length === 2)
    assert.deepEqual(serving.log, ['connect websocket', 'disconnect websocket'])
  })
}

test('flashsocket is one, too', async (t) => {
  const serving = await serveSessions(t)
  const { socket, frames } = await joinSession(serving, { version: 'hixie-76' }, '/socket.io/flashsocket')
  socket.write(frame06('flash'))
  await until(() => frames.length === 1)
  assert.deepEqual([frames[0], serving.clients[0]!.client.protocol], ['flash', 'flashsocket'])
})

test('on HTTP/2', async (t) => {
  const serving = await serveSessions(t)
  const client = new Http2Client(t, serving.port)
  const stream = await client.webSocket({ ':path': '/socket.io/websocket' })
  const reader = new FrameReader()
  stream.on('data', (chunk: Buffer) => reader.push(chunk))
  await until(() => reader.frames.length === 1)
  stream.write(encode(text(frame06('stream')), 0x01020304))
  await until(() => reader.frames.length === 2)
  assert.equal(Buffer.from(reader.frames[1]!.payload).toString(), frame06('stream'))
  assert.equal(serving.clients[0]!.client.protocol, 'websocket')
  stream.destroy()
  await until(() => serving.log.length === 2)
})

test('on a server of node:http that was there before', async (t) => {
  const serving = await serveSessions(t, {}, 'attached')
  const { socket, frames } = await joinSession(serving)
  socket.write(frame06('attached'))
  await until(() => frames.length === 1)
  assert.equal(frames[0], 'attached')
})

test('what the application sends in one turn is one message of the WebSocket', async (t) => {
  const serving = await serveSessions(t)
  const { frames, batches } = await joinSession(serving)
  const { writer } = serving.clients[0]!
  for (const word of ['one', 'two', 'three']) writer.write(word)
  await until(() => frames.length === 3)
  assert.equal(batches.length, 2)
})

test('compressed, as other WebSockets are', async (t) => {
  const serving = await serveSessions(t)
  const { socket, frames } = await joinSession(serving)
  const large = 'deflate '.repeat(10_000)
  socket.write(frame06(large) + frame06('behind'))
  await until(() => frames.length === 2)
  assert.deepEqual([frames[0] === large, frames[1]], [true, 'behind'])
  // What waits to be compressed has not left.
  const { writer } = serving.clients[0]!
  await until(() => writer.writableLength === 0)
  writer.write(large)
  await new Promise((resolve) => process.nextTick(resolve))
  assert.equal(writer.writableLength, large.length)
  await until(() => writer.writableLength === 0 && frames.length === 3)
})

test('a close code and reason reach the application', async (t) => {
  const serving = await serveSessions(t)
  const { socket } = await joinSession(serving)
  socket.close(3456, 'enough')
  await until(() => serving.log.length === 2)
  const { client } = serving.clients[0]!
  assert.deepEqual([client.closeCode, client.closeReason], [3456, 'enough'])
})

test('the application closes, or cuts', async (t) => {
  const serving = await serveSessions(t)
  const one = await joinSession(serving)
  serving.clients[0]!.writer.write('last')
  serving.clients[0]!.writer.close()
  await until(() => one.closed.length === 1)
  assert.deepEqual([one.frames, one.closed[0]], [['last'], { code: 1000, reason: '' }])
  const other = await joinSession(serving)
  serving.clients[1]!.writer.destroy()
  await until(() => other.closed.length === 1)
  assert.equal(other.closed[0]!.code, 1006)
  await until(() => serving.log.length === 4)
  assert.deepEqual(serving.errors, [])
})

test('the server goes away', async (t) => {
  const serving = await serveSessions(t)
  const { closed } = await joinSession(serving)
  await serving.server.shutdown({ timeout: 1_000 })
  await until(() => closed.length === 1)
  assert.equal(closed[0]!.code, 1001)
  assert.equal(serving.log.at(-1), 'disconnect websocket')
})

test('heartbeats: answered, the session stays; unanswered, it ends with 1001', async (t) => {
  const times = { heartbeatInterval: 40, heartbeatTimeout: 160 }
  const serving = await serveSessions(t, sessions(times))
  const { socket, frames, closed } = await joinSession(serving)
  await until(() => frames.length === 1)
  assert.equal(frames[0], '~h~1')
  socket.write(frame06('~h~1'))
  await until(() => frames.length === 2)
  assert.equal(frames[1], '~h~2')
  await until(() => closed.length === 1)
  assert.deepEqual(closed[0], {
    code: 1001,
    reason: 'Cannot wait any longer: the client has not answered a heartbeat',
  })
  assert.deepEqual(serving.log, [
    'connect websocket',
    'error ERR_SESSION_HEARTBEAT_TIMEOUT',
    'disconnect websocket',
  ])
})

test('with a closeTimeout a client comes back to its session, and gets what was sent meanwhile', async (t) => {
  const serving = await serveSessions(t, sessions({ closeTimeout: 10_000 }))
  const first = await joinSession(serving)
  const { writer, client } = serving.clients[0]!
  first.socket.destroy()
  await until(() => serving.server.stats().connections === 0)
  writer.write('one')
  await new Promise((resolve) => setTimeout(resolve, 20))
  writer.write('two')
  const again = await joinSession(serving, {}, `/socket.io/websocket/${first.id}`)
  again.frames.unshift(again.id)
  await until(() => again.frames.length === 2)
  assert.deepEqual(again.frames, ['one', 'two'])
  again.socket.write(frame06('still me'))
  await until(() => serving.messages.length === 1)
  assert.equal(client.session!.connections, 2)
  assert.deepEqual(serving.log, ['connect websocket'])
})

test('another WebSocket takes the place of one that is there', async (t) => {
  const serving = await serveSessions(t)
  const first = await joinSession(serving)
  const other = await connect(`ws://127.0.0.1:${serving.port}/socket.io/websocket/${first.id}`)
  await until(() => first.closed.length === 1)
  assert.equal(first.closed[0]!.code, 1000)
  const received: string[] = []
  other.on('message', (message) => received.push(String(message)))
  serving.clients[0]!.writer.write('over here')
  await until(() => received.length === 1)
  assert.deepEqual([received, serving.log], [[frame06('over here')], ['connect websocket']])
})

for (const [what, data, code, error] of [
  ['no frame', 'hello', 1002, 'ERR_SESSION_ENCODING_UNKNOWN'],
  ['a frame that is cut off', '~m~5~m~hell', 1002, 'ERR_SESSION_TRUNCATED'],
  ['a binary message', Buffer.from(frame06('x')), 1002, 'ERR_SESSION_CONTENT_INVALID'],
  ['a frame that is too large', frame06('x'.repeat(101)), 1009, 'ERR_SESSION_MESSAGE_TOO_LARGE'],
  ['too many frames', frame06('x').repeat(11), 1008, 'ERR_SESSION_TOO_MANY_MESSAGES'],
] as const) {
  test(`${what} ends the session`, async (t) => {
    const serving = await serveSessions(t, sessions({ limits: { message: 100, messages: 10 } }))
    const { socket, closed } = await joinSession(serving)
    socket.write(data)
    await until(() => closed.length === 1)
    assert.equal(closed[0]!.code, code)
    assert.deepEqual(serving.log, ['connect websocket', `error ${error}`, 'disconnect websocket'])
    assert.deepEqual(serving.messages, [])
  })
}

test('who may not come in', async (t) => {
  const serving = await serveSessions(
    t,
    sessions({ transports: ['websocket', 'xhr-polling'], maxSessions: 1 }, { allowOrigin: '*.example.com' }),
  )
  const path = '/socket.io/websocket'
  const origin = 'https://www.example.com'
  const foreign = { origin: 'https://evil.test' }
  assert.deepEqual(await refusal(serving, path, foreign), [403, 'ERR_ORIGIN_REFUSED'])
  assert.deepEqual(await refusal(serving, `${path}/nobody`), [404, 'ERR_SESSION_UNKNOWN'])
  assert.deepEqual(await refusal(serving, `${path}/a%20b`), [400, 'ERR_SESSION_ID_INVALID'])
  assert.deepEqual(await refusal(serving, `${path}/x/y`), [400, 'ERR_SESSION_PATH_INVALID'])
  assert.deepEqual(await refusal(serving, '/socket.io/xhr-polling'), [400, 'ERR_SESSION_PATH_INVALID'])
  assert.deepEqual(await refusal(serving, '/socket.io/flashsocket'), [404, 'ERR_SESSION_TRANSPORT_DISABLED'])
  const { id } = await joinSession(serving, { origin })
  assert.deepEqual(await refusal(serving, path, { origin }), [503, 'ERR_SESSION_TOO_MANY'])
  const others = { origin: 'https://other.example.com' }
  assert.deepEqual(await refusal(serving, `${path}/${id}`, others), [403, 'ERR_SESSION_ORIGIN'])
  assert.deepEqual(await refusal(serving, `${path}/${id}`), [403, 'ERR_SESSION_ORIGIN'])
  assert.deepEqual(
    serving.log.filter((line) => line.startsWith('connect')),
    ['connect websocket'],
  )
})

test('the hook is asked, and what it says is the session’s', async (t) => {
  const asked: string[] = []
  const serving = await serveSessions(
    t,
    sessions(true, {
      upgrade: (request) => {
        asked.push(request.url)
        return request.url.endsWith('websocket') ? { data: 42, protocol: 'chat' } : { status: 402 }
      },
    }),
  )
  const { socket } = await joinSession(serving, { protocols: ['other', 'chat'] })
  const { client } = serving.clients[0]!
  assert.deepEqual([client.data, client.subprotocol, socket.subprotocol], [42, 'chat', 'chat'])
  assert.deepEqual(await refusal(serving, '/socket.io/flashsocket'), [402, 'ERR_UPGRADE_REFUSED'])
  assert.deepEqual(asked, ['/socket.io/websocket', '/socket.io/flashsocket'])
})

test('other WebSockets stay the application’s own', async (t) => {
  const serving = await serveSessions(t)
  for (const path of [
    '/',
    '/socket.io',
    '/socket.io/',
    '/socket.iox/websocket',
    '/chat/socket.io/websocket',
  ]) {
    const socket = await connect(`ws://127.0.0.1:${serving.port}${path}`)
    socket.write('plain')
    const [message] = (await once(socket, 'message')) as [Buffer]
    assert.equal(String(message), 'plain', path)
    socket.close()
  }
  assert.deepEqual([...new Set(serving.clients.map(({ client }) => client.version))], ['13'])
})

test('without the option they are the application’s, too', async (t) => {
  const serving = await serve(t)
  const socket = await connect(`ws://127.0.0.1:${serving.port}/socket.io/websocket`)
  socket.write('plain')
  const [message] = (await once(socket, 'message')) as [Buffer]
  assert.equal(String(message), 'plain')
})

test('another resource', async (t) => {
  const serving = await serveSessions(t, sessions({ resource: 'live/chat' }))
  const { id } = await joinSession(serving, {}, '/live/chat/websocket')
  assert.notEqual(id, '')
})

test('with `stream` a session’s messages come whole', async (t) => {
  const kinds: boolean[] = []
  const serving = await serveSessions(t, { stream: true }, 'own', (message) => {
    kinds.push(Buffer.isBuffer(message))
  })
  const { socket } = await joinSession(serving)
  socket.write(frame06('one') + frame06('two'))
  await until(() => kinds.length === 2)
  assert.deepEqual(kinds, [true, true])
})

test('a client that does not read: write returns false, and drain says when to go on', async (t) => {
  const serving = await serveSessions(
    t,
    sessions({ highWater: 1_000, heartbeatInterval: Number.POSITIVE_INFINITY }),
  )
  const { frames } = await joinSession(serving)
  const { writer } = serving.clients[0]!
  assert.equal(writer.write('x'.repeat(999)), true)
  assert.equal(writer.write('y'), false)
  assert.deepEqual([writer.writableNeedDrain, writer.writableLength], [true, 1_000])
  await once(writer, 'drain')
  assert.deepEqual([writer.writableNeedDrain, writer.writableLength], [false, 0])
  await until(() => frames.length === 2)
})

test('an application that iterates slowly is not sent more than it takes', async (t) => {
  const serving = await serveSessions(t, {}, 'own', () => {})
  const { socket } = await joinSession(serving)
  const { client } = serving.clients[0]!
  const iterator = client[Symbol.asyncIterator]()
  for (let index = 0; index < 2_000; index++) socket.write(frame06(`${index} ${'x'.repeat(1_000)}`))
  for (let index = 0; index < 2_000; index++) {
    const { value } = await iterator.next()
    assert.ok(String(value).startsWith(`${index} x`))
  }
})
