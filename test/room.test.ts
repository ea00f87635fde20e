import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { Server } from '../src/index.ts'
import { Room, type RoomEvent } from '../src/room.ts'
import { join, type Peer, until } from './support/serving.ts'

type Context = Parameters<typeof join>[0]

interface Opened {
  port: number
  events: RoomEvent[]
}

async function open(context: Context, echo = false): Promise<Opened> {
  const server = new Server({ sniffTimeout: 300 })
  const events: RoomEvent[] = []
  new Room(server, echo, (event) => events.push(event))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  context.after(() => server.shutdown({ timeout: 5 }))
  return { port: (server.address() as AddressInfo).port, events }
}

const MASK = Buffer.alloc(4)

function frame(first: number, text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([Buffer.from([first, 0x80 | bytes.length]), MASK, bytes])
}

async function joinWebSocket(context: Context, port: number, path: string): Promise<Peer> {
  const peer = await join(context, port)
  peer.send(
    `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  )
  await peer.receives('\r\n\r\n')
  return peer
}

/** The events in the text frames that a page has received. */
function eventsOf(peer: Peer): Record<string, never>[] {
  const events = []
  let at = peer.received.indexOf('\r\n\r\n') + 4
  while (at < peer.received.length) {
    assert.equal(peer.received[at], 0x81)
    const short = peer.received[at + 1]!
    const start = at + (short === 126 ? 4 : 2)
    at = start + (short === 126 ? peer.received.readUInt16BE(at + 2) : short)
    events.push(JSON.parse(peer.received.toString('utf8', start, at)))
  }
  return events
}

async function post(context: Context, port: number, body: string): Promise<string> {
  const peer = await join(context, port)
  peer.send(
    `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  const answer = await peer.finished()
  peer.finish()
  return answer
}

test('what one says, all others hear, each in its own way', async (t) => {
  const { port, events } = await open(t)
  const raw = await join(t, port)
  await until(() => events.length === 1)
  const socket = await joinWebSocket(t, port, '/')
  const page = await joinWebSocket(t, port, '/room')
  await until(() => events.filter(({ event }) => event === 'join').length === 3)
  raw.send('from raw\n')
  await socket.receives('\x81\x08from raw')
  socket.send(frame(0x81, 'from socket'))
  await raw.receives('from socket\n')
  assert.match(await post(t, port, 'from http'), /^HTTP\/1\.1 200 OK\r\n[\s\S]*Content-Length: 0\r\n/)
  await raw.receives('from http\n')
  page.send(frame(0x81, 'from page'))
  await raw.receives('from page\n')
  await socket.receives('from page')
  assert.equal(raw.text, 'from socket\nfrom http\nfrom page\n', 'nobody hears himself')
  await until(() => eventsOf(page).length >= 7)
  const [room, ...rest] = eventsOf(page) as never as [
    { event: string; id: string; clients: { protocol: string }[] },
    ...RoomEvent[],
  ]
  assert.equal(room.event, 'room')
  assert.deepEqual(room.clients.map(({ protocol }) => protocol).sort(), ['raw', 'websocket', 'websocket'])
  const said = rest.filter((event) => event.event === 'message')
  assert.deepEqual(
    said.map(({ from, text }) => [from.protocol, text]),
    [
      ['raw', 'from raw'],
      ['websocket', 'from socket'],
      ['http', 'from http'],
      ['websocket', 'from page'],
    ],
  )
  assert.equal(said[3]!.from.id, room.id, 'a page sees its own messages, and knows them')
  assert.deepEqual(
    rest.filter(({ event }) => event === 'join' || event === 'leave').map(({ event }) => event),
    ['join', 'leave'],
  )
})

test('binary stays binary, and is base64 to pages', async (t) => {
  const { port, events } = await open(t)
  const [sender, other, page] = [
    await joinWebSocket(t, port, '/'),
    await joinWebSocket(t, port, '/'),
    await joinWebSocket(t, port, '/room'),
  ]
  await until(() => events.length === 3)
  sender.send(frame(0x82, 'hi'))
  await other.receives('\x82\x02hi')
  await page.receives('"base64":"aGk="')
})

test('as an echo it answers the sender alone', async (t) => {
  const { port, events } = await open(t, true)
  const [one, other] = [await joinWebSocket(t, port, '/'), await joinWebSocket(t, port, '/')]
  await until(() => events.length === 2)
  one.send(frame(0x82, 'mine'))
  await one.receives('\x82\x04mine')
  assert.equal(other.text.includes('mine'), false)
  assert.match(await post(t, port, 'posted'), /\r\n\r\nposted$/)
})

test('the page is served at /, under a policy that lets it load nothing', async (t) => {
  const { port } = await open(t)
  const get = async (line: string) =>
    (await join(t, port)).send(`${line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`).finished()
  const page = await get('GET /')
  assert.match(page, /^HTTP\/1\.1 200 OK\r\n/)
  assert.match(page, /\r\nContent-Type: text\/html; charset=utf-8\r\n/)
  assert.match(page, /\r\nContent-Security-Policy: default-src 'none';/)
  assert.match(page, /<!doctype html>/i)
  assert.match(await get('HEAD /'), /\r\n\r\n$/)
  assert.match(await get('GET /?x'), /^HTTP\/1\.1 200 /)
  assert.match(await get('GET /other'), /^HTTP\/1\.1 404 /)
  assert.match(await get('DELETE /'), /^HTTP\/1\.1 405 [\s\S]*\r\nAllow: GET, HEAD, POST, PUT, OPTIONS\r\n/)
  assert.match(await get('BREW /'), /^HTTP\/1\.1 501 /)
})

test('what goes wrong with a client is an event, with its id', async (t) => {
  const { port, events } = await open(t)
  const bad = await joinWebSocket(t, port, '/')
  bad.send(Uint8Array.of(0x81, 0x00))
  await until(() => events.some(({ event }) => event === 'error'))
  const joined = events.find((event) => event.event === 'join')!
  const failed = events.find((event) => event.event === 'error')!
  assert.deepEqual(failed, {
    event: 'error',
    id: joined.client.id,
    address: joined.client.address,
    code: 'ERR_WS_MASK_MISSING',
    message: 'Cannot read the frame: it is not masked',
  })
})
