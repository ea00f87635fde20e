/** Rows H22 and H27 to H28 of the checklist: what goes out, whatever the application does and however requests come. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Writer } from '../src/index.ts'
import { type Answer, answersOf, everyWay, get, post, servesNext } from './support/http-rows.ts'
import { join, serve } from './support/serving.ts'

const BREAKERS = [
  '\r\nInjected: yes',
  '\nInjected: yes',
  '\rInjected: yes',
  '\0',
  'a\0b',
  '\x7f',
  '\x1b',
  '\u0100',
  '\r\n',
]

/** Every way in which an application can put `text` into the head of an answer. */
function attempts(writer: Writer, text: string): (() => unknown)[] {
  return [
    () => writer.setHeader('X', text),
    () => writer.setHeader('X', ['fine', text]),
    () => writer.setHeader('Set-Cookie', `a=b${text}`),
    () => writer.setHeader('Content-Type', `text/plain${text}`),
    () => writer.setHeader('Connection', text),
    () => writer.setHeader('Content-Length', text),
    () => writer.setHeader(`X${text}`, 'y'),
    () => writer.writeHead(200, { X: text }),
    () => writer.writeHead(200, { [`X${text}`]: 'y' }),
  ]
}

test("H22 CR, LF or NUL in an answer's header: throws before a byte goes out", async (t) => {
  const codes: string[] = []
  let tried = 0
  const serving = await serve(t, {}, async (_message, _client, writer) => {
    for (const attempt of BREAKERS.flatMap((text) => attempts(writer, text))) {
      tried++
      try {
        attempt()
      } catch (error) {
        codes.push((error as { code: string }).code)
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
    writer.end(`${peer.length}`)
  })
  const peer = await join(t, serving.port)
  peer.send(post('x'))
  const [answer] = answersOf(await peer.receives('\r\n\r\n0'))
  assert.equal(codes.length, tried)
  assert.ok(codes.every((code) => /^ERR_HTTP_ANSWER_(NAME|VALUE|LENGTH)_INVALID$/.test(code)))
  assert.equal(answer!.status, 200)
  assert.deepEqual([...answer!.fields.keys()].sort(), [
    'content-length',
    'content-type',
    'date',
    'x-content-type-options',
  ])
})

test('H22 names and statuses that are none, and framing that is not the application’s: throws', async (t) => {
  const codes = new Set<string>()
  const wrong: ((writer: Writer) => unknown)[] = [
    ...['', ' ', 'X Y', 'X:', ':X', 'X\t', '(X)', 'é'].map(
      (name) => (writer: Writer) => writer.setHeader(name, 'y'),
    ),
    (writer) => writer.setHeader('Transfer-Encoding', 'chunked'),
    (writer) => writer.writeHead(200, { 'transfer-encoding': 'identity' }),
    ...['-1', '1e3', '0x10', '1, 1', ' 1', '9007199254740993'].map(
      (length) => (writer: Writer) => writer.setHeader('Content-Length', length),
    ),
  ]
  const serving = await serve(t, {}, (_message, _client, writer) => {
    for (const attempt of wrong) {
      try {
        attempt(writer)
        codes.add(`not refused: ${attempt}`)
      } catch (error) {
        codes.add((error as { code: string }).code)
      }
    }
    writer.end('ok')
  })
  const peer = await join(t, serving.port)
  await peer.send(post('x')).receives('ok')
  assert.deepEqual([...codes].sort(), [
    'ERR_HTTP_ANSWER_FRAMING_RESERVED',
    'ERR_HTTP_ANSWER_LENGTH_INVALID',
    'ERR_HTTP_ANSWER_NAME_INVALID',
  ])
})

/** What the application throws ends as it would anywhere in Node; here it is gathered instead. */
function gatherThrown(t: TestContext): string[] {
  const thrown: string[] = []
  const caught = (error: Error & { code?: string }): void => void thrown.push(String(error.code))
  const before = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', caught)
  t.after(() => {
    process.removeListener('uncaughtException', caught)
    for (const listener of before) process.on('uncaughtException', listener)
  })
  return thrown
}

test('H22 what is thrown and not caught is a 500, and nothing of the header goes out', async (t) => {
  const thrown = gatherThrown(t)
  const serving = await serve(t, {}, (message, _client, writer) => {
    if (String(message) === 'bad') writer.setHeader('X', 'y\r\nInjected: yes')
    writer.write(message)
  })
  await everyWay(
    serving,
    post('bad') + post('good'),
    (text) => text.endsWith('good'),
    (text, how) => {
      assert.deepEqual(
        answersOf(text).map(({ status }) => status),
        [500, 200],
        how,
      )
      assert.doesNotMatch(text, /Injected/)
    },
  )
  await servesNext(t, serving)
  assert.deepEqual(new Set(thrown), new Set(['ERR_HTTP_ANSWER_VALUE_INVALID']))
})

test('H22 in the answer to a request that is no message', async (t) => {
  const serving = await serve(t)
  const refused: boolean[] = []
  serving.server.on('request', (_request, response) => {
    for (const text of BREAKERS.filter((breaker) => /[\r\n\0]/.test(breaker))) {
      for (const attempt of [
        () => response.setHeader('X', text),
        () => response.setHeader(`X${text}`, 'y'),
        () => response.writeHead(200, { X: text }),
      ]) {
        try {
          attempt()
          refused.push(false)
        } catch {
          refused.push(true)
        }
      }
    }
    response.end('ok')
  })
  const peer = await join(t, serving.port)
  const text = await peer.send(get()).receives('ok')
  assert.equal(answersOf(text).length, 1)
  assert.doesNotMatch(text, /Injected/)
  assert.ok(refused.length > 0 && !refused.includes(false))
})

const BODILESS = [204, 304]

test('H27 204, 304: no body bytes, and the next pipelined answer is intact', async (t) => {
  const serving = await serve(t, {}, (message, _client, writer) => {
    const status = Number(message)
    if (BODILESS.includes(status)) writer.writeHead(status)
    writer.end(String(message) === 'first' ? 'first' : 'body')
  })
  for (const status of BODILESS) {
    await everyWay(
      serving,
      post(String(status)) + post('next') + post(String(status), 'Connection: close\r\n'),
      () => false,
      (text, how) => {
        const answers = answersOf(text)
        assert.deepEqual(
          answers.map((answer) => [answer.status, answer.body]),
          [
            [status, ''],
            [200, 'body'],
            [status, ''],
          ],
          how,
        )
        assert.equal(answers[0]!.fields.has('transfer-encoding'), false)
        if (status === 204) assert.equal(answers[0]!.fields.has('content-length'), false)
      },
    )
  }
})

test('H27 an answer in pieces without a body', async (t) => {
  const serving = await serve(t, {}, async (message, _client, writer) => {
    if (String(message) === 'no') writer.writeHead(204)
    writer.write('one ')
    await new Promise((resolve) => setTimeout(resolve, 5))
    writer.write('two ')
    writer.end('three')
  })
  const peer = await join(t, serving.port)
  const text = await peer.send(post('no') + post('yes', 'Connection: close\r\n')).finished()
  assert.deepEqual(
    answersOf(text).map(({ status, body }) => [status, body]),
    [
      [204, ''],
      [200, 'one two three'],
    ],
  )
})

test('H27 100: no body bytes, and the answers behind it are intact', async (t) => {
  const serving = await serve(t)
  const peer = await join(t, serving.port)
  peer.send(post('one', 'Expect: 100-continue\r\n').slice(0, -3))
  await peer.receives('HTTP/1.1 100 Continue\r\n\r\n')
  const text = await peer.send(`one${post('two')}${post('end', 'Connection: close\r\n')}`).finished()
  assert.deepEqual(
    answersOf(text).map(({ status, body }) => [status, body]),
    [
      [100, ''],
      [200, 'one'],
      [200, 'two'],
      [200, 'end'],
    ],
  )
})

test('H27 a status that is none is no answer to a message: 500, and the next answer is intact', async (t) => {
  const thrown = gatherThrown(t)
  const serving = await serve(t, {}, (message, _client, writer) => {
    const status = Number(message)
    if (Number.isFinite(status)) writer.writeHead(status)
    writer.end('body')
  })
  for (const status of [0, 99, 100, 101, 103, 199, 600, 1000, -200, 200.5]) {
    const peer = await join(t, serving.port)
    const text = await peer.send(post(String(status)) + post('end', 'Connection: close\r\n')).finished()
    assert.deepEqual(
      answersOf(text).map((answer) => answer.status),
      [500, 200],
      `${status}: ${text}`,
    )
  }
  assert.deepEqual(new Set(thrown), new Set(['ERR_HTTP_ANSWER_STATUS_INVALID']))
})

const LONGER = '/' + 'x'.repeat(30)

test('H27 HEAD: the head that GET has, no body bytes, and the next pipelined answer is intact', async (t) => {
  for (const serves of [true, false]) {
    const serving = await serve(t)
    if (serves) serving.server.on('request', (_request, response) => response.end('a page'))
    const head = `HEAD ${LONGER} HTTP/1.1\r\nHost: a\r\n\r\n`
    const input = head + get('', LONGER) + head + post('end', 'Connection: close\r\n')
    await everyWay(
      serving,
      input,
      () => false,
      (text, how) => {
        const answers = answersOf(text, (index) => index === 0 || index === 2)
        const status = serves ? 200 : 405
        assert.deepEqual(
          answers.map((answer) => answer.status),
          [status, status, status, 200],
          how,
        )
        const [first, page, third, end] = answers
        assert.equal(end!.body, 'end')
        assert.ok(page!.body.length > 0)
        if (!serves)
          for (const one of [first, third]) assert.equal(one!.fields.get('allow'), page!.fields.get('allow'))
      },
    )
  }
})

test('H27 HEAD that is refused: no body bytes', async (t) => {
  const serving = await serve(t)
  const peer = await join(t, serving.port)
  const text = await peer.send('HEAD / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n').finished()
  const [answer, ...rest] = answersOf(text, () => true)
  assert.equal(answer!.status, 417)
  assert.deepEqual(rest, [])
})

/** One connection with everything that a reader can trip over, each request of it good. */
const CONVERSATION = [
  post('one'),
  '\r\n',
  'PUT /two HTTP/1.1\r\nhOsT:\t[::1]:80 \r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n',
  '003;a="\\";b"\r\ntwo\r\n0;c\r\nX: y\r\n\r\n',
  'POST http://b.example/three?x HTTP/1.1\r\nHost: a\r\nEmpty:\r\nContent-Length: 0005\r\n\r\n3\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
  'BREW / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nGET ',
  'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n',
  post(''),
  post('end', 'Connection: x, CLOSE\r\n'),
  post('never'),
].join('')

/** An answer but for what may hang on when its request came: the date, and whether its length was known by then. */
function lasting({ status, fields, body }: Answer): unknown[] {
  const rest = [...fields].filter(([name]) => !/^(date|content-length|transfer-encoding)$/.test(name))
  return [status, rest, body]
}

test('H28 every split offset: the same result', async (t) => {
  const serving = await serve(t)
  const results = new Map<string, Answer[]>()
  let count = 0
  await everyWay(
    serving,
    CONVERSATION,
    () => false,
    (text) => {
      count++
      const answers = answersOf(text, (index) => index === 5)
      results.set(JSON.stringify(answers.map(lasting)), answers)
    },
  )
  assert.ok(count > CONVERSATION.length, `${count} deliveries`)
  assert.equal(results.size, 1, [...results.keys()].join('\n'))
  const [answers = []] = results.values()
  assert.deepEqual(
    answers.map(({ status, body }) => [status, status === 501 ? '' : body]),
    [
      [200, 'one'],
      [200, 'two'],
      [200, '3'],
      [200, ''],
      [501, ''],
      [405, ''],
      [200, ''],
      [200, 'end'],
    ],
  )
  assert.equal(serving.messages.includes('never'), false)
  assert.deepEqual(serving.errors, [])
})
