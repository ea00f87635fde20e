/** A sample of the cases over a real socket: all of groups 1, 2, 5 and 7, and some of every other. */
import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { handshake } from '../support/frames.ts'
import { until } from '../support/serving.ts'
import type { Case } from './case.ts'
import { COMPRESSION_GROUPS } from './cases/compression.ts'
import { GROUPS } from './cases/index.ts'
import { runCompression } from './compression-runner.ts'
import { EchoServer, type Line, Reception, run } from './runner.ts'

const WHOLE_GROUPS: ReadonlySet<number> = new Set([1, 2, 5, 7])
const SAMPLE: ReadonlySet<string> = new Set([
  ...['3.1', '3.4', '3.6', '4.1.1', '4.1.5', '4.2.4', '6.1.2', '6.2.3', '6.3.1', '6.3.2', '6.4.1', '6.4.2'],
  ...['6.4.3', '6.4.4', '6.12.8', '6.14.10', '6.22.34', '9.1.3', '9.2.6', '9.3.2', '9.4.8', '9.5.1', '9.6.6'],
  ...['9.7.1', '9.8.6', '10.1.1'],
])

const COMPRESSED: ReadonlySet<string> = new Set([
  ...[
    '12.1.4',
    '12.2.10',
    '12.3.16',
    '12.4.1',
    '12.5.18',
    '13.1.9',
    '13.2.15',
    '13.3.10',
    '13.4.5',
    '13.5.18',
  ],
  ...['13.6.12', '13.7.7', '14.1.10', '14.2.18', '14.3.6'],
])

const echoes = new EchoServer()
before(() => listening(echoes))
after(() => echoes.server.shutdown({ timeout: 5 }))

async function listening({ server }: EchoServer): Promise<void> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
}

/** How long nothing must come back after a piece that proves nothing. */
const QUIET = 5

async function openSocket({ server }: EchoServer, fields = ''): Promise<Line> {
  const { port } = server.address() as AddressInfo
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
  const reception = new Reception()
  let ended = false
  socket.on('data', (chunk) => reception.push(chunk))
  socket.on('end', () => {
    ended = true
  })
  socket.write(handshake(fields))
  await until(() => reception.head !== '')
  return {
    reader: reception.reader,
    head: reception.head,
    get ended() {
      return ended
    },
    get closed() {
      return socket.closed
    },
    send: (chunk) => void socket.write(chunk),
    finish: () => void socket.end(),
    settle: () => new Promise((resolve) => setTimeout(resolve, QUIET)),
    until,
  }
}

function sampled(number: number, cases: readonly Case[]): readonly Case[] {
  return WHOLE_GROUPS.has(number) ? cases : cases.filter(({ id }) => SAMPLE.has(id))
}

for (const { number, name, cases } of GROUPS) {
  describe(`${number} ${name}, over a socket`, () => {
    for (const each of sampled(number, cases)) {
      test(`${each.id} ${each.description}`, async () => {
        await run(each, echoes, await openSocket(echoes), 'as described')
      })
    }
  })
}

for (const { number, name, cases } of COMPRESSION_GROUPS) {
  describe(`${number} ${name}, over a socket`, () => {
    for (const each of cases.filter(({ id }) => COMPRESSED.has(id))) {
      test(`${each.id} ${each.description}`, async (t) => {
        const own = new EchoServer({ compression: each.server })
        await listening(own)
        t.after(() => own.server.shutdown({ timeout: 5 }))
        await runCompression(each, own, await openSocket(own, `Sec-WebSocket-Extensions: ${each.offer}\r\n`))
      })
    }
  })
}
