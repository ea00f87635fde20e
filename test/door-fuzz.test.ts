/**
 * Damaged openings of every protocol at a door that has everything switched on: nothing throws, nothing is left behind, and
 * what begins with a request line never is a message. `FUZZ_SEED` and `FUZZ_FACTOR` repeat or lengthen a run.
 */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { TLSSocket } from 'node:tls'
import type { ServerOptions } from '../src/index.ts'
import { defineSignature, formatProxyHeader } from '../src/sniff/index.ts'
import { hello } from './support/hello.ts'
import { post } from './support/http-rows.ts'
import { cutAtRandom, mutate, Random } from './support/random.ts'
import { certificate, join, joinTls, serve, until } from './support/serving.ts'
import { bytes } from './support/splits.ts'
import { clientHello, OPENINGS, PROXY_LINE, startTarget } from './support/targets.ts'

const SEED = Number(process.env.FUZZ_SEED ?? 20_261_205)
const CONNECTIONS = 250 * Number(process.env.FUZZ_FACTOR ?? 1)
const AT_ONCE = 10

const { key, cert } = certificate
const ends = {
  source: { address: '192.0.2.1', port: 1 },
  destination: { address: '192.0.2.2', port: 2 },
}

async function corpus(): Promise<Uint8Array[]> {
  const texts = [
    ...Object.values(OPENINGS),
    PROXY_LINE,
    post('hi'),
    'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    '3:one,',
    '{"a":[1,2]}',
    'line\n',
    'own protocol\n',
    '\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10',
  ]
  return [
    ...texts.map(bytes),
    formatProxyHeader({ version: 2, ...ends, tlvs: { crc32c: true, authority: 'a.example' } }),
    hello({ extensions: [0, 16], serverName: 'routed.example' }),
    await clientHello({ servername: 'a.example', ALPNProtocols: ['http/1.1'] }),
  ]
}

/** Reads a socket to its end, and does not wait long for it. */
function hold(socket: Socket): void {
  socket.on('end', () => socket.end()).setTimeout(60, () => socket.destroy())
  socket.resume()
}

/** One connection: what is sent in which pieces, and how it ends. */
interface Visit {
  readonly encrypted: boolean
  readonly pieces: readonly Uint8Array[]
  /** After which of them it waits for a turn. */
  readonly pauses: ReadonlySet<number>
  readonly end: 'reset' | 'finish' | 'wait'
}

function planVisit(random: Random, inputs: readonly Uint8Array[]): Visit {
  const pieces = cutAtRandom(random, random.next() < 0.2 ? random.pick(inputs) : mutate(random, inputs))
  return {
    encrypted: random.next() < 0.2,
    pieces,
    pauses: new Set([...pieces.keys()].filter(() => random.next() < 0.3)),
    end: random.pick(['reset', 'finish', 'finish', 'wait', 'wait']),
  }
}

async function pay(t: TestContext, { encrypted, pieces, pauses, end }: Visit, port: number): Promise<void> {
  // A machine that has other things to do may be too slow for a handshake in the time that there is.
  const peer = encrypted ? await joinTls(t, port).catch(() => join(t, port)) : await join(t, port)
  for (const [index, piece] of pieces.entries()) {
    peer.send(piece)
    if (pauses.has(index)) await new Promise((resolve) => setImmediate(resolve))
  }
  if (end === 'reset') reset(peer.socket)
  else if (end === 'finish') peer.finish()
  await until(() => peer.ended || peer.closed)
  peer.socket.destroy()
}

function reset(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy()
  else socket.resetAndDestroy()
}

const doors: Record<string, ServerOptions> = {
  'everybody may come': {},
  'TLS is required': { tls: 'required' },
  'a proxy is required': { proxy: 'required' },
  'no HTTP, no fallback': { http: false, rawFallback: false },
}

for (const [name, options] of Object.entries(doors)) {
  test(`damaged openings, where ${name}`, async (t) => {
    const random = new Random(SEED)
    const inputs = await corpus()
    const target = await startTarget(t, hold)
    const serving = await serve(t, {
      key,
      cert,
      sniffTimeout: 150,
      handshakeTimeout: 400,
      headTimeout: 60,
      bodyTimeout: 60,
      idleTimeout: 60,
      keepAliveTimeout: 60,
      closeTimeout: 40,
      raw: { detect: true },
      flashPolicy: [{ domain: '*' }],
      signatures: [defineSignature({ name: 'own', match: 'own protocol', before: 'http1' })],
      ...options,
    })
    for (const route of Object.keys(OPENINGS)) {
      if (random.next() < 0.5)
        serving.server.route(route, { port: target.port, idleTimeout: 60, proxyProtocol: 2 })
      else serving.server.route(route, hold)
    }
    serving.server.route({ sni: 'routed.example' }, { port: target.port, idleTimeout: 60 })
    serving.server.route('own', hold)
    const visits = Array.from({ length: CONNECTIONS }, () => planVisit(random, inputs))
    while (visits.length > 0) {
      await Promise.all(visits.splice(0, AT_ONCE).map((visit) => pay(t, visit, serving.port)))
    }
    await until(() => {
      const { connections, sniffing, handshaking, forwarded, clients } = serving.server.stats()
      return connections + sniffing + handshaking + forwarded + clients === 0
    })
    assert.ok(serving.server.stats().accepted >= CONNECTIONS)
    for (const message of serving.messages) assert.doesNotMatch(message, /^[A-Z]+ \S+ HTTP\/1\.[01]\r?$/)
  })
}
