import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { DatagramDuplex } from '../src/node/udp/datagram-duplex.ts'
import { openUpstream } from '../src/node/udp/upstream.ts'
import { startDatagramTarget } from './support/datagrams.ts'
import { until } from './support/serving.ts'
import { closedPort } from './support/targets.ts'

interface Opened {
  readonly duplex: DatagramDuplex
  /** What came back for the sender. */
  readonly answers: string[]
  readonly errors: string[]
}

function open(context: { after(end: () => void): void }, host: string | undefined, port: number): Opened {
  const answers: string[] = []
  const errors: string[] = []
  const send = (bytes: Uint8Array) => answers.push(Buffer.from(bytes).toString()) > 0
  const duplex = new DatagramDuplex({}, { send, prove() {}, close() {} })
  duplex.on('error', (error: NodeJS.ErrnoException) => errors.push(String(error.code)))
  context.after(() => duplex.destroy())
  openUpstream(duplex, host === undefined ? { port } : { host, port })
  return { duplex, answers, errors }
}

test('what came while the target was looked up goes first, in its order', async (t) => {
  const target = await startDatagramTarget(t, (bytes, reply) => reply(`re ${bytes}`))
  const { duplex, answers } = open(t, '127.0.0.1', target.port)
  for (let count = 0; count < 3; count++) duplex.receive(Buffer.from(`${count}`))
  await until(() => answers.length === 3)
  duplex.receive(Buffer.from('later'))
  await until(() => answers.length === 4)
  assert.deepEqual(target.received.map(String), ['0', '1', '2', 'later'])
  assert.deepEqual(answers, ['re 0', 're 1', 're 2', 're later'])
})

test('no more than 64 wait for it', async (t) => {
  const target = await startDatagramTarget(t)
  const { duplex } = open(t, '127.0.0.1', target.port)
  for (let count = 0; count < 100; count++) {
    duplex.receive(Buffer.from(`${count}`))
    duplex.read(0)
  }
  await until(() => target.received.length >= 64)
  await sleep(20)
  assert.equal(target.received.length, 64)
  assert.equal(String(target.received.at(-1)), '63')
})

test('the default is localhost', async (t) => {
  const { duplex, errors } = open(t, undefined, await closedPort())
  duplex.receive(Buffer.from('x'))
  await until(() => errors.length === 1)
  assert.deepEqual(errors, ['ECONNREFUSED'])
})

test('a target that is gone fails the sender', async (t) => {
  const { duplex, errors } = open(t, '127.0.0.1', await closedPort())
  await until(() => {
    duplex.receive(Buffer.from('x'))
    return errors.length === 1
  })
  assert.deepEqual([errors, duplex.destroyed], [['ECONNREFUSED'], true])
})

test('a name that leads nowhere does, too', async (t) => {
  const { errors } = open(t, 'no-such-host.invalid', 1)
  await until(() => errors.length === 1)
  assert.match(errors[0]!, /^E(?:NOTFOUND|AI_AGAIN)$/)
})

test('a family of addresses that is not there does, and does not throw', async (t) => {
  const { duplex, errors } = open(t, '2001:db8::1', 9)
  duplex.receive(Buffer.from('x'))
  await sleep(30)
  assert.ok(errors.length <= 1)
})

test('a sender that is gone while the target is looked up leaves no socket', async (t) => {
  const target = await startDatagramTarget(t)
  const { duplex, errors } = open(t, '127.0.0.1', target.port)
  duplex.receive(Buffer.from('x'))
  duplex.destroy()
  await once(duplex, 'close')
  await sleep(20)
  assert.deepEqual([target.received, errors], [[], []])
})

test('one that goes right after the lookup does not, either', async (t) => {
  const target = await startDatagramTarget(t)
  const { duplex, errors } = open(t, 'localhost', target.port)
  for (let turn = 0; turn < 3 && !duplex.destroyed; turn++)
    await new Promise((resolve) => setImmediate(resolve))
  duplex.destroy()
  await sleep(20)
  assert.deepEqual(errors, [])
})

test('answers after its end are dropped', async (t) => {
  let reply: ((bytes: string) => void) | undefined
  const target = await startDatagramTarget(t, (_bytes, answer) => {
    reply = answer
  })
  const { duplex, answers, errors } = open(t, '127.0.0.1', target.port)
  duplex.receive(Buffer.from('x'))
  await until(() => reply !== undefined)
  duplex.end()
  reply!('late')
  await sleep(20)
  assert.deepEqual([answers, errors], [[], []])
})
