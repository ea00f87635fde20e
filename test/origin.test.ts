import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  compileOrigins,
  corsFields,
  HttpError,
  type OriginPattern,
  preflightFields,
  sameOrigin,
} from '../src/http/index.ts'

const rows: [allow: OriginPattern | OriginPattern[], allowed: string[], refused: string[]][] = [
  [
    'example.com',
    [
      'https://example.com',
      'http://example.com',
      'https://EXAMPLE.com',
      'https://example.com:443',
      'http://example.com:80',
    ],
    [
      'https://www.example.com',
      'https://example.com.evil',
      'https://evilexample.com',
      'https://exampleXcom',
      'https://example.com:8080',
      'https://example.com:80',
      'http://example.com:443',
      'https://example.com/',
      'https://example.com/path',
      'https://user@example.com',
      'https://example.com?',
      'https://example.com#',
      'https://example.com.',
      'https://.example.com',
      'https://example.com:8o',
      'https://example.com\n',
      ' https://example.com',
      'https://example.com https://example.com',
      'https://example.com,https://evil',
      'ftp://example.com',
      'example.com',
      '//example.com',
      'https:example.com',
      'https://',
      'null',
      '',
    ],
  ],
  [
    '*.example.com',
    [
      'https://example.com',
      'https://www.example.com',
      'https://a.b-c.d_e.example.com',
      'https://x.EXAMPLE.COM',
    ],
    [
      'https://evilexample.com',
      'https://example.com.evil',
      'https://www.example.com:8080',
      'https://.example.com',
      'https://a..example.com',
      'https://*.example.com',
      'https://evil/.example.com',
      'https://evil?.example.com',
      'https://evil@example.com',
      'null',
    ],
  ],
  [
    'app-*.example.com',
    ['https://app-1.example.com', 'https://app-a_b-c.example.com'],
    [
      'https://app-.example.com',
      'https://app.example.com',
      'https://app-a.b.example.com',
      'https://xapp-1.example.com',
    ],
  ],
  ['*-x.*.com', ['https://a-x.b.com'], ['https://-x.b.com', 'https://a-x.com', 'https://a-x.b.c.com']],
  ['a*a.com', ['https://aba.com', 'https://aaa.com'], ['https://aa.com', 'https://a.com']],
  ['*.*.com', ['https://a.com', 'https://b.a.com', 'https://c.b.a.com'], ['https://com']],
  [
    'localhost:8080',
    ['http://localhost:8080', 'https://localhost:8080'],
    ['http://localhost', 'http://localhost:80801'],
  ],
  [
    'localhost:*',
    ['http://localhost', 'https://localhost:1', 'http://localhost:65535'],
    ['http://localhost:0', 'http://localhost:65536'],
  ],
  ['a:443', ['https://a', 'https://a:443', 'http://a:443'], ['http://a', 'http://a:80']],
  [
    '[::1]:8080',
    ['http://[::1]:8080'],
    ['http://[::1]', 'http://[::2]:8080', 'http://[::1]x:8080', 'http://[::1:8080'],
  ],
  ['127.0.0.1', ['http://127.0.0.1'], ['http://127.0.0.2', 'http://127x0.0.1']],
  ['*', ['https://anything:1', 'null', 'chrome-extension://abc', 'nonsense'], ['']],
  [
    ['a', 'b:*'],
    ['http://a', 'http://b:1'],
    ['http://a:1', 'http://c'],
  ],
  [['a', '*'], ['http://c'], []],
  [[], [], ['http://a', 'null', '']],
  [
    /a|ab|(?:x\.)?c:\d+/g,
    ['http://a', 'http://ab', 'http://AB', 'http://c:81', 'https://x.c:1'],
    ['http://abc', 'http://ba', 'http://c', 'http://a:1', 'null', 'a'],
  ],
]
for (const [allow, allowed, refused] of rows) {
  test(`origins: ${String(allow) || 'none'}`, () => {
    const test = compileOrigins(allow)
    for (const origin of allowed) assert.equal(test(origin), true, `${origin} is allowed`)
    for (const origin of refused) assert.equal(test(origin), false, `${JSON.stringify(origin)} is refused`)
  })
}

test('patterns that cannot be one throw', () => {
  for (const pattern of [
    '',
    'https://a',
    'a/b',
    'a b',
    'a..b',
    '.a',
    'a.',
    'a:',
    'a:x',
    'a:0',
    'a:65536',
    'a:1:2',
    '**',
    '*.',
    'a**b',
    'a*b*c',
    '*.[::1]',
    '[*]',
    '[::1',
    'a,b',
    'u@a',
    '*:',
    'ä.com',
  ])
    assert.throws(
      () => compileOrigins(pattern),
      (error) => error instanceof HttpError && error.code === 'ERR_HTTP_ORIGIN_PATTERN_INVALID',
      JSON.stringify(pattern),
    )
})

test('a long origin is refused, and in time', () => {
  const test = compileOrigins(['*.example.com', 'a*a.com', /(x+)+y/])
  assert.equal(test(`https://${'a.'.repeat(100_000)}example.com`), false)
  assert.equal(test(`https://${'a.'.repeat(100)}example.com`), true)
})

test('sameOrigin: scheme, host and port, the default one included', () => {
  for (const [origin, host, encrypted, same] of [
    ['https://a', 'a', true, true],
    ['https://A', 'a:443', true, true],
    ['http://a', 'a:80', false, true],
    ['http://a', 'a:', false, true],
    ['http://a:8080', 'A:8080', false, true],
    ['http://[::1]:1', '[::1]:1', false, true],
    ['http://a', 'a', true, false],
    ['https://a', 'a', false, false],
    ['https://a', 'a:8443', true, false],
    ['https://a:80', 'a', true, false],
    ['https://a.b', 'a', true, false],
    ['null', 'null', true, false],
    ['', '', true, false],
    ['https://a', '', true, false],
  ] as const)
    assert.equal(sameOrigin(origin, host, encrypted), same, `${origin} ${host} ${encrypted}`)
})

test('corsFields echoes the origin and never opens to all', () => {
  assert.deepEqual(corsFields('https://a'), [
    ['Access-Control-Allow-Origin', 'https://a'],
    ['Vary', 'Origin'],
  ])
  assert.deepEqual(corsFields('https://a', { credentials: true })[2], [
    'Access-Control-Allow-Credentials',
    'true',
  ])
  assert.equal(corsFields('https://a', { credentials: false }).length, 2)
})

test('preflightFields echoes a list of tokens, and nothing else', () => {
  assert.deepEqual(
    preflightFields('https://a', { methods: ['GET', 'POST'], requestHeaders: 'x-a,X-B', maxAge: 600 }),
    [
      ['Access-Control-Allow-Origin', 'https://a'],
      ['Vary', 'Origin'],
      ['Access-Control-Allow-Methods', 'GET, POST'],
      ['Access-Control-Allow-Headers', 'x-a, X-B'],
      ['Access-Control-Max-Age', '600'],
    ],
  )
  for (const requestHeaders of [undefined, '', ',', 'a b', 'a,', 'a;b', 'a\r\nb', '\u20ac']) {
    const names = preflightFields('https://a', { methods: ['GET'], requestHeaders }).map(([name]) => name)
    assert.equal(names.includes('Access-Control-Allow-Headers'), false, JSON.stringify(requestHeaders))
  }
})
