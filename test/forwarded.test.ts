import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  type ForwardedClient,
  readForwarded,
  readXForwardedFor,
  type XForwardedFields,
} from '../src/http/index.ts'
import { addressMatcher, canonicalAddress } from '../src/sniff/index.ts'
import { mutate, Random } from './support/random.ts'
import { bytes, text } from './support/splits.ts'

const trust = { isTrusted: addressMatcher(['10.0.0.0/8', 'fd00::/8', '::1']), canonicalAddress }

/** A client as `address[ port][ protocol=…][ host=…] hops`. */
function told({ address, port, protocol, host, hops }: ForwardedClient): string {
  const parts = [address]
  if (port !== undefined) parts.push(String(port))
  if (protocol !== undefined) parts.push(`protocol=${protocol}`)
  if (host !== undefined) parts.push(`host=${host}`)
  return [...parts, hops].join(' ')
}

function forwarded(field: string | undefined, peer = '10.0.0.1'): string {
  return told(readForwarded(peer, field, trust))
}

function xForwarded(fields: XForwardedFields | string, peer = '10.0.0.1'): string {
  return told(readXForwardedFor(peer, typeof fields === 'string' ? { for: fields } : fields, trust))
}

type Table = readonly (readonly [string, string])[]

function each(table: Table, read: (field: string) => string): void {
  for (const [field, expected] of table) assert.equal(read(field), expected, field)
}

const PEER = '10.0.0.1 0'

describe('Forwarded', () => {
  test('an untrusted peer is the client, whatever it says', () => {
    const field = 'for=1.2.3.4;proto=https;host=a.example'
    assert.equal(forwarded(field, '192.0.2.1'), '192.0.2.1 0')
    assert.equal(forwarded(field, '2001:DB8::1'), '2001:db8::1 0')
    for (const peer of ['', 'fe80::1%eth0', '/tmp/socket', '10.0.0.1.', '10.0.0.01'])
      assert.equal(forwarded(field, peer), `${peer} 0`)
  })

  test('no field: the peer', () => {
    assert.equal(forwarded(undefined), PEER)
    for (const field of ['', ' ', ',', ' , ,\t']) assert.equal(forwarded(field), PEER)
  })

  test('the examples of RFC 7239', () => {
    each(
      [
        ['for="_gazonk"', PEER],
        ['For="[2001:db8:cafe::17]:4711"', '2001:db8:cafe::17 4711 1'],
        ['for=192.0.2.60;proto=http;by=203.0.113.43', '192.0.2.60 protocol=http 1'],
        ['for=192.0.2.43, for=198.51.100.17', '198.51.100.17 1'],
        ['for=_hidden, for=_SEVKISEK', PEER],
        ['for=192.0.2.43,for="[2001:db8:cafe::17]",for=unknown', PEER],
        ['for=192.0.2.43, for="[2001:db8:cafe::17]"', '2001:db8:cafe::17 1'],
        ['for=_hidden', PEER],
        ['for=unknown', PEER],
        ['for="192.0.2.43:47011"', '192.0.2.43 47011 1'],
        ['for="[2001:db8:cafe::17]:47011"', '2001:db8:cafe::17 47011 1'],
      ],
      forwarded,
    )
  })

  test('the first from the right that is not trusted', () => {
    each(
      [
        ['for=1.2.3.4', '1.2.3.4 1'],
        ['for=1.2.3.4, for=10.0.0.2', '1.2.3.4 2'],
        ['for=6.6.6.6, for=1.2.3.4, for=10.0.0.2, for=10.0.0.3', '1.2.3.4 3'],
        ['for=6.6.6.6, for=1.2.3.4', '1.2.3.4 1'],
        ['for=10.0.0.9, for=1.2.3.4, for=10.0.0.2', '1.2.3.4 2'],
        ['for=10.0.0.3, for=10.0.0.2', '10.0.0.3 2'],
        ['for="[fd00::2]"', 'fd00::2 1'],
        ['for=1.2.3.4, for="[::ffff:10.0.0.2]"', '1.2.3.4 2'],
        ['for="[::FFFF:0102:0304]"', '::ffff:1.2.3.4 1'],
        ['for="[2001:DB8:0:0::1]"', '2001:db8::1 1'],
        [',, for=1.2.3.4 ,, for=10.0.0.2 , ', '1.2.3.4 2'],
      ],
      forwarded,
    )
  })

  test('protocol and host are those of the element that names the client', () => {
    each(
      [
        ['for=1.2.3.4;proto=https, for=10.0.0.2;proto=http', '1.2.3.4 protocol=https 2'],
        ['for=1.2.3.4, for=10.0.0.2;proto=http;host=inner.example', '1.2.3.4 2'],
        ['for=6.6.6.6;proto=wss;host=evil.example, for=1.2.3.4;proto=HTTP', '1.2.3.4 protocol=http 1'],
        ['host=a.example;proto=https;for=1.2.3.4', '1.2.3.4 protocol=https host=a.example 1'],
        ['for=1.2.3.4;host="a.example:8080"', '1.2.3.4 host=a.example:8080 1'],
        ['for=1.2.3.4;host="[::1]:80"', '1.2.3.4 host=[::1]:80 1'],
        ['for=1.2.3.4;proto="https"', '1.2.3.4 protocol=https 1'],
        ['for=1.2.3.4;proto=coap+tcp', '1.2.3.4 protocol=coap+tcp 1'],
        // An element without an address is from a trusted proxy all the same.
        ['proto=https;host=a.example', '10.0.0.1 protocol=https host=a.example 0'],
        ['for=unknown;proto=https', '10.0.0.1 protocol=https 0'],
        ['for=_a;proto=https, for=10.0.0.2;proto=http', '10.0.0.2 protocol=https 1'],
        ['for=1.2.3.4, proto=https', '10.0.0.1 protocol=https 0'],
        ['for=1.2.3.4, secret=x', PEER],
        ['for=1.2.3.4, by=10.0.0.2', PEER],
        ['for=1.2.3.4, ;', PEER],
      ],
      forwarded,
    )
  })

  test('a protocol or host that is none is left out, and the address stays', () => {
    for (const pair of [
      'proto=1http',
      'proto=""',
      'proto="ht tp"',
      'proto=http_s',
      `proto=${'a'.repeat(33)}`,
      'host=""',
      'host="a b"',
      'host="a.example/x"',
      'host="u@a.example"',
      'host="a.example:99999"',
      'host="a\\"b"',
      'host="é"',
      'host="\u0161"',
      `host=${'a'.repeat(260)}`,
    ])
      assert.equal(forwarded(`for=1.2.3.4;${pair}`), '1.2.3.4 1', pair)
  })

  test('the grammar', () => {
    each(
      [
        ['FOR=1.2.3.4;PROTO=https', '1.2.3.4 protocol=https 1'],
        ['for="1.2.3.4"', '1.2.3.4 1'],
        ['for="1\\.2.3.\\4"', '1.2.3.4 1'],
        [';;for=1.2.3.4;;proto=http;', '1.2.3.4 protocol=http 1'],
        ['for=1.2.3.4 ; proto=http', '1.2.3.4 protocol=http 1'],
        ['for=1.2.3.4;secret="a, for=6.6.6.6;\\", x"', '1.2.3.4 1'],
        ['for=1.2.3.4;secret="";by=_b', '1.2.3.4 1'],
        ['for=1.2.3.4;secret="\\\\"', '1.2.3.4 1'],
        ['for=1.2.3.4;secret="a=\\"b"', '1.2.3.4 1'],
        ['for=1.2.3.4;constructor=x;__proto__=y;toString=z', '1.2.3.4 1'],
        ['for="1.2.3.4:_port"', '1.2.3.4 1'],
        ['for="1.2.3.4:00080"', '1.2.3.4 80 1'],
        ['for="1.2.3.4:0"', '1.2.3.4 0 1'],
        ['for="[::2]:65535"', '::2 65535 1'],
        ['for="_a.b-c_d:80"', PEER],
        ['for="UnKnown:80"', PEER],
        ['for=__proto__, for=10.0.0.2;proto=http', '10.0.0.2 1'],
      ],
      forwarded,
    )
  })

  test('what is malformed ends the walk at the last good hop', () => {
    const malformed = [
      'x',
      'for',
      'for=',
      '=1.2.3.4',
      '=',
      'for==1.2.3.4',
      'for =1.2.3.4',
      'for= 1.2.3.4',
      'for=1.2.3.4 5',
      'for=1.2.3.4 proto=http',
      'for=1.2.3.4;for=1.2.3.4',
      'for=1.2.3.4;For=5.6.7.8',
      'proto=a;for=1.2.3.4;proto=b',
      'host=a;host=a;for=1.2.3.4',
      'by=a;by=b;for=1.2.3.4',
      'for=1.2.3.4;proto=',
      'for="1.2.3.4',
      'for=1.2.3.4"',
      'for="1.2.3.4\\"',
      'for=""1.2.3.4"',
      'for="1.2.3.4""',
      'for="1.2.3.4"x',
      '"for"=1.2.3.4',
      'for="1.2.3.4";x="a"b"',
      'for="1.2.3.4";x="\\"',
      'for="\x01"',
      'for="\x7f"',
      'for=1.2.3.4:80',
      'for=2001:db8::1',
      'for=[2001:db8::1]',
      'for="2001:db8::1"',
      'for="[2001:db8::1"',
      'for="2001:db8::1]"',
      'for="[2001:db8::1]80"',
      'for="[1.2.3.4]"',
      'for="[fe80::1%eth0]"',
      'for="[]"',
      'for=""',
      'for=1.2.3',
      'for=01.2.3.4',
      'for=0x1.2.3.4',
      'for="1.2.3.4:"',
      'for="1.2.3.4:65536"',
      'for="1.2.3.4:123456"',
      'for="1.2.3.4:8o"',
      'for="1.2.3.4:-1"',
      'for="1.2.3.4:_"',
      'for="1.2.3.4:80:80"',
      'for=_',
      'for="_a b"',
      'for=localhost',
      'for=\u0661.2.3.4',
      'for/=1.2.3.4',
    ]
    for (const element of malformed) {
      assert.equal(forwarded(element), PEER, element)
      assert.equal(forwarded(`for=1.2.3.4, ${element}`), PEER, element)
      assert.equal(forwarded(`${element}, for=10.0.0.2;proto=http`), '10.0.0.2 protocol=http 1', element)
    }
  })

  test('nothing that a stranger wrote reaches what a proxy appended', () => {
    const start = [
      '',
      'for="',
      'for="a\\',
      'x="a", y="',
      '"',
      '\\',
      '=',
      'for=',
      ';',
      'for=10.0.0.9;',
      'x=" , "',
      '\\"',
    ]
    for (const evil of start) {
      assert.equal(forwarded(`${evil}, for=1.2.3.4;proto=https`), '1.2.3.4 protocol=https 1', evil)
      assert.equal(forwarded(`${evil}, for="[2001:db8::1]:80";host="a"`), '2001:db8::1 80 host=a 1', evil)
    }
  })

  test('hops are limited: 32, or as one says', () => {
    const hops = (count: number) => `for=1.2.3.4, ${Array(count).fill('for=10.0.0.2').join(', ')}`
    assert.equal(forwarded(hops(31)), '1.2.3.4 32')
    assert.equal(forwarded(hops(32)), '10.0.0.2 32')
    assert.equal(told(readForwarded('::1', hops(2), { ...trust, hops: 2 })), '10.0.0.2 2')
    assert.equal(told(readForwarded('::1', hops(2), { ...trust, hops: 0 })), '::1 0')
    assert.equal(forwarded(`for=1.2.3.4${','.repeat(100)}`), PEER)
  })

  test('64 KiB of anything take linear time', () => {
    const long = ['"', '\\', '\\"', '="', ';', ',', ' ', 'a', 'a=', 'a=b;', 'for="a\\"', '=", "']
    for (const piece of long) {
      const field = piece.repeat(Math.ceil(65_536 / piece.length))
      const started = performance.now()
      for (const one of [field, `for="${field}`, `for="${field}"`]) forwarded(one)
      assert.ok(performance.now() - started < 250, JSON.stringify(piece))
    }
  })
})

describe('X-Forwarded-For', () => {
  test('an untrusted peer is the client, whatever it says', () => {
    assert.equal(xForwarded({ for: '1.2.3.4', proto: 'https', host: 'a' }, '192.0.2.1'), '192.0.2.1 0')
    assert.equal(xForwarded('1.2.3.4', ''), ' 0')
  })

  test('the first from the right that is not trusted', () => {
    each(
      [
        ['1.2.3.4', '1.2.3.4 1'],
        ['1.2.3.4, 10.0.0.2', '1.2.3.4 2'],
        ['6.6.6.6,1.2.3.4,10.0.0.3\t,  10.0.0.2 ', '1.2.3.4 3'],
        ['10.0.0.9, 1.2.3.4', '1.2.3.4 1'],
        ['10.0.0.3, 10.0.0.2', '10.0.0.3 2'],
        ['2001:DB8::1', '2001:db8::1 1'],
        ['2001:db8::1, fd00::1', '2001:db8::1 2'],
        ['::ffff:1.2.3.4, ::ffff:10.0.0.2', '::ffff:1.2.3.4 2'],
        ['1.2.3.4:4711', '1.2.3.4 4711 1'],
        ['[2001:db8::1]:4711', '2001:db8::1 4711 1'],
        ['[2001:db8::1]', '2001:db8::1 1'],
        // A port of IPv6 without brackets is a group.
        ['2001:db8::1:80', '2001:db8::1:80 1'],
      ],
      xForwarded,
    )
  })

  test('what is no address ends the walk at the last good hop', () => {
    const malformed = [
      '',
      ' ',
      'unknown',
      '_hidden',
      'localhost',
      '"1.2.3.4"',
      '1.2.3',
      '01.2.3.4',
      '1.2.3.4:99999',
    ]
    malformed.push(
      'fe80::1%eth0',
      '[::1',
      '[1.2.3.4]',
      '1.2.3.4 5.6.7.8',
      '1.2.3.4;',
      'for=1.2.3.4',
      '\0',
      '__proto__',
    )
    for (const entry of malformed) {
      assert.equal(xForwarded(entry), PEER, entry)
      assert.equal(xForwarded(`1.2.3.4,${entry}`), PEER, entry)
      assert.equal(xForwarded(`1.2.3.4, ${entry}, 10.0.0.2`), '10.0.0.2 1', entry)
    }
    assert.equal(xForwarded({}), PEER)
  })

  test('protocol and host: one value, or the one at the place of the client', () => {
    const list = '6.6.6.6, 1.2.3.4, 10.0.0.2'
    const tables: [XForwardedFields, string][] = [
      [{ for: list, proto: 'https', host: 'a.example' }, '1.2.3.4 protocol=https host=a.example 2'],
      [{ for: list, proto: ' HTTPS ' }, '1.2.3.4 protocol=https 2'],
      [{ for: list, proto: 'a, https, http' }, '1.2.3.4 protocol=https 2'],
      [{ for: list, proto: 'https, http' }, '1.2.3.4 2'],
      [{ for: list, proto: 'a, b, c, d' }, '1.2.3.4 2'],
      [{ for: list, host: 'evil.example, b.example:8080, c.example' }, '1.2.3.4 host=b.example:8080 2'],
      [{ for: list, proto: '' }, '1.2.3.4 2'],
      [{ for: list, proto: 'ht tp', host: 'a b' }, '1.2.3.4 2'],
      [{ for: list, proto: 'x, , z' }, '1.2.3.4 2'],
      [{ proto: 'https' }, '10.0.0.1 protocol=https 0'],
      [{ for: 'unknown', proto: 'https' }, '10.0.0.1 protocol=https 0'],
      [{ for: '1.2.3.4, unknown', proto: 'http, https' }, '10.0.0.1 protocol=https 0'],
      [{ proto: 'http, https' }, PEER],
    ]
    for (const [fields, expected] of tables)
      assert.equal(xForwarded(fields), expected, JSON.stringify(fields))
  })

  test('hops are limited: 32, or as one says', () => {
    const hops = (count: number) => `1.2.3.4, ${Array(count).fill('10.0.0.2').join(', ')}`
    assert.equal(xForwarded(hops(31)), '1.2.3.4 32')
    assert.equal(xForwarded(hops(32)), '10.0.0.2 32')
    assert.equal(told(readXForwardedFor('::1', { for: hops(2) }, { ...trust, hops: 2 })), '10.0.0.2 2')
  })

  test('64 KiB of anything take linear time', () => {
    for (const piece of [',', ' ', ':', '1', '10.0.0.2,', '[']) {
      const field = piece.repeat(Math.ceil(65_536 / piece.length))
      const started = performance.now()
      xForwarded({ for: field, proto: field, host: field })
      assert.ok(performance.now() - started < 250, JSON.stringify(piece))
    }
  })
})

test('damaged fields: never an exception, and never an address that is not one or not told', () => {
  const random = new Random(7239)
  const corpus = [
    'for=192.0.2.43, for="[2001:db8:cafe::17]:4711";proto=https;by=203.0.113.43',
    'for=1.2.3.4;host="a\\"b", for=unknown, for=10.0.0.2',
    'for="_gazonk";proto=http , for="10.0.0.2:80"',
    '1.2.3.4, 10.0.0.2, [2001:db8::1]:80, fd00::1',
  ].map(bytes)
  let believed = 0
  for (let input = 0; input < 20_000; input++) {
    const field = text(mutate(random, corpus))
    for (const client of [
      readForwarded('10.0.0.1', field, trust),
      readXForwardedFor('10.0.0.1', { for: field, proto: field, host: field }, trust),
    ]) {
      assert.equal(canonicalAddress(client.address), client.address)
      if (client.hops > 0) believed++
      else assert.equal(client.address, '10.0.0.1')
      if (client.protocol !== undefined) assert.match(client.protocol, /^[a-z][a-z0-9+.-]*$/)
      if (client.port !== undefined) assert.ok(client.port >= 0 && client.port <= 65_535)
    }
  }
  assert.ok(believed > 5000, `only ${believed} told a hop`)
})
