import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CHALLENGE_RANDOM, keyNumber, makeChallenge, respond } from '../src/ws-codec/handshake/challenge.ts'
import { Random } from './support/random.ts'
import { bytes, text } from './support/splits.ts'

// draft-hixie-thewebsocketprotocol-76 §1.2, §1.3 and §4.2
const EXAMPLES = [
  {
    keys: ['4 @1  46546xW%0l 1 5', '12998 5 Y3 1  .P00'],
    numbers: [829309203, 259970620],
    body: '^n:ds[4U',
    answer: "8jKS'y:G*Co,Wxa-",
  },
  {
    keys: ['18x 6]8vM;54 *(5:  {   U1]8  z [  8', '1_ tx7X d  <  nw  334J702) 7]o}` 0'],
    numbers: [155712099, 173347027],
    body: 'Tm[K T2u',
    answer: 'fQJ,fN/4F4!~K~MH',
  },
] as const

test('the examples of draft 76', () => {
  for (const { keys, numbers, body, answer } of EXAMPLES) {
    assert.deepEqual(keys.map(keyNumber), numbers)
    assert.equal(text(respond(numbers[0], numbers[1], bytes(body))), answer)
  }
})

test('W25: keys that hide no number', () => {
  const none = ['', ' ', ' x ', '12', '1x2', '1 1 1', '1  ', `${'9'.repeat(30)} `, '4294967296 ', '1\t2']
  for (const key of none) assert.equal(keyNumber(key), -1, JSON.stringify(key))
  assert.equal(keyNumber('4294967295 '), 0xffffffff)
  assert.equal(keyNumber('85 8993 4590'), 0xffffffff)
  assert.equal(keyNumber('0 0'), 0)
})

test('a key of 64 KiB takes linear time, and overflows nothing', () => {
  assert.equal(keyNumber('9'.repeat(65536)), -1)
  assert.equal(keyNumber(`${' '.repeat(65535)}0`), 0)
  assert.equal(keyNumber(`1${' '.repeat(65535)}`), -1)
})

test('a challenge needs eight bytes', () => {
  for (const length of [0, 7, 9])
    assert.throws(() => respond(1, 1, new Uint8Array(length)), { code: 'ERR_WS_OPTION' })
})

test('1,000 generated challenges keep to §4.1 items 16 to 26', (t) => {
  t.diagnostic('seed 76')
  const random = new Random(76)
  const extremes = [0x00, 0xff, 0x7f, 0x80].map((byte) => new Uint8Array(CHALLENGE_RANDOM).fill(byte))
  const nonces = [...extremes, ...Array.from({ length: 1000 }, () => random.bytes(CHALLENGE_RANDOM))]
  const seen = new Set<string>()
  for (const nonce of nonces) {
    const { key1, key2, body, response } = makeChallenge(nonce)
    for (const key of [key1, key2]) {
      seen.add(key)
      assert.match(key, /^[!-~][ -~]*[!-~]$/)
      const spaces = [...key].filter((character) => character === ' ').length
      const noise = [...key].filter((character) => !/[0-9 ]/.test(character)).length
      assert.ok(spaces >= 1 && spaces <= 12 && noise >= 1 && noise <= 12, key)
      assert.ok(keyNumber(key) >= 0, key)
    }
    assert.equal(body.length, 8)
    assert.deepEqual(response, respond(keyNumber(key1), keyNumber(key2), body))
  }
  assert.ok(seen.size > 1990)
})
