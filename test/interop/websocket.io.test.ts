/** WebSocket.IO 0.2.1 as it was published, beside ours: a scripted client does the same to both, and what differs has a reason. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import * as ws from '../../src/compat/websocket.io/index.ts'
import {
  CHALLENGE,
  CHALLENGE_ANSWER,
  compare,
  type Difference,
  DRAFT_75,
  DRAFT_76,
  draftFrame,
  frame,
  Opcode,
  request,
  type Scenario,
  SeedProgram,
  upgrade,
  type Wire,
} from './support/seeds.ts'

const BARE: readonly string[] = []

function connected(name: string, version: string, path: string): string {
  return `tells ${JSON.stringify(['connection', name, version, 'open', path, 'function'])}`
}

/** Its version, of a client whose version has a number. */
function hybi(version: string): Difference {
  return [
    connected('websocket', `hybi-${version}`, '/chat?a=1'),
    connected('websocket', 'hybi', '/chat?a=1'),
    'as the README has it',
  ]
}

const CLOSED: Difference = [
  '13 gets "" and the end',
  '13 gets "\\x88\\x02\\x03\\xe8"',
  'it is closed in its own way, with a close frame (RFC 6455 §7.1.2), instead of by the end of TCP',
]

async function open(program: SeedProgram, version: string, name = version): Promise<Wire> {
  return program
    .join(name, BARE)
    .send(upgrade(version, '', '/chat?a=1'))
    .gets('\r\n\r\n')
}

async function open76(
  program: SeedProgram,
  name = '76',
  fields: readonly string[] | 'all' = BARE,
): Promise<Wire> {
  const opening = request('GET', DRAFT_76, '/chat') + CHALLENGE
  return program
    .join(name, fields === 'all' ? undefined : fields)
    .send(opening)
    .gets(CHALLENGE_ANSWER)
}

const scenarios: readonly Scenario[] = [
  {
    name: 'drafts 75 and 76',
    differences: [
      [
        '76 gets "" and the end',
        '76 gets "\\xff\\x00" and the end',
        'a close frame is answered with one (draft 76 §5.3)',
      ],
    ],
    async run(program) {
      const old = await program
        .join('75')
        .send(request('GET', DRAFT_75, '/chat'))
        .gets('\r\n\r\n')
      await old.send(draftFrame('text hi')).gets('\xff')
      await old.finish().ends()
      await program.tells(5)
      const newer = await open76(program, '76', 'all')
      await newer.send(draftFrame('write hi')).gets('\xff')
      await newer.send('\xff\0').ends()
      newer.finish()
      await program.tells(4)
    },
  },
  ...['8', '13'].map(
    (version): Scenario => ({
      name: `version ${version}`,
      differences: [hybi(version)],
      async run(program) {
        const wire = await open(program, version)
        await wire.send(frame(Opcode.text, 'text hi')).gets('hi')
        await wire.send(frame(Opcode.text, 'write yo')).gets('yo')
        await wire.send(frame(Opcode.ping, 'p')).gets('p')
        await wire.send(frame(Opcode.close, '\x03\xe8')).ends()
        wire.finish()
        await program.tells(7)
      },
    }),
  ),
  ...['close', 'end'].map(
    (method): Scenario => ({
      name: method,
      differences: [CLOSED, hybi('13')],
      async run(program) {
        const wire = await open(program, '13')
        await wire.send(frame(Opcode.text, method)).gets('\x03\xe8')
        wire.finish(frame(Opcode.close, '\x03\xe8'))
        await program.tells(4)
      },
    }),
  ),
  {
    name: 'destroy',
    differences: [
      hybi('13'),
      [
        ['tells ["close","closed"]', 'tells ["data","destroy"]'],
        ['tells ["data","destroy"]', 'tells ["close","closed"]'],
        'nothing comes after close',
      ],
    ],
    async run(program) {
      const wire = await open(program, '13')
      await wire.send(frame(Opcode.text, 'destroy')).ends()
      await program.tells(4)
    },
  },
  {
    name: 'clients and clientsCount, with one that goes',
    differences: [hybi('13')],
    async run(program) {
      const a = await open(program, '13', 'a')
      await program.tells(1)
      const b = await open76(program, 'b')
      await program.tells(1)
      await a.send(frame(Opcode.text, 'count')).gets('2')
      await b.send(draftFrame('all x')).gets('\xff')
      await a.gets('x')
      a.socket.destroy()
      await program.tells(5)
      await b.send(draftFrame('count')).gets('\xff')
      await program.tells(2)
    },
  },
  {
    name: 'requests that are none for a WebSocket',
    differences: [
      [
        'h2c gets "" and no end',
        'h2c gets 501 Not Implemented; "f\\x0d\\x0aNot Implemented\\x0d\\x0a0\\x0d\\x0a\\x0d\\x0a" and the end',
        'another upgrade may be ignored, and the request is answered (RFC 9110 §7.8)',
      ],
    ],
    async run(program) {
      await program.asks('page', request('GET', 'Connection: close\r\n', '/page'), BARE)
      await program
        .join('h2c', BARE)
        .send(request('GET', 'Connection: Upgrade, close\r\nUpgrade: h2c\r\n'))
        .ends(500)
    },
  },
  {
    name: 'another path',
    args: ['{"path":"/chat"}'],
    differences: [
      hybi('13'),
      [
        'elsewhere gets "" and no end',
        'elsewhere gets 404 Not Found; "Cannot accept the WebSocket: there is none at this path\\x0a" and the end',
        'what nobody takes is answered',
      ],
    ],
    async run(program) {
      await open(program, '13')
      await program.tells(1)
      await program
        .join('elsewhere', BARE)
        .send(upgrade('13', '', '/elsewhere'))
        .ends(500)
    },
  },
  {
    name: 'the eight bytes come late',
    differences: [],
    async run(program) {
      const wire = await program.join('late', BARE).send(request('GET', DRAFT_76)).gets('\r\n\r\n')
      await sleep(50)
      await wire.send(CHALLENGE).gets(CHALLENGE_ANSWER)
      await program.tells(1)
    },
  },
  {
    name: 'version 7, a version that is none, and no key',
    differences: [
      [
        '7 gets 400 Bad Request',
        ['7 gets 101 Switching Protocols', connected('websocket', 'hybi', '/')],
        'the README names it, the last release refused it',
      ],
      [
        '99 gets "" and the end',
        '99 gets 426 Upgrade Required; "Cannot accept the WebSocket: its version of the protocol is not supported\\x0a" and the end',
        'what is refused is answered, with its reason',
      ],
      [
        'no key gets 400 Bad Request and the end',
        'no key gets 400 Bad Request; "Cannot accept the WebSocket: Sec-WebSocket-Key is not there exactly once\\x0a" and the end',
        'as above',
      ],
    ],
    async run(program) {
      await program.join('7', BARE).send(upgrade('7')).gets('\r\n\r\n')
      await program.tells(0, 1)
      await program.join('99', BARE).send(upgrade('99')).ends()
      const keyless = upgrade('13').replace(/Sec-WebSocket-Key: .*\r\n/, '')
      await program.join('no key', BARE).send(keyless).ends()
    },
  },
]

compare('websocket.io', scenarios)

test('a version named like a method of every object ends the original, and not ours', async (t) => {
  const original = await SeedProgram.start(t, 'websocket.io', 'original')
  await original.join('toString').send(upgrade('toString')).ends()
  await original.ended()
  const ours = await SeedProgram.start(t, 'websocket.io', 'ours')
  await ours.join('toString', BARE).send(upgrade('toString')).ends()
  assert.match(ours.transcript[0]!, /^toString gets 426 /)
  assert.equal(ours.running, true)
})

test('the client-side example of the README', async (t) => {
  const server = ws.listen(0)
  const http = server.httpServer!
  await once(http, 'listening')
  t.after(() => http.close())
  server.on('connection', (socket) => socket.send('a message').close())
  const { port } = http.address() as { port: number }
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`)
  const log: string[] = []
  socket.on('open', () => log.push('open'))
  socket.on('message', (message: Buffer) => log.push(message.toString()))
  socket.on('close', () => log.push('close'))
  await once(socket, 'close')
  assert.deepEqual(log, ['open', 'a message', 'close'])
})
