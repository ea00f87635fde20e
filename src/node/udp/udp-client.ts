import type { Writable } from 'node:stream'
import type { DatagramPeer } from '../../raw/index.ts'
import { Client } from '../client/client.ts'
import type { Member } from '../connection.ts'
import type { Endpoint } from '../endpoint.ts'
import type { Outgoing } from '../outgoing.ts'
import { toBytes } from '../outgoing.ts'
import { type Data, Writer } from '../writer.ts'
import { GatheringWritable } from '../writer-streams.ts'

/** A peer and the client that it is to the application. */
export type UdpPeer = DatagramPeer<UdpClient>

/** What sends datagrams. */
export interface DatagramSender {
  /** Bytes that wait to be sent, to whomever. */
  readonly waiting: number
  readonly messageLimit: number
  /** Returns `false` when the datagram is not sent. */
  send(peer: UdpPeer, bytes: Uint8Array): boolean
  forget(peer: UdpPeer): void
}

/** The sender of datagrams as a client: each datagram is a message, and so is each answer. */
export class UdpClient implements Member {
  readonly client: Client
  readonly writer: UdpWriter
  /** Whether its messages are not wanted now: there is no way to stop a sender, so they are dropped. */
  halted: boolean

  constructor(sender: DatagramSender, peer: UdpPeer, endpoint: Endpoint) {
    this.client = new Client(endpoint, 'udp', undefined)
    this.writer = new UdpWriter(sender, peer)
    this.halted = false
    peer.value = this
  }

  get connection(): this {
    return this
  }

  send(outgoing: Outgoing): boolean {
    return this.writer.write(outgoing.bytes)
  }

  halt(): void {
    this.halted = true
  }

  unhalt(): void {
    this.halted = false
  }

  /** Another datagram has come from it: it may be sent more. */
  heard(): void {
    this.writer.settle()
  }
}

/**
 * Writes datagrams to one sender. What would exceed what an unproven address may be sent is not sent, and counted; then
 * `'drain'` comes with the next datagram from there, or with `prove`.
 */
export class UdpWriter extends Writer {
  private readonly sender: DatagramSender
  private readonly peer: UdpPeer
  /** Whether something was not sent. */
  private owing: boolean

  constructor(sender: DatagramSender, peer: UdpPeer) {
    super()
    this.sender = sender
    this.peer = peer
    this.owing = false
  }

  /** Sends one datagram. Returns `false` when it is not sent: the client is gone, or may be sent no more for now. */
  override write(data: Data): boolean {
    if (!this.peer.present) return false
    if (this.sender.send(this.peer, toBytes(data))) return true
    this.owing = true
    return false
  }

  override stream(): Writable {
    return new GatheringWritable(this, this.sender.messageLimit)
  }

  /** Forgets the client; the next datagram from there is a new one's. */
  override close(): void {
    this.sender.forget(this.peer)
  }

  override destroy(): void {
    this.close()
  }

  /**
   * The client has shown that it receives what is sent to its address (it has repeated something that it was sent): from
   * now on it may be sent any number of bytes.
   */
  override prove(): void {
    this.peer.proven = true
    this.settle()
  }

  /** @internal It may be sent more than when something was refused. */
  settle(): void {
    if (!this.writableNeedDrain) return
    this.owing = false
    this.emit('drain')
  }

  override get ended(): boolean {
    return !this.peer.present
  }

  override get writableLength(): number {
    return this.sender.waiting
  }

  override get writableNeedDrain(): boolean {
    return this.owing && this.peer.present
  }

  protected override get isGone(): boolean {
    return !this.peer.present
  }
}
