import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as sniff from '../src/sniff/index.ts'
import {
  amqp,
  dns,
  http1,
  http2Preface,
  knownSignatures,
  MATCH,
  mqtt,
  NO,
  OWN_VERDICT,
  postgresql,
  proxyV1,
  proxyV2,
  rdp,
  redis,
  rtmp,
  type Signature,
  SignatureTable,
  Sniffer,
  signatures,
  socks4,
  socks5,
  ssh,
  sslv2,
  tls,
  Verdict,
} from '../src/sniff/index.ts'
import { bytes } from './support/splits.ts'

/** What a signature alone answers to bytes, and after how many of them. */
function ask(signature: Signature, input: string): { answer: number; after: number } {
  let state = 0
  for (const [index, byte] of bytes(input).entries()) {
    state = signature.step(state, byte)
    if (state < 0) return { answer: state, after: index + 1 }
  }
  return { answer: 0, after: input.length }
}

/** The bytes that a signature does not refuse after `input`. */
function accepted(signature: Signature, input: string): number[] {
  const all = Array.from({ length: 256 }, (_, byte) => byte)
  return all.filter((byte) => ask(signature, input + String.fromCharCode(byte)).answer !== NO)
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index)
}

const tchars = bytes("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
const sorted = (values: Iterable<number>): number[] => [...values].sort((one, other) => one - other)

test('every server has three, and all known ones keep them in that order', () => {
  assert.deepEqual(signatures, [tls, http1, http2Preface])
  const places = signatures.map((signature) => knownSignatures.indexOf(signature))
  assert.deepEqual(
    places,
    [...places].sort((one, other) => one - other),
  )
  assert.ok(places[0]! >= 0)
})

test('the name of a signature is that of its verdict, each has one, and each is exported', () => {
  const named = new Map(knownSignatures.map(({ name, verdict }) => [name, verdict]))
  assert.equal(named.size, knownSignatures.length)
  const { undecided: _, raw: __, ...verdicts } = Verdict
  assert.deepEqual(Object.fromEntries(named), verdicts)
  assert.ok(Math.max(...Object.values(verdicts)) < OWN_VERDICT)
  const exported: readonly unknown[] = Object.values(sniff)
  for (const signature of knownSignatures) assert.ok(exported.includes(signature), signature.name)
})

test('only HTTP/1 claims what is undecided at the limit or the deadline', () => {
  const claiming = knownSignatures.filter(({ atLimit, atDeadline }) => atLimit ?? atDeadline)
  assert.deepEqual(claiming, [http1])
})

test('alone in the running, each waits after its own first bytes and no others', () => {
  const others = knownSignatures.filter((signature) => !signatures.includes(signature))
  for (const { name } of others) {
    const table = new SignatureTable(knownSignatures, [name])
    const first = range(0x00, 0xff).filter((byte) => {
      const sniffer = new Sniffer(table)
      sniffer.push(Uint8Array.of(byte), 0, 1)
      return sniffer.verdict === Verdict.undecided
    })
    assert.ok(first.length > 0 && first.length <= 128, name)
    assert.deepEqual(first, accepted(table.signatures[0]!, ''), name)
  }
})

test('TLS: the bytes that each place takes', () => {
  assert.deepEqual(accepted(tls, ''), [0x16])
  assert.deepEqual(accepted(tls, '\x16'), [0x03])
  assert.deepEqual(accepted(tls, '\x16\x03'), range(0x00, 0x04))
  assert.deepEqual(accepted(tls, '\x16\x03\x01'), range(0x00, 0x40))
  assert.deepEqual(accepted(tls, '\x16\x03\x01\x00'), range(0x01, 0xff))
  assert.deepEqual(accepted(tls, '\x16\x03\x01\x3f'), range(0x00, 0xff))
  assert.deepEqual(accepted(tls, '\x16\x03\x01\x40'), [0x00])
  for (const length of ['\x00\x01', '\x02\x00', '\x40\x00']) {
    assert.deepEqual(accepted(tls, `\x16\x03\x01${length}`), [0x01])
    assert.deepEqual(ask(tls, `\x16\x03\x01${length}\x01`), { answer: MATCH, after: 6 })
  }
})

test('HTTP/1: the bytes that each place takes', () => {
  const target = sorted([...range(0x21, 0x7e), ...range(0x80, 0xff)])
  assert.deepEqual(accepted(http1, ''), sorted([0x0d, ...tchars]))
  assert.deepEqual(accepted(http1, '\r'), [0x0a])
  assert.deepEqual(accepted(http1, '\r\n'), sorted(tchars))
  assert.deepEqual(accepted(http1, 'G'), sorted([0x20, ...tchars]))
  assert.deepEqual(accepted(http1, 'G '), target)
  for (const begun of ['G *', 'G /', 'G / ', 'G / HTTP/1.', 'G / HTTP/1.1x']) {
    assert.deepEqual(accepted(http1, begun), sorted([0x20, ...target]), begun)
  }
  assert.deepEqual(accepted(http1, 'G / HTTP/1.0'), sorted([0x0a, 0x0d, 0x20, ...target]))
  assert.deepEqual(accepted(http1, 'G * '), [0x48])
  assert.deepEqual(accepted(http1, 'G * HTTP/1.'), [0x30, 0x31])
  assert.deepEqual(accepted(http1, 'G * HTTP/1.1'), [0x0a, 0x0d])
})

test('HTTP/1: a method is at most 32 bytes, after an empty line too', () => {
  for (const before of ['', '\r\n']) {
    assert.deepEqual(accepted(http1, before + 'M'.repeat(31)), sorted([0x20, ...tchars]))
    assert.deepEqual(accepted(http1, before + 'M'.repeat(32)), [0x20])
  }
})

test('HTTP/1: what it claims at the limit and at the deadline', () => {
  const claims = (input: string): (boolean | undefined)[] => {
    const state = bytes(input).reduce((at, byte) => http1.step(at, byte), 0)
    return [http1.atLimit?.(state), http1.atDeadline?.(state)]
  }
  for (const input of ['', '\r', '\r\n', 'G', 'M'.repeat(32)])
    assert.deepEqual(claims(input), [false, false], input)
  for (const input of ['G ', 'G *', 'G * ', 'G * HTTP/1.1'])
    assert.deepEqual(claims(input), [true, false], input)
  for (const input of ['G /', 'G /a b', 'G / HTTP/1.1']) assert.deepEqual(claims(input), [true, true], input)
})

test('HTTP/2: each byte of the preface and no other', () => {
  const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
  for (let at = 0; at < preface.length; at++) {
    assert.deepEqual(accepted(http2Preface, preface.slice(0, at)), [preface.charCodeAt(at)])
  }
  assert.deepEqual(ask(http2Preface, preface), { answer: MATCH, after: 24 })
})

/** The bytes that a place takes: single values, and ranges. */
type Taken = readonly (number | readonly [number, number])[]

const digit: Taken = [[0x30, 0x39]]
const any: Taken = [[0x00, 0xff]]

function places(signature: Signature, table: readonly (readonly [string, Taken])[]): void {
  for (const [input, taken] of table) {
    const expected = taken.flatMap((each) => (typeof each === 'number' ? [each] : range(...each)))
    assert.deepEqual(accepted(signature, input), sorted(expected), JSON.stringify(input))
  }
}

test('SSL 2.0: the bytes that each place takes', () => {
  places(sslv2, [
    ['', [[0x80, 0xff]]],
    ['\x80', [[28, 0xff]]],
    ['\x81', any],
    ['\x80\x2e', [0x01]],
    ['\x80\x2e\x01', [0x00, 0x03]],
    ['\x80\x2e\x01\x00', [0x02]],
    ['\x80\x2e\x01\x03', [[0x00, 0x04]]],
    ['\x80\x2e\x01\x03\x01\x00\x15', [0x00]],
    ['\x80\x2e\x01\x03\x01\x00\x15\x00', [0x00, 0x10]],
    ['\x80\x2e\x01\x03\x01\x00\x15\x00\x00', [0x00]],
    ['\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00', [16, 19, 22, 25, 28, 31]],
    ['\x80\x2e\x01\x03\x01\x00\x15\x00\x10\x00', [18, 21, 24, 27, 30]],
  ])
  const multiples = (of: number): number[] => range(0x00, 0xff).filter((byte) => (of + byte) % 3 === 0)
  for (const high of [0x01, 0x02, 0x03, 0xff]) {
    const input = `\x80\x2e\x01\x03\x01${String.fromCharCode(high)}`
    assert.deepEqual(accepted(sslv2, input), multiples(high * 256), input)
  }
  assert.deepEqual(accepted(sslv2, '\x80\x2e\x01\x03\x01\x00'), multiples(0).slice(1))
})

test('SSL 2.0: the sum of its lengths is checked modulo 3, whatever they are', () => {
  for (const ciphers of [3, 6, 255, 258, 3000]) {
    for (const session of [0, 16]) {
      for (const challenge of [16, 17, 31, 32]) {
        const sum = 9 + ciphers + session + challenge
        for (const length of [sum, sum + 1, sum + 2, sum + 256]) {
          const both = [length | 0x8000, ciphers, session, challenge].map((value) =>
            String.fromCharCode(value >> 8, value & 0xff),
          )
          const input = `${both[0]}\x01\x03\x01${both.slice(1).join('')}`
          const answer = (length - sum) % 3 === 0 ? MATCH : NO
          assert.deepEqual(ask(sslv2, input), { answer, after: 11 }, JSON.stringify(input))
        }
      }
    }
  }
})

test('PROXY protocol: the bytes that each place takes', () => {
  const hex: Taken = [...digit, 0x3a, [0x41, 0x46], [0x61, 0x66]]
  places(proxyV1, [
    ['PROXY ', [0x54, 0x55]],
    ['PROXY TCP', [0x34, 0x36]],
    ['PROXY TCP4', [0x20]],
    ['PROXY TCP4 ', [0x2e, ...digit]],
    ['PROXY TCP4 1.2.3.4', [0x20, 0x2e, ...digit]],
    ['PROXY TCP4 111.111.111.111', [0x20]],
    ['PROXY TCP4 1 2 ', digit],
    ['PROXY TCP4 1 2 12345', [0x20]],
    ['PROXY TCP4 1 2 3 ', digit],
    ['PROXY TCP4 1 2 3 4', [0x0d, ...digit]],
    ['PROXY TCP4 1 2 3 12345', [0x0d]],
    ['PROXY TCP4 1 2 3 4\r', [0x0a]],
    ['PROXY TCP6 ', hex],
    ['PROXY TCP6 :', hex],
    ['PROXY TCP6 ::', [0x20, ...hex]],
    [`PROXY TCP6 ${'f'.repeat(39)}`, [0x20]],
    ['PROXY UNKNOWN', [0x0d, 0x20]],
    [
      'PROXY UNKNOWN ',
      [
        [0x00, 0x09],
        [0x0b, 0xff],
      ],
    ],
    [
      `PROXY UNKNOWN ${'x'.repeat(90)}`,
      [
        [0x00, 0x09],
        [0x0b, 0xff],
      ],
    ],
    [`PROXY UNKNOWN ${'x'.repeat(91)}`, [0x0d]],
    ['PROXY UNKNOWN\r', [0x0a]],
    ['PROXY UNKNOWN x\r', [0x0a]],
  ])
  const mark = '\r\n\r\n\x00\r\nQUIT\n'
  const families: Taken = [0x00, 0x11, 0x12, 0x21, 0x22, 0x31, 0x32]
  places(proxyV2, [
    [mark, [0x20, 0x21]],
    [`${mark}\x20`, families],
    [`${mark}\x21`, families],
    [`${mark}\x20\x11\x00`, any],
    [`${mark}\x21\x00\x00`, any],
    [`${mark}\x21\x11\x00`, [[12, 0xff]]],
    [`${mark}\x21\x22\x00`, [[36, 0xff]]],
    [`${mark}\x21\x31\x00`, [[216, 0xff]]],
    [`${mark}\x21\x31\x01`, any],
  ])
  for (let at = 0; at < mark.length; at++) places(proxyV2, [[mark.slice(0, at), [mark.charCodeAt(at)]]])
})

test('SSH, AMQP, Redis: the bytes that each place takes', () => {
  places(ssh, [
    ['', [0x53]],
    ['SSH-', [0x31, 0x32]],
    ['SSH-2.', [0x30]],
    ['SSH-1.9', [0x39]],
    ['SSH-1.99', [0x2d]],
  ])
  places(amqp, [
    ['AMQP', [0x00, 0x02, 0x03]],
    ['AMQP\x00', [0x00, 0x01]],
    ['AMQP\x00\x00', [0x09]],
    ['AMQP\x00\x00\x09', [0x01]],
    ['AMQP\x00\x01', [0x00]],
    ['AMQP\x02', [0x01]],
    ['AMQP\x03\x01\x00', [0x00]],
  ])
  places(redis, [
    ['', [0x2a]],
    ['*', [[0x31, 0x39]]],
    ['*1', [0x0d, ...digit]],
    ['*123456', [0x0d, ...digit]],
    ['*1234567', [0x0d]],
    ['*1\r', [0x0a]],
    ['*1\r\n', [0x24]],
  ])
})

test('MQTT: the bytes that each place takes', () => {
  places(mqtt, [
    ['', [0x10]],
    ['\x10', [[12, 0xff]]],
    ['\x10\x80', [[0x01, 0xff]]],
    ['\x10\xff\x80', [[0x01, 0xff]]],
    ['\x10\xff\xff\xff', [[0x01, 0x7f]]],
    ['\x10\x0c', [0x00]],
    ['\x10\x0c\x00', [0x04, 0x06]],
    ['\x10\x0c\x00\x04MQTT', [0x04, 0x05, 0x84]],
    ['\x10\x0e\x00\x06MQIsdp', [0x03, 0x83]],
  ])
})

test('PostgreSQL: the bytes that each place takes', () => {
  places(postgresql, [
    ['', [0x00]],
    ['\0', [0x00]],
    ['\0\0', [[0x00, 0x27]]],
    ['\0\0\0', [[8, 0xff]]],
    ['\0\0\x01', any],
    ['\0\0\x27', [[0x00, 0x10]]],
    ['\0\0\0\x08', [0x04]],
    ['\0\0\0\x09', [0x00]],
    ['\0\0\0\x10', [0x00, 0x04]],
    ['\0\0\x01\x0c', [0x00, 0x04]],
    ['\0\0\x01\x0d', [0x00]],
    ['\0\0\0\x08\x04\xd2\x16', [0x2f, 0x30]],
    ['\0\0\0\x10\x04\xd2\x16', [0x2e]],
    ['\0\0\0\x10\0', [0x03]],
    ['\0\0\0\x10\0\x03', any],
    ['\0\0\0\x10\0\x03\xff', any],
  ])
})

test('RDP: the indicator is the length less 5, for each of them', () => {
  places(rdp, [
    ['', [0x03]],
    ['\x03', [0x00]],
    ['\x03\0', [0x00, 0x01]],
    ['\x03\0\0', [[11, 0xff]]],
    ['\x03\0\x01', [[0x00, 0x03]]],
    ['\x03\0\0\x0b\x06', [0xe0]],
    ['\x03\0\0\x0b\x06\xe0', [0x00]],
    ['\x03\0\0\x0b\x06\xe0\0\0\0\0', [0x00]],
  ])
  for (let length = 11; length <= 259; length++) {
    places(rdp, [[`\x03\0${String.fromCharCode(length >> 8, length & 0xff)}`, [length - 5]]])
  }
})

test('RTMP, SOCKS, DNS: the bytes that each place takes', () => {
  places(rtmp, [
    ['', [0x03]],
    ['\x03', any],
    ['\x03\x01\x02\x03', any],
    ['\x03\0\0\0\0', [0x00, [9, 32], 128]],
    ['\x03\0\0\0\0\0', [0x00]],
    ['\x03\0\0\0\0\0\0\0', [0x00]],
    ['\x03\0\0\0\0\x09', [[0, 9]]],
    ['\x03\0\0\0\0\x09\0', any],
    ['\x03\0\0\0\0\x09\0\x7c', any],
  ])
  places(socks4, [
    ['', [0x04]],
    ['\x04', [0x01, 0x02]],
    ['\x04\x01', any],
    ['\x04\x01poipi', any],
    ['\x04\x01poipip', [0x00, [0x20, 0x7e], [0x80, 0xff]]],
  ])
  places(socks5, [
    ['', [0x05]],
    ['\x05', [[1, 10]]],
    ['\x05\x01', [[0x00, 0xfe]]],
    ['\x05\x02\x00', [[0x00, 0xfe]]],
  ])
  places(dns, [
    ['', [[0x00, 0x0f]]],
    ['\0', [[17, 0xff]]],
    ['\x01', any],
    ['\x01\0', any],
    ['\x01\0\0', any],
    ['\x01\0id', [[0x00, 0x2f]]],
    ['\x01\0id\0', [0x00, 0x10, 0x20, 0x30]],
    ['\x01\0id\0\0', [0x00]],
    ['\x01\0id\0\0\0', [0x01]],
    ['\x01\0id\0\0\0\x01', [0x00]],
    ['\x01\0id\0\0\0\x01\0', [0x00]],
    ['\x01\0id\0\0\0\x01\0\0', [0x00]],
    ['\x01\0id\0\0\0\x01\0\0\0', [0x00, 0x01]],
    ['\x01\0id\0\0\0\x01\0\0\0\0', [0x00]],
    ['\x01\0id\0\0\0\x01\0\0\0\0\0', any],
    ['\x01\0id\0\0\0\x01\0\0\0\0\0\0', [[0, 63]]],
  ])
})

test('SOCKS 5: as many methods as it says', () => {
  for (let count = 1; count <= 10; count++) {
    const input = `\x05${String.fromCharCode(count)}${'\0'.repeat(12)}`
    assert.deepEqual(ask(socks5, input), { answer: MATCH, after: 2 + count })
  }
})
