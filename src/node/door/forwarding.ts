/**
 * Two sockets, each of which gets what the other sends: with the back-pressure of both, and each end of a side handed on as
 * such, so that a half-closed connection stays one. Both go when one fails, or when nothing was said for the idle time.
 */
import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { formatProxyHeader } from '../../sniff/index.ts'
import type { Endpoint } from '../endpoint.ts'
import { PortmanteauError } from '../errors.ts'
import type { Deadlined, Deadlines } from '../limits/deadlines.ts'

/** Where a connection is passed on to. */
export interface ForwardTarget {
  /** Default: localhost. */
  readonly host?: string
  readonly port: number
  /** Tell the target who the client is, in a PROXY header of this version in front of everything. Default: no. */
  readonly proxyProtocol?: 1 | 2
  /** Milliseconds to reach the target. Default 10,000. */
  readonly connectTimeout?: number
  /** Milliseconds without a byte in either direction. Default: the server's `idleTimeout`. */
  readonly idleTimeout?: number
}

export interface ForwardingHost {
  readonly deadlines: Deadlines
  readonly settings: { readonly idleTimeout: number }
  /** A forwarding went wrong, and is over. */
  forwardingFailed(error: Error, client: Duplex): void
  forwardingEnded(forwarding: Forwarding): void
}

const CONNECT_TIMEOUT = 10_000

export class Forwarding implements Deadlined {
  deadline: number
  readonly client: Duplex
  private readonly host: ForwardingHost
  private readonly target: ForwardTarget
  private readonly upstream: Socket
  private readonly idleTimeout: number
  private connected: boolean
  private over: boolean

  /** Takes a client's socket that nobody listens to; `first` was read of it. */
  constructor(
    host: ForwardingHost,
    client: Duplex,
    endpoint: Endpoint,
    first: Buffer,
    target: ForwardTarget,
  ) {
    this.host = host
    this.client = client
    this.target = target
    this.idleTimeout = target.idleTimeout ?? host.settings.idleTimeout
    this.connected = false
    this.over = false
    this.deadline = host.deadlines.after(target.connectTimeout ?? CONNECT_TIMEOUT)
    this.upstream = connect({
      host: target.host ?? 'localhost',
      port: target.port,
      allowHalfOpen: true,
      noDelay: true,
    })
    host.deadlines.add(this)
    client.pause()
    this.listen()
    if (target.proxyProtocol !== undefined) this.upstream.write(proxyHeaderOf(endpoint, target.proxyProtocol))
    if (first.length > 0) this.upstream.write(first)
  }

  /** The time is up: to connect, or since the last byte. */
  expire(): void {
    const what = this.connected ? 'nothing was said for too long' : 'the target does not answer'
    const code = this.connected ? 'ERR_IDLE_TIMEOUT' : 'ERR_ROUTE_UNREACHABLE'
    this.fail(new PortmanteauError(code, `Cannot forward the connection: ${what}`))
  }

  destroy(): void {
    this.client.destroy()
    this.upstream.destroy()
  }

  private listen(): void {
    const { client, upstream } = this
    upstream.on('connect', () => {
      this.connected = true
      this.touch()
      client.pipe(upstream)
      upstream.pipe(client)
    })
    client.on('data', () => this.touch())
    client.pause()
    upstream.on('data', () => this.touch())
    upstream.on('error', (error) => this.fail(this.describe(error)))
    client.on('error', (error) => this.fail(error))
    client.on('close', () => this.end())
    upstream.on('close', () => this.end())
  }

  private touch(): void {
    this.deadline = this.host.deadlines.after(this.idleTimeout)
  }

  private describe(error: Error): Error {
    if (this.connected) return error
    const { host = 'localhost', port } = this.target
    return new PortmanteauError(
      'ERR_ROUTE_UNREACHABLE',
      `Cannot forward the connection: ${host}:${port} cannot be reached`,
      { cause: error },
    )
  }

  private fail(error: Error): void {
    if (this.over) return
    this.host.forwardingFailed(error, this.client)
    this.end()
  }

  /** One side is closed, both of its directions: nothing can reach the other any more but what waits for it. */
  private end(): void {
    if (this.over) return
    this.over = true
    this.host.deadlines.remove(this)
    for (const side of [this.client, this.upstream]) {
      if (side.destroyed) continue
      if (side.writableLength > 0 && !side.errored) side.end(() => side.destroy())
      else side.destroy()
    }
    this.host.forwardingEnded(this)
  }
}

function proxyHeaderOf(endpoint: Endpoint, version: 1 | 2): Uint8Array {
  const { remoteAddress, remotePort, localAddress, localPort } = endpoint
  if (remoteAddress === undefined || localAddress === undefined) {
    return formatProxyHeader({ version, source: null, destination: null })
  }
  return formatProxyHeader({
    version,
    source: { address: remoteAddress, port: remotePort ?? 0 },
    destination: { address: localAddress, port: localPort ?? 0 },
  })
}
