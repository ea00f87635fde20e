/**
 * Three servers that read the same bytes: ours, node:http and nginx. Each answers a request that it takes with
 * 204 and a field `X-Read` that tells what it read: so answers have no bodies, whatever the method, and two servers
 * that cut the same bytes differently are found out.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import {
  type AddressInfo,
  connect,
  type NetConnectOpts,
  type Server as NetServer,
  type Socket,
} from 'node:net'
import type { TestContext } from 'node:test'
import { Server } from 'portmanteau'
import { startNginx } from './nginx.ts'

/** One of the servers. */
export interface Reader {
  readonly name: string
  readonly at: NetConnectOpts
}

/** What a server made of the bytes. */
export interface Outcome {
  /** What it read of each request that it took; `undefined`: it does not say. */
  readonly taken: readonly (Reading | undefined)[]
  /** The status with which it refused what came next; 0: it ended without one; `undefined`: neither. */
  readonly refused: number | undefined
  /** Whether it has ended its side. */
  readonly ended: boolean
}

export interface Reading {
  readonly method: string
  /** Path and query. */
  readonly path: string
  /** The body, as Latin-1. */
  readonly body: string
}

/** Sent before the bytes, on the same connection: they are a second request, which is not sniffed. */
const LEAD = Buffer.from('POST /lead HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx')

/** Ours. Every request is a message, which our own engine reads. */
export async function startOurs(t: TestContext): Promise<Reader> {
  const server = new Server({ wholeBody: true, isMessage: () => true })
  server.on('message', (message, client, writer) => {
    const { method, url } = client.request!
    writer.writeHead(204, { 'X-Read': tell(method, url, message.toString('latin1')) })
  })
  return { name: 'ours', at: await listen(t, server, () => server.shutdown({ timeout: 5 })) }
}

export async function startNode(t: TestContext): Promise<Reader> {
  const server = createServer(answer)
  // As node:http answers by itself, but behind the answers that are not out yet, which it would drop.
  server.on('clientError', (_error, socket) => {
    setImmediate(() => socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'))
  })
  return { name: 'node:http', at: await listen(t, server, () => server.close().closeAllConnections()) }
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const body = Buffer.concat(chunks).toString('latin1')
    response.writeHead(204, { 'X-Read': tell(request.method!, request.url!, body) }).end()
  })
}

async function listen(t: TestContext, server: NetServer, close: () => unknown): Promise<NetConnectOpts> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => close())
  return { port: (server.address() as AddressInfo).port, host: '127.0.0.1' }
}

/** nginx, with `backend` behind it. */
export async function startNginxBefore(t: TestContext, backend: Reader): Promise<Reader> {
  return { name: 'nginx', at: { path: await startNginx(t, (backend.at as { port: number }).port) } }
}

/** A reading as the value of a field. */
function tell(method: string, target: string, body: string): string {
  const rest = target.replace(/^https?:\/\/[^/?]*/i, '')
  const path = rest === '*' || rest.startsWith('/') ? rest : `/${rest}`
  return Buffer.from(JSON.stringify({ method, path, body })).toString('base64url')
}

/**
 * Sends the bytes and looks at what comes of them, until the server ends its side or says nothing for `quiet`
 * milliseconds: then it waits for more.
 */
export async function observe(reader: Reader, bytes: Uint8Array, quiet: number): Promise<Outcome> {
  const socket = connect({ ...reader.at, allowHalfOpen: true } as NetConnectOpts)
  let received = await leadAnswer(socket)
  const ended = await new Promise<boolean>((resolve) => {
    const silence = setTimeout(() => resolve(false), quiet)
    const end = (): void => {
      clearTimeout(silence)
      resolve(true)
    }
    socket.on('end', end).on('close', end).on('error', end)
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
      silence.refresh()
    })
    socket.write(bytes, () => silence.refresh())
  })
  socket.destroy()
  return outcomeOf(received, ended)
}

/** It has come before the bytes go out: a server that cuts the connection at them cannot take it back. */
async function leadAnswer(socket: Socket): Promise<string> {
  socket.write(LEAD)
  const closed = once(socket, 'close').then(() => ['closed'])
  const [answer] = (await Promise.race([once(socket, 'data'), closed])) as [Buffer | string]
  return answer.toString('latin1')
}

const ANSWER = /^HTTP\/1\.1 (\d{3})[^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n/

/** Takes the answers apart: a refusal is the last of them, and what a request was read as stands in its own. */
function outcomeOf(text: string, ended: boolean): Outcome {
  const taken: (Reading | undefined)[] = []
  let refused: number | undefined
  let last = ''
  for (let match = ANSWER.exec(text); match !== null; match = ANSWER.exec(text)) {
    const [head, status = '', fields = ''] = match
    text = text.slice(head.length)
    if (status === '100') continue
    last = fields
    const told = /^x-read: (\S+)/im.exec(fields)?.[1]
    if (Number(status) >= 400) {
      refused = Number(status)
      break
    }
    taken.push(told === undefined ? undefined : JSON.parse(String(Buffer.from(told, 'base64url'))))
  }
  if (taken[0]?.path === '/lead') taken.shift()
  else throw new Error(`Cannot see the lead among the answers: ${text}`)
  if (ended && refused === undefined && !/^connection: close/im.test(last)) refused = 0
  return { taken, refused, ended }
}

/** `ours` waits where the other refuses: it may be about to, at the end of the head. */
export const LATE = 'waits where the other refuses'

/** How `ours` differs from `other` where it must not: it takes what the other does not, or reads it otherwise. */
export function excess(ours: Outcome, other: Outcome): string | undefined {
  const both = Math.min(ours.taken.length, other.taken.length)
  for (let index = 0; index < both; index++) {
    if (!same(ours.taken[index], other.taken[index])) return `reads request ${index + 1} otherwise`
  }
  if (ours.taken.length <= other.taken.length) {
    if (ours.refused !== undefined || ours.ended) return undefined
    if (ours.taken.length < other.taken.length) return 'waits where the other answers'
    return other.refused === undefined ? undefined : LATE
  }
  if (other.refused !== undefined) return `takes request ${both + 1}, which the other refuses`
  return other.ended ? 'goes on where the other has ended' : 'answers where the other waits'
}

/** OPTIONS is answered without the application, and without a word about its body. */
function same(ours: Reading | undefined, other: Reading | undefined): boolean {
  if (ours === undefined || other === undefined) return (ours ?? other)?.method === 'OPTIONS'
  return ours.method === other.method && ours.path === other.path && ours.body === other.body
}
