import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { type Options, Server } from '../src/compat/portluck/index.ts'
import { ask, collect, listen, open, post, receives } from './support/facades.ts'
import { join, until } from './support/serving.ts'

/** A server of Portluck's that answers each message with itself. */
async function echoing(t: TestContext, options: Options = {}): Promise<number> {
  return listen(t, new Server((message, _socket, writer) => writer.write(message), options))
}

test('the writer: strings as text, Buffers as binary, and on raw as they are', async (t) => {
  const server = new Server((message, _socket, writer) => {
    writer.write(message)
    writer.write(message.toString())
  })
  const port = await listen(t, server)
  const socket = await open(t, port)
  const messages = collect(socket)
  socket.write('a')
  await until(() => messages.length === 2)
  assert.deepEqual(messages, [
    { text: 'a', isText: false },
    { text: 'a', isText: true },
  ])
  await (await join(t, port)).send('a\nb\n').receives('aabb')
  assert.match(await ask(t, port, post('c')), /\r\nContent-Type: text\/plain[\s\S]*\r\n\r\ncc$/)
})

test('a version without binary gets a Buffer of text as text', async (t) => {
  const port = await echoing(t)
  const socket = await open(t, port, { version: 'hixie-76' })
  socket.write('text')
  assert.deepEqual(await receives(socket), { text: 'text', isText: true })
})

test('setDefaultEncoding: what strings are read as, and whether all is binary', async (t) => {
  const server = new Server((message, _socket, writer) => {
    writer.setDefaultEncoding('buffer')
    writer.write(message.toString())
    writer.setDefaultEncoding('hex')
    writer.write('6869')
    writer.setDefaultEncoding('utf8')
    writer.write(message)
    writer.setDefaultEncoding(null)
    writer.write(message)
  })
  const socket = await open(t, await listen(t, server))
  const messages = collect(socket)
  socket.write('a')
  await until(() => messages.length === 4)
  assert.deepEqual(messages, [
    { text: 'a', isText: false },
    { text: 'hi', isText: true },
    { text: 'a', isText: true },
    { text: 'a', isText: false },
  ])
})

test('end and done complete an HTTP answer, and leave others connected', async (t) => {
  const states: [string, boolean][] = []
  const server = new Server((message, socket, writer) => {
    if (message.toString() === 'done') writer.done('completed')
    else writer.end('completed')
    states.push([socket.protocol, writer.ended])
    assert.equal(writer.write('late'), socket.protocol !== 'http')
  })
  const port = await listen(t, server)
  assert.match(await ask(t, port, post('end')), /\r\n\r\ncompleted$/)
  assert.match(await ask(t, port, post('done')), /\r\n\r\ncompleted$/)
  await (await join(t, port)).send('end\ndone\n').receives('completedlatecompletedlate')
  assert.deepEqual(states, [
    ['http', true],
    ['http', true],
    ['raw', false],
    ['raw', false],
  ])
})

test('explicitEnd, and its other name: an answer stays open until end', async (t) => {
  for (const options of [{ explicitEnd: true }, { explicitDone: true }]) {
    const server = new Server((_message, _socket, writer) => {
      setTimeout(() => writer.end('in the end'), 20)
    }, options)
    assert.match(await ask(t, await listen(t, server), post('x')), /\r\n\r\nin the end$/)
  }
})

test('endAfterWrite, and its other name: an answer stays open until the next write', async (t) => {
  for (const method of ['endAfterWrite', 'doneAfterWrite'] as const) {
    const server = new Server((_message, _socket, writer) => {
      writer[method]()
      writer[method]()
      setTimeout(() => {
        writer.write('later')
        assert.equal(writer.ended, true)
      }, 20)
    })
    const port = await listen(t, server)
    assert.match(await ask(t, port, post('x')), /\r\n\r\nlater$/)
    const gone = await join(t, port)
    await until(() => server.stats().connections === 1)
    gone.send(post('x')).socket.destroy()
    await until(() => server.stats().connections === 0)
  }
})

test('endAfterWrite means nothing to a raw client: FIN is answered', async (t) => {
  const server = new Server((_message, _socket, writer) => writer.endAfterWrite())
  const peer = await join(t, await listen(t, server))
  assert.equal(await peer.finish('x\n').finished(), '')
})

test('close ends the connection behind what was written, destroy cuts it', async (t) => {
  const server = new Server((message, _socket, writer) => {
    writer.write('last')
    if (message.toString() === 'close') writer.close()
    else writer.destroy()
  })
  const port = await listen(t, server)
  assert.equal(await (await join(t, port)).send('close\n').finished(), 'last')
  assert.match(await (await join(t, port)).send(post('close')).finished(), /\r\n\r\nlast$/)
  const socket = await open(t, port)
  socket.write('close')
  assert.deepEqual(await once(socket, 'close'), [1000, ''])
  const cut = await join(t, port)
  cut.send('destroy\n')
  await until(() => cut.closed || cut.ended)
})

test('writeHead, setHeader, getHeader and removeHeader shape an HTTP answer, and mean nothing elsewhere', async (t) => {
  const fields: unknown[] = []
  const server = new Server((_message, _socket, writer) => {
    writer.setHeader('X-One', 1)
    writer.setHeader('X-Two', '2')
    fields.push(writer.getHeader('x-one'))
    writer.removeHeader('X-Two')
    writer.writeHead(202, 'Taken', { 'X-Three': '3' })
    writer.end('ok')
  })
  const port = await listen(t, server)
  const answer = await ask(t, port, post('x'))
  assert.match(answer, /^HTTP\/1.1 202 Accepted\r\n/)
  assert.match(answer, /X-One: 1\r\n/)
  assert.match(answer, /X-Three: 3\r\n/)
  assert.ok(!answer.includes('X-Two'))
  await (await join(t, port)).send('x\n').receives('ok')
  assert.deepEqual(fields, ['1', undefined])
})

test('writeHead(status, fields)', async (t) => {
  const server = new Server((_message, _socket, writer) => writer.writeHead(201, { Location: '/made' }))
  assert.match(await ask(t, await listen(t, server), post('x')), /^HTTP\/1.1 201 [\s\S]*Location: \/made\r\n/)
})
