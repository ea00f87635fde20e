import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MATCH, NO } from '../src/sniff/index.ts'
import { isDigit, literal, run, type Sequence, sequence } from '../src/sniff/signatures/sequence.ts'
import { bytes } from './support/splits.ts'

function ask({ step, size }: Sequence, input: string): { answer: number; after: number } {
  let state = 0
  for (const [index, byte] of bytes(input).entries()) {
    state = step(state, byte)
    assert.ok(state < size)
    if (state < 0) return { answer: state, after: index + 1 }
  }
  return { answer: 0, after: input.length }
}

const isLetter = (byte: number): boolean => byte >= 0x61 && byte <= 0x7a

test('a literal is its bytes, one state each', () => {
  const word = sequence(...literal('abc'))
  assert.equal(word.size, 3)
  assert.deepEqual(ask(word, 'abc'), { answer: MATCH, after: 3 })
  assert.deepEqual(ask(word, 'abd'), { answer: NO, after: 3 })
  assert.deepEqual(ask(word, 'b'), { answer: NO, after: 1 })
})

test('a run has at least its least and at most its most', () => {
  const number = sequence(run(isDigit, 2, 4), ...literal('\n'))
  assert.deepEqual(ask(number, '1\n'), { answer: NO, after: 2 })
  assert.deepEqual(ask(number, '12\n'), { answer: MATCH, after: 3 })
  assert.deepEqual(ask(number, '1234\n'), { answer: MATCH, after: 5 })
  assert.deepEqual(ask(number, '12345'), { answer: NO, after: 5 })
  assert.deepEqual(ask(number, '12x'), { answer: NO, after: 3 })
})

test('a run of none may be left out, also several', () => {
  const field = sequence(run(isDigit, 0, 2), run(isLetter, 0, 2), ...literal('\n'))
  for (const input of ['\n', '1\n', '12\n', 'a\n', 'ab\n', '12ab\n']) {
    assert.deepEqual(ask(field, input), { answer: MATCH, after: input.length }, JSON.stringify(input))
  }
  assert.deepEqual(ask(field, '123'), { answer: NO, after: 3 })
  assert.deepEqual(ask(field, 'a1'), { answer: NO, after: 2 })
})

test('a run of one length is left when it is full, and the last matches at its least', () => {
  const fixed = sequence(run(isDigit, 3), run(isLetter, 2, 5))
  assert.deepEqual(ask(fixed, '123ab'), { answer: MATCH, after: 5 })
  assert.deepEqual(ask(fixed, '12a'), { answer: NO, after: 3 })
  assert.deepEqual(ask(fixed, '1234'), { answer: NO, after: 4 })
})
