/** Every rule of the table in src/raw/datagram/datagram.ts from both sides: what just is one, and what just is none. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { classifyDatagram, DatagramVerdict } from '../src/raw/index.ts'
import { Random } from './support/random.ts'
import { bytes, concat } from './support/splits.ts'

const { message, stun, dtls, turnChannel, quic, wireguard } = DatagramVerdict
const names = new Map(Object.entries(DatagramVerdict).map(([name, verdict]) => [verdict, name]))

/** Hexadecimal bytes, and zeros up to `size`. */
function datagram(hex: string, size?: number): Uint8Array {
  const head = Uint8Array.from(hex.split(' '), (byte) => Number.parseInt(byte, 16))
  const whole = new Uint8Array(size ?? head.length)
  whole.set(head.subarray(0, whole.length))
  return whole
}

function text(content: string): Uint8Array {
  return new TextEncoder().encode(content)
}

/** Inside a larger buffer, whose other bytes must not matter. */
function classify(data: Uint8Array, before?: DatagramVerdict): DatagramVerdict {
  const verdicts = [0x00, 0xff].map((filler) => {
    const padded = new Uint8Array(data.length + 40).fill(filler)
    padded.set(data, 20)
    return classifyDatagram(padded, 20, 20 + data.length, before)
  })
  assert.equal(verdicts[0], verdicts[1], 'a byte outside the datagram was read')
  return verdicts[0]!
}

const STUN = '00 01 00 00 21 12 a4 42'
const CLIENT_HELLO = '16 fe fd 00 00 00 00 00 00 00 00 00 10 01'

const cases: [what: string, data: Uint8Array, verdict: DatagramVerdict][] = [
  ['nothing', new Uint8Array(0), message],
  ['text', text('hello'), message],
  ['a digit', text('1'), message],
  ['long text', text('HELLO WORLD '.repeat(200)), message],
  ['long text that begins with a letter of two bytes', text('É '.repeat(1000)), message],
  ['long text of three-byte letters', text('漢字'.repeat(500)), message],
  ['JSON', text('{"a":1}'), message],
  ['zeros', new Uint8Array(100), message],
  ['SSDP', text('M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\r\n'), message],
  ['RTP', datagram('80 60 00 01', 172), message],
  ['ZRTP', datagram('10 00 00 01 5a 52 54 50', 64), message],
  ['DNS', datagram('12 34 01 00 00 01 00 00 00 00 00 00 01 61 00 00 01 00 01'), message],

  ['a STUN binding request', datagram(STUN, 20), stun],
  ['STUN with an attribute', datagram('00 01 00 08 21 12 a4 42', 28), stun],
  ['a STUN error answer', datagram('01 11 00 00 21 12 a4 42', 20), stun],
  ['the last first byte of STUN', datagram('03 ff 00 00 21 12 a4 42', 20), stun],
  ['beyond the first byte of STUN', datagram('04 01 00 00 21 12 a4 42', 20), message],
  ['STUN a byte short', datagram(STUN, 19), message],
  ['STUN a byte long', datagram(STUN, 21), message],
  ['STUN with another cookie', datagram('00 01 00 00 21 12 a4 43', 20), message],
  ['STUN with a length that 4 does not divide', datagram('00 01 00 02 21 12 a4 42', 22), message],
  ['STUN with another length', datagram('00 01 00 04 21 12 a4 42', 28), message],

  ['a WireGuard initiation', datagram('01 00 00 00', 148), wireguard],
  ['a WireGuard response', datagram('02 00 00 00', 92), wireguard],
  ['a WireGuard cookie', datagram('03 00 00 00', 64), wireguard],
  ['WireGuard keep-alive', datagram('04 00 00 00', 32), wireguard],
  ['WireGuard data', datagram('04 00 00 00', 1456), wireguard],
  ['a WireGuard initiation a byte short', datagram('01 00 00 00', 147), message],
  ['a WireGuard response a byte long', datagram('02 00 00 00', 93), message],
  ['a WireGuard cookie of another size', datagram('03 00 00 00', 65), message],
  ['WireGuard data that is too short', datagram('04 00 00 00', 16), message],
  ['WireGuard data out of step', datagram('04 00 00 00', 40), message],
  ['WireGuard with a reserved byte set', datagram('01 00 00 01', 148), message],
  ['WireGuard with another reserved byte set', datagram('01 01 00 00', 148), message],
  ['no type of WireGuard', datagram('00 00 00 00', 148), message],
  ['three bytes of WireGuard', datagram('04 00 00'), message],

  ['a DTLS 1.2 hello', datagram(CLIENT_HELLO, 29), dtls],
  ['a DTLS 1.0 hello', datagram('16 fe ff 00 00 00 00 00 00 00 00 00 10 01', 29), dtls],
  ['a hello and another record', datagram(CLIENT_HELLO, 200), dtls],
  ['a key exchange', datagram('16 fe fd 00 00 00 00 00 00 00 01 00 10 10', 29), dtls],
  ['a certificate', datagram('16 fe fd 00 00 00 00 00 00 00 01 00 10 0b', 29), dtls],
  ['its proof', datagram('16 fe fd 00 00 00 00 00 00 00 01 00 10 0f', 29), dtls],
  ['a change of cipher', datagram('14 fe fd 00 00 00 00 00 00 00 01 00 01 01'), dtls],
  ['an alert', datagram('15 fe fd 00 00 00 00 00 00 00 01 00 02 02 28'), dtls],
  ['an acknowledgement', datagram('1a fe fd 00 00 00 00 00 00 00 01 00 02 00 00'), dtls],
  ['an encrypted handshake', datagram('16 fe fd 00 01 00 00 00 00 00 00 00 30 99', 61), dtls],
  ['a handshake of epoch 256', datagram('16 fe fd 01 00 00 00 00 00 00 00 00 30 99', 61), dtls],
  ['application data', datagram('17 fe fd 00 01 00 00 00 00 00 01 00 05 00', 18), dtls],
  ['a record with a connection identifier', datagram('19 fe fd 00 01 00 00 00 00 00 01 63 69', 40), dtls],
  ['one before encryption', datagram('19 fe fd 00 00 00 00 00 00 00 01 63 69', 40), message],
  ['a heartbeat in the clear', datagram('18 fe fd 00 00 00 00 00 00 00 01 00 05 01', 18), message],
  ['a server hello', datagram('16 fe fd 00 00 00 00 00 00 00 00 00 10 02', 29), message],
  ['application data in the clear', datagram('17 fe fd 00 00 00 00 00 00 00 01 00 05 00', 18), message],
  ['a hello of TLS', datagram('16 03 01 00 00 00 00 00 00 00 00 00 10 01', 29), message],
  ['a DTLS record without content', datagram('16 fe fd 00 00 00 00 00 00 00 00 00 00 01', 29), message],
  [
    'a DTLS record longer than the datagram',
    datagram('16 fe fd 00 00 00 00 00 00 00 00 00 11 01', 29),
    message,
  ],
  ['a DTLS header alone', datagram(CLIENT_HELLO, 13), message],
  [
    'a DTLS record over 2^14 + 2048',
    datagram('17 fe fd 00 01 00 00 00 00 00 01 48 01', 0x4801 + 13),
    message,
  ],
  ['the longest DTLS record', datagram('17 fe fd 00 01 00 00 00 00 00 01 48 00', 0x4800 + 13), dtls],

  ['channel data', datagram('40 00 00 05 68 65 6c 6c 6f'), turnChannel],
  ['padded channel data', datagram('4f ff 00 05 68 65 6c 6c 6f 00 00 00'), turnChannel],
  ['empty channel data', datagram('40 00 00 00'), turnChannel],
  ['channel data with too much padding', datagram('40 00 00 04', 12), message],
  ['channel data a byte short', datagram('40 00 00 05', 8), message],
  ['beyond the last channel', datagram('50 00 00 00'), message],
  ['three bytes of channel data', datagram('40 00 00'), message],

  ['QUIC version 1', datagram('c3 00 00 00 01 08', 1200), quic],
  ['QUIC version 2', datagram('d3 6b 33 43 cf 14', 1200), quic],
  ['a QUIC draft', datagram('ff ff 00 00 1d 08', 1252), quic],
  ['QUIC that asks for versions', datagram('c0 1a 2a 3a 4a 08', 1200), quic],
  ['QUIC a byte short', datagram('c3 00 00 00 01 08', 1199), message],
  ['QUIC without the fixed bit', datagram('83 00 00 00 01 08', 1200), message],
  ['QUIC that negotiates', datagram('c3 00 00 00 00 08', 1200), message],
  ['an unknown version', datagram('c3 00 00 00 03 08', 1200), message],
  ['a connection identifier that is too long', datagram('c3 00 00 00 01 15', 1200), message],
  ['a short header of QUIC', datagram('43 01 02 03', 40), message],
]

for (const [what, data, verdict] of cases) {
  test(`${what}, ${data.length} bytes: ${names.get(verdict)}`, () => {
    assert.equal(names.get(classify(data)), names.get(verdict))
  })
}

test('a known peer of QUIC or DTLS is told by the first byte alone', () => {
  const firsts = (before: DatagramVerdict, verdict: DatagramVerdict): string => {
    const found = Array.from({ length: 256 }, (_, first) => first).filter(
      (first) => classify(Uint8Array.of(first, 0xff, 0xff, 0xff, 0xff), before) === verdict,
    )
    const ranges = found.filter((first) => !found.includes(first - 1))
    const lasts = found.filter((first) => !found.includes(first + 1))
    return ranges.map((first, index) => `${first}-${lasts[index]}`).join(' ')
  }
  assert.equal(firsts(quic, quic), '64-127 192-255')
  assert.equal(firsts(dtls, dtls), '20-63')
  assert.equal(firsts(message, quic), '')
  assert.equal(firsts(stun, dtls), '')
})

test('a known peer of QUIC or DTLS may still send STUN', () => {
  for (const before of [quic, dtls]) assert.equal(classify(datagram(STUN, 20), before), stun)
})

test('an empty datagram is a message, whoever sends it', () => {
  for (const before of Object.values(DatagramVerdict))
    assert.equal(classify(new Uint8Array(0), before), message)
})

test('with a known peer of QUIC a channel is QUIC', () => {
  const data = datagram('40 00 00 00')
  assert.deepEqual([classify(data), classify(data, quic)], [turnChannel, quic])
})

test('UTF-8 text is a message, whatever it says', () => {
  const random = new Random(5)
  const pieces = ['a', 'Z', '0', '@', 'A', 'O', ' ', '\n', '\0', '\x01', '\x16', 'é', 'Ú', '€', '漢', '😀']
  for (let round = 0; round < 20_000; round++) {
    // Three printable characters first: controls alone could be the head of a STUN or WireGuard datagram.
    const start = Array.from({ length: 3 }, () => random.pick(pieces.slice(0, 7))).join('')
    const rest = Array.from({ length: random.below(random.next() < 0.1 ? 1500 : 40) }, () =>
      random.pick(pieces),
    )
    const data = text(random.pick(['', 'É', '漢', '😀']) + start + rest.join(''))
    assert.equal(classify(data), message, JSON.stringify(Buffer.from(data).toString()))
  }
})

test('noise is classified without a throw, and each verdict bears out', () => {
  const random = new Random(6)
  const heads = cases.map(([, data]) => data)
  const seen = new Set<number>()
  for (let round = 0; round < 20_000; round++) {
    const head = random.pick(heads)
    const data = concat([head.subarray(0, random.below(head.length + 1)), random.bytes(random.below(24))])
    const verdict = classify(data)
    seen.add(verdict)
    const ranges: Record<number, [number, number]> = {
      [stun]: [0, 3],
      [wireguard]: [1, 4],
      [dtls]: [20, 26],
      [turnChannel]: [64, 79],
      [quic]: [192, 255],
      [message]: [0, 255],
    }
    const [least, most] = ranges[verdict]!
    assert.ok(data.length === 0 || (data[0]! >= least && data[0]! <= most))
  }
  assert.ok(seen.size >= 5)
})

test('verdicts are numbers of their own', () => {
  assert.equal(names.size, 6)
  assert.equal(classify(bytes('x')), 0, 'a message is 0')
})
