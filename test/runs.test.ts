import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TOKEN, VALUE } from '../src/http/characters.ts'
import { NO_WORDS, plainEnd, runEnd, trimmedEnd, wordsOf } from '../src/http/request/runs.ts'
import { bytes } from './support/splits.ts'

test('plainEnd stops at the pair of words that holds what is no value, wherever in it, and at nothing else', () => {
  for (let byte = 0; byte < 256; byte++)
    for (const neighbour of [0x20, 0x7e, 0x80, 0xff])
      for (let place = 0; place < 8; place++) {
        const data = new Uint8Array(32).fill(neighbour)
        data[16 + place] = byte
        const plain = byte >= 0x20 && byte !== 0x7f
        const end = plainEnd(wordsOf(data, 0, 32), 0)
        assert.equal(
          end,
          plain ? 8 : 4,
          `0x${byte.toString(16)} at ${place} among 0x${neighbour.toString(16)}`,
        )
      }
})

test('plainEnd leaves a word that has no other, and what is before its start', () => {
  const data = bytes(`\x00${'v'.repeat(31)}`)
  for (let words = 0; words <= 8; words++)
    for (let from = 1; from <= words; from++)
      assert.equal(plainEnd(wordsOf(data, 0, words * 4), from), words - ((words - from) % 2))
  assert.equal(plainEnd(NO_WORDS, 0), 0)
  assert.equal(plainEnd(NO_WORDS, 3), 3)
})

test('wordsOf begins before the chunk if need be, and never reaches behind the stop', () => {
  const memory = new Uint8Array(64)
  for (let offset = 4; offset < 8; offset++)
    for (let stop = 0; stop < 20; stop++) {
      const chunk = memory.subarray(offset, offset + 24)
      const from = -(offset & 3)
      const words = wordsOf(chunk, from, stop)
      assert.equal(words.byteOffset, offset + from)
      assert.equal(words.length, Math.floor((stop - from) / 4))
    }
})

test('runEnd and trimmedEnd stay within their bounds', () => {
  const data = bytes(' \tname: v w \t ')
  assert.equal(runEnd(data, 2, data.length, TOKEN), 6)
  assert.equal(runEnd(data, 2, 4, TOKEN), 4)
  assert.equal(runEnd(data, 6, data.length, TOKEN), 6)
  assert.equal(runEnd(data, 0, data.length, VALUE), data.length)
  assert.equal(trimmedEnd(data, 8, data.length), 11)
  assert.equal(trimmedEnd(data, 0, 2), 0)
  assert.equal(trimmedEnd(data, 13, 14), 13)
})
