/**
 * The first session of every connection, and again inside TLS: keeps what the sniffer has read until it
 * decides, then hands everything on from the first byte. One absolute deadline, which bytes do not refresh.
 */
import { type SignatureTable, Sniffer, Verdict } from '../sniff/index.ts'
import type { Connection, Session } from './connection.ts'
import { HttpSession } from './http/session.ts'
import { RawSession } from './raw-session.ts'

/**
 * RFC 9113 §6.5, §6.8: an empty SETTINGS frame, and GOAWAY with HTTP_1_1_REQUIRED. HTTP/2 is recognised
 * so that it is refused in its own language instead of reaching the application as lines.
 */
const HTTP2_REFUSAL = Buffer.from('000000040000000000' + '000008070000000000' + '000000000000000d', 'hex')

const EMPTY = Buffer.alloc(0)
const FIRST_CAPACITY = 64

/** RFC 8446 §6: a fatal handshake_failure alert in a TLS 1.0 record, which every version reads. */
const TLS_REFUSAL = Buffer.from('15030100020228', 'hex')

export class SniffSession implements Session {
  private readonly connection: Connection
  private readonly sniffer: Sniffer
  /** The bytes sniffed so far: `kept` of them at the start of `buffer`, which doubles as it grows. */
  private buffer: Buffer
  private kept: number

  constructor(connection: Connection, table: SignatureTable) {
    const { sniffLimit, sniffTimeout } = connection.host.settings
    this.connection = connection
    this.sniffer = new Sniffer(table, sniffLimit)
    this.buffer = EMPTY
    this.kept = 0
    connection.timeout(sniffTimeout)
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
    const connection = this.connection
    connection.deadline = Number.POSITIVE_INFINITY
    switch (this.sniffer.verdict) {
      case Verdict.http1:
        connection.host.sniffed(connection, 'http')
        connection.handOn(new HttpSession(connection))
        return pos
      case Verdict.tls:
        return this.startTls(chunk, pos)
      case Verdict.http2:
        connection.host.sniffed(connection, 'http2')
        if (connection.host.settings.http2) {
          connection.host.startHttp2(connection, pos === 0 ? chunk : chunk.subarray(pos))
          return chunk.length
        }
        return this.refuse(
          HTTP2_REFUSAL,
          'ERR_HTTP2_UNSUPPORTED',
          'Cannot speak HTTP/2: the client must use HTTP/1.1',
          chunk,
        )
      default:
        return this.startRaw(chunk, pos)
    }
  }

  private startTls(chunk: Buffer, pos: number): number {
    const { connection } = this
    connection.host.sniffed(connection, 'tls')
    if (connection.encrypted) {
      return this.refuse(
        TLS_REFUSAL,
        'ERR_TLS_INSIDE_TLS',
        'Cannot start TLS: the connection is encrypted already',
        chunk,
      )
    }
    if (!connection.host.encrypts) {
      return this.refuse(
        TLS_REFUSAL,
        'ERR_TLS_UNAVAILABLE',
        'Cannot start TLS: the server has no certificate',
        chunk,
      )
    }
    connection.host.startTls(connection, pos === 0 ? chunk : chunk.subarray(pos))
    return chunk.length
  }

  private startRaw(chunk: Buffer, pos: number): number {
    const { connection } = this
    if (!connection.host.settings.rawFallback) {
      connection.cut('ERR_PROTOCOL_UNKNOWN', 'Cannot serve the connection: its protocol is not known')
      return chunk.length
    }
    connection.host.sniffed(connection, 'raw')
    connection.handOn(new RawSession(connection))
    return pos
  }

  private refuse(answer: Buffer, code: string, message: string, chunk: Buffer): number {
    this.connection.fail(code, message)
    this.connection.write(answer)
    this.connection.linger()
    return chunk.length
  }
}
