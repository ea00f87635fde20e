/** Groups 12 and 13, in process: 216 cases, and three variants more. `CONFORMANCE_MESSAGES=1000` sends as many as the suite. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { COMPRESSION_GROUPS, type CompressionOptions } from './cases/compression.ts'
import { runCompression } from './compression-runner.ts'
import { SEED } from './payloads.ts'
import { EchoServer, openWire } from './runner.ts'

const servers = new Map<CompressionOptions, EchoServer>()

function serverFor(options: CompressionOptions): EchoServer {
  const known = servers.get(options) ?? new EchoServer({ compression: options })
  servers.set(options, known)
  return known
}

for (const { number, name, count, cases } of COMPRESSION_GROUPS) {
  describe(`${number} ${name}, seed ${SEED}`, () => {
    test('has every case once', () => {
      assert.equal(new Set(cases.map(({ id }) => id)).size, count)
      assert.equal(cases.length, count)
    })
    for (const each of cases) {
      test(`${each.id} ${each.description}; ${each.offer}`, async () => {
        const echoes = serverFor(each.server)
        const line = await openWire(echoes.server, `Sec-WebSocket-Extensions: ${each.offer}\r\n`)
        await runCompression(each, echoes, line)
      })
    }
  })
}
