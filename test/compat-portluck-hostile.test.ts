/** Portluck's facade and those who mean it no good, applications included. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { type ResponseWriter, Server } from '../src/compat/portluck/index.ts'
import { ask, listen, open, post, receives } from './support/facades.ts'
import { join, until } from './support/serving.ts'
import { uncaught } from './support/uncaught.ts'

const PAGE = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'

test('the options can be read, and not be changed afterwards', () => {
  const server = new Server()
  assert.deepEqual(
    [
      server.rawFallback,
      server.timeout,
      server.explicitEnd,
      server.messageLimit,
      server.allowUndefinedOrigin,
    ],
    [true, 120_000, false, 16 * 1024 * 1024, true],
  )
  const other = new Server({ rawFallback: false, timeout: 0, explicitDone: true, messageLimit: 0 })
  assert.deepEqual(
    [other.rawFallback, other.timeout, other.explicitEnd, other.messageLimit],
    [false, 0, true, 0],
  )
  for (const name of ['rawFallback', 'timeout', 'explicitEnd', 'messageLimit']) {
    assert.throws(() => Object.assign(server, { [name]: 1 }), TypeError, name)
  }
})

test('whatever listeners throw, the next message is heard, and a request is answered', async (t) => {
  const caught = uncaught(t)
  const server = new Server()
  const throwing = (name: string) => (): void => {
    throw new Error(name)
  }
  server.on('clientConnect', throwing('clientConnect'))
  server.on('message', throwing('message'))
  server.on('message', (_message, _socket, writer) => writer.write('heard'))
  server.on('clientDisconnect', throwing('clientDisconnect'))
  const port = await listen(t, server)
  const raw = await join(t, port)
  await raw.send('a\n').receives('heard')
  await raw.finish('b\n').finished()
  assert.equal(raw.text, 'heardheard')
  assert.match(await ask(t, port, post('x')), /heard\r\n0\r\n\r\n$/)
  await until(() => caught.length === 7)
  assert.equal(server.clients.size, 0)
  assert.deepEqual(
    ['clientConnect', 'message', 'clientDisconnect'].map(
      (name) => caught.filter((each) => each === name).length,
    ),
    [2, 3, 2],
  )
})

test('what validateOrigin and invalidMethodHandler throw lets nobody in', async (t) => {
  const caught = uncaught(t)
  const server = new Server((_message, _socket, writer) => writer.write('in'))
  server.validateOrigin = () => {
    throw new Error('validateOrigin')
  }
  server.invalidMethodHandler = () => {
    throw new Error('invalidMethodHandler')
  }
  const port = await listen(t, server)
  assert.match(await ask(t, port, post('x', 'Origin: http://a.example\r\n')), /^HTTP\/1.1 403 /)
  await assert.rejects(open(t, port, { headers: { Origin: 'http://a.example' } }), { status: 403 })
  assert.match(await ask(t, port, PAGE), /^HTTP\/1.1 500 /)
  assert.deepEqual(caught, ['validateOrigin', 'validateOrigin', 'invalidMethodHandler'])
})

for (const ending of ['close', 'destroy'] as const) {
  test(`${ending} inside the listeners of clientConnect, message and clientDisconnect, and again`, async (t) => {
    const log: string[] = []
    const server = new Server()
    const writers: ResponseWriter[] = []
    let early = true
    server.on('clientConnect', (_socket, writer) => {
      writers.push(writer)
      if (early) writer[ending]()
      if (early) writer[ending]()
    })
    server.on('message', (message, _socket, writer) => {
      if (!early) log.push(`${message}`)
      writer[ending]()
      assert.equal(writer.write('too late'), false)
      writer.end('too late')
    })
    server.on('clientDisconnect', () => {
      log.push('disconnect')
      for (const writer of writers) {
        writer[ending]()
        assert.deepEqual([writer.ended, writer.write('too late')], [true, false])
      }
    })
    const port = await listen(t, server)
    const first = await join(t, port)
    assert.equal(await first.send('x\n').finished(), '')
    first.socket.destroy()
    await until(() => log.length === 1)
    early = false
    const second = await open(t, port)
    second.write('one')
    await once(second, 'close')
    await until(() => log.length === 3)
    assert.deepEqual(log, ['disconnect', 'one', 'disconnect'])
  })
}

test('fields named like what every object has are fields, and none of them is there', async (t) => {
  const seen: unknown[] = []
  const server = new Server((_message, _socket, writer) => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      seen.push(writer.getHeader(name))
      writer.removeHeader(name)
    }
    writer.setHeader('constructor', 'set')
    writer.end('ok')
  })
  assert.match(await ask(t, await listen(t, server), post('x')), /\r\nconstructor: set\r\n/)
  assert.deepEqual(seen, [undefined, undefined, undefined])
})

test('a field that would break the answer is refused', async (t) => {
  const codes: unknown[] = []
  const server = new Server((_message, _socket, writer) => {
    for (const [name, value] of [
      ['X', 'a\r\nY: b'],
      ['X\r\nY', 'a'],
    ] as const) {
      try {
        writer.setHeader(name, value)
      } catch (error) {
        codes.push((error as NodeJS.ErrnoException).code?.startsWith('ERR_HTTP_ANSWER_'))
      }
    }
    writer.end('ok')
  })
  assert.doesNotMatch(await ask(t, await listen(t, server), post('x')), /Y/)
  assert.deepEqual(codes, [true, true])
})

test('fields that are set too late change nothing, and nothing is thrown', async (t) => {
  const server = new Server(
    (_message, _socket, writer) => {
      writer.write('one ')
      setTimeout(() => {
        writer.setHeader('X-Late', '1')
        writer.writeHead(404)
        writer.end('two')
        writer.setHeader('X-Late', '1')
        writer.end('three')
      }, 20)
    },
    { explicitEnd: true },
  )
  const answer = await ask(t, await listen(t, server), post('x'))
  assert.match(answer, /^HTTP\/1.1 200 [\s\S]*one [\s\S]*two/)
  assert.doesNotMatch(answer, /X-Late|three/)
})

test('a RegExp answers the same each time that it is asked, and any part is enough', () => {
  const server = new Server({ allowOrigin: /example\.com$/g })
  for (let count = 0; count < 3; count++) assert.equal(server.validateOrigin('http://an.example.com'), true)
  assert.equal(server.validateOrigin('http://example.com.evil.net'), false)
  assert.equal(server.validateOrigin(`http://${'a'.repeat(100_000)}.example.com`), false)
  for (const origin of ['', 'null', 'toString', 'http://', 'http://example.com/', 'http://a@example.com']) {
    assert.equal(server.validateOrigin(origin), false, origin)
  }
})

test('invalidMethodHandler of your own answers as text, too', async (t) => {
  const server = new Server()
  server.invalidMethodHandler = (_message, response) => response.end('mine')
  assert.match(await ask(t, await listen(t, server), PAGE), /\r\nContent-Type: text\/plain\r\n[\s\S]*mine$/)
})

test('removeAllListeners, of each event by its name, leaves a server that works', async (t) => {
  const server = new Server(() => assert.fail('it was removed'))
  const port = await listen(t, server)
  for (const event of [
    'message',
    'clientConnect',
    'clientDisconnect',
    'clientError',
    'toString',
    '__proto__',
  ]) {
    server.removeAllListeners(event)
  }
  server.on('message', (message, _socket, writer) => writer.write(message))
  const socket = await open(t, port)
  socket.write('x')
  assert.equal((await receives(socket)).text, 'x')
})

test('a broadcast while clients go reaches who is there', async (t) => {
  const server = new Server()
  const port = await listen(t, server)
  const peers = await Promise.all([0, 1, 2, 3].map(() => join(t, port)))
  for (const peer of peers) peer.send('x\n')
  await until(() => server.clients.size === 4)
  const leftOut = [...server.clients.values()].find((each) => each.remotePort === peers[1]!.socket.localPort)
  server.broadcast('one ')
  peers[0]!.socket.resetAndDestroy()
  server.broadcast('two ', leftOut)
  await until(() => server.clients.size === 3)
  server.broadcast('three')
  const texts = await Promise.all(peers.slice(1).map((peer) => peer.receives('three')))
  assert.deepEqual(texts, ['one three', 'one two three', 'one two three'])
})
