import { Duplex } from 'node:stream'
import type { Endpoint } from '../endpoint.ts'

/** What a duplex of datagrams stands on. */
export interface DatagramLine {
  /** Returns `false` when the datagram is not sent. */
  send(bytes: Uint8Array): boolean
  close(): void
}

/** Datagrams that wait to be read; beyond, they are dropped, as anywhere on their way. */
const WAITING = 256

/** The datagrams of one sender, one a read, and those to it, one a write. */
export class DatagramDuplex extends Duplex implements Endpoint {
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  readonly remoteFamily: string | undefined
  readonly localAddress: string | undefined
  readonly localPort: number | undefined
  private readonly line: DatagramLine

  constructor(endpoint: Endpoint, line: DatagramLine) {
    super({ objectMode: true })
    this.remoteAddress = endpoint.remoteAddress
    this.remotePort = endpoint.remotePort
    this.remoteFamily = endpoint.remoteFamily
    this.localAddress = endpoint.localAddress
    this.localPort = endpoint.localPort
    this.line = line
  }

  /** Returns `false` when too many wait already. */
  receive(datagram: Buffer): boolean {
    if (this.destroyed || this.readableLength >= WAITING) return false
    this.push(datagram)
    return true
  }

  override _read(): void {}

  override _write(datagram: Uint8Array | string, _encoding: BufferEncoding, done: () => void): void {
    this.line.send(typeof datagram === 'string' ? Buffer.from(datagram) : datagram)
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.line.close()
    done(error)
  }
}
