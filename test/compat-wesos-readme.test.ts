/** The README of wesos from its top to its end: its sample, ported line by line, and each class as it is printed. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { Readable, Writable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import * as wesos from '../src/compat/wesos/index.ts'
import type { Version } from '../src/index.ts'
import { collect, get, listen, open, receives } from './support/facades.ts'
import { join, type Peer, until } from './support/serving.ts'
import { HANDSHAKE, serve } from './support/wesos-serving.ts'

/** A client of which every byte is seen, and its socket. */
async function meetWire(
  t: TestContext,
  { wserver, port }: { wserver: wesos.Server; port: number },
): Promise<[peer: Peer, wsocket: wesos.Socket]> {
  const opened = once(wserver, 'open')
  const peer = await join(t, port)
  await peer.send(get('/', HANDSHAKE)).receives('\r\n\r\n')
  peer.received = Buffer.alloc(0)
  const [wsocket] = await opened
  return [peer, wsocket as wesos.Socket]
}

/** A masked frame, with the mask 0, of less than 126 bytes. */
function frame(first: number, payload = ''): string {
  return String.fromCharCode(first, 0x80 | payload.length) + '\0\0\0\0' + payload
}

const CLOSE_1000 = frame(0x88, '\x03\xe8')

test('the sample: will broadcast all incoming messages to all sockets', async (t) => {
  const server = createHttpServer()

  // will broadcast all incoming messages to all sockets
  wesos
    .createServer((wsocket, wserver) => {
      wsocket.pipe(wserver)
    })
    .listen(server)

  const port = await listen(t, server)
  const versions: Version[] = ['13', '8', '7', 'hybi-03', 'hixie-76', 'hixie-75']
  const clients = await Promise.all(versions.map((version) => open(t, port, { version })))
  const received = clients.map(collect)
  const expected: { text: string; isText: boolean }[] = []
  for (const [index, client] of clients.entries()) {
    expected.push({ text: `from ${versions[index]}`, isText: true })
    client.write(`from ${versions[index]}`)
    await until(() => received.every(({ length }) => length === expected.length))
  }
  for (const messages of received) assert.deepEqual(messages, expected)
})

test('Server: listens on the "upgrade" event of a http server; open, error, close', async (t) => {
  const http = createHttpServer()
  const server = new wesos.Server()
  const log: unknown[][] = []
  server.on('open', (wsocket) => log.push(['open', wsocket instanceof wesos.Socket]))
  server.on('error', (error) => log.push(['error', error instanceof Error]))
  server.on('close', (...args) => log.push(['close', ...args]))
  assert.equal(http.listenerCount('upgrade'), 0)
  server.listen(http)
  assert.equal(http.listenerCount('upgrade'), 1)
  const port = await listen(t, http)
  // A new WebSocket upgrade was established.
  const client = await open(t, port)
  await until(() => log.length === 1)
  // An error occurs.
  const refused = await join(t, port)
  await refused.send(get('/', HANDSHAKE.replace('Version: 13', 'Version: 99'))).finished()
  refused.socket.destroy()
  await until(() => log.length === 2)
  // The server closes.
  client.close()
  http.close()
  http.closeAllConnections()
  await until(() => log.length === 3)
  assert.deepEqual(log, [['open', true], ['error', true], ['close']])
})

test('Socket: message, ping, close, and end when the underlaying socket ends', async (t) => {
  const serving = await serve(t)
  const log: unknown[][] = []
  serving.wserver.on('open', (wsocket: wesos.Socket) => {
    wsocket.on('message', (incoming) => log.push(['message', incoming instanceof wesos.Incoming]))
    wsocket.on('ping', (payload: Buffer) => log.push(['ping', payload.toString()]))
    wsocket.on('end', (...args) => log.push(['end', ...args]))
    wsocket.on('close', (...args) => log.push(['close', ...args]))
  })
  const [peer] = await meetWire(t, serving)
  // A WebSocket frame is received; a ping frame; a close frame, upon which the socket ends.
  await peer.send(frame(0x81, 'text') + frame(0x89, 'ping') + CLOSE_1000).receives('\x88\x02\x03\xe8')
  await until(() => log.length === 4)
  assert.deepEqual(log.splice(0), [['message', true], ['ping', 'ping'], ['end'], ['close']])
  const [other] = await meetWire(t, serving)
  other.finish()
  await until(() => log.length === 2)
  assert.deepEqual(log, [['end'], ['close']])
})

test('new Socket(socket): a tcp socket supplied by the http "upgrade" event', async (t) => {
  const http = createHttpServer()
  const log: string[] = []
  http.on('upgrade', (request, socket) => {
    const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
    const accept = createHash('sha1').update(key).digest('base64')
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
    )
    const wsocket = new wesos.Socket(socket)
    wsocket.on('message', (incoming) => incoming.pipe(new wesos.Outgoing(wsocket)))
    wsocket.on('close', () => log.push('close'))
  })
  const client = await open(t, await listen(t, http))
  client.write(Buffer.from('this'))
  assert.deepEqual(await receives(client), { text: 'this', isText: false })
  client.close()
  await until(() => log.length === 1)
})

test('Incoming: an incoming frame, with "readable" and "end"', async (t) => {
  const serving = await serve(t)
  const [peer, wsocket] = await meetWire(t, serving)
  const log: string[] = []
  wsocket.on('message', (incoming) => {
    assert.ok(incoming instanceof Readable)
    incoming.on('readable', () => {
      for (let piece = incoming.read(); piece !== null; piece = incoming.read()) log.push(String(piece))
    })
    incoming.on('end', () => log.push('end'))
  })
  peer.send(frame(0x81, 'whole'))
  await until(() => log.length === 2)
  // It is there before its end is.
  peer.send(frame(0x01, 'in '))
  await until(() => log.length === 3)
  peer.send(frame(0x80, 'parts'))
  await until(() => log.length === 5)
  assert.deepEqual(log, ['whole', 'end', 'in ', 'parts', 'end'])
})

test('new Incoming() takes nothing', async () => {
  const incoming = new wesos.Incoming()
  incoming.end('bytes')
  const readable = once(incoming, 'readable')
  const ended = once(incoming, 'end')
  await readable
  assert.deepEqual([String(incoming.read()), incoming.read()], ['bytes', null])
  await ended
})

test('Outgoing: write sends fragments, end([data]) ends them; end alone is one frame', async (t) => {
  const serving = await serve(t)
  const [peer, wsocket] = await meetWire(t, serving)
  const sends = async (write: (outgoing: wesos.Outgoing) => void, wire: string) => {
    const outgoing = new wesos.Outgoing(wsocket)
    assert.ok(outgoing instanceof Writable)
    const finished = once(outgoing, 'finish')
    write(outgoing)
    await finished
    assert.equal(await peer.receives(wire), wire)
    peer.received = Buffer.alloc(0)
  }
  // “Except you directly use `outgoing.end()` the written data will be sent as fragmented frame.”
  await sends((outgoing) => outgoing.end('whole'), '\x81\x05whole')
  await sends((outgoing) => outgoing.end(Buffer.from('bytes')), '\x82\x05bytes')
  await sends((outgoing) => outgoing.end(), '\x81\x00')
  await sends((outgoing) => {
    outgoing.write('one')
    outgoing.write('two')
    outgoing.end('three')
  }, '\x01\x03one\x00\x03two\x00\x05three\x80\x00')
  await sends((outgoing) => {
    outgoing.write(Buffer.from('one'))
    outgoing.end()
  }, '\x02\x03one\x80\x00')
})

test('Outgoing: the complete payload length is not required', async (t) => {
  const serving = await serve(t)
  const [peer, wsocket] = await meetWire(t, serving)
  const outgoing = new wesos.Outgoing(wsocket)
  outgoing.write('now')
  // It is there while nobody knows how much is still to come.
  assert.equal(await peer.receives('now'), '\x01\x03now')
  outgoing.end('later')
  assert.equal(await peer.receives('\x80\x00'), '\x01\x03now\x00\x05later\x80\x00')
})
