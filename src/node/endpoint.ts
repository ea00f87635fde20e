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
  /** The version of HTTP that it speaks, where node:http is shown another one. */
  readonly httpVersion?: '2.0' | undefined
}
