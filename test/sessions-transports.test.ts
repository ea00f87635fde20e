/** Each transport, on each way that a request can come. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ASKING, SessionClient } from './support/session-clients.ts'
import { serveSessions, WIRES } from './support/session-wires.ts'

const TEXTS = [
  '',
  'a',
  'ümläut € 😀',
  'line\nend',
  '</script><!--',
  '--socketio',
  ' &+%="\'\\',
  '\u2028',
  'last',
]

for (const wire of WIRES) {
  for (const name of ASKING) {
    test(`${name} on ${wire}: a client like any other, messages both ways, in order`, async (t) => {
      const serving = await serveSessions(t, {}, wire)
      const client = await new SessionClient(serving.ask, name).connect()
      assert.match(client.id, /^[A-Za-z0-9_-]{22}$/)
      const [{ client: seen }] = serving.clients as [(typeof serving.clients)[0]]
      assert.deepEqual([seen.protocol, seen.version, seen.remoteAddress], [name, '0.6', '127.0.0.1'])
      assert.notEqual(seen.id, client.id)
      assert.equal(seen.request?.url, client.path(''))
      assert.equal(await client.send(...TEXTS), 200)
      assert.deepEqual(await client.receives(TEXTS.length), TEXTS)
      assert.deepEqual(serving.log, [`connect ${name}`])
      client.polling = false
    })
  }
}
