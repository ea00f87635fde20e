/** The ways that a request of a session can come to a server: its own HTTP/1.1, a connection of node:http, HTTP/2. */
import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, type Server as NodeHttpServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'
import type { TestContext } from 'node:test'
import { type MessageListener, Server, type ServerOptions } from '../../src/index.ts'
import { Http2Client } from './http2.ts'
import { echo, record, type Serving, serve, until } from './serving.ts'

/** An answer as far as it has come. */
export interface Answering {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  /** What has come of the body. */
  readonly body: () => string
  readonly ended: () => boolean
  /** Calls back now, and with all that comes. */
  watch(listener: () => void): void
  /** Goes away. */
  cancel(): void
}

export interface Asked {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** Breaks it off. */
  readonly signal?: AbortSignal
}

/** Sends one request; resolves once the head of its answer is there. */
export type Ask = (path: string, asked?: Asked) => Promise<Answering>

export type WireName = 'own' | 'handed' | 'http2' | 'attached'
export const WIRES: readonly WireName[] = ['own', 'handed', 'http2', 'attached']

/** A server with sessions, and how to ask it. */
export interface SessionServing extends Serving {
  readonly ask: Ask
  /** The server whose port it is, where that is another. */
  readonly httpServer?: NodeHttpServer
}

export async function serveSessions(
  context: TestContext,
  options: ServerOptions = {},
  wire: WireName = 'own',
  onMessage: MessageListener = echo,
): Promise<SessionServing> {
  const all = { sessions: true, ...options }
  if (wire === 'attached') return attach(context, all, onMessage)
  const serving = await serve(context, all, onMessage)
  const { server, port } = serving
  if (wire === 'handed') server.on('request', (_request, response) => response.end('application'))
  return { ...serving, ask: askBy(context, port, wire) }
}

function askBy(context: TestContext, port: number, wire: WireName): Ask {
  if (wire === 'http2') return http2Ask(context, port)
  return (path, asked) => askHttp(context, port, path, asked, wire === 'handed')
}

async function attach(
  context: TestContext,
  options: ServerOptions,
  onMessage: MessageListener,
): Promise<SessionServing> {
  const httpServer = createServer((_request, response) => response.end('application'))
  const server = new Server(onMessage, options)
  const recorded = record(server)
  server.attach(httpServer)
  httpServer.listen(0, '127.0.0.1')
  await once(httpServer, 'listening')
  context.after(async () => {
    await server.shutdown({ timeout: 5 })
    httpServer.closeAllConnections()
    httpServer.close()
  })
  const { port } = httpServer.address() as AddressInfo
  return { ...recorded, port, httpServer, ask: askBy(context, port, 'attached') }
}

/** Asks on a connection of its own; `handed`: one that is node:http's on the other side. */
export async function askHttp(
  context: TestContext,
  port: number,
  path: string,
  asked: Asked = {},
  handed = false,
): Promise<Answering> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  context.after(() => agent.destroy())
  // From its first request for the application on, a connection is node:http's.
  if (handed) {
    const application = await sendHttp(agent, port, '/application', {})
    await until(() => application.ended())
  }
  return sendHttp(agent, port, path, asked)
}

async function sendHttp(agent: Agent, port: number, path: string, asked: Asked): Promise<Answering> {
  const { method = asked.body === undefined ? 'GET' : 'POST', headers = {}, body } = asked
  const outgoing = request({ host: '127.0.0.1', port, path, method, headers, agent })
  asked.signal?.addEventListener('abort', () => outgoing.destroy(new Error('broken off')))
  outgoing.end(body)
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  outgoing.on('error', () => {})
  return gather(incoming, incoming.statusCode!, incoming.headers, () => outgoing.destroy())
}

function http2Ask(context: TestContext, port: number): Ask {
  const client = new Http2Client(context, port)
  return async (path, asked = {}) => {
    const { method = asked.body === undefined ? 'GET' : 'POST', headers = {}, body } = asked
    const stream = client.open({ ':method': method, ':path': path, ...headers }, body !== undefined)
    asked.signal?.addEventListener('abort', () => stream.destroy(new Error('broken off')))
    if (body !== undefined) stream.end(body)
    const [fields] = (await once(stream, 'response')) as [Record<string, unknown>]
    return gather(stream, Number(fields[':status']), fields, () => stream.close(8))
  }
}

function gather(
  stream: Readable,
  status: number,
  headers: Readonly<Record<string, unknown>>,
  cancel: () => void,
): Answering {
  const chunks: Buffer[] = []
  const listeners: (() => void)[] = []
  let ended = false
  const tell = () => {
    for (const listener of listeners) listener()
  }
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    tell()
  })
  stream.on('end', () => {
    ended = true
    tell()
  })
  stream.on('error', () => {})
  return {
    status,
    headers,
    body: () => Buffer.concat(chunks).toString(),
    ended: () => ended,
    watch(listener) {
      listeners.push(listener)
      listener()
    },
    cancel,
  }
}
