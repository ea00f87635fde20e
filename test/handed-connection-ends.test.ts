/** How a connection that node:http reads comes to its end: refused, late, gone, over a limit, or answered. */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { bodiesOf, parseAnswers } from './support/answers.ts'
import { get, joinHanded, post, SLOW_MS, serveBoth, slowly } from './support/handed.ts'
import { join, serve } from './support/serving.ts'

for (const { name, behind, status, code } of [
  { name: 'what is no request', behind: 'garbage\r\n\r\n', status: 400, code: 'ERR_HTTP_METHOD_INVALID' },
  {
    name: 'a method that nobody knows',
    behind: 'BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n',
    status: 501,
    code: 'ERR_HTTP_METHOD_UNSUPPORTED',
  },
  {
    name: 'CONNECT',
    behind: 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n',
    status: 501,
    code: 'ERR_HTTP_METHOD_UNSUPPORTED',
  },
  {
    name: 'two lengths',
    behind: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx',
    status: 400,
    code: 'ERR_HTTP_CONTENT_LENGTH_REPEATED',
  },
  {
    name: 'a broken chunk of a message',
    behind: 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n',
    status: 400,
    code: 'ERR_HTTP_CHUNK_SIZE_INVALID',
  },
  {
    name: 'a broken chunk for the application',
    behind: 'PATCH /slow HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n',
    status: 400,
    code: 'ERR_HTTP_CHUNK_SIZE_INVALID',
  },
  { name: 'a host too many', behind: get('/', 'Host: b\r\n'), status: 400, code: 'ERR_HTTP_HOST_REPEATED' },
]) {
  test(`${name} is refused behind the answers that are owed, with one line and the end`, async (t) => {
    const serving = await serveBoth(t, { closeTimeout: 200 })
    const peer = await join(t, serving.port)
    peer.send(post('0') + get('/slow1') + get('/2') + behind + get('/never').repeat(100))
    const answers = parseAnswers(await peer.finished())
    assert.deepEqual(
      answers.map((answer) => answer.status),
      [200, 200, 200, status],
    )
    assert.deepEqual(
      answers.slice(0, 3).map(({ body }) => body),
      ['0', '</slow1>', '</2>'],
    )
    assert.match(answers[3]!.body, /^Cannot [^\r\n]+\n$/)
    assert.equal(answers[3]!.fields.get('connection'), 'close')
    assert.equal(peer.error, undefined)
    assert.deepEqual(serving.errors, [code])
  })
}

test('behind Connection: close nothing is read, and the answer arrives whole', async (t) => {
  const serving = await serveBoth(t, { closeTimeout: 200 })
  for (const behind of [
    'garbage\r\n\r\n',
    get('/never').repeat(10),
    post('never'),
    'x'.repeat(2_000_000),
    '\0',
  ]) {
    const peer = await join(t, serving.port)
    peer.send(get('/slow', 'Connection: close\r\n') + behind)
    const [answer, ...others] = parseAnswers(await peer.finished())
    assert.deepEqual([answer!.body, answer!.fields.get('connection'), others], ['</slow>', 'close', []])
    assert.equal(peer.error, undefined, behind.slice(0, 20))
  }
  assert.deepEqual(serving.errors, [])
  assert.deepEqual(serving.messages, [])
})

test('an answer that closes the connection is delivered whole while the client goes on sending', async (t) => {
  const serving = await serve(t, { closeTimeout: 500 })
  const body = 'x'.repeat(300_000)
  serving.server.on('request', (_request, response) => {
    response.setHeader('Connection', 'close')
    response.end(body)
  })
  const peer = await join(t, serving.port)
  peer.send('PATCH / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n')
  const sending = setInterval(() => peer.send('y'.repeat(100_000)), 1)
  t.after(() => clearInterval(sending))
  await peer.finished()
  clearInterval(sending)
  assert.equal(parseAnswers(peer.text)[0]!.body, body)
  assert.equal(peer.error, undefined)
})

test('what a client asked for before it ended its side is answered, though its end was read already', async (t) => {
  const serving = await serveBoth(t, {}, slowly)
  const peer = await join(t, serving.port)
  peer.finish(post('one') + get('/slow') + post('two') + get('/last'))
  assert.deepEqual(bodiesOf(await peer.finished()), ['one', '</slow>', 'two', '</last>'])
  assert.deepEqual(serving.errors, [])
  await serving.until(() => serving.log.at(-1) === 'disconnect http')
})

test('whoever ended its side is probed while its answer takes long', async (t) => {
  const serving = await serve(t)
  const probed: number[] = []
  serving.server.on('connection', (socket: Socket) => {
    socket.setKeepAlive = (_on, delay) => {
      probed.push(delay!)
      return socket
    }
  })
  let answer: (() => void) | undefined
  serving.server.on('request', (_request, response) => {
    answer = () => response.end('<late>')
  })
  const peer = await join(t, serving.port)
  peer.finish(get())
  await serving.until(() => probed.length === 1)
  assert.deepEqual(probed, [1_000])
  answer!()
  assert.deepEqual(bodiesOf(await peer.finished()), ['<late>'])
})

test('a client that is gone ends every answer that waits, not the first alone', async (t) => {
  const signals: AbortSignal[] = []
  let closed = 0
  const serving = await serve(t, { explicitEnd: true }, (_message, _client, writer) => {
    signals.push(writer.signal)
    writer.on('close', () => closed++)
    writer.write('x')
  })
  serving.server.on('request', () => {})
  const peer = await join(t, serving.port)
  peer.send(get() + post('m'))
  await serving.until(() => signals.length === 1)
  peer.socket.resetAndDestroy()
  await serving.until(() => serving.log.at(-1) === 'disconnect http')
  assert.deepEqual([signals[0]!.aborted, closed], [true, 1])
  assert.equal(serving.server.stats().connections, 0)
  assert.equal(serving.server.clients.size, 0)
})

test('a client that is gone before its request’s turn comes is not served', async (t) => {
  const serving = await serveBoth(t, {}, slowly)
  let requests = 0
  serving.server.prependListener('request', () => requests++)
  const peer = await join(t, serving.port)
  peer.send(post('one') + get() + post('two'))
  await serving.until(() => serving.messages.length === 1)
  peer.socket.resetAndDestroy()
  await serving.until(() => serving.log.at(-1) === 'disconnect http')
  await sleep(2 * SLOW_MS)
  assert.deepEqual(serving.messages, ['one'])
  assert.equal(requests, 0)
  assert.equal(serving.server.stats().connections, 0)
})

for (const queued of [false, true]) {
  test(`who does not read is cut at writeLimit${queued ? ', behind another answer, too' : ''}`, async (t) => {
    const writeLimit = 100_000
    let most = 0
    const serving = await serve(t, { explicitEnd: true, writeLimit }, (_message, _client, writer) => {
      for (let part = 0; part < 500; part++) {
        writer.write(Buffer.alloc(50_000))
        most = Math.max(most, writer.writableLength)
      }
    })
    serving.server.on('request', (request, response) => {
      if (request.url !== '/never') response.end(`<${request.url}>`)
    })
    const peer = await joinHanded(t, serving)
    peer.socket.pause()
    peer.send((queued ? get('/never') : '') + post('m'))
    await serving.until(() => serving.log.at(-1) === 'disconnect http')
    assert.deepEqual(serving.errors, ['ERR_WRITE_LIMIT'])
    assert.ok(most <= writeLimit + 50_100, `${most} bytes waited`)
  })
}

test('the budget over all clients counts what these buffer', async (t) => {
  const options = { explicitEnd: true, writeLimit: 1_000_000_000, bufferLimit: 2_000_000, wholeBody: true }
  const serving = await serve(t, options, (_message, _client, writer) => {
    for (let part = 0; part < 200 && !writer.ended; part++) writer.write(Buffer.alloc(100_000))
  })
  serving.server.on('request', (request, response) => response.end(`<${request.url}>`))
  const writing = await joinHanded(t, serving)
  writing.socket.pause()
  writing.send(post('m'))
  await serving.until(() => serving.errors.length === 1)
  const sending = await joinHanded(t, serving)
  sending.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n${'x'.repeat(5_000_000)}`)
  await serving.until(() => serving.errors.length === 2)
  assert.deepEqual(serving.errors, ['ERR_BUFFER_LIMIT', 'ERR_BUFFER_LIMIT'])
  await serving.until(() => serving.server.stats().connections === 0)
})

test('a message whose answer has begun is broken off where its body goes wrong', async (t) => {
  const serving = await serve(t, { messageLimit: 100, closeTimeout: 200 }, (_message, _client, writer) =>
    writer.write('part'),
  )
  serving.server.on('request', async (request, response) => {
    if (request.url === '/slow') await sleep(SLOW_MS)
    response.end(`<${request.url}>`)
  })
  const peer = await joinHanded(t, serving)
  peer.send(`${get('/slow')}POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na\nb\r\n`)
  await peer.receives('part')
  peer.send(`c8\r\n${'x'.repeat(200)}\r\n0\r\n\r\n${get('/never')}`)
  const [slow, broken, ...others] = parseAnswers(await peer.finished())
  assert.deepEqual([slow!.body, broken!.body, broken!.whole, others], ['</slow>', 'part', false, []])
  assert.deepEqual(serving.errors, ['ERR_HTTP_BODY_TOO_LARGE'])
  assert.equal(peer.error, undefined)
})

test('a client hears why its message is refused while it still sends it', async (t) => {
  const serving = await serveBoth(t, { messageLimit: 1_000, closeTimeout: 1_000 })
  for (let round = 0; round < 5; round++) {
    const peer = await joinHanded(t, serving)
    peer.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n')
    const sending = setInterval(() => peer.send('y'.repeat(100_000)), 1)
    await peer.finished()
    await sleep(5)
    clearInterval(sending)
    const [answer] = parseAnswers(peer.text)
    assert.equal(answer!.status, 413)
    assert.equal(answer!.body, 'Cannot read the body: it has more than 1000 bytes\n')
    assert.equal(peer.error, undefined)
    peer.socket.destroy()
  }
})

test('who goes on sending behind the last answer is cut after closeTimeout', async (t) => {
  const serving = await serveBoth(t, { closeTimeout: 60 })
  const peer = await join(t, serving.port)
  const started = performance.now()
  peer.send(get('/', 'Connection: close\r\n'))
  const sending = setInterval(() => peer.send('y'), 1)
  t.after(() => clearInterval(sending))
  await serving.until(() => peer.closed)
  assert.ok(performance.now() - started >= 60)
  assert.deepEqual(bodiesOf(peer.text), ['</>'])
  await serving.until(() => serving.server.stats().connections === 0)
})

for (const { name, sent, code, status } of [
  { name: 'head', sent: 'GET / HTTP/1.1\r\nHos', code: 'ERR_HTTP_HEAD_TIMEOUT', status: 408 },
  {
    name: 'body for the application',
    sent: 'PATCH /none HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhalf',
    code: 'ERR_HTTP_BODY_TIMEOUT',
    status: 408,
  },
  {
    name: 'body of a message',
    sent: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhalf',
    code: 'ERR_HTTP_BODY_TIMEOUT',
    status: 408,
  },
]) {
  test(`a ${name} that is late is answered with ${status}, behind what is owed`, async (t) => {
    const serving = await serve(t, { headTimeout: 80, bodyTimeout: 80, closeTimeout: 100 })
    serving.server.on('request', async (request, response) => {
      if (request.url === '/none') return
      if (request.url === '/slow') await sleep(200)
      response.end(`<${request.url}>`)
    })
    const peer = await joinHanded(t, serving)
    const started = performance.now()
    peer.send(get('/slow') + sent)
    const answers = parseAnswers(await peer.finished())
    assert.ok(performance.now() - started >= 80)
    assert.deepEqual(
      answers.map((answer) => answer.status),
      [200, status],
    )
    assert.match(answers[1]!.body, /^Cannot wait any longer: the request (head|body) is late\n$/)
    assert.deepEqual(serving.errors, [code])
  })
}

test('each request has its own time, and between two a connection is closed in silence', async (t) => {
  const serving = await serveBoth(t, { headTimeout: 150, bodyTimeout: 150, keepAliveTimeout: 150 })
  const peer = await joinHanded(t, serving)
  for (let round = 0; round < 3; round++) {
    await sleep(80)
    peer.send('GET / HTTP/1.1\r\n')
    await sleep(80)
    await peer.send('Host: a\r\n\r\n').receives('</>')
    peer.received = Buffer.alloc(0)
  }
  assert.equal(await peer.finished(), '')
  assert.deepEqual(serving.errors, [])
  await serving.until(() => serving.server.stats().connections === 0)
})

for (const how of ['close', 'shutdown'] as const) {
  test(`${how} lets a request that is half there come, and answers it as the last`, async (t) => {
    const serving = await serveBoth(t)
    const [idle, half, busy] = [
      await joinHanded(t, serving),
      await joinHanded(t, serving),
      await joinHanded(t, serving),
    ]
    half.send('GET /half HTTP/1.1\r\nHo')
    busy.send(get('/slow'))
    await sleep(10)
    const down = how === 'shutdown' ? serving.server.shutdown({ timeout: 5_000 }) : serving.server.close()
    assert.equal(await idle.finished(), '')
    half.send('st: a\r\n\r\n')
    for (const [peer, body] of [
      [half, '</half>'],
      [busy, '</slow>'],
    ] as const) {
      const [answer] = parseAnswers(await peer.finished())
      assert.deepEqual([answer!.body, answer!.fields.get('connection')], [body, 'close'])
    }
    for (const peer of [idle, half, busy]) peer.socket.end()
    await down
    await serving.until(() => serving.server.stats().connections === 0)
  })
}

test('when the last one has gone behind close, nothing keeps watch', async (t) => {
  const serving = await serveBoth(t)
  const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length
  await sleep(20)
  const peer = await joinHanded(t, serving)
  const { server } = serving
  peer.finish()
  await peer.finished()
  await server.shutdown()
  await sleep(20)
  assert.ok(timers() <= 1, `${process.getActiveResourcesInfo()}`)
})

test('close ends the connection behind its answer, also one that has begun', async (t) => {
  for (const begun of [true, false]) {
    const serving = await serveBoth(t, {}, async (_message, _client, writer) => {
      if (begun) writer.write('part')
      await sleep(SLOW_MS)
      if (!begun) writer.write('whole')
      writer.close()
    })
    const peer = await joinHanded(t, serving)
    peer.send(post('m'))
    const [answer, ...others] = parseAnswers(await peer.finished())
    assert.deepEqual([answer!.body, answer!.whole, others], [begun ? 'part' : 'whole', true, []])
    peer.socket.end()
    await serving.until(() => serving.server.stats().connections === 0)
    assert.deepEqual(serving.errors, [])
  }
})
