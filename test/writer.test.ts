/** What every writer promises: a write that has returned `false` is followed by `drain` or by `close`. */
import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { TLSSocket } from 'node:tls'
import { type ConnectOptions, connect, type Data, type Writer } from '../src/index.ts'
import { VERSIONS } from '../src/ws-codec/index.ts'
import { Http2Client } from './support/http2.ts'
import { certificate, join, joinTls, type Serving, serve, until } from './support/serving.ts'

const { key, cert } = certificate
/** Text that DEFLATE cannot make much of. */
const PIECE = Array.from({ length: 20_000 }, (_, at) =>
  String.fromCharCode(33 + ((at * at * 7_919) % 89)),
).join('')

/** How a peer reads, or does not. */
interface Reading {
  pause(): unknown
  resume(): unknown
  destroy(): unknown
}

type Join = (context: TestContext, serving: Serving) => Promise<Reading>

/** Of `connect` it is the socket below that does not read. */
async function joinWebSocket(
  context: TestContext,
  { port }: Serving,
  options: ConnectOptions,
): Promise<Reading> {
  const socket = await connect(`ws://127.0.0.1:${port}/`, options)
  context.after(() => socket.destroy())
  socket.write('go')
  return (socket as unknown as { session: { connection: { socket: Duplex } } }).session.connection.socket
}

const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\ngo'

const KINDS: [name: string, join: Join][] = [
  ['raw', async (t, { port }) => (await join(t, port)).send('go\n').socket],
  ['raw over TLS', async (t, { port }) => (await joinTls(t, port)).send('go\n').socket],
  ['HTTP/1.1', async (t, { port }) => (await join(t, port)).send(POST).socket],
  [
    'HTTP/2',
    async (t, { port }) => {
      const stream = new Http2Client(t, port).open({ ':method': 'POST', ':path': '/' })
      stream.end('go')
      stream.on('data', () => {})
      return stream
    },
  ],
  [
    'WebSocket over HTTP/2',
    async (t, { port }) => {
      const stream = await new Http2Client(t, port).webSocket()
      stream.on('data', () => {})
      stream.write(Buffer.of(0x81, 0x82, 0, 0, 0, 0, 0x67, 0x6f))
      return stream
    },
  ],
  ...VERSIONS.map((version): [string, Join] => [
    `WebSocket ${version}`,
    (t, serving) => joinWebSocket(t, serving, { version, compression: false }),
  ]),
  ['WebSocket, compressed', (t, serving) => joinWebSocket(t, serving, { compression: true })],
  [
    'WebSocket, compressed with takeover',
    (t, serving) => joinWebSocket(t, serving, { compression: { takeover: true } }),
  ],
]

const WAYS: [name: string, write: (serving: Serving, data: Data) => boolean][] = [
  ['written', ({ clients }, data) => clients[0]!.writer.write(data)],
  ['sent by the server', ({ server, clients }, data) => server.send(clients[0]!.client, data)],
]

/** Writes, for some turns, until the client is told not to read fast enough. */
async function fill(write: () => boolean): Promise<void> {
  for (let piece = 0; piece < 1_000; piece++) {
    if (!write()) return
    if (piece % 10 === 9) await new Promise(setImmediate)
  }
  assert.fail('There is no end to what can be written')
}

/** Over HTTP/1.1 an end alone may be half of one. */
function cut(reading: Reading): void {
  if (reading instanceof Socket && !(reading instanceof TLSSocket)) reading.resetAndDestroy()
  else reading.destroy()
}

function count(writer: Writer, event: 'drain' | 'close'): () => number {
  let times = 0
  writer.on(event, () => times++)
  return () => times
}

for (const [kind, start] of KINDS) {
  for (const [way, write] of WAYS) {
    test(`${kind}, ${way}: false is followed by drain, or by close`, async (t) => {
      const options = { key, cert, explicitEnd: true, compression: { takeover: true } }
      const serving = await serve(t, options, () => {})
      const reading = await start(t, serving)
      await until(() => serving.messages.length === 1)
      const { writer } = serving.clients[0]!
      const [drains, closes] = [count(writer, 'drain'), count(writer, 'close')]
      for (let round = 1; round <= 2; round++) {
        reading.pause()
        await fill(() => write(serving, PIECE))
        assert.equal(writer.writableNeedDrain, true)
        const before = drains()
        reading.resume()
        await until(() => drains() > before)
        assert.equal(writer.writableNeedDrain, false)
      }
      reading.pause()
      await fill(() => write(serving, PIECE))
      cut(reading)
      await until(() => closes() === 1)
      assert.equal(write(serving, PIECE), false)
      assert.deepEqual(
        serving.errors.filter((code) => code !== 'ECONNRESET' && code !== 'EPIPE'),
        [],
      )
    })
  }
}
