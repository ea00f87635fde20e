/**
 * One connection of HTTP/2: node:http2 reads its frames, here it is watched over. It has `headTimeout` for its first stream
 * and `keepAliveTimeout` without one; then, or when the server closes, or when either end has said GOAWAY, it ends as its
 * last stream does, and as soon as the peer has taken nothing of what is left for `closeTimeout`.
 */
import type { EventEmitter } from 'node:events'
import {
  constants,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Endpoint } from '../endpoint.ts'
import { PortmanteauError } from '../errors.ts'
import type { Host } from '../host.ts'
import type { Deadlined } from '../limits/deadlines.ts'
import { stillTakes } from '../lingering.ts'
import { FloodGuard } from './flood-guard.ts'
import { wasGivenUp } from './reset.ts'
import { takeStream } from './stream.ts'

/** How often it is looked at, in milliseconds. */
const LOOK_EVERY = 1_000

export class Http2Session implements Deadlined {
  deadline: number
  private readonly host: Host
  private readonly session: ServerHttp2Session
  readonly socket: Duplex
  private readonly endpoint: Endpoint
  private readonly guard: FloodGuard
  /** Those that are open. */
  private readonly streams: Set<ServerHttp2Stream>
  /** When it has been without a stream for too long. */
  private idleAt: number
  /** When it ends, whatever is left. */
  private endAt: number
  /** What the peer had not taken when its time was last over. */
  unsent: number

  /** `closed` is called once it is gone. */
  constructor(
    host: Host,
    session: ServerHttp2Session,
    socket: Duplex,
    endpoint: Endpoint,
    closed: () => void,
  ) {
    const { deadlines, settings } = host
    // First of all: without members the clock stands.
    deadlines.add(this)
    this.host = host
    this.session = session
    this.socket = socket
    this.endpoint = endpoint
    this.guard = new FloodGuard(this.bytesRead, this.bytesWritten, deadlines.now)
    this.streams = new Set()
    this.idleAt = deadlines.after(settings.headTimeout)
    this.endAt = Number.POSITIVE_INFINITY
    this.unsent = 0
    this.deadline = Math.min(this.idleAt, deadlines.now + LOOK_EVERY)
    this.listen(closed)
  }

  /** Ends once its streams have ended: GOAWAY. */
  close(): void {
    this.session.close()
  }

  destroy(): void {
    this.socket.destroy()
  }

  expire(): void {
    const { now } = this.host.deadlines
    if (now >= this.endAt) {
      if (!stillTakes(this)) return this.destroy()
      this.end()
    }
    if (this.endAt === Number.POSITIVE_INFINITY) this.look(now)
    this.deadline = Math.min(this.idleAt, this.endAt, now + LOOK_EVERY)
  }

  private listen(closed: () => void): void {
    const { session, host, socket, guard } = this
    // Of Node's types the fields as sent are missing.
    ;(session as EventEmitter).on(
      'stream',
      (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, raw: string[]) =>
        this.take(stream, headers, raw),
    )
    session.on('remoteSettings', () => {
      guard.settings()
      if (guard.flooded) this.cut()
    })
    session.on('error', (error: Error) => host.reportOf(error, socket))
    session.on('close', () => {
      host.deadlines.remove(this)
      closed()
    })
    // HTTP/2 has no half-closed connections: who has ended its side is gone, and is seldom heard of again.
    socket.once('end', () => {
      session.destroy()
      this.end()
    })
  }

  private look(now: number): void {
    const { session, guard } = this
    guard.look(this.bytesRead, this.bytesWritten, now)
    if (guard.flooded) return this.cut()
    if (now >= this.idleAt) session.close()
    if (session.destroyed || (session.closed && this.streams.size === 0)) this.end()
  }

  private take(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, raw: readonly string[]): void {
    const { guard } = this
    this.streams.add(stream)
    this.idleAt = Number.POSITIVE_INFINITY
    stream.on('error', ignore)
    stream.once('close', () => this.left(stream))
    // It was reset before it got here: there is nobody to serve.
    if (stream.closed) return void stream.destroy()
    stream.once('aborted', destroySoon)
    guard.carries(takeStream(this.host, { stream, headers, raw, endpoint: this.endpoint }))
    stream.on('data', (chunk: Buffer) => guard.carries(chunk.length))
  }

  private left(stream: ServerHttp2Stream): void {
    const { guard, session, host } = this
    this.streams.delete(stream)
    if (session.destroyed) return
    if (wasGivenUp(stream)) guard.reset()
    if (guard.flooded) return this.cut()
    if (this.streams.size > 0) return
    this.idleAt = host.deadlines.after(host.settings.keepAliveTimeout)
    this.deadline = Math.min(this.deadline, this.idleAt)
  }

  private cut(): void {
    const { session, host, socket } = this
    if (session.destroyed) return
    const reason = 'Cannot serve the connection any longer: too much that came on it carried nothing'
    host.reportOf(new PortmanteauError('ERR_HTTP2_FLOOD', reason), socket)
    // Without an error of its own, which would be reported once more.
    session.destroy(null as unknown as undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM)
    this.end()
  }

  /** Gives what is left to be sent its time. */
  private end(): void {
    const { deadlines, settings } = this.host
    this.idleAt = Number.POSITIVE_INFINITY
    this.endAt = deadlines.after(settings.closeTimeout)
  }

  private get bytesRead(): number {
    return (this.socket as Socket).bytesRead ?? 0
  }

  private get bytesWritten(): number {
    return (this.socket as Socket).bytesWritten ?? 0
  }
}

function ignore(): void {}

/** What was not read of a stream that is reset is not wanted any more. */
function destroySoon(this: ServerHttp2Stream): void {
  process.nextTick(() => this.destroy())
}
