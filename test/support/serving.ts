import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import {
  type Client,
  type MessageListener,
  Server,
  type ServerOptions,
  type Writer,
} from '../../src/index.ts'
import { selfSignedCertificate } from '../../src/node/tls/self-signed.ts'

export const certificate = selfSignedCertificate()

/** A server on a free port, with what it reported; closed when the test ends. */
export interface Serving {
  readonly server: Server
  readonly port: number
  readonly log: string[]
  /** Every message, as text. */
  readonly messages: string[]
  readonly clients: { client: Client; writer: Writer }[]
  readonly errors: string[]
  /** Resolves when the condition holds. */
  until(condition: () => boolean): Promise<void>
}

export const echo: MessageListener = (message, _client, writer) => writer.write(message)

export async function serve(
  context: TestContext,
  options: ServerOptions = {},
  onMessage: MessageListener = echo,
): Promise<Serving> {
  const server = new Server(onMessage, options)
  const serving = record(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  context.after(() => server.shutdown({ timeout: 5 }))
  return { ...serving, port: (server.address() as AddressInfo).port }
}

export function record(server: Server): Omit<Serving, 'port'> {
  const log: string[] = []
  const messages: string[] = []
  const clients: Serving['clients'] = []
  const errors: string[] = []
  server.on('clientConnect', (client, writer) => {
    log.push(`connect ${client.protocol}`)
    clients.push({ client, writer })
  })
  server.on('clientDisconnect', (client) => log.push(`disconnect ${client.protocol}`))
  server.on('clientError', (error) => {
    log.push(`error ${error.code}`)
    errors.push(String(error.code))
  })
  server.on('message', (message) => messages.push(message.toString('latin1')))
  return { server, log, messages, clients, errors, until }
}

/** Polls: what is waited for has no event of its own. Fails after twenty seconds, for machines that have other things to do. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`Waited in vain for ${condition}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** The other end of a connection. */
export class Peer {
  readonly socket: Socket
  private chunks: Buffer[] = []
  /** Bytes that were received. */
  length = 0
  ended = false
  closed = false
  error: string | undefined

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk) => {
      this.chunks.push(chunk)
      this.length += chunk.length
    })
    socket.on('end', () => {
      this.ended = true
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error = error.code
    })
    socket.on('close', () => {
      this.closed = true
    })
  }

  /** All that was received; a test may empty it. */
  get received(): Buffer {
    if (this.chunks.length !== 1) this.chunks = [Buffer.concat(this.chunks)]
    return this.chunks[0]!
  }

  set received(bytes: Buffer) {
    this.chunks = [bytes]
    this.length = bytes.length
  }

  get text(): string {
    return this.received.toString('latin1')
  }

  /** Sends bytes; strings as Latin-1. */
  send(data: string | Uint8Array): this {
    this.socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data)
    return this
  }

  /** Ends this side. */
  finish(data?: string): this {
    if (data !== undefined) this.send(data)
    this.socket.end()
    return this
  }

  /** Waits until what was received ends with, or contains, `text`. */
  async receives(text: string): Promise<string> {
    await until(() => this.text.includes(text) || this.closed)
    if (!this.text.includes(text))
      throw new Error(`Closed without ${JSON.stringify(text)}: ${JSON.stringify(this.text)}`)
    return this.text
  }

  /** Waits until the server has ended its side; returns all that was received. */
  async finished(): Promise<string> {
    await until(() => this.ended || this.closed)
    return this.text
  }
}

export async function join(context: TestContext, port: number): Promise<Peer> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  context.after(() => socket.destroy())
  const peer = new Peer(socket)
  await once(socket, 'connect')
  return peer
}

export async function joinTls(
  context: TestContext,
  port: number,
  options: ConnectionOptions = {},
): Promise<Peer> {
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
  context.after(() => socket.destroy())
  const peer = new Peer(socket)
  await once(socket, 'secureConnect')
  return peer
}
