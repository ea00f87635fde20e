/**
 * The first session of every connection, and again inside TLS: keeps what the sniffer has read until it
 * decides, then hands everything on from the first byte. One absolute deadline, which bytes do not refresh.
 *
 * A connection that is silent costs this object and no more: the sniffer is made at its first byte.
 */
import { Sniffer, Verdict } from '../../sniff/index.ts'
import type { Connection, Session } from '../connection.ts'
import { HttpSession } from '../http/session.ts'
import { RawSession } from '../raw-session.ts'
import { HelloSession } from './hello-session.ts'
import { KeptBytes } from './kept-bytes.ts'
import { RedirectSession } from './redirect-session.ts'
import { HTTP_1_1_REQUIRED, INADEQUATE_SECURITY, REFUSED, TLS_REFUSAL } from './refusals.ts'

const NOTHING = Buffer.alloc(0)

export class SniffSession implements Session {
  private readonly connection: Connection
  private readonly since: number
  private sniffer: Sniffer | undefined
  private kept: KeptBytes | undefined

  constructor(connection: Connection) {
    const { host } = connection
    this.connection = connection
    this.since = performance.now()
    this.sniffer = undefined
    this.kept = undefined
    // From accept, whatever came before: a PROXY header has no time of its own.
    connection.deadline = connection.since + host.deadlines.period + host.settings.sniffTimeout
  }

  get held(): number {
    return this.kept === undefined ? 0 : this.kept.length
  }

  push(chunk: Buffer, pos: number, end: number): number {
    const sniffer = (this.sniffer ??= this.createSniffer())
    sniffer.push(chunk, pos, end)
    if (sniffer.verdict === Verdict.undecided) {
      this.keep(chunk, pos, end)
      return end
    }
    if (sniffer.bytes === this.connection.host.settings.sniffLimit) {
      this.connection.host.door.counters.countTooLarge()
    }
    if (this.kept === undefined) return this.decide(sniffer, chunk, pos)
    this.keep(chunk, pos, end)
    this.decideKept(sniffer)
    return end
  }

  finish(): void {
    const { connection, sniffer } = this
    if (sniffer === undefined) return connection.destroy()
    sniffer.end()
    this.decideKept(sniffer)
    // Of a connection that was cut this one is the last.
    if (connection.session !== this) connection.session.finish()
  }

  expire(): void {
    const sniffer = (this.sniffer ??= this.createSniffer())
    this.connection.host.door.counters.countTimeout(this.connection.socket)
    sniffer.expire()
    this.decideKept(sniffer)
  }

  drained(): void {}

  shutdown(): void {
    this.connection.destroy()
  }

  closed(): void {}

  private createSniffer(): Sniffer {
    const { door, settings } = this.connection.host
    return new Sniffer(door.table, settings.sniffLimit)
  }

  private keep(chunk: Buffer, pos: number, end: number): void {
    this.kept ??= new KeptBytes()
    this.kept.add(chunk, pos, end)
  }

  private decideKept(sniffer: Sniffer): void {
    const kept = this.kept === undefined ? NOTHING : this.kept.take()
    const pos = this.decide(sniffer, kept, 0)
    if (pos < kept.length) this.connection.consume(kept, pos)
  }

  /** Installs the next session; returns the position from which it is to be pushed. */
  private decide({ verdict, bytes }: Sniffer, chunk: Buffer, pos: number): number {
    const { connection } = this
    const { host, endpoint } = connection
    const { routes, counters, trust } = host.door
    const name = host.door.nameOf(verdict)
    counters.countVerdict(connection.socket, name, bytes, performance.now() - this.since)
    // The deadline goes on: the rest of the ClientHello, and then the handshake, are waited for.
    if (verdict === Verdict.tls) return this.startTls(chunk, pos)
    connection.deadline = Number.POSITIVE_INFINITY
    if (trust.isOwed(endpoint)) {
      const problem = 'Cannot accept the connection: it is from a proxy, and has no PROXY header'
      return this.cut('ERR_PROXY_MISSING', problem, chunk)
    }
    host.sniffed(connection)
    const route = routes.forName(name)
    if (route !== undefined) {
      host.route(connection, chunk.subarray(pos), route)
      return chunk.length
    }
    switch (verdict) {
      case Verdict.http1:
        return this.startHttp(chunk, pos)
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

  private startTls(chunk: Buffer, pos: number): number {
    const { connection } = this
    if (connection.endpoint.tls !== undefined) {
      connection.host.sniffed(connection)
      const problem = 'Cannot start TLS: the connection is encrypted already'
      return this.refuse(TLS_REFUSAL, 'ERR_TLS_INSIDE_TLS', problem, chunk)
    }
    connection.handOn(new HelloSession(connection))
    return pos
  }

  private startHttp(chunk: Buffer, pos: number): number {
    const { connection } = this
    if (!connection.host.settings.http1) {
      const problem = 'Cannot serve the connection: HTTP is not spoken here'
      return this.cut('ERR_PROTOCOL_UNKNOWN', problem, chunk)
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

  private startRaw(chunk: Buffer, pos: number): number {
    const { connection } = this
    if (this.needsTls) return this.requireTls(chunk)
    if (!connection.host.settings.rawFallback) {
      const problem = 'Cannot serve the connection: its protocol is not known'
      return this.cut('ERR_PROTOCOL_UNKNOWN', problem, chunk)
    }
    connection.handOn(new RawSession(connection))
    return pos
  }

  private answerFlash(chunk: Buffer): number {
    const { connection } = this
    if (this.needsTls) return this.requireTls(chunk)
    connection.write(connection.host.door.flashPolicy(connection.endpoint.localPort))
    connection.linger()
    return chunk.length
  }

  private requireTls(chunk: Buffer): number {
    return this.cut('ERR_TLS_REQUIRED', 'Cannot serve the connection: TLS is required', chunk)
  }

  private refuseByName(name: string, chunk: Buffer): number {
    const { answer, code, message } = REFUSED.get(name)!
    return answer === undefined ? this.cut(code, message, chunk) : this.refuse(answer, code, message, chunk)
  }

  private cut(code: string, message: string, chunk: Buffer): number {
    const { connection } = this
    const reason = code === 'ERR_PROTOCOL_UNKNOWN' ? 'unknown' : 'refused'
    connection.host.door.counters.countRefused(connection.socket, reason)
    connection.cut(code, message)
    return chunk.length
  }

  private refuse(answer: Buffer, code: string, message: string, chunk: Buffer): number {
    const { connection } = this
    connection.host.door.counters.countRefused(connection.socket, 'refused')
    connection.fail(code, message)
    connection.write(answer)
    connection.linger()
    return chunk.length
  }
}
