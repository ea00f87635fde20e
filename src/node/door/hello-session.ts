/**
 * TLS that nobody has decrypted: reads the ClientHello, which tells where the connection goes. It goes on undecrypted to a
 * route for its server name, or is given to node:tls, in both cases from its first byte.
 */
import { type ClientHello, ClientHelloReader } from '../../sniff/index.ts'
import type { Connection, Session } from '../connection.ts'

/** RFC 8446 §6: a fatal handshake_failure alert in a TLS 1.0 record, which every version reads. */
export const TLS_REFUSAL: Buffer = Buffer.from('15030100020228', 'hex')

export class HelloSession implements Session {
  private readonly connection: Connection
  private readonly reader: ClientHelloReader
  /** Of a hello that did not come in one piece. */
  private readonly pieces: Buffer[]
  held: number

  /** The deadline stays that of the sniffing. */
  constructor(connection: Connection) {
    this.connection = connection
    this.reader = new ClientHelloReader()
    this.pieces = []
    this.held = 0
  }

  push(chunk: Buffer, pos: number, end: number): number {
    const { reader } = this
    reader.push(chunk, pos, end)
    if (reader.hello !== null || reader.error !== null) {
      this.decide(this.take(chunk.subarray(pos, end)), reader.hello ?? undefined)
      return end
    }
    // Copied: a drip of small pieces must not hold on to large chunks.
    this.pieces.push(Buffer.from(chunk.subarray(pos, end)))
    this.held += end - pos
    return end
  }

  finish(): void {
    this.connection.destroy()
  }

  expire(): void {
    const { host } = this.connection
    host.door.counters.countTimeout(this.connection.socket)
    this.connection.cut('ERR_TLS_HANDSHAKE_TIMEOUT', 'Cannot wait any longer: the ClientHello is late')
  }

  drained(): void {}

  shutdown(): void {
    this.connection.destroy()
  }

  closed(): void {}

  private take(rest: Buffer): Buffer {
    if (this.held === 0) return rest
    this.held = 0
    return Buffer.concat([...this.pieces.splice(0), rest])
  }

  /** A hello that cannot be read goes to node:tls all the same, which owes the client an alert of its own. */
  private decide(first: Buffer, hello: ClientHello | undefined): void {
    const { connection } = this
    const { host } = connection
    const target = host.door.routes.forServerName(hello?.serverName ?? '')
    if (target !== undefined) return host.route(connection, first, target)
    if (host.encrypts) {
      hello?.detach()
      return host.startTls(connection, first, hello)
    }
    connection.fail('ERR_TLS_UNAVAILABLE', 'Cannot start TLS: the server has no certificate')
    connection.write(TLS_REFUSAL)
    connection.linger()
  }
}
