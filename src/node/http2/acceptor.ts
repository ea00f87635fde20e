/**
 * HTTP/2 on sockets that were accepted elsewhere: node:http2 reads the frames, and each stream becomes what its request
 * asks for: a message, a WebSocket (RFC 8441), or a request for the application.
 *
 * A request's head is written anew as HTTP/1.1 has it, and read by the same strict reader: so the rules are the same.
 */
import type { EventEmitter } from 'node:events'
import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Duplex } from 'node:stream'
import type { Endpoint } from '../endpoint.ts'
import { PortmanteauError } from '../errors.ts'
import type { Host } from '../host.ts'
import { takeStream } from './stream.ts'

/** Streams of one connection that may be open at once (RFC 9113 §6.5.2 asks for 100 at least). */
const MAX_STREAMS = 100
/** Streams that a client may reset, above those that it lets be answered: CVE-2023-44487. */
const MAX_RESETS = 200
/** SETTINGS frames that a client may send (each has to be acknowledged). */
const MAX_SETTINGS = 100

/** The longest that Node's timers can wait. */
const LONGEST_TIMEOUT = 2 ** 31 - 1

export class Http2Acceptor {
  private readonly host: Host
  private readonly server: Http2Server
  private readonly sessions: Map<ServerHttp2Session, Endpoint>
  /** Whose socket is being taken. */
  private taking: Endpoint

  constructor(host: Host) {
    this.host = host
    this.sessions = new Map()
    this.taking = {}
    this.server = this.create()
  }

  get size(): number {
    return this.sessions.size
  }

  /** Takes a socket that nobody listens to; `first` was read of it. */
  accept(socket: Duplex, endpoint: Endpoint, first: Buffer | undefined): void {
    this.taking = endpoint
    if (first !== undefined) {
      socket.pause()
      socket.unshift(first)
    }
    this.server.emit('connection', socket)
  }

  /** Ends every connection once its streams have ended: GOAWAY. */
  close(): void {
    for (const session of this.sessions.keys()) session.close()
  }

  destroy(): void {
    for (const session of this.sessions.keys()) session.destroy()
  }

  private create(): Http2Server {
    const { headLimit, fieldLimit } = this.host.settings
    const maxHeaderListSize = Math.min(headLimit, 2 ** 31 - 1)
    const server = createServer({
      maxHeaderListPairs: Math.min(fieldLimit + PSEUDO_FIELDS, 2 ** 31 - 1),
      settings: { enableConnectProtocol: true, maxConcurrentStreams: MAX_STREAMS, maxHeaderListSize },
    })
    server.on('session', (session) => this.follow(session))
    // Of Node's types the fields as sent are missing.
    ;(server as EventEmitter).on(
      'stream',
      (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, raw: string[]) =>
        this.take(stream, headers, raw),
    )
    server.on('sessionError', (error, session) => this.report(error, session))
    return server
  }

  private follow(session: ServerHttp2Session): void {
    const { idleTimeout } = this.host.settings
    let settings = 0
    this.sessions.set(session, this.taking)
    session.setTimeout(Math.min(idleTimeout, LONGEST_TIMEOUT), () => session.close())
    session.on('remoteSettings', () => {
      if (++settings > MAX_SETTINGS) this.cut(session, `${MAX_SETTINGS} SETTINGS frames`)
    })
    session.on('close', () => {
      this.sessions.delete(session)
      this.host.left()
    })
  }

  private take(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, raw: readonly string[]): void {
    const session = stream.session as ServerHttp2Session
    const endpoint = this.sessions.get(session)
    if (endpoint === undefined) return void stream.destroy()
    stream.on('error', () => {})
    stream.once('close', () => this.countEnd(stream, session))
    takeStream(this.host, { stream, headers, raw, endpoint })
  }

  private countEnd(stream: ServerHttp2Stream, session: ServerHttp2Session): void {
    const counted = session as ServerHttp2Session & { [resets]?: number }
    const before = counted[resets] ?? 0
    const wasReset = stream.aborted || stream.rstCode === constants.NGHTTP2_CANCEL
    counted[resets] = Math.max(0, before + (wasReset ? 1 : -1))
    if (counted[resets]! > MAX_RESETS) this.cut(session, `${MAX_RESETS} streams that were reset`)
  }

  private cut(session: ServerHttp2Session, what: string): void {
    if (session.destroyed) return
    this.report(
      new PortmanteauError('ERR_HTTP2_FLOOD', `Cannot serve the connection any more: it had over ${what}`),
      session,
    )
    session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM)
  }

  private report(error: Error, session: ServerHttp2Session): void {
    this.host.reportOf(error, session.socket)
  }
}

const resets = Symbol('resets')

/** `:method`, `:scheme`, `:path`, `:authority`, `:protocol`. */
const PSEUDO_FIELDS = 5
