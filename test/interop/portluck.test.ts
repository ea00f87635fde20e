/** Portluck 0.4.4 as it was published, beside ours: a scripted client does the same to both, and what differs has a reason. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  compare,
  frame,
  Opcode,
  post,
  request,
  type Scenario,
  SeedProgram,
  upgrade,
} from './support/seeds.ts'

const ORIGIN = 'Origin: http://a.example\r\n'
const BARE: readonly string[] = []
const CONNECTED = 'tells ["clientConnect","127.0.0.1","function"]'
const SERVED = [CONNECTED, 'tells ["message","buffer","text x","127.0.0.1"]', 'tells ["clientDisconnect"]']
const BYTES = 'a message is a Buffer, as the README has it'

const scenarios: readonly Scenario[] = [
  {
    name: 'lines: answers, CRLF, empty lines, and what is left at FIN',
    differences: [
      [
        'tells ["message","buffer","text two\\r","127.0.0.1"]',
        'tells ["message","buffer","text two","127.0.0.1"]',
        'the CR of a line end is not of the message',
      ],
    ],
    async run(program) {
      const wire = program.join('raw')
      await wire.send('text one\n').gets('one')
      await program.tells(2)
      await wire.send('text two\r\n\n\ntext three\n').gets('three')
      await program.tells(2)
      await wire.send('buffer four\nend five\ndone six\n').gets('six')
      await program.tells(3)
      await wire.finish('text rest').ends()
      await program.tells(2)
    },
  },
  {
    name: 'lines: close, destroy, ended',
    differences: [],
    async run(program) {
      await program.join('raw').send('ended\nclose last\n').ends()
      await program.tells(4)
      await program.join('raw').send('destroy\n').ends()
      await program.tells(3)
    },
  },
  {
    name: 'messages by POST and PUT, several in one body, none in an empty one',
    differences: [],
    async run(program) {
      await program.asks('POST', post('text one'), BARE)
      await program.tells(3)
      await program.asks('PUT', post('buffer one').replace('POST', 'PUT'), BARE)
      await program.tells(3)
      await program.asks('several', post('text one\ntext two\n'), BARE)
      await program.tells(4)
      await program.asks('empty', post(''), BARE)
      await program.tells(2)
    },
  },
  {
    name: 'HTTP answers: end, later, fields, close, destroy, ended',
    differences: [],
    async run(program) {
      await program.asks('end', post('end x'), BARE)
      await program.tells(3)
      await program.asks('later', post('later x'), BARE)
      await program.tells(3)
      await program.asks('fields', post('fields'), ['x-set', 'x-removed'])
      await program.tells(3)
      await program.asks('close', post('close x'), BARE)
      await program.tells(3)
      await program.asks('destroy', post('destroy'), BARE)
      await program.tells(3)
      await program.asks('ended', post('ended'), BARE)
      await program.tells(4)
    },
  },
  {
    name: 'the fields of an HTTP answer',
    differences: [
      [
        'text gets 200 OK; connection: close; content-type: text/plain; "one" and the end',
        'text gets 200 OK; connection: close; content-length: 3; content-type: text/plain; charset=utf-8; x-content-type-options: nosniff; "one" and the end',
        'an answer says how long it is and what it is encoded in, and no browser takes an echo for a page',
      ],
      [
        'nothing gets 200 OK; connection: close; content-length: 0; content-type: text/plain and the end',
        'nothing gets 200 OK; connection: close; content-length: 0 and the end',
        'what is not there has no type',
      ],
      [
        'other gets 405 Method Not Allowed; allow: POST,PUT; connection: close; content-type: text/plain; "Allowed methods are POST or PUT." and the end',
        'other gets 405 Method Not Allowed; allow: POST,PUT; connection: close; content-length: 32; content-type: text/plain; "Allowed methods are POST or PUT." and the end',
        'as above',
      ],
    ],
    async run(program) {
      await program.asks('text', post('text one'))
      await program.asks('nothing', post(''))
      await program.asks('other', request('DELETE'))
      await program.tells(5)
    },
  },
  {
    name: 'requests behind each other on one connection',
    differences: [
      [
        'both gets 200 OK; "one" and the end',
        'both gets 200 OK; "one"; 200 OK; "two" and the end',
        'the original loses the second answer',
      ],
    ],
    async run(program) {
      await program.asks('both', post('text one', '') + post('text two'), BARE)
      await program.tells(4)
    },
  },
  {
    name: 'pages of an origin: preflight and message',
    differences: [
      [
        'preflight gets 200 OK; access-control-allow-credentials: true; access-control-allow-headers: DNT,User-Agent,X-Requested-With,Content-Type; access-control-allow-methods: POST, PUT; access-control-allow-origin: http://a.example and the end',
        'preflight gets 200 OK; access-control-allow-headers: content-type; access-control-allow-methods: GET, HEAD, DELETE, PATCH, POST, PUT, OPTIONS; access-control-allow-origin: http://a.example; vary: Origin and the end',
        'the fields are those that are asked for; credentials by option only; whoever keeps an answer keeps it for its origin; other methods are there, to be answered by invalidMethodHandler',
      ],
      [
        'message gets 200 OK; access-control-allow-credentials: true; access-control-allow-headers: DNT,User-Agent,X-Requested-With,Content-Type; access-control-allow-methods: POST, PUT; access-control-allow-origin: http://a.example; "x" and the end',
        'message gets 200 OK; access-control-allow-origin: http://a.example; vary: Origin; "x" and the end',
        'as above',
      ],
    ],
    async run(program) {
      const fields = [
        'access-control-allow-credentials',
        'access-control-allow-headers',
        'access-control-allow-methods',
        'access-control-allow-origin',
        'vary',
      ]
      const preflight =
        'Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\nConnection: close\r\n'
      await program.asks('preflight', request('OPTIONS', ORIGIN + preflight), fields)
      await program.asks('message', post('text x', `${ORIGIN}Connection: close\r\n`), fields)
      await program.tells(3)
    },
  },
  {
    name: 'allowOrigin *.example.com',
    args: ['{"allowOrigin":"*.example.com"}'],
    differences: [
      [
        'POST from evilexample.com gets 200 OK; "x" and the end',
        'POST from evilexample.com gets 403 Forbidden; "Cannot accept the request: the origin http://evilexample.com is not allowed\\x0a" and the end',
        'the pattern is the whole of the host',
      ],
      [
        'POST from example.net gets 400 Bad Request and the end',
        'POST from example.net gets 403 Forbidden; "Cannot accept the request: the origin http://example.net is not allowed\\x0a" and the end',
        'the request is not bad, but refused; and it is said why',
      ],
      [
        'WebSocket from example.net gets "" and the end',
        'WebSocket from example.net gets 403 Forbidden; "Cannot accept the request: the origin http://example.net is not allowed\\x0a" and the end',
        'as above',
      ],
      [
        'WebSocket from nowhere gets "" and the end',
        'WebSocket from nowhere gets 101 Switching Protocols',
        'who sends no Origin comes in here, too, unless allowUndefinedOrigin is false',
      ],
      [
        [...SERVED, ...SERVED, ...SERVED],
        [
          ...SERVED,
          ...SERVED,
          'tells ["clientError","ERR_ORIGIN_REFUSED"]',
          'tells ["clientError","ERR_ORIGIN_REFUSED"]',
          'tells ["clientError","ERR_ORIGIN_REFUSED"]',
          CONNECTED,
        ],
        'what is refused is told',
      ],
    ],
    async run(program) {
      const post1 = (origin: string) => post('text x', `Origin: http://${origin}\r\nConnection: close\r\n`)
      for (const host of ['example.com', 'www.example.com', 'evilexample.com', 'example.net']) {
        await program.asks(`POST from ${host}`, post1(host), BARE)
      }
      const open = async (from: string, fields: string) => {
        await program.join(`WebSocket from ${from}`, BARE).send(upgrade('13', fields)).gets('\r\n\r\n')
      }
      await open('example.net', 'Origin: http://example.net\r\n')
      await open('nowhere', '')
      await program.tells(9, 10)
    },
  },
  {
    name: 'a WebSocket: text, binary, empty messages, ping, close from here',
    differences: [
      [
        'tells ["message","string","text x","127.0.0.1"]',
        'tells ["message","buffer","text x","127.0.0.1"]',
        BYTES,
      ],
      [
        'tells ["message","string","buffer y","127.0.0.1"]',
        'tells ["message","buffer","buffer y","127.0.0.1"]',
        BYTES,
      ],
      [
        'tells ["message","string","end z","127.0.0.1"]',
        'tells ["message","buffer","end z","127.0.0.1"]',
        BYTES,
      ],
      [
        'tells ["message","string","close q","127.0.0.1"]',
        'tells ["message","buffer","close q","127.0.0.1"]',
        BYTES,
      ],
    ],
    async run(program) {
      const wire = program.join('ws')
      await wire.send(upgrade('13', ORIGIN)).gets('\r\n\r\n')
      await wire.send(frame(Opcode.text, 'text x')).gets('x')
      await wire.send(frame(Opcode.text, 'buffer y')).gets('y')
      await wire.send(frame(Opcode.binary, 'text w')).gets('w')
      await wire.send(frame(Opcode.text) + frame(Opcode.ping, 'p')).gets('p')
      await wire.send(frame(Opcode.text, 'end z')).gets('z')
      await wire.send(frame(Opcode.text, 'close q')).gets('\x03\xe8')
      await wire.send(frame(Opcode.close, '\x03\xe8')).ends()
      wire.finish()
      await program.tells(7)
    },
  },
  {
    name: 'a WebSocket: closed by the peer, and cut from here',
    differences: [
      [
        'ws gets "\\x88\\x05\\x03\\xe8bye" and the end',
        'ws gets "\\x88\\x02\\x03\\xe8" and the end',
        'an answer to a close frame has its code; what its reason was, the peer knows',
      ],
      [
        'tells ["message","string","destroy","127.0.0.1"]',
        'tells ["message","buffer","destroy","127.0.0.1"]',
        BYTES,
      ],
    ],
    async run(program) {
      const wire = program.join('ws')
      await wire.send(upgrade('13', ORIGIN)).gets('\r\n\r\n')
      await wire.send(frame(Opcode.close, '\x03\xe8bye')).ends()
      wire.finish()
      await program.tells(2)
      const other = program.join('ws')
      await other.send(upgrade('8', `Sec-WebSocket-${ORIGIN}`)).gets('\r\n\r\n')
      await other.send(frame(Opcode.text, 'destroy')).ends()
      other.socket.destroy()
      await program.tells(3)
    },
  },
  {
    name: 'the oldest version of WebSocket',
    differences: [
      [
        'ws gets 400 Bad Request',
        ['ws gets 101 Web Socket Protocol Handshake', CONNECTED],
        'every version that was ever shipped is spoken',
      ],
    ],
    async run(program) {
      const fields = 'Connection: Upgrade\r\nUpgrade: WebSocket\r\n'
      await program
        .join('ws', BARE)
        .send(request('GET', fields + ORIGIN))
        .gets('\r\n\r\n')
      await program.tells(0, 1)
    },
  },
  {
    name: 'a client that says nothing is there, and can speak later',
    differences: [],
    async run(program) {
      const wire = program.join('raw')
      await program.tells(1)
      await wire.send('text at last\n').gets('last')
      await program.tells(1)
      await wire.finish().ends()
      await program.tells(1)
    },
  },
]

compare('portluck', scenarios)

for (const [bytes, message] of [
  ['GET lost\n', 'GET lost'],
  ['PO', 'PO'],
] as const) {
  test(`${JSON.stringify(bytes)} and FIN: lost by the original, a message here`, async (t) => {
    const original = await SeedProgram.start(t, 'portluck', 'original')
    await original.join('raw').finish(bytes).ends()
    await original.tells(1)
    assert.deepEqual(original.transcript, ['raw gets "" and the end', 'tells ["clientError","ECONNRESET"]'])
    const ours = await SeedProgram.start(t, 'portluck', 'ours')
    await ours.join('raw').finish(bytes).ends()
    await ours.tells(3)
    assert.deepEqual(ours.transcript, [
      'raw gets "" and the end',
      'tells ["clientConnect","127.0.0.1","function"]',
      `tells ["message","buffer",${JSON.stringify(message)},"127.0.0.1"]`,
      'tells ["clientDisconnect"]',
    ])
  })
}
