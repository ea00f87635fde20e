import type { Duplex } from 'node:stream'
import type { TlsDetails } from './tls/tls-endpoint.ts'

/**
 * Where a client is and how it came. A socket is one as it stands; what carries a client in a socket's place (a stream
 * of HTTP/2, a proxy that speaks for it) describes one.
 */
export interface Endpoint {
  readonly encrypted?: boolean | undefined
  /** The server name that it asked for in TLS; `false` where it asked for none. */
  readonly servername?: string | false | null | undefined
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  readonly remoteFamily?: string | undefined
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  /** What its handshake tells, where it came over TLS. */
  readonly tls?: TlsDetails | undefined
  /** Whether a proxy has told where it is: the socket is the proxy's then. */
  readonly proxied?: boolean | undefined
  /** The version of HTTP that it speaks, where node:http is shown another one. */
  readonly httpVersion?: '2.0' | undefined
}

const ADDRESSES = ['remoteAddress', 'remotePort', 'remoteFamily', 'localAddress', 'localPort'] as const

/** Has a socket that a proxy has connected tell where the client is. */
export function showEndpoint(socket: Duplex, endpoint: Endpoint): void {
  if (endpoint.proxied !== true) return
  for (const name of ADDRESSES)
    Object.defineProperty(socket, name, { value: endpoint[name], configurable: true })
}

/** Puts back what was read of a socket that nobody listens to any more; it flows for whoever listens next. */
export function restore(socket: Duplex, first: Buffer): void {
  socket.pause()
  if (first.length > 0)
    socket.unshift(first)
    // Not paused, as after `pause`, but as it was before anybody had listened.
  ;(socket as Duplex & { readableFlowing: boolean | null }).readableFlowing = null
}
