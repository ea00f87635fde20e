/**
 * One socket and the session that reads it at the moment. A session consumes bytes and says how far it came;
 * when it hands the connection on, the next session is pushed the rest from that position, so that no byte is
 * copied or lost. When it consumes nothing more for now (an answer is still to come), the connection keeps the
 * rest and stops reading until `resume`.
 *
 * The socket's listeners are shared functions: a connection that sits silent costs its fields, no closures.
 */
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Client } from './client/client.ts'
import type { Endpoint } from './endpoint.ts'
import { PortmanteauError } from './errors.ts'
import type { ConnectionHost, Host, Session } from './host.ts'
import type { BufferHolder } from './limits/buffer-budget.ts'
import type { Deadlined } from './limits/deadlines.ts'
import { Lingering, RELEASED } from './lingering.ts'
import { flushSlab, room, SLAB_COPY_UP_TO, type SlabOwner, slab, slabWaiting } from './write-slab.ts'
import { whenWritten } from './writer-streams.ts'

export type { ClientSession, Member, Session } from './host.ts'

const owner = Symbol('connection')

type OwnedSocket = Duplex & { [owner]: Connection<ConnectionHost> }

/** A message of just the limit does not exceed it with what is around it. */
const FRAMING_BYTES = 64

/** Milliseconds of silence before the first probe. */
const PROBE_AFTER = 1_000

export class Connection<Owner extends ConnectionHost = Host> implements Deadlined, BufferHolder, SlabOwner {
  readonly host: Owner
  /** A `net.Socket` or `TLSSocket`, or a stream of HTTP/2. */
  readonly socket: Duplex
  /** Where the client is: the socket itself, unless something speaks for it. */
  endpoint: Endpoint
  /** When it was accepted, by the coarse clock. */
  readonly since: number
  deadline: number
  charged: number
  /** When bytes last went either way, by the coarse clock. */
  lastActive: number
  /** Whether it has not shown its protocol. */
  sniffing: boolean
  /** The client that the application knows, once there is one. */
  client: Client | undefined
  session: Session
  /** What the peer had not taken when its time was last over. */
  unsent: number
  private rest: Buffer | undefined
  private throttled: boolean
  private halted: boolean
  /** Whether `flush` will be called at the end of this turn. */
  private pending: boolean
  /** Whether a chunk is being read: its end ends the batch, too. */
  private reading: boolean
  private corked: boolean
  private finished: boolean
  /** Whether it is cut, or about to be: then nobody writes to it any more. */
  private isCut: boolean

  constructor(
    host: Owner,
    socket: Duplex,
    start: (connection: Connection<Owner>) => Session,
    endpoint: Endpoint = socket as Endpoint,
  ) {
    this.host = host
    this.socket = socket
    this.endpoint = endpoint
    // First of all: without members the clock stands.
    host.deadlines.add(this)
    this.since = host.deadlines.now
    this.deadline = Number.POSITIVE_INFINITY
    this.charged = 0
    this.lastActive = this.since
    this.sniffing = true
    this.client = undefined
    this.unsent = 0
    this.rest = undefined
    this.throttled = false
    this.halted = false
    this.pending = false
    this.reading = false
    this.corked = false
    this.finished = false
    this.isCut = false
    this.session = start(this)
    this.listen(socket as OwnedSocket)
  }

  get encrypted(): boolean {
    return this.endpoint.encrypted === true
  }

  get writable(): boolean {
    return this.socket.writable && !this.isCut
  }

  get writableLength(): number {
    return this.socket.writableLength + slabWaiting(this)
  }

  get writableNeedDrain(): boolean {
    return this.socket.writableNeedDrain
  }

  get destroyed(): boolean {
    return this.socket.destroyed
  }

  buffered(): number {
    if (this.socket.destroyed || this.isCut) return 0
    return this.socket.writableLength + this.session.held + (this.rest?.length ?? 0)
  }

  /** Sends bytes, together with all others of this turn. Returns `false` when the peer is slow or gone. */
  write(data: Uint8Array): boolean {
    if (!this.ready()) return false
    if (data.length <= SLAB_COPY_UP_TO && this.idle) {
      const at = room(this, data.length)
      slab.set(data, at)
      return true
    }
    return this.writeThrough(data)
  }

  /**
   * Room for `length` bytes that leave with the others of this turn, as `write` sends them: a position in `slab`, to be
   * filled at once. -1: there is none, and `write` has to be called.
   */
  claim(length: number): number {
    return length <= SLAB_COPY_UP_TO && this.idle && this.ready() ? room(this, length) : -1
  }

  /** Sends bytes that go to others, too: they are not copied. */
  writeShared(data: Uint8Array): boolean {
    return this.ready() && this.writeThrough(data)
  }

  /** Calls back once all that was written has been handed to the system; with `false`, if the connection breaks before. */
  whenSent(callback: (sent: boolean) => void): void {
    // Corked, what is waited for leaves with the rest of this turn.
    if (this.socket.writable && this.ready()) this.corkSocket()
    whenWritten(this.socket, callback)
  }

  /** Lets go what `write` gathered. */
  flush(): void {
    this.pending = false
    if (slabWaiting(this) > 0) flushSlab()
    if (this.corked) this.socket.uncork()
    this.corked = false
  }

  /** @internal */
  takeSlab(bytes: Buffer): void {
    if (this.socket.writable && !this.socket.write(bytes)) this.host.budget.charge(this)
  }

  /**
   * Whether the peer takes what it is sent. Only then the slab is used: what waits for long must not hold on to a buffer
   * that is larger than itself.
   */
  private get idle(): boolean {
    return this.socket.writableLength === 0
  }

  /** Whether something can be written; if so, it leaves at the end of this turn. */
  private ready(): boolean {
    if (!this.writable) return false
    const { writeLimit } = this.host.settings
    if (this.socket.writableLength > writeLimit + FRAMING_BYTES) {
      this.cut('ERR_WRITE_LIMIT', `Cannot send any more: the client lets over ${writeLimit} bytes wait`)
      return false
    }
    this.lastActive = this.host.deadlines.now
    if (this.pending) return true
    this.pending = true
    if (!this.reading) this.host.flushSoon(this)
    return true
  }

  private writeThrough(data: Uint8Array): boolean {
    this.corkSocket()
    if (this.socket.write(data)) return true
    this.host.budget.charge(this)
    return false
  }

  /** What is written to the socket goes behind what was gathered, and leaves with it. */
  private corkSocket(): void {
    if (!this.corked) {
      this.corked = true
      this.socket.cork()
    }
    if (slabWaiting(this) > 0) flushSlab()
  }

  /** The next session takes over, from the position that the present one returns. */
  handOn(session: Session): void {
    this.session = session
  }

  /** Reads what is left of a chunk, or as much as the session takes. */
  consume(chunk: Buffer, pos: number): void {
    const end = chunk.length
    while (pos < end) {
      const session = this.session
      const next = session.push(chunk, pos, end)
      if (next === pos && session === this.session) return this.keep(chunk.subarray(pos))
      pos = next
    }
    if (this.session.held > 0 || this.charged > 0) this.host.budget.charge(this)
  }

  /** The session can go on: what was kept comes first. */
  resume(): void {
    const rest = this.rest
    if (rest !== undefined) {
      this.rest = undefined
      this.consume(rest, 0)
    }
    if (this.rest !== undefined) return
    if (this.finished) this.session.finish()
    else this.readOn()
  }

  /** Stops reading until `unhalt`: the application does not keep up. What is at hand is still consumed. */
  halt(): void {
    this.halted = true
    this.socket.pause()
  }

  unhalt(): void {
    if (!this.halted) return
    this.halted = false
    this.readOn()
  }

  /** Ends our side once everything is sent; what still comes is read and dropped, for a while. */
  linger(): void {
    this.session = new Lingering(this, this.session)
    this.rest = undefined
    this.halted = false
    this.end()
    this.socket.resume()
  }

  /** Ends our side once everything is sent, and goes on reading. */
  end(): void {
    if (slabWaiting(this) > 0) flushSlab()
    this.socket.end()
  }

  destroy(): void {
    this.socket.destroy()
  }

  cut(code: string, message: string): void {
    if (this.isCut) return
    this.isCut = true
    this.fail(code, message)
    this.destroy()
  }

  fail(code: string, message: string, cause?: unknown): void {
    this.host.report(new PortmanteauError(code, message, cause === undefined ? undefined : { cause }), this)
  }

  /** The peer has ended its side, and may be gone altogether: only the system's own probes can tell. */
  probe(): void {
    const { socket } = this
    if (socket instanceof Socket) socket.setKeepAlive(true, PROBE_AFTER)
  }

  /** Gives the socket away, untouched; the connection is over for us. */
  release(): Duplex {
    const socket = this.socket
    this.flush()
    this.session = RELEASED
    socket.removeListener('data', onData)
    socket.removeListener('end', onEnd)
    socket.removeListener('drain', onDrain)
    socket.removeListener('close', onClose)
    this.leave()
    return socket
  }

  /** Stops listening for errors of a socket that was given away, once its new owner does: nobody takes one that is destroyed. */
  disown(): void {
    if (!this.socket.destroyed) this.socket.removeListener('error', onError)
  }

  expire(): void {
    this.session.expire()
  }

  /** A timeout of so many milliseconds from now. */
  timeout(milliseconds: number): void {
    this.deadline = this.host.deadlines.after(milliseconds)
  }

  private listen(socket: OwnedSocket): void {
    socket[owner] = this
    socket.on('data', onData)
    socket.on('end', onEnd)
    socket.on('error', onError)
    socket.on('drain', onDrain)
    socket.on('close', onClose)
  }

  private readOn(): void {
    if (this.rest === undefined && !this.throttled && !this.halted) this.socket.resume()
  }

  private keep(rest: Buffer): void {
    this.rest = rest
    this.socket.pause()
    this.host.budget.charge(this)
  }

  /** @internal */
  onData(chunk: Buffer): void {
    this.lastActive = this.host.deadlines.now
    if (this.rest !== undefined) return this.keep(Buffer.concat([this.rest, chunk]))
    this.reading = true
    try {
      this.consume(chunk, 0)
    } finally {
      this.reading = false
    }
    if (this.session === RELEASED) return
    if (this.pending) this.flush()
    if (this.socket.writableLength > this.host.stopReadingAbove && this.socket.writableNeedDrain) {
      this.throttled = true
      this.socket.pause()
    }
  }

  /** @internal */
  onEnd(): void {
    this.finished = true
    if (this.rest === undefined) this.session.finish()
  }

  /** @internal */
  onDrain(): void {
    this.host.budget.charge(this)
    const { throttled } = this
    this.throttled = false
    try {
      this.session.drained()
    } finally {
      if (throttled) this.readOn()
    }
  }

  /** @internal */
  onClose(): void {
    try {
      this.session.closed()
    } finally {
      this.leave()
    }
  }

  private leave(): void {
    this.host.deadlines.remove(this)
    this.host.budget.release(this)
    this.host.closed(this)
  }
}

function onData(this: Duplex, chunk: Buffer): void {
  ;(this as OwnedSocket)[owner].onData(chunk)
}

function onEnd(this: Duplex): void {
  ;(this as OwnedSocket)[owner].onEnd()
}

/** Stays on the socket to the end, also after `release`: an error never goes without a listener. */
function onError(this: Duplex, error: Error): void {
  const connection = (this as OwnedSocket)[owner]
  connection.host.report(error, connection)
}

function onDrain(this: Duplex): void {
  ;(this as OwnedSocket)[owner].onDrain()
}

function onClose(this: Duplex): void {
  ;(this as OwnedSocket)[owner].onClose()
}
