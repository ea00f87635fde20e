/** What the tests of the facades have in common: servers on a port of the system's choice, and clients of theirs. */
import { once } from 'node:events'
import type { Server } from 'node:net'
import type { TestContext } from 'node:test'
import { type ConnectOptions, connect, type WebSocketClient } from '../../src/index.ts'
import { join } from './serving.ts'

/** Has it listen; it is closed when the test ends, and what is still connected is cut. */
export async function listen(t: TestContext, server: Server): Promise<number> {
  const sockets = new Set<{ destroy(): void }>()
  server.on('connection', (socket) => sockets.add(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return portOf(server)
}

export function portOf(server: { address(): unknown }): number {
  return (server.address() as { port: number }).port
}

/** A WebSocket to that port; cut when the test ends. */
export async function open(
  t: TestContext,
  port: number,
  options: ConnectOptions & { path?: string } = {},
): Promise<WebSocketClient> {
  const socket = await connect(`ws://127.0.0.1:${port}${options.path ?? '/'}`, options)
  t.after(() => socket.destroy())
  return socket
}

export interface Received {
  readonly text: string
  readonly isText: boolean
}

/** The next message. */
export async function receives(socket: WebSocketClient): Promise<Received> {
  const [message, isText] = (await once(socket, 'message')) as [Buffer, boolean]
  return { text: message.toString(), isText }
}

/** Everything that comes from now on. */
export function collect(socket: WebSocketClient): Received[] {
  const received: Received[] = []
  socket.on('message', (message, isText) => received.push({ text: message.toString(), isText }))
  return received
}

export function post(body: string, fields = ''): string {
  return `POST / HTTP/1.1\r\nHost: a\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`
}

export function get(path: string, fields = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`
}

/** Sends requests on a connection of their own, and ends it; returns all that is answered. */
export async function ask(t: TestContext, port: number, requests: string): Promise<string> {
  const peer = await join(t, port)
  return peer.finish(requests).finished()
}
