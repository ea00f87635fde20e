/** Each transport, on each way that a request can come. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openSession } from './support/open-session.ts'
import { ASKING, type AskingName, SessionClient } from './support/session-clients.ts'
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

/** What is none of a text's business: control characters, marks of the encodings and of what surrounds them, halves of pairs. */
const HOSTILE = [
  '\0',
  '\0\x01\x1f\x7f\ufeff',
  '\ufeff~m~1~m~x',
  '~j~{"a":1}',
  '~h~1',
  '1:1:x,0:0:,',
  '\n',
  '\n\ndata: x\n\nid: y\n\n',
  '\u2028\u2029</SCRIPT>]]>-->',
  '");alert(1);("',
  '\\u003c\\',
  '\udc00 \ud83d',
  '😀'.repeat(100_000),
  `${'x'.repeat(1024 * 1024)}é`,
  '\r',
  'a\r\nb\rc',
]

/** How a client that reads UTF-8 sees it: JSON in script keeps half a pair, and an event stream has no CR. */
function expected(name: AskingName, text: string): string {
  const scripted = name === 'jsonp-polling' || name === 'htmlfile'
  const wellFormed = scripted ? text : Buffer.from(text).toString()
  const asJson = text.startsWith('~j~') || text.startsWith('~h~')
  const escaped = asJson || (name === 'server-events' && text.includes('\r'))
  return escaped ? `~j~${JSON.stringify(text)}` : wellFormed
}

for (const name of ASKING) {
  test(`${name}: no text can be anything but itself, one message or many together`, async (t) => {
    const { client, writer } = await openSession(t, name)
    const receive = async (count: number) => {
      if (client.polls) await client.once()
      await client.receives(count)
    }
    for (const [index, text] of HOSTILE.entries()) {
      writer.write(text)
      await receive(index + 1)
    }
    for (const text of HOSTILE) writer.write(text)
    await receive(HOSTILE.length * 2)
    const texts = HOSTILE.map((text) => expected(name, text))
    assert.deepEqual(client.received, [...texts, ...texts])
  })

  test(`${name}: whatever text comes is heard as it is, in one body or in its own`, async (t) => {
    const { serving, client } = await openSession(t, name)
    const heard: string[] = []
    serving.server.on('message', (message, socket) => {
      heard.push(`${socket.session!.json ? 'json ' : ''}${message.toString()}`)
    })
    const texts = HOSTILE.filter((text) => Buffer.from(text).toString() === text && text !== '~h~1')
    for (const text of texts) assert.equal(await client.send(text), 200)
    assert.equal(await client.send(...texts), 200)
    const want = texts.map((text) => (text.startsWith('~j~') ? `json ${text.slice(3)}` : text))
    assert.deepEqual(heard, [...want, ...want])
    assert.deepEqual(serving.errors, [])
  })
}
