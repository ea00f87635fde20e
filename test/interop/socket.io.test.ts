/** Socket.IO 0.6.18 as it was published, beside ours: a scripted client does the same to both, and what differs has a reason. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../support/serving.ts'
import {
  type Difference,
  framed,
  idIn,
  masked,
  openSocket,
  Program,
  Stream,
  sending,
  withDifferences,
} from './support/socket.io.ts'

interface Scenario {
  readonly name: string
  readonly differences: readonly Difference[]
  run(program: Program): Promise<void>
}

/** Of an answer whose type is looked at elsewhere. */
const BARE = { fields: [] }

const GONE = '"Cannot find the session: it has ended, or never was\\n"'
const TEXT = 'content-type: text/plain; charset=utf-8'

const scenarios: readonly Scenario[] = [
  {
    name: 'xhr-polling: open, poll, send, the time of a poll and of a client',
    differences: [
      [
        'send: 200, content-type: text/plain, "ok"',
        'send: 200, content-type: text/plain; charset=UTF-8, "ok"',
        'an answer says what it is encoded in',
      ],
      [
        'poll: 200, content-type: text/plain; charset=UTF-8, "~m~3~m~one~m~20~m~~j~{\\"an\\":[\\"object\\"]}~m~7~m~one,two~m~0~m~~m~2~m~42"',
        'poll: 200, content-type: text/plain; charset=UTF-8, "~m~3~m~one~m~20~m~~j~{\\"an\\":[\\"object\\"]}~m~3~m~one~m~3~m~two~m~0~m~~m~2~m~42"',
        'an array is its elements, whether it waits or not; the original joins one that waits with commas',
      ],
      [
        'poll of a client that is gone: socket hang up',
        `poll of a client that is gone: 404, ${TEXT}, ${GONE}`,
        'an unknown session has an answer, with a reason',
      ],
      [
        'send of a client that is gone: socket hang up',
        `send of a client that is gone: 404, ${TEXT}, ${GONE}`,
        'as above',
      ],
    ],
    async run(program) {
      const opened = await program.asks('open', '/socket.io/xhr-polling//1300000000000')
      await program.hears(2)
      const path = `/socket.io/xhr-polling/${idIn(opened!.body)}`
      const commands = ['echo one', 'json', 'list', 'nothing', 'number']
      await program.asks('send', `${path}/send`, { body: sending(...commands) })
      await program.hears(10)
      await program.asks('poll', `${path}/1300000000001`)
      await program.asks('send many', `${path}/send`, { body: sending('many'), ...BARE })
      await program.hears(2)
      await program.asks('poll of many', `${path}/1300000000002`)
      const held = program.ask(`${path}/1300000000003`)
      await sleep(50)
      await program.asks('send to a held poll', `${path}/send`, {
        body: sending('echo ümläut € 😀'),
        ...BARE,
      })
      program.shows('held poll', await held)
      await program.hears(2)
      await program.asks('poll that nobody answers', `${path}/1300000000004`)
      await program.hears(2)
      await program.asks('poll of a client that is gone', `${path}/1300000000005`)
      await program.asks('send of a client that is gone', `${path}/send`, { body: sending('late') })
    },
  },
  {
    name: 'jsonp-polling',
    differences: [
      [
        'poll: 200, content-type: text/javascript; charset=UTF-8, "io.JSONP[7]._(\\"~m~20~m~\\\\\\"quoted\\\\\\" \\\\\\\\ </script>\\");"',
        'poll: 200, content-type: text/javascript; charset=UTF-8, "io.JSONP[7]._(\\"~m~20~m~\\\\\\"quoted\\\\\\" \\\\\\\\ \\\\u003c/script\\\\u003e\\");"',
        'no text can end the script that it is in',
      ],
    ],
    async run(program) {
      const opened = await program.asks('open', '/socket.io/jsonp-polling//1300000000000/0')
      await program.hears(2)
      const path = `/socket.io/jsonp-polling/${idIn(opened!.body)}`
      const body = sending('echo "quoted" \\ </script>')
      await program.asks('send', `${path}/1300000000001/0`, { body, ...BARE })
      await program.hears(2)
      await program.asks('poll', `${path}/1300000000002/7`)
      await program.asks('poll that nobody answers', `${path}/1300000000003/1`)
      await program.hears(2)
    },
  },
  {
    name: 'htmlfile: a stream, heartbeats, and its end',
    differences: [
      [
        'head: text/html, chunked',
        'head: text/html; charset=UTF-8, chunked',
        'an answer says what it is encoded in',
      ],
      [
        'batch: <script>parent.s._("~m~13~m~one</script>\u2028", document);</script>',
        'batch: <script>parent.s._("~m~13~m~one\\u003c/script\\u003e\\u2028", document);</script>',
        'no text can end the script that it is in: that one does, and what follows is the page’s',
      ],
      ['stream ended: false', 'stream ended: true', 'who is gone is not kept connected'],
    ],
    async run(program) {
      const stream = await Stream.open(program.port, '/socket.io/htmlfile//1300000000000')
      program.note(`head: ${stream.headers['content-type']}, ${stream.headers['transfer-encoding']}`)
      await until(() => stream.text.includes('</script>'))
      await program.hears(2)
      program.note(`opening: ${masked(stream.text.replace(/ {244}/, '[244 spaces]'))}`)
      const path = `/socket.io/htmlfile/${idIn(stream.text)}`
      let at = stream.text.length
      await program.asks('send', `${path}/send`, { body: sending('echo one</script>\u2028'), ...BARE })
      await program.hears(2)
      await until(() => stream.text.includes('one'))
      program.note(`batch: ${stream.text.slice(at)}`)
      at = stream.text.length
      await until(() => stream.text.length > at)
      program.note(`heartbeat: ${stream.text.slice(at)}`)
      await program.hears(2)
      await sleep(100)
      program.note(`stream ended: ${stream.ended}`)
      stream.close()
    },
  },
  {
    name: 'xhr-multipart',
    differences: [
      [
        'type: multipart/x-mixed-replace;boundary="socketio"',
        'type: multipart/x-mixed-replace;boundary="RANDOM"',
        'a message that holds the boundary would end its part, so that nobody may guess it',
      ],
      [
        'parts: "Content-Type: text/plain\\n\\n~m~3~m~one\\n--B\\nContent-Type: text/plain\\n\\n~m~3~m~two\\n--B\\n"',
        'parts: "Content-Type: text/plain\\n\\n~m~3~m~one~m~3~m~two\\n--B\\n"',
        'what is sent in one turn is one batch, as between two polls',
      ],
    ],
    async run(program) {
      const stream = await Stream.open(program.port, '/socket.io/xhr-multipart/')
      const type = String(stream.headers['content-type'])
      const [, boundary = ''] = /boundary="([^"]+)"/.exec(type) ?? []
      await until(() => stream.text.split(boundary).length > 2)
      await program.hears(2)
      program.note(`type: ${type.replace(/"[A-Za-z0-9_-]{24}"/, '"RANDOM"')}`)
      program.note(`opening: ${JSON.stringify(masked(stream.text.replaceAll(boundary, 'B')))}`)
      const at = stream.text.length
      const path = `/socket.io/xhr-multipart/${idIn(stream.text)}`
      await program.asks('send', `${path}/send`, { body: sending('echo one', 'echo two'), ...BARE })
      await program.hears(4)
      await until(() => stream.text.includes('two'))
      await sleep(20)
      program.note(`parts: ${JSON.stringify(stream.text.slice(at).replaceAll(boundary, 'B'))}`)
      stream.close()
      await program.hears(2)
    },
  },
  ...(['hixie-75', 'hixie-76'] as const).map(
    (version): Scenario => ({
      name: `websocket, ${version}`,
      differences: [],
      async run(program) {
        const { socket, batches } = await openSocket(program, version)
        await program.hears(2)
        await until(() => batches.length > 0)
        program.note(`opening: ${masked(batches[0]!)}`)
        for (const text of ['echo one', 'json', 'number', 'list']) {
          socket.write(framed(text))
          await program.hears(2)
        }
        await until(() => batches.length === 5)
        program.note(`batches: ${batches.slice(1).join(' ')}`)
        socket.close()
        await program.hears(2)
      },
    }),
  ),
  {
    name: 'several clients: broadcast, to all, and to all but one',
    differences: [],
    async run(program) {
      const one = await openSocket(program, 'hixie-76')
      await program.hears(2)
      const two = await openSocket(program, 'hixie-76')
      await program.hears(2)
      for (const text of ['broadcast others', 'all everybody', 'except not me']) {
        one.socket.write(framed(text))
        await program.hears(2)
      }
      await until(() => two.batches.length === 4 && one.batches.length === 2)
      program.note(`one: ${one.batches.slice(1).join(' ')}`)
      program.note(`two: ${two.batches.slice(1).join(' ')}`)
      one.socket.close()
      await program.hears(2)
      two.socket.destroy()
      await program.hears(2)
    },
  },
  {
    name: 'paths of the application, and of nobody',
    differences: [
      [
        'an unknown session: socket hang up',
        `an unknown session: 404, ${TEXT}, ${GONE}`,
        'an unknown session has an answer, with a reason',
      ],
      [
        'a send to an unknown session: socket hang up',
        `a send to an unknown session: 404, ${TEXT}, ${GONE}`,
        'as above',
      ],
      [
        'another method: no answer',
        `another method: 405, ${TEXT}, "Cannot serve the request: its method is none of GET, POST, OPTIONS\\n"`,
        'every request has an answer',
      ],
      [
        'the browser’s script: 200, "served"',
        'the browser’s script: 200, "application /socket.io/socket.io.js"',
        'the script is the application’s own to serve: it is not ours to ship',
      ],
      [
        'the Flash policy: "HTTP/1.1 400 Bad Request\\r\\nConnection: close\\r\\n\\r\\n"',
        'the Flash policy: "<?xml version=\\"1.0\\"?>\\n<!DOCTYPE cross-domain-policy SYSTEM \\"http://www.adobe.com/xml/dtds/cross-domain-policy.dtd\\">\\n<cross-domain-policy>\\n<allow-access-from domain=\\"*\\" to-ports=\\"*\\"/>\\n</cross-domain-policy>\\n\\u0000"',
        'on today’s Node the parser of HTTP is before the original, which has relied on coming first',
      ],
    ],
    async run(program) {
      await program.asks('the application', '/')
      await program.asks('a transport that is none', '/socket.io/pigeon/')
      await program.asks('a prefix of a segment', '/socket.iox/xhr-polling')
      await program.asks('an unknown session', '/socket.io/xhr-polling/123/1300000000000')
      await program.asks('a send to an unknown session', '/socket.io/xhr-polling/123/send', {
        body: 'data=x',
      })
      await program.asks('another method', '/socket.io/xhr-polling/', { method: 'DELETE' })
      const script = await program.ask('/socket.io/socket.io.js')
      const body = script.body.includes('io.Socket') ? 'served' : script.body
      program.shows('the browser’s script', { ...script, body }, [])
      await program.tells('the Flash policy', '<policy-file-request/>\0')
    },
  },
  {
    name: 'another origin',
    differences: [
      [
        'open: 200, access-control-allow-origin: http://example.com, vary: none, "~m~N~m~ID"',
        'open: 200, access-control-allow-origin: http://example.com, vary: Origin, "~m~N~m~ID"',
        'a cache must keep the answers to different origins apart',
      ],
      [
        'send: 200, access-control-allow-origin: *, vary: none, "ok"',
        'send: 200, access-control-allow-origin: http://example.com, vary: Origin, "ok"',
        'the origin that is allowed is named, on every answer',
      ],
      [
        'poll: 200, access-control-allow-origin: http://example.com, vary: none, "~m~3~m~one"',
        'poll: 200, access-control-allow-origin: http://example.com, vary: Origin, "~m~3~m~one"',
        'as above',
      ],
      [
        'poll of another page: 200, access-control-allow-origin: http://evil.test, vary: none, ""',
        'poll of another page: 403, access-control-allow-origin: http://evil.test, vary: Origin, "Cannot use the session: another origin has opened it\\n"',
        'a session is the origin’s that opened it, whoever has its id',
      ],
    ],
    async run(program) {
      const fields = ['access-control-allow-origin', 'vary']
      const headers = { origin: 'http://example.com' }
      const opened = await program.asks('open', '/socket.io/xhr-polling//1', { headers, fields })
      await program.hears(2)
      const path = `/socket.io/xhr-polling/${idIn(opened!.body)}`
      await program.asks('send', `${path}/send`, { headers, fields, body: sending('echo one') })
      await program.hears(2)
      await program.asks('poll', `${path}/2`, { headers, fields })
      const evil = { origin: 'http://evil.test' }
      await program.asks('poll of another page', `${path}/3`, { headers: evil, fields })
      await program.hears(2)
    },
  },
  {
    name: 'what cannot be read',
    differences: [
      [
        'no data: 200, "ok"',
        'no data: 400, "Cannot read the body: it has no field data\\n"',
        'what brings no message is not ok',
      ],
      [
        'no frame: 200, "ok"',
        'no frame: 400, "Cannot read the message: it begins as no message of its encoding\\n"',
        'what cannot be read ends the session, for nobody knows what was lost',
      ],
      ['a frame that is cut off: 200, "ok"', `a frame that is cut off: 404, ${GONE}`, 'it has ended'],
    ],
    async run(program) {
      const opened = await program.asks('open', '/socket.io/xhr-polling//1', BARE)
      await program.hears(2)
      const path = `/socket.io/xhr-polling/${idIn(opened!.body)}/send`
      await program.asks('no data', path, { body: 'other=1', ...BARE })
      await program.asks('no frame', path, { body: 'data=hello', ...BARE })
      await program.asks('a frame that is cut off', path, { body: 'data=~m~9~m~short', ...BARE })
    },
  },
]

for (const { name, run, differences } of scenarios) {
  test(name, async (t) => {
    const original = await Program.start(t, 'original')
    const ours = await Program.start(t, 'ours')
    await run(original)
    await run(ours)
    assert.deepEqual(ours.transcript, withDifferences(original.transcript, differences))
  })
}

test('JSON that is none: the original makes an empty object of it, ours is not heard', async (t) => {
  const original = await Program.start(t, 'original')
  const ours = await Program.start(t, 'ours')
  for (const program of [original, ours]) {
    const { socket } = await openSocket(program, 'hixie-76')
    await program.hears(2)
    socket.write(framed('~j~{') + framed('~j~{"a":1}'))
  }
  await original.hears(4)
  await ours.hears(2)
  const heard = ({ transcript }: Program) => transcript.slice(2)
  assert.deepEqual(heard(ours), ['heard ["message",{"a":1}]', 'heard ["clientMessage",{"a":1}]'])
  assert.deepEqual(heard(original), ['heard ["message",{}]', 'heard ["clientMessage",{}]', ...heard(ours)])
})

for (const [what, path, status] of [
  ['a transport that is named like a method of every object', '/socket.io/toString/', 200],
  ['a callback without an index', '/socket.io/jsonp-polling//1300000000000/x', 400],
] as const) {
  test(`${what} ends the original, and not ours`, async (t) => {
    const original = await Program.start(t, 'original')
    const ours = await Program.start(t, 'ours')
    await assert.rejects(original.ask(path))
    await original.ended()
    assert.equal((await ours.ask(path)).status, status)
    assert.equal((await ours.ask('/')).status, 200)
    assert.equal(ours.running, true)
  })
}
