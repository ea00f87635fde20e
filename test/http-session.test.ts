import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Writer } from '../src/index.ts'
import { join, type Peer, serve } from './support/serving.ts'

function post(body: string, fields = ''): string {
  return `POST / HTTP/1.1\r\nHost: a\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`
}

interface Answer {
  status: number
  fields: Map<string, string>
  body: string
}

/** Takes answers apart; strict enough to notice a byte too many. */
function answers(text: string): Answer[] {
  const found: Answer[] = []
  while (text !== '') {
    const end = text.indexOf('\r\n\r\n')
    assert.ok(end > 0 && text.startsWith('HTTP/1.1 '), `no answer: ${JSON.stringify(text)}`)
    const [line, ...rest] = text.slice(0, end).split('\r\n')
    const fields = new Map(
      rest
        .map((field) => field.split(': ', 2) as [string, string])
        .map(([name, value]) => [name.toLowerCase(), value]),
    )
    text = text.slice(end + 4)
    const status = Number(line!.split(' ')[1])
    let body = ''
    if (fields.has('transfer-encoding')) [body, text] = dechunk(text)
    else {
      const length = status < 200 ? 0 : Number(fields.get('content-length') ?? text.length)
      body = text.slice(0, length)
      text = text.slice(length)
    }
    found.push({ status, fields, body })
  }
  return found
}

function dechunk(text: string): [body: string, rest: string] {
  let body = ''
  for (;;) {
    const end = text.indexOf('\r\n')
    const size = Number.parseInt(text.slice(0, end), 16)
    const data = text.slice(end + 2, end + 2 + size)
    text = text.slice(end + 2 + size + 2)
    if (size === 0) return [body, text]
    body += data
  }
}

async function answerOf(peer: Peer, marker: string): Promise<Answer> {
  return answers(await peer.receives(marker)).at(-1)!
}

test('a POST body is a message, and what is written is the answer, in one piece', async (t) => {
  const serving = await serve(t)
  const peer = await join(t, serving.port)
  const { status, fields, body } = await answerOf(peer.send(post('hello')), 'hello')
  assert.equal(status, 200)
  assert.equal(body, 'hello')
  assert.equal(fields.get('content-length'), '5')
  assert.equal(fields.get('content-type'), 'text/plain; charset=utf-8')
  assert.equal(fields.get('x-content-type-options'), 'nosniff')
  assert.ok(Math.abs(Date.parse(fields.get('date')!) - Date.now()) < 5_000)
  assert.equal(fields.has('connection'), false)
  assert.deepEqual(serving.messages, ['hello'])
  assert.deepEqual(serving.log, ['connect http'])
})

test('the body is split by the raw framing: several messages, one answer', async (t) => {
  const serving = await serve(t)
  const peer = await join(t, serving.port)
  const { body } = await answerOf(peer.send(post('one\ntwo\r\nthree')), 'three')
  assert.equal(body, 'onetwothree')
  assert.deepEqual(serving.messages, ['one', 'two', 'three'])
})

test('with wholeBody it is one message', async (t) => {
  const serving = await serve(t, { wholeBody: true })
  const peer = await join(t, serving.port)
  await answerOf(peer.send(post('one\ntwo\r\n')), 'two\r\n')
  peer.send(post('x'.repeat(100_000)))
  await serving.until(() => serving.messages.length === 2)
  assert.deepEqual(
    serving.messages.map((message) => message.length),
    [9, 100_000],
  )
})

test('an empty body is a 200 without a message', async (t) => {
  const serving = await serve(t)
  const peer = await join(t, serving.port)
  const { status, fields } = await answerOf(peer.send(post('')), '\r\n\r\n')
  assert.equal(status, 200)
  assert.equal(fields.get('content-length'), '0')
  assert.equal(fields.has('content-type'), false)
  assert.deepEqual(serving.messages, [])
})

test('requests on one connection are one client, and PUT is like POST', async (t) => {
  const serving = await serve(t)
  const peer = await join(t, serving.port)
  await answerOf(peer.send(post('first')), 'first')
  await answerOf(peer.send(post('second').replace('POST', 'PUT')), 'second')
  assert.deepEqual(serving.log, ['connect http'])
  peer.finish()
  await peer.finished()
  await serving.until(() => serving.log.at(-1) === 'disconnect http')
})

test('pipelined requests are answered in order, however long each takes', async (t) => {
  const delays = [40, 0, 20, 0]
  const serving = await serve(t, {}, async (message, _client, writer) => {
    await sleep(delays[Number(message)])
    writer.write(`answer ${message}`)
  })
  const peer = await join(t, serving.port)
  peer.send(['0', '1', '2', '3'].map((body) => post(body)).join(''))
  const received = answers(await peer.receives('answer 3'))
  assert.deepEqual(
    received.map(({ body }) => body),
    ['answer 0', 'answer 1', 'answer 2', 'answer 3'],
  )
})

test('pipelined requests cut at every offset are answered alike', async (t) => {
  const serving = await serve(t)
  const requests =
    post('ab') +
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\ncd\r\n1;x=y\r\ne\r\n0\r\n\r\n' +
    post('fg')
  await Promise.all(
    Array.from(requests, async (_, offset) => {
      const peer = await join(t, serving.port)
      peer.send(requests.slice(0, offset))
      await sleep(5)
      peer.send(requests.slice(offset))
      const bodies = answers(await peer.receives('fg')).map(({ body }) => body)
      assert.deepEqual(bodies, ['ab', 'cde', 'fg'])
      peer.socket.destroy()
    }),
  )
})

test('an answer over time is chunked, in the pieces of each turn', async (t) => {
  let writer: Writer | undefined
  const serving = await serve(t, { explicitEnd: true }, (_message, _client, answer) => {
    writer = answer
    answer.write('now ')
  })
  const peer = await join(t, serving.port)
  peer.send(post('x'))
  await peer.receives('now ')
  writer!.write('later ')
  await peer.receives('later ')
  writer!.end('last')
  const { fields, body } = await answerOf(peer, '0\r\n\r\n')
  assert.equal(fields.get('transfer-encoding'), 'chunked')
  assert.equal(body, 'now later last')
  assert.equal(writer!.ended, true)
  assert.equal(writer!.write('too late'), false)
  assert.equal(answers(await peer.receives('last')).length, 1)
})

test('on HTTP/1.0 such an answer ends with the connection', async (t) => {
  const serving = await serve(t, { explicitEnd: true }, async (_message, _client, writer) => {
    writer.write('one ')
    await sleep(20)
    writer.end('two')
  })
  const peer = await join(t, serving.port)
  peer.send('POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nx')
  const [answer] = answers(await peer.finished())
  assert.equal(answer!.body, 'one two')
  assert.equal(answer!.fields.has('transfer-encoding'), false)
})

test('a listener that returns a promise is waited for', async (t) => {
  const serving = await serve(t, {}, async (message, _client, writer) => {
    await sleep(10)
    writer.write(message)
  })
  const peer = await join(t, serving.port)
  const { fields, body } = await answerOf(peer.send(post('ab')), 'ab')
  assert.equal(body, 'ab')
  assert.equal(fields.get('content-length'), '2')
})

test('other methods are answered 405 with Allow, unknown ones 501; the connection goes on', async (t) => {
  const serving = await serve(t)
  const peer = await join(t, serving.port)
  const get = await answerOf(peer.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n'), 'methods')
  assert.equal(get.status, 405)
  assert.equal(get.fields.get('allow'), 'POST, PUT, OPTIONS')
  peer.received = Buffer.alloc(0)
  const unknown = await answerOf(
    peer.send('BREW / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc'),
    'methods',
  )
  assert.equal(unknown.status, 501)
  peer.received = Buffer.alloc(0)
  peer.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n')
  const head = await peer.receives('\r\n\r\n')
  assert.match(head, /^HTTP\/1.1 405 /)
  assert.ok(head.endsWith('\r\n\r\n'), 'an answer to HEAD has no body')
  peer.received = Buffer.alloc(0)
  assert.equal((await answerOf(peer.send(post('still')), 'still')).status, 200)
})

test('OPTIONS says what is allowed', async (t) => {
  const serving = await serve(t)
  const peer = await join(t, serving.port)
  const { status, fields } = await answerOf(peer.send('OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n'), '\r\n\r\n')
  assert.equal(status, 200)
  assert.equal(fields.get('allow'), 'POST, PUT, OPTIONS')
  assert.equal(fields.has('access-control-allow-origin'), false)
})

test('a page of an allowed origin may ask, and post', async (t) => {
  const serving = await serve(t, { allowOrigin: '*.example.com' })
  const peer = await join(t, serving.port)
  const origin = 'Origin: https://www.example.com\r\n'
  const preflight = `OPTIONS /x HTTP/1.1\r\nHost: a\r\n${origin}Access-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: x-id\r\n\r\n`
  const { fields } = await answerOf(peer.send(preflight), '\r\n\r\n')
  assert.equal(fields.get('access-control-allow-origin'), 'https://www.example.com')
  assert.equal(fields.get('access-control-allow-headers'), 'x-id')
  assert.match(fields.get('access-control-allow-methods')!, /PUT/)
  assert.equal(fields.has('access-control-allow-credentials'), false)
  peer.received = Buffer.alloc(0)
  const posted = await answerOf(peer.send(post('hi', origin)), 'hi')
  assert.equal(posted.fields.get('access-control-allow-origin'), 'https://www.example.com')
  assert.equal(posted.fields.get('vary'), 'Origin')
})

for (const origin of ['https://evilexample.com', 'https://example.com.evil', 'null', 'https://b']) {
  test(`a page of origin ${origin} is refused with 403`, async (t) => {
    const serving = await serve(t, { allowOrigin: '*.example.com' })
    const peer = await join(t, serving.port)
    peer.send(post('hi', `Origin: ${origin}\r\n`))
    const [answer] = answers(await peer.finished())
    assert.equal(answer!.status, 403)
    assert.deepEqual(serving.messages, [])
    assert.deepEqual(serving.errors, ['ERR_ORIGIN_REFUSED'])
  })
}

test("the server's own origin is allowed; none at all only by option", async (t) => {
  const serving = await serve(t, { allowUndefinedOrigin: false })
  const own = await join(t, serving.port)
  assert.equal((await answerOf(own.send(post('hi', 'Origin: http://a\r\n')), 'hi')).status, 200)
  const none = await join(t, serving.port)
  none.send(post('hi'))
  assert.equal(answers(await none.finished())[0]!.status, 403)
})

test('Expect: 100-continue is answered before the body', async (t) => {
  const serving = await serve(t)
  const peer = await join(t, serving.port)
  peer.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n')
  await peer.receives('HTTP/1.1 100 Continue\r\n\r\n')
  const all = answers(await peer.send('ok').receives('ok'))
  assert.deepEqual(
    all.map(({ status, body }) => [status, body]),
    [
      [100, ''],
      [200, 'ok'],
    ],
  )
})

test('Connection: close delivers the answer whole and ignores the rest', async (t) => {
  const serving = await serve(t)
  const peer = await join(t, serving.port)
  peer.send(post('x'.repeat(50_000), 'Connection: close\r\n') + post('never'))
  const [answer, ...rest] = answers(await peer.finished())
  assert.equal(answer!.body.length, 50_000)
  assert.equal(answer!.fields.get('connection'), 'close')
  assert.deepEqual(rest, [])
})

test('a client that ends its side behind its request still gets the answer', async (t) => {
  const serving = await serve(t, {}, async (message, _client, writer) => {
    await sleep(20)
    writer.write(message)
  })
  const peer = await join(t, serving.port)
  peer.finish(post('half'))
  assert.equal(answers(await peer.finished())[0]!.body, 'half')
})

test('a request cut off by FIN is a 400', async (t) => {
  const serving = await serve(t)
  for (const cut of [
    'POST / HTTP/1.1\r\nHost: a',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab',
  ]) {
    const peer = await join(t, serving.port)
    peer.finish(cut)
    assert.equal(answers(await peer.finished())[0]!.status, 400)
  }
  assert.deepEqual(serving.errors, ['ERR_HTTP_INCOMPLETE', 'ERR_HTTP_INCOMPLETE'])
  assert.deepEqual(serving.messages, [])
})

test('timeouts: a late head and a late body are 408, an idle connection is closed in silence', async (t) => {
  const serving = await serve(t, { headTimeout: 60, bodyTimeout: 60, keepAliveTimeout: 60 })
  const [head, body, idle] = [
    await join(t, serving.port),
    await join(t, serving.port),
    await join(t, serving.port),
  ]
  head.send('POST / HTTP/1.1\r\nHost: a\r\n')
  body.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab')
  idle.send(post('x'))
  assert.equal(answers(await head.finished())[0]!.status, 408)
  assert.equal(answers(await body.finished())[0]!.status, 408)
  assert.equal(answers(await idle.finished()).length, 1)
  assert.deepEqual(serving.errors.sort(), ['ERR_HTTP_BODY_TIMEOUT', 'ERR_HTTP_HEAD_TIMEOUT'])
})

test('a drip does not refresh the time for a head', async (t) => {
  const serving = await serve(t, { headTimeout: 150, sniffTimeout: 1_000 })
  const peer = await join(t, serving.port)
  peer.send('POST / HTTP/1.1\r\nHost: a\r\n')
  for (let sent = 0; sent < 40 && !peer.ended; sent++) {
    peer.send('X-Slow: drip\r\n')
    await sleep(15)
  }
  assert.equal(answers(await peer.finished())[0]!.status, 408)
})

test('the timers start anew with each request', async (t) => {
  const serving = await serve(t, { headTimeout: 120, bodyTimeout: 120, keepAliveTimeout: 120 })
  const peer = await join(t, serving.port)
  for (let round = 0; round < 5; round++) {
    peer.received = Buffer.alloc(0)
    peer.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Le')
    await sleep(30)
    peer.send('ngth: 2\r\n\r\na')
    await sleep(30)
    peer.send('b')
    await peer.receives('ab')
  }
})

const refusals: [name: string, request: string, status: number][] = [
  ['a request line over the limit', `GET /${'x'.repeat(9_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
  ['a head over the limit', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(17_000)}\r\n\r\n`, 431],
  ['too many fields', `GET / HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(101)}\r\n`, 431],
  ['a body over the limit', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n', 413],
  [
    'a chunked body over the limit',
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n${'x'.repeat(1001)}\r\n`,
    413,
  ],
  ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
  [
    'both framings',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    400,
  ],
  ['a bare LF', 'GET / HTTP/1.1\nHost: a\n\n', 400],
  ['a bad chunk', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\n', 400],
  ['CONNECT', 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n', 501],
]

for (const [name, request, status] of refusals) {
  test(`${name} is answered ${status} and the connection closed`, async (t) => {
    const serving = await serve(t, { messageLimit: 1000 })
    const peer = await join(t, serving.port)
    peer.send(request)
    const [answer, ...rest] = answers(await peer.finished())
    assert.equal(answer!.status, status)
    assert.equal(answer!.fields.get('connection'), 'close')
    assert.match(answer!.body, /^Cannot .*[^.]\n$/)
    assert.deepEqual(rest, [])
    assert.equal(serving.errors.length, 1)
    assert.equal(serving.messages.length, 0)
  })
}

test('an error inside a body behind an answer that has begun breaks it off', async (t) => {
  const serving = await serve(t, { explicitEnd: true }, (_message, _client, writer) => {
    writer.write('x'.repeat(70_000))
  })
  const peer = await join(t, serving.port)
  peer.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\na\n\r\n')
  await peer.receives('xxx')
  peer.send('wrong\r\n')
  const text = await peer.finished()
  assert.equal(text.match(/HTTP\/1\.1 /g)!.length, 1)
  assert.equal(text.endsWith('0\r\n\r\n'), false)
})

test('requests that are no messages go to the request event', async (t) => {
  const serving = await serve(t)
  serving.server.on('request', (request, response) => {
    response.writeHead(201, { 'X-Method': request.method, 'Set-Cookie': ['a=1', 'b=2'] })
    response.end(`${request.url} ${request.headers['x-y']}`)
  })
  const peer = await join(t, serving.port)
  peer.send('GET /path?q HTTP/1.1\r\nHost: a\r\nX-Y: z\r\n\r\n')
  const text = await peer.receives('/path?q z')
  assert.match(text, /^HTTP\/1.1 201 Created\r\n/)
  assert.match(text, /Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n/)
  peer.received = Buffer.alloc(0)
  peer.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n' + post('after'))
  const [head] = (await peer.receives('after')).split('\r\n\r\n')
  assert.match(head!, /X-Method: HEAD/)
  assert.ok(peer.text.includes('\r\n\r\nHTTP/1.1 200'), 'no body between the answers')
})

test('an answer that cannot be sent throws before a byte goes out', async (t) => {
  const thrown: unknown[] = []
  const serving = await serve(t, {}, (_message, _client, writer) => {
    for (const attempt of [
      () => writer.setHeader('X', 'a\r\nInjected: b'),
      () => writer.setHeader('X Y', 'a'),
      () => writer.setHeader('Transfer-Encoding', 'chunked'),
    ]) {
      try {
        attempt()
      } catch (error) {
        thrown.push((error as { code: string }).code)
      }
    }
    writer.setHeader('Content-Length', 2)
    try {
      writer.write('three')
    } catch (error) {
      thrown.push((error as { code: string }).code)
    }
    writer.end('ok')
  })
  const peer = await join(t, serving.port)
  const { body } = await answerOf(peer.send(post('x')), 'ok')
  assert.equal(body, 'ok')
  assert.deepEqual(thrown, [
    'ERR_HTTP_ANSWER_VALUE_INVALID',
    'ERR_HTTP_ANSWER_NAME_INVALID',
    'ERR_HTTP_ANSWER_FRAMING_RESERVED',
    'ERR_HTTP_ANSWER_LENGTH_INVALID',
  ])
})

test('the request of a message is there to be read', async (t) => {
  const seen: unknown[] = []
  const serving = await serve(t, {}, (_message, client) => {
    seen.push([client.request!.method, client.request!.url, client.request!.headers.host, client.version])
  })
  const peer = await join(t, serving.port)
  await answerOf(peer.send(post('x').replace(' / ', ' /deep?q ')), '\r\n\r\n')
  assert.deepEqual(seen, [['POST', '/deep?q', 'a', '1.1']])
})
