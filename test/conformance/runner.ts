/**
 * Runs a case against a server that echoes. Everything that comes back is compared: each frame, the close
 * code, the end of the connection, and how many messages the application has seen. A case that must fail is
 * also held to the byte: the close frame is there with the byte that proves the fault, and not before.
 */
import assert from 'node:assert/strict'
import type { ServerOptions } from '../../src/index.ts'
import { Server } from '../../src/index.ts'
import { closeCode, closing, encode, type Frame, FrameReader, handshake, Opcode } from '../support/frames.ts'
import { Random } from '../support/random.ts'
import { echo } from '../support/serving.ts'
import { turn, turnUntil, Wire } from '../support/wire.ts'
import { type Case, type Chop, provenAfter } from './case.ts'
import { SEED } from './payloads.ts'

/** A server with the books that a case is checked against. */
export class EchoServer {
  readonly server: Server
  messages = 0
  readonly errors: string[] = []

  constructor(options: ServerOptions = {}) {
    this.server = new Server(echo, options)
    this.server.on('message', () => this.messages++)
    this.server.on('clientError', (error) => this.errors.push(String(error.code)))
  }

  reset(): void {
    this.messages = 0
    this.errors.length = 0
  }
}

/** The client's end of a connection, in memory or over a socket, behind its handshake. */
export interface Line {
  readonly reader: FrameReader
  /** The head that answered the handshake. */
  readonly head: string
  readonly ended: boolean
  readonly closed: boolean
  send(chunk: Uint8Array): void
  /** Ends the client's side. */
  finish(): void
  /** Waits so long that what was sent has had its effect. */
  settle(): Promise<void>
  until(condition: () => boolean, what: string): Promise<void>
}

/** What was received up to the end of the answer's head, then frames. */
export class Reception {
  readonly reader = new FrameReader()
  head = ''
  private start = Buffer.alloc(0)

  push(chunk: Buffer): void {
    if (this.head !== '') return this.reader.push(chunk)
    this.start = Buffer.concat([this.start, chunk])
    const end = this.start.indexOf('\r\n\r\n')
    if (end < 0) return
    this.head = this.start.toString('latin1', 0, end + 4)
    if (end + 4 < this.start.length) this.reader.push(this.start.subarray(end + 4))
  }
}

/** Opens a connection in memory. */
export async function openWire(server: Server, fields = ''): Promise<Line> {
  const wire = new Wire()
  const reception = new Reception()
  wire.onAnswer = (chunk) => reception.push(chunk)
  server.emit('connection', wire)
  wire.push(Buffer.from(handshake(fields)))
  await turnUntil(() => reception.head !== '', 'the handshake is answered')
  assert.match(reception.head, /^HTTP\/1\.1 101 /)
  return {
    reader: reception.reader,
    head: reception.head,
    get ended() {
      return wire.ended
    },
    get closed() {
      return wire.destroyed
    },
    send: (chunk) => void wire.push(chunk),
    finish: () => void wire.push(null),
    settle: turn,
    until: turnUntil,
  }
}

/** As the case says, all in one piece, or byte by byte. */
export type Delivery = 'as described' | 'whole' | 'byte by byte'

const CUTS: ReadonlyMap<Delivery, Chop> = new Map<Delivery, Chop>([
  ['whole', 'once'],
  ['byte by byte', 1],
])

/** Byte by byte is for what is not large. */
const SMALL = 2048

export function deliveriesOf(each: Case): Delivery[] {
  let bytes = 0
  for (const { frames } of each.sends) for (const { payload } of frames) bytes += payload.length
  return bytes > SMALL ? ['as described'] : ['as described', 'whole', 'byte by byte']
}

export async function run(each: Case, echoes: EchoServer, line: Line, delivery: Delivery): Promise<void> {
  echoes.reset()
  if (each.fails === undefined) await send(each, line, delivery)
  else await sendFaulty(each, line, delivery)
  if (each.fails === undefined && each.closes === undefined) line.send(encode(closing(1000), 0x01020304))
  await line.until(() => line.ended, `the server ends its side of ${each.id}`)
  compare(each, line.reader)
  const seen = each.answers.filter(({ opcode }) => opcode < Opcode.close).length
  assert.equal(echoes.messages, seen, 'messages that the application has seen')
  assert.equal(echoes.errors.length, each.fails === undefined ? 0 : 1, `errors: ${echoes.errors}`)
  line.finish()
  await line.until(() => line.closed, `the connection of ${each.id} is closed`)
}

async function send(each: Case, line: Line, delivery: Delivery): Promise<void> {
  const keys = new Random(SEED)
  if (delivery === 'whole') return sendStep(line, stepBytes(each, keys), 'once')
  for (const step of each.sends) {
    const chop = CUTS.get(delivery) ?? step.chop
    sendStep(
      line,
      step.frames.map((one) => encode(one, keyFrom(keys))),
      chop,
    )
    const { answers } = step
    if (answers === undefined) continue
    await line.until(() => line.reader.frames.length >= answers, `${answers} frames have come back`)
    assert.equal(line.reader.frames.length, answers)
  }
}

/** The close frame must have come with the byte that proves the fault, and not before. */
async function sendFaulty(each: Case, line: Line, delivery: Delivery): Promise<void> {
  const keys = new Random(SEED)
  const proven = provenAfter(each)
  const steps: [Buffer[], Chop][] =
    delivery === 'as described'
      ? each.sends.map(({ frames, chop }) => [frames.map((one) => encode(one, keyFrom(keys))), chop])
      : [[stepBytes(each, keys), CUTS.get(delivery)!]]
  let sent = 0
  for (const [bytes, chop] of steps) {
    for (const chunk of cut(bytes, chop)) {
      line.send(chunk)
      sent += chunk.length
      if (sent >= proven) await line.until(() => line.reader.close !== undefined, `close at byte ${proven}`)
      else await line.settle()
      assert.equal(line.reader.close !== undefined, sent >= proven, `close after ${sent} bytes, of ${proven}`)
    }
  }
}

function stepBytes(each: Case, keys: Random): Buffer[] {
  return each.sends.flatMap(({ frames }) => frames).map((one) => encode(one, keyFrom(keys)))
}

function keyFrom(keys: Random): number {
  return keys.below(0x1_0000_0000)
}

function sendStep(line: Line, frames: readonly Buffer[], chop: Chop): void {
  for (const chunk of cut(frames, chop)) line.send(chunk)
}

/** Copies, each in memory of its own: the server unmasks in place. */
export function* cut(frames: readonly Buffer[], chop: Chop): Generator<Buffer> {
  if (chop === 'frames') return yield* frames
  const whole = Buffer.concat(frames)
  if (chop === 'once') return yield whole
  for (let at = 0, piece = 0; at < whole.length; piece++) {
    const size = typeof chop === 'number' ? chop : chop[piece]!
    yield Buffer.from(whole.subarray(at, at + size))
    at += size
  }
}

function compare(each: Case, reader: FrameReader): void {
  const { frames } = reader
  const close = frames.at(-1)
  assert.equal(close?.opcode, Opcode.close, 'the last frame is the close frame')
  assert.equal(reader.inside, false, 'nothing follows the close frame')
  assert.equal(closeCode(close), each.fails?.code ?? each.closes ?? 1000, 'the close code')
  assert.deepEqual(frames.slice(0, -1).map(describe), each.answers.map(describe))
  for (const [index, { payload }] of each.answers.entries()) {
    assert.ok(Buffer.compare(payload, frames[index]!.payload) === 0, `the payload of frame ${index}`)
  }
}

function describe({ opcode, fin, rsv, payload }: Frame): string {
  return `${fin ? 'FIN ' : ''}opcode ${opcode}, RSV ${rsv}, ${payload.length} octets`
}
