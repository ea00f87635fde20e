import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Sniffer, Verdict } from '../src/sniff/index.ts'
import { bytes, everySplit, feed } from './support/splits.ts'
import { bytesOf, readVectorFolder, type VectorCase } from './support/vectors.ts'

const cases = readVectorFolder(new URL('./vectors/sniff/', import.meta.url), {
  keys: ['verdict', 'falls at', 'http1 from', 'fin', 'expire', 'limit'],
  blocks: ['input'],
})

test('there are cases of every kind', () => {
  assert.ok(cases.length >= 60)
  for (const verdict of Object.keys(Verdict)) {
    assert.ok(cases.filter((one) => one.values.get('verdict') === verdict).length >= 3, verdict)
  }
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
  for (let cut = 0; cut < falls; cut++) {
    const result = run(one, [input.subarray(0, cut)])
    const expire = cut >= from ? Verdict.http1 : Verdict.raw
    const expected = { verdict: Verdict.undecided, bytes: cut, rest: 0, fin: Verdict.raw, expire }
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
  return new Sniffer(undefined, number(one, 'limit'))
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
