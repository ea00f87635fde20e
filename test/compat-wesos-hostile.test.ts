/** wesos' facade and those who mean it no good, applications included. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { test } from 'node:test'
import * as wesos from '../src/compat/wesos/index.ts'
import { collect, get, listen, open, receives } from './support/facades.ts'
import { join, until } from './support/serving.ts'
import { uncaught } from './support/uncaught.ts'
import { HANDSHAKE, meet, serve } from './support/wesos-serving.ts'

/** Masked text frames, with the mask 0, of less than 126 bytes each. */
function frames(...texts: string[]): string {
  return texts.map((text) => `\x81${String.fromCharCode(0x80 | text.length)}\0\0\0\0${text}`).join('')
}

test('whatever listeners throw, the next message is heard, and a client that goes is gone', async (t) => {
  const caught = uncaught(t)
  const { wserver, port } = await serve(t)
  const throwing = (name: string) => (): void => {
    throw new Error(name)
  }
  const heard: string[] = []
  wserver.once('open', throwing('open'))
  const first = await join(t, port)
  first.send(get('/', HANDSHAKE))
  await until(() => caught.length === 1)
  first.socket.destroy()
  const peer = await join(t, port)
  wserver.once('open', (wsocket: wesos.Socket) => {
    wsocket.on('ping', throwing('ping'))
    wsocket.on('close', throwing('close'))
    setTimeout(() => {
      wsocket.on('message', (incoming: wesos.Incoming) => {
        incoming.on('data', (piece) => heard.push(`${piece}`))
        throw new Error('message')
      })
    }, 20)
  })
  peer.send(`${get('/', HANDSHAKE)}${frames('one', 'two', 'three')}\x89\x80\0\0\0\0`)
  await until(() => heard.length === 3 && caught.includes('ping'))
  peer.send(frames('four'))
  await until(() => heard.length === 4)
  peer.socket.destroy()
  await until(() => caught.includes('close'))
  assert.deepEqual(heard, ['one', 'two', 'three', 'four'])
  assert.deepEqual(caught.sort(), ['close', 'message', 'message', 'message', 'message', 'open', 'ping'])
  const client = await open(t, port)
  wserver.write('all well')
  assert.equal((await receives(client)).text, 'all well')
})

test('a socket that is destroyed while messages wait tells of none of them', async (t) => {
  const { wserver, port } = await serve(t)
  const heard: string[] = []
  wserver.on('open', (wsocket: wesos.Socket) => {
    wsocket.on('message', () => {
      heard.push('message')
      wsocket.destroy()
      wsocket.destroy()
    })
    wsocket.on('close', () => heard.push('close'))
  })
  const peer = await join(t, port)
  await peer.send(get('/', HANDSHAKE) + frames('one', 'two', 'three')).finished()
  await until(() => heard.includes('close'))
  assert.deepEqual(heard, ['message', 'close'])
})

for (const ending of ['end', 'destroy'] as const) {
  test(`${ending} inside the listeners of open, message and close, and again`, async (t) => {
    const { wserver, port } = await serve(t)
    const log: string[] = []
    let early = true
    wserver.on('open', (wsocket: wesos.Socket) => {
      wsocket.on('close', () => {
        log.push('close')
        wsocket[ending]()
        wsocket.write('too late', (error) => log.push(error instanceof Error ? 'refused' : 'sent'))
      })
      wsocket.on('message', (incoming: wesos.Incoming) => {
        incoming.resume()
        wsocket[ending]()
        wsocket[ending]()
      })
      if (early) wsocket[ending]()
      if (early) wsocket[ending]()
    })
    const code = ending === 'end' ? 1000 : 1006
    const first = await open(t, port).catch(() => undefined)
    if (first !== undefined) assert.deepEqual(await once(first, 'close'), [code, ''])
    await until(() => log.length === 2)
    early = false
    const second = await open(t, port)
    second.write('a message')
    assert.deepEqual(await once(second, 'close'), [code, ''])
    await until(() => log.length === 4)
    assert.deepEqual(log, ['close', 'refused', 'close', 'refused'])
  })
}

test('a broadcast while clients go reaches who is there', async (t) => {
  const { wserver, port } = await serve(t)
  const sockets: wesos.Socket[] = []
  wserver.on('open', (wsocket: wesos.Socket) => sockets.push(wsocket))
  const clients = []
  for (let count = 0; count < 4; count++) clients.push(await open(t, port))
  await until(() => sockets.length === 4)
  const received = clients.map(collect)
  wserver.write('one', () => sockets[0]!.destroy())
  wserver.write('two', () => sockets[1]!.end())
  wserver.write('three')
  await until(() => received[3]!.length === 3)
  assert.deepEqual(
    received.slice(2).map((messages) => messages.map(({ text }) => text)),
    [
      ['one', 'two', 'three'],
      ['one', 'two', 'three'],
    ],
  )
  for (const client of clients) client.destroy()
  await new Promise((resolve) => wserver.write('to nobody', resolve))
})

test('a pipeline into the server that is not to end it leaves it as it was', async (t) => {
  const { wserver, port } = await serve(t)
  let over = 0
  wserver.on('open', (wsocket: wesos.Socket) => {
    pipeline(wsocket, wserver, { end: false }).then(
      () => over++,
      () => over++,
    )
  })
  const [first, second, third] = [await open(t, port), await open(t, port), await open(t, port)]
  first.close()
  second.destroy()
  await until(() => over === 2)
  third.write('still there')
  assert.equal((await receives(third)).text, 'still there')
})

test('a server that has ended sends nothing, and ends no process and no client', async (t) => {
  const { wserver, wsocket, client } = await meet(t)
  wsocket.pipe(wserver)
  wserver.end('the last for all')
  assert.equal((await receives(client)).text, 'the last for all')
  await until(() => wserver.closed)
  client.write('to nobody')
  wsocket.write('to one')
  assert.equal((await receives(client)).text, 'to one')
  await assert.rejects(
    new Promise((resolve, reject) => wserver.write('late', (error) => (error ? reject(error) : resolve(0)))),
  )
})

test('two servers on one http.Server, each with its path', async (t) => {
  const http = createHttpServer()
  const port = await listen(t, http)
  wesos.createServer((wsocket) => wsocket.write('/a'), { path: '/a' }).listen(http)
  wesos.createServer((wsocket) => wsocket.write('/b'), { url: '/b' }).listen(http)
  for (const path of ['/a', '/b']) {
    assert.equal((await receives(await open(t, port, { path: `${path}?x=/a` }))).text, path)
  }
  for (const path of ['/', '/A', '/a/', '/toString', '/__proto__']) {
    await assert.rejects(open(t, port, { path }), { status: 404 }, path)
  }
})

test('origins and subprotocols are compared as a whole', async (t) => {
  const { port } = await serve(t, { allowOrigin: 'a.example', protocols: ['chat'] })
  for (const Origin of [
    'http://a.example.evil.net',
    'http://xa.example',
    'http://a.example@evil.net',
    'null',
  ]) {
    await assert.rejects(open(t, port, { headers: { Origin } }), { status: 403 }, Origin)
  }
  const client = await open(t, port, {
    headers: { Origin: 'https://a.example' },
    protocols: ['__proto__', 'Chat', 'chat'],
  })
  assert.equal(client.subprotocol, 'chat')
})

test('new Socket of a stream that breaks, and of one that is breaking, ends', async () => {
  const stream = (): Duplex => new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
  const breaks = stream()
  const wsocket = new wesos.Socket(breaks)
  breaks.destroy(new Error('broken'))
  await new Promise((resolve) => wsocket.on('close', resolve))
  const broken = stream()
  broken.destroy()
  const other = new wesos.Socket(broken)
  await once(other, 'close')
  await assert.rejects(
    new Promise((resolve, reject) => other.write('x', (error) => (error ? reject(error) : resolve(0)))),
  )
})
