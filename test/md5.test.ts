import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { md5 } from '../src/ws-codec/index.ts'
import { bytes } from './support/splits.ts'

function hex(data: Uint8Array): string {
  return Buffer.from(data).toString('hex')
}

test('RFC 1321 §A.5', () => {
  const letters = 'abcdefghijklmnopqrstuvwxyz'
  const suite: [string, string][] = [
    ['', 'd41d8cd98f00b204e9800998ecf8427e'],
    ['a', '0cc175b9c0f1b6a831c399e269772661'],
    ['abc', '900150983cd24fb0d6963f7d28e17f72'],
    ['message digest', 'f96b697d7cb7938d525a2f31aaf161d0'],
    [letters, 'c3fcd3d76192e4007dfb496cca67e13b'],
    [letters.toUpperCase() + letters + '0123456789', 'd174ab98d277d9f5a5611c2c9f419d9f'],
    ['1234567890'.repeat(8), '57edf4a22be3c955ac49da2e2107b67a'],
  ]
  for (const [text, digest] of suite) assert.equal(hex(md5(bytes(text))), digest, text)
})

test('every length up to three blocks agrees with node:crypto', () => {
  for (let length = 0; length <= 192; length++) {
    const data = new Uint8Array(length).map((_, index) => index * 31 + length)
    assert.equal(hex(md5(data)), createHash('md5').update(data).digest('hex'), `${length} bytes`)
  }
})
