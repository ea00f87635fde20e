/**
 * walve 2.0.0, the successor of wesos as it was published, beside our wesos: a scripted client does the same to both, and what
 * differs has a reason.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  compare,
  frame,
  Opcode,
  request,
  type Scenario,
  SeedProgram,
  upgrade,
  type Wire,
} from './support/seeds.ts'

const BARE: readonly string[] = []

async function open(program: SeedProgram): Promise<Wire> {
  const wire = await program.join('13', BARE).send(upgrade('13')).gets('\r\n\r\n')
  await program.tells(1)
  return wire
}

const ENDS = 'our side ends, too, and end comes before close'
const CHECKED = 'what a client must not send ends it (RFC 6455 §5)'

const scenarios: readonly Scenario[] = [
  {
    name: 'the answer to the handshake',
    differences: [
      [
        '13 gets 101 Switching Protocols; connection: Upgrade; sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=; sec-websocket-version: 13; upgrade: websocket',
        '13 gets 101 Switching Protocols; connection: Upgrade; sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=; upgrade: websocket',
        'a version is only told to whom it is refused (RFC 6455 §4.4)',
      ],
    ],
    async run(program) {
      await program.join('13').send(upgrade('13')).gets('\r\n\r\n')
      await program.tells(1)
    },
  },
  {
    name: 'messages: text, binary, empty, two in one packet, byte by byte',
    differences: [],
    async run(program) {
      const wire = await open(program)
      await wire.send(frame(Opcode.text, 'echo hi')).gets('hi')
      await wire.send(frame(Opcode.binary, 'echo yo')).gets('yo')
      await wire.send(frame(Opcode.text, 'echo a') + frame(Opcode.text, 'echo b')).gets('b')
      for (const byte of frame(Opcode.text, 'echo split')) {
        wire.send(byte)
        await sleep(2)
      }
      await wire.gets('split')
      wire.send(frame(Opcode.text))
      await program.tells(6)
    },
  },
  {
    name: 'the end without a close frame',
    differences: [
      [
        ['13 gets "" and no end', 'tells ["close"]'],
        ['13 gets "" and the end', 'tells ["end"]', 'tells ["close"]'],
        ENDS,
      ],
    ],
    async run(program) {
      const wire = await open(program)
      await wire.finish().ends(500)
      await program.tells(1, 2)
    },
  },
  {
    name: 'a close frame',
    differences: [
      [
        ['13 gets "" and no end', 'tells ["message",8,"\\u0003\ufffd"]', 'tells ["close"]'],
        ['13 gets "\\x88\\x02\\x03\\xe8" and the end', 'tells ["end"]', 'tells ["close"]'],
        `a close frame is answered, and no message; ${ENDS}`,
      ],
    ],
    async run(program) {
      const wire = await open(program)
      await wire.send(frame(Opcode.close, '\x03\xe8')).ends(500)
      wire.finish()
      await program.tells(2)
    },
  },
  {
    name: 'a message in fragments',
    differences: [
      [
        ['13 gets "\\x81\\x00" and no end', 'tells ["message",1,"echo "]', 'tells ["message",0,"one"]'],
        ['13 gets "\\x81\\x03one" and no end', 'tells ["message",1,"echo one"]'],
        'is one message',
      ],
    ],
    async run(program) {
      const wire = await open(program)
      await wire.send(frame(Opcode.text, 'echo ', false) + frame(Opcode.more, 'one')).ends(500)
      await program.tells(2, 1)
    },
  },
  {
    name: 'a ping',
    differences: [
      [
        ['13 gets "" and no end', 'tells ["message",9,"p"]'],
        ['13 gets "\\x8a\\x01p" and no end', 'tells ["ping","p"]'],
        'is an event of its own, as the README of wesos has it, and answered',
      ],
    ],
    async run(program) {
      const wire = await open(program)
      await wire.send(frame(Opcode.ping, 'p')).ends(500)
      await program.tells(1)
    },
  },
  {
    name: 'a frame without a mask',
    differences: [
      [
        ['13 gets "\\x81\\x01x" and no end', 'tells ["message",1,"echo x"]'],
        ['13 gets "\\x88\\x02\\x03\\xea" and the end', 'tells ["end"]', 'tells ["close"]'],
        CHECKED,
      ],
    ],
    async run(program) {
      const wire = await open(program)
      await wire.send('\x81\x06echo x').ends(500)
      if (program.which === 'ours') wire.finish()
      await program.tells(1, 2)
    },
  },
  {
    name: 'text that is not UTF-8',
    differences: [
      [
        ['13 gets "\\x81\\x04\\xef\\xbf\\xbd(" and no end', 'tells ["message",1,"echo \ufffd("]'],
        ['13 gets "\\x88\\x02\\x03\\xef" and the end', 'tells ["end"]', 'tells ["close"]'],
        CHECKED,
      ],
    ],
    async run(program) {
      const wire = await open(program)
      await wire.send(frame(Opcode.text, 'echo \xc3\x28')).ends(500)
      if (program.which === 'ours') wire.finish()
      await program.tells(1, 2)
    },
  },
  {
    name: 'a version that is none',
    differences: [
      [
        ['99 gets 101 Switching Protocols', 'tells ["open"]'],
        '99 gets 426 Upgrade Required; "Cannot accept the WebSocket: its version of the protocol is not supported\\x0a"',
        'who speaks another version is told which are spoken (RFC 6455 §4.4)',
      ],
    ],
    async run(program) {
      const wire = program.join('99', BARE).send(upgrade('99'))
      await wire.gets(program.which === 'ours' ? 'supported\n' : '\r\n\r\n')
      await program.tells(1, 0)
    },
  },
  {
    name: 'a page',
    differences: [],
    async run(program) {
      await program.asks('page', request('GET', 'Connection: close\r\n', '/page'))
    },
  },
]

compare('wesos', scenarios)

test('a frame behind the handshake, in the same packet: lost by the original, a message here', async (t) => {
  const bytes = upgrade('13') + frame(Opcode.text, 'glued')
  const original = await SeedProgram.start(t, 'wesos', 'original')
  await original.join('13', BARE).send(bytes).ends(500)
  assert.deepEqual(original.untold, ['["open"]'])
  const ours = await SeedProgram.start(t, 'wesos', 'ours')
  ours.join('13', BARE).send(bytes)
  await ours.tells(2)
  assert.deepEqual(ours.transcript, ['tells ["open"]', 'tells ["message",1,"glued"]'])
})

for (const [what, opening, frames] of [
  ['an upgrade without a key', upgrade('13').replace(/Sec-WebSocket-Key: .*\r\n/, ''), ''],
  ['a reserved bit', upgrade('13'), '\xc1\x86\0\0\0\0echo x'],
] as const) {
  test(`${what} ends the original, and not ours`, async (t) => {
    const original = await SeedProgram.start(t, 'wesos', 'original')
    const wire = original.join('peer').send(opening)
    if (frames !== '') (await wire.gets('\r\n\r\n')).send(frames)
    await original.ended()
    const ours = await SeedProgram.start(t, 'wesos', 'ours')
    await ours
      .join('peer', BARE)
      .send(opening + frames)
      .ends()
    await ours.asks('page', request('GET'), BARE)
    assert.match(ours.transcript[1]!, /^page gets 200 OK/)
    assert.equal(ours.running, true)
  })
}
