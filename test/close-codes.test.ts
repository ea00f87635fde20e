import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CloseCode, isSendableCloseCode } from '../src/ws-codec/index.ts'

test('1000–1003, 1007–1014 and 3000–4999 may be sent, and nothing else', () => {
  const ranges: [from: number, to: number][] = [
    [1000, 1003],
    [1007, 1014],
    [3000, 4999],
  ]
  for (let code = -1; code <= 0x10001; code++) {
    const expected = ranges.some(([from, to]) => code >= from && code <= to)
    if (isSendableCloseCode(code) !== expected) assert.fail(`${code}`)
  }
  for (const code of [1000.5, Number.NaN, Number.POSITIVE_INFINITY])
    assert.equal(isSendableCloseCode(code), false)
})

test('of the named codes, three never go over the wire', () => {
  const never = Object.values(CloseCode).filter((code) => !isSendableCloseCode(code))
  assert.deepEqual(never, [CloseCode.noStatus, CloseCode.abnormal, CloseCode.tlsHandshake])
})
