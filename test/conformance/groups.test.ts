/** The groups without compression, in process: 301 cases, as described, and small ones whole and byte by byte. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { GROUPS } from './cases/index.ts'
import { SEED } from './payloads.ts'
import { deliveriesOf, EchoServer, openWire, run } from './runner.ts'

const echoes = new EchoServer()

for (const { number, name, count, cases } of GROUPS) {
  describe(`${number} ${name}, seed ${SEED}`, () => {
    test('has every case once', () => {
      assert.equal(cases.length, count)
      assert.equal(new Set(cases.map(({ id }) => id)).size, count)
      for (const { id } of cases) assert.ok(id.startsWith(`${number}.`), id)
    })
    for (const each of cases) {
      test(`${each.id} ${each.description}`, async () => {
        for (const delivery of deliveriesOf(each)) {
          const line = await openWire(echoes.server)
          await run(each, echoes, line, delivery).catch((error: Error) => {
            throw new Error(`${each.id} ${delivery}: ${error.message}`, { cause: error })
          })
        }
      })
    }
  })
}
