import { EventEmitter } from 'node:events'
import type { Client, Data, Server, Writer } from '../../index.ts'
import { nameOf } from './options.ts'

/** The states that `stateChange` tells. */
export const State = {
  unknown: 0,
  opening: 1,
  waiting: 2,
  handshaking: 3,
  connected: 4,
  closed: 5,
} as const
export type State = (typeof State)[keyof typeof State]

/** @internal Tells what happens; there in debug mode. */
export type Log = (line: string) => void

export interface ConnectionEvents {
  stateChange: [state: State, previous: State]
  /** Text as a string; bytes, which only newer versions have, as a Buffer. */
  message: [message: string | Buffer]
  /** The server has rejected it; `close` follows. */
  rejected: []
  /**
   * Something went wrong with it; `close` follows, unless it was sent bytes that its version cannot have. Nothing is thrown
   * without a listener.
   */
  error: [error: Error]
  close: []
}

// RFC 6455 §7.4.1
const POLICY_VIOLATION = 1008

/** A client of the server. */
export class Connection extends EventEmitter<ConnectionEvents> {
  /** Unguessable, unlike those of node-websocket-server. */
  readonly id: string
  /** `'draft75'`, `'draft76'`, or a newer version's own name. */
  readonly version: string
  /** Portmanteau's own, to be read from. */
  readonly client: Client
  private readonly writer: Writer
  private readonly server: Server
  private readonly log: Log | undefined
  private readonly ended: (connection: Connection) => void
  private current: State

  /** @internal */
  constructor(
    server: Server,
    client: Client,
    writer: Writer,
    log: Log | undefined,
    ended: (connection: Connection) => void,
  ) {
    super()
    this.id = client.id
    this.version = nameOf(client.version)
    this.client = client
    this.writer = writer
    this.server = server
    this.log = log && ((line) => log(`${this.id} ${line}`))
    this.ended = ended
    this.current = State.connected
  }

  get state(): State {
    return this.current
  }

  /** The version of the protocol that the connection uses. */
  getVersion(): string {
    return this.version
  }

  /** Sends a message. Returns `false` when the client is slow or gone. */
  write(data: Data): boolean {
    if (this.current !== State.connected) return false
    this.log?.(`write: ${data}`)
    return this.server.send(this.client, data)
  }

  /** The same as `write`. */
  send(data: Data): boolean {
    return this.write(data)
  }

  /** Sends a message to all other connections. */
  broadcast(data: Data): void {
    this.server.broadcast(data, this.client)
  }

  /** Ends the connection in its version's own way. */
  close(): void {
    this.writer.close()
  }

  /** Ends it as one that the server does not want. The reason is only told in debug mode. */
  reject(reason?: string): void {
    if (this.current === State.closed) return
    this.log?.(`rejected. Reason: ${reason}`)
    this.writer.close(POLICY_VIOLATION)
    this.end(() => this.emit('rejected'))
  }

  /** Does nothing: whoever has a connection has its handshake behind it. */
  handshake(): void {
    this.log?.('Already handshaked.')
  }

  /** @internal */
  receive(message: Buffer): void {
    if (this.current !== State.connected) return
    const data = this.client.isText ? message.toString() : message
    this.log?.(`recv: ${data}`)
    this.emit('message', data)
  }

  /** @internal */
  fail(error: Error): void {
    this.log?.(`error ${error.message}`)
    if (this.listenerCount('error') > 0) this.emit('error', error)
  }

  /** @internal It is closed; `first` is called before its `close`. Whatever listeners throw, it is nobody's any more. */
  end(first?: () => void): void {
    if (this.current === State.closed) return
    this.log?.(`stateChange: ${this.current} -> ${State.closed}`)
    const previous = this.current
    this.current = State.closed
    try {
      this.emit('stateChange', State.closed, previous)
      first?.()
    } finally {
      this.ended(this)
    }
    this.emit('close')
  }
}
