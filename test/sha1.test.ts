import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { sha1 } from '../src/ws-codec/index.ts'
import { bytes } from './support/splits.ts'

function hex(data: Uint8Array): string {
  return Buffer.from(data).toString('hex')
}

test('RFC 3174 §7.3', () => {
  assert.equal(hex(sha1(bytes('abc'))), 'a9993e364706816aba3e25717850c26c9cd0d89d')
  const second = 'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq'
  assert.equal(hex(sha1(bytes(second))), '84983e441c3bd26ebaae4aa1f95129e5e54670f1')
  assert.equal(hex(sha1(bytes('a'.repeat(1_000_000)))), '34aa973cd4c4daa4f61eeb2bdbad27316534016f')
  const fourth = '0123456701234567012345670123456701234567012345670123456701234567'.repeat(10)
  assert.equal(hex(sha1(bytes(fourth))), 'dea356a2cddd90c7a7ecedc5ebb563934f460452')
})

test('every length up to three blocks agrees with node:crypto', () => {
  for (let length = 0; length <= 192; length++) {
    const data = new Uint8Array(length).map((_, index) => index * 31 + length)
    assert.equal(hex(sha1(data)), createHash('sha1').update(data).digest('hex'), `${length} bytes`)
  }
})
