import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requestOrigin } from '../src/sessions/index.ts'

function read(fields: Record<string, string>): [origin: string | undefined, declared: boolean] {
  const { origin, declared } = requestOrigin((name) => new Map(Object.entries(fields)).get(name))
  return [origin, declared]
}

test('the Origin field is taken as it is', () => {
  assert.deepEqual(read({ origin: 'https://example.com' }), ['https://example.com', true])
  assert.deepEqual(read({ origin: 'null' }), ['null', true])
  assert.deepEqual(read({ origin: '' }), ['', true])
  assert.deepEqual(read({ origin: 'https://a', referer: 'https://b/' }), ['https://a', true])
})

test('without one the page tells', () => {
  for (const [referer, origin] of [
    ['https://example.com/chat?room=1#x', 'https://example.com'],
    ['HTTP://Example.COM:80/', 'http://example.com'],
    ['https://example.com:443', 'https://example.com'],
    ['https://example.com:80/', 'https://example.com:80'],
    ['http://[::1]:8080/x', 'http://[::1]:8080'],
    ['http://[::80]/x', 'http://[::80]'],
    ['http://a?http://b', 'http://a'],
    ['http://a\\b', 'http://a'],
  ] as const)
    assert.deepEqual(read({ referer }), [origin, false], referer)
})

test('an address of no page tells nothing', () => {
  for (const referer of [
    '',
    'about:blank',
    'http://',
    'http:///x',
    'https://a@b/',
    '//example.com/',
    'ftp://a/',
    'android-app://x',
  ])
    assert.deepEqual(read({ referer }), [undefined, false], referer)
})

test('a page that hides and is of another origin is null', () => {
  assert.deepEqual(read({ 'sec-fetch-site': 'cross-site' }), ['null', false])
  assert.deepEqual(read({ 'sec-fetch-site': 'same-site' }), ['null', false])
  assert.deepEqual(read({ 'sec-fetch-site': 'same-origin' }), [undefined, false])
  assert.deepEqual(read({ 'sec-fetch-site': 'none' }), [undefined, false])
  assert.deepEqual(read({ 'sec-fetch-site': 'cross-site', referer: 'http://a/' }), ['http://a', false])
  assert.deepEqual(read({}), [undefined, false])
})

test('a form that says null to its own server is of the same origin', () => {
  assert.deepEqual(read({ origin: 'null', 'sec-fetch-site': 'same-origin' }), [undefined, false])
  assert.deepEqual(read({ origin: 'null', 'sec-fetch-site': 'cross-site' }), ['null', true])
  assert.deepEqual(read({ origin: 'http://a', 'sec-fetch-site': 'same-origin' }), ['http://a', true])
})
