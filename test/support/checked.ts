/** A server in memory for the rows of the checklist: what a peer sends, and everything that becomes of it. */
import assert from 'node:assert/strict'
import type { Client, ServerOptions, Writer } from '../../src/index.ts'
import { Server } from '../../src/index.ts'
import { closeCode, type Frame, FrameReader, handshake, Opcode } from './frames.ts'
import { deliveries } from './splits.ts'
import { turn, turnUntil, Wire } from './wire.ts'

/** One connection: what the peer has received, and what the server's application has seen. */
export class Checked {
  readonly wire = new Wire()
  readonly server: Server
  readonly reader = new FrameReader()
  readonly messages: string[] = []
  readonly errors: string[] = []
  readonly clients: { client: Client; writer: Writer }[] = []
  head = ''
  /** All that came behind the head, of a version whose frames are not RFC 6455's. */
  rest = Buffer.alloc(0)
  private start = Buffer.alloc(0)
  private readonly framed: boolean

  /** @param listens whether anybody listens for messages; then they are echoed */
  constructor(options: ServerOptions = {}, framed = true, listens = true) {
    this.framed = framed
    this.server = new Server(options)
    if (listens) this.listen()
    this.server.on('clientError', (error) => this.errors.push(String(error.code)))
    this.server.on('clientConnect', (client, writer) => this.clients.push({ client, writer }))
    this.wire.onAnswer = (chunk) => this.receive(chunk)
    this.server.emit('connection', this.wire)
  }

  listen(): void {
    this.server.on('message', (message, _client, writer) => {
      this.messages.push((message as Buffer).toString('latin1'))
      writer.write(message as Buffer)
    })
  }

  get close(): number | undefined {
    return this.reader.close && closeCode(this.reader.close)
  }

  get frames(): readonly Frame[] {
    return this.reader.frames
  }

  get status(): number {
    return Number(/^HTTP\/1\.1 (\d{3}) /.exec(this.head)?.[1])
  }

  send(data: string | Uint8Array): this {
    this.wire.push(typeof data === 'string' ? Buffer.from(data, 'latin1') : Buffer.from(data))
    return this
  }

  until(condition: () => boolean, what: string): Promise<void> {
    return turnUntil(condition, what)
  }

  async upgraded(): Promise<this> {
    await this.until(() => this.head !== '', 'the handshake is answered')
    assert.equal(this.status, 101, this.head)
    return this
  }

  /** The head that refuses, once the server has ended its side. */
  async refused(): Promise<string> {
    await this.until(() => this.wire.ended, 'the server ends its side')
    this.wire.destroy()
    return this.head
  }

  private receive(chunk: Buffer): void {
    if (this.head !== '') return this.behind(chunk)
    this.start = Buffer.concat([this.start, chunk])
    const end = this.start.indexOf('\r\n\r\n')
    if (end < 0) return
    this.head = this.start.toString('latin1', 0, end + 4)
    if (end + 4 < this.start.length) this.behind(this.start.subarray(end + 4))
  }

  private behind(chunk: Buffer): void {
    if (this.framed && this.status === 101) this.reader.push(chunk)
    else this.rest = Buffer.concat([this.rest, chunk])
  }
}

/** A connection behind its handshake. */
export async function open(options: ServerOptions = {}, fields = '', version = '13'): Promise<Checked> {
  return new Checked(options).send(handshake(fields, version)).upgraded()
}

export interface Fault {
  readonly code: number
  /** The `code` of the error that `clientError` reports. */
  readonly error?: RegExp
  readonly options?: ServerOptions
  readonly fields?: string
  readonly version?: string
}

/**
 * The bytes, whole, byte by byte and cut at every offset, end in a close frame of this code, the end of the
 * server's side and one error; no message of them reaches the application.
 */
export async function fails(bytes: Uint8Array, fault: Fault): Promise<void> {
  for (const { how, chunks } of deliveries(bytes)) {
    const peer = await open(fault.options, fault.fields, fault.version)
    for (const chunk of chunks) {
      peer.send(chunk)
      await turn()
    }
    await peer.until(() => peer.wire.ended, `the server ends its side, delivered ${how}`)
    assert.equal(peer.close, fault.code, `the close code, delivered ${how}`)
    assert.equal(peer.frames.at(-1)!.opcode, Opcode.close)
    assert.equal(peer.errors.length, 1, `errors ${peer.errors}, delivered ${how}`)
    assert.match(peer.errors[0]!, fault.error ?? /^ERR_WS_/)
    assert.deepEqual(peer.messages, [], `messages, delivered ${how}`)
    peer.wire.destroy()
  }
}

/** Runs `run` with a peer that has received the bytes whole, byte by byte, and cut at every offset. */
export async function everyDelivery(
  bytes: Uint8Array,
  make: () => Promise<Checked>,
  check: (peer: Checked, how: string) => Promise<void>,
): Promise<void> {
  for (const { how, chunks } of deliveries(bytes)) {
    const peer = await make()
    for (const chunk of chunks) {
      peer.send(chunk)
      await turn()
    }
    await check(peer, how)
    peer.wire.destroy()
  }
}

/** Bytes of array buffers that the process holds at most while `run` runs, above what it held before. */
export async function growthOf(run: () => Promise<void>): Promise<number> {
  const before = process.memoryUsage().arrayBuffers
  let most = before
  const look = () => {
    most = Math.max(most, process.memoryUsage().arrayBuffers)
  }
  const timer = setInterval(look, 1)
  await run()
  clearInterval(timer)
  look()
  return most - before
}
