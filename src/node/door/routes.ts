/** Where connections go that are not ours: by the protocol that they speak, or by what a ClientHello asks for. */
import type { Socket } from 'node:net'
import { PortmanteauError } from '../errors.ts'
import { forName, readServerName } from '../tls/certificates.ts'
import type { DatagramDuplex } from '../udp/datagram-duplex.ts'
import type { ForwardTarget } from './forwarding.ts'

/**
 * What a route takes: the name of a signature (`'ssh'`, one of your own, `'tls'`, `'http1'`, `'http2'`), `'raw'` for what is
 * nothing else, the name of a kind of datagrams (`'stun'`, `'dtls'`, `'turnChannel'`, `'quic'`, `'wireguard'`), TLS for a server
 * name (`*.example.com`: any below it) which is passed on undecrypted, or what was decrypted of connections for which
 * ALPN chose a protocol of your own.
 *
 * What is more exact comes first: a server name before `'tls'`, its own name before its `*.`, `{ alpn }` before `'http1'` and
 * `'http2'`, which are also routes for what ALPN has chosen.
 */
export type RouteMatch = string | { readonly sni: string } | { readonly alpn: string }

/**
 * Gets the socket as if nobody had read from it, its end included. It is half-open, as every socket of the server: once the
 * client has ended its side, end the other one. Of datagrams it gets a duplex of objects, one datagram each.
 */
export type RouteHandler = (socket: Socket) => void

/** The kinds of datagrams that are recognised. */
export type DatagramName = 'stun' | 'dtls' | 'turnChannel' | 'quic' | 'wireguard'

/** Gets the datagrams of one sender, as buffers, and sends it what is written, each a datagram. */
export type DatagramHandler = (datagrams: DatagramDuplex) => void

/** Another server, or a function. */
export type RouteTarget = ForwardTarget | RouteHandler

/** The kinds of datagrams that may have a route. */
export const DATAGRAMS: ReadonlySet<string> = new Set<DatagramName>([
  'stun',
  'dtls',
  'turnChannel',
  'quic',
  'wireguard',
])

export class Routes {
  private readonly named: Map<string, RouteTarget>
  private readonly serverNames: Map<string, RouteTarget>
  private readonly protocols: Map<string, RouteTarget>

  constructor() {
    this.named = new Map()
    this.serverNames = new Map()
    this.protocols = new Map()
  }

  /**
   * Adds a route, in the place of an earlier one that takes the same. Throws `ERR_ROUTE` for what cannot be one. `names` are
   * those of signatures.
   */
  add(match: RouteMatch, target: RouteTarget, names: ReadonlySet<string>): void {
    checkTarget(target, typeof match === 'string' && DATAGRAMS.has(match))
    if (typeof match === 'string') {
      if (!names.has(match) && !DATAGRAMS.has(match)) {
        throw unusable(`nothing is recognised as ${JSON.stringify(match)}`)
      }
      this.named.set(match, target)
    } else if (typeof match === 'object' && match !== null && 'sni' in match) {
      this.serverNames.set(readName(match.sni), target)
    } else if (isProtocol(match?.alpn)) this.protocols.set(match.alpn, target)
    else throw unusable('it matches neither a protocol, nor a server name, nor a protocol of ALPN')
  }

  /** Whether something of that name has a route. */
  has(name: string): boolean {
    return this.named.has(name)
  }

  /** The protocols that ALPN may choose for a route, besides those of HTTP. */
  get alpnProtocols(): readonly string[] {
    return [...this.protocols.keys()]
  }

  /** Whether a ClientHello has to be looked at to know where it goes. */
  get looksAtServerNames(): boolean {
    return this.serverNames.size > 0
  }

  forName(name: string): RouteTarget | undefined {
    return this.named.get(name)
  }

  forServerName(name: string): RouteTarget | undefined {
    return name === '' ? undefined : forName(this.serverNames, name)
  }

  /** By what ALPN has chosen. */
  forProtocol(protocol: string): RouteTarget | undefined {
    const name = nameOfProtocol(protocol)
    return this.protocols.get(protocol) ?? (name === undefined ? undefined : this.named.get(name))
  }
}

/** Whoever asks for HTTP/1.0 alone (`curl --http1.0`) offers no newer one. */
const NAMES: ReadonlyMap<string, 'http1' | 'http2'> = new Map([
  ['http/1.1', 'http1'],
  ['http/1.0', 'http1'],
  ['h2', 'http2'],
])

/** What a protocol of ALPN (RFC 7301 §6, RFC 9113 §3.2) is as a signature, if it is one of ours. */
export function nameOfProtocol(protocol: string): 'http1' | 'http2' | undefined {
  return NAMES.get(protocol)
}

/** RFC 7301 §3.1: 1 to 255 bytes. */
function isProtocol(name: unknown): name is string {
  return typeof name === 'string' && name.length > 0 && Buffer.byteLength(name) < 256
}

function readName(name: string): string {
  try {
    return readServerName(name)
  } catch (error) {
    throw unusable((error as Error).message)
  }
}

function checkTarget(target: RouteTarget, isDatagrams: boolean): void {
  if (typeof target === 'function') return
  if (typeof target !== 'object' || target === null)
    throw unusable('it leads neither to a port, nor to a function')
  const { host, port, proxyProtocol } = target
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw unusable(`its port ${String(port)} is none`)
  if (host !== undefined && (typeof host !== 'string' || host === '')) {
    throw unusable(`its host ${JSON.stringify(host)} is none`)
  }
  if (proxyProtocol !== undefined && proxyProtocol !== 1 && proxyProtocol !== 2) {
    throw unusable(`the PROXY protocol has no version ${String(proxyProtocol)}`)
  }
  if (proxyProtocol !== undefined && isDatagrams) throw unusable('datagrams have no PROXY header')
  for (const name of ['connectTimeout', 'idleTimeout'] as const) {
    const value: unknown = target[name]
    if (value === undefined || (typeof value === 'number' && value > 0)) continue
    throw unusable(`its ${name} ${String(value)} is not a number above 0`)
  }
}

function unusable(problem: string): PortmanteauError {
  return new PortmanteauError('ERR_ROUTE', `Cannot use the route: ${problem}`)
}
