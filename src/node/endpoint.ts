import type { Duplex } from 'node:stream'
import type { ProxyHeader } from '../sniff/index.ts'
import type { TlsDetails } from './tls/tls-endpoint.ts'

/**
 * Where a client is and how it came. A socket is one as it stands; what carries a client in a socket's place (a stream
 * of HTTP/2, a proxy that speaks for it) describes one.
 */
export interface Endpoint {
  /** Whether the client came over TLS: here, or as far as a proxy that is believed. */
  readonly encrypted?: boolean | undefined
  /** The server name that it asked for in TLS; `false` where it asked for none. */
  readonly servername?: string | false | null | undefined
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  readonly remoteFamily?: string | undefined
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  /** What its handshake tells, where it came over TLS to this server. */
  readonly tls?: TlsDetails | undefined
  /** What a PROXY header has told; `undefined`: there was none. Without a source (LOCAL, UNKNOWN) the addresses are the proxy's. */
  readonly proxied?: ProxyHeader | undefined
  /** The version of HTTP that it speaks, where node:http is shown another one. */
  readonly httpVersion?: '2.0' | undefined
}

const ADDRESSES = ['remoteAddress', 'remotePort', 'remoteFamily', 'localAddress', 'localPort'] as const

/** `::ffff:1.2.3.4`, as sockets that listen on `::` see IPv4 (RFC 4291 §2.5.5.2). */
const MAPPED = '::ffff:'

/** An address as it is compared: without its zone (RFC 4007 §11), IPv4 as itself. */
export function bareAddress(address: string): string {
  const zone = address.indexOf('%')
  const bare = zone < 0 ? address : address.slice(0, zone)
  return bare.startsWith(MAPPED) && bare.includes('.') ? bare.slice(MAPPED.length) : bare
}

/** Has a socket that a proxy has connected tell where the client is. */
export function showEndpoint(socket: Duplex, endpoint: Endpoint): void {
  if ((endpoint.proxied?.source ?? null) === null) return
  for (const name of ADDRESSES)
    Object.defineProperty(socket, name, { value: endpoint[name], configurable: true })
}

type Flowing = Duplex & { readableFlowing: boolean | null }
type Ended = Duplex & { readonly _readableState: { ended: boolean; endEmitted: boolean } }

/**
 * Puts back what was read of a socket that nobody listens to any more, its end too: whoever listens next sees all of it.
 * There is no other way to read an end twice than to take it back where Node keeps it; a stream of our own in the socket's
 * place would cost every route for the sake of the few clients that end within their first bytes.
 */
export function restore(socket: Duplex, first: Buffer): void {
  const { readableEnded } = socket
  socket.pause()
  if (readableEnded) {
    const state = (socket as Ended)._readableState
    state.ended = false
    state.endEmitted = false
  }
  if (first.length > 0) socket.unshift(first)
  if (readableEnded)
    socket.push(null)
    // Not paused, as after `pause`, but as it was before anybody had listened.
  ;(socket as Flowing).readableFlowing = null
}
