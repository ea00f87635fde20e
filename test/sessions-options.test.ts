import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Server } from '../src/index.ts'
import { resolveSessions, type SessionsOptions } from '../src/node/sessions/options.ts'
import { TRANSPORT_NAMES } from '../src/sessions/index.ts'

const LIMITS = { messageLimit: 16 * 1024 * 1024, writeLimit: 16 * 1024 * 1024 }

test('without the option there are none', () => {
  assert.equal(resolveSessions(undefined, LIMITS), undefined)
  assert.equal(resolveSessions(false, LIMITS), undefined)
})

test('the defaults', () => {
  const settings = resolveSessions(true, LIMITS)!
  const { options, ...rest } = settings
  assert.deepEqual(rest, {
    resource: 'socket.io',
    transports: TRANSPORT_NAMES,
    maxSessions: 10_000,
    maxSessionsPerAddress: Number.POSITIVE_INFINITY,
    maxBody: 16 * 1024 * 1024,
    shortest: 8_000,
  })
  assert.deepEqual([...options.keys()], TRANSPORT_NAMES)
  for (const { decode, ...own } of options.values()) {
    assert.deepEqual(own, { encoding: '0.6', writeLimit: 16 * 1024 * 1024 })
    assert.equal(decode!(Buffer.from('..€..'), 2, 5), '€')
  }
})

test('the server’s own limits hold, as whole numbers', () => {
  const { maxBody, options } = resolveSessions(true, { messageLimit: 10.5, writeLimit: 0.5 })!
  assert.deepEqual([maxBody, options.get('htmlfile')!.writeLimit], [10, 1])
  const infinite = resolveSessions(true, { messageLimit: Number.POSITIVE_INFINITY, writeLimit: 5 })!
  assert.equal(infinite.maxBody, Number.POSITIVE_INFINITY)
  assert.equal(resolveSessions({ writeLimit: 7 }, LIMITS)!.options.get('htmlfile')!.writeLimit, 7)
})

test('what a transport has of its own goes before what all have', () => {
  const { options, shortest } = resolveSessions(
    {
      pollDuration: 5_000,
      heartbeatTimeout: 3_000,
      transportOptions: { htmlfile: { heartbeatTimeout: 200 }, 'xhr-polling': { encoding: '0.7pre' } },
    },
    LIMITS,
  )!
  assert.equal(options.get('htmlfile')!.heartbeatTimeout, 200)
  assert.equal(options.get('websocket')!.heartbeatTimeout, 3_000)
  assert.equal(options.get('xhr-polling')!.encoding, '0.7pre')
  assert.equal(options.get('xhr-polling')!.pollDuration, 5_000)
  assert.equal(shortest, 200)
})

test('names of Object.prototype are no transports', () => {
  for (const name of ['toString', '__proto__', 'constructor'])
    assert.throws(() => resolveSessions({ transports: [name as 'htmlfile'] }, LIMITS), { code: 'ERR_OPTION' })
})

const wrong: [options: unknown, message: RegExp][] = [
  [{ resource: '' }, /^Cannot use option sessions\.resource: {2}is not segments of a path$/],
  [{ resource: '/socket.io' }, /sessions\.resource/],
  [{ resource: 'socket.io/' }, /sessions\.resource/],
  [{ resource: 'a?b' }, /sessions\.resource/],
  [{ resource: 'a/../b' }, /sessions\.resource/],
  [{ resource: 'a b' }, /sessions\.resource/],
  [{ resource: 1 }, /sessions\.resource/],
  [{ transports: [] }, /sessions\.transports/],
  [{ transports: ['carrier-pigeon'] }, /sessions\.transports: carrier-pigeon is not a list of websocket, /],
  [{ transports: 'websocket' }, /sessions\.transports/],
  [{ maxSessions: 0 }, /sessions\.maxSessions: 0 is not a whole number above 0$/],
  [{ maxSessions: 1.5 }, /sessions\.maxSessions/],
  [{ maxSessionsPerAddress: 0 }, /sessions\.maxSessionsPerAddress: 0 is not a whole number above 0$/],
  [
    { encoding: '0.9' },
    /^Cannot use option sessions: Cannot use the encoding 0\.9: it is not known \(websocket\)$/,
  ],
  [{ pollDuration: -1 }, /^Cannot use option sessions: /],
  [{ writeCount: 0 }, /^Cannot use option sessions: /],
  [{ limits: { message: 0 } }, /^Cannot use option sessions: /],
  [{ transportOptions: { htmlfile: { closeTimeout: Number.NaN } } }, /\(htmlfile\)$/],
]

for (const [options, message] of wrong) {
  test(`${JSON.stringify(options)} cannot be used`, () => {
    const sessions = options as SessionsOptions
    assert.throws(() => new Server({ sessions }), { name: 'PortmanteauError', code: 'ERR_OPTION', message })
  })
}
