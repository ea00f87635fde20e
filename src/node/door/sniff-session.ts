/**
 * The first session of every connection, and again inside TLS: keeps what the sniffer has read until it
 * decides, then hands everything on from the first byte. One absolute deadline, which bytes do not refresh.
 */
import { Sniffer, Verdict } from '../../sniff/index.ts'
import type { Connection, Session } from '../connection.ts'
import { HttpSession } from '../http/session.ts'
import { RawSession } from '../raw-session.ts'
import { REFUSED } from './front-door.ts'
import { HelloSession, TLS_REFUSAL } from './hello-session.ts'
import { RedirectSession } from './redirect-session.ts'

/**
 * RFC 9113 §6.5, §6.8: an empty SETTINGS frame, and GOAWAY with HTTP_1_1_REQUIRED, or with INADEQUATE_SECURITY. HTTP/2 is
 * refused in its own language instead of reaching the application as lines.
 */
const HTTP_1_1_REQUIRED = Buffer.from('000000040000000000' + '000008070000000000' + '000000000000000d', 'hex')
const INADEQUATE_SECURITY = Buffer.from(
  '000000040000000000' + '000008070000000000' + '000000000000000c',
  'hex',
)

const EMPTY = Buffer.alloc(0)
const FIRST_CAPACITY = 64

export class SniffSession implements Session {
  private readonly connection: Connection
  private readonly sniffer: Sniffer
  private readonly since: number
  /** The bytes sniffed so far: `kept` of them at the start of `buffer`, which doubles as it grows. */
  private buffer: Buffer
  private kept: number

  constructor(connection: Connection) {
    const { host } = connection
    this.connection = connection
    this.sniffer = new Sniffer(host.door.table, host.settings.sniffLimit)
    this.since = performance.now()
    this.buffer = EMPTY
    this.kept = 0
    // From accept, whatever came before: a PROXY header has no time of its own.
    connection.deadline = connection.since + host.deadlines.period + host.settings.sniffTimeout
  }

  get held(): number {
    return this.kept
  }

  push(chunk: Buffer, pos: number, end: number): number {
    this.sniffer.push(chunk, pos, end)
    if (this.sniffer.verdict === Verdict.undecided) {
      this.keep(chunk, pos, end)
      return end
    }
    if (this.sniffer.bytes >= this.connection.host.settings.sniffLimit) {
      this.connection.host.door.counters.countTooLarge()
    }
    if (this.kept === 0) return this.decide(chunk, pos)
    this.keep(chunk, pos, end)
    this.decideKept()
    return end
  }

  finish(): void {
    if (this.kept === 0) return this.connection.destroy()
    this.sniffer.end()
    this.decideKept()
    this.connection.session.finish()
  }

  expire(): void {
    this.connection.host.door.counters.countTimeout(this.connection.socket)
    this.sniffer.expire()
    this.decideKept()
  }

  drained(): void {}

  shutdown(): void {
    this.connection.destroy()
  }

  closed(): void {}

  /** Copied: a drip of small pieces must not hold on to large chunks, nor cost a copy of everything each. */
  private keep(chunk: Buffer, pos: number, end: number): void {
    const kept = this.kept + end - pos
    if (kept > this.buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(kept, this.buffer.length * 2, FIRST_CAPACITY))
      this.buffer.copy(larger, 0, 0, this.kept)
      this.buffer = larger
    }
    chunk.copy(this.buffer, this.kept, pos, end)
    this.kept = kept
  }

  private decideKept(): void {
    const kept = this.buffer.subarray(0, this.kept)
    this.buffer = EMPTY
    this.kept = 0
    const pos = this.decide(kept, 0)
    if (pos < kept.length) this.connection.consume(kept, pos)
  }

  /** Installs the next session; returns the position from which it is to be pushed. */
  private decide(chunk: Buffer, pos: number): number {
    const { connection, sniffer } = this
    const { host } = connection
    const { verdict, bytes } = sniffer
    const name = host.door.table.nameOf(verdict)!
    const { deadline } = connection
    connection.deadline = Number.POSITIVE_INFINITY
    host.sniffed(connection, name, bytes, performance.now() - this.since)
    const route = host.door.routes.forName(name)
    if (route !== undefined) {
      host.route(connection, chunk.subarray(pos), route)
      return chunk.length
    }
    switch (verdict) {
      case Verdict.http1:
        return this.startHttp(pos)
      case Verdict.tls:
        return this.startTls(chunk, pos, deadline)
      case Verdict.http2:
        return this.startHttp2(chunk, pos)
      case Verdict.raw:
        return this.startRaw(chunk, pos)
      case Verdict.flashPolicy:
        return this.answerFlash(chunk)
      default:
        return this.refuseByName(name, chunk)
    }
  }

  /** Whether this connection must not go on because it is in clear text. */
  private get needsTls(): boolean {
    return this.connection.host.settings.tls === 'required' && !this.connection.encrypted
  }

  private startHttp(pos: number): number {
    const { connection } = this
    const { settings } = connection.host
    if (!settings.http1) {
      return this.cut('ERR_PROTOCOL_UNKNOWN', 'Cannot serve the connection: HTTP is not spoken here', pos)
    }
    connection.handOn(this.needsTls ? new RedirectSession(connection) : new HttpSession(connection))
    return pos
  }

  private startHttp2(chunk: Buffer, pos: number): number {
    const { connection } = this
    const { http1, http2 } = connection.host.settings
    if (this.needsTls) {
      const problem = 'Cannot speak HTTP/2: TLS is required'
      return this.refuse(INADEQUATE_SECURITY, 'ERR_TLS_REQUIRED', problem, chunk)
    }
    if (!http1 || !http2) {
      const problem = 'Cannot speak HTTP/2: the client must use HTTP/1.1'
      return this.refuse(HTTP_1_1_REQUIRED, 'ERR_HTTP2_UNSUPPORTED', problem, chunk)
    }
    connection.host.startHttp2(connection, chunk.subarray(pos))
    return chunk.length
  }

  /** The deadline goes on: the rest of the ClientHello, and then the handshake, are waited for. */
  private startTls(chunk: Buffer, pos: number, deadline: number): number {
    const { connection } = this
    if (connection.encrypted) {
      const problem = 'Cannot start TLS: the connection is encrypted already'
      return this.refuse(TLS_REFUSAL, 'ERR_TLS_INSIDE_TLS', problem, chunk)
    }
    connection.deadline = deadline
    connection.handOn(new HelloSession(connection))
    return pos
  }

  private startRaw(chunk: Buffer, pos: number): number {
    const { connection } = this
    if (this.needsTls) {
      return this.cut('ERR_TLS_REQUIRED', 'Cannot serve the connection: TLS is required', chunk.length)
    }
    if (!connection.host.settings.rawFallback) {
      const problem = 'Cannot serve the connection: its protocol is not known'
      return this.cut('ERR_PROTOCOL_UNKNOWN', problem, chunk.length)
    }
    connection.handOn(new RawSession(connection))
    return pos
  }

  private answerFlash(chunk: Buffer): number {
    const { connection } = this
    const { host, endpoint } = connection
    connection.write(host.door.flashPolicy(endpoint.localPort ?? 0)!)
    connection.linger()
    return chunk.length
  }

  private refuseByName(name: string, chunk: Buffer): number {
    const { connection } = this
    const { host } = connection
    host.door.counters.countRefused(connection.socket, 'refused')
    const { code, message } = REFUSED.get(name)!
    connection.cut(code, message)
    return chunk.length
  }

  private cut(code: string, message: string, pos: number): number {
    const { connection } = this
    connection.host.door.counters.countRefused(connection.socket, 'unknown')
    connection.cut(code, message)
    return pos
  }

  private refuse(answer: Buffer, code: string, message: string, chunk: Buffer): number {
    this.connection.fail(code, message)
    this.connection.write(answer)
    this.connection.linger()
    return chunk.length
  }
}
