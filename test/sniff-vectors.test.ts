import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  knownSignatures,
  MATCH,
  NO,
  type Signature,
  SignatureTable,
  Sniffer,
  Verdict,
} from '../src/sniff/index.ts'
import { bytes, everySplit, feed } from './support/splits.ts'
import { bytesOf, readVectorFolder, type VectorCase } from './support/vectors.ts'

const cases = readVectorFolder(new URL('./vectors/sniff/', import.meta.url), {
  keys: ['with', 'verdict', 'falls at', 'http1 from', 'http1 matches at', 'fin', 'expire', 'limit', 'pair'],
  blocks: ['input'],
})

const tables = new Map<string, SignatureTable>()

test('there are cases of every kind', () => {
  assert.ok(cases.length >= 150)
  for (const verdict of Object.keys(Verdict)) {
    assert.ok(cases.filter((one) => one.values.get('verdict') === verdict).length >= 3, verdict)
  }
})

test('what HTTP/1, HTTP/2 and TLS recognise they recognise at the same byte among all signatures', () => {
  const ours = ['http1', 'http2', 'tls']
  const decided = cases.filter(({ values }) => !values.has('with') && ours.includes(values.get('verdict')!))
  assert.ok(decided.length >= 30)
  for (const one of decided) {
    const alone = sniffer(one)
    const among = new Sniffer(tableOf('all'), number(one, 'limit'))
    for (const each of [alone, among]) feed(each, [bytesOf(one.blocks.get('input')!)])
    assert.deepEqual([among.verdict, among.bytes], [alone.verdict, alone.bytes], one.where)
  }
})

/** How two signatures, each asked alone, go along with the same bytes. */
interface Kinship {
  /** The most bytes after which neither has said NO, nor before the last of them MATCH. 0: they have no first byte in common. */
  longest: number
  /** Whether one can match while the other is still possible, or matches too. */
  ambiguous: boolean
}

/** Every state of both that the same bytes lead to, byte by byte. */
function kinship(one: Signature, other: Signature): Kinship {
  const found: Kinship = { longest: 0, ambiguous: false }
  let level = new Map<string, readonly [number, number]>([['0 0', [0, 0]]])
  for (let read = 1; level.size > 0; read++) {
    assert.ok(read < 300, `${one.name} and ${other.name} never part`)
    const next: typeof level = new Map()
    for (const [state, otherState] of level.values()) {
      for (let byte = 0; byte <= 0xff; byte++) {
        const answers = [one.step(state, byte), other.step(otherState, byte)] as const
        if (answers.includes(NO)) continue
        found.longest = read
        if (answers.includes(MATCH)) found.ambiguous = true
        else next.set(answers.join(' '), answers)
      }
    }
    level = next
  }
  return found
}

/** The same for one input: how far both go, and whether one matches there. */
function kinshipOn(input: Uint8Array, pair: readonly Signature[]): Kinship {
  let states = [0, 0]
  for (const [read, byte] of input.entries()) {
    const answers = pair.map((signature, index) => signature.step(states[index]!, byte))
    if (answers.includes(NO)) return { longest: read, ambiguous: false }
    if (answers.includes(MATCH)) return { longest: read + 1, ambiguous: true }
    states = answers
  }
  return { longest: input.length, ambiguous: false }
}

function pairsOf(all: readonly Signature[]): Signature[][] {
  return all.flatMap((one, index) => all.slice(index + 1).map((other) => [one, other]))
}

describe('every pair that begins alike', () => {
  const labelled = cases.filter(({ values }) => values.has('pair'))
  const alike = pairsOf(knownSignatures)
    .map((pair) => ({ pair, ...kinship(pair[0]!, pair[1]!) }))
    .filter(({ longest }) => longest > 0)

  function casesOf(pair: readonly Signature[]): VectorCase[] {
    const names = pair.map(({ name }) => name).sort()
    return labelled.filter(
      ({ values }) =>
        values.get('pair')!.split(' ').sort().join() === names.join() && values.get('with') === 'all',
    )
  }

  for (const { pair, longest, ambiguous } of alike) {
    const [first, second] = pair as [Signature, Signature]
    if (ambiguous) {
      test(`${first.name} wins over ${second.name}`, () => {
        const both = casesOf(pair).filter(
          (one) => kinshipOn(bytesOf(one.blocks.get('input')!), pair).ambiguous,
        )
        assert.ok(both.some(({ values }) => values.get('verdict') === first.name))
      })
    } else {
      test(`${first.name} and ${second.name} part after ${longest} bytes`, () => {
        for (const { name } of pair) {
          const own = casesOf(pair).filter(({ values }) => values.get('verdict') === name)
          const went = own.map((one) => kinshipOn(bytesOf(one.blocks.get('input')!), pair).longest)
          assert.equal(Math.max(0, ...went), longest, name)
        }
      })
    }
  }

  test('and no other is labelled as one', () => {
    const covered = new Set(alike.flatMap(({ pair }) => casesOf(pair)))
    assert.deepEqual(
      labelled.filter((one) => !covered.has(one)).map(({ where }) => where),
      [],
    )
  })

  test('there are as many as the table says', () => {
    assert.deepEqual(
      alike.filter(({ ambiguous }) => ambiguous).map(({ pair }) => pair.map(({ name }) => name).join(' ')),
      ['proxyV1 http1', 'ssh http1', 'rtmp dns', 'socks4 dns', 'socks5 dns'],
    )
    assert.equal(alike.length, 15)
  })
})

for (const one of cases) {
  describe(`${one.where} ${one.group}: ${one.name}`, () => {
    const input = bytesOf(one.blocks.get('input')!)
    const verdict = verdictNamed(one.values.get('verdict'))
    if (verdict === Verdict.undecided) undecided(one, input)
    else decided(one, input, verdict)
    test('every cut before the verdict', () => cuts(one, input))
  })
}

function decided(one: VectorCase, input: Uint8Array, verdict: number): void {
  const falls = number(one, 'falls at')!
  const rest = input.length - falls
  test('at every split', () => {
    const result = everySplit(input, (chunks) => run(one, chunks))
    assert.deepEqual(result, { verdict, bytes: falls, rest, fin: verdict, expire: verdict })
  })
  test('with other bytes after it', () => {
    const after = bytes('\r\nGET / HTTP/1.1\r\n\r\n\x16\x03\x01\x02\x00\x01{}')
    const result = run(one, [input, after])
    assert.deepEqual(result, {
      verdict,
      bytes: falls,
      rest: rest + after.length,
      fin: verdict,
      expire: verdict,
    })
  })
}

function undecided(one: VectorCase, input: Uint8Array): void {
  test('at every split', () => {
    const result = everySplit(input, (chunks) => run(one, chunks))
    const fin = verdictNamed(one.values.get('fin'))
    const expire = verdictNamed(one.values.get('expire'))
    assert.deepEqual(result, { verdict: Verdict.undecided, bytes: input.length, rest: 0, fin, expire })
  })
}

/** A FIN, or the deadline, at every place before the verdict. */
function cuts(one: VectorCase, input: Uint8Array): void {
  const falls = number(one, 'falls at') ?? input.length + 1
  const from = number(one, 'http1 from') ?? Number.POSITIVE_INFINITY
  const matched = number(one, 'http1 matches at') ?? Number.POSITIVE_INFINITY
  for (let cut = 0; cut < falls; cut++) {
    const result = run(one, [input.subarray(0, cut)])
    const fin = cut >= matched ? Verdict.http1 : Verdict.raw
    const expire = cut >= Math.min(from, matched) ? Verdict.http1 : Verdict.raw
    const expected = { verdict: Verdict.undecided, bytes: cut, rest: 0, fin, expire }
    assert.deepEqual(result, expected, `cut after ${cut}`)
  }
}

function run(one: VectorCase, chunks: readonly Uint8Array[]): object {
  const [fin, expire] = [sniffer(one), sniffer(one)]
  const rest = feed(fin, chunks).length
  feed(expire, chunks)
  const { verdict, bytes } = fin
  return { verdict, bytes, rest, fin: fin.end(), expire: expire.expire() }
}

function sniffer(one: VectorCase): Sniffer {
  const names = one.values.get('with')
  return new Sniffer(names === undefined ? undefined : tableOf(names), number(one, 'limit'))
}

/** A table of the signatures named, or of `all`. */
function tableOf(names: string): SignatureTable {
  let table = tables.get(names)
  if (table === undefined) {
    table = new SignatureTable(knownSignatures, names === 'all' ? undefined : names.split(' '))
    tables.set(names, table)
  }
  return table
}

function number(one: VectorCase, key: string): number | undefined {
  const value = one.values.get(key)
  return value === undefined ? undefined : Number(value)
}

function verdictNamed(name: string | undefined): number {
  const verdict = new Map<string, number>(Object.entries(Verdict)).get(name ?? '')
  assert.ok(verdict !== undefined, `there is no verdict "${name}"`)
  return verdict
}
