import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type DatagramPeer,
  DatagramPeers,
  type DatagramPeersOptions,
  DatagramVerdict,
  RawError,
} from '../src/raw/index.ts'
import { Random } from './support/random.ts'

interface Watched {
  peers: DatagramPeers<string>
  gone: string[]
}

function watch(options?: DatagramPeersOptions): Watched {
  const gone: string[] = []
  return { peers: new DatagramPeers<string>({ peerGone: (peer) => void gone.push(peer.key) }, options), gone }
}

function receive({ peers }: Watched, key: string, length: number, now: number): DatagramPeer<string> {
  const peer = peers.receive(key, length, now)
  assert.ok(peer)
  return peer
}

test('a peer is one object for as long as it is there', () => {
  const watched = watch()
  const first = receive(watched, 'a', 10, 0)
  assert.equal(first.datagrams, 1)
  assert.equal(first.verdict, DatagramVerdict.message)
  assert.equal(first.value, undefined)
  first.value = 'kept'
  const again = receive(watched, 'a', 5, 7)
  assert.equal(again, first)
  const { datagrams, received, lastHeard, value } = again
  assert.deepEqual(
    { datagrams, received, lastHeard, value },
    { datagrams: 2, received: 15, lastHeard: 7, value: 'kept' },
  )
  assert.equal(watched.peers.size, 1)
  assert.deepEqual([...watched.peers.values()], [first])
})

test('names of Object.prototype are names', () => {
  const watched = watch()
  for (const key of ['__proto__', 'constructor', 'toString']) receive(watched, key, 1, 0)
  assert.equal(watched.peers.size, 3)
})

test('an unproven address is sent three times what came from it, and not a byte more', () => {
  const watched = watch()
  const peer = receive(watched, 'a', 100, 0)
  assert.equal(watched.peers.budget(peer), 300)
  assert.equal(watched.peers.grant(peer, 301), false)
  assert.equal(watched.peers.grant(peer, 299), true)
  assert.equal(watched.peers.grant(peer, 2), false)
  assert.equal(watched.peers.grant(peer, 1), true)
  assert.equal(watched.peers.grant(peer, 0), true, 'nothing is always granted')
  assert.equal(watched.peers.refused, 2)
  receive(watched, 'a', 1, 1)
  assert.equal(watched.peers.budget(peer), 3)
  assert.equal(peer.sent, 300)
})

test('an empty datagram earns nothing', () => {
  const watched = watch()
  assert.equal(watched.peers.grant(receive(watched, 'a', 0, 0), 1), false)
})

test('a proven address is sent anything', () => {
  const watched = watch()
  const peer = receive(watched, 'a', 1, 0)
  watched.peers.prove(peer)
  assert.equal(watched.peers.grant(peer, 1_000_000), true)
  assert.equal(watched.peers.budget(peer), Number.POSITIVE_INFINITY)
})

test('amplification by option: none, a fraction, any', () => {
  const budget = (amplification: number, length: number) => {
    const watched = watch({ amplification })
    return watched.peers.budget(receive(watched, 'a', length, 0))
  }
  assert.deepEqual(
    [budget(0, 100), budget(1.5, 3), budget(Number.POSITIVE_INFINITY, 0)],
    [0, 4, Number.POSITIVE_INFINITY],
  )
})

test('a budget ends with its peer: a new one at the same address begins anew', () => {
  const watched = watch({ idleTime: 10 })
  const peer = receive(watched, 'a', 100, 0)
  watched.peers.prove(peer)
  assert.equal(watched.peers.expire(10), 1)
  assert.equal(watched.peers.grant(peer, 1), false, 'one that is gone is sent nothing')
  assert.equal(peer.present, false)
  const next = receive(watched, 'a', 10, 11)
  assert.notEqual(next, peer)
  assert.deepEqual([next.proven, watched.peers.budget(next)], [false, 30])
})

test('a quiet peer is gone after the idle time, and only then', () => {
  const watched = watch({ idleTime: 60 })
  receive(watched, 'a', 1, 0)
  receive(watched, 'b', 1, 30)
  receive(watched, 'a', 1, 50)
  assert.equal(watched.peers.deadline, 90)
  assert.equal(watched.peers.expire(89), 0)
  assert.equal(watched.peers.expire(90), 1)
  assert.deepEqual(watched.gone, ['b'])
  assert.equal(watched.peers.deadline, 110)
  assert.equal(watched.peers.expire(1000), 1)
  assert.deepEqual(watched.gone, ['b', 'a'])
  assert.equal(watched.peers.deadline, Number.POSITIVE_INFINITY)
  assert.equal(watched.peers.size, 0)
})

test('a peer that comes back after the idle time is a new one, though nobody has swept', () => {
  const watched = watch({ idleTime: 60 })
  const before = receive(watched, 'a', 1, 0)
  const after = receive(watched, 'a', 1, 60)
  assert.notEqual(after, before)
  assert.deepEqual(watched.gone, ['a'])
  assert.equal(after.datagrams, 1)
})

test('an idle time of 0 keeps nobody', () => {
  const watched = watch({ idleTime: 0 })
  receive(watched, 'a', 1, 5)
  assert.equal(receive(watched, 'a', 1, 5).datagrams, 1)
  assert.deepEqual(watched.gone, ['a'])
})

test('sending does not keep a peer', () => {
  const watched = watch({ idleTime: 60 })
  const peer = receive(watched, 'a', 100, 0)
  watched.peers.grant(peer, 10)
  assert.equal(watched.peers.deadline, 60)
})

test('a full table drops newcomers and counts them; those who are there stay', () => {
  const watched = watch({ maxPeers: 2, idleTime: 60 })
  receive(watched, 'a', 1, 0)
  receive(watched, 'b', 1, 0)
  assert.equal(watched.peers.receive('c', 1, 59), null)
  assert.equal(watched.peers.receive('d', 1, 59), null)
  assert.equal(watched.peers.dropped, 2)
  assert.equal(receive(watched, 'a', 1, 59).datagrams, 2)
  assert.deepEqual(watched.gone, [])
})

test('in a full table whoever has been quiet the longest makes room, once it is idle', () => {
  const watched = watch({ maxPeers: 2, idleTime: 60 })
  receive(watched, 'a', 1, 0)
  receive(watched, 'b', 1, 10)
  receive(watched, 'a', 1, 20)
  receive(watched, 'c', 1, 70)
  assert.deepEqual(watched.gone, ['b'])
  assert.equal(watched.peers.receive('d', 1, 79), null)
  receive(watched, 'd', 1, 80)
  assert.deepEqual(watched.gone, ['b', 'a'])
  assert.equal(watched.peers.size, 2)
})

test('the defaults: 1,024 peers, 60,000 of idle time', () => {
  const watched = watch()
  for (let index = 0; index < 1024; index++) receive(watched, `peer ${index}`, 1, 0)
  assert.equal(watched.peers.receive('one more', 1, 59_999), null)
  receive(watched, 'one more', 1, 60_000)
  assert.deepEqual(watched.gone, ['peer 0'])
})

test('the application takes a peer out; twice is once', () => {
  const watched = watch()
  const peers = ['a', 'b', 'c'].map((key) => receive(watched, key, 1, 0))
  watched.peers.remove(peers[1]!)
  watched.peers.remove(peers[1]!)
  assert.deepEqual(watched.gone, ['b'])
  assert.deepEqual(
    [...watched.peers.values()].map(({ key }) => key),
    ['a', 'c'],
  )
  assert.equal(watched.peers.expire(60_000), 2)
  assert.deepEqual(watched.gone, ['b', 'a', 'c'])
})

test('a sink may look at the table: the peer is out of it when it is told', () => {
  const sizes: number[] = []
  const peers: DatagramPeers<string> = new DatagramPeers<string>({
    peerGone: () => void sizes.push(peers.size),
  })
  for (const key of ['a', 'b']) peers.receive(key, 1, 0)
  peers.expire(60_000)
  assert.deepEqual(sizes, [1, 0])
})

/** The same rules without a list: sorts by when each was last heard. */
class Model {
  readonly heard = new Map<string, number>()
  readonly gone: string[] = []
  private readonly maxPeers: number
  private readonly idleTime: number

  constructor(maxPeers: number, idleTime: number) {
    this.maxPeers = maxPeers
    this.idleTime = idleTime
  }

  receive(key: string, now: number): boolean {
    const last = this.heard.get(key)
    if (last !== undefined && now - last >= this.idleTime) this.remove(key)
    if (!this.heard.has(key) && this.heard.size === this.maxPeers) {
      const [eldest, since] = [...this.heard].reduce((one, other) => (other[1] < one[1] ? other : one))
      if (now - since < this.idleTime) return false
      this.remove(eldest)
    }
    this.heard.set(key, now)
    return true
  }

  remove(key: string): void {
    if (this.heard.delete(key)) this.gone.push(key)
  }

  expire(now: number): void {
    const idle = [...this.heard].filter(([, last]) => now - last >= this.idleTime)
    for (const [key] of idle.sort((one, other) => one[1] - other[1])) this.remove(key)
  }
}

test('thousands of random steps, beside a model without a list', () => {
  const random = new Random(9)
  const watched = watch({ maxPeers: 5, idleTime: 40 })
  const model = new Model(5, 40)
  let now = 0
  for (let step = 0; step < 20_000; step++) {
    now += 1 + random.below(random.next() < 0.02 ? 50 : 6)
    const key = `peer ${random.below(9)}`
    switch (random.below(20)) {
      case 0:
        watched.peers.expire(now)
        model.expire(now)
        break
      case 1: {
        const peer = [...watched.peers.values()].find((each) => each.key === key)
        if (peer !== undefined) watched.peers.remove(peer)
        model.remove(key)
        break
      }
      default:
        assert.equal(watched.peers.receive(key, 1, now) !== null, model.receive(key, now))
    }
    assert.deepEqual(
      [...watched.peers.values()].map((peer) => peer.key).sort(),
      [...model.heard.keys()].sort(),
    )
  }
  assert.deepEqual(watched.gone, model.gone)
  assert.ok(watched.gone.length > 500)
  assert.ok(watched.peers.dropped > 500)
})

test('options that cannot be are refused', () => {
  for (const options of [
    { maxPeers: 0 },
    { maxPeers: Number.NaN },
    { idleTime: -1 },
    { amplification: -1 },
    { amplification: '3' as unknown as number },
  ]) {
    assert.throws(
      () => watch(options),
      (error) => error instanceof RawError && error.code === 'ERR_RAW_OPTION',
      JSON.stringify(options),
    )
  }
})
