import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { Duplex } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { DoorCounters } from '../src/node/door/counters.ts'
import { certificate, join, joinTls, serve } from './support/serving.ts'
import { ask, OPENINGS, startTarget } from './support/targets.ts'

const { key, cert } = certificate

type Published = Record<string, unknown>

/** What is published on a channel while the test runs. */
function listen(context: TestContext, name: string): Published[] {
  const heard: Published[] = []
  const hear = (message: unknown) => heard.push(message as Published)
  subscribe(`portmanteau:${name}`, hear)
  context.after(() => unsubscribe(`portmanteau:${name}`, hear))
  return heard
}

test('each event is counted, and what was counted is a copy', () => {
  const counters = new DoorCounters()
  const socket = new Duplex()
  counters.countAccepted(socket)
  counters.countDropped(undefined)
  counters.countRefused(socket, 'unknown')
  counters.countTimeout(socket)
  counters.countTooLarge()
  counters.countVerdict(socket, 'ssh', 8, 1.5)
  counters.countVerdict(socket, '__proto__', 1, 0.5)
  const stats = counters.stats()
  assert.deepEqual(Object.entries(stats.verdicts), [
    ['ssh', 1],
    ['__proto__', 1],
  ])
  assert.deepEqual(
    { ...stats, verdicts: {} },
    {
      accepted: 1,
      dropped: 1,
      refused: 1,
      timeouts: 1,
      tooLarge: 1,
      verdicts: {},
      verdictBytes: 9,
      verdictMilliseconds: 2,
    },
  )
  counters.countAccepted(socket)
  assert.equal(stats.accepted, 1)
})

test('stats tell what came to the door, what was recognised, and what it took', async (t) => {
  const target = await startTarget(t)
  const serving = await serve(t, { key, cert, sniffTimeout: 300 })
  serving.server.route('ssh', { port: target.port })
  const silent = await join(t, serving.port)
  const encrypted = await joinTls(t, serving.port)
  await encrypted.send('hello\n').receives('hello\n')
  const forwarded = await join(t, serving.port)
  forwarded.send(OPENINGS.ssh!)
  await serving.until(() => target.peers.length === 1)
  assert.equal(
    await ask(t, serving.port, '\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10'),
    '\x15\x03\x01\0\x02\x02\x46',
  )
  await serving.until(() => serving.server.stats().timeouts === 1)
  const stats = serving.server.stats()
  assert.deepEqual(stats.verdicts, { tls: 1, raw: 2, ssh: 1, sslv2: 1 })
  assert.deepEqual(
    [stats.accepted, stats.dropped, stats.refused, stats.tooLarge, stats.sniffing, stats.handshaking],
    [4, 0, 1, 0, 0, 0],
  )
  assert.deepEqual([stats.forwarded, stats.clients], [1, 2])
  // Six bytes of TLS, the whole line that was in it (a method, until then), eight of SSH, eleven of SSL 2.0.
  assert.equal(stats.verdictBytes, 6 + 6 + 8 + 11)
  assert.ok(stats.verdictMilliseconds >= 60)
  assert.equal(silent.ended, false)
})

test('diagnostics channels tell of each connection', async (t) => {
  const [accepted, verdicts, dropped, timeouts] = ['accepted', 'verdict', 'dropped', 'timeout'].map((name) =>
    listen(t, name),
  ) as [Published[], Published[], Published[], Published[]]
  const serving = await serve(t, { sniffTimeout: 50, maxConnectionsPerAddress: 1, rawFallback: false })
  const peer = await join(t, serving.port)
  await serving.until(() => accepted.length === 1)
  const second = await join(t, serving.port)
  await serving.until(() => second.closed || second.ended)
  await serving.until(() => peer.closed || peer.ended)
  const { socket } = accepted[0] as { socket: Duplex }
  assert.ok(socket instanceof Duplex)
  assert.equal(timeouts[0]!.socket, socket)
  assert.equal(verdicts.length, 1)
  assert.deepEqual(
    { ...verdicts[0], milliseconds: 0 },
    { socket, protocol: 'raw', bytes: 0, milliseconds: 0 },
  )
  assert.ok((verdicts[0]!.milliseconds as number) >= 50)
  assert.deepEqual(
    dropped.map(({ reason }) => reason),
    ['limit', 'unknown'],
  )
  assert.equal(dropped[1]!.socket, socket)
  await serving.until(() => serving.server.stats().connections === 0)
  const refused = await join(t, serving.port)
  refused.send('PROXY UNKNOWN\r\n')
  await serving.until(() => dropped.length === 3)
  assert.equal(dropped[2]!.reason, 'refused')
})
