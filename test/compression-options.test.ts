import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type CompressionOptions,
  deflateSettings,
  resolveCompression,
} from '../src/node/websocket/compression-options.ts'

const DEFAULTS = {
  threshold: 1024,
  takeover: false,
  windowBits: 15,
  peerWindowBits: 15,
  level: 3,
  memoryLevel: 8,
  concurrency: 10,
}

test('compression is on above 1 KiB, without takeover', () => {
  for (const option of [undefined, true, {}, { level: undefined } as unknown as CompressionOptions]) {
    assert.deepEqual(resolveCompression(option), DEFAULTS)
  }
  assert.equal(resolveCompression(false), undefined)
})

test('what is given takes the place of the default', () => {
  const given = {
    threshold: 0,
    takeover: true,
    windowBits: 9,
    peerWindowBits: 8,
    level: 0,
    memoryLevel: 1,
    concurrency: 1,
  }
  assert.deepEqual(resolveCompression(given), given)
  assert.equal(
    resolveCompression({ threshold: Number.POSITIVE_INFINITY })?.threshold,
    Number.POSITIVE_INFINITY,
  )
})

const impossible: [name: string, value: unknown][] = [
  ['threshold', -1],
  ['threshold', 0.5],
  ['threshold', '1024'],
  ['takeover', 1],
  ['windowBits', 7],
  ['windowBits', 16],
  ['windowBits', Number.POSITIVE_INFINITY],
  ['peerWindowBits', Number.NaN],
  ['peerWindowBits', null],
  ['level', -1],
  ['level', 10],
  ['memoryLevel', 0],
  ['memoryLevel', 10],
  ['concurrency', 0],
  ['concurrency', 1025],
  ['concurrency', Number.POSITIVE_INFINITY],
]

for (const [name, value] of impossible) {
  test(`compression.${name}: ${typeof value} ${String(value)} is refused`, () => {
    assert.throws(() => resolveCompression({ [name]: value } as CompressionOptions), {
      code: 'ERR_OPTION',
      message: new RegExp(`^Cannot use option compression\\.${name}: .* is not a `),
    })
  })
}

for (const value of [null, 1, 'yes']) {
  test(`compression: ${String(value)} is refused`, () => {
    assert.throws(() => resolveCompression(value as unknown as boolean), { code: 'ERR_OPTION' })
  })
}

test('a server and a client negotiate with their own window as theirs', () => {
  const settings = resolveCompression({ windowBits: 10, peerWindowBits: 12, takeover: true })!
  const both = { serverTakeover: true, clientTakeover: true }
  assert.deepEqual(deflateSettings(settings, 'server'), {
    ...both,
    serverMaxWindowBits: 10,
    clientMaxWindowBits: 12,
  })
  assert.deepEqual(deflateSettings(settings, 'client'), {
    ...both,
    serverMaxWindowBits: 12,
    clientMaxWindowBits: 10,
  })
})
