/**
 * Datagrams on the number of the TCP port. A sender is a client while it is heard; what is recognised as a protocol that
 * has a route goes there, and everything else is a message.
 */
import { isUtf8 } from 'node:buffer'
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { classifyDatagram, type DatagramPeer, DatagramPeers, DatagramVerdict } from '../../raw/index.ts'
import { DATAGRAMS, type RouteTarget } from '../door/routes.ts'
import type { Endpoint } from '../endpoint.ts'
import { PortmanteauError } from '../errors.ts'
import type { Host } from '../host.ts'
import type { Deadlined } from '../limits/deadlines.ts'
import { AddressProof } from './address-proof.ts'
import { DatagramDuplex } from './datagram-duplex.ts'
import { type DatagramSender, UdpClient, type UdpPeer } from './udp-client.ts'
import type { UdpSettings } from './udp-options.ts'
import { openUpstream } from './upstream.ts'

/** The names of verdicts, as routes have them. */
const NAMES: readonly string[] = Object.keys(DatagramVerdict)

/** RFC 791, RFC 768: what is left of a packet of 65,535 bytes behind the headers. */
const LARGEST = 65_507

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
  /** What the system could not receive, once the port was open. */
  faults: number
}

/** A sender whose datagrams go to a route. */
interface Routed {
  readonly duplex: DatagramDuplex
  readonly proof: AddressProof
}

export class UdpPort implements DatagramSender, Deadlined {
  deadline: number
  private readonly host: Host
  private readonly socket: Socket
  private readonly peers: DatagramPeers<UdpClient>
  private readonly routed: Map<DatagramPeer<UdpClient>, Routed>
  private readonly failed: (error: Error) => void
  private open: boolean
  private closed: boolean
  private received: number
  private sent: number
  private halted: number
  private faults: number

  /** Binds at once; `failed` is called if that is not possible. */
  constructor(
    host: Host,
    settings: UdpSettings,
    at: { readonly address: string; readonly family: string; readonly port: number },
    failed: (error: Error) => void,
  ) {
    this.host = host
    this.failed = failed
    this.open = false
    this.closed = false
    this.deadline = Number.POSITIVE_INFINITY
    this.routed = new Map()
    this.received = 0
    this.sent = 0
    this.halted = 0
    this.faults = 0
    this.peers = new DatagramPeers(
      { peerGone: (peer) => this.peerGone(peer) },
      {
        maxPeers: settings.maxPeers,
        idleTime: settings.idleTimeout,
        amplification: settings.amplification,
      },
    )
    this.socket = createSocket({ type: at.family === 'IPv6' ? 'udp6' : 'udp4' })
    this.socket.on('error', (error) => this.fail(error))
    this.socket.on('listening', () => {
      this.open = true
    })
    this.socket.on('message', (bytes, from) => this.receive(bytes, from))
    this.socket.bind(at.port, at.address)
    host.deadlines.add(this)
  }

  get waiting(): number {
    return this.closed ? 0 : this.socket.getSendQueueSize()
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
    const { received, sent, faults, peers } = this
    const dropped = peers.dropped + this.halted
    return { received, sent, peers: peers.size, dropped, refused: peers.refused, faults }
  }

  send(peer: UdpPeer, bytes: Uint8Array): boolean {
    const [address, port] = addressOf(peer)
    // RFC 768: whoever has no port expects no answer.
    if (port === 0 || bytes.length > LARGEST || this.waiting > this.host.settings.writeLimit) return false
    if (!this.peers.grant(peer, bytes.length)) return false
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
    this.closed = true
    this.socket.close()
  }

  /** What goes wrong later is nothing that the server could not go on with. */
  private fail(error: Error): void {
    if (this.open) this.faults++
    else this.failed(error)
  }

  private receive(bytes: Buffer, from: RemoteInfo): void {
    const peer = this.peers.receive(`${from.address} ${from.port}`, bytes.length, this.host.deadlines.now)
    if (peer === null) return
    this.received++
    if (peer.datagrams === 1) this.schedule()
    const routed = this.routed.get(peer) ?? this.routeOf(peer, bytes, from)
    if (routed === undefined) return this.deliver(peer, bytes, from)
    if (!peer.proven && routed.proof.received(bytes)) peer.proven = true
    if (!routed.duplex.receive(bytes)) this.halted++
  }

  /** The first datagram that is recognised decides for all of its sender: later ones need not be recognisable. */
  private routeOf(peer: UdpPeer, bytes: Buffer, from: RemoteInfo): Routed | undefined {
    const verdict = classifyDatagram(bytes, 0, bytes.length)
    const name = NAMES[verdict]!
    const target = DATAGRAMS.has(name) ? this.host.door.routes.forName(name) : undefined
    if (target === undefined) return undefined
    peer.verdict = verdict
    return this.openRoute(peer, from, target)
  }

  private deliver(peer: UdpPeer, message: Buffer, from: RemoteInfo): void {
    let member = peer.value
    if (member === undefined) {
      member = new UdpClient(this, peer, this.endpointOf(from))
      this.host.clientConnected(member)
    }
    const { client, writer } = member
    const owed = writer.writableNeedDrain
    if (member.halted) this.halted++
    else {
      client.isText = isUtf8(message)
      this.host.deliver(message, client, writer)
    }
    // The answer to this one goes first.
    if (owed) this.host.guard(() => member.heard())
  }

  private openRoute(peer: UdpPeer, from: RemoteInfo, target: RouteTarget): Routed {
    const proof = new AddressProof(peer.verdict)
    const duplex = new DatagramDuplex(this.endpointOf(from), {
      send: (bytes) => {
        if (!this.send(peer, bytes)) return false
        if (!peer.proven) proof.sent(bytes)
        return true
      },
      prove: () => this.peers.prove(peer),
      close: () => this.peers.remove(peer),
    })
    const routed = { duplex, proof }
    this.routed.set(peer, routed)
    duplex.on('error', (error) => this.report(error, duplex))
    this.lead(duplex, target)
    return routed
  }

  private lead(duplex: DatagramDuplex, target: RouteTarget): void {
    if (typeof target === 'object') return openUpstream(duplex, target)
    this.host.guard(
      () => target(duplex as never),
      () => duplex.destroy(),
    )
  }

  private report(error: Error, duplex: DatagramDuplex): void {
    const message = `Cannot forward the datagrams: ${error.message}`
    this.host.reportOf(new PortmanteauError('ERR_ROUTE_UNREACHABLE', message, { cause: error }), duplex)
  }

  private peerGone(peer: UdpPeer): void {
    const member = peer.value
    if (member !== undefined) {
      this.host.clientDisconnected(member)
      this.host.guard(() => member.writer.emit('close'))
    }
    this.routed.get(peer)?.duplex.leave()
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
