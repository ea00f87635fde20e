/**
 * Random and damaged bytes into every stage. Nothing may throw, and the result must not depend on how the
 * bytes are cut: whole, byte by byte, and at random places. `FUZZ_SEED` and `FUZZ_FACTOR` repeat or lengthen a run.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { BodyFraming, BodyReader, RequestHead } from '../src/http/index.ts'
import { Server } from '../src/index.ts'
import { LineReader } from '../src/raw/index.ts'
import { Sniffer, Verdict } from '../src/sniff/index.ts'
import { encodeFrame, FrameDecoder, MessageAssembler, readHandshake } from '../src/ws-codec/index.ts'
import { byteByByte, cutAtRandom, mutate, Random } from './support/random.ts'
import { bytes, concat, feed, text } from './support/splits.ts'
import { Wire } from './support/wire.ts'

const SEED = Number(process.env.FUZZ_SEED ?? 20_261_121)
const FACTOR = Number(process.env.FUZZ_FACTOR ?? 1)
const INPUTS = 24_000 * FACTOR
const CONNECTIONS = 10_000 * FACTOR

type Stage = (chunks: Uint8Array[]) => unknown

/** Runs a stage on so many inputs, each delivered in three ways. */
function fuzz(name: string, corpus: readonly Uint8Array[], stage: Stage): void {
  test(`${name}: ${INPUTS} inputs from seed ${SEED}`, (t) => {
    t.diagnostic(`seed ${SEED}`)
    const random = new Random(SEED)
    for (let input = 0; input < INPUTS; input++) {
      const data = mutate(random, corpus)
      const whole = JSON.stringify(stage([data.slice()]))
      for (const chunks of [byteByByte(data), cutAtRandom(random, data)]) {
        const cut = JSON.stringify(stage(chunks))
        if (cut !== whole)
          assert.fail(
            `input ${input}, ${JSON.stringify(text(data))} in ${chunks.length} pieces: ${cut}, whole: ${whole}`,
          )
      }
    }
  })
}

const REQUESTS = [
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST /x?y HTTP/1.1\r\nHost: a.example:80\r\nContent-Length: 5\r\nConnection: close, x\r\n\r\nhello',
  'PUT http://b/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n',
  'OPTIONS * HTTP/1.0\r\nConnection: keep-alive\r\nX-Long: ' + 'v'.repeat(40) + '\r\n\r\n',
  'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: a, b\r\nOrigin: http://a\r\n\r\n',
].map(bytes)

const OPENINGS = [
  ...REQUESTS,
  bytes('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  bytes('GET lost\n'),
  bytes('{"a":1}\n'),
  Uint8Array.of(0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3, 1, 2, 3),
]

const CHUNKED = [
  '5\r\nhello\r\n0\r\n\r\n',
  'a;x="y;\\"z"\r\n0123456789\r\n1;n\r\n!\r\n0\r\nTrailer: x\r\n\r\n',
  '0\r\n\r\nGET / HTTP/1.1\r\n',
].map(bytes)

const LINES = ['one\ntwo\r\nthree', '\n\r\n\n', 'a\rb\r\r\n' + 'x'.repeat(30)].map(bytes)

/** Masked frames; the first byte holds FIN and opcode. */
function masked(first: number, payload: Uint8Array): Uint8Array {
  return encodeFrame(first & 0xf, (first & 0x80) !== 0, payload, 0, payload.length, 0x12345678)
}

const FRAMES = [
  concat([masked(0x81, bytes('hello')), masked(0x82, Uint8Array.of(0, 255, 128))]),
  concat([
    masked(0x01, Buffer.from('grüß')),
    masked(0x89, bytes('p')),
    masked(0x00, bytes('')),
    masked(0x80, Buffer.from('€😀')),
  ]),
  concat([
    masked(0x82, new Uint8Array(300).fill(7)),
    masked(0x8a, bytes('')),
    masked(0x88, Uint8Array.of(3, 232, 98, 121, 101)),
  ]),
]

function sniff(chunks: Uint8Array[]): unknown {
  const sniffer = new Sniffer(undefined, 64)
  feed(sniffer, chunks)
  const at = sniffer.verdict === Verdict.undecided ? 'open' : sniffer.bytes
  return [at, sniffer.end()]
}

function readHead(chunks: Uint8Array[]): unknown {
  const head = new RequestHead({ requestLine: 120, head: 400, fields: 12 })
  const rest = feed(head, chunks)
  if (head.error !== null) return [head.error.code, head.error.status]
  if (!head.complete) return ['open', head.started]
  const handshake = readHandshake(head)
  return [
    head.method,
    head.target,
    head.host,
    head.headers(),
    head.keepAlive,
    head.framing,
    head.contentLength,
    rest.length,
    handshake,
  ]
}

function readBody(chunks: Uint8Array[]): unknown {
  let body = ''
  const reader = new BodyReader(
    {
      bodyData: (chunk, start, end) => {
        body += text(chunk.slice(start, end))
      },
      bodyEnd() {},
    },
    { body: 64 },
  )
  reader.start(BodyFraming.chunked, 0)
  const rest = feed(reader, chunks)
  if (reader.error !== null) return [reader.error.code]
  return reader.complete ? [body, rest.length] : ['open', reader.received]
}

function readLines(chunks: Uint8Array[]): unknown {
  const seen: string[] = []
  const reader = new LineReader(
    {
      message: (chunk, start, end) => seen.push(text(chunk.slice(start, end))),
      fail: (code) => seen.push(`! ${code}`),
    },
    32,
  )
  feed(reader, chunks)
  reader.end()
  return seen
}

function readFrames(chunks: Uint8Array[]): unknown {
  const seen: unknown[] = []
  const assembler = new MessageAssembler({
    message: (chunk, start, end, isText) => seen.push([isText, text(chunk.slice(start, end))]),
  })
  const decoder = new FrameDecoder(
    {
      data: (chunk, start, end, opcode, flags) => assembler.data(chunk, start, end, opcode, flags),
      control: (opcode, chunk, start, end) => seen.push([opcode, text(chunk.slice(start, end))]),
      fail: (closeCode, code) => seen.push([closeCode, code]),
    },
    { maxMessageBytes: 400, maxFrames: 6 },
  )
  feed(decoder, chunks)
  return seen
}

fuzz('sniffer', OPENINGS, sniff)
fuzz('request head', REQUESTS, readHead)
fuzz('chunked body', CHUNKED, readBody)
fuzz('lines', LINES, readLines)
fuzz('frames', FRAMES, readFrames)

test(`the server: ${CONNECTIONS} connections from seed ${SEED}`, async (t) => {
  t.diagnostic(`seed ${SEED}`)
  const random = new Random(SEED)
  const server = new Server((message, _client, writer) => void writer.write(message), {
    sniffTimeout: 20,
    closeTimeout: 20,
    messageLimit: 256,
  })
  const upgrade = REQUESTS[4]!
  const corpus = [
    ...OPENINGS,
    ...LINES,
    concat([REQUESTS[2]!, CHUNKED[0]!, REQUESTS[1]!]),
    ...FRAMES.map((frames) => concat([upgrade, frames])),
  ]
  let disconnected = 0
  let connected = 0
  server.on('clientConnect', () => connected++)
  server.on('clientDisconnect', () => disconnected++)
  for (let batch = 0; batch < CONNECTIONS; batch += 50) {
    const wires = Array.from({ length: 50 }, () => new Wire())
    const closed = wires.map((wire) => once(wire, 'close'))
    for (const wire of wires) {
      server.emit('connection', wire)
      for (const chunk of cutAtRandom(random, mutate(random, corpus))) wire.push(chunk)
      if (random.next() < 0.8) wire.push(null)
      else setImmediate(() => wire.destroy(random.next() < 0.5 ? new Error('reset') : undefined))
    }
    await Promise.all(closed.map((each) => each.catch(() => {})))
  }
  await new Promise((resolve) => setImmediate(resolve))
  assert.ok(connected > CONNECTIONS / 4)
  assert.equal(disconnected, connected)
  const { connections, clients, sniffing } = server.stats()
  assert.deepEqual({ connections, clients, sniffing }, { connections: 0, clients: 0, sniffing: 0 })
})
