/** Applications that end a client, or everything, while they are told of it: on each way that a request can come. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect, type Server, type Writer } from '../src/index.ts'
import { until } from './support/serving.ts'
import { type AskingName, frame06, frames06, SessionClient } from './support/session-clients.ts'
import { type SessionServing, serveSessions, WIRES, type WireName } from './support/session-wires.ts'
import { uncaught } from './support/uncaught.ts'

type Act = (writer: Writer, server: Server) => void

/** What the application does, and what the client still gets behind its id. */
const ACTS: readonly [name: string, act: Act, got: readonly string[]][] = [
  ['closes', (writer) => writer.close(), []],
  [
    'writes and closes',
    (writer) => {
      writer.write('bye')
      writer.close()
    },
    ['bye'],
  ],
  [
    'closes twice, writes in between, and cuts what is left later',
    (writer) => {
      writer.write('bye')
      writer.close()
      writer.write('never')
      writer.close()
      setTimeout(() => writer.destroy(), 100)
    },
    ['bye'],
  ],
  ['shuts down', (_writer, server) => void server.shutdown({ timeout: 1_000 }), []],
]

async function open(serving: SessionServing, name: AskingName): Promise<SessionClient> {
  const client = new SessionClient(serving.ask, name)
  client.polling = false
  return client.connect()
}

/** A polling client asks until nobody knows it any more, or listens. */
async function goOn(client: SessionClient): Promise<void> {
  while (client.polls && client.refused === 0) await client.once().catch(() => (client.refused = 1))
}

async function run(t: Parameters<typeof serveSessions>[0], wire: WireName, act: Act, inMessage: boolean) {
  const received: string[][] = []
  for (const name of ['xhr-polling', 'htmlfile'] as const) {
    const serving = await serveSessions(t, {}, wire, (_message, _client, writer) => {
      if (inMessage) act(writer, serving.server)
    })
    const { server, log } = serving
    if (!inMessage) server.on('clientConnect', (_client, writer) => act(writer, server))
    const client = await open(serving, name)
    if (inMessage) assert.equal(await client.send('one', 'two'), 200)
    if (server.clients.size > 0) await goOn(client)
    await until(() => server.clients.size === 0)
    if (!client.polls) await until(() => client.stream!.ended())
    const told = log.filter((line) => !line.startsWith('error'))
    assert.deepEqual(told, [`connect ${name}`, `disconnect ${name}`])
    assert.deepEqual(serving.messages, inMessage ? ['one'] : [])
    received.push(client.received)
  }
  return received
}

for (const wire of WIRES) {
  for (const [name, act, got] of ACTS) {
    test(`${wire}: an application ${name} in clientConnect, and in message`, async (t) => {
      assert.deepEqual(await run(t, wire, act, false), [got, got])
      assert.deepEqual(await run(t, wire, act, true), [got, got])
    })
  }

  test(`${wire}: a listener that throws in each event leaves sessions as they are`, async (t) => {
    const caught = uncaught(t)
    const serving = await serveSessions(t, {}, wire)
    const { server } = serving
    for (const event of ['clientConnect', 'message', 'clientDisconnect', 'clientError'] as const) {
      server.on(event, () => {
        throw new Error(event)
      })
    }
    for (const name of ['xhr-polling', 'htmlfile'] as const) {
      const client = await open(serving, name)
      assert.equal(await client.send('a', 'b'), 200)
      if (client.polls) await client.once()
      assert.deepEqual(await client.receives(2), ['a', 'b'])
      assert.equal(await client.sendPayload('no frame'), 400)
      await until(() => server.clients.size === 0)
    }
    const told = ['clientConnect', 'message', 'message', 'clientError', 'clientDisconnect']
    await until(() => caught.length === 2 * told.length)
    assert.deepEqual(caught, [...told, ...told])
  })
}

test('a writer whose listeners throw keeps nothing from the other clients', async (t) => {
  const caught = uncaught(t)
  const serving = await serveSessions(t, { sessions: { highWater: 4 } }, 'own', () => {})
  const { server, clients, log } = serving
  const joined: SessionClient[] = []
  for (let count = 0; count < 3; count++) joined.push(await open(serving, 'htmlfile'))
  for (const { writer } of clients) {
    for (const event of ['drain', 'close'] as const) {
      writer.on(event, () => {
        throw new Error(event)
      })
    }
  }
  server.broadcast('to all')
  for (const client of joined) assert.deepEqual(await client.receives(1), ['to all'])
  await until(() => caught.length === 3)
  server.broadcast('and again')
  for (const client of joined) assert.deepEqual(await client.receives(2), ['to all', 'and again'])
  await until(() => caught.length === 6)
  await server.shutdown({ timeout: 1_000 })
  await until(() => caught.length === 9)
  assert.deepEqual(caught, [...Array(6).fill('drain'), ...Array(3).fill('close')])
  assert.equal(log.filter((line) => line === 'disconnect htmlfile').length, 3)
  for (const { stream } of joined) await until(() => stream!.ended())
})

test('a writer whose listener of close throws: all others are told, and nothing is thrown at who closes', async (t) => {
  const caught = uncaught(t)
  const serving = await serveSessions(t)
  const { server, clients, log } = serving
  for (let count = 0; count < 3; count++) await open(serving, 'xhr-polling')
  for (const { writer } of clients) {
    writer.on('close', () => {
      throw new Error('close')
    })
  }
  // Between two polls.
  await until(() => clients.every(({ client }) => client.session!.connections === 1))
  server.close()
  await until(() => caught.length === 3)
  assert.deepEqual(caught, ['close', 'close', 'close'])
  assert.equal(log.filter((line) => line === 'disconnect xhr-polling').length, 3)
  assert.equal(server.clients.size, 0)
})

test('a WebSocket: whatever the application does while it is told, the client gets its end once', async (t) => {
  for (const [, act, got] of ACTS) {
    for (const inMessage of [false, true]) {
      const serving = await serveSessions(t, {}, 'own', (_message, _client, writer) => {
        if (inMessage) act(writer, serving.server)
      })
      const { server, port, log } = serving
      if (!inMessage) server.on('clientConnect', (_client, writer) => act(writer, server))
      const socket = await connect(`ws://127.0.0.1:${port}/socket.io/websocket`)
      t.after(() => socket.destroy())
      const frames: string[] = []
      let ends = 0
      socket.on('message', (message) => frames.push(...frames06(String(message))))
      socket.on('close', () => ends++)
      if (inMessage) socket.write(frame06('one') + frame06('two'))
      await until(() => ends === 1)
      assert.deepEqual(frames.slice(1), got)
      assert.deepEqual(log, ['connect websocket', 'disconnect websocket'])
      assert.deepEqual(serving.messages, inMessage ? ['one'] : [])
    }
  }
})
