import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type FlashPolicyRule, flashPolicy, RawError } from '../src/raw/index.ts'
import { text } from './support/splits.ts'

function accesses(rules: readonly FlashPolicyRule[]): string[] {
  return text(flashPolicy(rules)).match(/<allow-access-from [^>]*>/g) ?? []
}

test('the whole answer: XML, and NUL behind it', () => {
  const answer = text(
    flashPolicy([
      { domain: '*.example.com', ports: [8080, [9000, 9010]] },
      { domain: '192.0.2.1', ports: '*' },
    ]),
  )
  assert.equal(
    answer,
    '<?xml version="1.0"?>\n' +
      '<!DOCTYPE cross-domain-policy SYSTEM "http://www.adobe.com/xml/dtds/cross-domain-policy.dtd">\n' +
      '<cross-domain-policy>\n' +
      '<allow-access-from domain="*.example.com" to-ports="8080,9000-9010"/>\n' +
      '<allow-access-from domain="192.0.2.1" to-ports="*"/>\n' +
      '</cross-domain-policy>\n\0',
  )
})

test('without a rule nobody is let in', () => {
  assert.deepEqual(accesses([]), [])
  assert.match(text(flashPolicy([])), /<cross-domain-policy>\n<\/cross-domain-policy>\n\0$/)
})

test('a star is there only where a rule says so', () => {
  assert.deepEqual(accesses([{ domain: '*', ports: '*' }]), ['<allow-access-from domain="*" to-ports="*"/>'])
  assert.deepEqual(accesses([{ domain: 'a.example', ports: [1, 65_535] }]), [
    '<allow-access-from domain="a.example" to-ports="1,65535"/>',
  ])
})

test('domains that are taken', () => {
  const domains = [
    'localhost',
    'A-b_c.EXAMPLE',
    'zZ.example',
    'xn--bcher-kva.example',
    '1.a',
    '*.a',
    '255.0.9.10',
  ]
  const longest = [`${'a'.repeat(63)}.a`, `${'a.'.repeat(126)}a`]
  for (const domain of [...domains, ...longest]) {
    assert.deepEqual(accesses([{ domain, ports: [80] }]), [
      `<allow-access-from domain="${domain}" to-ports="80"/>`,
    ])
  }
})

test('a range may be one port', () => {
  assert.deepEqual(accesses([{ domain: 'a', ports: [[8, 8]] }]), [
    '<allow-access-from domain="a" to-ports="8-8"/>',
  ])
})

const refusedDomains: unknown[] = [
  '',
  '.',
  '*.',
  '**',
  '*a.example',
  'a.*.example',
  '*.*',
  '*.192.0.2.1',
  '192.0.2',
  '192.0.2.256',
  '192.0.2.01',
  '1234',
  'a..b',
  '.a',
  'a.',
  '-a.example',
  'a-.example',
  'a b',
  'a:80',
  'http://a.example',
  'bücher.example',
  '"/><allow-access-from domain="*" to-ports="*',
  "a'b",
  'a&b',
  'a\0',
  'a\n',
  '[::1]',
  'a'.repeat(64),
  `${'a.'.repeat(127)}a`,
  undefined,
  null,
  8,
]

test('domains that are refused, and so is whatever would need escaping', () => {
  for (const domain of refusedDomains) {
    assert.throws(
      () => flashPolicy([{ domain: domain as string, ports: [80] }]),
      (error) =>
        error instanceof RawError &&
        error.code === 'ERR_FLASH_POLICY_INVALID' &&
        /^Cannot make the Flash policy: the domain .* is not [^\r\n]*[^.]$/.test(error.message),
      String(domain),
    )
  }
})

test('ports that are refused', () => {
  const lists: unknown[] = [
    [],
    [0],
    [65_536],
    [-1],
    [1.5],
    [Number.NaN],
    ['80'],
    [[9, 8]],
    [[1]],
    [[1, 2, 3]],
    [[0, 5]],
    [[1, 65_536]],
    ['*'],
    '80',
    undefined,
    80,
  ]
  for (const ports of lists) {
    assert.throws(
      () => flashPolicy([{ domain: 'a.example', ports: ports as '*' }]),
      (error) => error instanceof RawError && error.code === 'ERR_FLASH_POLICY_INVALID',
      JSON.stringify(ports),
    )
  }
})
