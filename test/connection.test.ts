import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { Connection, type Session } from '../src/node/connection.ts'
import type { ConnectionHost } from '../src/node/host.ts'
import { BufferBudget } from '../src/node/limits/buffer-budget.ts'
import { Deadlines } from '../src/node/limits/deadlines.ts'
import { resolveOptions } from '../src/node/limits/options.ts'
import { uncaught } from './support/uncaught.ts'
import { turn, Wire } from './support/wire.ts'

/** A wire that counts how often something leaves it. */
class CountingWire extends Wire {
  readonly leaving: string[][] = []

  override _write(chunk: Buffer, encoding: string, done: () => void): void {
    this.leaving.push([chunk.toString()])
    super._write(chunk, encoding, done)
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.leaving.push(chunks.map(({ chunk }) => chunk.toString()))
    done()
  }
}

/** A session that takes as many bytes of each push as it is told, and logs what happens to it. */
class Scripted implements Session {
  readonly held = 0
  readonly log: string[] = []
  take = Number.POSITIVE_INFINITY
  next: Session | undefined
  private readonly name: string
  connection: Connection<ConnectionHost> | undefined

  constructor(name: string) {
    this.name = name
  }

  push(chunk: Buffer, pos: number, end: number): number {
    const taken = Math.min(end - pos, this.take)
    this.log.push(`${this.name} ${chunk.toString('latin1', pos, pos + taken)}`)
    if (this.next !== undefined) this.connection!.handOn(this.next)
    return pos + taken
  }

  finish(): void {
    this.log.push(`${this.name} finish`)
  }
  expire(): void {
    this.log.push(`${this.name} expire`)
  }
  drained(): void {
    this.log.push(`${this.name} drained`)
  }
  shutdown(): void {}
  closed(): void {
    this.log.push(`${this.name} closed`)
  }
}

interface Opened {
  wire: CountingWire
  session: Scripted
  connection: Connection<ConnectionHost>
  errors: string[]
}

function open(session: Scripted = new Scripted('session'), writeLimit = 1_000): Opened {
  const wire = new CountingWire()
  const errors: string[] = []
  const corked: Connection<ConnectionHost>[] = []
  const host: ConnectionHost = {
    settings: resolveOptions({ writeLimit }),
    deadlines: new Deadlines(10),
    budget: new BufferBudget(1_000_000),
    stopReadingAbove: Number.POSITIVE_INFINITY,
    flushSoon(connection) {
      if (corked.push(connection) === 1)
        process.nextTick(() => corked.splice(0).forEach((each) => void each.flush()))
    },
    clientConnected() {},
    clientDisconnected() {},
    deliver: () => undefined,
    report: (error) => errors.push((error as { code?: string }).code ?? error.message),
    closed() {},
  }
  const connection = new Connection<ConnectionHost>(host, wire as unknown as Socket, () => session)
  session.connection = connection
  return { wire, session, connection, errors }
}

test('all that is written in one turn leaves at once: small pieces as one, large ones in one writev', async () => {
  const { wire, connection } = open(undefined, 100_000)
  for (const text of ['a', 'b', 'c']) connection.write(Buffer.from(text))
  assert.deepEqual(wire.leaving, [])
  assert.equal(connection.writableLength, 3)
  await turn()
  assert.deepEqual(wire.leaving, [['abc']])
  const large = 'x'.repeat(3_000)
  for (const text of ['d', 'e', large, 'f', large]) connection.write(Buffer.from(text))
  await turn()
  assert.deepEqual(wire.leaving, [['abc'], ['de', large, 'f', large]])
  wire.destroy()
})

test('connections that write in the same turn each get their own, in order', async () => {
  const [one, other] = [open(), open()]
  for (let round = 0; round < 3; round++) {
    one.connection.write(Buffer.from(`one ${round} `))
    other.connection.write(Buffer.from(`other ${round} `))
  }
  await turn()
  assert.equal(one.wire.leaving.flat().join(''), 'one 0 one 1 one 2 ')
  assert.equal(other.wire.leaving.flat().join(''), 'other 0 other 1 other 2 ')
  one.wire.destroy()
  other.wire.destroy()
})

test('what was written right before the end, or a shared write, keeps its place', async () => {
  const { wire, connection } = open()
  connection.write(Buffer.from('first '))
  connection.writeShared(Buffer.from('shared '))
  connection.write(Buffer.from('last'))
  connection.end()
  await turn()
  assert.equal(wire.leaving.flat().join(''), 'first shared last')
  assert.equal(wire.ended, true)
  wire.destroy()
})

test('a session that hands on leaves the rest to the next, from its position', async () => {
  const first = new Scripted('first')
  const second = new Scripted('second')
  first.take = 3
  first.next = second
  const { wire } = open(first)
  wire.push('onetwo')
  await turn()
  assert.deepEqual([...first.log, ...second.log], ['first one', 'second two'])
  wire.destroy()
})

test('what a session does not take is kept, and reading stops, until resume', async () => {
  const { wire, session, connection } = open()
  session.take = 0
  wire.push('kept')
  await turn()
  assert.equal(wire.isPaused(), true)
  assert.equal(connection.buffered(), 4)
  wire.push('more')
  await turn()
  session.take = Number.POSITIVE_INFINITY
  connection.resume()
  await turn()
  assert.deepEqual(session.log, ['session ', 'session kept', 'session more'])
  assert.equal(wire.isPaused(), false)
  wire.destroy()
})

test('FIN behind kept bytes is told once they are taken', async () => {
  const { wire, session, connection } = open()
  session.take = 0
  wire.push('kept')
  wire.push(null)
  await turn()
  session.take = Number.POSITIVE_INFINITY
  connection.resume()
  await turn()
  assert.deepEqual(session.log, ['session ', 'session kept', 'session finish'])
  wire.destroy()
})

test('halt stops reading behind what is at hand; unhalt and nothing else starts it again', async () => {
  const { wire, session, connection } = open()
  connection.halt()
  wire.push('late')
  await turn()
  assert.deepEqual(session.log, [])
  connection.resume()
  await turn()
  assert.deepEqual(session.log, [])
  connection.unhalt()
  await turn()
  assert.deepEqual(session.log, ['session late'])
  wire.destroy()
})

test('over the write limit it is cut, and says so', async () => {
  const { wire, connection, errors } = open(undefined, 10)
  wire.block()
  assert.equal(connection.write(Buffer.alloc(100_000)), false)
  await turn()
  assert.equal(connection.destroyed, false, 'one message may be larger than the limit')
  assert.equal(connection.write(Buffer.alloc(1)), false)
  assert.deepEqual([errors, connection.destroyed], [['ERR_WRITE_LIMIT'], true])
})

test('whoever writes to a client that is being cut, when he is told of it, is not heard any more', async () => {
  const { wire, connection, errors } = open(undefined, 10)
  const written: boolean[] = []
  const { report } = connection.host
  connection.host.report = (error, of) => {
    report(error, of)
    written.push(connection.writable, connection.write(Buffer.from('sorry')))
    connection.cut('ERR_AGAIN', 'Cannot send any more')
  }
  wire.block()
  connection.write(Buffer.alloc(100_000))
  await turn()
  assert.equal(connection.write(Buffer.alloc(1)), false)
  assert.deepEqual([errors, written, connection.destroyed], [['ERR_WRITE_LIMIT'], [false, false], true])
  assert.equal(connection.buffered(), 0)
})

test('what a session throws at its end, or when it can go on, leaves the books right', async (t) => {
  const caught = uncaught(t)
  const { wire, session, connection } = open()
  let closed = 0
  connection.host.closed = () => closed++
  session.drained = () => {
    throw new Error('drained')
  }
  session.closed = () => {
    throw new Error('closed')
  }
  wire.block()
  connection.write(Buffer.alloc(100_000))
  await turn()
  setImmediate(() => wire.unblock())
  await turn()
  wire.destroy()
  await turn()
  assert.deepEqual([caught, closed], [['drained', 'closed'], 1])
})

test('after linger what comes is dropped, and the connection ends with the peer', async () => {
  const { wire, session, connection } = open()
  connection.write(Buffer.from('last'))
  connection.linger()
  wire.push('dropped')
  await turn()
  assert.equal(wire.ended, true)
  wire.push(null)
  await turn()
  assert.deepEqual(session.log, ['session closed'])
})

test('a peer that does not end its side after linger is cut at the close timeout', async () => {
  const { wire, connection } = open()
  connection.linger()
  assert.ok(connection.deadline < connection.host.deadlines.after(5_000) + 1)
  connection.expire()
  await turn()
  assert.equal(wire.destroyed, true)
})

test('a released socket is untouched, but never without a listener of error', async () => {
  const { wire, session, connection, errors } = open()
  const socket = connection.release()
  assert.deepEqual(
    ['data', 'end', 'close', 'drain'].map((event) => socket.listenerCount(event)),
    [0, 0, 0, 0],
  )
  socket.emit('error', new Error('contained'))
  assert.deepEqual(errors, ['contained'])
  wire.push('not ours')
  await turn()
  assert.deepEqual(session.log, [])
  wire.destroy()
})

test('who asks hears when all that was written has left, behind what was gathered, and with it', async () => {
  const { wire, connection } = open()
  const told: unknown[] = []
  connection.write(Buffer.from('small'))
  connection.whenSent((sent) => told.push(sent, wire.leaving.flat().join('')))
  connection.write(Buffer.from('behind'))
  assert.deepEqual(told, [])
  await turn()
  assert.deepEqual(told, [true, 'smallbehind'])
  wire.destroy()
})

test('who asks of a peer that does not read hears once it does', async () => {
  const { wire, connection } = open(undefined, 100_000)
  const told: boolean[] = []
  wire.block()
  connection.write(Buffer.alloc(3_000))
  await turn()
  connection.whenSent((sent) => told.push(sent))
  await turn()
  assert.deepEqual(told, [])
  wire.unblock()
  await turn()
  assert.deepEqual(told, [true])
  wire.destroy()
})

test('who asks of a connection that breaks, or is ended, hears that, too', async () => {
  const broken = open()
  const told: unknown[] = []
  broken.wire.block()
  broken.connection.write(Buffer.from('never read'))
  await turn()
  broken.connection.whenSent((sent) => told.push('broken', sent))
  await turn()
  broken.wire.destroy()
  // As the system gives a write back that was under way.
  broken.wire.unblock()
  await turn()
  assert.deepEqual(told, ['broken', false])
  broken.connection.whenSent((sent) => told.push('gone', sent))
  const ended = open()
  ended.connection.write(Buffer.from('last'))
  ended.connection.end()
  ended.connection.whenSent((sent) => told.push('ended', sent))
  await turn()
  ended.connection.whenSent((sent) => told.push('over', sent))
  assert.deepEqual(told.slice(2), ['gone', false, 'ended', true, 'over', true])
  ended.wire.destroy()
})
