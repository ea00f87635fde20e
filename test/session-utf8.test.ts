import assert from 'node:assert/strict'
import { isUtf8 } from 'node:buffer'
import { test } from 'node:test'
import { BOUNDARY, decodeUtf8, INVALID, stepUtf8, textLength } from '../src/sessions/coding/utf8.ts'
import { Random } from './support/random.ts'

function isWellFormed(bytes: Uint8Array): boolean {
  let state = BOUNDARY
  for (const byte of bytes) {
    state = stepUtf8(state, byte)
    if (state === INVALID) return false
  }
  return state === BOUNDARY
}

test('every sequence of up to two bytes, and every second byte of the longer ones', () => {
  for (let first = 0; first < 256; first++) {
    for (let second = 0; second < 256; second++) {
      for (const bytes of [[first], [first, second], [first, second, 0x80], [first, second, 0xbf, 0x80]]) {
        const sequence = Uint8Array.from(bytes)
        assert.equal(isWellFormed(sequence), isUtf8(sequence), Buffer.from(sequence).toString('hex'))
      }
    }
  }
})

test('it fails at the first byte that cannot be', () => {
  for (const [bytes, at] of [
    [[0xc0, 0x80], 0],
    [[0xed, 0xa0, 0x80], 1],
    [[0xf4, 0x90, 0x80, 0x80], 1],
    [[0xe2, 0x82, 0x41], 2],
  ] as const) {
    let state = BOUNDARY
    const failed = bytes.findIndex((byte) => (state = stepUtf8(state, byte)) === INVALID)
    assert.equal(failed, at)
  }
})

test('decodes what the platform decodes, whatever the length', () => {
  const random = new Random(1)
  const characters = ['a', '\0', 'é', '€', '😀', '\ufeff', '\uffff', '\u{10ffff}']
  for (const length of [0, 1, 2, 7, 100, 4_095, 4_096, 4_097, 20_000]) {
    const text = Array.from({ length }, () => random.pick(characters)).join('')
    const bytes = new TextEncoder().encode(`..${text}.`)
    assert.equal(decodeUtf8(bytes, 2, bytes.length - 1), text)
    assert.equal(textLength(text), bytes.length - 3)
  }
})

test('a lone surrogate counts as what takes its place', () => {
  for (const text of ['\ud800', '\udc00', 'a\ud800b', '\ud800\ud800', '\udc00\ud800', '😀\ud83d'])
    assert.equal(textLength(text), new TextEncoder().encode(text).length, JSON.stringify(text))
})
