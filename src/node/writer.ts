import { EventEmitter } from 'node:events'
import type { Writable } from 'node:stream'
import type { MessageForm } from '../sessions/index.ts'
import type { Connection } from './connection.ts'
import type { ConnectionHost } from './host.ts'

/** How a message is sent. What only sessions have (`json`, `annotations`) is ignored elsewhere. */
export interface WriteOptions extends MessageForm {
  /** Send as binary (`true`) or as text (`false`), where the protocol tells them apart. */
  binary?: boolean
}

/** What can be sent: a string goes out as text, bytes in the kind of the message that they answer. */
export type Data = string | Uint8Array

/**
 * Writes to one client, in whatever it speaks. On HTTP each request has a writer of its own, which is the
 * answer to it; elsewhere a client has one for its life.
 *
 * Emits `'drain'` when what was held back has been sent, and `'close'` when the client is gone (on HTTP: before the
 * answer has ended). On WebSocket also `'ping'`, with the payload of each ping. A writer whose client is gone ignores what it
 * is given: peers vanish at any time, and `write` then returns `false`.
 *
 * @example
 * server.on('message', (message, client, writer) => {
 *   writer.write(message)
 *   if (!writer.writableNeedDrain) return
 *   client.pause() // it is read from again once it has taken what it was sent
 *   writer.once('drain', () => client.resume())
 * })
 */
export abstract class Writer extends EventEmitter {
  private controller: AbortController | undefined

  constructor() {
    super()
    this.controller = undefined
  }

  /**
   * Sends one message. Returns `false` when the client is slow (or gone): wait for `'drain'` before more.
   *
   * @example
   * server.on('message', (message, socket, writer) => writer.write(`${socket.id}: ${message}`))
   */
  abstract write(data: Data, options?: WriteOptions): boolean

  /**
   * One message that is written piece by piece: in fragments on WebSocket, as parts of the answer on HTTP. On raw it
   * is gathered, for a framing may need its length, and sent at the end.
   */
  abstract stream(options?: WriteOptions): Writable

  /** Finishes an HTTP answer; a raw or WebSocket client stays connected. `data` is written first. */
  end(data?: Data, options?: WriteOptions): void {
    if (data !== undefined) this.write(data, options)
  }

  /** Ends the connection in its own way, what was written is delivered: FIN, or a WebSocket close frame. */
  abstract close(code?: number, reason?: string): void

  /** Cuts the connection (on HTTP/2: the stream); what was not sent yet is lost. */
  abstract destroy(): void

  /** Whether nothing can be written any more. */
  abstract get ended(): boolean

  /** Bytes that wait to be sent. */
  abstract get writableLength(): number

  /** Whether `write` has returned `false` and `'drain'` has not come yet. */
  abstract get writableNeedDrain(): boolean

  /**
   * Aborted once the client is gone: for what an answer over time waits for.
   *
   * @example
   * server.on('message', async (message, socket, writer) => {
   *   for await (const row of query(message.toString(), { signal: writer.signal })) writer.write(row)
   * })
   */
  get signal(): AbortSignal {
    if (this.controller === undefined) {
      const controller = new AbortController()
      this.controller = controller
      if (this.isGone) controller.abort()
      else this.once('close', () => controller.abort())
    }
    return this.controller.signal
  }

  /**
   * Says that a client of datagrams has shown that it receives at its address, by repeating something that it was sent: from
   * then on it may be sent more than a multiple of what came from it. Without meaning elsewhere.
   */
  prove(): void {}

  /** Sets the status and fields of an HTTP answer; without meaning, and ignored, elsewhere. */
  writeHead(_status: number, _fields?: Readonly<Record<string, FieldValue>>): this {
    return this
  }

  /** Sets a field of an HTTP answer; ignored elsewhere. */
  setHeader(_name: string, _value: FieldValue): this {
    return this
  }

  /** A field of an HTTP answer as it is set so far. */
  getHeader(_name: string): FieldValue | undefined {
    return undefined
  }

  /** Removes a field of an HTTP answer; ignored elsewhere. */
  removeHeader(_name: string): void {}

  protected abstract get isGone(): boolean
}

/** A writer onto a connection that is all its client's. */
export abstract class ConnectionWriter extends Writer {
  protected readonly connection: Connection<ConnectionHost>

  constructor(connection: Connection<ConnectionHost>) {
    super()
    this.connection = connection
  }

  override destroy(): void {
    this.connection.destroy()
  }

  override get ended(): boolean {
    return !this.connection.writable
  }

  override get writableLength(): number {
    return this.connection.writableLength
  }

  override get writableNeedDrain(): boolean {
    return this.connection.writableNeedDrain
  }

  protected override get isGone(): boolean {
    return this.connection.destroyed
  }
}

/** The value of an HTTP field; an array becomes a line each. */
export type FieldValue = string | number | readonly string[]
