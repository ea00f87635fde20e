/** Servers that a door passes connections on to, and clients that say everything in one go. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import type { TestContext } from 'node:test'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { join, Peer } from './serving.ts'

/** A server that takes whatever comes. */
export interface Target {
  readonly server: Server
  readonly port: number
  /** Its connections, in their order. */
  readonly peers: Peer[]
}

/** A server behind the door; `onSocket` gets its connections, which are half-open. */
export async function startTarget(
  context: TestContext,
  onSocket: (socket: Socket) => void = () => {},
): Promise<Target> {
  const peers: Peer[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    peers.push(new Peer(socket))
    onSocket(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  context.after(() => {
    for (const { socket } of peers) socket.destroy()
    server.close()
  })
  return { server, port: (server.address() as AddressInfo).port, peers }
}

/** A port that nobody listens on. */
export async function closedPort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Sends the bytes, ends its side, and returns all that came until the server ended its own. */
export async function ask(context: TestContext, port: number, bytes: string | Uint8Array): Promise<string> {
  const peer = await join(context, port)
  peer.send(bytes).finish()
  return peer.finished()
}

/** The ClientHello of a client that is not answered. */
export function clientHello(options: ConnectionOptions = {}): Promise<Buffer> {
  return new Promise((resolve) => {
    const wire = new Duplex({ read() {}, write: (chunk: Buffer) => resolve(chunk) })
    connectTls({ ...options, socket: wire, rejectUnauthorized: false }).on('error', () => {})
  })
}

/** What each protocol that may have a route begins with, as far as it is recognised. */
export const OPENINGS: Readonly<Record<string, string>> = {
  ssh: 'SSH-2.0-OpenSSH_9.6\r\n',
  amqp: 'AMQP\x00\x00\x09\x01',
  redis: '*1\r\n$4\r\nPING\r\n',
  mqtt: '\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04test',
  bittorrent: '\x13BitTorrent protocol',
  flashPolicy: '<policy-file-request/>\x00',
  postgresql: '\x00\x00\x00\x08\x04\xd2\x16\x2f',
  rdp: '\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00',
  rtmp: '\x03\x00\x00\x00\x00\x00\x00\x00\x00rest',
  socks4: '\x04\x01\x00\x50\x7f\x00\x00\x01u\x00',
  socks5: '\x05\x01\x00',
  dns: '\x00\x1d\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01',
}

/** PROXY protocol, version 1: a client at 192.0.2.1 that has connected to 198.51.100.1. */
export const PROXY_LINE = 'PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n'
