/** In front of everything else, a proxy says who the client is. */
import { isIPv6 } from 'node:net'
import { type ProxyHeader, ProxyHeaderReader, ProxySslClient } from '../../sniff/index.ts'
import type { Connection, Session } from '../connection.ts'
import type { Endpoint } from '../endpoint.ts'

/** RFC 8446 §5.1: what a TLS connection begins with, where the header comes inside of it. */
const TLS_HANDSHAKE = 0x16

export class ProxySession implements Session {
  private readonly connection: Connection
  private readonly reader: ProxyHeaderReader

  constructor(connection: Connection) {
    const { host, since } = connection
    this.connection = connection
    this.reader = new ProxyHeaderReader()
    connection.deadline = since + host.deadlines.period + host.settings.sniffTimeout
  }

  get held(): number {
    return this.reader.bytes
  }

  push(chunk: Buffer, pos: number, end: number): number {
    const { connection, reader } = this
    const { host } = connection
    if (reader.bytes === 0 && chunk[pos] === TLS_HANDSHAKE && connection.endpoint.tls === undefined) {
      // The header comes inside, then: there it is asked for again, and what is no TLS after all is refused.
      connection.handOn(host.sniff(connection))
      return pos
    }
    pos = reader.push(chunk, pos, end)
    const { header, error } = reader
    if (error !== null) this.refuse(error.code, error.message)
    else if (header !== null) {
      connection.endpoint = proxiedEndpoint(connection.endpoint, header)
      return host.proxied(connection, chunk, pos)
    }
    return end
  }

  finish(): void {
    if (this.reader.bytes === 0) this.connection.destroy()
    else this.refuse('ERR_PROXY_INCOMPLETE', 'Cannot read the PROXY header: the connection ended inside it')
  }

  expire(): void {
    this.connection.host.door.counters.countTimeout(this.connection.socket)
    this.refuse('ERR_PROXY_TIMEOUT', 'Cannot read the PROXY header: it is late')
  }

  drained(): void {}

  shutdown(): void {
    this.connection.destroy()
  }

  closed(): void {}

  /** Without an answer: nobody knows who is there (haproxy.org, doc/proxy-protocol.txt §2.1). */
  private refuse(code: string, message: string): void {
    const { connection } = this
    connection.host.door.counters.countRefused(connection.socket, 'refused')
    connection.cut(code, message)
  }
}

/** The client as the proxy saw it; LOCAL and UNKNOWN keep the connection's own addresses. */
function proxiedEndpoint(under: Endpoint, header: ProxyHeader): Endpoint {
  const { source, destination, tlvs } = header
  const overTls = ((tlvs.ssl?.client ?? 0) & ProxySslClient.ssl) !== 0
  const told = source !== null && destination !== null
  return {
    encrypted: under.encrypted === true || overTls,
    servername: under.servername || tlvs.authority?.toLowerCase(),
    tls: under.tls,
    remoteAddress: told ? source.address : under.remoteAddress,
    remotePort: told ? source.port : under.remotePort,
    remoteFamily: told ? familyOf(source.address) : under.remoteFamily,
    localAddress: told ? destination.address : under.localAddress,
    localPort: told ? destination.port : under.localPort,
    proxied: header,
  }
}

function familyOf(address: string): 'IPv4' | 'IPv6' {
  return isIPv6(address) ? 'IPv6' : 'IPv4'
}
