import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  bitString,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  tagged,
  time,
  utf8String,
} from '../src/node/tls/der.ts'

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

// Expected bytes worked out by hand from X.690.
const cases: [name: string, value: Uint8Array, expected: string][] = [
  ['integer 0', integer(Uint8Array.of(0)), '020100'],
  ['integer 127', integer(Uint8Array.of(0x7f)), '02017f'],
  ['integer 128 gets a leading zero', integer(Uint8Array.of(0x80)), '02020080'],
  ['integer with leading zeros', integer(Uint8Array.of(0, 0, 1)), '020101'],
  ['rsadsi 1.2.840.113549', objectIdentifier('1.2.840.113549'), '06062a864886f70d'],
  ['ecdsa-with-SHA256', objectIdentifier('1.2.840.10045.4.3.2'), '06082a8648ce3d040302'],
  ['common name', objectIdentifier('2.5.4.3'), '0603550403'],
  ['bit string', bitString(Uint8Array.of(0xaa)), '030200aa'],
  ['octet string', octetString(Uint8Array.of(1, 2)), '04020102'],
  ['UTF-8 string', utf8String('é'), '0c02c3a9'],
  ['sequence of two', sequence(integer(Uint8Array.of(1)), integer(Uint8Array.of(2))), '3006020101020102'],
  ['set', set(integer(Uint8Array.of(5))), '3103020105'],
  ['UTCTime', time(new Date('2049-12-31T23:59:59Z')), '170d' + Buffer.from('491231235959Z').toString('hex')],
  [
    'GeneralizedTime from 2050',
    time(new Date('2050-01-01T00:00:00Z')),
    '180f' + Buffer.from('20500101000000Z').toString('hex'),
  ],
]

for (const [name, value, expected] of cases) test(name, () => assert.equal(hex(value), expected))

test('lengths: one byte up to 127, then as few as they need', () => {
  for (const [length, prefix] of [
    [127, '047f'],
    [128, '048180'],
    [255, '0481ff'],
    [256, '04820100'],
    [65_536, '0483010000'],
  ] as const) {
    const value = tagged(0x04, new Uint8Array(length))
    assert.equal(hex(value.subarray(0, prefix.length / 2)), prefix)
    assert.equal(value.length, prefix.length / 2 + length)
  }
})
