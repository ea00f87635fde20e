/**
 * Two sockets, each of which gets what the other sends: with the back-pressure of both, and each end of a side handed on as
 * such, so that a half-closed connection stays one.
 *
 * CONNECTING → OPEN → ENDING. While the target is connected to, the client is not read from. Once one of the two sockets is
 * closed, or has failed, the other still gets what was received for it, and then the end; what it sends is dropped. It is over
 * when both are closed, and until then it has a deadline in every state.
 */
import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { formatProxyHeader } from '../../sniff/index.ts'
import { bareAddress, type Endpoint } from '../endpoint.ts'
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
  readonly settings: { readonly idleTimeout: number; readonly closeTimeout: number }
  /** A forwarding went wrong. */
  forwardingFailed(error: Error, client: Duplex): void
  /** Both of its sockets are closed. */
  forwardingEnded(forwarding: Forwarding): void
}

const CONNECT_TIMEOUT = 10_000

const CONNECTING = 0
const OPEN = 1
const ENDING = 2

export class Forwarding implements Deadlined {
  deadline: number
  readonly client: Duplex
  private readonly host: ForwardingHost
  private readonly target: ForwardTarget
  private readonly upstream: Socket
  private readonly idleTimeout: number
  private state: number
  /** Bytes that waited for a side that is being ended, when they were last looked at. */
  private waiting: number

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
    this.state = CONNECTING
    this.waiting = Number.POSITIVE_INFINITY
    this.deadline = host.deadlines.after(target.connectTimeout ?? CONNECT_TIMEOUT)
    const { host: name = 'localhost', port } = target
    this.upstream = connect({ host: name, port, allowHalfOpen: true, noDelay: true })
    host.deadlines.add(this)
    client.pause()
    this.listen()
    if (client.destroyed) this.destroy()
    if (target.proxyProtocol !== undefined) this.upstream.write(proxyHeaderOf(endpoint, target.proxyProtocol))
    if (first.length > 0) this.upstream.write(first)
  }

  /** The time is up: to connect, since the last byte, or to end. */
  expire(): void {
    if (this.state === CONNECTING) this.fail(this.unreachable(undefined))
    else if (this.state === OPEN) {
      const problem = `Cannot keep the connection: nothing was said for ${this.idleTimeout} ms`
      this.fail(new PortmanteauError('ERR_IDLE_TIMEOUT', problem))
    } else if (!this.goesOn()) this.destroy()
  }

  destroy(): void {
    this.client.destroy()
    this.upstream.destroy()
  }

  private listen(): void {
    const { client, upstream } = this
    upstream.on('connect', () => {
      if (this.state === CONNECTING) this.open()
    })
    upstream.on('error', (error) => this.fail(this.state === CONNECTING ? this.unreachable(error) : error))
    client.on('error', (error) => this.fail(error, upstream))
    client.on('close', () => this.closed(upstream))
    upstream.on('close', () => this.closed(client))
  }

  private open(): void {
    const { client, upstream } = this
    const touch = () => this.touch()
    this.state = OPEN
    this.touch()
    client.on('data', touch)
    upstream.on('data', touch)
    client.pipe(upstream)
    upstream.pipe(client)
  }

  private touch(): void {
    if (this.state === OPEN) this.deadline = this.host.deadlines.after(this.idleTimeout)
  }

  private unreachable(cause: Error | undefined): PortmanteauError {
    const { host = 'localhost', port } = this.target
    const problem = cause === undefined ? 'does not answer' : 'cannot be reached'
    const message = `Cannot forward the connection: ${host}:${port} ${problem}`
    return new PortmanteauError('ERR_ROUTE_UNREACHABLE', message, { cause })
  }

  /** `left` is the side that is not to blame. */
  private fail(error: Error, left: Duplex = this.client): void {
    if (this.state === ENDING) return
    this.host.forwardingFailed(error, this.client)
    this.end(left)
    if (left === this.client) this.upstream.destroy()
  }

  /** One side is closed, both of its directions. */
  private closed(other: Duplex): void {
    if (this.client.closed && this.upstream.closed) {
      this.host.deadlines.remove(this)
      this.host.forwardingEnded(this)
    } else if (this.state !== ENDING) this.end(other)
  }

  private end(side: Duplex): void {
    this.state = ENDING
    this.client.unpipe()
    this.upstream.unpipe()
    this.deadline = this.host.deadlines.after(this.host.settings.closeTimeout)
    if (side.destroyed) return
    side.end()
    // What it still sends is dropped, so that no reset overtakes our last bytes.
    side.resume()
  }

  /** Whether a side that reads slowly still takes what waits for it. */
  private goesOn(): boolean {
    const before = this.waiting
    this.waiting = this.client.writableLength + this.upstream.writableLength
    if (this.waiting === 0 || this.waiting >= before) return false
    this.deadline = this.host.deadlines.after(this.host.settings.closeTimeout)
    return true
  }
}

function proxyHeaderOf(endpoint: Endpoint, version: 1 | 2): Uint8Array {
  const { remoteAddress, remotePort = 0, localAddress, localPort = 0 } = endpoint
  // A socket of the file system has no addresses, and one that is reset already none any more.
  if (remoteAddress === undefined || localAddress === undefined) return formatProxyHeader({ version })
  return formatProxyHeader({
    version,
    source: { address: bareAddress(remoteAddress), port: remotePort },
    destination: { address: bareAddress(localAddress), port: localPort },
  })
}
