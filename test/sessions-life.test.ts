/** How sessions live and end: what is sent between two connections, times, limits, and the server's own end. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SessionMember } from '../src/node/sessions/member.ts'
import { SessionState } from '../src/sessions/index.ts'
import { openSession } from './support/open-session.ts'
import { Random } from './support/random.ts'
import { join, until } from './support/serving.ts'
import { ASKING, frame06, frames07, SessionClient } from './support/session-clients.ts'
import { serveSessions, WIRES } from './support/session-wires.ts'

const FOREVER = Number.POSITIVE_INFINITY

for (const wire of WIRES) {
  test(`${wire}: nothing is lost between two polls, and all of a turn goes together`, async (t) => {
    const { serving, client, writer } = await openSession(t, 'xhr-polling', {}, {}, wire)
    const { server, clients } = serving
    writer.write('between')
    await sleep(10)
    writer.write('two polls')
    await client.once()
    assert.deepEqual(client.received, ['between', 'two polls'])
    const held = client.once()
    await until(() => clients[0]!.client.session!.connections === 3)
    assert.equal(server.send(clients[0]!.client, 'one'), true)
    server.broadcast('turn')
    await held
    assert.deepEqual(client.received.slice(2), ['one', 'turn'])
  })

  test(`${wire}: polls that break off while they are held: each message once, in order`, async (t) => {
    const random = new Random(7)
    const { serving, client, writer, seen } = await openSession(t, 'xhr-polling', {}, {}, wire)
    let sent = 0
    for (let round = 0; round < 60; round++) {
      const breaking = new AbortController()
      const before = seen.session!.connections
      const broken = serving.ask(client.path(), { signal: breaking.signal })
      broken.catch(() => {})
      await until(() => seen.session!.connections > before)
      breaking.abort()
      await assert.rejects(broken, { message: 'broken off' })
      // What is sent before the server has seen it would be lost with the connection, as any answer is.
      await until(() => (seen.session as SessionMember).session.state === SessionState.between)
      for (let count = 1 + random.below(4); count > 0; count--) writer.write(String(sent++))
      await client.once()
    }
    assert.deepEqual(
      client.received,
      Array.from({ length: sent }, (_, index) => String(index)),
    )
    assert.deepEqual(serving.log, ['connect xhr-polling'])
  })

  test(`${wire}: a second poll takes the place of one that is held`, async (t) => {
    const { serving, client, writer, seen } = await openSession(t, 'xhr-polling', {}, {}, wire)
    const first = serving.ask(client.path())
    await until(() => seen.session!.connections === 2)
    const second = client.once()
    const answer = await first
    await until(() => answer.ended())
    assert.equal(answer.body(), '')
    writer.write('for the second')
    await second
    assert.deepEqual(client.received, ['for the second'])
  })

  test(`${wire}: a stream that breaks is the end of its client, and of server-events is not`, async (t) => {
    for (const name of ['htmlfile', 'xhr-multipart', 'server-events'] as const) {
      const { serving, client, writer } = await openSession(t, name, {}, {}, wire)
      client.stream!.cancel()
      if (name !== 'server-events') {
        await until(() => serving.log.length === 2)
        assert.equal(serving.log[1], `disconnect ${name}`)
      } else {
        await sleep(20)
        writer.write('kept')
        const again = new SessionClient(serving.ask, name, { 'last-event-id': client.id })
        await again.once()
        await until(() => again.id !== '')
        assert.equal(again.id, 'kept')
        assert.deepEqual(serving.log, ['connect server-events'])
      }
    }
  })

  test(`${wire}: the server's end: streams are ended, polls answered, and every client is gone`, async (t) => {
    const serving = await serveSessions(t, {}, wire, () => {})
    const clients = ASKING.map((name) => new SessionClient(serving.ask, name))
    for (const client of clients) {
      client.polling = false
      await client.connect()
    }
    const held = clients.filter(({ polls }) => polls).map((client) => client.once())
    await until(() => serving.clients.every(({ client }) => client.session!.connections > 0))
    await until(() => serving.clients.filter(({ client }) => client.session!.connections === 2).length === 2)
    await serving.server.shutdown({ timeout: 2_000 })
    await Promise.all(held)
    await until(() => clients.every(({ stream }) => stream!.ended()))
    assert.deepEqual(serving.server.clients.size, 0)
    assert.deepEqual(serving.log.filter((line) => line.startsWith('disconnect')).sort(), [
      'disconnect htmlfile',
      'disconnect jsonp-polling',
      'disconnect server-events',
      'disconnect xhr-multipart',
      'disconnect xhr-polling',
    ])
  })
}

test('a poll is held so long, and then answered without frames', async (t) => {
  const { client } = await openSession(t, 'xhr-polling', { pollDuration: 80 })
  const since = performance.now()
  await client.once()
  assert.equal(client.stream!.body(), '')
  assert.equal(client.stream!.headers['content-length'], '0')
  assert.ok(performance.now() - since >= 80)
  assert.deepEqual(client.received, [])
  const jsonp = await openSession(t, 'jsonp-polling', { pollDuration: 80 })
  await jsonp.client.once()
  assert.equal(jsonp.client.stream!.body(), 'io.JSONP[1]._("");')
})

test('a polling client that does not come back is lost, with what was for it', async (t) => {
  const { serving, writer, seen } = await openSession(t, 'xhr-polling', { closeTimeout: 60 })
  const closed = once(writer, 'close')
  writer.write('one')
  writer.write('two')
  assert.equal(seen.session!.undelivered, 0)
  await closed
  assert.deepEqual(serving.log, ['connect xhr-polling', 'disconnect xhr-polling'])
  assert.deepEqual([seen.session!.undelivered, writer.ended, writer.write('late')], [2, true, false])
  assert.equal(writer.signal.aborted, true)
  assert.equal(serving.server.clients.size, 0)
})

test('streams have heartbeats; one that is not answered ends the client', async (t) => {
  const { serving, client } = await openSession(t, 'htmlfile', {
    heartbeatInterval: 40,
    heartbeatTimeout: 120,
  })
  await client.receives(1)
  assert.deepEqual(client.received, ['~h~1'])
  assert.equal(await client.send('~h~1'), 200)
  await client.receives(2)
  assert.equal(client.received[1], '~h~2')
  await until(() => serving.log.length === 3)
  assert.deepEqual(serving.log.slice(1), ['error ERR_SESSION_HEARTBEAT_TIMEOUT', 'disconnect htmlfile'])
  await until(() => client.stream!.ended())
})

test('one transport may have options of its own', async (t) => {
  const own = { 'xhr-polling': { pollDuration: 50 }, htmlfile: { encoding: '0.7pre' } } as const
  const { client, serving } = await openSession(t, 'xhr-polling', {
    pollDuration: 60_000,
    transportOptions: own,
  })
  await client.once()
  assert.equal(client.stream!.body(), '')
  const frame = await serving.ask('/socket.io/htmlfile/')
  await until(() => frame.body().includes('</script>'))
  assert.match(frame.body(), /parent\.s\._\("3:22:[A-Za-z0-9_-]{22},", document\)/)
  assert.equal(serving.clients[1]!.client.version, '0.7pre')
})

test('the encoding 0.7pre: annotations and JSON, both ways', async (t) => {
  const { serving, client, writer, seen } = await openSession(t, 'htmlfile', {})
  client.frames = frames07
  const got: unknown[] = []
  serving.server.on('message', (message, socket) => {
    const { json, annotations } = socket.session!
    got.push([String(message), socket.version, json, [...annotations]])
  })
  const payload = '1:19:r:chat\n:Hello world,1:10:j\n:{"a":1},'
  assert.equal(await client.sendPayload(payload), 200)
  assert.deepEqual(got, [
    ['Hello world', '0.7pre', false, [['r', 'chat']]],
    ['{"a":1}', '0.7pre', true, []],
  ])
  writer.write('{"b":2}', { json: true, annotations: new Map([['r', 'chat']]) })
  serving.server.broadcast('to all', undefined, { annotations: new Map([['r', 'all']]) })
  await client.receives(2)
  assert.deepEqual(client.received, ['1 r:chat\nj\n:{"b":2}', '1 r:all\n:to all'])
  assert.equal(seen.version, '0.7pre')
  await client.sendPayload('0:0:,')
  await until(() => serving.log.length === 2)
})

test('0.6 has JSON, and no annotations', async (t) => {
  const { serving, client, writer, seen } = await openSession(t, 'xhr-polling')
  await client.send('~j~{"a":[1]}')
  assert.deepEqual(
    [serving.messages, seen.session!.json, seen.session!.annotations.size],
    [['{"a":[1]}'], true, 0],
  )
  await client.send('plain')
  assert.equal(seen.session!.json, false)
  writer.write('{"b":2}', { json: true })
  const annotations = new Map([['r', 'chat']])
  assert.throws(() => writer.write('x', { annotations }), { code: 'ERR_SESSION_ANNOTATION_UNSUPPORTED' })
  serving.server.broadcast('x', undefined, { annotations })
  assert.deepEqual(serving.errors, ['ERR_SESSION_ANNOTATION_UNSUPPORTED'])
  await client.once()
  assert.deepEqual(client.received, ['~j~{"b":2}'])
})

test('close: what waits still goes out, with the next poll', async (t) => {
  const { serving, client, writer } = await openSession(t, 'xhr-polling')
  writer.write('last words')
  writer.close()
  assert.deepEqual([writer.ended, writer.write('late')], [true, false])
  await client.once()
  assert.deepEqual(client.received, ['last words'])
  await until(() => serving.log.length === 2)
  assert.deepEqual(serving.log, ['connect xhr-polling', 'disconnect xhr-polling'])
})

test('destroy: a stream, and a poll that is held, are cut', async (t) => {
  for (const name of ['htmlfile', 'xhr-polling'] as const) {
    const { serving, client, writer, seen } = await openSession(t, name)
    const peer = await join(t, serving.port)
    peer.send(`GET ${client.path()} HTTP/1.1\r\nHost: a\r\n\r\n`)
    await until(() => seen.session!.connections === 2)
    writer.destroy()
    await peer.finished()
    assert.equal(serving.log.at(-1), `disconnect ${name}`)
  }
})

test('a client that has ended its side is gone, and still gets the end of its answer', async (t) => {
  for (const name of ['htmlfile', 'xhr-polling'] as const) {
    const { serving, client, seen } = await openSession(t, name, { closeTimeout: 50 })
    const peer = await join(t, serving.port)
    peer.send(`GET ${client.path()} HTTP/1.1\r\nHost: a\r\n\r\n`)
    await until(() => seen.session!.connections === 2)
    peer.finish()
    const text = await peer.finished()
    assert.match(text, name === 'htmlfile' ? /\r\n0\r\n\r\n$/ : /Content-Length: 0\r\n/)
    await until(() => serving.log.length === 2)
    assert.equal(serving.log[1], `disconnect ${name}`)
  }
})

test('a request that opens a session and ends its side gets the id', async (t) => {
  const serving = await serveSessions(t)
  const peer = await join(t, serving.port)
  peer.finish('GET /socket.io/xhr-polling// HTTP/1.0\r\n\r\n')
  assert.match(await peer.finished(), /\r\n\r\n~m~22~m~[A-Za-z0-9_-]{22}$/)
})

test('close of the server: clients that live on requests cannot come back, and are told', async (t) => {
  const serving = await serveSessions(t, { sessions: { encoding: '0.7pre' } })
  const client = new SessionClient(serving.ask, 'xhr-polling')
  client.frames = frames07
  client.polling = false
  await client.once()
  client.id = client.id.slice('3 '.length)
  const held = client.once()
  await until(() => serving.clients[0]!.client.session!.connections === 2)
  serving.server.close()
  await held
  assert.deepEqual(client.received, ['0 '])
  await until(() => serving.log.length === 2)
})

test('server.close ends what no request can reach any more', async (t) => {
  const { serving, client } = await openSession(t, 'htmlfile')
  const closed = once(serving.server, 'close')
  serving.server.close()
  await until(() => client.stream!.ended())
  await closed
  assert.deepEqual(serving.log, ['connect htmlfile', 'disconnect htmlfile'])
})

test('a session whose first answer never reaches anybody ends unseen', async (t) => {
  const serving = await serveSessions(t, { sessions: { graceTimeout: 30, closeTimeout: 30 } })
  const peer = await join(t, serving.port)
  peer.send('GET /socket.io/htmlfile/ HTTP/1.1\r\nHost: a\r\n\r\n')
  peer.socket.destroy()
  await sleep(150)
  assert.equal(serving.server.clients.size, 0)
})

test('one connection that polls and sends plain messages is two clients', async (t) => {
  const serving = await serveSessions(t)
  const peer = await join(t, serving.port)
  peer.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nplain')
  await peer.receives('plain')
  peer.send('GET /socket.io/xhr-polling HTTP/1.1\r\nHost: a\r\n\r\n')
  await peer.receives('~m~22~m~')
  const [id] = /[A-Za-z0-9_-]{22}$/.exec(peer.text)!
  peer.send(`GET /socket.io/xhr-polling/${id} HTTP/1.1\r\nHost: a\r\n\r\n`)
  await until(() => serving.clients[1]!.client.session!.connections === 2)
  // The answer that is held is the session's, not that of the other client.
  assert.equal(serving.server.send(serving.clients[0]!.client, 'astray'), false)
  serving.server.broadcast('to all')
  await peer.receives('to all')
  assert.ok(!peer.text.includes('astray'))
  assert.ok(peer.text.endsWith(frame06('to all')))
  assert.deepEqual(serving.log, ['connect http', 'connect xhr-polling'])
})

test('compressed answers: polls are, streams are not', async (t) => {
  const serving = await serveSessions(t, { answerCompression: true }, 'own', () => {})
  const headers = { 'accept-encoding': 'gzip' }
  const client = new SessionClient(serving.ask, 'xhr-polling', headers)
  client.polling = false
  await client.connect()
  serving.clients[0]!.writer.write('x'.repeat(5_000))
  const answering = await serving.ask(client.path(), { headers })
  await until(() => answering.ended())
  assert.equal(answering.headers['content-encoding'], 'gzip')
  // The coded answer counts as read once the next poll comes.
  const next = serving.ask(client.path(), { headers })
  await until(() => serving.clients[0]!.client.session!.connections === 3)
  serving.clients[0]!.writer.write('next')
  const answer = await next
  await until(() => answer.ended())
  assert.equal(answer.body(), frame06('next'))
  const stream = new SessionClient(serving.ask, 'htmlfile', headers)
  await stream.connect()
  assert.equal(stream.stream!.headers['content-encoding'], undefined)
})

test('heartbeats can be switched off', async (t) => {
  const { client, writer } = await openSession(t, 'htmlfile', {
    heartbeatInterval: FOREVER,
    heartbeatTimeout: 20,
  })
  await sleep(100)
  writer.write('only this')
  await client.receives(1)
  assert.deepEqual(client.received, ['only this'])
})
