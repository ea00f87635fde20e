/**
 * Datagrams on the number of the TCP port. A sender is a client while it is heard; what is recognised as a protocol that
 * has a route goes there, and everything else is a message.
 */

import { isUtf8 } from 'node:buffer'
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { classifyDatagram, type DatagramPeer, DatagramPeers, DatagramVerdict } from '../../raw/index.ts'
import type { Routes, RouteTarget } from '../door/routes.ts'
import type { Endpoint } from '../endpoint.ts'
import { PortmanteauError } from '../errors.ts'
import type { Host } from '../host.ts'
import type { Deadlined } from '../limits/deadlines.ts'
import { DatagramDuplex } from './datagram-duplex.ts'
import { type DatagramSender, UdpClient, type UdpPeer } from './udp-client.ts'
import type { UdpSettings } from './udp-options.ts'
import { openUpstream } from './upstream.ts'

/** The names of verdicts, as routes have them. */
const NAMES: readonly string[] = Object.keys(DatagramVerdict)

/** What datagrams are counted as. */
export interface UdpStats {
  received: number
  sent: number
  /** Senders that are known. */
  peers: number
  /** Datagrams from senders of which there are too many, and to clients that do not take them. */
  dropped: number
  /** Answers that were not sent: the address has proven nothing, and would get more than it may. */
  refused: number
}

export class UdpPort implements DatagramSender, Deadlined {
  deadline: number
  private readonly host: Host
  private readonly routes: Routes
  private readonly socket: Socket
  private readonly peers: DatagramPeers<UdpClient>
  /** Of peers whose datagrams go to a route. */
  private readonly routed: Map<DatagramPeer<UdpClient>, DatagramDuplex>
  private received: number
  private sent: number
  private halted: number

  /** Binds at once; `failed` is called if that is not possible. */
  constructor(
    host: Host,
    routes: Routes,
    settings: UdpSettings,
    at: { readonly address: string; readonly family: string; readonly port: number },
    failed: (error: Error) => void,
  ) {
    this.host = host
    this.routes = routes
    this.deadline = Number.POSITIVE_INFINITY
    this.routed = new Map()
    this.received = 0
    this.sent = 0
    this.halted = 0
    this.peers = new DatagramPeers(
      { peerGone: (peer) => this.peerGone(peer) },
      {
        maxPeers: settings.maxPeers,
        idleTime: settings.idleTimeout,
        amplification: settings.amplification,
      },
    )
    this.socket = createSocket({ type: at.family === 'IPv6' ? 'udp6' : 'udp4' })
    this.socket.on('error', failed)
    this.socket.on('message', (bytes, from) => this.receive(bytes, from))
    this.socket.bind(at.port, at.address)
    host.deadlines.add(this)
  }

  get waiting(): number {
    return this.socket.getSendQueueSize()
  }

  get messageLimit(): number {
    return this.host.settings.messageLimit
  }

  ref(): void {
    this.socket.ref()
  }

  unref(): void {
    this.socket.unref()
  }

  stats(): UdpStats {
    const { received, sent, peers } = this
    return {
      received,
      sent,
      peers: peers.size,
      dropped: peers.dropped + this.halted,
      refused: peers.refused,
    }
  }

  send(peer: UdpPeer, bytes: Uint8Array): boolean {
    if (this.waiting > this.host.settings.writeLimit || !this.peers.grant(peer, bytes.length)) return false
    const [address, port] = addressOf(peer)
    // Whatever becomes of it: a datagram may be lost anywhere.
    this.socket.send(bytes, port, address, () => {})
    this.sent++
    return true
  }

  forget(peer: UdpPeer): void {
    this.peers.remove(peer)
  }

  expire(): void {
    this.peers.expire(this.host.deadlines.now)
    this.schedule()
  }

  close(): void {
    this.host.deadlines.remove(this)
    for (const peer of [...this.peers.values()]) this.peers.remove(peer)
    this.socket.close()
  }

  private receive(bytes: Buffer, from: RemoteInfo): void {
    const peer = this.peers.receive(`${from.address} ${from.port}`, bytes.length, this.host.deadlines.now)
    if (peer === null) return
    this.received++
    if (peer.datagrams === 1) this.schedule()
    const verdict = classifyDatagram(bytes, 0, bytes.length, peer.verdict)
    const target = this.routes.forName(NAMES[verdict]!)
    if (target === undefined) return this.deliver(peer, bytes, from)
    peer.verdict = verdict
    this.pass(peer, bytes, from, target)
  }

  private deliver(peer: UdpPeer, message: Buffer, from: RemoteInfo): void {
    let member = peer.value
    if (member === undefined) {
      member = new UdpClient(this, peer, this.endpointOf(from))
      this.host.clientConnected(member)
    }
    if (member.halted) this.halted++
    else {
      member.client.isText = isUtf8(message)
      this.host.deliver(message, member.client, member.writer)
    }
  }

  private pass(peer: UdpPeer, datagram: Buffer, from: RemoteInfo, target: RouteTarget): void {
    let duplex = this.routed.get(peer)
    if (duplex === undefined) {
      const opened = new DatagramDuplex(this.endpointOf(from), {
        send: (bytes) => this.send(peer, bytes),
        close: () => this.peers.remove(peer),
      })
      opened.on('error', (error) => this.report(error, opened))
      duplex = opened
      this.routed.set(peer, duplex)
      this.open(duplex, target)
    }
    if (!duplex.receive(datagram)) this.halted++
  }

  private open(duplex: DatagramDuplex, target: RouteTarget): void {
    if (typeof target === 'object') openUpstream(duplex, target)
    else {
      this.host.guard(
        () => target(duplex as never),
        () => duplex.destroy(),
      )
    }
  }

  private report(error: Error, duplex: DatagramDuplex): void {
    const reported = new PortmanteauError(
      'ERR_ROUTE_UNREACHABLE',
      `Cannot forward the datagrams: ${error.message}`,
      { cause: error },
    )
    this.host.reportOf(reported, duplex)
  }

  private peerGone(peer: UdpPeer): void {
    const member = peer.value
    if (member !== undefined) {
      this.host.clientDisconnected(member)
      member.writer.emit('close')
    }
    this.routed.get(peer)?.destroy()
    this.routed.delete(peer)
  }

  private endpointOf({ address, port, family }: RemoteInfo): Endpoint {
    const local = this.socket.address()
    return {
      remoteAddress: address,
      remotePort: port,
      remoteFamily: family,
      localAddress: local.address,
      localPort: local.port,
    }
  }

  private schedule(): void {
    const { deadlines } = this.host
    this.deadline = Math.max(this.peers.deadline, deadlines.now + deadlines.period)
  }
}

function addressOf({ key }: UdpPeer): [address: string, port: number] {
  const space = key.lastIndexOf(' ')
  return [key.slice(0, space), Number(key.slice(space + 1))]
}
