import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { type Options, type ResponseWriter, Server } from '../src/compat/portluck/index.ts'
import type { Client } from '../src/index.ts'
import { ask, listen, open, post, receives } from './support/facades.ts'
import { join, until } from './support/serving.ts'

/** A server of Portluck's that answers each message with itself. */
async function echoing(t: TestContext, options: Options = {}): Promise<number> {
  return listen(t, new Server((message, _socket, writer) => writer.write(message), options))
}

test('once and off: a listener of messages comes and goes as of any event', async (t) => {
  const log: string[] = []
  const server = new Server()
  const always = (message: Buffer) => log.push(`always ${message}`)
  server.once('message', (message) => log.push(`once ${message}`))
  server.on('message', always)
  const peer = await join(t, await listen(t, server))
  peer.send('1\n2\n')
  await until(() => log.length === 3)
  server.off('message', always)
  server.on('message', (message) => log.push(`last ${message}`))
  peer.send('3\n')
  await until(() => log.length === 4)
  assert.deepEqual(log, ['once 1', 'always 1', 'always 2', 'last 3'])
})

test('removeAllListeners leaves a server that works', async (t) => {
  const log: string[] = []
  const server = new Server(() => log.push('first'))
  const port = await listen(t, server)
  server.removeAllListeners()
  server.on('message', (message) => log.push(message.toString()))
  ;(await join(t, port)).send('second\n')
  await until(() => log.length === 1)
  assert.deepEqual(log, ['second'])
  assert.match(await ask(t, port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'), /^HTTP\/1.1 405 /)
  server.removeAllListeners('message')
  assert.equal(server.listenerCount('message'), 0)
})

test('the fourth argument is where a message came from: its request, or the client', async (t) => {
  const sources: unknown[] = []
  const server = new Server((_message, socket, writer, source) => {
    sources.push(source === socket ? 'the client' : `${(source as { method: string }).method}`)
    writer.end('ok')
  })
  const port = await listen(t, server)
  await (await join(t, port)).send('x\n').receives('ok')
  await ask(t, port, post('x'))
  const socket = await open(t, port)
  socket.write('x')
  await receives(socket)
  assert.deepEqual(sources, ['the client', 'POST', 'GET'])
})

test('rawFallback: false closes what is neither HTTP, TLS nor WebSocket', async (t) => {
  const port = await echoing(t, { rawFallback: false })
  const peer = await join(t, port)
  assert.equal(await peer.send('{"raw":1}\n').finished(), '')
  assert.match(await ask(t, port, post('x')), /x$/)
})

test('a silent client is connected after three seconds, so that it can be written to first', async (t) => {
  const server = new Server()
  const connected = once(server, 'clientConnect')
  const peer = await join(t, await listen(t, server))
  const started = Date.now()
  const [, writer] = (await connected) as [Client, ResponseWriter]
  assert.ok(Date.now() - started > 2_500, 'it waits for three seconds')
  writer.write('you first')
  await peer.receives('you first')
})

test('timeout: a quiet client is closed', async (t) => {
  const peer = await join(t, await echoing(t, { timeout: 60 }))
  await peer.send('x\n').receives('x')
  assert.equal(await peer.finished(), 'x')
  for (const timeout of ['60', -1, Number.NaN]) {
    assert.throws(() => new Server({ timeout: timeout as number }), { code: 'ERR_OPTION' })
  }
  assert.doesNotThrow(() => new Server({ timeout: 0 }))
})

test('messageLimit: more is refused, 0 is no limit', async (t) => {
  const limited = await join(t, await echoing(t, { messageLimit: 4 }))
  assert.match(await limited.send('12345\n').finished(), /^Cannot read the message/)
  const unlimited = await join(t, await echoing(t, { messageLimit: 0 }))
  const long = 'x'.repeat(100_000)
  await unlimited.send(`${long}\n`).receives(long)
})

const origins: [pattern: string | RegExp, allowed: string[], refused: string[]][] = [
  [
    '*.example.com',
    ['http://example.com', 'http://www.example.com', 'https://www.staging.example.com'],
    ['http://evilexample.com', 'http://example.com.evil.net', 'http://example.com:81'],
  ],
  ['example.com', ['http://example.com', 'HTTPS://EXAMPLE.COM'], ['http://www.example.com', 'null']],
  [
    'app-*.example.com',
    ['http://app-1.example.com'],
    ['http://app-1.a.example.com', 'http://app-.example.com'],
  ],
  ['example.com:*', ['http://example.com:4000', 'http://example.com'], ['http://example.org:4000']],
  [/\.example\.com$/, ['http://www.example.com'], ['http://example.com', 'http://www.example.com.evil.net']],
  [/^a\d+\.net$/, ['http://a12.net'], ['http://ba1.net']],
]

for (const [pattern, allowed, refused] of origins) {
  test(`allowOrigin ${pattern}`, async (t) => {
    const port = await echoing(t, { allowOrigin: pattern })
    for (const origin of allowed) {
      const answer = await ask(t, port, post('x', `Origin: ${origin}\r\n`))
      assert.match(answer, /^HTTP\/1.1 200 /, origin)
      assert.ok(answer.includes(`Access-Control-Allow-Origin: ${origin}\r\n`), answer)
      assert.ok(answer.includes('Vary: Origin\r\n'), answer)
      assert.ok(!answer.includes('Access-Control-Allow-Credentials'), answer)
    }
    for (const origin of refused) {
      assert.match(await ask(t, port, post('x', `Origin: ${origin}\r\n`)), /^HTTP\/1.1 403 /, origin)
      await assert.rejects(open(t, port, { headers: { Origin: origin } }), { status: 403 })
    }
  })
}

test('without allowOrigin every page may come in', async (t) => {
  const port = await echoing(t)
  const answer = await ask(t, port, post('x', 'Origin: http://any.example\r\n'))
  assert.match(answer, /Access-Control-Allow-Origin: http:\/\/any.example\r\n/)
  await open(t, port, { headers: { Origin: 'null' } })
})

test('allowUndefinedOrigin: who sends no Origin comes in, unless it is false; then validateOrigin is asked', async (t) => {
  const server = new Server((message, _socket, writer) => writer.write(message), {
    allowOrigin: 'example.com',
    allowUndefinedOrigin: false,
  })
  const port = await listen(t, server)
  assert.match(await ask(t, port, post('x')), /^HTTP\/1.1 403 /)
  await assert.rejects(open(t, port), { status: 403 })
  server.validateOrigin = (origin) => origin === undefined
  assert.match(await ask(t, port, post('x')), /^HTTP\/1.1 200 /)
  await open(t, port)
  server.validateOrigin = () => false
  server.allowUndefinedOrigin = true
  assert.match(await ask(t, port, post('x')), /^HTTP\/1.1 200 /)
})

test('setValidOrigin, and a class of your own with its validateOrigin', async (t) => {
  class Own extends Server {
    override validateOrigin(origin?: string): boolean {
      return origin === 'http://own.example'
    }
  }
  const server = new Own((message, _socket, writer) => writer.write(message))
  const port = await listen(t, server)
  const status = async (origin: string): Promise<string> =>
    (await ask(t, port, post('x', `Origin: ${origin}\r\n`))).slice(9, 12)
  assert.deepEqual([await status('http://own.example'), await status('http://b.example')], ['200', '403'])
  server.setValidOrigin('b.example')
  assert.deepEqual([await status('http://own.example'), await status('http://b.example')], ['403', '200'])
  assert.equal(server.validateOrigin('https://b.example'), true)
  assert.equal(server.validateOrigin(), false)
  assert.throws(() => server.setValidOrigin('http://b.example'), { code: 'ERR_HTTP_ORIGIN_PATTERN_INVALID' })
})

test('invalidMethodHandler answers other methods, from any origin', async (t) => {
  const server = new Server({ allowOrigin: 'example.com' })
  const port = await listen(t, server)
  const get = 'GET /page HTTP/1.1\r\nHost: a\r\nOrigin: http://evil.example\r\n\r\n'
  const refused = await ask(t, port, get)
  assert.match(refused, /^HTTP\/1.1 405 [\s\S]*Allow: POST,PUT\r\n[\s\S]*Allowed methods are POST or PUT\.$/)
  server.invalidMethodHandler = (message, response) => {
    response.end(`${message.method} ${message.url} ${server.validateOrigin(message.headers.origin)}`)
  }
  assert.match(await ask(t, port, get), /\r\n\r\nGET \/page false$/)
})

test('OPTIONS is answered with 200, and with what a page may send', async (t) => {
  const answer = await ask(
    t,
    await echoing(t),
    'OPTIONS / HTTP/1.1\r\nHost: a\r\nOrigin: http://a.example\r\nAccess-Control-Request-Method: PUT\r\n\r\n',
  )
  assert.match(answer, /^HTTP\/1.1 20[04] /)
  assert.match(answer, /Access-Control-Allow-Methods: [^\r]*PUT/)
})

test('one POST can be several messages, an empty one is none, and pipelined ones are all answered', async (t) => {
  const port = await echoing(t)
  assert.match(await ask(t, port, post('a\nb\n')), /\r\n\r\nab$/)
  assert.match(await ask(t, port, post('')), /^HTTP\/1.1 200 [\s\S]*Content-Length: 0\r\n/)
  const both = await ask(t, port, post('first') + post('second'))
  assert.match(both, /first[\s\S]*HTTP\/1.1 200 [\s\S]*second$/)
})

test('an empty WebSocket message is none', async (t) => {
  const socket = await open(t, await echoing(t))
  socket.write('')
  socket.write('x')
  assert.equal((await receives(socket)).text, 'x')
})

test('clientError comes with the client that it is about', async (t) => {
  const server = new Server({ messageLimit: 4 })
  const failed = once(server, 'clientError')
  ;(await join(t, await listen(t, server))).send('12345\n')
  const [error, socket] = (await failed) as [Error & { code: string }, Client]
  assert.deepEqual([error.code, socket.protocol], ['ERR_MESSAGE_TOO_LARGE', 'raw'])
})
