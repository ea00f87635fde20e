import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Connection } from '../src/node/connection.ts'
import type { ConnectionHost } from '../src/node/host.ts'
import type { HttpWriter } from '../src/node/http/writer.ts'
import { Batches } from '../src/node/reception/batches.ts'

function flushed(
  log: string[],
  name: string,
  then: () => void = () => {},
): Connection<ConnectionHost> & HttpWriter {
  const flush = () => {
    log.push(name)
    then()
  }
  return { flush } as Connection<ConnectionHost> & HttpWriter
}

test('connections are flushed behind the turn, in their order; what comes meanwhile is a batch of its own', async () => {
  const batches = new Batches()
  const log: string[] = []
  batches.flushSoon(flushed(log, 'one', () => batches.flushSoon(flushed(log, 'late'))))
  batches.flushSoon(flushed(log, 'two'))
  assert.deepEqual(log, [])
  await new Promise<void>((resolve) => setImmediate(resolve))
  assert.deepEqual(log, ['one', 'two', 'late'])
})

test('answers are flushed behind all that the turn has caused', async () => {
  const batches = new Batches()
  const log: string[] = []
  batches.flushAnswerSoon(flushed(log, 'answer'))
  batches.flushAnswerSoon(flushed(log, 'other'))
  await new Promise<void>((resolve) => process.nextTick(resolve))
  assert.deepEqual(log, [])
  await new Promise<void>((resolve) => setImmediate(resolve))
  assert.deepEqual(log, ['answer', 'other'])
})
