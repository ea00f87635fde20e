import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type BytePattern,
  defineSignature,
  MATCH,
  NO,
  type Signature,
  type SignatureDefinition,
  SignatureTable,
  Sniffer,
  Verdict,
} from '../src/sniff/index.ts'
import { bytes, everySplit, feed } from './support/splits.ts'

type Match = SignatureDefinition['match']

/** What a signature alone answers to bytes, and after how many of them. */
function ask(match: Match, input: string): { answer: number; after: number } {
  const signature = defineSignature({ name: 'x', match })
  let state = 0
  for (const [index, byte] of bytes(input).entries()) {
    state = signature.step(state, byte)
    if (state < 0) return { answer: state, after: index + 1 }
  }
  return { answer: 0, after: input.length }
}

/** The bytes that are not refused after `input`. */
function accepted(match: Match, input: string): number[] {
  const all = Array.from({ length: 256 }, (_, byte) => byte)
  return all.filter((byte) => ask(match, input + String.fromCharCode(byte)).answer !== NO)
}

function refuses(match: unknown, problem: string): void {
  assert.throws(() => defineSignature({ name: 'x', match: match as Match }), {
    name: 'SniffError',
    code: 'ERR_SIGNATURE_INVALID',
    message: `Cannot make the signature "x": ${problem}`,
  })
}

test('text and bytes match at their last, and fall at the first that differs', () => {
  for (const match of ['SSH-', [0x53, 0x53, 0x48, 0x2d], { bytes: 'SSH-' }] satisfies Match[]) {
    assert.deepEqual(ask(match, 'SSH-2.0'), { answer: MATCH, after: 4 })
    assert.deepEqual(ask(match, 'STH'), { answer: NO, after: 2 })
    assert.deepEqual(ask(match, 'SSH'), { answer: 0, after: 3 })
  }
  assert.deepEqual(ask('\xff', '\xff'), { answer: MATCH, after: 1 })
})

test('under a mask only its bits count', () => {
  const dtls: BytePattern = { bytes: [0x16, 0xfe, 0xfc], mask: [0xff, 0xff, 0xfe] }
  assert.deepEqual(accepted(dtls, '\x16\xfe'), [0xfc, 0xfd])
  assert.equal(accepted({ bytes: [0x00, 0x01], mask: [0x00, 0xff] }, '').length, 256)
})

test('in front of an offset stands anything', () => {
  const stun: BytePattern = { bytes: '\x21\x12', offset: 2, mask: [0xff, 0xff] }
  assert.equal(accepted(stun, '').length, 256)
  assert.equal(accepted(stun, 'a').length, 256)
  assert.deepEqual(accepted(stun, 'ab'), [0x21])
  assert.deepEqual(ask(stun, 'ab\x21\x12'), { answer: MATCH, after: 4 })
})

test('alternatives: the first that is complete matches, and NO is when all have fallen', () => {
  const match: Match = ['INVITE ', 'INFO', [0x49, 0x4e, 0x56], { bytes: 'X', offset: 5 }]
  assert.deepEqual(ask(match, 'INVITE '), { answer: MATCH, after: 3 })
  assert.deepEqual(ask(match, 'INFORM'), { answer: MATCH, after: 4 })
  assert.deepEqual(ask(match, 'abcdeX'), { answer: MATCH, after: 6 })
  assert.deepEqual(ask(match, 'INabcd'), { answer: NO, after: 6 })
  assert.deepEqual(ask(['ab', 'cd'], 'cb'), { answer: NO, after: 2 })
  assert.deepEqual(ask(['ab', 'cd'], 'ad'), { answer: NO, after: 2 })
  assert.deepEqual(ask(['ab'], 'ab'), { answer: MATCH, after: 2 })
})

test('32 alternatives, each on its own', () => {
  const words = Array.from({ length: 32 }, (_, index) => `${String.fromCharCode(0x41 + index)}-word`)
  for (const word of words) assert.deepEqual(ask(words, word), { answer: MATCH, after: 6 }, word)
  assert.deepEqual(ask(words, 'A-worx'), { answer: NO, after: 6 })
  refuses([...words, 'x'], 'it has 33 alternatives, above 32')
})

test('a function, and an object with its own `this`, are resumed', () => {
  const digits = (state: number, byte: number): number => {
    if (byte === 0x0a) return state > 0 ? MATCH : NO
    return byte >= 0x30 && byte <= 0x39 ? 1 : NO
  }
  assert.deepEqual(ask(digits, '123\n'), { answer: MATCH, after: 4 })
  class Counter {
    private readonly most = 3
    step(state: number): number {
      return state + 1 < this.most ? state + 1 : MATCH
    }
    atLimit(state: number): boolean {
      return state + 1 === this.most - 1
    }
    atDeadline(state: number): boolean {
      return state + 2 === this.most
    }
  }
  assert.deepEqual(ask(new Counter(), 'abc'), { answer: MATCH, after: 3 })
  const signature = defineSignature({ name: 'counter', match: new Counter() })
  assert.deepEqual([signature.atLimit?.(1), signature.atLimit?.(2)], [true, false])
  assert.deepEqual([signature.atDeadline?.(1), signature.atDeadline?.(2)], [true, false])
  assert.deepEqual(Object.keys(defineSignature({ name: 'x', match: { step: () => NO } })), ['name', 'step'])
})

test('name, verdict and place go with it', () => {
  const { step: _, ...rest } = defineSignature({ name: 'x', verdict: 64, before: 'http1', match: 'x' })
  assert.deepEqual(rest, { name: 'x', verdict: 64, before: 'http1' })
})

test('what cannot be a pattern is refused', () => {
  for (const match of ['', [], { bytes: [] }, ['ab', '']]) refuses(match, 'the pattern is empty')
  refuses({ bytes: [1, 2], mask: [0xff] }, 'the mask has 1 bytes for 2')
  for (const match of [
    [256],
    [-1],
    [0.5],
    [Number.NaN],
    [1, '2'],
    'é€',
    '\u{1f600}',
    { bytes: [1], mask: [-1] },
  ]) {
    refuses(match, 'a value is outside 0x00–0xff')
  }
  for (const offset of [-1, 0.5, 4096, Number.NaN, Number.POSITIVE_INFINITY]) {
    refuses({ bytes: 'x', offset }, `the offset is ${offset}`)
  }
  for (const match of [{}, undefined, null, 7, true, { bytes: 7 }, [{}], ['a', 7], { step: 1 }]) {
    refuses(match, 'it has no bytes to match')
  }
})

test('the example of its documentation', () => {
  const sip = defineSignature({ name: 'sip', match: ['REGISTER sip:', 'INVITE sip:'], before: 'http1' })
  const http = defineSignature({ name: 'http1', match: 'INVITE ', verdict: Verdict.http1 })
  const table = new SignatureTable([http, sip])
  const sniff = (input: string): { name: string | undefined; read: number } =>
    everySplit(bytes(input), (chunks) => {
      const sniffer = new Sniffer(table)
      feed(sniffer, chunks)
      return { name: table.nameOf(sniffer.verdict), read: sniffer.bytes }
    })
  assert.deepEqual(sniff('INVITE sip:a'), { name: 'sip', read: 11 })
  assert.deepEqual(sniff('INVITE / '), { name: 'http1', read: 8 })
  assert.deepEqual(sniff('INVENT'), { name: 'raw', read: 4 })
})

test('a pattern far away is a table of that many states, or is refused', () => {
  const far = (offset: number): Signature => defineSignature({ name: 'far', match: { bytes: 'x', offset } })
  assert.equal(new SignatureTable([far(4000)]).atEnd.length, 4001)
  const both = [far(4000), defineSignature({ name: 'long', match: { bytes: 'a'.repeat(100) } })]
  assert.throws(() => new SignatureTable(both), { code: 'ERR_SIGNATURE_STATES' })
})
