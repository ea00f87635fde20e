import assert from 'node:assert/strict'
import { test } from 'node:test'
import { base64Length, encodeBase64 } from '../src/ws-codec/index.ts'
import { bytes } from './support/splits.ts'

test('RFC 4648 §10', () => {
  const vectors = ['', 'Zg==', 'Zm8=', 'Zm9v', 'Zm9vYg==', 'Zm9vYmE=', 'Zm9vYmFy']
  for (const [length, encoded] of vectors.entries()) {
    assert.equal(encodeBase64(bytes('foobar'.slice(0, length))), encoded)
    assert.equal(base64Length(encoded), length)
  }
})

test('every byte in every place agrees with Buffer', () => {
  for (let byte = 0; byte < 256; byte++) {
    for (let length = 1; length <= 4; length++) {
      const data = new Uint8Array(length).fill(byte)
      const encoded = Buffer.from(data).toString('base64')
      assert.equal(encodeBase64(data), encoded)
      assert.equal(base64Length(encoded), length)
    }
  }
})

test('what is not base 64 has length -1', () => {
  for (const text of [
    'A',
    'AA',
    'AAA',
    'A===',
    '====',
    'AA=A',
    '=AAA',
    'AAAAA',
    'AA==AAAA',
    'AA\n=',
    ' AAA',
  ]) {
    assert.equal(base64Length(text), -1, JSON.stringify(text))
  }
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  for (let code = 0; code < 0x300; code++) {
    const character = String.fromCharCode(code)
    if (character === '=') continue
    assert.equal(
      base64Length('AA' + character + 'A'),
      digits.includes(character) ? 3 : -1,
      `character ${code}`,
    )
  }
})
