import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineSignature, OWN_VERDICT, type Signature, Verdict } from '../src/sniff/index.ts'
import { inOrder, numbered } from '../src/sniff/signature-order.ts'

function named(name: string, before?: string): Signature {
  return defineSignature({ name, match: name || 'x', ...(before !== undefined && { before }) })
}

/** The names in the order that `names` ends in: `a<b` is a that goes before b. */
function order(...names: string[]): string {
  const signatures = names.map((each) => {
    const [name, before] = each.split('<') as [string, string?]
    return named(name, before)
  })
  return inOrder(signatures)
    .map(({ name }) => name)
    .join(' ')
}

function invalid(message: string): object {
  return { name: 'SniffError', code: 'ERR_SIGNATURE_INVALID', message: `Cannot use the signature ${message}` }
}

test('without `before` the order is that of the list', () => {
  assert.equal(order(), '')
  assert.equal(order('c', 'a', 'b'), 'c a b')
})

test('with it, a signature stands right in front of the one it names', () => {
  assert.equal(order('a', 'b', 'c', 'x<b'), 'a x b c')
  assert.equal(order('x<a', 'a', 'b'), 'x a b')
  assert.equal(order('x<b', 'a', 'b'), 'a x b')
  assert.equal(order('a', 'b', 'x<a', 'y<a', 'z<b'), 'x y a z b')
})

test('it may name one that is placed itself, wherever that stands', () => {
  assert.equal(order('a', 'x<y', 'y<a'), 'x y a')
  assert.equal(order('a', 'y<a', 'x<y'), 'x y a')
  assert.equal(order('a', 'w<x', 'x<y', 'y<a', 'z<x'), 'w z x y a')
})

test('a name that is not there, and a circle, are refused', () => {
  assert.throws(() => order('a', 'x<htpp1'), invalid('"x": there is no "htpp1" that it can go before'))
  assert.throws(() => order('a', 'x<x'), invalid('"x": there is no "x" that it can go before'))
  assert.throws(() => order('a', 'x<y', 'y<x'), invalid('"x": there is no "y" that it can go before'))
  assert.throws(() => order('a', 'x<toString'), invalid('"x": there is no "toString" that it can go before'))
})

test('a name is not empty, reserved or taken', () => {
  assert.throws(() => order('a', 'b', 'a'), invalid('"a": its name is taken'))
  assert.throws(() => order('raw'), invalid('"raw": its name is reserved'))
  assert.throws(() => order('undecided'), invalid('"undecided": its name is reserved'))
  assert.throws(() => order(''), invalid('"": it has no name'))
  assert.throws(
    () => inOrder([{ ...named('a'), name: 7 as unknown as string }]),
    invalid('"7": it has no name'),
  )
  assert.equal(order('__proto__', 'constructor', 'x<__proto__'), 'x __proto__ constructor')
})

test('a verdict is one of ours, or an integer from 64 on', () => {
  const one = named('one')
  for (const verdict of [Verdict.raw, Verdict.ssh, Verdict.flashPolicy, OWN_VERDICT, 2 ** 31 - 1]) {
    assert.equal(inOrder([{ ...one, verdict }])[0]!.verdict, verdict)
  }
  for (const verdict of [0, -1, 1.5, 2 ** 31, Number.NaN, '64' as unknown as number]) {
    assert.throws(() => inOrder([{ ...one, verdict }]), invalid(`"one": its verdict is ${verdict}`))
  }
  for (const verdict of [Verdict.flashPolicy + 1, OWN_VERDICT - 1]) {
    assert.throws(() => inOrder([{ ...one, verdict }]), invalid(`"one": its verdict ${verdict} is reserved`))
  }
})

test('those without a verdict get the first that are free, in the order of the list', () => {
  const given = [
    named('a'),
    { ...named('b'), verdict: OWN_VERDICT + 1 },
    named('c'),
    { ...named('d'), verdict: Verdict.ssh },
    named('e'),
  ]
  assert.deepEqual([...numbered(given).values()], [64, 65, 66, Verdict.ssh, 67])
})
