import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  AnswerHead,
  acceptedBodyCodings,
  chooseCoding,
  markCoded,
  mayTransform,
  readContentCodings,
  varyByEncoding,
} from '../src/http/index.ts'

const OFFERED = ['br', 'gzip']

const choices: [acceptEncoding: string | undefined, chosen: string | undefined][] = [
  [undefined, 'identity'],
  ['', 'identity'],
  [' ', 'identity'],
  [',', 'identity'],
  [', ,\t,', 'identity'],
  ['br', 'br'],
  ['gzip', 'gzip'],
  ['GZip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['X-GZIP;q=0.5', 'gzip'],
  ['gzip, br', 'br'],
  ['gzip,br', 'br'],
  [',gzip,,', 'gzip'],
  ['gzip, deflate, br, zstd', 'br'],
  ['deflate, zstd', 'identity'],
  ['identity', 'identity'],

  // Weights
  ['br;q=0.5, gzip;q=0.8', 'gzip'],
  ['br;q=0.5, gzip;q=0.501', 'gzip'],
  ['br;q=0.501, gzip;q=0.500', 'br'],
  ['br;q=0.8, gzip;q=0.80', 'br'],
  ['br; q=0.5 , gzip ; q=0.8', 'gzip'],
  ['br\t;\tq=0.5\t,\tgzip\t;\tq=0.8\t', 'gzip'],
  ['br;Q=0.5, gzip;Q=0.6', 'gzip'],
  ['br;q=0, gzip', 'gzip'],
  ['br;q=0., gzip;q=0.001', 'gzip'],
  ['br;q=0.000, gzip;q=0.0', 'identity'],
  ['br;q=1., gzip;q=1.0', 'br'],
  ['br;q=0.999, gzip;q=1.000', 'gzip'],

  // `identity`, listed and not
  ['br, identity', 'br'],
  ['br;q=0.5, identity;q=0.5', 'br'],
  ['br;q=0.5, identity;q=0.6', 'identity'],
  ['br;q=0.001', 'br'],
  ['identity;q=0', undefined],
  ['identity;q=0, zstd', undefined],
  ['identity;q=0, gzip;q=0.1', 'gzip'],

  // `*`
  ['*', 'br'],
  ['*;q=0', undefined],
  ['*;q=0, gzip', 'gzip'],
  ['*;q=0, identity;q=0.5', 'identity'],
  ['*;q=0.5, identity;q=0', 'br'],
  ['gzip, *;q=0.1', 'gzip'],
  ['br;q=0.5, *;q=0.8', 'gzip'],
  ['br;q=0, *', 'gzip'],
  ['br;q=0.2, gzip;q=0.1, *;q=0.5', 'identity'],

  // Twice: the lower weight
  ['gzip;q=0, gzip', 'identity'],
  ['gzip, gzip;q=0', 'identity'],
  ['gzip, x-gzip;q=0.3, br;q=0.4', 'br'],
  ['*, *;q=0', undefined],
  ['identity, identity;q=0, br;q=0', undefined],

  // Malformed members are absent
  ['gzip;q=1.001', 'identity'],
  ['gzip;q=1.1', 'identity'],
  ['gzip;q=2', 'identity'],
  ['gzip;q=0.1234', 'identity'],
  ['gzip;q=1.0000', 'identity'],
  ['gzip;q=.5', 'identity'],
  ['gzip;q=-1', 'identity'],
  ['gzip;q=+1', 'identity'],
  ['gzip;q=00.5', 'identity'],
  ['gzip;q=0,5', 'identity'],
  ['gzip;q=0x1', 'identity'],
  ['gzip;q=1e0', 'identity'],
  ['gzip;q=', 'identity'],
  ['gzip;q', 'identity'],
  ['gzip;', 'identity'],
  ['gzip;;q=1', 'identity'],
  ['gzip;q =1', 'identity'],
  ['gzip;q= 1', 'identity'],
  ['gzip;q=1;q=1', 'identity'],
  ['gzip;q=1 x', 'identity'],
  ['gzip;level=1', 'identity'],
  ['gzip;level=1;q=1', 'identity'],
  ['gzip;q="1"', 'identity'],
  ['gzip q=1', 'identity'],
  ['gzip deflate', 'identity'],
  ['"gzip"', 'identity'],
  ['gzip/1', 'identity'],
  ['gz\u0131p', 'identity'],
  ['gzip\u00a0', 'identity'],
  [';q=1', 'identity'],
  ['=gzip', 'identity'],
  ['gzip;q=9, br;q=0.1', 'br'],
  ['identity;q=0.0000', 'identity'],
  ['*;q=x', 'identity'],

  // Names of Object.prototype, and what only begins or ends alike
  ['__proto__, constructor, toString', 'identity'],
  ['gzipp, xgzip, x-br, b, brr', 'identity'],
]

describe('chooseCoding', () => {
  for (const [acceptEncoding, chosen] of choices) {
    test(`${acceptEncoding === undefined ? 'no field' : JSON.stringify(acceptEncoding)}: ${chosen}`, () => {
      assert.equal(chooseCoding(acceptEncoding, OFFERED), chosen)
    })
  }

  test('the order of what is offered decides among equals', () => {
    assert.equal(chooseCoding('br, gzip', ['gzip', 'br']), 'gzip')
    assert.equal(chooseCoding('*', ['gzip', 'br']), 'gzip')
    assert.equal(chooseCoding('br', ['gzip', 'br']), 'br')
  })

  test('nothing offered: whether an answer without coding is refused', () => {
    for (const allowed of [undefined, '', 'gzip', 'gzip;q=0', '*', 'identity;q=0.1', '*;q=0, identity']) {
      assert.equal(chooseCoding(allowed, []), 'identity')
    }
    for (const refused of ['identity;q=0', '*;q=0', 'gzip, *;q=0', 'br, identity; q=0.000']) {
      assert.equal(chooseCoding(refused, []), undefined)
    }
  })

  test('every weight of three digits is told from its neighbour', () => {
    const weight = (thousandths: number) => (thousandths / 1000).toFixed(3)
    for (let least = 0; least < 1000; least++) {
      assert.equal(chooseCoding(`br;q=${weight(least)}, gzip;q=${weight(least + 1)}`, OFFERED), 'gzip')
      assert.equal(chooseCoding(`br;q=${weight(least + 1)}, gzip;q=${weight(least)}`, OFFERED), 'br')
    }
  })

  test('a list of any length takes linear time', () => {
    const lists = [',', ' ', 'gzip;q=0.1,', 'gzip;', ';q=', 'x', 'x,', '"', '*;q=0.5,\t', 'gzip \t']
    for (const part of lists) {
      const list = part.repeat(4_000_000 / part.length)
      const before = process.cpuUsage()
      chooseCoding(list, OFFERED)
      readContentCodings(list)
      const { user, system } = process.cpuUsage(before)
      assert.ok(user + system < 3_000_000, `4 MB of ${JSON.stringify(part)} took ${user + system} µs`)
    }
  })
})

describe('readContentCodings', () => {
  const codings: [contentEncoding: string | undefined, coding: string | undefined][] = [
    [undefined, 'identity'],
    ['', 'identity'],
    [' ', 'identity'],
    [',', 'identity'],
    ['identity', 'identity'],
    ['Identity, identity', 'identity'],
    ['gzip', 'gzip'],
    ['GZIP', 'gzip'],
    ['x-gzip', 'gzip'],
    ['deflate', 'deflate'],
    ['br', 'br'],
    ['\tbr ', 'br'],
    [',gzip, ', 'gzip'],
    ['identity, gzip', 'gzip'],
    ['br,identity', 'br'],
    ['gzip, gzip', undefined],
    ['gzip, x-gzip', undefined],
    ['gzip, br', undefined],
    ['br, identity, deflate', undefined],
    ['gzip, zstd', undefined],
    ['zstd', undefined],
    ['compress', undefined],
    ['x-deflate', undefined],
    ['*', undefined],
    ['gzip;q=1', undefined],
    ['gzip br', undefined],
    ['"gzip"', undefined],
    ['chunked', undefined],
    ['__proto__', undefined],
    ['constructor', undefined],
  ]
  for (const [contentEncoding, coding] of codings) {
    test(`${JSON.stringify(contentEncoding) ?? 'no field'}: ${coding ?? '415'}`, () => {
      assert.equal(readContentCodings(contentEncoding), coding)
    })
  }

  test('what an answer with 415 lists is what can be read', () => {
    const listed = acceptedBodyCodings.split(', ')
    assert.deepEqual(listed.map(readContentCodings), listed)
  })
})

type Fields = Record<string, string | string[]>

function answer(status: number, fields: Fields = {}): AnswerHead {
  const head = new AnswerHead()
  head.status = status
  for (const [name, value] of Object.entries(fields)) head.setField(name, value)
  return head
}

describe('mayTransform', () => {
  const allowed: [status: number, fields: Fields][] = [
    [200, {}],
    [201, {}],
    [203, {}],
    [301, {}],
    [400, {}],
    [500, {}],
    [200, { 'Cache-Control': 'no-store, max-age=0' }],
    [200, { 'Cache-Control': 'no-transformation, x-no-transform' }],
    [200, { 'Cache-Control': 'private="a, no-transform, b"' }],
    [200, { 'Cache-Control': 'private="a\\", no-transform"' }],
    [200, { 'Cache-Control': 'x=no-transform' }],
    [200, { 'Content-Type': '' }],
  ]
  for (const [status, fields] of allowed) {
    test(`${status} ${JSON.stringify(fields)}: yes`, () => assert.ok(mayTransform(answer(status, fields))))
  }

  const refused: [status: number, fields: Fields][] = [
    [100, {}],
    [103, {}],
    [204, {}],
    [205, {}],
    [206, {}],
    [304, {}],
    [200, { 'Content-Encoding': 'gzip' }],
    [200, { 'content-encoding': 'identity' }],
    [200, { 'Content-Range': 'bytes 0-1/2' }],
    [416, { 'Content-Range': 'bytes */2' }],
    [200, { 'Cache-Control': 'no-transform' }],
    [200, { 'cache-control': 'max-age=1,No-Transform' }],
    [200, { 'Cache-Control': ', \t no-transform\t,' }],
    [200, { 'Cache-Control': 'private="a, b", no-transform' }],
    [200, { 'Cache-Control': 'private="a\\"", no-transform' }],
    [200, { 'Cache-Control': ['no-store', 'no-transform'] }],
    [200, { 'Content-Digest': 'sha-256=:AAAA:' }],
    [200, { 'Repr-Digest': 'sha-256=:AAAA:' }],
    [200, { Digest: 'sha-256=AAAA' }],
    [200, { 'Content-MD5': 'AAAA' }],
  ]
  for (const [status, fields] of refused) {
    test(`${status} ${JSON.stringify(fields)}: no`, () =>
      assert.equal(mayTransform(answer(status, fields)), false))
  }

  const types: [compressible: boolean, types: string[]][] = [
    [
      true,
      [
        'text/plain',
        'text/html; charset=utf-8',
        'text/event-stream',
        'application/json',
        'application/ld+json',
        'application/octet-stream',
        'application/wasm',
        'application/xml',
        'application/xhtml+xml',
        'application/zipper',
        'application/vnd.openxmlformats',
        'image/svg+xml',
        'IMAGE/SVG+XML; charset=utf-8',
        'imagery/png',
        'font/ttf',
        'multipart/mixed',
        'x',
        '/',
        '__proto__',
      ],
    ],
    [
      false,
      [
        'image/png',
        'Image/JPEG',
        'image/webp;x=y',
        ' image/gif ; a=b',
        'audio/ogg',
        'video/mp4',
        'application/zip',
        'application/gzip',
        'application/x-gzip',
        'application/ZSTD ;q=1',
        'application/pdf',
        'application/epub+zip',
        'application/tlsrpt+gzip',
        'application/x+zstd',
        'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
        'application/vnd.oasis.opendocument.text',
        'font/woff',
        'font/woff2',
        'image',
      ],
    ],
  ]
  for (const [compressible, list] of types) {
    for (const type of list) {
      test(`${type} is ${compressible ? 'worth coding' : 'compressed already'}`, () => {
        assert.equal(mayTransform(answer(200, { 'Content-Type': type })), compressible)
      })
    }
  }

  test('fields of any length take linear time', () => {
    const head = (name: string, part: string) => answer(200, { [name]: part.repeat(1_000_000 / part.length) })
    for (const part of [',', '"', '\\', '="', 'a,', 'no-transform=', ' \t', '"\\",']) {
      const before = process.cpuUsage()
      mayTransform(head('Cache-Control', part))
      mayTransform(head('Content-Type', part))
      varyByEncoding(head('Vary', part))
      const { user, system } = process.cpuUsage(before)
      assert.ok(user + system < 3_000_000, `1 MB of ${JSON.stringify(part)} took ${user + system} µs`)
    }
  })
})

describe('varyByEncoding', () => {
  const rows: [before: string | string[] | undefined, after: string | string[]][] = [
    [undefined, 'Accept-Encoding'],
    ['', 'Accept-Encoding'],
    ['Origin', 'Origin, Accept-Encoding'],
    ['Origin, Cookie ', 'Origin, Cookie, Accept-Encoding'],
    [['Origin', 'Cookie'], 'Origin, Cookie, Accept-Encoding'],
    ['Accept', 'Accept, Accept-Encoding'],
    ['X-Accept-Encoding', 'X-Accept-Encoding, Accept-Encoding'],
    ['accept-ENCODING', 'accept-ENCODING'],
    ['Origin ,Accept-Encoding', 'Origin ,Accept-Encoding'],
    [
      ['Origin', 'Accept-Encoding'],
      ['Origin', 'Accept-Encoding'],
    ],
    ['*', '*'],
    ['Origin, *', 'Origin, *'],
  ]
  for (const [before, after] of rows) {
    test(`${JSON.stringify(before) ?? 'none'} → ${JSON.stringify(after)}`, () => {
      const head = answer(200, before === undefined ? {} : { Vary: before })
      varyByEncoding(head)
      assert.deepEqual(head.getField('vary'), after)
      varyByEncoding(head)
      assert.deepEqual(head.getField('vary'), after)
    })
  }
})

describe('markCoded', () => {
  const tags: [before: string, after: string][] = [
    ['"abc"', 'W/"abc"'],
    ['""', 'W/""'],
    ['W/"abc"', 'W/"abc"'],
    ['abc', 'abc'],
    ['', ''],
  ]
  for (const [before, after] of tags) {
    test(`ETag ${before} → ${after}`, () => {
      const head = answer(200, { ETag: before })
      markCoded(head, 'br')
      assert.equal(head.getField('etag'), after)
    })
  }

  test('what goes out is consistent', () => {
    const head = answer(200, {
      'Content-Type': 'text/plain',
      'Content-Length': '1000',
      'Accept-Ranges': 'bytes',
    })
    markCoded(head, 'gzip')
    const formatted = head.format({ length: 10, keepAlive: true, versionMinor: 1, date: '' })
    assert.equal(
      formatted,
      'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n\r\n',
    )
    assert.equal(head.getField('etag'), undefined)
    assert.equal(mayTransform(head), false)
  })
})
