import { Duplex } from 'node:stream'
import type { Endpoint } from '../endpoint.ts'

/** What a duplex of datagrams stands on. */
export interface DatagramLine {
  /** Returns `false` when the datagram is not sent. */
  send(bytes: Uint8Array): boolean
  /** The sender may be sent any number of bytes. */
  prove(): void
  close(): void
}

/** Datagrams that wait to be read; beyond, they are dropped, as anywhere on their way. */
const WAITING = 256

type Done = (error?: Error | null) => void

/**
 * The datagrams of one sender, one a read, and those to it, one a write. It ends once the sender is quiet for the idle time;
 * to end it is to forget the sender. What exceeds what an unproven address may be sent is dropped.
 *
 * @example
 * server.route('stun', (datagrams) => {
 *   datagrams.on('data', (datagram: Buffer) => datagrams.write(datagram))
 * })
 */
export class DatagramDuplex extends Duplex implements Endpoint {
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  readonly remoteFamily: string | undefined
  readonly localAddress: string | undefined
  readonly localPort: number | undefined
  private readonly line: DatagramLine

  constructor(endpoint: Endpoint, line: DatagramLine) {
    super({ objectMode: true, allowHalfOpen: false })
    this.remoteAddress = endpoint.remoteAddress
    this.remotePort = endpoint.remotePort
    this.remoteFamily = endpoint.remoteFamily
    this.localAddress = endpoint.localAddress
    this.localPort = endpoint.localPort
    this.line = line
  }

  /** Says that the sender has shown that it receives at its address: it may be sent any number of bytes from now on. */
  prove(): void {
    this.line.prove()
  }

  /** @internal Returns `false` when too many wait already. */
  receive(datagram: Buffer): boolean {
    if (this.destroyed || this.readableLength >= WAITING) return false
    this.push(datagram)
    return true
  }

  /** @internal The sender is gone: what waits can still be read. */
  leave(): void {
    if (!this.destroyed) this.push(null)
  }

  override _read(): void {}

  override _write(datagram: Uint8Array | string, _encoding: BufferEncoding, done: Done): void {
    this.line.send(typeof datagram === 'string' ? Buffer.from(datagram) : datagram)
    done()
  }

  override _final(done: Done): void {
    this.line.close()
    done()
  }

  override _destroy(error: Error | null, done: Done): void {
    this.line.close()
    done(error)
  }
}
