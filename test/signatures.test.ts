import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  http1,
  http2Preface,
  MATCH,
  NO,
  pattern,
  type Signature,
  SniffError,
  signatures,
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

test('the built-in signatures stand in order of precedence', () => {
  assert.deepEqual(signatures, [tls, http1, http2Preface])
  assert.deepEqual(
    signatures.map(({ verdict }) => verdict),
    [Verdict.tls, Verdict.http1, Verdict.http2],
  )
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

test('a pattern takes text, bytes, and bytes under a mask', () => {
  assert.deepEqual(ask(pattern('ssh', 16, 'SSH-'), 'SSH-2.0'), { answer: MATCH, after: 4 })
  assert.deepEqual(ask(pattern('ssh', 16, [0x53, 0x53]), 'ST'), { answer: NO, after: 2 })
  const dtls = pattern('dtls', 16, [0x16, 0xfe, 0xfc], [0xff, 0xff, 0xfe])
  assert.deepEqual(accepted(dtls, '\x16\xfe'), [0xfc, 0xfd])
  assert.deepEqual(accepted(pattern('any', 16, [0x00, 0x01], [0x00, 0xff]), '').length, 256)
})

test('a pattern that cannot be is refused', () => {
  const invalid = (message: RegExp) => (error: unknown) => {
    assert.ok(error instanceof SniffError)
    assert.equal(error.code, 'ERR_SIGNATURE_INVALID')
    assert.match(error.message, message)
    return true
  }
  assert.throws(() => pattern('x', 16, ''), invalid(/^Cannot make the signature "x": the pattern is empty$/))
  assert.throws(() => pattern('x', 16, [1, 2], [0xff]), invalid(/the mask has 1 bytes for 2$/))
  assert.throws(() => pattern('x', 16, [256]), invalid(/outside 0x00–0xff$/))
  assert.throws(() => pattern('x', 16, [1], [-1]), invalid(/outside 0x00–0xff$/))
  assert.throws(() => pattern('x', 16, 'é€'), invalid(/outside 0x00–0xff$/))
})
