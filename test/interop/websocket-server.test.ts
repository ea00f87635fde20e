/** node-websocket-server 1.1.4 as it was published, beside ours: a scripted client does the same to both, and what differs has a reason. */
import { setTimeout as sleep } from 'node:timers/promises'
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
  type SeedProgram,
  upgrade,
  type Wire,
} from './support/seeds.ts'

const BARE: readonly string[] = []

/** Of each client that goes: 1.1.4 has two states of it, told after `close` and the last one first. */
function goes(name: string): Difference {
  return [
    [
      `tells ["server disconnect","${name}"]`,
      'tells ["close"]',
      'tells ["stateChange",6,5]',
      'tells ["stateChange",5,4]',
    ],
    ['tells ["stateChange",5,4]', `tells ["server disconnect","${name}"]`, 'tells ["close"]'],
    'the README has one state of a client that goes, told when it does',
  ]
}

async function open75(
  program: SeedProgram,
  name = '75',
  fields: readonly string[] | 'all' = BARE,
): Promise<Wire> {
  return program
    .join(name, fields === 'all' ? undefined : fields)
    .send(request('GET', DRAFT_75, '/chat'))
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
    name: 'drafts 75 and 76: the answer, messages, the version, and the end',
    differences: [
      [
        '75 gets 101 Web Socket Protocol Handshake; connection: Upgrade; upgrade: WebSocket; websocket-location: ws://a/chat; websocket-origin: http://a.example; websocket-protocol: *',
        '75 gets 101 Web Socket Protocol Handshake; connection: Upgrade; upgrade: WebSocket; websocket-location: ws://a/chat; websocket-origin: http://a.example',
        'a client that asks for no subprotocol gets none',
      ],
      goes('draft75'),
      [
        `76 gets 101 WebSocket Protocol Handshake; connection: Upgrade; sec-websocket-location: ws://a/chat; sec-websocket-origin: http://a.example; sec-websocket-protocol: *; upgrade: WebSocket; "${CHALLENGE_ANSWER}"`,
        `76 gets 101 WebSocket Protocol Handshake; connection: Upgrade; sec-websocket-location: ws://a/chat; sec-websocket-origin: http://a.example; upgrade: WebSocket; "${CHALLENGE_ANSWER}"`,
        'as above',
      ],
      [
        '76 gets "" and the end',
        '76 gets "\\xff\\x00" and the end',
        'a close frame is answered with one (draft 76 §5.3)',
      ],
      goes('draft76'),
    ],
    async run(program) {
      const old = await open75(program, '75', 'all')
      await old.send(draftFrame('text hi')).gets('\xff')
      await old.send(draftFrame('version')).gets('\xff')
      await old.finish().ends()
      await program.tells(7, 6)
      const newer = await open76(program, '76', 'all')
      await newer.send(draftFrame('send hi')).gets('\xff')
      await newer.send(draftFrame('version')).gets('\xff')
      await newer.send('\xff\0').ends()
      newer.finish()
      await program.tells(7, 6)
    },
  },
  {
    name: 'close from here',
    differences: [goes('draft76')],
    async run(program) {
      const wire = await open76(program)
      await wire.send(draftFrame('close')).gets('\xff\0')
      await wire.send('\xff\0').ends()
      wire.finish()
      await program.tells(6, 5)
    },
  },
  {
    name: 'reject',
    differences: [
      [
        '76 gets "" and the end',
        '76 gets "\\xff\\x00" and no end',
        'it is closed in its own way: its close frame, or closeTimeout, ends it',
      ],
      [
        [
          'tells ["server disconnect","draft76"]',
          'tells ["close"]',
          'tells ["stateChange",6,5]',
          'tells ["stateChange",5,4]',
        ],
        [
          'tells ["stateChange",5,4]',
          'tells ["rejected"]',
          'tells ["server disconnect","draft76"]',
          'tells ["close"]',
        ],
        'as the README has it: rejected, immediately followed by close',
      ],
    ],
    async run(program) {
      const wire = await open76(program)
      await wire.send(draftFrame('reject a reason')).ends(500)
      wire.finish()
      await program.tells(6)
    },
  },
  {
    name: 'server.send, server.broadcast, connection.broadcast and the manager',
    differences: [goes('draft76')],
    async run(program) {
      const a = await open76(program, 'a')
      await program.tells(1)
      const b = await open75(program, 'b')
      await program.tells(1)
      await a.send(draftFrame('nobody x') + draftFrame('self me')).gets('\xff')
      b.send(draftFrame('others x'))
      await a.gets('\xff')
      b.send(draftFrame('all y'))
      await a.gets('\xff')
      await b.gets('\xff')
      await a.send(draftFrame('versions')).gets('\xff')
      await a.send(draftFrame('count')).gets('\xff')
      await a.finish().ends()
      await program.tells(10, 9)
      await b.send(draftFrame('count')).gets('\xff')
      await program.tells(1)
    },
  },
  {
    name: 'a frame behind the eight bytes, in the same packet',
    differences: [],
    async run(program) {
      const opening = request('GET', DRAFT_76) + CHALLENGE
      await program
        .join('glued', BARE)
        .send(opening + draftFrame('text glued'))
        .gets('glued\xff')
      await program.tells(2)
    },
  },
  {
    name: 'the eight bytes come late',
    differences: [
      [
        'late gets "" and the end',
        [
          'late gets 101 WebSocket Protocol Handshake',
          `late gets "${CHALLENGE_ANSWER}"`,
          'tells ["connection","draft76","string"]',
        ],
        'they may: behind some proxies they only come once the answer is there',
      ],
    ],
    async run(program) {
      const wire = await program.join('late', BARE).send(request('GET', DRAFT_76)).gets('\r\n\r\n')
      await sleep(50)
      if (program.which === 'ours') await wire.send(CHALLENGE).gets(CHALLENGE_ANSWER)
      await program.tells(0, 1)
    },
  },
  {
    name: 'a client of today',
    differences: [
      [
        [
          '13 gets 101 Web Socket Protocol Handshake; connection: Upgrade; upgrade: WebSocket; websocket-location: ws://a/; websocket-origin: undefined; websocket-protocol: *',
          '13 gets "" and no end',
          'tells ["connection","draft75","string"]',
        ],
        [
          '13 gets 101 Switching Protocols; connection: Upgrade; sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=; upgrade: websocket',
          '13 gets "\\x81\\x01x" and no end',
          'tells ["connection","13","string"]',
          'tells ["message","text x"]',
        ],
        'the original takes it for one of draft 75, and answers what it cannot use',
      ],
    ],
    async run(program) {
      const wire = await program.join('13').send(upgrade('13')).gets('\r\n\r\n')
      await wire.send(frame(Opcode.text, 'text x')).ends(500)
      await program.tells(1, 2)
    },
  },
  {
    name: 'keep-alive beside the upgrade',
    differences: [
      [
        'both gets "" and no end',
        ['both gets 101 Web Socket Protocol Handshake and no end', 'tells ["connection","draft75","string"]'],
        'Connection is a list',
      ],
    ],
    async run(program) {
      const fields = DRAFT_75.replace('Upgrade\r\n', 'keep-alive, Upgrade\r\n')
      await program.join('both', BARE).send(request('GET', fields)).ends(500)
      await program.tells(0, 1)
    },
  },
  {
    name: 'keys that are none, and text that is none',
    differences: [
      [
        'keys gets "" and the end',
        'keys gets 400 Bad Request; "Cannot accept the WebSocket: Sec-WebSocket-Key1 or -Key2 is no number over spaces\\x0a" and the end',
        'what is refused is answered, with its reason',
      ],
      [
        [
          '75 gets "\\x00\\xef\\xbf\\xbd(\\xff" and no end',
          'tells ["connection","draft75","string"]',
          'tells ["message","text \ufffd("]',
        ],
        ['75 gets "" and the end', 'tells ["connection","draft75","string"]'],
        'text that is not UTF-8 is no message, and ends its client',
      ],
    ],
    async run(program) {
      const opening = request('GET', DRAFT_76.replace('4 @1', 'x@1')) + CHALLENGE
      await program.join('keys', BARE).send(opening).ends()
      const wire = await open75(program)
      await wire.send('\0text \xc3\x28\xff').ends(500)
      await program.tells(2, 1)
    },
  },
  {
    name: 'a page',
    differences: [],
    async run(program) {
      await program.asks('page', request('GET', 'Connection: close\r\n', '/page'))
      await program.tells(1)
    },
  },
]

compare('websocket-server', scenarios)
