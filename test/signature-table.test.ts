import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  defineSignature,
  http1,
  knownSignatures,
  MATCH,
  NO,
  OWN_VERDICT,
  type Signature,
  SignatureTable,
  SniffError,
  Sniffer,
  signatures,
  Verdict,
} from '../src/sniff/index.ts'
import { bytes, everySplit, feed } from './support/splits.ts'

const EARLY = OWN_VERDICT
const LATE = OWN_VERDICT + 1
const THIRD = OWN_VERDICT + 2

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

function pattern(
  name: string,
  verdict: number,
  bytes: string | readonly number[],
  mask?: readonly number[],
): Signature {
  return defineSignature({ name, verdict, match: mask === undefined ? { bytes } : { bytes, mask } })
}

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
      pattern('a', 120, 'PRI '),
      pattern('b', 121, [0x50, 0x40], [0xff, 0x40]),
      lineSignature('c', 122, 'G'),
    ]
    const pieces = [
      ...['P', 'R', 'PRI ', 'G', 'GET ', '/', ' ', '*', 'HTTP/', '1.', '2.0', '1', '\r', '\n'],
      ...['PROXY ', 'UNKNOWN', 'SSH-', '2.0-', 'AMQP', '$', '<policy-file-request/>', 'MQTT', 'x'],
      ...['\x16', '\x03', '\x04', '\x05', '\x10', '\x13', '\x80', '\x01', '\x00', '\x00\x00', '\x08', '\xff'],
    ]
    const orders = Array.from({ length: 40 }, () =>
      [...knownSignatures, ...mine]
        .map((signature) => ({ signature, at: next(1000) }))
        .sort((one, other) => one.at - other.at)
        .map(({ signature }) => signature)
        .slice(0, 1 + next(9)),
    )
    const compiled = orders.map((order) => new SignatureTable(order))
    for (let round = 0; round < 8000; round++) {
      const index = round % orders.length
      const order = orders[index]!
      const input = bytes(Array.from({ length: next(12) }, () => pieces[next(pieces.length)]).join(''))
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

  test('a matcher that answers nonsense or throws is refused, by its name', () => {
    const one = defineSignature({ name: 'one', match: 'a' })
    for (const answer of [-3, 0.5, Number.NaN, Number.POSITIVE_INFINITY, undefined, '1', null]) {
      const step = () => answer as number
      assert.throws(() => new SignatureTable([{ ...one, step }]), {
        name: 'SniffError',
        code: 'ERR_SIGNATURE_INVALID',
        message: `Cannot use the signature "one": its step answers ${String(answer)}`,
      })
    }
    const cause = new Error('mine')
    const fails = () => {
      throw cause
    }
    for (const broken of [{ step: fails }, { atLimit: fails }, { atDeadline: fails }]) {
      assert.throws(
        () => new SignatureTable([{ ...one, ...broken }]),
        (error) => {
          assert.ok(error instanceof SniffError)
          assert.equal(error.code, 'ERR_SIGNATURE_INVALID')
          assert.equal(error.cause, cause)
          return true
        },
      )
    }
  })

  test('more states than it may have are refused, also those that are only in sight', () => {
    const tooMany = {
      name: 'SniffError',
      code: 'ERR_SIGNATURE_STATES',
      message: 'Cannot make the table: the number of states is above 4096',
    }
    const counting = defineSignature({ name: 'counting', match: (state) => state + 1 })
    assert.throws(() => new SignatureTable([counting]), tooMany)
    let calls = 0
    const spreading = defineSignature({
      name: 'spreading',
      match: (state, byte) => {
        calls++
        return (state * 256 + byte + 1) % 1_000_003
      },
    })
    assert.throws(() => new SignatureTable([spreading]), tooMany)
    assert.ok(calls < 6000, `${calls} calls`)
    const bounded = defineSignature({ name: 'bounded', match: (state) => (state < 4095 ? state + 1 : MATCH) })
    const table = new SignatureTable([bounded])
    assert.equal(table.atEnd.length, 4096)
    assert.equal(sniff(table, 'x'.repeat(100)).verdict, Verdict.undecided)
  })

  test('more signatures than it may have states are refused', () => {
    const alike = Array.from({ length: 4097 }, (_, index) =>
      defineSignature({ name: `n${index}`, match: 'a' }),
    )
    assert.throws(() => new SignatureTable(alike), {
      code: 'ERR_SIGNATURE_STATES',
      message: 'Cannot make the table: the number of signatures is above 4096',
    })
    const table = new SignatureTable(alike.slice(1))
    assert.equal(table.nameOf(sniff(table, 'a').verdict), 'n1')
  })

  test('two that count are refused side by side, and not one by one', () => {
    const every = (name: string, length: number): Signature =>
      defineSignature({ name, match: (state) => (state + 1) % length })
    assert.equal(new SignatureTable([every('a', 61)]).atEnd.length, 61)
    assert.throws(() => new SignatureTable([every('a', 71), every('b', 61)]), {
      code: 'ERR_SIGNATURE_STATES',
    })
  })

  test('an impure matcher makes a table all the same, of what it answered', () => {
    let calls = 0
    const impure = defineSignature({ name: 'impure', match: () => (calls++ % 3 === 0 ? NO : calls % 5) })
    const sniffer = new Sniffer(new SignatureTable([impure]), 64)
    sniffer.push(new Uint8Array(64), 0, 64)
    assert.ok([Verdict.raw, OWN_VERDICT].includes(sniffer.verdict))
  })

  test('bytes that do the same in every state share a column', () => {
    const table = new SignatureTable([defineSignature({ name: 'one', match: 'ab' })])
    assert.equal(table.cells.length, 3 * 2)
    assert.equal(new Set(table.columns).size, 3)
  })

  test('all known signatures make a small table, and those that every server has a smaller one', () => {
    const size = ({ cells }: SignatureTable): number => cells.byteLength
    const all = new SignatureTable(knownSignatures)
    assert.ok(all.atEnd.length < 1000, `${all.atEnd.length} states`)
    assert.ok(size(all) < 512_000, `${size(all)} bytes`)
    const standard = new SignatureTable(signatures)
    assert.ok(size(standard) < 6000, `${size(standard)} bytes`)
  })
})

describe('names', () => {
  const mine = defineSignature({ name: 'mine', match: 'GET mine' })
  const other = defineSignature({ name: 'other', verdict: OWN_VERDICT, match: 'x' })

  test('only those that are named are in the running', () => {
    const table = new SignatureTable(knownSignatures, ['ssh', 'tls'])
    assert.deepEqual(
      table.signatures.map(({ name }) => name),
      ['tls', 'ssh'],
    )
    assert.deepEqual(sniff(table, 'SSH-2.0-x'), { verdict: Verdict.ssh, bytes: 8 })
    assert.deepEqual(sniff(table, 'GET / HTTP/1.1\r\n'), { verdict: Verdict.raw, bytes: 1 })
    assert.deepEqual(sniff(new SignatureTable(knownSignatures, []), 'GET'), {
      verdict: Verdict.raw,
      bytes: 1,
    })
  })

  test('a name that no signature has is refused', () => {
    for (const name of ['htpp1', 'raw', '__proto__', 'toString']) {
      assert.throws(() => new SignatureTable(knownSignatures, ['tls', name]), {
        code: 'ERR_SIGNATURE_INVALID',
        message: `Cannot make the table: there is no signature "${name}"`,
      })
    }
  })

  test('`before` holds among all, whichever are chosen', () => {
    const early = { ...mine, before: 'ssh' }
    const table = new SignatureTable([...knownSignatures, early], ['http1', 'mine'])
    assert.deepEqual(sniff(table, 'GET mine HTTP/1.1\r\n').verdict, table.verdictOf('mine'))
    const late = new SignatureTable([...knownSignatures, mine], ['http1', 'mine'])
    assert.deepEqual(sniff(late, 'GET mine HTTP/1.1\r\n').verdict, Verdict.http1)
    assert.deepEqual(sniff(late, 'GET mine\r\n'), { verdict: OWN_VERDICT, bytes: 9 })
  })

  test('a verdict is found by its name, and a name by its verdict', () => {
    const table = new SignatureTable([...signatures, mine, other])
    assert.equal(table.verdictOf('mine'), OWN_VERDICT + 1)
    assert.equal(table.verdictOf('other'), OWN_VERDICT)
    assert.equal(table.verdictOf('http2'), Verdict.http2)
    for (const name of ['ssh', 'raw', 'toString', '__proto__']) assert.equal(table.verdictOf(name), undefined)
    assert.equal(table.nameOf(OWN_VERDICT + 1), 'mine')
    assert.equal(table.nameOf(Verdict.tls), 'tls')
    assert.equal(table.nameOf(Verdict.raw), 'raw')
    for (const verdict of [Verdict.undecided, Verdict.ssh, 99]) assert.equal(table.nameOf(verdict), undefined)
  })

  test('another way to recognise a protocol of ours has its verdict, and our name for it comes first', () => {
    const bare = defineSignature({ name: 'bare', verdict: Verdict.ssh, match: 'SSH\n' })
    const table = new SignatureTable([...knownSignatures, bare])
    assert.deepEqual(sniff(table, 'SSH\n'), { verdict: Verdict.ssh, bytes: 4 })
    assert.equal(table.nameOf(Verdict.ssh), 'ssh')
  })
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
    if (answers[first] === MATCH) return { verdict: order[first]!.verdict!, bytes: index + 1 }
  }
  return { verdict: Verdict.undecided, bytes: input.length }
}
