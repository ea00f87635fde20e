/**
 * The few members that these tests use of the packages in test/interop/package.json. Declared here so that the
 * type check of the whole repository needs no install in this folder.
 */
declare module 'ws' {
  import { EventEmitter } from 'node:events'

  interface SendOptions {
    binary?: boolean
    fin?: boolean
    compress?: boolean
  }
  interface ClientOptions {
    rejectUnauthorized?: boolean
    perMessageDeflate?: boolean
    protocolVersion?: number
    origin?: string
    headers?: Record<string, string>
  }
  export default class WebSocket extends EventEmitter {
    constructor(address: string, protocols: readonly string[], options?: ClientOptions)
    constructor(address: string, options?: ClientOptions)
    readonly extensions: string
    readonly protocol: string
    readonly readyState: number
    send(data: string | Uint8Array, options?: SendOptions): void
    ping(data?: string): void
    close(code?: number, reason?: string): void
    terminate(): void
  }
  export { WebSocket }
  export class WebSocketServer extends EventEmitter {
    constructor(options: { server: object; perMessageDeflate?: { threshold: number } })
    readonly clients: Set<WebSocket>
  }
}

declare module 'ws-1' {
  import type { EventEmitter } from 'node:events'

  interface ClientOptions {
    rejectUnauthorized?: boolean
    perMessageDeflate?: boolean
    protocolVersion?: number
    origin?: string
  }
  export default class WebSocket extends EventEmitter {
    constructor(address: string, protocols: readonly string[], options?: ClientOptions)
    readonly extensions: Record<string, object>
    readonly protocol: string | undefined
    send(data: string | Uint8Array): void
    stream(next: (error: Error | null, send: (data: string, final: boolean) => void) => void): void
    ping(data?: string): void
    close(code?: number, reason?: string): void
    terminate(): void
  }
}

declare module 'websocket' {
  import { EventEmitter } from 'node:events'

  export interface Message {
    type: 'utf8' | 'binary'
    utf8Data: string
    binaryData: Buffer
  }
  export interface Connection extends EventEmitter {
    readonly protocol: string | undefined
    sendUTF(text: string): void
    sendBytes(data: Buffer): void
    ping(data: Buffer): void
    close(code?: number, reason?: string): void
    drop(): void
  }
  class WebSocketClient extends EventEmitter {
    constructor(config: {
      webSocketVersion?: number
      fragmentationThreshold?: number
      maxReceivedFrameSize?: number
      tlsOptions?: { rejectUnauthorized?: boolean }
    })
    connect(url: string, protocols: readonly string[], origin?: string): void
    abort(): void
  }
  const websocket: { client: typeof WebSocketClient }
  export default websocket
}

declare module 'permessage-deflate' {
  const extension: object
  export default extension
}

declare module 'websocket-driver' {
  import type { EventEmitter } from 'node:events'
  import type { IncomingMessage } from 'node:http'

  export interface Driver extends EventEmitter {
    readonly protocol: string | null
    readonly headers: Record<string, string | undefined>
    readonly io: NodeJS.ReadWriteStream
    addExtension(extension: object): void
    setHeader(name: string, value: string): boolean
    start(): boolean
    text(data: string): boolean
    binary(data: Uint8Array): boolean
    ping(data: string, pong: () => void): boolean
    close(reason?: string, code?: number): boolean
  }
  interface DriverOptions {
    protocols?: readonly string[]
  }
  const drivers: {
    client(url: string, options?: DriverOptions): Driver
    http(request: IncomingMessage, options?: DriverOptions): Driver
  }
  export default drivers
}

declare module 'faye-websocket' {
  import type { EventEmitter } from 'node:events'

  interface Options {
    headers?: Record<string, string>
    extensions?: readonly object[]
    tls?: { rejectUnauthorized?: boolean }
  }
  class Client extends EventEmitter {
    constructor(url: string, protocols: readonly string[], options?: Options)
    readonly protocol: string
    readonly headers: Record<string, string | undefined>
    send(data: string | Buffer): boolean
    ping(data: string, pong: () => void): boolean
    close(code?: number, reason?: string): void
  }
  const faye: { Client: typeof Client }
  export default faye
}

declare module 'playwright-core' {
  export interface ConsoleMessage {
    type(): string
    text(): string
  }
  export interface Locator {
    click(): Promise<void>
    count(): Promise<number>
    fill(text: string): Promise<void>
    first(): Locator
    filter(options: { hasText: string | RegExp }): Locator
    getAttribute(name: string): Promise<string | null>
    getByTestId(id: string): Locator
    isVisible(): Promise<boolean>
    locator(selector: string): Locator
    press(key: string): Promise<void>
    textContent(): Promise<string | null>
    allTextContents(): Promise<string[]>
    waitFor(options?: { state?: 'attached' | 'visible' | 'hidden'; timeout?: number }): Promise<void>
  }
  export interface Page {
    addInitScript(script: { content: string }): Promise<void>
    evaluate<T>(script: string): Promise<T>
    getByTestId(id: string): Locator
    goto(
      url: string,
      options?: { waitUntil: 'commit' },
    ): Promise<{ status(): number; headers(): Record<string, string> } | null>
    close(): Promise<void>
    keyboard: { press(key: string): Promise<void>; type(text: string): Promise<void> }
    locator(selector: string): Locator
    on(event: 'console', listener: (message: ConsoleMessage) => void): void
    on(event: 'pageerror', listener: (error: Error) => void): void
    on(event: 'requestfailed', listener: (request: { url(): string }) => void): void
    screenshot(options: { path: string }): Promise<unknown>
    waitForFunction(script: string): Promise<unknown>
  }
  export interface BrowserContext {
    newPage(): Promise<Page>
    close(): Promise<void>
  }
  export interface Browser {
    newContext(options?: {
      colorScheme?: 'dark' | 'light'
      ignoreHTTPSErrors?: boolean
      viewport?: { width: number; height: number }
    }): Promise<BrowserContext>
    close(): Promise<void>
  }
  export const chromium: {
    launch(options: { executablePath: string; args: string[]; timeout?: number }): Promise<Browser>
  }
}

declare module 'express' {
  import type { IncomingMessage, ServerResponse } from 'node:http'

  interface ExpressRequest {
    readonly params: Record<string, string>
    readonly query: Record<string, string>
    readonly body: string
  }
  interface ExpressResponse {
    json(value: unknown): void
    send(text: string): void
    write(text: string): void
    end(): void
    cookie(name: string, value: string): ExpressResponse
    redirect(path: string): void
    status(code: number): ExpressResponse
  }
  type Handler = (request: ExpressRequest, response: ExpressResponse) => unknown
  type ErrorHandler = (
    error: Error,
    request: ExpressRequest,
    response: ExpressResponse,
    next: unknown,
  ) => unknown
  interface Express {
    (request: IncomingMessage, response: ServerResponse): void
    get(path: string, handler: Handler): void
    all(path: string, ...handlers: Handler[]): void
    use(handler: ErrorHandler): void
  }
  const express: { (): Express; text(options: { limit: string }): Handler }
  export default express
}

declare module 'fastify' {
  import type { Server } from 'node:http'

  interface FastifyRequest {
    readonly params: Record<string, string>
    readonly query: Record<string, string>
    readonly body: string
  }
  interface FastifyReply {
    type(type: string): FastifyReply
    header(name: string, value: string | string[]): FastifyReply
    redirect(path: string): FastifyReply
    send(body: unknown): FastifyReply
  }
  type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown
  interface FastifyInstance {
    readonly server: Server
    get(path: string, handler: Handler): void
    route(route: { method: string[]; url: string; handler: Handler }): void
    ready(): Promise<void>
    close(): Promise<void>
  }
  export default function fastify(): FastifyInstance
}

declare module 'hono' {
  interface Context {
    readonly req: {
      param(name: string): string
      query(name: string): string | undefined
      text(): Promise<string>
    }
    json(value: unknown): Response
    text(text: string): Response
    body(text: string, status?: number): Response
    header(name: string, value: string, options: { append: boolean }): void
    redirect(path: string): Response
  }
  type Handler = (context: Context) => Response | Promise<Response>
  export class Hono {
    get(path: string, handler: Handler): void
    on(methods: string[], path: string, handler: Handler): void
    onError(handler: (error: Error, context: Context) => Response): void
    fetch(request: Request): Promise<Response>
  }
}

declare module '@hono/node-server' {
  import type { RequestListener } from 'node:http'

  export function getRequestListener(fetch: (request: Request) => Promise<Response>): RequestListener
}

declare module 'koa' {
  import type { IncomingMessage, RequestListener } from 'node:http'

  interface Context {
    readonly method: string
    readonly path: string
    readonly query: Record<string, string>
    readonly req: IncomingMessage
    readonly cookies: { set(name: string, value: string): void }
    type: string
    body: unknown
    redirect(path: string): void
  }
  export default class Koa {
    silent: boolean
    use(handler: (context: Context) => Promise<void>): void
    callback(): RequestListener
  }
}
