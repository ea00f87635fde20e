import assert from 'node:assert/strict'
import { isIP, SocketAddress } from 'node:net'
import { describe, test } from 'node:test'
import {
  AddressError,
  addressMatcher,
  canonicalAddress,
  formatAddress,
  parseAddress,
} from '../src/sniff/index.ts'
import { mutate, Random } from './support/random.ts'
import { bytes, text } from './support/splits.ts'

/** Text to what RFC 5952 makes of it. */
const CANONICAL: readonly (readonly [string, string])[] = [
  ['192.0.2.1', '192.0.2.1'],
  ['0.0.0.0', '0.0.0.0'],
  ['255.255.255.255', '255.255.255.255'],
  ['::', '::'],
  ['0:0:0:0:0:0:0:0', '::'],
  ['::1', '::1'],
  ['1::', '1::'],
  ['0:0:0:0:0:0:0:1', '::1'],
  // RFC 5952 §2, §4.1: leading zeros go
  ['2001:0db8:0000:0000:0001:0000:0000:0001', '2001:db8::1:0:0:1'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['2001:db8::0:1:0:0:1', '2001:db8::1:0:0:1'],
  // §4.2.1: as short as possible
  ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
  ['2001:db8::0:1', '2001:db8::1'],
  // §4.2.2: one group of zeros is not shortened
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:db8::1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  // §4.2.3: the longest run, and of equal ones the first
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['1:0:0:2:3:4:0:0', '1::2:3:4:0:0'],
  ['0:0:1:2:3:4:5:0', '::1:2:3:4:5:0'],
  ['1:2:3:4:5:6:0:0', '1:2:3:4:5:6::'],
  ['0:1:0:1:0:1:0:1', '0:1:0:1:0:1:0:1'],
  // §4.3: lower case
  ['2001:DB8::AbCd', '2001:db8::abcd'],
  // §5: IPv4-mapped addresses in the mixed notation, however they came
  ['::ffff:c000:0201', '::ffff:192.0.2.1'],
  ['::FFFF:192.0.2.1', '::ffff:192.0.2.1'],
  ['0:0:0:0:0:ffff:192.0.2.1', '::ffff:192.0.2.1'],
  ['0000:0000:0000:0000:0000:ffff:255.255.255.255', '::ffff:255.255.255.255'],
  // §5: no other prefix is known
  ['::192.0.2.1', '::c000:201'],
  ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ['::ffff:0:192.0.2.1', '::ffff:0:c000:201'],
  ['1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:102:304'],
  ['1:2:3:4:5::1.2.3.4', '1:2:3:4:5:0:102:304'],
]

/** What some parser takes for an address, or what looks like one. */
const REFUSED = [
  '',
  ' ',
  'localhost',
  '1',
  '1.2.3',
  '1.2.3.4.5',
  '1.2.3.4.',
  '.1.2.3.4',
  '1..2.3',
  '1.2.3.256',
  '1.2.3.1000',
  '1.2.3.99999999999999999999',
  '01.2.3.4',
  '1.2.3.00',
  '010.0.0.1',
  '0x7f.0.0.1',
  '0x7f000001',
  '2130706433',
  '127.1',
  '1.2.3.4 ',
  ' 1.2.3.4',
  '1.2.3.4\n',
  '1.2.3.4\0',
  '1.2.3.-4',
  '1.2.3.+4',
  '1,2,3,4',
  '1.2.3.4/32',
  '1.2.3.4:80',
  '１.2.3.4',
  '1。2。3。4',
  '٣.2.3.4',
  ':',
  ':::',
  '::::',
  '1:',
  ':1',
  ':1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4:5:6:7:8::',
  '::1:2:3:4:5:6:7:8',
  '1:2:3:4::5:6:7:8',
  '1::2::3',
  ':::1',
  '1:::2',
  '12345::',
  '::00001',
  '::g',
  '::1 ',
  '[::1]',
  '::1%',
  'fe80::1%eth0',
  'fe80::1%1',
  '::1/128',
  '::1.2.3',
  '::1.2.3.4.5',
  '::1.2.3.256',
  '::01.2.3.4',
  '::.1.2.3',
  '::1.2.3.4:1',
  '1.2.3.4::',
  '1:2:3:4:5:6:7:1.2.3.4',
  '1:2:3:4:5:6::1.2.3.4',
  '::ffff:a.2.3.4',
  '0000:0000:0000:0000:0000:ffff:255.255.255.2555',
  '::' + '0'.repeat(1000),
  '__proto__',
]

test('what is read is written as RFC 5952 has it', () => {
  for (const [given, canonical] of CANONICAL) {
    assert.equal(canonicalAddress(given), canonical, given)
    assert.equal(canonicalAddress(canonical), canonical, `${canonical}, again`)
  }
})

test('what is not exactly an address is refused', () => {
  for (const given of REFUSED) assert.equal(parseAddress(given), undefined, JSON.stringify(given))
})

test('bytes are read in network order, wherever they lie', () => {
  assert.deepEqual(parseAddress('1.2.3.4'), Uint8Array.of(1, 2, 3, 4))
  assert.deepEqual(parseAddress('102:304::f'), Uint8Array.of(1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 15))
  const inside = Uint8Array.of(9, 9, 1, 2, 3, 4, 9)
  assert.equal(formatAddress(inside, 2, 4), '1.2.3.4')
  const wide = new Uint8Array(20)
  wide[19] = 1
  assert.equal(formatAddress(wide, 4), '::1')
  assert.equal(formatAddress(wide, 3, 16), '::')
})

test('every address survives, and Node writes the same', () => {
  const random = new Random(5952)
  for (let input = 0; input < 5000; input++) {
    const address = Uint8Array.from({ length: 16 }, () => (random.next() < 0.6 ? 0 : random.below(256)))
    const written = formatAddress(address)
    assert.deepEqual(parseAddress(written), address)
    // Node also writes the deprecated IPv4-compatible addresses, ::/96, in the mixed notation.
    if (address.subarray(0, 12).every((byte) => byte === 0)) continue
    assert.equal(new SocketAddress({ family: 'ipv6', address: written }).address, written)
  }
})

test('damaged addresses: the same verdict as Node, but for zones and text beyond ASCII', () => {
  const random = new Random(4291)
  const corpus = [...CANONICAL.flat(), ...REFUSED.filter((one) => one.length < 60)]
    .filter((one) => /^[\x20-\x7e]*$/.test(one))
    .map(bytes)
  let addresses = 0
  for (let input = 0; input < 30_000; input++) {
    const given = text(mutate(random, corpus))
    if (given.includes('%')) continue
    const parsed = parseAddress(given)
    assert.equal(parsed === undefined ? 0 : parsed.length === 4 ? 4 : 6, isIP(given), JSON.stringify(given))
    addresses += parsed === undefined ? 0 : 1
  }
  assert.ok(addresses > 1000, `only ${addresses} were addresses`)
})

describe('addressMatcher', () => {
  test('holds what shares the prefix', () => {
    const matches = addressMatcher(['10.0.0.0/8', '192.168.4.0/22', '172.16.0.1', '::1', '2001:db8::/33'])
    for (const address of ['10.0.0.0', '10.255.255.255', '192.168.4.0', '192.168.7.255', '172.16.0.1'])
      assert.ok(matches(address), address)
    for (const address of ['::1', '0:0::1', '2001:db8::', '2001:DB8:7fff:ffff::1'])
      assert.ok(matches(address), address)
    for (const address of ['9.255.255.255', '11.0.0.0', '192.168.3.255', '192.168.8.0', '172.16.0.2'])
      assert.ok(!matches(address), address)
    for (const address of ['::', '::2', '2001:db8:8000::', '2001:db9::'])
      assert.ok(!matches(address), address)
  })

  test('every prefix length, on both sides of its edge', () => {
    for (const most of [32, 128]) {
      for (let prefix = 1; prefix <= most; prefix++) {
        const base = new Uint8Array(most / 8).fill(0xff)
        for (let bit = prefix; bit < most; bit++) base[bit >> 3]! &= ~(0x80 >> (bit & 7))
        const matches = addressMatcher([`${formatAddress(base)}/${prefix}`])
        const highest = new Uint8Array(most / 8).fill(0xff)
        const outside = Uint8Array.from(base)
        outside[(prefix - 1) >> 3]! ^= 0x80 >> ((prefix - 1) & 7)
        assert.ok(matches(formatAddress(base)), `the first of /${prefix}`)
        assert.ok(matches(formatAddress(highest)), `the last of /${prefix}`)
        assert.ok(!matches(formatAddress(outside)), `outside of /${prefix}`)
      }
    }
  })

  test('an IPv4-mapped address is its IPv4 address, on both sides', () => {
    for (const range of ['10.0.0.0/8', '::ffff:10.0.0.0/104', '::ffff:a00:0/104']) {
      const matches = addressMatcher([range])
      for (const address of ['10.1.2.3', '::ffff:10.1.2.3', '::FFFF:0a01:0203']) assert.ok(matches(address))
      for (const address of ['11.0.0.1', '::ffff:11.0.0.1', '::10.1.2.3', '::10', 'a00::'])
        assert.ok(!matches(address), address)
    }
    assert.ok(addressMatcher(['::ffff:0:0/96'])('1.2.3.4'))
  })

  test('families are apart: everything of one is nothing of the other', () => {
    const [four, six] = [addressMatcher(['0.0.0.0/0']), addressMatcher(['::/0'])]
    assert.deepEqual(['1.2.3.4', '::ffff:1.2.3.4', '::1', '::'].map(four), [true, true, false, false])
    assert.deepEqual(['1.2.3.4', '::ffff:1.2.3.4', '::1', '::'].map(six), [false, false, true, true])
  })

  test('what is no address is in no range', () => {
    const matches = addressMatcher(['0.0.0.0/0', '::/0'])
    for (const address of REFUSED) assert.ok(!matches(address), JSON.stringify(address))
    assert.ok(!addressMatcher([])('127.0.0.1'))
  })

  test('a range that is ambiguous is refused', () => {
    const refused = [
      ...REFUSED.filter((one) => one !== '1.2.3.4/32' && one !== '::1/128'),
      '10.0.0.0/',
      '10.0.0.0/33',
      '10.0.0.0/08',
      '10.0.0.0/-1',
      '10.0.0.0/ 8',
      '10.0.0.0/8 ',
      '10.0.0.0/8/8',
      '10.0.0.0/1e1',
      '10.0.0.0/255.0.0.0',
      '10/8',
      '10.0.0.1/8',
      '10.0.0.128/24',
      '::/129',
      '::1/127',
      'fe80::1/10',
      '::ffff:0:0/95',
      '::ffff:10.0.0.0/8',
      '/8',
      '*',
      'loopback',
    ]
    for (const range of refused) {
      assert.throws(
        () => addressMatcher(['::1', range]),
        (error) => {
          assert.ok(error instanceof AddressError)
          assert.equal(error.code, 'ERR_ADDRESS_RANGE_INVALID')
          assert.match(error.message, /^Cannot match the range ".*": [^.]/s)
          assert.ok(!error.message.endsWith('.'))
          return true
        },
        JSON.stringify(range),
      )
    }
  })
})
