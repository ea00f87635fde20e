import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resolveOptions } from '../src/node/limits/options.ts'
import type { ServerOptions } from '../src/node/limits/server-options.ts'
import { lineFraming } from '../src/raw/index.ts'

test('the defaults are those that docs/limits.md lists', () => {
  const MIB = 1024 * 1024
  assert.deepEqual(resolveOptions({}), {
    sniffTimeout: 3_000,
    sniffLimit: 8_192,
    requestLineLimit: 8_192,
    headLimit: 16_384,
    fieldLimit: 100,
    headTimeout: 10_000,
    bodyTimeout: 300_000,
    keepAliveTimeout: 5_000,
    messageLimit: 16 * MIB,
    frameLimit: 131_072,
    handshakeTimeout: 10_000,
    closeTimeout: 5_000,
    pingInterval: 30_000,
    idleTimeout: 120_000,
    writeLimit: 16 * MIB,
    bufferLimit: 256 * MIB,
    maxConnections: Number.POSITIVE_INFINITY,
    maxConnectionsPerAddress: Number.POSITIVE_INFINITY,
    maxSniffing: 10_000,
    rawFallback: true,
    wholeBody: false,
    explicitEnd: false,
    allowHalfOpen: false,
    stream: false,
    http2: true,
    allowUndefinedOrigin: true,
    allowCredentials: false,
    framing: lineFraming,
    rawFraming: lineFraming,
    http1: true,
    tls: 'optional',
    proxy: undefined,
    forwarded: undefined,
    signatures: [],
    udp: undefined,
    flashPolicy: undefined,
    flashPolicyPort: undefined,
    sessions: undefined,
    isMessage: undefined,
    answerCompression: undefined,
    allowOrigin: undefined,
    protocols: undefined,
    upgrade: undefined,
    versions: ['13', '8', '7', 'hybi-03', 'hixie-76', 'hixie-75'],
    compression: {
      threshold: 1024,
      takeover: false,
      windowBits: 15,
      peerWindowBits: 15,
      level: 3,
      memoryLevel: 8,
      concurrency: 10,
    },
  })
})

test('what is given takes the place of the default', () => {
  const settings = resolveOptions({
    sniffTimeout: 50,
    rawFallback: false,
    idleTimeout: Number.POSITIVE_INFINITY,
  })
  assert.equal(settings.sniffTimeout, 50)
  assert.equal(settings.rawFallback, false)
  assert.equal(settings.idleTimeout, Number.POSITIVE_INFINITY)
})

const impossible: [name: string, value: unknown][] = [
  ['sniffTimeout', 0],
  ['sniffTimeout', -1],
  ['sniffTimeout', '3000'],
  ['messageLimit', Number.NaN],
  ['sniffLimit', Number.POSITIVE_INFINITY],
  ['sniffLimit', 10.5],
  ['rawFallback', 1],
  ['framing', 'xml'],
  ['framing', {}],
  ['versions', []],
  ['versions', ['14']],
  ['versions', '13'],
  ['compression', 1],
  ['raw', { detect: 1 }],
  ['raw', { verbatim: 'yes' }],
  ['raw', { detect: true, verbatim: true }],
]

for (const [name, value] of impossible) {
  test(`option ${name}: ${typeof value} ${String(value)} is refused`, () => {
    assert.throws(
      () => resolveOptions({ [name]: value } as ServerOptions),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, 'ERR_OPTION')
        assert.match(error.message, new RegExp(name))
        return true
      },
    )
  })
}
