import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import {
  type ClientHello,
  ClientHelloError,
  type ClientHelloLimits,
  ClientHelloReader,
  clientHelloErrorCodes,
  isGrease,
  ja3,
  ja4,
} from '../src/sniff/index.ts'
import { hello as makeHello } from './support/hello.ts'
import { hexBytes } from './support/hex.ts'
import { byteByByte, cutAtRandom, mutate, Random } from './support/random.ts'
import { bytes, concat, everySplit, feed, text } from './support/splits.ts'
import { bytesOf, readVectorFolder, type VectorCase } from './support/vectors.ts'

const VALUES = ['server name', 'protocols', 'legacy version', 'versions', 'extensions', 'ja3', 'ja4']
const cases = readVectorFolder(new URL('./vectors/client-hello/', import.meta.url), {
  keys: [...VALUES, 'error', 'consumed', 'limit bytes', 'limit extensions'],
  blocks: ['hex'],
})

/** Errors of a byte, which is not consumed; all others are of a hello, which is. */
const BYTE_ERRORS = ['RECORD_INVALID', 'RECORD_TOO_LARGE', 'MESSAGE_INVALID', 'TOO_LARGE']

interface Result {
  /** What has been read, or the code of the error, or undefined as long as neither is there. */
  readonly answer: object | string | undefined
  readonly consumed: number
}

test('there are cases of every kind', () => {
  assert.ok(cases.length >= 180)
  for (const code of clientHelloErrorCodes)
    assert.ok(cases.filter((one) => one.values.get('error') === code).length >= 2, code)
})

for (const one of cases) {
  describe(`${one.where} ${one.group}: ${one.name}`, () => {
    const input = hexBytes(one.blocks.get('hex')!)
    const consumed = Number(one.values.get('consumed') ?? input.length)
    const answer = one.values.get('error') ?? wanted(one)
    test('at every split', () => {
      assert.deepEqual(
        everySplit(input, (chunks) => run(one, chunks)),
        { answer, consumed },
      )
    })
    test('with other bytes after it', () => {
      const after = bytes('\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00GET')
      assert.deepEqual(run(one, [concat([input, after])]), { answer, consumed })
    })
    test('no answer before its time', () => {
      const isByteError = BYTE_ERRORS.some((code) => answer === `ERR_CLIENT_HELLO_${code}`)
      const falls = isByteError ? consumed + 1 : consumed
      for (let cut = 0; cut < falls; cut++) {
        const expected = { answer: undefined, consumed: cut }
        assert.deepEqual(run(one, [input.subarray(0, cut)]), expected, `cut after ${cut}`)
      }
      assert.deepEqual(run(one, [input.subarray(0, falls)]).answer, answer)
    })
  })
}

function run(one: VectorCase, chunks: readonly Uint8Array[]): Result {
  const limits: Partial<ClientHelloLimits> = {}
  for (const key of ['bytes', 'extensions'] as const) {
    const value = one.values.get(`limit ${key}`)
    if (value !== undefined) limits[key] = Number(value)
  }
  const reader = new ClientHelloReader(limits)
  const rest = feed(reader, chunks).length
  const consumed = chunks.reduce((sum, chunk) => sum + chunk.length, 0) - rest
  assert.equal(reader.bytes, consumed)
  if (reader.error !== null) {
    assert.equal(reader.hello, null)
    return { answer: checked(reader.error).code, consumed }
  }
  return { answer: reader.hello === null ? undefined : read(one, reader.hello), consumed }
}

function checked(error: ClientHelloError): ClientHelloError {
  assert.ok(error instanceof ClientHelloError)
  assert.match(error.message, /^Cannot read the ClientHello: [a-z][^\r\n]*[^.]$/)
  assert.ok([10, 22, 47, 50, 112].includes(error.alert))
  return error
}

/** What the case names, as the case writes it. */
function read(one: VectorCase, hello: ClientHello): object {
  const hash = (name: string) => (input: string) => createHash(name).update(input).digest('hex')
  const all = {
    'server name': hello.serverName,
    protocols: hello.protocols.join(),
    'legacy version': hex([hello.legacyVersion]),
    versions: hex(hello.versions),
    extensions: hex(hello.extensions),
    ja3: one.values.has('ja3') ? ja3(hello, { md5: hash('md5') }) : '',
    ja4: one.values.has('ja4') ? ja4(hello, { protocol: 't', sha256: hash('sha256') }) : '',
  }
  return all
}

function wanted(one: VectorCase): object {
  return Object.fromEntries(VALUES.map((key) => [key, text(bytesOf(one.values.get(key) ?? ''))]))
}

function hex(list: readonly number[]): string {
  return list.map((value) => value.toString(16).padStart(4, '0')).join(' ')
}

function readAll(data: Uint8Array, limits?: Partial<ClientHelloLimits>): ClientHelloReader {
  const reader = new ClientHelloReader(limits)
  feed(reader, [data])
  return reader
}

test('the lists are as they were sent', () => {
  const reader = readAll(
    makeHello({
      suites: [0x0a0a, 0x1301, 0xc02b, 0x00ff],
      extensions: [10, 11, 13, 43, 0x2a2a, 0],
      groups: [0x3a3a, 0x11ec, 0x001d],
      pointFormats: [0, 1, 2],
      signatureAlgorithms: [0x0403, 0x0804],
      versions: [0x4a4a, 0x0304, 0x7f1c],
    }),
  )
  const { hello } = reader
  assert.ok(hello !== null)
  assert.deepEqual(hello.cipherSuites, [0x0a0a, 0x1301, 0xc02b, 0x00ff])
  assert.deepEqual(hello.groups, [0x3a3a, 0x11ec, 0x001d])
  assert.deepEqual(hello.pointFormats, [0, 1, 2])
  assert.deepEqual(hello.signatureAlgorithms, [0x0403, 0x0804])
  assert.deepEqual(hello.versions, [0x4a4a, 0x0304, 0x7f1c])
  assert.deepEqual(hello.protocols, [])
})

test('a hello without extensions has empty lists', () => {
  const { hello } = readAll(makeHello({ version: 0x0301, suites: [4, 5] }))
  assert.ok(hello !== null)
  const { serverName, protocols, versions, extensions, groups, pointFormats, signatureAlgorithms } = hello
  assert.deepEqual(
    [serverName, protocols, versions, extensions, groups, pointFormats, signatureAlgorithms],
    ['', [], [], [], [], [], []],
  )
  assert.deepEqual([hello.legacyVersion, hello.cipherSuites], [0x0301, [4, 5]])
})

test('a detached hello outlives its chunk', () => {
  const chunk = makeHello({ suites: [0x1302], extensions: [0, 16, 43], protocols: ['h2', 'x'] })
  const reader = new ClientHelloReader()
  assert.equal(reader.push(chunk, 0, chunk.length), chunk.length)
  reader.hello!.detach()
  chunk.fill(0xee)
  assert.equal(reader.hello!.serverName, 'a.example')
  assert.deepEqual(reader.hello!.protocols, ['h2', 'x'])
  assert.deepEqual(reader.hello!.cipherSuites, [0x1302])
  assert.deepEqual(reader.hello!.extensions, [0, 16, 43])
  assert.equal(reader.hello!.bytes.length, reader.hello!.length)
})

test('a hello that lies whole in a chunk is not copied, and one in pieces does not keep them', () => {
  const whole = makeHello({ extensions: [0] })
  const reader = new ClientHelloReader()
  reader.push(whole, 0, whole.length)
  assert.equal(reader.hello!.bytes, whole)
  const pieces = new ClientHelloReader()
  feed(pieces, byteByByte(whole))
  assert.equal(pieces.hello!.serverName, 'a.example')
  assert.equal(pieces.hello!.serverName, pieces.hello!.serverName)
})

test('nothing is allocated for a length that is only declared', () => {
  const start = hexBytes('16 0301 3ef4 01 003ef0 0303')
  const before = process.memoryUsage().arrayBuffers
  const readers = Array.from({ length: 200 }, () => readAll(start))
  assert.ok(readers.every(({ hello, error }) => hello === null && error === null))
  assert.ok(process.memoryUsage().arrayBuffers - before < 200 * 1024)
})

test('the default limits: 16,384 bytes and 128 extensions', () => {
  const padded = (length: number) => {
    const bare = makeHello({ extensions: [21] })
    const data = new Uint8Array(length)
    data.set(bare)
    const view = new DataView(data.buffer)
    const padding = length - bare.length
    view.setUint16(3, length - 5)
    view.setUint16(7, length - 9)
    view.setUint16(bare.length - 6, padding + 4)
    view.setUint16(bare.length - 2, padding)
    return data
  }
  assert.equal(readAll(padded(16_384)).error, null)
  assert.equal(readAll(padded(16_385)).error?.code, 'ERR_CLIENT_HELLO_TOO_LARGE')
  assert.equal(readAll(padded(16_385), { bytes: 16_389 }).error, null)
  const types = Array.from({ length: 129 }, (_, index) => 0x100 + index)
  assert.equal(readAll(makeHello({ extensions: types.slice(1) })).error, null)
  const tooMany = readAll(makeHello({ extensions: types }))
  assert.equal(tooMany.error?.code, 'ERR_CLIENT_HELLO_EXTENSIONS_TOO_MANY')
  assert.equal(readAll(makeHello({ extensions: types }), { extensions: 129 }).error, null)
})

test('every pair of types above 64 may stand there once, and none twice', () => {
  const types = [64, 65, 0x0a0a, 0x1a1a, 0x2a2a, 0xfafa, 0x4469, 0x44cd, 0xfe0d, 0xff01, 0xffff]
  assert.equal(readAll(makeHello({ extensions: types })).error, null)
  for (const type of types) {
    const { error } = readAll(makeHello({ extensions: [...types, type] }))
    assert.equal(error?.code, 'ERR_CLIENT_HELLO_EXTENSION_REPEATED', String(type))
  }
})

test('GREASE: sixteen values, and no other', () => {
  const values = Array.from({ length: 0x10000 }, (_, value) => value).filter(isGrease)
  assert.deepEqual(
    values,
    Array.from({ length: 16 }, (_, high) => 0x0a0a + high * 0x1010),
  )
})

test('a server name from Object.prototype is a name like any other', () => {
  for (const name of ['constructor', '__proto__', 'toString'])
    assert.equal(
      readAll(makeHello({ extensions: [0], serverName: name })).hello!.serverName,
      name.toLowerCase(),
    )
})

test('damaged hellos: no exception, and the same answer however they are cut', () => {
  const corpus = cases.map((one) => hexBytes(one.blocks.get('hex')!)).filter((data) => data.length < 600)
  const random = new Random(8446)
  const answers = new Map<string, number>()
  for (let input = 0; input < 6000; input++) {
    const data = mutate(random, corpus)
    const whole = answerOf([data.slice()])
    for (const chunks of [byteByByte(data), cutAtRandom(random, data)])
      assert.deepEqual(answerOf(chunks), whole, `input ${input}`)
    const kind = typeof whole.answer === 'string' ? whole.answer : typeof whole.answer
    answers.set(kind, (answers.get(kind) ?? 0) + 1)
  }
  assert.equal(answers.size, clientHelloErrorCodes.length + 2, [...answers].join('; '))
})

function answerOf(chunks: readonly Uint8Array[]): Result {
  return run({ name: '', group: '', where: '', values: new Map(), blocks: new Map() }, chunks)
}
