/**
 * Floods on a connection of HTTP/2, frame by frame: each ends it, costs next to no memory, and leaves a client beside it
 * served. The server is a process of its own.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { after, before, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { FloodGuard } from '../src/node/http2/flood-guard.ts'
import type { Seen } from './support/flood-server.ts'
import {
  END_HEADERS,
  END_STREAM,
  Frame,
  type FramePeer,
  Http2Client,
  http2Frame,
  integer,
  joinFrames,
  literals,
  request,
  uint32,
} from './support/http2.ts'

const INTERNAL_ERROR = 2
const CANCEL = 8
const CALM = 11
/** What the nghttp2 of Node 22 and 24 finds before we do: more kinds of frames than that of Node 20. */
const BY_NODE = 'ERR_HTTP2_ERROR'
const MEBIBYTE = 1024 * 1024

let process: ChildProcess
let port = 0

before(async () => {
  process = fork(new URL('./support/flood-server.ts', import.meta.url), { execArgv: ['--import', 'tsx'] })
  const [address] = await once(process, 'message')
  port = address as number
})
after(() => process.kill())

async function seen(): Promise<Seen> {
  process.send('tell')
  const [answer] = await once(process, 'message')
  return answer as Seen
}

/** A client beside a flood: the longest that one of its messages took, in milliseconds. */
class Neighbour {
  readonly client: Http2Client
  private slowest = 0
  private stopped = false
  private readonly running: Promise<void>

  constructor(t: TestContext) {
    this.client = new Http2Client(t, port)
    this.running = this.run()
  }

  async stop(): Promise<number> {
    this.stopped = true
    await this.running
    return this.slowest
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      const start = performance.now()
      assert.equal((await this.client.post('neighbour')).body, 'neighbour')
      this.slowest = Math.max(this.slowest, performance.now() - start)
      await sleep(5)
    }
  }
}

interface Flood {
  readonly name: string
  /** The frames of one round, of which there are up to `rounds`. */
  readonly frames: (round: number) => readonly Uint8Array[]
  readonly rounds: number
  /** What it begins with. */
  readonly first?: readonly Uint8Array[]
  readonly goaway: number
  readonly code: string
}

async function pour(frames: FramePeer, { frames: make, rounds, first = [] }: Flood): Promise<void> {
  const { socket } = frames.peer
  frames.send(...first)
  for (let round = 0; round < rounds && !socket.destroyed; ) {
    const batch: Uint8Array[] = []
    for (const end = Math.min(rounds, round + 500); round < end; round++) batch.push(...make(round))
    if (!socket.write(Buffer.concat(batch)))
      await Promise.race([once(socket, 'drain'), sleep(2_000)]).catch(() => {})
    // A server that has closed the connection lets the rest be refused.
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const SILENT = http2Frame(0xbb, 0, 0)
const bombs = (stream: number): Buffer =>
  // One large entry for the table, then thousands of references to it (RFC 7541 §6.1).
  http2Frame(
    Frame.headers,
    END_HEADERS | END_STREAM,
    stream,
    Buffer.concat([
      request('GET'),
      Buffer.of(0x40, 1, 0x78),
      integer(3_900, 7),
      Buffer.alloc(3_900, 'y'),
      Buffer.alloc(10_000, 0xbe),
    ]),
  )
const opened = (round: number, payload: Uint8Array, flags: number): Buffer =>
  http2Frame(Frame.headers, flags, 2 * round + 1, payload)
const reset = (round: number, code = CANCEL): Buffer =>
  http2Frame(Frame.reset, 0, 2 * round + 1, uint32(code))
const WEBSOCKET = literals(
  Object.entries({
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':scheme': 'http',
    ':path': '/',
    ':authority': 'a',
    'sec-websocket-version': '13',
  }),
)

const FLOODS: readonly Flood[] = [
  {
    name: 'requests for the application, reset (CVE-2023-44487)',
    frames: (round) => [opened(round, request('GET'), END_HEADERS | END_STREAM), reset(round)],
    rounds: 1_000,
    goaway: CALM,
    code: 'ERR_HTTP2_FLOOD',
  },
  {
    name: 'messages, reset with NO_ERROR',
    frames: (round) => [opened(round, request('POST'), END_HEADERS), reset(round, 0)],
    rounds: 1_000,
    goaway: CALM,
    code: 'ERR_HTTP2_FLOOD',
  },
  {
    name: 'messages, reset',
    frames: (round) => [opened(round, request('POST'), END_HEADERS), reset(round)],
    rounds: 1_000,
    goaway: CALM,
    code: 'ERR_HTTP2_FLOOD',
  },
  {
    name: 'WebSockets, reset',
    frames: (round) => [opened(round, WEBSOCKET, END_HEADERS), reset(round)],
    rounds: 1_000,
    goaway: CALM,
    code: 'ERR_HTTP2_FLOOD',
  },
  {
    name: 'SETTINGS (CVE-2019-9515)',
    frames: () => [http2Frame(Frame.settings, 0, 0)],
    rounds: 200,
    goaway: CALM,
    code: 'ERR_HTTP2_FLOOD',
  },
  {
    name: 'PING (CVE-2019-9512)',
    frames: () => [http2Frame(Frame.ping, 0, 0, Buffer.alloc(8))],
    rounds: 100_000,
    goaway: INTERNAL_ERROR,
    code: 'ERR_HTTP2_ERROR',
  },
  {
    name: 'CONTINUATION without an end (CVE-2024-27316)',
    first: [http2Frame(Frame.headers, 0, 1, request('GET'))],
    frames: (round) => [http2Frame(Frame.continuation, 0, 1, literals([[`x-${round}`, 'y'.repeat(1_000)]]))],
    rounds: 1_000,
    goaway: INTERNAL_ERROR,
    code: 'ERR_HTTP2_ERROR',
  },
  {
    name: 'empty CONTINUATION',
    first: [http2Frame(Frame.headers, 0, 1, request('GET'))],
    frames: () => [http2Frame(Frame.continuation, 0, 1)],
    rounds: 1_000,
    goaway: INTERNAL_ERROR,
    code: 'ERR_HTTP2_ERROR',
  },
  {
    name: 'empty DATA (CVE-2019-9518)',
    first: [http2Frame(Frame.headers, END_HEADERS, 1, request('POST'))],
    frames: () => [http2Frame(Frame.data, 0, 1)],
    rounds: 10_000,
    goaway: INTERNAL_ERROR,
    code: 'ERR_HTTP2_TOO_MANY_INVALID_FRAMES',
  },
  {
    name: 'PRIORITY (CVE-2019-9513)',
    frames: (round) => [http2Frame(Frame.priority, 0, 2 * round + 1, Buffer.of(0, 0, 0, 0, 1))],
    rounds: 100_000,
    goaway: CALM,
    code: 'ERR_HTTP2_FLOOD',
  },
  {
    name: 'WINDOW_UPDATE',
    frames: () => [http2Frame(Frame.windowUpdate, 0, 0, uint32(1))],
    rounds: 100_000,
    goaway: CALM,
    code: 'ERR_HTTP2_FLOOD',
  },
  {
    name: 'frames of an unknown type',
    frames: () => [SILENT],
    rounds: 150_000,
    goaway: CALM,
    code: 'ERR_HTTP2_FLOOD',
  },
  {
    name: 'header bombs',
    frames: (round) => [bombs(2 * round + 1)],
    rounds: 500,
    goaway: CALM,
    code: 'ERR_HTTP2_FLOOD',
  },
]

for (const flood of FLOODS) {
  for (const deaf of [false, true]) {
    test(`${flood.name}${deaf ? ', by a client that does not read' : ''}`, async (t) => {
      const before = await seen()
      const neighbour = new Neighbour(t)
      const frames = await joinFrames(t, port)
      if (deaf) frames.peer.socket.pause()
      await pour(frames, flood)
      if (!deaf) await frames.peer.finished()
      const slowest = await neighbour.stop()
      neighbour.client.session.close()
      const errors: string[] = []
      let served = 0
      let memory = 0
      for (let left = 1; left > 0; ) {
        const after = await seen()
        errors.push(...after.errors)
        // Each message of the neighbour is of a client of its own.
        served += after.requests + after.clients - after.messages
        memory = Math.max(memory, after.memory)
        left = after.connections
        if (left > 0) await sleep(20)
      }
      assert.ok(errors.includes(flood.code) || errors.includes(BY_NODE), errors.join())
      assert.ok(served < 300, `${served} were served`)
      assert.ok(memory - before.memory < 32 * MEBIBYTE, `${memory - before.memory} bytes`)
      assert.ok(slowest < 1_000, `${slowest} ms`)
      // A reset of TCP may overtake the last frame.
      if (frames.goaway !== undefined && errors.includes(flood.code))
        assert.equal(frames.goaway, flood.goaway)
    })
  }
}

/** Bytes that one that resets, or one that carries nothing, may have sent before it is cut, in so many milliseconds a step. */
function steps(guard: FloodGuard, act: (read: number) => number, milliseconds: number): number {
  let read = 0
  for (let step = 1; step < 10_000; step++) {
    read = act(read)
    guard.look(read, 0, step * milliseconds)
    if (guard.flooded) return step
  }
  return Number.POSITIVE_INFINITY
}

test('the score: 200 resets at once, and 33 a second for ever', () => {
  const at = (resets: number, milliseconds: number) => {
    const guard = new FloodGuard(0, 0, 0)
    return steps(
      guard,
      (read) => {
        for (let index = 0; index < resets; index++) guard.reset()
        return read
      },
      milliseconds,
    )
  }
  assert.equal(at(200, 0), 2)
  assert.equal(at(201, 0), 1)
  assert.equal(at(33, 1_000), Number.POSITIVE_INFINITY)
  assert.ok(at(50, 1_000) < 20)
})

test('the score: a mebibyte that carries nothing, and a sixth of it a second', () => {
  const at = (bytes: number, milliseconds: number) =>
    steps(new FloodGuard(0, 0, 0), (read) => read + bytes, milliseconds)
  assert.equal(at(MEBIBYTE, 0), 2)
  assert.equal(at(MEBIBYTE / 6, 1_000), Number.POSITIVE_INFINITY)
  assert.ok(at(MEBIBYTE / 3, 1_000) < 10)
})

test('the score: SETTINGS', () => {
  const guard = new FloodGuard(0, 0, 0)
  for (let index = 0; index < 100; index++) guard.settings()
  assert.equal(guard.flooded, false)
  guard.settings()
  assert.equal(guard.flooded, true)
})

test('the score: what carries something, and what acknowledges, is no flood', () => {
  const bodies = new FloodGuard(0, 0, 0)
  // A body byte by byte: ten bytes each.
  assert.equal(
    steps(
      bodies,
      (read) => {
        bodies.carries(100_000)
        return read + 1_000_000
      },
      1,
    ),
    Number.POSITIVE_INFINITY,
  )
  const acknowledged = new FloodGuard(0, 0, 0)
  let read = 0
  let sent = 0
  for (let step = 1; step < 1_000; step++) {
    read += 26_000
    sent += 16_384_000
    acknowledged.look(read, sent, step)
  }
  assert.equal(acknowledged.flooded, false)
})
