/** Senders of datagrams, and what they send. */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { until } from './serving.ts'

/** One sender, with what it was sent. */
export class Sender {
  readonly socket: Socket
  readonly received: Buffer[]
  private readonly to: { readonly port: number; readonly address: string }

  constructor(socket: Socket, port: number, address: string) {
    this.socket = socket
    this.received = []
    this.to = { port, address }
    socket.on('message', (bytes) => this.received.push(bytes))
    socket.on('error', () => {})
  }

  get port(): number {
    return this.socket.address().port
  }

  /** What it was sent, a Latin-1 text each. */
  get texts(): string[] {
    return this.received.map((bytes) => bytes.toString('latin1'))
  }

  async send(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data
    const { port, address } = this.to
    await new Promise<void>((resolve) => this.socket.send(bytes, port, address, () => resolve()))
  }

  async receives(text: string): Promise<void> {
    await until(() => this.texts.includes(text))
  }
}

export async function startSender(context: TestContext, to: number, address = '127.0.0.1'): Promise<Sender> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  socket.bind(0, address)
  await once(socket, 'listening')
  context.after(() => socket.close())
  return new Sender(socket, to, address)
}

/** Somebody else's server of datagrams. */
export interface DatagramTarget {
  readonly port: number
  readonly received: Buffer[]
  /** Where what it received came from. */
  readonly from: string[]
}

export async function startDatagramTarget(
  context: TestContext,
  answer: (bytes: Buffer, reply: (bytes: Uint8Array | string) => void) => void = () => {},
): Promise<DatagramTarget> {
  const socket = createSocket('udp4')
  const received: Buffer[] = []
  const from: string[] = []
  socket.on('message', (bytes, { address, port }) => {
    received.push(bytes)
    from.push(`${address} ${port}`)
    answer(bytes, (reply) => socket.send(reply, port, address))
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  context.after(() => socket.close())
  return { port: socket.address().port, received, from }
}

/** A STUN binding request (RFC 8489 §5). */
export const STUN = Buffer.from('000100002112a442000102030405060708090a0b', 'hex')

/** The first datagram of a QUIC connection: a source and a destination, and padding to 1,200 bytes. */
export function quicInitial(destination: string, source: string): Buffer {
  const ids = [destination, source].map((id) => [id.length, ...Buffer.from(id, 'latin1')])
  const bytes = Buffer.alloc(1_200)
  bytes.set([0xc3, 0, 0, 0, 1, ...ids.flat()])
  return bytes
}

/** A DTLS 1.2 record that begins with a ClientHello. */
export const DTLS = Buffer.from('16fefd0000000000000000000401000000', 'hex')

/** A handshake initiation of WireGuard. */
export const WIREGUARD = Buffer.concat([Buffer.of(1, 0, 0, 0), Buffer.alloc(144, 7)])
