/**
 * HTTP/2 on sockets that were accepted elsewhere: node:http2 reads the frames, and each stream becomes what its request
 * asks for: a message, a WebSocket (RFC 8441), or a request for the application.
 *
 * A request's head is written anew as HTTP/1.1 has it, and read by the same strict reader: so the rules are the same.
 */
import { performServerHandshake, type ServerOptions } from 'node:http2'
import type { Duplex } from 'node:stream'
import type { Endpoint } from '../endpoint.ts'
import type { Host } from '../host.ts'
import type { Settings } from '../limits/options.ts'
import { Http2Session } from './session.ts'

/** Streams of one connection that may be open at once (RFC 9113 §6.5.2 asks for 100 at least). */
const MAX_STREAMS = 100

export class Http2Acceptor {
  private readonly host: Host
  private readonly options: ServerOptions
  private readonly sessions: Set<Http2Session>

  constructor(host: Host) {
    this.host = host
    this.options = optionsOf(host.settings)
    this.sessions = new Set()
  }

  /** Connections that are open. */
  get size(): number {
    return this.sessions.size
  }

  /** Takes a socket that nobody listens to; `first` was read of it. */
  accept(socket: Duplex, endpoint: Endpoint, first: Buffer | undefined): void {
    if (socket.destroyed) return
    if (first !== undefined) {
      socket.pause()
      socket.unshift(first)
    }
    const { host, sessions } = this
    const session = new Http2Session(
      host,
      performServerHandshake(socket, this.options),
      socket,
      endpoint,
      () => {
        sessions.delete(session)
        host.left()
      },
    )
    sessions.add(session)
  }

  /** Ends every connection once its streams have ended. */
  close(): void {
    for (const session of this.sessions) session.close()
  }

  destroy(): void {
    for (const session of this.sessions) session.destroy()
  }
}

/** `:method`, `:scheme`, `:path`, `:authority`, `:protocol`. */
const PSEUDO_FIELDS = 5
/** Pieces of a cookie that come as fields of their own (RFC 9113 §8.2.3), and are one to us. */
const COOKIE_PIECES = 256
/** RFC 9113 §6.5.2 counts so many bytes for a field besides its name and value. */
const FIELD_OVERHEAD = 32
/**
 * What node:http2 may use for a connection besides what waits to be sent. It counts both as one, and would take no requests
 * while another one's answer of 10 MB waits: answers have limits of their own.
 */
const OWN_MEGABYTES = 10
const LARGEST = 2 ** 31 - 1

/** What is over the limits here is refused by HTTP/2 itself; what is less, but too much on HTTP/1.1 too, by an answer. */
function optionsOf({ headLimit, fieldLimit, writeLimit }: Settings): ServerOptions {
  const fields = fieldLimit + PSEUDO_FIELDS
  return {
    maxHeaderListPairs: Math.min(fields + COOKIE_PIECES, LARGEST),
    maxSessionMemory: Math.min(OWN_MEGABYTES + Math.ceil((MAX_STREAMS * writeLimit) / 1e6), LARGEST),
    settings: {
      enableConnectProtocol: true,
      maxConcurrentStreams: MAX_STREAMS,
      maxHeaderListSize: Math.min(headLimit + fields * FIELD_OVERHEAD, LARGEST),
    },
  }
}
