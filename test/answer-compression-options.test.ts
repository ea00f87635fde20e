import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type AnswerCompressionOptions,
  resolveAnswerCompression,
} from '../src/node/http/coding/answer-compression-options.ts'

const DEFAULTS = { threshold: 1024, codings: ['br', 'gzip'], level: 4, quality: 4, streams: 128 }

test('answers are not compressed unless it is asked for', () => {
  assert.equal(resolveAnswerCompression(undefined), undefined)
  assert.equal(resolveAnswerCompression(false), undefined)
  for (const option of [true, {}, { level: undefined } as unknown as AnswerCompressionOptions]) {
    assert.deepEqual(resolveAnswerCompression(option), DEFAULTS)
  }
})

test('what is given takes the place of the default', () => {
  const least: AnswerCompressionOptions = {
    threshold: 0,
    codings: ['gzip'],
    level: 0,
    quality: 0,
    streams: 0,
  }
  assert.deepEqual(resolveAnswerCompression(least), least)
  const most: AnswerCompressionOptions = {
    threshold: Number.POSITIVE_INFINITY,
    codings: ['gzip', 'br'],
    level: 9,
    quality: 11,
    streams: Number.POSITIVE_INFINITY,
  }
  assert.deepEqual(resolveAnswerCompression(most), most)
})

const impossible: [name: string, value: unknown][] = [
  ['threshold', -1],
  ['threshold', 0.5],
  ['threshold', '1024'],
  ['threshold', Number.NaN],
  ['codings', []],
  ['codings', 'gzip'],
  ['codings', ['deflate']],
  ['codings', ['gzip', 'identity']],
  ['codings', ['gzip', 'gzip']],
  ['codings', ['GZIP']],
  ['codings', null],
  ['codings', { 0: 'br', length: 1 }],
  ['level', -1],
  ['level', 10],
  ['level', 1.5],
  ['level', Number.POSITIVE_INFINITY],
  ['quality', -1],
  ['quality', 12],
  ['quality', null],
  ['streams', -1],
  ['streams', '8'],
]

for (const [name, value] of impossible) {
  test(`answerCompression.${name}: ${typeof value} ${String(value)} is refused`, () => {
    assert.throws(() => resolveAnswerCompression({ [name]: value } as AnswerCompressionOptions), {
      name: 'PortmanteauError',
      code: 'ERR_OPTION',
      message: new RegExp(`^Cannot use option answerCompression\\.${name}: .* is not a `),
    })
  })
}

for (const value of [null, 1, 'gzip']) {
  test(`answerCompression: ${String(value)} is refused`, () => {
    assert.throws(() => resolveAnswerCompression(value as unknown as boolean), { code: 'ERR_OPTION' })
  })
}
