import type { Server as HttpServer, RequestListener } from 'node:http'
import type { SecureContextOptions, TlsOptions } from 'node:tls'
import type { OriginPattern } from '../../http/index.ts'
import type { FlashPolicyRule, Framing } from '../../raw/index.ts'
import type { Signature } from '../../sniff/index.ts'
import type { Version } from '../../ws-codec/index.ts'
import type { ForwardedOption, ProxyOption } from '../door/proxy-trust.ts'
import type { AnswerCompressionOptions } from '../http/coding/answer-compression-options.ts'
import type { Request } from '../http/request.ts'
import type { SessionsOptions } from '../sessions/options.ts'
import type { SniOption } from '../tls/certificates.ts'
import type { UdpOptions } from '../udp/udp-options.ts'
import type { CompressionOptions } from '../websocket/compression-options.ts'
import type { UpgradeHook } from '../websocket/upgrade.ts'

/**
 * Options of a `Server`. Times are in milliseconds, sizes in bytes; `Infinity` switches a limit off.
 * `key` and `cert` (or `pfx`), and whatever else `tls.createSecureContext` takes, switch TLS on.
 */
export interface ServerOptions
  extends SecureContextOptions,
    Pick<TlsOptions, 'requestCert' | 'rejectUnauthorized'> {
  /** Deliver what is no other protocol as raw messages; `false` closes such connections. Default `true`. */
  rawFallback?: boolean
  /** Time from accept in which a client shows its protocol; a silent one is raw then. Default 3,000. */
  sniffTimeout?: number
  /** Bytes in which a client shows its protocol. Default 8,192. */
  sniffLimit?: number
  /**
   * How messages are told apart on raw connections and in HTTP bodies: `line` (the default), `json` (values one after the
   * other), `netstring`, `length-prefixed` (4 bytes, big-endian), `none` (whatever one read gives), or an object.
   */
  framing?: FramingName | Framing
  /** How raw connections differ from what `framing` says. */
  raw?: RawOptions
  /**
   * Who answers HTTP requests that are no messages: a listener of `request`, or a server of `node:http` that does not
   * listen itself (of Express, Fastify, Koa, …), which gets them as its own. `false`: HTTP is not spoken, and whatever begins
   * with a request line is closed; it never is a message.
   */
  http?: RequestListener | HttpServer | false
  /**
   * Which HTTP requests are messages: it is asked of each, and the request is only there during the call. Default: POST and
   * PUT. With this option one without a body is an empty message.
   */
  isMessage?: (request: Request) => boolean
  /**
   * Serve clients of the Socket.IO era (0.6, and the message encoding that was to follow it), under `/socket.io/`: over
   * WebSocket, or over requests that wait. Such a client is one like any other. Default `false`.
   */
  sessions?: boolean | SessionsOptions
  /** Speak HTTP/2, too: after TLS by ALPN, without by its preface. Default `true`. */
  http2?: boolean
  /** Certificates by the server name that is asked for, or an (async) function that gives them. */
  sni?: SniOption
  /**
   * `'required'`: plain HTTP is answered with a 308 to https, and all else that is not TLS is closed, but for routes.
   * Default `'optional'`: both are served.
   */
  tls?: 'optional' | 'required'
  /**
   * Whether a PROXY header tells where clients are: `'off'` (the default: one is refused), `'required'`, or
   * `{ trusted: […] }`: required from these addresses and ranges and refused from all others. With `header: false` they
   * write none, and are only believed in the field of `forwarded`.
   */
  proxy?: ProxyOption
  /**
   * The field in which those of `proxy: { trusted }` say where an HTTP request or a WebSocket is from: `'x-forwarded-for'` (and
   * `X-Forwarded-Proto` with it) or `'forwarded'` (RFC 7239). Name the one that they all write: the other they pass on from
   * anybody. Default `false`: neither is believed.
   */
  forwarded?: ForwardedOption
  /** Protocols of your own to recognise, for routes: see `defineSignature` in `portmanteau/sniff`. */
  signatures?: readonly Signature[]
  /** Take datagrams on the same port number, too: each is a message. Default `false`. */
  udp?: boolean | UdpOptions
  /**
   * Answer Flash's policy request on this port: who may connect. `true`: the origins of `allowOrigin`. A rule without
   * `ports` is for this port. Default: not answered.
   */
  flashPolicy?: boolean | readonly PolicyRule[]
  /** Answer it on this port, too; Flash asks on 843 first. Default: no. */
  flashPolicyPort?: number
  /**
   * Compress the answers to HTTP messages by the request's Accept-Encoding (RFC 9110 §12.5.3): with br or gzip, from 1 KiB
   * on. Default `false`.
   */
  answerCompression?: boolean | AnswerCompressionOptions
  /** Take an HTTP body whole, as one message, instead of splitting it by `framing`. Default `false`. */
  wholeBody?: boolean
  /** Leave an HTTP answer open until the application calls `writer.end()`. Default `false`. */
  explicitEnd?: boolean
  /** Keep the writing side open when a raw client ends its own, until the application closes it. Default `false`. */
  allowHalfOpen?: boolean
  /**
   * Origins that browsers may come from, besides the server's own: host names without a protocol.
   * `*.example.com` is `example.com` and every subdomain of it, elsewhere `*` stands for one label,
   * `:*` for any port, and a lone `*` for every origin. Default: only the server's own. A function decides alone: see
   * `OriginTest`.
   */
  allowOrigin?: OriginPattern | readonly OriginPattern[] | OriginTest
  /** Accept requests without an `Origin` field (every client that is no browser). Default `true`. */
  allowUndefinedOrigin?: boolean
  /** Send `Access-Control-Allow-Credentials`. Default `false`. */
  allowCredentials?: boolean
  /** WebSocket subprotocols that the server speaks, the best first. Default: the client's first choice. */
  protocols?: readonly string[]
  /** WebSocket versions that are spoken. Default: all, from `'13'` down to `'hixie-75'`. */
  versions?: readonly Version[]
  /**
   * Asked before a WebSocket is accepted: it may choose a subprotocol, attach data, or refuse with a status. The
   * connection waits for a promise, up to `handshakeTimeout`.
   */
  upgrade?: UpgradeHook
  /**
   * permessage-deflate (RFC 7692). Default: on for messages above 1 KiB, without context takeover, so that a client
   * costs no memory between two messages.
   */
  compression?: boolean | CompressionOptions
  /** Deliver each WebSocket message as a `Readable` while it arrives, instead of a Buffer. Default `false`. */
  stream?: boolean
  /** Bytes of an HTTP request line, answered with 414 beyond. Default 8,192. */
  requestLineLimit?: number
  /** Bytes of an HTTP request head, answered with 431 beyond. Default 16,384. */
  headLimit?: number
  /** Fields of an HTTP request head, answered with 431 beyond. Default 100. */
  fieldLimit?: number
  /** Time for an HTTP request head, answered with 408 beyond. Default 10,000. */
  headTimeout?: number
  /** Time for an HTTP request body, answered with 408 beyond. Default 300,000. */
  bodyTimeout?: number
  /** Time between two HTTP requests on a connection, closed silently beyond. Default 5,000. */
  keepAliveTimeout?: number
  /** Bytes of a message, and of an HTTP body. Default 16 MiB. */
  messageLimit?: number
  /** Frames of a WebSocket message. Default 131,072. */
  frameLimit?: number
  /** Time for a TLS handshake. Default 10,000. */
  handshakeTimeout?: number
  /** Time that a peer gets to answer a close, from when it last took some of what was sent before it. Default 5,000. */
  closeTimeout?: number
  /** Quiet time after which a WebSocket client is pinged. Default 30,000. */
  pingInterval?: number
  /** Quiet time after which a raw or WebSocket client is closed. Default 120,000. */
  idleTimeout?: number
  /** Bytes that wait to be sent to one client; one that reads slower is cut. Default 16 MiB. */
  writeLimit?: number
  /** Bytes buffered for all clients, read and written; beyond, the largest is cut. Default 256 MiB. */
  bufferLimit?: number
  /** Connections in all; the newest is dropped. Default: no limit. */
  maxConnections?: number
  /** Connections from one address; the newest is dropped. Default: no limit. */
  maxConnectionsPerAddress?: number
  /** Connections that have not shown their protocol; the newest is dropped. Default 10,000. */
  maxSniffing?: number
}

/**
 * Whether a page of that origin may come in. It is asked of each one with an `Origin` field, also the server's own; and with
 * `undefined` of a client without one, where `allowUndefinedOrigin` is `false`. What throws, or is not `true`, refuses.
 *
 * @example
 * import { compileOrigins, Server } from 'portmanteau'
 *
 * let allowed = compileOrigins('*.example.com')
 * new Server({ allowOrigin: (origin) => origin !== undefined && allowed(origin) }) // `allowed` may change at any time
 */
export type OriginTest = (origin: string | undefined) => boolean

/** What only raw connections have. */
export interface RawOptions {
  /** Each connection's framing is chosen by its first bytes, and is `line` where they do not tell. Default `false`. */
  detect?: boolean
  /** What is written goes out as it is: only what is read is framed. Not together with `detect`. Default `false`. */
  verbatim?: boolean
}

export type { Version }

/** The framings that have a name. */
export type FramingName = 'line' | 'json' | 'netstring' | 'length-prefixed' | 'none'

/** Who may connect by Flash: see `flashPolicy` in `portmanteau/raw`. */
export interface PolicyRule {
  readonly domain: string
  readonly ports?: FlashPolicyRule['ports']
}
