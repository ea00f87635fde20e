import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isLineEnd, LINE_END_LENGTH } from '../src/http/request/version.ts'
import { bytes } from './support/splits.ts'

test('the usual end of a request line is known, and no other byte in any place of it', () => {
  const usual = bytes('..HTTP/1.1\r\n')
  assert.equal(LINE_END_LENGTH, usual.length - 2)
  assert.equal(isLineEnd(usual, 2), true)
  for (let place = 2; place < usual.length; place++)
    for (let byte = 0; byte < 256; byte++) {
      const other = Uint8Array.from(usual)
      other[place] = byte
      assert.equal(isLineEnd(other, 2), byte === usual[place], `0x${byte.toString(16)} at ${place}`)
    }
  assert.equal(isLineEnd(bytes('HTTP/1.1\r'), 0), false)
})
