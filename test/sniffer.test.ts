import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  http1,
  MATCH,
  NO,
  pattern,
  type Signature,
  SignatureTable,
  SniffError,
  Sniffer,
  signatures,
  Verdict,
} from '../src/sniff/index.ts'
import { bytes, everySplit, feed } from './support/splits.ts'

const EARLY = 16
const LATE = 17
const THIRD = 18

function sniff(table: SignatureTable | undefined, input: string): { verdict: number; bytes: number } {
  return everySplit(bytes(input), (chunks) => {
    const sniffer = new Sniffer(table)
    feed(sniffer, chunks)
    return { verdict: sniffer.verdict, bytes: sniffer.bytes }
  })
}

/** `first`, then anything that is not a line feed, then a line feed. */
function lineSignature(name: string, verdict: number, first: string): Signature {
  const start = first.charCodeAt(0)
  return {
    name,
    verdict,
    step(state, byte) {
      if (state === 0) return byte === start ? 1 : NO
      return byte === 0x0a ? MATCH : 1
    },
  }
}

describe('push', () => {
  test('returns the position after the deciding byte, and reads nothing more', () => {
    const sniffer = new Sniffer()
    const line = bytes('xxGET / HTTP/1.1\r\nHost: a\r\n')
    assert.equal(sniffer.push(line, 2, line.length), 17)
    assert.equal(sniffer.verdict, Verdict.http1)
    assert.equal(sniffer.bytes, 15)
    assert.equal(sniffer.push(line, 17, line.length), 17)
    assert.equal(sniffer.bytes, 15)
  })

  test('an empty range is nothing', () => {
    const sniffer = new Sniffer()
    assert.equal(sniffer.push(bytes('{'), 0, 0), 0)
    assert.equal(sniffer.push(bytes('{'), 1, 1), 1)
    assert.deepEqual([sniffer.verdict, sniffer.bytes], [Verdict.undecided, 0])
  })

  test('stops at the limit within a chunk', () => {
    const sniffer = new Sniffer(undefined, 10)
    const path = bytes(`GET /${'a'.repeat(20)}`)
    assert.equal(sniffer.push(path, 0, 7), 7)
    assert.equal(sniffer.verdict, Verdict.undecided)
    assert.equal(sniffer.push(path, 7, path.length), 10)
    assert.deepEqual([sniffer.verdict, sniffer.bytes], [Verdict.http1, 10])
  })

  test('the limit is 8,192 bytes by default', () => {
    const sniffer = new Sniffer()
    const path = bytes(`GET /${'a'.repeat(9000)}`)
    assert.equal(sniffer.push(path, 0, 8191), 8191)
    assert.equal(sniffer.verdict, Verdict.undecided)
    assert.equal(sniffer.push(path, 8191, path.length), 8192)
    assert.equal(sniffer.verdict, Verdict.http1)
  })
})

describe('end, expire, reset', () => {
  test('silence is raw', () => {
    assert.equal(new Sniffer().end(), Verdict.raw)
    assert.equal(new Sniffer().expire(), Verdict.raw)
  })

  test('they decide for good', () => {
    const sniffer = new Sniffer()
    const input = bytes('GET / HTTP/1.1\r\n')
    sniffer.push(input, 0, 6)
    assert.equal(sniffer.expire(), Verdict.http1)
    assert.equal(sniffer.end(), Verdict.http1)
    assert.equal(sniffer.push(input, 6, input.length), 6)
    const ended = new Sniffer()
    ended.push(input, 0, 6)
    assert.equal(ended.end(), Verdict.raw)
    assert.equal(ended.expire(), Verdict.raw)
    assert.equal(ended.verdict, Verdict.raw)
  })

  test('they do not change a verdict', () => {
    const sniffer = new Sniffer()
    const hello = bytes('\x16\x03\x01\x00\x80\x01')
    sniffer.push(hello, 0, hello.length)
    assert.equal(sniffer.end(), Verdict.tls)
    assert.equal(sniffer.expire(), Verdict.tls)
  })

  test('reset makes it new, in the middle and after a verdict', () => {
    const sniffer = new Sniffer()
    for (const before of ['PRI * HTTP/2.0\r\n', 'GET / HTTP/1.1\r\n', '{']) {
      const input = bytes(before)
      sniffer.push(input, 0, input.length)
      sniffer.reset()
      assert.deepEqual(sniffer, new Sniffer())
    }
  })
})

describe('precedence', () => {
  test('the earlier wins where both match at the same byte', () => {
    const [early, late] = [pattern('early', EARLY, 'ab'), pattern('late', LATE, 'ab')]
    assert.deepEqual(sniff(new SignatureTable([early, late]), 'ab'), { verdict: EARLY, bytes: 2 })
    assert.deepEqual(sniff(new SignatureTable([late, early]), 'ab'), { verdict: LATE, bytes: 2 })
  })

  test('a match waits for an earlier signature that needs more', () => {
    const table = new SignatureTable([pattern('early', EARLY, 'abcd'), pattern('late', LATE, 'ab')])
    assert.deepEqual(sniff(table, 'ab'), { verdict: Verdict.undecided, bytes: 2 })
    assert.deepEqual(sniff(table, 'abc'), { verdict: Verdict.undecided, bytes: 3 })
    assert.deepEqual(sniff(table, 'abcd'), { verdict: EARLY, bytes: 4 })
    assert.deepEqual(sniff(table, 'abx'), { verdict: LATE, bytes: 3 })
    assert.deepEqual(sniff(table, 'abcx'), { verdict: LATE, bytes: 4 })
  })

  test('a match does not wait for a later one', () => {
    const table = new SignatureTable([pattern('early', EARLY, 'ab'), pattern('late', LATE, 'abcd')])
    assert.deepEqual(sniff(table, 'abcd'), { verdict: EARLY, bytes: 2 })
  })

  test('of two that have matched behind one that falls, the earlier wins, whichever came first', () => {
    const [long, short] = [pattern('long', LATE, 'abc'), pattern('short', THIRD, 'ab')]
    const table = new SignatureTable([pattern('early', EARLY, 'abcde'), long, short])
    assert.deepEqual(sniff(table, 'abcdx'), { verdict: LATE, bytes: 5 })
    assert.deepEqual(sniff(table, 'abx'), { verdict: THIRD, bytes: 3 })
  })

  test('a NO of one leaves the others', () => {
    const table = new SignatureTable([pattern('early', EARLY, 'abc'), lineSignature('late', LATE, 'a')])
    assert.deepEqual(sniff(table, 'axyz\n'), { verdict: LATE, bytes: 5 })
    assert.deepEqual(sniff(table, 'abx\n'), { verdict: LATE, bytes: 4 })
    const swapped = new SignatureTable([lineSignature('early', EARLY, 'a'), pattern('late', LATE, 'abc')])
    assert.deepEqual(sniff(swapped, 'abcd\n'), { verdict: EARLY, bytes: 5 })
  })

  test('at FIN, deadline and limit a match that waits is the verdict, unless an earlier one claims', () => {
    const claiming: Signature = {
      ...pattern('early', EARLY, 'abcd'),
      atLimit: () => true,
      atDeadline: () => true,
    }
    const input = bytes('abc')
    const undecided = (first: Signature, limit: number): Sniffer => {
      const sniffer = new Sniffer(new SignatureTable([first, pattern('late', LATE, 'ab')]), limit)
      sniffer.push(input, 0, input.length)
      return sniffer
    }
    assert.equal(undecided(pattern('early', EARLY, 'abcd'), 9).end(), LATE)
    assert.equal(undecided(pattern('early', EARLY, 'abcd'), 9).expire(), LATE)
    assert.equal(undecided(pattern('early', EARLY, 'abcd'), 3).verdict, LATE)
    assert.equal(undecided(claiming, 9).end(), LATE)
    assert.equal(undecided(claiming, 9).expire(), EARLY)
    assert.equal(undecided(claiming, 3).verdict, EARLY)
  })
})

describe('SignatureTable', () => {
  test("signatures of one's own join the built-in ones", () => {
    const table = new SignatureTable([
      pattern('ssh', EARLY, 'SSH-2.0-'),
      ...signatures,
      lineSignature('json', LATE, '{'),
    ])
    assert.deepEqual(sniff(table, 'SSH-2.0-x\r\n'), { verdict: EARLY, bytes: 8 })
    assert.deepEqual(sniff(table, 'SSH-3 / HTTP/1.1\r\n'), { verdict: Verdict.http1, bytes: 17 })
    assert.deepEqual(sniff(table, 'SSH-3\r\n'), { verdict: Verdict.raw, bytes: 6 })
    assert.deepEqual(sniff(table, 'SEARCH / HTTP/1.1\r\n'), { verdict: Verdict.http1, bytes: 18 })
    assert.deepEqual(sniff(table, '{"a":1}\n'), { verdict: LATE, bytes: 8 })
    assert.deepEqual(sniff(table, '\x16\x03\x01\x02\x00\x01'), { verdict: Verdict.tls, bytes: 6 })
  })

  test('many signatures, and no signature', () => {
    const many = Array.from({ length: 100 }, (_, index) =>
      pattern(`n${index}`, 100 + index, [0x02, index, 0x03]),
    )
    assert.deepEqual(sniff(new SignatureTable(many), '\x02\x63\x03'), { verdict: 199, bytes: 3 })
    assert.deepEqual(sniff(new SignatureTable(many), '\x02\x64\x03'), { verdict: Verdict.raw, bytes: 2 })
    const empty = new SignatureTable([])
    assert.deepEqual(sniff(empty, 'GET'), { verdict: Verdict.raw, bytes: 1 })
    assert.equal(new Sniffer(empty).expire(), Verdict.raw)
  })

  test('a signature that goes back to its first state, and one of a single byte', () => {
    const again: Signature = {
      name: 'again',
      verdict: EARLY,
      step: (_, byte) => (byte === 0x61 ? 0 : byte === 0x62 ? MATCH : NO),
    }
    const table = new SignatureTable([again, pattern('one', LATE, 'c')])
    assert.deepEqual(sniff(table, 'aaab'), { verdict: EARLY, bytes: 4 })
    assert.deepEqual(sniff(table, 'c'), { verdict: LATE, bytes: 1 })
    assert.deepEqual(sniff(table, 'ac'), { verdict: Verdict.raw, bytes: 2 })
  })

  test('does not call a signature on traffic', () => {
    let calls = 0
    const counted: Signature = {
      ...http1,
      step(state, byte) {
        calls++
        return http1.step(state, byte)
      },
    }
    const table = new SignatureTable([counted])
    const before = calls
    assert.deepEqual(sniff(table, 'GET / HTTP/1.1\r\n'), { verdict: Verdict.http1, bytes: 15 })
    assert.equal(calls, before)
  })

  test('agrees with its signatures asked one by one, on seeded bytes', () => {
    const seed = 20260117
    let random = seed
    const next = (below: number): number => {
      random = (Math.imul(random, 1664525) + 1013904223) >>> 0
      return Math.floor((random / 2 ** 32) * below)
    }
    const mine = [
      pattern('a', 20, 'PRI '),
      pattern('b', 21, [0x50, 0x40], [0xff, 0x40]),
      lineSignature('c', 22, 'G'),
    ]
    const pieces = [
      'P',
      'R',
      'PRI ',
      'G',
      'GET ',
      '/',
      ' ',
      '*',
      'HTTP/',
      '1.',
      '2.0',
      '1',
      '\r',
      '\n',
      '\x16',
      '\x03',
      '\x01',
      '\x00',
      '\xff',
    ]
    const orders = Array.from({ length: 40 }, () =>
      [...signatures, ...mine]
        .map((signature) => ({ signature, at: next(1000) }))
        .sort((one, other) => one.at - other.at)
        .map(({ signature }) => signature)
        .slice(0, 1 + next(6)),
    )
    const compiled = orders.map((order) => new SignatureTable(order))
    for (let round = 0; round < 8000; round++) {
      const index = round % orders.length
      const order = orders[index]!
      const input = bytes(Array.from({ length: next(9) }, () => pieces[next(pieces.length)]).join(''))
      const sniffer = new Sniffer(compiled[index])
      sniffer.push(input, 0, input.length)
      const got = { verdict: sniffer.verdict, bytes: sniffer.bytes }
      assert.deepEqual(
        got,
        oneByOne(order, input),
        `seed ${seed} round ${round}: ${JSON.stringify(String.fromCharCode(...input))}`,
      )
    }
  })

  test('refuses what cannot be a signature', () => {
    const invalid = { name: 'SniffError', code: 'ERR_SIGNATURE_INVALID' }
    const one = pattern('one', EARLY, 'a')
    assert.throws(() => new SignatureTable([one, pattern('one', LATE, 'b')]), {
      ...invalid,
      message: 'Cannot use the signature "one": its name is taken',
    })
    for (const verdict of [0, -1, 1.5, 2 ** 31, Number.NaN]) {
      assert.throws(() => new SignatureTable([{ ...one, verdict }]), invalid, String(verdict))
    }
    for (const answer of [-3, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => new SignatureTable([{ ...one, step: () => answer }]), invalid, String(answer))
    }
  })

  test('refuses more states than it may have', () => {
    const counting: Signature = { name: 'counting', verdict: EARLY, step: (state) => state + 1 }
    assert.throws(() => new SignatureTable([counting]), { name: 'SniffError', code: 'ERR_SIGNATURE_STATES' })
    const bounded: Signature = { ...counting, step: (state) => (state < 1000 ? state + 1 : MATCH) }
    assert.equal(sniff(new SignatureTable([bounded]), 'x'.repeat(100)).verdict, Verdict.undecided)
  })
})

test('a limit that is none is refused', () => {
  for (const limit of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(
      () => new Sniffer(undefined, limit),
      (error) => error instanceof SniffError && error.code === 'ERR_SNIFF_LIMIT_INVALID',
    )
  }
})

/** The rules, naively: each signature keeps its own answer; the first that is not NO decides. */
function oneByOne(order: readonly Signature[], input: Uint8Array): { verdict: number; bytes: number } {
  const answers = order.map(() => 0)
  for (const [index, byte] of input.entries()) {
    for (const [rank, signature] of order.entries()) {
      if (answers[rank]! >= 0) answers[rank] = signature.step(answers[rank]!, byte)
    }
    const first = answers.findIndex((answer) => answer !== NO)
    if (first < 0) return { verdict: Verdict.raw, bytes: index + 1 }
    if (answers[first] === MATCH) return { verdict: order[first]!.verdict, bytes: index + 1 }
  }
  return { verdict: Verdict.undecided, bytes: input.length }
}
