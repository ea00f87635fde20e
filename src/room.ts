/**
 * The room of the command: each message is passed to every other client, or, as an echo, back to its sender.
 * A page joins over WebSocket at `/room`, where it gets events as JSON instead of bare messages, so that it
 * can show who is there.
 */
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Client, Server, Writer } from './index.ts'

/** A client as the room's events show it. */
export interface Member {
  readonly id: string
  readonly protocol: string
  readonly version?: string
  readonly encrypted: boolean
  readonly address: string
}

/** What happens in the room. A message is `text` where it is UTF-8, else `base64`. */
export type RoomEvent =
  | { readonly event: 'join'; readonly client: Member }
  | { readonly event: 'leave'; readonly id: string }
  | {
      readonly event: 'message'
      readonly from: Member
      readonly text?: string
      readonly base64?: string
      readonly at: number
    }
  | ClientFailure

/** Something went wrong with a client, or with a connection that is none yet and has no `id`. */
export interface ClientFailure {
  readonly event: 'error'
  readonly id?: string
  readonly address: string
  readonly code: string
  readonly message: string
}

const ROOM_PATH = '/room'

const PAGE_FIELDS = {
  'Content-Type': 'text/html; charset=utf-8',
  'Cache-Control': 'no-cache',
  'Content-Security-Policy':
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self' ws: wss:; " +
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
}

const TEXT_FIELDS = { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' }

export class Room {
  private readonly server: Server
  private readonly echo: boolean
  private readonly report: (event: RoomEvent) => void
  /** The pages: clients that get events. */
  private readonly pages: Map<string, Writer>
  private readonly page: Buffer

  constructor(server: Server, echo: boolean, report: (event: RoomEvent) => void) {
    this.server = server
    this.echo = echo
    this.report = report
    this.pages = new Map()
    this.page = readFileSync(new URL('../page/index.html', import.meta.url))
    server.on('message', (message, client, writer) => this.onMessage(message, client, writer))
    server.on('clientConnect', (client, writer) => this.onConnect(client, writer))
    server.on('clientDisconnect', (client) => this.onDisconnect(client))
    server.on('clientError', (error, peer) => this.onError(error, peer))
    server.on('request', (request, response) => this.onRequest(request, response))
  }

  private onConnect(client: Client, writer: Writer): void {
    const joined: RoomEvent = { event: 'join', client: memberOf(client) }
    this.report(joined)
    this.tellPages(joined)
    if (!isPage(client)) return
    const clients = Array.from(this.server.clients.values(), memberOf)
    writer.write(JSON.stringify({ event: 'room', id: client.id, echo: this.echo, clients }))
    this.pages.set(client.id, writer)
  }

  private onDisconnect(client: Client): void {
    const left: RoomEvent = { event: 'leave', id: client.id }
    this.pages.delete(client.id)
    this.report(left)
    this.tellPages(left)
  }

  private onMessage(message: Buffer, client: Client, writer: Writer): void {
    const content = client.isText ? { text: message.toString() } : { base64: message.toString('base64') }
    const event: RoomEvent = { event: 'message', from: memberOf(client), ...content, at: Date.now() }
    this.report(event)
    if (this.echo) {
      writer.write(isPage(client) ? JSON.stringify(event) : message)
      return
    }
    this.tellPages(event)
    const except = (other: Client) => other === client || this.pages.has(other.id)
    this.server.broadcast(message, except, { binary: !client.isText })
  }

  private onError(error: Error & { code?: string }, peer: Client | Socket): void {
    const { code = 'ERR_UNKNOWN', message } = error
    const id = 'id' in peer ? { id: peer.id } : {}
    this.report({ event: 'error', ...id, address: addressOf(peer), code, message })
  }

  private onRequest({ method, url = '' }: IncomingMessage, response: ServerResponse): void {
    if (method !== 'GET' && method !== 'HEAD') {
      response
        .writeHead(405, { ...TEXT_FIELDS, Allow: 'GET, HEAD, POST, PUT, OPTIONS' })
        .end('GET for the page, POST or PUT for a message\n')
    } else if (url === '/' || url.startsWith('/?')) {
      response.writeHead(200, { ...PAGE_FIELDS, 'Content-Length': this.page.length }).end(this.page)
    } else {
      response.writeHead(404, TEXT_FIELDS).end('The page is at /\n')
    }
  }

  private tellPages(event: RoomEvent): void {
    if (this.pages.size === 0) return
    const text = JSON.stringify(event)
    this.server.broadcast(text, (client) => !this.pages.has(client.id))
  }
}

function isPage(client: Client): boolean {
  return client.protocol === 'websocket' && client.request?.url === ROOM_PATH
}

function memberOf(client: Client): Member {
  const { id, protocol, version, encrypted } = client
  return {
    id,
    protocol,
    ...(version === undefined ? {} : { version }),
    encrypted,
    address: addressOf(client),
  }
}

function addressOf({ remoteAddress = '?', remotePort = 0 }: Client | Socket): string {
  return `${hostOf(remoteAddress)}:${remotePort}`
}

/** An IPv4 client of a dual-stack socket has an IPv4-mapped address (RFC 4291 §2.5.5.2). */
function hostOf(address: string): string {
  if (address.startsWith('::ffff:') && address.includes('.')) return address.slice(7)
  return address.includes(':') ? `[${address}]` : address
}
