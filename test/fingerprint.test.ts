/** The values of recorded hellos are in test/vectors/client-hello; these are the published ones, and the edges. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import {
  type ClientHello,
  ClientHelloReader,
  type FingerprintedHello,
  ja3,
  ja3Text,
  ja4,
  ja4Text,
} from '../src/sniff/index.ts'
import { type HelloLists, hello as makeHello } from './support/hello.ts'
import { feed } from './support/splits.ts'

function read(lists: HelloLists): ClientHello {
  const reader = new ClientHelloReader()
  feed(reader, [makeHello(lists)])
  assert.equal(reader.error, null)
  return reader.hello!
}

function md5(input: string): string {
  return createHash('md5').update(input).digest('hex')
}

function sha256(input: string): string {
  return createHash('sha256').update(input).digest('hex')
}

function hex(list: string): number[] {
  return list.split(',').map((value) => Number.parseInt(value, 16))
}

function decimal(list: string): number[] {
  return list.split('-').map(Number)
}

/** What is not given is empty. */
function offers(lists: Partial<FingerprintedHello>): FingerprintedHello {
  const empty = { versions: [], cipherSuites: [], extensions: [], groups: [], pointFormats: [] }
  return { legacyVersion: 0x0303, ...empty, signatureAlgorithms: [], protocols: [], ...lists }
}

function ja4Of(lists: Partial<FingerprintedHello>): string {
  return ja4(offers(lists), { protocol: 't', sha256 })
}

// salesforce/ja3, README.md, "How it works"
const JA3_SUITES = '47-53-5-10-49161-49162-49171-49172-50-56-19-4'

// FoxIO-LLC/ja4, technical_details/JA4.md, "Example"
const JA4_LISTS = {
  suites: hex('1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035'),
  extensions: hex('001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015'),
  signatureAlgorithms: hex('0403,0804,0401,0503,0805,0501,0806,0601'),
  protocols: ['h2', 'http/1.1'],
}

test('JA3: the examples of its README', () => {
  const first = read({
    version: 0x0301,
    suites: decimal(JA3_SUITES),
    extensions: [0, 10, 11],
    groups: [23, 24, 25],
    pointFormats: [0],
  })
  assert.equal(ja3Text(first), `769,${JA3_SUITES},0-10-11,23-24-25,0`)
  assert.equal(ja3(first, { md5 }), 'ada70206e40642a3e4461f35503241d5')
  const second = read({ version: 0x0301, suites: decimal('4-5-10-9-100-98-3-6-19-18-99') })
  assert.equal(ja3Text(second), '769,4-5-10-9-100-98-3-6-19-18-99,,,')
  assert.equal(ja3(second, { md5 }), 'de350869b8c85de67a350c8d186f11e6')
})

test('JA3: lists that are missing or have one value', () => {
  // aws/s2n-tls, tests/unit/s2n_fingerprint_ja3_test.c
  assert.equal(ja3Text(read({ version: 0x0301, suites: [49199], extensions: [] })), '769,49199,,,')
  const groups = read({ version: 0x0302, suites: [49199], extensions: [10], groups: [23] })
  assert.equal(ja3Text(groups), '770,49199,10,23,')
  assert.equal(ja3Text(read({ suites: [1], extensions: [11], pointFormats: [0, 1, 2] })), '771,1,11,,0-1-2')
})

test('JA3: GREASE is left out wherever it stands, and only GREASE', () => {
  const hello = read({
    suites: [0x0a0a, 0x1301, 0xfafa, 0x0a1a],
    extensions: [0x1a1a, 10, 0x8a8a, 0x0b0b, 11],
    groups: [0x2a2a, 29, 0xeaea],
    pointFormats: [0x0a],
  })
  assert.equal(ja3Text(hello), '771,4865-2586,10-2827-11,29,10')
})

test('JA4: the example of its technical details', () => {
  const hello = read(JA4_LISTS)
  assert.equal(ja4(hello, { protocol: 't', sha256 }), 't13d1516h2_8daaf6152771_e5627efa2ab1')
  assert.equal(
    ja4Text(hello, 't'),
    't13d1516h2_002f,0035,009c,009d,1301,1302,1303,c013,c014,c02b,c02c,c02f,c030,cca8,cca9_' +
      '0005,000a,000b,000d,0012,0015,0017,001b,0023,002b,002d,0033,4469,ff01_' +
      '0403,0804,0401,0503,0805,0501,0806,0601',
  )
  // "Extension hash": "If there are no signature algorithms in the hello packet …"
  const extensions = JA4_LISTS.extensions
  assert.equal(ja4Of({ extensions, versions: [0x0304] }).split('_')[2], '6d807ffa2a79')
})

test('JA3 and JA4 of Chrome 143, as browserleaks.com gave them', () => {
  const hello = read({
    suites: [0xaaaa, ...JA4_LISTS.suites],
    extensions: [0x4a4a, ...decimal('45-51-16-65037-23-17613-0-11-10-43-65281-35-18-5-13-27'), 0x6a6a],
    groups: [0x3a3a, ...decimal('4588-29-23-24')],
    pointFormats: [0],
    versions: [0x6a6a, 0x0304, 0x0303],
    signatureAlgorithms: JA4_LISTS.signatureAlgorithms,
    protocols: ['h2', 'http/1.1'],
  })
  assert.equal(
    ja3Text(hello),
    '771,4865-4866-4867-49195-49199-49196-49200-52393-52392-49171-49172-156-157-47-53,' +
      '45-51-16-65037-23-17613-0-11-10-43-65281-35-18-5-13-27,4588-29-23-24,0',
  )
  assert.equal(ja3(hello, { md5 }), '98487aa16281980e7d1120d399efb6a4')
  assert.equal(ja4(hello, { protocol: 't', sha256 }), 't13d1516h2_8daaf6152771_d8a2da3f94cd')
})

test('JA4: GREASE among the signature algorithms', () => {
  // FoxIO-LLC/ja4, python/test/testdata/sigalg-grease.pcapng.json, with one GREASE value put in
  const hello = read({
    suites: JA4_LISTS.suites,
    extensions: hex('fe0d,0010,0017,0033,44cd,ff01,000a,000d,0023,002b,000b,ca34,002d,0000,0005,001b,0012'),
    signatureAlgorithms: [0xdada, ...hex('0904,0905,0906,0403,0804,0401,0503,0805,0501,0806,0601')],
    protocols: ['h2'],
  })
  assert.equal(ja4(hello, { protocol: 't', sha256 }), 't13d1517h2_8daaf6152771_cb7bf5808d99')
})

test('JA4: the transport', () => {
  const hello = read(JA4_LISTS)
  for (const protocol of ['t', 'q', 'd'] as const)
    assert.equal(ja4(hello, { protocol, sha256 }), `${protocol}13d1516h2_8daaf6152771_e5627efa2ab1`)
})

test('JA4: the version is the highest that is offered, or else the one of the hello', () => {
  const names: [number, string][] = [
    [0x0304, '13'],
    [0x0303, '12'],
    [0x0302, '11'],
    [0x0301, '10'],
    [0x0300, 's3'],
    [0x0002, 's2'],
    [0xfeff, 'd1'],
    [0xfefd, 'd2'],
    [0xfefc, 'd3'],
    [0x0305, '00'],
    [0x7f1c, '00'],
    [0, '00'],
  ]
  for (const [version, name] of names) {
    assert.equal(ja4Of({ legacyVersion: version }).slice(1, 3), name)
    assert.equal(ja4Of({ extensions: [43], versions: [version] }).slice(1, 3), name)
  }
  const version = (versions: number[]) => ja4Of({ extensions: [43], versions }).slice(1, 3)
  assert.equal(version([0x0301, 0x0304, 0x0303]), '13')
  assert.equal(version([0xfafa, 0x0303]), '12')
  assert.equal(version([0x0a0a]), '00')
  assert.equal(version([0x0304, 0x7f1c]), '00')
})

test('JA4: a name is the extension, whatever is in it', () => {
  assert.equal(ja4Of({ extensions: [0] })[3], 'd')
  assert.equal(ja4Of({ extensions: [10] })[3], 'i')
  const address = read({ extensions: [0], serverName: '192.0.2.1' })
  assert.equal(address.serverName, '')
  assert.equal(ja4(address, { protocol: 't', sha256 })[3], 'd')
})

test('JA4: counts have two digits and end at 99', () => {
  const counts = (suites: number, extensions: number) => {
    const list = (length: number) => Array.from({ length }, (_, index) => 0x100 + index)
    return ja4Of({ cipherSuites: list(suites), extensions: [0x0a0a, ...list(extensions)] }).slice(4, 8)
  }
  assert.equal(counts(0, 0), '0000')
  assert.equal(counts(6, 9), '0609')
  assert.equal(counts(10, 98), '1098')
  assert.equal(counts(99, 100), '9999')
  assert.equal(counts(100, 99), '9999')
  assert.equal(counts(1000, 5), '9905')
})

test('JA4: the ends of the first protocol', () => {
  // "ALPN Extension Value"
  const names: [string | undefined, string][] = [
    [undefined, '00'],
    ['', '00'],
    ['h2', 'h2'],
    ['http/1.1', 'h1'],
    ['x', 'xx'],
    ['Z0', 'Z0'],
    ['\xab', 'ab'],
    ['\xab\xcd', 'ad'],
    ['\x30\xab', '3b'],
    ['\x30\x31\xab\xcd', '3d'],
    ['\x30\xab\xcd\x31', '01'],
    ['\x0a\x0a', '0a'],
    ['h-', '6d'],
    ['@a', '41'],
    ['[a', '51'],
    ['a`', '60'],
    ['a{', '6b'],
    ['/9', '29'],
    [':9', '39'],
    ['\u007f', '7f'],
  ]
  for (const [name, ends] of names) {
    const protocols = name === undefined ? [] : [name, 'h3']
    assert.equal(ja4Of({ protocols }).slice(8, 10), ends, JSON.stringify(name))
  }
})

test('JA4: an empty list is twelve zeros', () => {
  assert.equal(ja4Of({}), 't12i000000_000000000000_000000000000')
  // SNI and ALPN are counted, and then left out.
  assert.equal(ja4Of({ extensions: [0, 16], protocols: ['h2'] }), 't12d0002h2_000000000000_000000000000')
  assert.equal(ja4Of({ cipherSuites: [0x2a2a] }), 't12i000000_000000000000_000000000000')
  // sha256('1301'), sha256('000d_0403'): echo -n … | sha256sum | cut -c1-12
  const one = ja4Of({ cipherSuites: [0x1301], extensions: [13], signatureAlgorithms: [0x0403] })
  assert.equal(one, 't12i010100_0f2cb44170f4_79c50902419d')
})

test('the lists that are given stay as they are', () => {
  const lists = offers({ cipherSuites: [3, 1, 2], extensions: [30, 10, 20] })
  ja4(lists, { protocol: 't', sha256 })
  ja3Text(lists)
  assert.deepEqual(
    [lists.cipherSuites, lists.extensions],
    [
      [3, 1, 2],
      [30, 10, 20],
    ],
  )
})
