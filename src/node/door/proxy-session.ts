/** In front of everything else, a proxy says who the client is. */
import { isIPv6 } from 'node:net'
import { type ProxyHeader, ProxyHeaderReader } from '../../sniff/index.ts'
import type { Connection, Session } from '../connection.ts'
import type { Endpoint } from '../endpoint.ts'

/** RFC 8446 §5.1: what a TLS connection begins with, where the header comes inside of it. */
const TLS_HANDSHAKE = 0x16

export class ProxySession implements Session {
  private readonly connection: Connection
  private readonly reader: ProxyHeaderReader

  constructor(connection: Connection) {
    this.connection = connection
    this.reader = new ProxyHeaderReader()
    connection.deadline = connection.since + connection.host.deadlines.period + this.timeout
  }

  private get timeout(): number {
    return this.connection.host.settings.sniffTimeout
  }

  get held(): number {
    return this.reader.bytes
  }

  push(chunk: Buffer, pos: number, end: number): number {
    const { connection, reader } = this
    const { host } = connection
    if (reader.bytes === 0 && chunk[pos] === TLS_HANDSHAKE && !connection.encrypted) {
      // The header comes inside, then: there it is asked for again.
      connection.handOn(host.sniff(connection))
      return pos
    }
    pos = reader.push(chunk, pos, end)
    if (reader.error !== null) {
      connection.cut(reader.error.code, reader.error.message)
      return end
    }
    if (reader.header !== null) {
      connection.endpoint = proxiedEndpoint(connection.endpoint, reader.header)
      host.proxied(connection)
      if (!connection.destroyed) connection.handOn(host.sniff(connection))
    }
    return pos
  }

  finish(): void {
    this.refuse('ERR_PROXY_INCOMPLETE', 'the connection ended inside it')
  }

  expire(): void {
    this.connection.host.door.counters.countTimeout(this.connection.socket)
    this.refuse('ERR_PROXY_TIMEOUT', 'it is late')
  }

  drained(): void {}

  shutdown(): void {
    this.connection.destroy()
  }

  closed(): void {}

  private refuse(code: string, problem: string): void {
    this.connection.cut(code, `Cannot read the PROXY header: ${problem}`)
  }
}

/** The client as the proxy saw it; LOCAL and UNKNOWN keep the connection's own addresses. */
function proxiedEndpoint(under: Endpoint, { source, destination }: ProxyHeader): Endpoint {
  if (source === null || destination === null) return under
  return {
    encrypted: under.encrypted,
    servername: under.servername,
    tls: under.tls,
    remoteAddress: source.address,
    remotePort: source.port,
    remoteFamily: isIPv6(source.address) ? 'IPv6' : 'IPv4',
    localAddress: destination.address,
    localPort: destination.port,
    proxied: true,
  }
}
