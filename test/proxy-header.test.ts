import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  canonicalAddress,
  formatAddress,
  formatProxyHeader,
  type ProxyEndpoint,
  type ProxyHeader,
  ProxyHeaderError,
  type ProxyHeaderLimits,
  type ProxyHeaderOptions,
  ProxyHeaderReader,
  type ProxySsl,
  ProxySslClient,
  type ProxyTlv,
  type ProxyTlvs,
  proxyHeaderErrorCodes,
} from '../src/sniff/index.ts'
import { hexBytes, hexText } from './support/hex.ts'
import { byteByByte, cutAtRandom, mutate, Random } from './support/random.ts'
import { bytes, concat, everySplit, feed, text } from './support/splits.ts'
import { bytesOf, readVectorFolder, type VectorCase } from './support/vectors.ts'

const VALUES = ['command', 'family', 'transport', 'source', 'destination']
const TLVS = ['alpn', 'authority', 'unique id', 'netns', 'ssl', 'crc32c', 'others']
const cases = readVectorFolder(new URL('./vectors/proxy/', import.meta.url), {
  keys: [...VALUES, ...TLVS, 'error', 'consumed', 'limit length', 'limit tlvs'],
  blocks: ['input', 'hex'],
})

/** Errors of a byte, which is not consumed; all others are of the whole header, which is. */
const WHOLE_ERRORS = ['ADDRESS_INVALID', 'PORT_INVALID', 'TLV_', 'TLVS_', 'CHECKSUM_INVALID']

interface Result {
  readonly answer: object | string | undefined
  readonly consumed: number
}

test('there are cases of every kind', () => {
  assert.ok(cases.length >= 200)
  for (const code of proxyHeaderErrorCodes)
    assert.ok(cases.filter((one) => one.values.get('error') === code).length >= 2, code)
  for (const key of [...VALUES, ...TLVS])
    assert.ok(cases.filter((one) => one.values.has(key)).length >= 2, key)
})

function inputOf(one: VectorCase): Uint8Array {
  const hex = one.blocks.get('hex')
  return hex === undefined ? bytesOf(one.blocks.get('input')!) : hexBytes(hex)
}

for (const one of cases) {
  describe(`${one.where} ${one.group}: ${one.name}`, () => {
    const input = inputOf(one)
    const consumed = Number(one.values.get('consumed') ?? input.length)
    const answer = one.values.get('error') ?? wanted(one)
    test('at every split', () => {
      assert.deepEqual(
        everySplit(input, (chunks) => run(one, chunks)),
        { answer, consumed },
      )
    })
    test('with other bytes after it', () => {
      const after = bytes('PROXY UNKNOWN\r\n\r\n\r\n\0')
      assert.deepEqual(run(one, [concat([input, after])]), { answer, consumed })
    })
    test('no answer before its time', () => {
      const falls = isByteError(answer, input, consumed) ? consumed + 1 : consumed
      for (let cut = 0; cut < falls; cut++) {
        const expected = { answer: undefined, consumed: cut }
        assert.deepEqual(run(one, [input.subarray(0, cut)]), expected, `cut after ${cut}`)
      }
      assert.deepEqual(run(one, [input.subarray(0, falls)]).answer, answer)
    })
  })
}

/** A line may be wrong at a byte, or when it is complete. */
function isByteError(answer: object | string, input: Uint8Array, consumed: number): boolean {
  if (typeof answer !== 'string' || WHOLE_ERRORS.some((code) => answer.startsWith(`ERR_PROXY_${code}`)))
    return false
  return consumed < input.length
}

function run(one: VectorCase, chunks: readonly Uint8Array[]): Result {
  const limits: Partial<ProxyHeaderLimits> = {}
  for (const key of ['length', 'tlvs'] as const) {
    const value = one.values.get(`limit ${key}`)
    if (value !== undefined) limits[key] = Number(value)
  }
  const reader = new ProxyHeaderReader(limits)
  const rest = feed(reader, chunks).length
  const consumed = chunks.reduce((sum, chunk) => sum + chunk.length, 0) - rest
  assert.equal(reader.bytes, consumed)
  const { error, header } = reader
  if (error === null) return { answer: header === null ? undefined : described(header), consumed }
  assert.equal(header, null)
  assert.ok(error instanceof ProxyHeaderError)
  assert.match(error.message, /^Cannot read the PROXY header: [a-z][^\r\n]*[^.]$/)
  return { answer: error.code, consumed }
}

/** As the cases write it; what is not there has no key. */
function described(header: ProxyHeader): object {
  const { command, family, transport, source, destination, tlvs } = header
  assert.equal(source === null, destination === null)
  return present({
    command,
    family,
    transport,
    source: source === null ? undefined : end(source),
    destination: destination === null ? undefined : end(destination),
    alpn: word(tlvs.alpn),
    authority: word(tlvs.authority),
    'unique id': tlvs.uniqueId && word(hexText(tlvs.uniqueId)),
    netns: word(tlvs.netns),
    ssl: tlvs.ssl && describedSsl(tlvs.ssl),
    crc32c: tlvs.crc32c === true ? 'yes' : undefined,
    others: tlvs.others && describedTlvs(tlvs.others),
  })
}

function describedSsl(ssl: ProxySsl): string {
  const parts: string[] = []
  for (const [key, value] of Object.entries(ssl)) {
    if (key === 'others') parts.push(`others=${describedTlvs(ssl.others!)}`)
    else parts.push(`${key}=${value instanceof Uint8Array ? hexText(value) : value}`)
  }
  return parts.sort().join(' ')
}

function describedTlvs(tlvs: readonly ProxyTlv[]): string {
  return tlvs.map(({ type, value }) => `${hexText(Uint8Array.of(type))}:${hexText(value)}`).join(' ')
}

function end({ address, port }: ProxyEndpoint): string {
  assert.equal(canonicalAddress(address), address)
  return `${address} ${port}`
}

function word(value: string | undefined): string | undefined {
  return value === '' ? 'empty' : value
}

function wanted(one: VectorCase): object {
  const keys = [...VALUES, ...TLVS].filter((key) => one.values.has(key))
  const values = keys.map((key) => [key, text(bytesOf(one.values.get(key)!))] as const)
  return Object.fromEntries(values.map(([key, value]) => [key, key === 'ssl' ? sorted(value) : value]))
}

/** The order in which they came is of no use. */
function sorted(words: string): string {
  return words.split(' ').sort().join(' ')
}

function present(values: Record<string, string | undefined>): object {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
}

function read(data: Uint8Array): ProxyHeader {
  const reader = new ProxyHeaderReader({ length: 65_535, tlvs: 1000 })
  assert.equal(reader.push(data, 0, data.length), data.length)
  assert.equal(reader.error, null)
  return reader.header!
}

test('the version is told', () => {
  assert.equal(read(bytes('PROXY UNKNOWN\r\n')).version, 1)
  assert.equal(read(hexBytes('0d0a0d0a000d0a515549540a 20 00 0000')).version, 2)
})

test('what was read does not change with the chunk it came in', () => {
  const data = formatProxyHeader({ version: 2, ...ENDS, tlvs: { uniqueId: Uint8Array.of(1), others: [TLV] } })
  const header = read(data)
  data.fill(0xee)
  assert.deepEqual(header.tlvs, { uniqueId: Uint8Array.of(1), others: [TLV] })
})

test('nothing is allocated for a length that is only declared', () => {
  const start = hexBytes('0d0a0d0a000d0a515549540a 21 11 1000')
  const before = process.memoryUsage().arrayBuffers
  const readers = Array.from({ length: 200 }, () => new ProxyHeaderReader())
  for (const reader of readers) assert.equal(reader.push(start, 0, start.length), start.length)
  assert.ok(process.memoryUsage().arrayBuffers - before < 200 * 1024)
})

const TLV: ProxyTlv = { type: 0xe0, value: Uint8Array.of(9, 8, 7) }
const ENDS = {
  source: { address: '192.0.2.1', port: 56324 },
  destination: { address: '192.0.2.2', port: 443 },
}

function line(options: Omit<ProxyHeaderOptions, 'version'>): string {
  return text(formatProxyHeader({ version: 1, ...options }))
}

function hex(options: Omit<ProxyHeaderOptions, 'version'>): string {
  return hexText(formatProxyHeader({ version: 2, ...options }))
}

const SIGNATURE = '0d0a0d0a000d0a515549540a'

describe('formatProxyHeader', () => {
  test('version 1', () => {
    assert.equal(line(ENDS), 'PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n')
    const ends = (source: string, destination: string) =>
      line({ source: { address: source, port: 0 }, destination: { address: destination, port: 65535 } })
    assert.equal(ends('2001:DB8:0::1', '::1'), 'PROXY TCP6 2001:db8::1 ::1 0 65535\r\n')
    assert.equal(ends('::ffff:192.0.2.1', '192.0.2.2'), 'PROXY TCP4 192.0.2.1 192.0.2.2 0 65535\r\n')
    assert.equal(ends('::ffff:192.0.2.1', '::1'), 'PROXY TCP6 ::ffff:c000:201 ::1 0 65535\r\n')
    const longest = 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'
    assert.equal(ends(longest, longest).length, 100)
    assert.equal(line({}), 'PROXY UNKNOWN\r\n')
    assert.equal(line({ command: 'LOCAL', source: null, destination: null }), 'PROXY UNKNOWN\r\n')
  })

  test('version 2', () => {
    assert.equal(hex(ENDS), `${SIGNATURE}2111000cc0000201c0000202dc0401bb`)
    assert.equal(hex({ ...ENDS, transport: 'datagram' }), `${SIGNATURE}2112000cc0000201c0000202dc0401bb`)
    const six = { source: { address: '::1', port: 1 }, destination: { address: '::ffff:1.2.3.4', port: 2 } }
    assert.equal(hex(six), `${SIGNATURE}21210024${'00'.repeat(15)}01${'00'.repeat(10)}ffff0102030400010002`)
    assert.equal(hex({}), `${SIGNATURE}21000000`)
    assert.equal(hex({ command: 'LOCAL' }), `${SIGNATURE}20000000`)
  })

  test('TLVs', () => {
    const tlvs = (values: ProxyTlvs) => hex({ ...ENDS, tlvs: values }).slice(2 * 28)
    assert.equal(tlvs({ alpn: 'h2' }), '0100026832')
    assert.equal(tlvs({ authority: 'é' }), '020002c3a9')
    assert.equal(tlvs({ uniqueId: Uint8Array.of(1, 2) }), '0500020102')
    assert.equal(tlvs({ netns: 'a' }), '30000161')
    assert.equal(tlvs({ others: [TLV, { type: 4, value: new Uint8Array(1) }] }), 'e000030908070400' + '0100')
    const { ssl, certificateNow } = ProxySslClient
    assert.equal(
      tlvs({ ssl: { client: ssl | certificateNow, verify: 0xfffffffe, version: 'TLSv1.2' } }),
      '20000f03fffffffe210007544c5376312e32',
    )
    assert.equal(tlvs({ alpn: undefined, crc32c: false, others: [] }), '')
  })

  test('the checksum is over all of the header', () => {
    // Recorded from HAProxy 2.6.12: `send-proxy-v2 proxy-v2-options crc32c`.
    const recorded = '0d0a0d0a000d0a515549540a211100137f0000017f000001c51aa573030004933606c5'
    const ends = {
      source: { address: '127.0.0.1', port: 0xc51a },
      destination: { address: '127.0.0.1', port: 0xa573 },
    }
    assert.equal(hex({ ...ends, tlvs: { crc32c: true } }), recorded)
  })

  test('what cannot be said is refused', () => {
    const refused = (code: string, options: Partial<ProxyHeaderOptions>) =>
      assert.throws(
        () => formatProxyHeader({ version: 2, ...ENDS, ...options }),
        (error) => {
          assert.ok(error instanceof ProxyHeaderError)
          assert.match(error.message, /^Cannot write the PROXY header: \S[^\r\n]*[^.]$/)
          assert.equal(error.code, `ERR_PROXY_${code}`, JSON.stringify(options))
          return true
        },
      )
    const at = (address: string, port = 80) => ({ source: { address, port } })
    for (const address of ['', 'localhost', '1.2.3', 'fe80::1%eth0', '01.2.3.4', '192.0.2.1\r\n'])
      refused('ADDRESS_INVALID', at(address))
    for (const port of [-1, 65536, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
      refused('PORT_INVALID', at('::', port))
    refused('ADDRESS_INVALID', { source: null })
    refused('ADDRESS_INVALID', { destination: undefined })
    refused('ADDRESS_INVALID', { command: 'LOCAL' })
    refused('FAMILY_INVALID', { version: 1, transport: 'datagram' })
    refused('TLV_INVALID', { version: 1, tlvs: { crc32c: true } })
    refused('TLV_INVALID', { source: null, destination: null, tlvs: { alpn: 'h2' } })
    const tlvs = (values: ProxyTlvs, code = 'TLV_INVALID') => refused(code, { tlvs: values })
    tlvs({ alpn: '\u0100' })
    for (const authority of ['a\0', 'a\r\n', '\x7f', '\ud800', '\udc00x']) tlvs({ authority })
    tlvs({ uniqueId: new Uint8Array(129) })
    tlvs({ netns: 'é' })
    for (const type of [0x01, 0x02, 0x03, 0x05, 0x20, 0x30, -1, 256, 1.5])
      tlvs({ others: [{ type, value: new Uint8Array(0) }] })
    tlvs({ ssl: { client: 256, verify: 0 } })
    tlvs({ ssl: { client: 0, verify: 2 ** 32 } })
    tlvs({ ssl: { client: 0, verify: 0, cipher: 'é' } })
    for (let type = 0x21; type <= 0x28; type++)
      tlvs({ ssl: { client: 0, verify: 0, others: [{ type, value: new Uint8Array(0) }] } })
    tlvs({ others: [{ type: 0xe0, value: new Uint8Array(65_536) }] }, 'TOO_LARGE')
    const half = { type: 0xe0, value: new Uint8Array(32_768) }
    tlvs({ others: [half, half] }, 'TOO_LARGE')
  })
})

const NAMES = ['', 'a.example', 'bücher.example', '€', '😀', 'x'.repeat(300)]
const WORDS = ['', 'TLSv1.3', 'TLS_AES_128_GCM_SHA256', '~ ~']

function randomEnd(random: Random): ProxyEndpoint {
  const length = random.next() < 0.5 ? 4 : 16
  const address = Uint8Array.from({ length }, () => (random.next() < 0.4 ? 0 : random.below(256)))
  return { address: formatAddress(address), port: random.below(65_536) }
}

/** A TLV of a type that has no field of its own, padding excepted: that is not kept. */
function randomTlv(random: Random): ProxyTlv {
  return { type: random.pick([0, 6, 0x1f, 0x2f, 0xe0, 0xea, 0xff]), value: random.bytes(random.below(40)) }
}

function maybe<T>(random: Random, make: () => T): T | undefined {
  return random.next() < 0.3 ? make() : undefined
}

function randomSsl(random: Random): ProxySsl {
  const given: ProxySsl = {
    client: random.below(256),
    verify: random.below(2 ** 32),
    version: maybe(random, () => random.pick(WORDS)),
    commonName: maybe(random, () => random.pick(NAMES)),
    cipher: maybe(random, () => random.pick(WORDS)),
    signatureAlgorithm: maybe(random, () => random.pick(WORDS)),
    keyAlgorithm: maybe(random, () => random.pick(WORDS)),
    group: maybe(random, () => random.pick(WORDS)),
    signatureScheme: maybe(random, () => random.pick(WORDS)),
    clientCertificate: maybe(random, () => random.bytes(random.below(400))),
    others: maybe(random, () => [randomTlv(random)]),
  }
  return withoutUndefined(given)
}

function randomTlvs(random: Random): ProxyTlvs {
  const given: ProxyTlvs = {
    alpn: maybe(random, () => text(random.bytes(random.below(20)))),
    authority: maybe(random, () => random.pick(NAMES)),
    uniqueId: maybe(random, () => random.bytes(random.below(129))),
    ssl: maybe(random, () => randomSsl(random)),
    netns: maybe(random, () => random.pick(WORDS)),
    crc32c: maybe(random, () => true),
    others: maybe(random, () => [randomTlv(random), randomTlv(random)]),
  }
  return withoutUndefined(given)
}

function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as T
}

test('what is written is read: 3,000 headers, cut at random', () => {
  const random = new Random(2016)
  for (let input = 0; input < 3000; input++) {
    const version = random.pick([1, 2] as const)
    const options: ProxyHeaderOptions = {
      version,
      source: randomEnd(random),
      destination: randomEnd(random),
      transport: version === 2 ? random.pick(['stream', 'datagram']) : 'stream',
      tlvs: version === 2 ? randomTlvs(random) : {},
    }
    const data = formatProxyHeader(options)
    const reader = new ProxyHeaderReader()
    assert.equal(feed(reader, cutAtRandom(random, data)).length, 0)
    assert.equal(reader.error, null, `input ${input}: ${hexText(data)}`)
    const header = reader.header!
    const { source, destination } = options
    const both = [source!, destination!]
    const isIPv6 = both.some(({ address }) => address.includes(':') && !address.startsWith('::ffff:'))
    const written = both.map((one) => ({ ...one, address: inFamily(one.address, isIPv6) }))
    assert.deepEqual(header, {
      version,
      command: 'PROXY',
      family: isIPv6 ? 'IPv6' : 'IPv4',
      transport: options.transport,
      source: written[0],
      destination: written[1],
      tlvs: options.tlvs,
    })
    // And once more, from what was read.
    assert.deepEqual(formatProxyHeader(header), data)
  }
})

function inFamily(address: string, isIPv6: boolean): string {
  return isIPv6 && !address.includes(':') ? `::ffff:${address}` : address
}

test('damaged headers: no exception, and the same answer however they are cut', () => {
  const corpus = cases.map(inputOf).filter((data) => data.length < 400)
  const random = new Random(107)
  const answers = new Map<string, number>()
  for (let input = 0; input < 12_000; input++) {
    const data = mutate(random, corpus)
    const whole = answerOf([data.slice()])
    for (const chunks of [byteByByte(data), cutAtRandom(random, data)])
      assert.deepEqual(answerOf(chunks), whole, `input ${input}`)
    const kind = typeof whole.answer === 'string' ? whole.answer : typeof whole.answer
    answers.set(kind, (answers.get(kind) ?? 0) + 1)
  }
  assert.equal(answers.size, proxyHeaderErrorCodes.length + 2, [...answers].join('; '))
})

function answerOf(chunks: readonly Uint8Array[]): Result {
  return run({ name: '', group: '', where: '', values: new Map(), blocks: new Map() }, chunks)
}
