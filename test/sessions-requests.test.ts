/** Who may speak for which session, and what others get: on each way that a request can come. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runInNewContext } from 'node:vm'
import type { ServerOptions } from '../src/index.ts'
import { Random } from './support/random.ts'
import { join, until } from './support/serving.ts'
import { ASKING, frame06, SessionClient } from './support/session-clients.ts'
import { type Asked, type SessionServing, serveSessions, WIRES } from './support/session-wires.ts'

const POLL = '/socket.io/xhr-polling'

/** Status, body and reported errors of one request. */
async function answered(serving: SessionServing, path: string, asked?: Asked): Promise<unknown[]> {
  const before = serving.errors.length
  const answering = await serving.ask(path, asked)
  await until(() => answering.ended())
  return [answering.status, answering.body(), ...serving.errors.slice(before)]
}

async function fieldsOf(
  serving: SessionServing,
  path: string,
  asked?: Asked,
): Promise<Record<string, unknown>> {
  const answering = await serving.ask(path, asked)
  await until(() => answering.ended())
  return { ...answering.headers, status: answering.status }
}

for (const wire of WIRES) {
  test(`${wire}: requests that are refused, and the connection that stays`, async (t) => {
    const serving = await serveSessions(t, {}, wire)
    const rows: [path: string, asked: Asked, ...expected: unknown[]][] = [
      [`${POLL}/nobody/1`, {}, 404, 'it has ended, or never was', 'ERR_SESSION_UNKNOWN'],
      [`${POLL}/__proto__/1`, {}, 404, 'it has ended, or never was', 'ERR_SESSION_UNKNOWN'],
      [`${POLL}/nobody/send`, { body: 'data=x' }, 404, 'it has ended, or never was', 'ERR_SESSION_UNKNOWN'],
      [`${POLL}/a%2fb/1`, {}, 400, 'its session id is none', 'ERR_SESSION_ID_INVALID'],
      [`${POLL}/a/1/2`, {}, 400, 'nothing is known behind its session', 'ERR_SESSION_PATH_INVALID'],
      [`${POLL}/send`, { body: 'data=x' }, 400, 'it is not the path to send to', 'ERR_SESSION_PATH_INVALID'],
      [POLL, { method: 'DELETE' }, 405, 'its method is none of GET, POST, OPTIONS', 'ERR_SESSION_METHOD'],
      ['/socket.io/websocket', {}, 426, 'its transport is a WebSocket', 'ERR_SESSION_UPGRADE_MISSING'],
      ['/socket.io/flashsocket/x', {}, 426, 'its transport is a WebSocket', 'ERR_SESSION_UPGRADE_MISSING'],
    ]
    for (const [path, asked, status, reason, code] of rows) {
      const [gotStatus, body, ...errors] = await answered(serving, path, asked)
      assert.deepEqual([gotStatus, errors], [status, [code]], path)
      assert.match(String(body), new RegExp(`^Cannot [^\\n]*: ${reason}\\n$`))
    }
    const fields = await fieldsOf(serving, `${POLL}/nobody/1`)
    assert.equal(fields['content-type'], 'text/plain; charset=utf-8')
    assert.equal(fields['cache-control'], 'no-store')
    assert.equal(fields['x-content-type-options'], 'nosniff')
    assert.notEqual(fields.connection, 'close')
    assert.deepEqual((await fieldsOf(serving, POLL, { method: 'PUT' })).allow, 'GET, POST, OPTIONS')
    assert.deepEqual(
      serving.log.filter((line) => !line.startsWith('error')),
      [],
    )
  })

  test(`${wire}: a session belongs to the origin that opened it`, async (t) => {
    const serving = await serveSessions(t, { allowOrigin: ['*.example.com', 'localhost:*'] }, wire)
    const own = { origin: 'https://www.example.com' }
    for (const name of ASKING) {
      const client = new SessionClient(serving.ask, name, own)
      client.polling = false
      await client.connect()
      const refused = async (headers: Record<string, string>, error: string) => {
        for (const [path, body] of [
          [client.path(), undefined],
          [
            name === 'jsonp-polling' ? client.path() : client.path().replace(/1700000000000$/, 'send'),
            'data=x',
          ],
        ] as const) {
          const asked = { headers, ...(body === undefined ? {} : { body }) }
          const [status, , ...errors] = await answered(serving, path, asked)
          assert.deepEqual([status, errors], [403, [error]], `${name} ${path} ${JSON.stringify(headers)}`)
        }
      }
      await refused({}, 'ERR_SESSION_ORIGIN')
      await refused({ origin: 'https://other.example.com' }, 'ERR_SESSION_ORIGIN')
      await refused({ origin: 'https://evil.test' }, 'ERR_ORIGIN_REFUSED')
      await refused({ origin: 'null' }, 'ERR_ORIGIN_REFUSED')
      await refused({ referer: 'https://evil.test/page' }, 'ERR_ORIGIN_REFUSED')
      await refused({ 'sec-fetch-site': 'cross-site' }, 'ERR_ORIGIN_REFUSED')
      assert.equal(await client.send('mine'), 200)
    }
    assert.deepEqual(
      serving.messages,
      ASKING.map(() => 'mine'),
    )
  })

  test(`${wire}: a script and a frame, which name no origin, are judged by their page`, async (t) => {
    const serving = await serveSessions(t, { allowOrigin: '*.example.com' }, wire)
    for (const path of ['/socket.io/jsonp-polling//1/0', '/socket.io/htmlfile//1']) {
      const from = (referer: string) => serving.ask(path, { headers: { referer } })
      const good = await from('https://www.example.com/page')
      assert.equal(good.status, 200)
      good.cancel()
      assert.equal((await from('https://evilexample.com/page')).status, 403)
      assert.equal((await serving.ask(path, { headers: { 'sec-fetch-site': 'cross-site' } })).status, 403)
    }
  })

  test(`${wire}: a script that hides its page is another's, where not every page may come in`, async (t) => {
    const path = '/socket.io/jsonp-polling//1/0'
    const own = await serveSessions(t, {}, wire)
    const status = async (headers: Record<string, string>, serving = own) =>
      (await serving.ask(path, { headers })).status
    assert.equal(await status({}), 403)
    assert.deepEqual(own.log, ['error ERR_ORIGIN_REFUSED'])
    assert.equal(await status({ referer: 'about:client' }), 403)
    for (const site of ['same-site', 'cross-site', 'same-origin, none'])
      assert.equal(await status({ 'sec-fetch-site': site }), 403, site)
    for (const site of ['same-origin', 'none']) assert.equal(await status({ 'sec-fetch-site': site }), 200)
    const open = await serveSessions(t, { allowOrigin: '*' }, wire)
    assert.equal(await status({}, open), 200)
    const named = await serveSessions(t, { allowOrigin: '*.example.com' }, wire)
    assert.equal(await status({ referer: 'https://www.example.com/' }, named), 200)
    assert.equal(await status({}, named), 403)
  })

  test(`${wire}: pages of other origins read what they may`, async (t) => {
    const serving = await serveSessions(t, { allowOrigin: '*.example.com', allowCredentials: true }, wire)
    const headers = { origin: 'https://www.example.com' }
    const shown = (fields: Record<string, unknown>) =>
      ['access-control-allow-origin', 'access-control-allow-credentials', 'vary'].map((name) => fields[name])
    const expected = ['https://www.example.com', 'true', 'Origin']
    const opened = await serving.ask(`${POLL}/`, { headers })
    assert.deepEqual(shown(opened.headers), expected)
    assert.deepEqual(shown(await fieldsOf(serving, `${POLL}/nobody`, { headers })), expected)
    const stranger = await fieldsOf(serving, `${POLL}/`, { headers: { origin: 'https://evil.test' } })
    assert.deepEqual(shown(stranger), [undefined, undefined, 'Origin'])
    assert.deepEqual(shown(await fieldsOf(serving, `${POLL}/`)), [undefined, undefined, undefined])
    const preflight = await fieldsOf(serving, `${POLL}/${'x'.repeat(22)}/send`, {
      method: 'OPTIONS',
      headers: {
        ...headers,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'x-one, x-two',
      },
    })
    assert.deepEqual(shown(preflight), expected)
    assert.equal(preflight.status, 200)
    assert.equal(preflight['access-control-allow-methods'], 'GET, POST, OPTIONS')
    assert.equal(preflight['access-control-allow-headers'], 'x-one, x-two')
    const plain = await fieldsOf(serving, POLL, { method: 'OPTIONS' })
    assert.deepEqual([plain.status, plain.allow], [200, 'GET, POST, OPTIONS'])
    assert.equal((await serving.ask('/socket.io/htmlfile/', { method: 'OPTIONS' })).status, 405)
  })

  test(`${wire}: bodies that bring no messages`, async (t) => {
    const serving = await serveSessions(t, { messageLimit: 1_000 }, wire)
    const client = new SessionClient(serving.ask, 'xhr-polling')
    client.polling = false
    await client.connect()
    const rows: [body: string, status: number, code: string][] = [
      ['', 400, 'ERR_SESSION_BODY_INVALID'],
      ['other=x', 400, 'ERR_SESSION_BODY_INVALID'],
      ['data=x&data=y', 400, 'ERR_SESSION_BODY_INVALID'],
      ['data=%zz', 400, 'ERR_SESSION_BODY_INVALID'],
      [`data=${'x'.repeat(1_001)}`, 413, 'ERR_HTTP_BODY_TOO_LARGE'],
    ]
    for (const [body, status, code] of rows) {
      const before = serving.errors.length
      assert.equal((await client.post(body)).status, status, body)
      assert.deepEqual(serving.errors.slice(before), [code])
    }
    // The session has not noticed.
    assert.equal(await client.send('still here'), 200)
    assert.deepEqual(serving.messages, ['still here'])
    const coded = await serving.ask(`${POLL}/${client.id}/send`, {
      headers: { 'content-encoding': 'compress' },
      body: 'x',
    })
    assert.equal(coded.status, 415)
  })

  test(`${wire}: a payload that is none ends the session, and says so`, async (t) => {
    const serving = await serveSessions(t, { sessions: { limits: { message: 100, messages: 10 } } }, wire)
    for (const [payload, status, code] of [
      ['hello', 400, 'ERR_SESSION_ENCODING_UNKNOWN'],
      ['~m~5~m~hell', 400, 'ERR_SESSION_TRUNCATED'],
      [frame06('x'.repeat(101)), 413, 'ERR_SESSION_MESSAGE_TOO_LARGE'],
      [frame06('x').repeat(11), 413, 'ERR_SESSION_TOO_MANY_MESSAGES'],
    ] as const) {
      const client = new SessionClient(serving.ask, 'xhr-polling')
      client.polling = false
      await client.connect()
      const before = serving.log.length
      assert.equal(await client.sendPayload(payload), status)
      assert.deepEqual(serving.log.slice(before), [`error ${code}`, 'disconnect xhr-polling'])
      assert.equal(await client.send('gone'), 404)
    }
    assert.deepEqual(serving.messages, [])
  })

  test(`${wire}: a body in pieces, with every byte escaped`, async (t) => {
    const serving = await serveSessions(t, {}, wire)
    const client = new SessionClient(serving.ask, 'htmlfile')
    await client.connect()
    const large = 'ü€😀 &=+%'.repeat(5_000)
    assert.equal(await client.send(large, 'behind'), 200)
    assert.deepEqual(await client.receives(2), [large, 'behind'])
  })
}

test('jsonp: no text leaves its string, and an index is a number', async (t) => {
  const serving = await serveSessions(t)
  const client = new SessionClient(serving.ask, 'jsonp-polling')
  client.polling = false
  await client.connect()
  const hostile = '");alert(1);//</script>\u2028\u2029\\"\n<!--'
  serving.clients[0]!.writer.write(hostile)
  const answering = await serving.ask(client.path())
  await until(() => answering.ended())
  const script = answering.body()
  assert.equal(answering.headers['content-type'], 'text/javascript; charset=UTF-8')
  assert.equal(answering.headers['x-content-type-options'], 'nosniff')
  assert.match(script, /^io\.JSONP\[1\]\._\("[^<>&\n\r\u2028\u2029]*"\);$/)
  const called: string[] = []
  runInNewContext(script, { io: { JSONP: [null, { _: (data: string) => called.push(data) }] } })
  assert.deepEqual(called, [frame06(hostile)])
  for (const index of ['', 'x', '-1', '01', '1e3', '0]);alert(1', '%5D', '1234567']) {
    const [status] = await answered(serving, `/socket.io/jsonp-polling//1/${index}`)
    assert.equal(status, 400, index)
  }
})

test('an id is not to be guessed: 128 bits, never seen twice', async (t) => {
  const serving = await serveSessions(t)
  const ids = new Set<string>()
  for (let count = 0; count < 50; count++) {
    const answering = await serving.ask(POLL)
    await until(() => answering.ended())
    ids.add(answering.body().slice('~m~22~m~'.length))
  }
  assert.equal(ids.size, 50)
  for (const id of ids) assert.match(id, /^[A-Za-z0-9_-]{22}$/)
  const known = [...serving.server.clients.keys()]
  assert.equal(known.length, 50)
  assert.ok(known.every((id) => !ids.has(id)))
})

test('a multipart answer has a boundary of its own each time', async (t) => {
  const serving = await serveSessions(t)
  const types = new Set<unknown>()
  for (let count = 0; count < 5; count++)
    types.add((await serving.ask('/socket.io/xhr-multipart/')).headers['content-type'])
  assert.equal(types.size, 5)
})

test('there are only so many sessions', async (t) => {
  const serving = await serveSessions(t, { sessions: { maxSessions: 2 } })
  assert.equal((await serving.ask(POLL)).status, 200)
  assert.equal((await serving.ask(POLL)).status, 200)
  const [status, body, error] = await answered(serving, POLL)
  assert.deepEqual(
    [status, body, error],
    [503, 'Cannot open the session: there are 2\n', 'ERR_SESSION_TOO_MANY'],
  )
  serving.clients[0]!.writer.close()
  assert.equal((await serving.ask(POLL)).status, 200)
})

test('a transport that is not served, and a session of another one', async (t) => {
  const serving = await serveSessions(t, { sessions: { transports: ['xhr-polling', 'htmlfile'] } })
  const [status, , error] = await answered(serving, '/socket.io/xhr-multipart/')
  assert.deepEqual([status, error], [404, 'ERR_SESSION_TRANSPORT_DISABLED'])
  const client = new SessionClient(serving.ask, 'xhr-polling')
  client.polling = false
  await client.connect()
  const [other, , mismatch] = await answered(serving, `/socket.io/htmlfile/${client.id}`)
  assert.deepEqual([other, mismatch], [400, 'ERR_SESSION_TRANSPORT_MISMATCH'])
})

test('what is the application’s stays the application’s', async (t) => {
  const serving = await serveSessions(t)
  serving.server.on('request', (request, response) => response.end(`application ${request.url}`))
  for (const path of ['/', '/socket.io', '/socket.io/', '/socket.io/socket.io.js', '/socket.iox/xhr-polling'])
    assert.deepEqual(await answered(serving, path), [200, `application ${path}`])
  assert.deepEqual(await answered(serving, '/', { body: 'message' }), [200, 'message'])
  assert.equal(serving.log[0], 'connect http')
  assert.equal(serving.clients.length, 1)
})

test('without the option nothing is a session’s', async (t) => {
  const serving = await serveSessions(t, { sessions: false } as ServerOptions)
  assert.equal((await serving.ask(POLL)).status, 405)
  assert.deepEqual(serving.errors, [])
})

test('an absolute target is the same path', async (t) => {
  const serving = await serveSessions(t)
  const answering = await serving.ask(`http://127.0.0.1:${serving.port}${POLL}`)
  assert.equal(answering.status, 200)
  assert.deepEqual(serving.log, ['connect xhr-polling'])
})

test('whatever is asked has an answer, and nothing breaks', async (t) => {
  const random = new Random(11)
  const serving = await serveSessions(t, {
    sessions: { pollDuration: 5, limits: { message: 50, messages: 5 } },
  })
  const client = new SessionClient(serving.ask, 'jsonp-polling')
  client.polling = false
  const pieces = ['/', '//', 'send', '1', '0', 'x', '%2f', '..', '__proto__', '-', '?', 'é', ' ']
  const bodies = [
    'data=',
    '~m~',
    '1',
    '5',
    'x',
    '%',
    '%7e',
    '+',
    '&',
    '~h~',
    '~j~',
    '0:0:,',
    '1:2:',
    '\r\n',
    '\0',
  ]
  const pick = (from: readonly string[]) =>
    Array.from({ length: random.below(7) }, () => random.pick(from)).join('')
  const statuses = new Set<number>()
  for (let round = 0; round < 400; round++) {
    if (client.id === '' || round % 20 === 0) await client.connect()
    const name = random.pick([...ASKING, 'websocket', 'pigeon'])
    const id = random.below(3) > 0 ? client.id : pick(pieces)
    const tail = random.pick(['', '/1', '/send', '/1/0', `/${pick(pieces)}`])
    const path = encodeURI(`/socket.io/${name}/${id}${tail}`).replace(/%25/g, '%')
    const method = random.pick(['GET', 'POST', 'OPTIONS', 'PUT'])
    const answering = await serving.ask(path, { method, ...(method === 'POST' && { body: pick(bodies) }) })
    statuses.add(answering.status)
    answering.cancel()
    if (serving.errors.at(-1)?.startsWith('ERR_SESSION') && answering.status === 404) client.id = ''
  }
  assert.deepEqual(
    [...statuses].filter((status) => ![200, 400, 403, 404, 405, 413, 426].includes(status)),
    [],
  )
  assert.ok(statuses.size >= 5, [...statuses].join())
  assert.equal((await serving.ask('/socket.io/xhr-polling')).status, 200)
})

for (const wire of ['own', 'handed'] as const) {
  test(`${wire}: who has the answer already waits for no word before the body`, async (t) => {
    const serving = await serveSessions(t, {}, wire)
    const peer = await join(t, serving.port)
    // From its first request for the application on, a connection is node:http's.
    if (wire === 'handed') {
      peer.send('GET /application HTTP/1.1\r\nHost: localhost\r\n\r\n')
      await peer.receives('application')
    }
    peer.send(`POST ${POLL}/nobody/send HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n`)
    peer.send('Content-Length: 6\r\n\r\n')
    await peer.receives('HTTP/1.1 404 Not Found')
    // node:http closes: whether the body still comes is the client's to say. Ours reads on.
    if (wire === 'own') {
      peer.send(`data=xGET ${POLL}/nobody HTTP/1.1\r\nHost: localhost\r\n\r\n`)
      await until(() => serving.errors.length === 2)
    } else await peer.receives('Connection: close')
    assert.ok(!peer.text.includes('100 Continue'), peer.text)
  })
}
