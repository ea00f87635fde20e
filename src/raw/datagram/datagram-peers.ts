/**
 * The senders of datagrams, as far as a server must know them: who is there, for how long he has been quiet, and how
 * much he may be sent.
 *
 * A datagram's source address is a claim. So the table is bounded and kept in the order in which its peers were last
 * heard: every operation is O(1), whoever sends what. Where it is full, a peer that has been quiet for the idle time
 * makes room; if there is none, the newcomer is dropped and counted, so that invented addresses cannot push out those
 * who are there. And until an address is proven it is never sent more than a multiple of what came from
 * it (RFC 9000 §8.1), in bytes of payload: nobody can be flooded by way of this server.
 *
 * The time is told with every call, in any unit; it is never read. Sending does not keep a peer: it proves nothing.
 */

import { RawError } from '../errors.ts'
import { DatagramVerdict } from './datagram.ts'

/** Where a table reports. */
export interface DatagramPeersSink<Value> {
  /** The peer is no longer in the table: idle, evicted or removed. Whatever comes from there next is a new peer's. */
  peerGone(peer: DatagramPeer<Value>): void
}

/** How a table is bounded. */
export interface DatagramPeersOptions {
  /** Peers at one time. Default 1,024. */
  readonly maxPeers?: number
  /** Time after which a quiet peer is gone, in the caller's unit. Default 60,000. */
  readonly idleTime?: number
  /** How many bytes an unproven address may be sent for each that came from it; `Infinity`: any. Default 3. */
  readonly amplification?: number
}

/** One sender of datagrams. Made by {@link DatagramPeers}; `value`, `verdict` and nothing else are the host's to set. */
export class DatagramPeer<Value> {
  /** The address, in whatever form the host names it. */
  readonly key: string
  /** Whatever the host keeps of a peer. */
  value: Value | undefined
  /** What it sent before, for `classifyDatagram`. */
  verdict: DatagramVerdict
  /** Datagrams that came from it; 1 says that it is new. */
  datagrams: number
  /** Bytes that came from it, and that were granted to it. */
  received: number
  sent: number
  lastHeard: number
  /** Whether it has shown that it receives at its address. */
  proven: boolean
  /** Whether it is still in the table. */
  present: boolean
  /** The table's: neighbours in the order in which they were last heard. */
  earlier: DatagramPeer<Value> | null
  later: DatagramPeer<Value> | null

  constructor(key: string, now: number) {
    this.key = key
    this.value = undefined
    this.verdict = DatagramVerdict.message
    this.datagrams = 0
    this.received = 0
    this.sent = 0
    this.lastHeard = now
    this.proven = false
    this.present = true
    this.earlier = null
    this.later = null
  }
}

/**
 * The table of peers.
 *
 * @throws {RawError} `ERR_RAW_OPTION` if an option is no possible value
 *
 * @example
 * import { DatagramPeers } from 'portmanteau/raw'
 *
 * const peers = new DatagramPeers<string>({ peerGone: (peer) => console.log('gone', peer.key) })
 * const peer = peers.receive('192.0.2.1 5000', 100, 0)
 * if (peer !== null) {
 *   peers.grant(peer, 300) // true: three times what came
 *   peers.grant(peer, 1) // false
 * }
 * peers.expire(60_000) // 1, and 'gone 192.0.2.1 5000'
 */
export class DatagramPeers<Value = undefined> {
  /** Datagrams that were dropped because the table was full. */
  dropped: number
  /** Answers that were not granted. */
  refused: number
  private readonly sink: DatagramPeersSink<Value>
  private readonly maxPeers: number
  private readonly idleTime: number
  private readonly amplification: number
  private readonly peers: Map<string, DatagramPeer<Value>>
  /** The ends of the list: heard the longest ago, and last. */
  private earliest: DatagramPeer<Value> | null
  private latest: DatagramPeer<Value> | null

  constructor(sink: DatagramPeersSink<Value>, options: DatagramPeersOptions = {}) {
    this.dropped = 0
    this.refused = 0
    this.sink = sink
    this.maxPeers = option('maxPeers', options.maxPeers ?? 1_024, 1)
    this.idleTime = option('idleTime', options.idleTime ?? 60_000, 0)
    this.amplification = option('amplification', options.amplification ?? 3, 0)
    this.peers = new Map()
    this.earliest = null
    this.latest = null
  }

  get size(): number {
    return this.peers.size
  }

  /** When the next peer is gone if nothing comes; `Infinity` if there is none. */
  get deadline(): number {
    return this.earliest === null ? Number.POSITIVE_INFINITY : this.earliest.lastHeard + this.idleTime
  }

  /** All peers, in the order in which they came. */
  values(): IterableIterator<DatagramPeer<Value>> {
    return this.peers.values()
  }

  /**
   * Books a datagram of `length` bytes from the peer named `key`, who is made if it is new or was idle.
   *
   * @returns the peer, or null when the table is full: the datagram is to be dropped, and is counted
   */
  receive(key: string, length: number, now: number): DatagramPeer<Value> | null {
    let peer = this.peers.get(key)
    if (peer !== undefined && this.isIdle(peer, now)) {
      this.remove(peer)
      peer = undefined
    }
    if (peer !== undefined) this.unlink(peer)
    else {
      if (!this.hasRoom(now)) {
        this.dropped++
        return null
      }
      peer = new DatagramPeer<Value>(key, now)
      this.peers.set(key, peer)
    }
    this.link(peer)
    peer.lastHeard = now
    peer.datagrams++
    peer.received += length
    return peer
  }

  /**
   * Whether the peer may be sent `length` bytes now; if so they are booked, and if not the refusal is counted.
   * A peer that is gone may not be sent anything.
   */
  grant(peer: DatagramPeer<Value>, length: number): boolean {
    if (!peer.present || length > this.budget(peer)) {
      this.refused++
      return false
    }
    peer.sent += length
    return true
  }

  /** Bytes that the peer may still be sent. */
  budget(peer: DatagramPeer<Value>): number {
    if (peer.proven || this.amplification === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY
    return Math.floor(peer.received * this.amplification) - peer.sent
  }

  /** The peer has shown, by something that it can only have been sent there, that it is at its address. */
  prove(peer: DatagramPeer<Value>): void {
    peer.proven = true
  }

  /** Takes a peer out, as when the application closes it; reports it unless it was gone. */
  remove(peer: DatagramPeer<Value>): void {
    if (!peer.present) return
    this.unlink(peer)
    this.peers.delete(peer.key)
    peer.present = false
    this.sink.peerGone(peer)
  }

  /** Takes out all who were quiet for the idle time; returns how many they were. */
  expire(now: number): number {
    let gone = 0
    for (let peer = this.earliest; peer !== null && this.isIdle(peer, now); peer = this.earliest) {
      this.remove(peer)
      gone++
    }
    return gone
  }

  private isIdle(peer: DatagramPeer<Value>, now: number): boolean {
    return now - peer.lastHeard >= this.idleTime
  }

  private hasRoom(now: number): boolean {
    const { earliest } = this
    if (this.peers.size >= this.maxPeers && earliest !== null && this.isIdle(earliest, now))
      this.remove(earliest)
    return this.peers.size < this.maxPeers
  }

  private link(peer: DatagramPeer<Value>): void {
    peer.earlier = this.latest
    peer.later = null
    if (this.latest === null) this.earliest = peer
    else this.latest.later = peer
    this.latest = peer
  }

  private unlink({ earlier, later }: DatagramPeer<Value>): void {
    if (earlier === null) this.earliest = later
    else earlier.later = later
    if (later === null) this.latest = earlier
    else later.earlier = earlier
  }
}

function option(name: string, value: number, least: number): number {
  if (typeof value === 'number' && value >= least) return value
  throw new RawError(
    'ERR_RAW_OPTION',
    `Cannot bound the peers: ${name} is ${value}, and not at least ${least}`,
  )
}
