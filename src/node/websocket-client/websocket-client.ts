import { EventEmitter } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import type { ReadableStream, WritableStream } from 'node:stream/web'
import type { Version } from '../../ws-codec/index.ts'
import type { Client } from '../client/client.ts'
import type { WebMessage } from '../client/message-queue.ts'
import type { Message } from '../host.ts'
import type { WebSocketSession } from '../websocket/session.ts'
import type { Data, WriteOptions } from '../writer.ts'

/** RFC 6455 §7.1.5: no close frame came. */
const ABNORMAL = 1006

/** The events of a `WebSocketClient`. */
export interface WebSocketClientEvents {
  /** With `stream`, a `Readable` instead of the Buffer. */
  message: [message: Buffer, isText: boolean]
  /** 1006 when the server sent no close frame. */
  close: [code: number, reason: string]
  drain: []
  /** What went wrong, before `close`; without a listener nothing is thrown. */
  error: [error: Error]
}

/**
 * The client's end of a WebSocket, as `connect` gives it. Messages that come before somebody listens for them, or
 * iterates, wait.
 *
 * @example
 * const socket = await connect('ws://localhost:8080/')
 * socket.write('hello')
 * for await (const message of socket) console.log(message)
 */
export class WebSocketClient extends EventEmitter<WebSocketClientEvents> {
  readonly url: string
  readonly version: Version
  readonly subprotocol: string | undefined
  private readonly session: WebSocketSession
  private readonly client: Client

  constructor(session: WebSocketSession, url: string) {
    super()
    this.url = url
    this.version = session.codec.version
    this.subprotocol = session.client.subprotocol
    this.session = session
    this.client = session.client
    this.client.setSource(session)
    session.writer.on('drain', () => this.emit('drain'))
    ;(this as EventEmitter).on('newListener', (event: string | symbol) => {
      if (event === 'message') process.nextTick(() => this.replay())
    })
  }

  /** Sends one message. A string goes out as text, bytes as binary unless `options` says otherwise. */
  write(data: Data, options?: WriteOptions): boolean {
    return this.session.writer.write(data, { binary: options?.binary ?? typeof data !== 'string' })
  }

  /** One message in fragments: each chunk that is written goes out at once. */
  stream(options: WriteOptions = {}): Writable {
    return this.session.writer.stream({ binary: options.binary ?? true })
  }

  /** Starts the close handshake; throws when the code or the reason cannot be sent. */
  close(code?: number, reason?: string): void {
    this.session.writer.close(code, reason)
  }

  /** Cuts the connection. */
  destroy(): void {
    this.session.connection.destroy()
  }

  /** Whether nothing can be written any more. */
  get ended(): boolean {
    return this.session.writer.ended
  }

  get writableLength(): number {
    return this.session.writer.writableLength
  }

  get writableNeedDrain(): boolean {
    return this.session.writer.writableNeedDrain
  }

  /** The messages one by one: text as strings, anything else as bytes. */
  [Symbol.asyncIterator](): AsyncIterableIterator<WebMessage> {
    return this.client[Symbol.asyncIterator]()
  }

  get readable(): ReadableStream<WebMessage> {
    return this.client.readable
  }

  get writable(): WritableStream<Data> {
    return this.client.writable
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.session.connection.destroyed) return
    const closed = new Promise((resolve) => this.once('close', resolve))
    this.close()
    await closed
  }

  /** @internal */
  receive(message: Message, client: Client): void {
    const listens = this.listenerCount('message') > 0
    if ((!listens || client.listening) && Buffer.isBuffer(message)) client.keep(message)
    if (listens) this.tell('message', message as Buffer & Readable, client.isText)
  }

  /** @internal */
  failed(error: Error): void {
    if (this.listenerCount('error') > 0) this.tell('error', error)
  }

  /** @internal */
  closed(): void {
    this.client.end()
    this.tell('close', this.client.closeCode ?? ABNORMAL, this.client.closeReason ?? '')
  }

  private replay(): void {
    for (const kept of this.client.takeKept())
      this.tell('message', Buffer.from(kept as string), typeof kept === 'string')
  }

  /** What a listener throws ends up where Node puts it, but never in the middle of a session. */
  private tell<Name extends keyof WebSocketClientEvents>(
    name: Name,
    ...values: WebSocketClientEvents[Name]
  ): void {
    try {
      ;(this as EventEmitter).emit(name, ...values)
    } catch (error) {
      process.nextTick(() => {
        throw error
      })
    }
  }
}
