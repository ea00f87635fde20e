/** Programs on the facade that throw, send from anywhere and talk to clients of both encodings; and what clients make of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Client, Listener, RealmClient } from '../src/compat/socket.io/index.ts'
import { until } from './support/serving.ts'
import { frame06, frames07 } from './support/session-clients.ts'
import { joinPolling, joinSocket, serve } from './support/socket.io-serving.ts'
import { uncaught } from './support/uncaught.ts'

function throwing(message: string): () => never {
  return () => {
    throw new Error(message)
  }
}

function clientsOf(socket: Listener): Client[] {
  return Object.values(socket.clients)
}

test('whatever listeners throw, the others are told, and a client that goes is let go', async (t) => {
  const caught = uncaught(t)
  const told: string[] = []
  const serving = await serve(t, { encoding: '0.7pre' })
  const { socket } = serving
  const chat = socket.realm('chat')
  for (const event of ['clientConnect', 'connection', 'clientMessage', 'clientDisconnect'] as const) {
    for (const [name, emitter] of [['listener', socket] as const, ['realm', chat] as const]) {
      emitter.on(event, () => {
        told.push(`${name} ${event}`)
        throw new Error(`${name} ${event}`)
      })
    }
  }
  const ofClient = (name: string, client: Client | RealmClient) => {
    client.on('message', throwing(`${name} message`)).on('disconnect', throwing(`${name} disconnect`))
  }
  socket.prependListener('connection', (client) => ofClient('client', client))
  chat.prependListener('connection', (client) => ofClient('member', client))
  const { socket: websocket } = await joinSocket(t, serving, undefined, frames07)
  websocket.write('1:9:r:chat\n:m,')
  await until(() => told.length === 6)
  websocket.destroy()
  await until(() => told.length === 8)
  assert.deepEqual(told, [
    'listener clientConnect',
    'listener connection',
    'realm clientConnect',
    'realm connection',
    'listener clientMessage',
    'realm clientMessage',
    'listener clientDisconnect',
    'realm clientDisconnect',
  ])
  await until(() => caught.length === 12)
  assert.deepEqual(caught.slice(4), [
    'client message',
    'listener clientMessage',
    'member message',
    'realm clientMessage',
    'client disconnect',
    'listener clientDisconnect',
    'member disconnect',
    'realm clientDisconnect',
  ])
  assert.deepEqual(Object.keys(socket.clients), [])
})

test('a log that throws keeps nobody out', async (t) => {
  const caught = uncaught(t)
  const serving = await serve(t, { log: throwing('log') })
  const messages: unknown[] = []
  serving.socket.on('clientMessage', (message) => messages.push(message))
  const { socket } = await joinSocket(t, serving)
  socket.write(frame06('heard'))
  await until(() => messages.length === 1)
  socket.destroy()
  await until(() => caught.length === 3)
  assert.deepEqual([messages, caught], [['heard'], ['log', 'log', 'log']])
})

test('annotations go to those that can have them, and keep nothing from the others', async (t) => {
  const lines: string[] = []
  const serving = await serve(t, { log: (line) => lines.push(line) })
  const { socket } = serving
  const old = await joinSocket(t, serving)
  const young = await joinSocket(t, serving, undefined, (batch) =>
    batch.startsWith('~') ? [batch] : frames07(batch),
  )
  young.socket.write('1:4::new,')
  await until(() => clientsOf(socket)[1]!.connection.version === '0.7pre')
  const [first] = clientsOf(socket)
  assert.throws(() => first!.send('no', { r: 'chat' }), { code: 'ERR_SESSION_ANNOTATION_UNSUPPORTED' })
  assert.throws(() => socket.broadcast('no', undefined, { 'a:b': 'c' }), {
    code: 'ERR_SESSION_ANNOTATION_INVALID',
  })
  socket.realm('chat').broadcast('in the realm')
  socket.broadcast({ k: 1 }, undefined, { k: 'v' }).broadcast('end')
  await until(() => old.frames.length === 1 && young.frames.length === 3)
  assert.deepEqual(old.frames, ['end'])
  assert.deepEqual(young.frames, ['1 r:chat\n:in the realm', '1 k:v\nj\n:{"k":1}', '1 :end'])
  const told = lines.filter((line) => line.endsWith('has no annotations: not sent'))
  assert.equal(told.length, 2)
})

test('a program may send from every listener, also to a client that is gone', async (t) => {
  const serving = await serve(t)
  const { socket } = serving
  const polling = await joinPolling(t, serving)
  socket.on('connection', (client) => {
    client.send('in connection').broadcast('there is another')
    client.on('message', (message) => client.send(`got ${message}`).broadcast(message))
    client.on('disconnect', () => client.send('too late').broadcast('it has gone'))
  })
  const { socket: websocket, frames } = await joinSocket(t, serving)
  websocket.write(frame06('one') + frame06('two'))
  await until(() => frames.length === 3)
  websocket.destroy()
  await polling.receives(4)
  assert.deepEqual(frames, ['in connection', 'got one', 'got two'])
  assert.deepEqual(polling.received, ['there is another', 'one', 'two', 'it has gone'])
  assert.equal(clientsOf(socket).length, 1)
})
