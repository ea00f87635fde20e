import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type Client,
  compileOrigins,
  type OriginPattern,
  Server as PortmanteauServer,
  type Request,
  type Writer,
} from '../../index.ts'
import {
  DEFAULT_MESSAGE_LIMIT,
  DEFAULT_TIMEOUT,
  explicitEnd,
  type Options,
  translateOptions,
} from './options.ts'
import { ResponseWriter } from './response-writer.ts'

/** Where a message came from: the request that it came with, or the client. */
export type Source = Request | Client

/** The events of Portluck's `Server`. */
export interface Events {
  message: (message: Buffer, socket: Client, writer: ResponseWriter, source: Source) => unknown
  clientConnect: (socket: Client, writer: ResponseWriter, source: Source) => void
  clientDisconnect: (socket: Client) => void
  clientError: (error: Error & { code?: string }, socket: Client) => void
}

interface Listen<Self> {
  <Event extends keyof Events>(event: Event, listener: Events[Event]): Self
  // biome-ignore lint/suspicious/noExplicitAny: the listeners of net.Server's own events, as Node types them
  (event: string | symbol, listener: (...args: any[]) => void): Self
}

type Listener = (...args: unknown[]) => unknown

/** What an application listens to; all else that is listened to is the server's own. */
const EVENTS: readonly string[] = ['message', 'clientConnect', 'clientDisconnect', 'clientError']

/**
 * Portluck's `Server`, with the arguments in the order of its README.
 *
 * @example
 * import { Server } from 'portmanteau/compat/portluck'
 *
 * const server = new Server((message, socket, writer) => {
 *   writer.write(`${socket.remoteAddress}: ${message}`)
 * }, { allowOrigin: '*.example.com' })
 * server.listen(8080)
 */
export class Server extends PortmanteauServer {
  declare on: Listen<this>
  declare addListener: Listen<this>
  declare once: Listen<this>
  declare prependListener: Listen<this>
  declare prependOnceListener: Listen<this>
  declare off: Listen<this>
  declare removeListener: Listen<this>
  /** Whether who sends no `Origin` comes in unasked. */
  allowUndefinedOrigin: boolean
  private readonly given: Options
  private readonly writers: WeakMap<Writer, ResponseWriter>

  /** @throws {PortmanteauError} `ERR_OPTION` when an option is no possible value */
  constructor(messageCallback?: Events['message'] | Options | null, options?: Options) {
    const given = (typeof messageCallback === 'object' ? messageCallback : undefined) ?? options ?? {}
    super(translateOptions(given, (origin) => this.allows(origin)))
    this.given = given
    this.writers = new WeakMap()
    this.allowUndefinedOrigin = given.allowUndefinedOrigin ?? true
    if (given.allowOrigin !== undefined) this.setValidOrigin(given.allowOrigin)
    if (typeof messageCallback === 'function') this.on('message', messageCallback)
    this.on('request', (request, response) => {
      response.setHeader('Content-Type', 'text/plain')
      this.invalidMethodHandler(request, response)
    })
  }

  /** The option; it cannot be changed afterwards, and so are the next three. */
  get rawFallback(): boolean {
    return this.given.rawFallback ?? true
  }

  get timeout(): number {
    return this.given.timeout ?? DEFAULT_TIMEOUT
  }

  get explicitEnd(): boolean {
    return explicitEnd(this.given)
  }

  get messageLimit(): number {
    return this.given.messageLimit ?? DEFAULT_MESSAGE_LIMIT
  }

  /** Whether a page of this origin may come in; to be replaced, if need be. Default: any may. */
  validateOrigin(_origin?: string): boolean {
    return true
  }

  /** Replaces what `validateOrigin` says: see the option `allowOrigin`. */
  setValidOrigin(origin: OriginPattern): void {
    const matches = compileOrigins(typeof origin === 'string' ? origin : anywhere(origin))
    this.validateOrigin = (asked) => asked !== undefined && matches(asked)
  }

  /** Answers what is neither POST nor PUT nor OPTIONS, from any origin, as `text/plain`; to be replaced, if need be. */
  invalidMethodHandler(_message: IncomingMessage, response: ServerResponse): void {
    response.statusCode = 405
    response.setHeader('Allow', 'POST,PUT')
    response.end('Allowed methods are POST or PUT.')
  }

  /** Without an event: of those that Portluck has, and not of those that the server lives by. */
  override removeAllListeners(event?: string | symbol): this {
    for (const each of event === undefined ? EVENTS : [event]) super.removeAllListeners(each)
    return this
  }

  // biome-ignore lint/suspicious/noExplicitAny: as Node types it
  override emit(event: string | symbol, ...args: any[]): boolean {
    if (event !== 'clientConnect') return super.emit(event as string, ...args)
    const [socket, writer] = args as [Client, Writer]
    return super.emit(event, socket, this.writerOf(writer, socket), sourceOf(socket))
  }

  /** Messages are not emitted: their listeners are asked for, and called one by one. */
  // biome-ignore lint/complexity/noBannedTypes: as Node types it
  override rawListeners(event: string | symbol): Function[] {
    const listeners = super.rawListeners(event)
    if (event !== 'message') return listeners
    return listeners.map((listener) => (message: Buffer, socket: Client, writer: Writer) => {
      return this.deliver(listener as Listener, message, socket, writer)
    })
  }

  /** An empty WebSocket message is none, as an empty line is not. */
  private deliver(listener: Listener, message: Buffer, socket: Client, writer: Writer): unknown {
    if (message.length === 0) return undefined
    const own = this.writerOf(writer, socket)
    const result = listener.call(this, message, socket, own, sourceOf(socket))
    return own.pending === undefined ? result : Promise.all([own.pending, result])
  }

  private allows(origin: string | undefined): boolean {
    return (origin === undefined && this.allowUndefinedOrigin) || this.validateOrigin(origin)
  }

  private writerOf(writer: Writer, socket: Client): ResponseWriter {
    let own = this.writers.get(writer)
    if (own === undefined) {
      own = new ResponseWriter(this, socket, writer)
      this.writers.set(writer, own)
    }
    return own
  }
}

function sourceOf(socket: Client): Source {
  return socket.request ?? socket
}

/** A RegExp of the core's has to match the whole; Portluck's, any part. */
function anywhere({ source, flags }: RegExp): RegExp {
  return new RegExp(`[\\s\\S]*(?:${source})[\\s\\S]*`, flags)
}
