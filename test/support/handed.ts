/** Connections on which come both messages and requests for the application, which node:http reads from the first of them. */
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { MessageListener, ServerOptions } from '../../src/index.ts'
import { echo, join, type Peer, type Serving, serve } from './serving.ts'

/** How long the answer to a target with `/slow` before it takes. */
export const SLOW_MS = 40

export function post(body: string, fields = ''): string {
  return `POST / HTTP/1.1\r\nHost: a\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`
}

export function get(target = '/', fields = ''): string {
  return `GET ${target} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`
}

/** Messages are echoed; a request is answered with its target, late where that says so. */
export async function serveBoth(
  t: TestContext,
  options: ServerOptions = {},
  onMessage: MessageListener = echo,
): Promise<Serving> {
  const serving = await serve(t, options, onMessage)
  serving.server.on('request', async (request, response) => {
    if (request.url!.startsWith('/slow')) await sleep(SLOW_MS)
    response.end(`<${request.url}>`)
  })
  return serving
}

export const slowly: MessageListener = async (message, _client, writer) => {
  await sleep(SLOW_MS)
  writer.write(message)
}

/** A connection that has been handed over. */
export async function joinHanded(t: TestContext, serving: Serving): Promise<Peer> {
  const peer = await join(t, serving.port)
  await peer.send(get('/first')).receives('</first>')
  peer.received = Buffer.alloc(0)
  return peer
}
