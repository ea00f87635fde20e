import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FrontDoor } from '../src/node/door/front-door.ts'
import { resolveOptions } from '../src/node/limits/options.ts'
import type { ServerOptions } from '../src/node/limits/server-options.ts'
import { defineSignature, knownSignatures, Sniffer, Verdict } from '../src/sniff/index.ts'
import { join, serve } from './support/serving.ts'
import { bytes, text } from './support/splits.ts'
import { OPENINGS } from './support/targets.ts'

function door(options: ServerOptions = {}): FrontDoor {
  return new FrontDoor(resolveOptions(options))
}

/** The verdict's name, and how many bytes it took. */
function sniff(from: FrontDoor, opening: string): [name: string, read: number] {
  const sniffer = new Sniffer(from.table)
  sniffer.push(bytes(opening), 0, opening.length)
  sniffer.end()
  return [from.nameOf(sniffer.verdict), sniffer.bytes]
}

const ignore = () => {}

test('what a server speaks and what it refuses by name is recognised, and nothing else', () => {
  assert.deepEqual(
    door().table.signatures.map(({ name }) => name),
    ['tls', 'sslv2', 'proxyV1', 'proxyV2', 'http1', 'http2'],
  )
})

test('every other protocol is only in the running with a route, and alone of its kind then', () => {
  const names = knownSignatures.map(({ name }) => name)
  const always = ['tls', 'sslv2', 'proxyV1', 'proxyV2', 'http1', 'http2']
  assert.deepEqual(
    Object.keys(OPENINGS).sort(),
    names.filter((name) => !always.includes(name)).sort(),
    'each has an opening here',
  )
  const all = door()
  for (const name of Object.keys(OPENINGS)) all.route(name, ignore)
  for (const [name, opening] of Object.entries(OPENINGS)) {
    const alone = door()
    alone.route(name, ignore)
    assert.equal(sniff(door(), opening)[0], 'raw', name)
    assert.equal(sniff(alone, opening)[0], name)
    assert.equal(sniff(all, opening)[0], name, `${name} among all`)
    for (const [other, otherOpening] of Object.entries(OPENINGS)) {
      if (other !== name)
        assert.equal(sniff(alone, otherOpening)[0], 'raw', `${other} with a route for ${name}`)
    }
  }
})

test('without a route a byte that nobody waits for decides', () => {
  assert.deepEqual(sniff(door(), '\x00\x00\x00\x08'), ['raw', 1])
  assert.deepEqual(sniff(door(), '*1\r\n$4'), ['raw', 3])
  assert.deepEqual(sniff(door(), '<policy'), ['raw', 1])
})

test("Flash's request is recognised where a policy is served", () => {
  const opening = OPENINGS.flashPolicy!
  assert.equal(sniff(door({ flashPolicy: [] }), opening)[0], 'flashPolicy')
  assert.equal(sniff(door({ flashPolicy: false }), opening)[0], 'raw')
})

test('servers that recognise the same share a table; a route makes another one', () => {
  const [one, other] = [door(), door()]
  assert.equal(one.table, other.table)
  const before = one.table
  one.route('ssh', ignore)
  assert.notEqual(one.table, before)
  assert.equal(other.table, before)
  other.route('ssh', ignore)
  assert.equal(one.table, other.table)
  one.route('ssh', () => {})
  assert.equal(one.table, other.table)
})

test('a signature of its own needs a route, and may go ahead of ours', () => {
  const greeting = defineSignature({ name: 'greeting', match: 'HELO ' })
  const early = defineSignature({ name: 'early', match: 'GET /early ', before: 'http1' })
  const late = defineSignature({ name: 'late', match: 'GET /late ' })
  const own = door({ signatures: [greeting, early, late] })
  assert.equal(sniff(own, 'HELO a\r\n')[0], 'raw')
  for (const name of ['greeting', 'early', 'late']) own.route(name, ignore)
  // Its CR says that it is no request line.
  assert.deepEqual(sniff(own, 'HELO a\r\n'), ['greeting', 7])
  assert.deepEqual(sniff(own, 'GET /early HTTP/1.1\r\n'), ['early', 11])
  assert.equal(sniff(own, 'GET /late HTTP/1.1\r\n')[0], 'http1', 'ours goes first')
  assert.equal(sniff(own, 'GET /late nonsense\r\n')[0], 'late')
  assert.equal(sniff(own, 'GET / HTTP/1.1\r\n')[0], 'http1')
})

test('one before a protocol that nobody serves', () => {
  const mine = defineSignature({ name: 'mine', match: 'SSH-2.0-mine', before: 'ssh' })
  const own = door({ signatures: [mine] })
  own.route('mine', ignore)
  assert.equal(sniff(own, 'SSH-2.0-mine')[0], 'mine')
  assert.equal(sniff(own, 'SSH-2.0-other')[0], 'raw')
  own.route('ssh', ignore)
  assert.equal(sniff(own, 'SSH-2.0-mine')[0], 'mine')
  assert.equal(sniff(own, 'SSH-2.0-other')[0], 'ssh')
})

test('another way to recognise a protocol of ours is in the running with it, and has no route of its own', () => {
  const knock = defineSignature({ name: 'knock', match: 'KNOCK\n', verdict: Verdict.ssh })
  const own = door({ signatures: [knock] })
  assert.equal(sniff(own, 'KNOCK\n')[0], 'raw')
  assert.throws(() => own.route('knock', ignore), { code: 'ERR_ROUTE' })
  own.route('ssh', ignore)
  assert.equal(sniff(own, 'KNOCK\n')[0], 'ssh')
  assert.equal(sniff(own, OPENINGS.ssh!)[0], 'ssh')
})

test('what cannot be recognised has no route', () => {
  for (const name of ['', 'http', 'undecided', 'message', 'toString', '__proto__', 'constructor']) {
    assert.throws(() => door().route(name, ignore), { code: 'ERR_ROUTE' }, name)
  }
  for (const name of ['raw', 'tls', 'http1', 'http2', 'quic', 'stun', 'sslv2', 'proxyV1'])
    door().route(name, ignore)
})

test('what cannot be made is told by the constructor', () => {
  const twice = [defineSignature({ name: 'ssh', match: 'a' })]
  assert.throws(() => door({ signatures: twice }), { code: 'ERR_SIGNATURE_INVALID' })
  assert.throws(() => door({ flashPolicy: [{ domain: 'a b' }] }), { code: 'ERR_FLASH_POLICY_INVALID' })
  assert.throws(() => door({ flashPolicy: [{ domain: '*', ports: [0] }] }), {
    code: 'ERR_FLASH_POLICY_INVALID',
  })
  assert.throws(() => door({ proxy: { trusted: ['10.0.0.1/8'] } }), { code: 'ERR_OPTION' })
})

test("a policy's rules without ports are for the port at hand; without one there are none", () => {
  const own = door({ flashPolicy: [{ domain: 'a.example' }, { domain: 'b.example', ports: [[1, 9]] }] })
  assert.match(
    text(own.flashPolicy(8080)),
    /domain="a.example" to-ports="8080".*\n.*domain="b.example" to-ports="1-9"/,
  )
  assert.doesNotMatch(text(own.flashPolicy(undefined)), /a\.example/)
  assert.match(text(own.flashPolicy(undefined)), /b\.example/)
  assert.match(
    text(door({ flashPolicy: true, allowOrigin: ['*.a.example', 'b.example:*'] }).flashPolicy(1)),
    /"\*\.a\.example"(?:.|\n)*"b\.example"/,
  )
})

test('a route that is added while the server runs holds for the next connection', async (t) => {
  const serving = await serve(t)
  const opening = '*1\r\n$4\r\nPING\r\n'
  const before = await join(t, serving.port)
  await before.send(opening).receives('PING\n')
  serving.server.route('redis', (socket) => socket.end('+PONG\r\n'))
  const after = await join(t, serving.port)
  after.send(opening)
  assert.equal(await after.finished(), '+PONG\r\n')
  await before.send('still\n').receives('still\n')
})

test('one that is being recognised when a route comes is finished by what was known before', async (t) => {
  const serving = await serve(t)
  const peer = await join(t, serving.port)
  peer.send('G')
  await serving.until(() => serving.server.stats().sniffing === 1)
  serving.server.route('redis', (socket) => socket.end())
  await peer.send('REETING\n').receives('GREETING\n')
})
