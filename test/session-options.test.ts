import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TRANSPORT_NAMES, transportOf } from '../src/sessions/index.ts'
import { resolveSession, type SessionOptions } from '../src/sessions/options.ts'

const polling = transportOf('xhr-polling')!

test('the defaults are those of the published server', () => {
  const { decode, ...settings } = resolveSession(polling, {})
  assert.equal(typeof decode, 'function')
  assert.deepEqual(settings, {
    encoding: '0.6',
    heartbeatInterval: 10_000,
    heartbeatTimeout: 8_000,
    pollDuration: 20_000,
    closeTimeout: 8_000,
    graceTimeout: 8_000,
    writeLimit: 16_777_216,
    writeCount: 65_536,
    highWater: 65_536,
    limits: { message: 16_777_216, messages: 65_536, annotations: 16 },
  })
})

test('a session outlives its carrier where clients come back by themselves', () => {
  const waiting = TRANSPORT_NAMES.filter((name) => resolveSession(transportOf(name)!, {}).closeTimeout > 0)
  assert.deepEqual(waiting, ['xhr-polling', 'jsonp-polling', 'server-events'])
  assert.equal(resolveSession(transportOf('websocket')!, { closeTimeout: 5_000 }).closeTimeout, 5_000)
  assert.equal(resolveSession(polling, { closeTimeout: 0 }).closeTimeout, 0)
})

test('each option goes through', () => {
  const options = {
    encoding: '0.7pre',
    heartbeatInterval: Number.POSITIVE_INFINITY,
    heartbeatTimeout: 1,
    pollDuration: 2,
    closeTimeout: 3,
    graceTimeout: 4,
    writeLimit: 5,
    writeCount: 6,
    highWater: 7,
    limits: { message: 8, messages: 9, annotations: 10 },
    decode: () => '',
  } as const
  assert.deepEqual(resolveSession(polling, options), options)
  assert.deepEqual(resolveSession(polling, { limits: { messages: 1 } }).limits, {
    message: 16_777_216,
    messages: 1,
    annotations: 16,
  })
})

test('what is no possible value is refused', () => {
  const wrong = [
    { encoding: '0.9' },
    { encoding: 'toString' },
    { heartbeatInterval: -1 },
    { heartbeatTimeout: Number.NaN },
    { pollDuration: Number.NEGATIVE_INFINITY },
    { closeTimeout: -0.5 },
    { graceTimeout: Number.NaN },
    { writeLimit: -1 },
    { writeCount: 0 },
    { highWater: 0.5 },
    { limits: { message: 0 } },
    { limits: { messages: 0 } },
    { limits: { annotations: -1 } },
  ]
  for (const options of wrong)
    assert.throws(() => resolveSession(polling, options as SessionOptions), {
      name: 'SessionError',
      code: 'ERR_SESSION_OPTION',
      status: 500,
    })
})
