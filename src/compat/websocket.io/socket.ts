import { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Client, Data, Server, Writer } from '../../index.ts'

export interface SocketEvents {
  /** Text as a string, bytes as a Buffer. */
  message: [data: string | Buffer]
  /** The same as `message`. */
  data: [data: string | Buffer]
  /** The connection is closed. */
  close: []
  /**
   * Something went wrong with it; `close` follows, unless it was sent bytes that its version cannot have. Nothing is thrown
   * without a listener.
   */
  error: [error: Error]
}

/** @internal What a client came by. */
export interface Origin {
  readonly req: IncomingMessage
  readonly socket: Duplex
  readonly writer: Writer
  readonly server: Server
}

/** A client. */
export abstract class Socket extends EventEmitter<SocketEvents> {
  /** `'websocket-hixie'` or `'websocket'`. */
  abstract readonly name: string
  /** `'hixie-75'`, `'hixie-76'` or `'hybi'`. */
  readonly protocolVersion: string
  /** The request that it came by. */
  readonly req: IncomingMessage
  /** The stream that it came by; not to be read from or written to. */
  readonly socket: Duplex
  readyState: 'opening' | 'open' | 'closed'
  /** Portmanteau's own, to be read from. */
  readonly client: Client
  /** Portmanteau's own, for what WebSocket.IO had not: `'drain'`, streams, close codes. */
  readonly writer: Writer
  private readonly server: Server

  /** @internal */
  constructor(client: Client, { req, socket, writer, server }: Origin) {
    super()
    const { version = '' } = client
    this.protocolVersion = version.startsWith('hixie') ? version : 'hybi'
    this.req = req
    this.socket = socket
    this.readyState = 'open'
    this.client = client
    this.writer = writer
    this.server = server
  }

  /** Sends a message: a string as text, bytes as binary. */
  send(data: Data): this {
    this.server.send(this.client, data)
    return this
  }

  /** The same as `send`. */
  write(data: Data): this {
    return this.send(data)
  }

  /** Ends the connection in its version's own way; `close` is emitted when it is. */
  close(): this {
    this.readyState = 'closed'
    this.writer.close()
    return this
  }

  /** The same as `close`. */
  end(): this {
    return this.close()
  }

  /** Cuts the connection. */
  destroy(): this {
    this.readyState = 'closed'
    this.writer.destroy()
    return this
  }

  /** @internal Nothing comes after `close`, though the peer may still send. */
  receive(message: Buffer): void {
    if (this.readyState === 'closed') return
    const data = this.client.isText ? message.toString() : message
    this.emit('message', data)
    this.emit('data', data)
  }

  /** @internal */
  fail(error: Error): void {
    if (this.listenerCount('error') > 0) this.emit('error', error)
  }

  /** @internal */
  closed(): void {
    this.readyState = 'closed'
    this.emit('close')
  }
}
