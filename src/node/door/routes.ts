/** Where connections go that are not ours: by the protocol that they speak, or by what a ClientHello asks for. */
import type { Socket } from 'node:net'
import { PortmanteauError } from '../errors.ts'
import { readServerName } from '../tls/certificates.ts'
import type { ForwardTarget } from './forwarding.ts'

/**
 * What a route takes: the name of a signature (`'ssh'`, one of your own, `'tls'`, `'http'`, `'http2'`), `'raw'` for what is
 * nothing else, TLS for a server name (`*.example.com`: any below it) which is passed on undecrypted, or what was
 * decrypted of connections for which ALPN chose a protocol of your own.
 */
export type RouteMatch = string | { readonly sni: string } | { readonly alpn: string }

/** Gets the socket as if nobody had read from it. */
export type RouteHandler = (socket: Socket) => void

/** Another server, or a function. */
export type RouteTarget = ForwardTarget | RouteHandler

export class Routes {
  private readonly named: Map<string, RouteTarget>
  private readonly serverNames: Map<string, RouteTarget>
  private readonly protocols: Map<string, RouteTarget>

  constructor() {
    this.named = new Map()
    this.serverNames = new Map()
    this.protocols = new Map()
  }

  /** Throws `ERR_ROUTE` for what cannot be a route. `names` are those of signatures. */
  add(match: RouteMatch, target: RouteTarget, names: ReadonlySet<string>): void {
    checkTarget(target)
    if (typeof match === 'string') {
      if (!names.has(match)) throw unusable(`nothing is recognised as ${JSON.stringify(match)}`)
      this.named.set(match, target)
    } else if (typeof match === 'object' && 'sni' in match) {
      this.serverNames.set(readServerName(match.sni), target)
    } else if (typeof match?.alpn === 'string' && match.alpn.length > 0 && match.alpn.length < 256) {
      this.protocols.set(match.alpn, target)
    } else throw unusable('it matches neither a protocol, nor a server name, nor a protocol of ALPN')
  }

  /** The names of signatures that have a route. */
  get names(): ReadonlySet<string> {
    return new Set(this.named.keys())
  }

  /** The protocols that ALPN may choose for a route. */
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
    if (name === '') return undefined
    const exact = this.serverNames.get(name)
    if (exact !== undefined) return exact
    for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
      const below = this.serverNames.get(`*${name.slice(dot)}`)
      if (below !== undefined) return below
    }
    return undefined
  }

  forProtocol(protocol: string): RouteTarget | undefined {
    return this.protocols.get(protocol)
  }
}

function checkTarget(target: RouteTarget): void {
  if (typeof target === 'function') return
  const port: unknown = target?.port
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw unusable(`its port ${String(port)} is none`)
  }
  const { proxyProtocol } = target
  if (proxyProtocol !== undefined && proxyProtocol !== 1 && proxyProtocol !== 2) {
    throw unusable(`the PROXY protocol has no version ${String(proxyProtocol)}`)
  }
}

function unusable(problem: string): PortmanteauError {
  return new PortmanteauError('ERR_ROUTE', `Cannot use the route: ${problem}`)
}
