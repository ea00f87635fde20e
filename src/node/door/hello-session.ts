/**
 * TLS that nobody has decrypted: reads the ClientHello, which tells where the connection goes. It goes on undecrypted to a
 * route for its server name, or for all of TLS, or is given to node:tls, in each case from its first byte.
 */
import { type ClientHello, type ClientHelloError, ClientHelloReader } from '../../sniff/index.ts'
import type { Connection, Session } from '../connection.ts'
import { KeptBytes } from './kept-bytes.ts'
import { TLS_REFUSAL } from './refusals.ts'

export class HelloSession implements Session {
  private readonly connection: Connection
  private readonly reader: ClientHelloReader
  /** Of a hello that did not come in one piece. */
  private kept: KeptBytes | undefined

  /** The deadline stays that of the sniffing. */
  constructor(connection: Connection) {
    this.connection = connection
    this.reader = new ClientHelloReader()
    this.kept = undefined
  }

  get held(): number {
    return this.kept === undefined ? 0 : this.kept.length
  }

  push(chunk: Buffer, pos: number, end: number): number {
    const { reader } = this
    if (this.mattersNot) this.decide(this.take(chunk, pos, end), null, null)
    else {
      reader.push(chunk, pos, end)
      const { hello, error } = reader
      if (hello !== null || error !== null) this.decide(this.take(chunk, pos, end), hello, error)
      else this.keep(chunk, pos, end)
    }
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

  /** Whether it is known where the connection goes, whatever the hello says. */
  private get mattersNot(): boolean {
    const { encrypts, door } = this.connection.host
    return !door.routes.looksAtServerNames && (!encrypts || door.routes.forName('tls') !== undefined)
  }

  private keep(chunk: Buffer, pos: number, end: number): void {
    this.kept ??= new KeptBytes()
    this.kept.add(chunk, pos, end)
  }

  private take(chunk: Buffer, pos: number, end: number): Buffer {
    if (this.kept === undefined) return chunk.subarray(pos, end)
    this.kept.add(chunk, pos, end)
    return this.kept.take()
  }

  private decide(first: Buffer, hello: ClientHello | null, error: ClientHelloError | null): void {
    const { connection } = this
    const { host, endpoint } = connection
    const { routes, trust } = host.door
    // A name that cannot be read might be that of a route: what another server must not see does not go on to this one.
    if (error !== null && routes.looksAtServerNames) return this.refuse(error.code, error.message)
    const target = routes.forServerName(hello === null ? '' : hello.serverName) ?? routes.forName('tls')
    if (target !== undefined) {
      // Nobody here will see the header that comes inside.
      if (trust.isOwed(endpoint)) {
        const problem = 'Cannot pass TLS on: it is from a proxy, and has no PROXY header'
        return connection.cut('ERR_PROXY_MISSING', problem)
      }
      connection.deadline = Number.POSITIVE_INFINITY
      host.sniffed(connection)
      return host.route(connection, first, target)
    }
    if (!host.encrypts) {
      return this.refuse('ERR_TLS_UNAVAILABLE', 'Cannot start TLS: the server has no certificate')
    }
    // A hello that cannot be read goes to node:tls all the same, which owes the client an alert of its own.
    hello?.detach()
    host.startTls(connection, first, hello ?? undefined)
  }

  private refuse(code: string, message: string): void {
    const { connection } = this
    connection.host.sniffed(connection)
    connection.host.door.counters.countRefused(connection.socket, 'refused')
    connection.fail(code, message)
    connection.write(TLS_REFUSAL)
    connection.linger()
  }
}
