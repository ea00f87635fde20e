import type { Client } from '../client/client.ts'
import type { ClientSession, Connection } from '../connection.ts'
import { PortmanteauError } from '../errors.ts'
import type { ConnectionHost, Message } from '../host.ts'
import { BufferBudget } from '../limits/buffer-budget.ts'
import { Deadlines } from '../limits/deadlines.ts'
import type { Settings } from '../limits/options.ts'
import type { WebSocketSession } from '../websocket/session.ts'
import { WebSocketClient } from './websocket-client.ts'

/** Clients with the same timeouts share one sweep. */
const sweeps = new Map<number, Deadlines>()

function sweepFor({ closeTimeout, pingInterval, idleTimeout }: Settings): Deadlines {
  const shortest = Math.min(closeTimeout, pingInterval, idleTimeout)
  const sweep = sweeps.get(shortest) ?? new Deadlines(shortest)
  sweeps.set(shortest, sweep)
  return sweep
}

/** What owns the one connection of a WebSocket client. */
export class ClientHost implements ConnectionHost {
  readonly settings: Settings
  readonly deadlines: Deadlines
  readonly budget: BufferBudget
  readonly stopReadingAbove: number
  private readonly url: string
  private readonly resolve: (socket: WebSocketClient) => void
  private readonly reject: (error: Error) => void
  private socket: WebSocketClient | undefined
  private failure: Error | undefined

  constructor(
    settings: Settings,
    url: string,
    resolve: (socket: WebSocketClient) => void,
    reject: (error: Error) => void,
  ) {
    this.settings = settings
    this.deadlines = sweepFor(settings)
    this.budget = new BufferBudget(settings.bufferLimit)
    // A server that streams back what it is sent would wait for a client that waits for it.
    this.stopReadingAbove = Number.POSITIVE_INFINITY
    this.url = url
    this.resolve = resolve
    this.reject = reject
    this.socket = undefined
    this.failure = undefined
  }

  flushSoon(connection: Connection<ConnectionHost>): void {
    process.nextTick(() => connection.flush())
  }

  clientConnected(session: ClientSession): void {
    this.socket = new WebSocketClient(session as WebSocketSession, this.url)
    this.resolve(this.socket)
  }

  clientDisconnected(_session: ClientSession): void {
    this.socket?.closed()
  }

  deliver(message: Message, client: Client): undefined {
    this.socket?.receive(message, client)
  }

  report(error: Error): void {
    this.failure ??= error
    this.socket?.failed(error)
  }

  closed(): void {
    if (this.socket !== undefined) return
    const closed = 'Cannot connect: the server closed the connection inside the handshake'
    this.reject(this.failure ?? new PortmanteauError('ERR_WS_CONNECT_CLOSED', closed))
  }

  /** The server does not take part, or not as it should. */
  refused(error: Error): void {
    this.failure ??= error
  }

  /** The attempt takes too long, or nobody wants it any more. */
  giveUp(connection: Connection<ClientHost>, error: Error): void {
    if (this.socket !== undefined) return
    this.failure ??= error
    connection.destroy()
  }
}
