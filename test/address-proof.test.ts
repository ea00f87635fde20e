import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AddressProof } from '../src/node/udp/address-proof.ts'
import { DatagramVerdict } from '../src/raw/index.ts'
import { Random } from './support/random.ts'

const { quic, dtls, stun, wireguard, turnChannel, message } = DatagramVerdict

function long(destination: readonly number[], source: readonly number[]): Uint8Array {
  return Uint8Array.of(0xc3, 0, 0, 0, 1, destination.length, ...destination, source.length, ...source, 9, 9)
}

function handshake(type: number, body: readonly number[]): Uint8Array {
  const header = [
    0,
    body.length >> 8,
    body.length & 0xff,
    0,
    0,
    0,
    0,
    0,
    0,
    body.length >> 8,
    body.length & 0xff,
  ]
  return Uint8Array.of(22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, body.length + 12, type, ...header, ...body)
}

function clientHello(cookie: readonly number[], session: readonly number[] = []): Uint8Array {
  const random = new Array<number>(32).fill(7)
  return handshake(1, [
    0xfe,
    0xfd,
    ...random,
    session.length,
    ...session,
    cookie.length,
    ...cookie,
    0,
    2,
    0xc0,
    0x2b,
  ])
}

function attributes(...list: [type: number, value: readonly number[]][]): Uint8Array {
  const bytes = list.flatMap(([type, value]) => [
    type >> 8,
    type & 0xff,
    value.length >> 8,
    value.length & 0xff,
    ...value,
    ...new Array<number>((4 - (value.length % 4)) % 4).fill(0),
  ])
  return Uint8Array.of(...new Array<number>(20).fill(1), ...bytes)
}

const ID = [1, 2, 3, 4, 5, 6, 7, 8]
const OTHER = [1, 2, 3, 4, 5, 6, 7, 9]
const COOKIE = [...new Array<number>(20).keys()]

const cases: [
  what: string,
  protocol: DatagramVerdict,
  sent: Uint8Array,
  received: Uint8Array,
  proves: boolean,
][] = [
  ['QUIC, short header', quic, long([], ID), Uint8Array.of(0x41, ...ID, 0, 0, 0), true],
  ['QUIC, long header', quic, long([5], ID), long(ID, [6]), true],
  ['QUIC, another identifier', quic, long([], ID), Uint8Array.of(0x41, ...OTHER), false],
  ['QUIC, another one in a long header', quic, long([], ID), long(OTHER, []), false],
  ['QUIC, its beginning only', quic, long([], ID), long(ID.slice(0, 7), []), false],
  ['QUIC, too short to be one', quic, long([], ID), Uint8Array.of(0x41, ...ID.slice(0, 7)), false],
  ['QUIC, an identifier that can be guessed', quic, long([], [1, 2, 3]), Uint8Array.of(0x41, 1, 2, 3), false],
  ['QUIC, no identifier', quic, long([], []), Uint8Array.of(0x41, 1), false],
  [
    'QUIC, an answer with a short header tells nothing',
    quic,
    Uint8Array.of(0x41, ...ID),
    Uint8Array.of(0x41, ...ID),
    false,
  ],
  [
    'QUIC, an identifier that ends outside',
    quic,
    long([], ID).subarray(0, 12),
    Uint8Array.of(0x41, ...ID),
    false,
  ],
  ['DTLS, the cookie', dtls, handshake(3, [0xfe, 0xff, 20, ...COOKIE]), clientHello(COOKIE), true],
  ['DTLS, behind a session', dtls, handshake(3, [0xfe, 0xff, 20, ...COOKIE]), clientHello(COOKIE, ID), true],
  ['DTLS, no cookie', dtls, handshake(3, [0xfe, 0xff, 20, ...COOKIE]), clientHello([]), false],
  [
    'DTLS, another cookie',
    dtls,
    handshake(3, [0xfe, 0xff, 20, ...COOKIE]),
    clientHello([...COOKIE].reverse()),
    false,
  ],
  [
    'DTLS, not in a hello',
    dtls,
    handshake(3, [0xfe, 0xff, 20, ...COOKIE]),
    handshake(3, [0xfe, 0xff, 20, ...COOKIE]),
    false,
  ],
  ['DTLS, an empty cookie', dtls, handshake(3, [0xfe, 0xff, 0]), clientHello([]), false],
  [
    'STUN, NONCE',
    stun,
    attributes([0x0014, [1]], [0x0015, COOKIE]),
    attributes([0x0006, [1, 2, 3]], [0x0015, COOKIE]),
    true,
  ],
  ['STUN, another NONCE', stun, attributes([0x0015, COOKIE]), attributes([0x0015, ID]), false],
  ['STUN, none', stun, attributes([0x0014, COOKIE]), attributes([0x0014, COOKIE]), false],
  [
    'STUN, one that ends outside',
    stun,
    attributes([0x0015, COOKIE]).subarray(0, 30),
    attributes([0x0015, COOKIE]),
    false,
  ],
  [
    'WireGuard, the index',
    wireguard,
    Uint8Array.of(2, 0, 0, 0, 9, 8, 7, 6, 0),
    Uint8Array.of(4, 0, 0, 0, 9, 8, 7, 6, 0),
    true,
  ],
  [
    'WireGuard, another one',
    wireguard,
    Uint8Array.of(2, 0, 0, 0, 9, 8, 7, 6),
    Uint8Array.of(4, 0, 0, 0, 9, 8, 7, 5),
    false,
  ],
  [
    'WireGuard, another initiation',
    wireguard,
    Uint8Array.of(2, 0, 0, 0, 9, 8, 7, 6),
    Uint8Array.of(1, 0, 0, 0, 9, 8, 7, 6),
    false,
  ],
  [
    'a channel of TURN',
    turnChannel,
    Uint8Array.of(0x40, 0, 0, 0, 9, 8, 7, 6),
    Uint8Array.of(0x40, 0, 0, 0, 9, 8, 7, 6),
    false,
  ],
  ['a message', message, Uint8Array.from(COOKIE), Uint8Array.from(COOKIE), false],
]

for (const [what, protocol, sent, received, proves] of cases) {
  test(`${what}: ${proves ? 'a proof' : 'none'}`, () => {
    const proof = new AddressProof(protocol)
    assert.equal(proof.received(received), false, 'before anything was sent')
    proof.sent(sent)
    assert.equal(proof.received(received), proves)
    assert.equal(proof.received(received), proves, 'again')
  })
}

test('the newest one counts, and one that tells nothing changes nothing', () => {
  const proof = new AddressProof(quic)
  proof.sent(long([], ID))
  proof.sent(Uint8Array.of(0x41, 1, 2))
  assert.equal(proof.received(long(ID, [])), true)
  proof.sent(long([], OTHER))
  assert.equal(proof.received(long(ID, [])), false)
  assert.equal(proof.received(long(OTHER, [])), true)
})

test('what was sent may be overwritten', () => {
  const proof = new AddressProof(quic)
  const bytes = long([], ID)
  proof.sent(bytes)
  bytes.fill(0)
  assert.equal(proof.received(long(ID, [])), true)
})

test('no bytes break it, and it is never proven by noise', () => {
  const random = new Random(20_261_205)
  for (const protocol of Object.values(DatagramVerdict)) {
    const proof = new AddressProof(protocol)
    for (let round = 0; round < 2_000; round++) {
      proof.sent(random.bytes(random.below(80)))
      assert.equal(proof.received(random.bytes(random.below(80))), false)
    }
  }
})
