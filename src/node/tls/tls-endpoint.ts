import { createHash, type X509Certificate } from 'node:crypto'
import type { CipherNameAndProtocol, TLSSocket } from 'node:tls'
import { type ClientHello, ja3, ja4 } from '../../sniff/index.ts'
import type { Endpoint } from '../endpoint.ts'

/** What is known of a client's TLS: what it offered, what was agreed on, and who it says it is. */
export interface TlsDetails {
  /** The version that was agreed on, such as `TLSv1.3`; `undefined` once the connection is closed, as all that was agreed on. */
  readonly version: string | undefined
  /** The name of the cipher suite, as IANA has it. */
  readonly cipher: string | undefined
  /** The server name that was asked for, in lower case. */
  readonly serverName: string | undefined
  /** The protocol that ALPN chose. */
  readonly protocol: string | undefined
  /** The protocols that the client offers by ALPN. */
  readonly offeredProtocols: readonly string[]
  /** The versions that the client offers, as on the wire: 0x0304 is TLS 1.3. */
  readonly offeredVersions: readonly number[]
  /** The fingerprints of the ClientHello; `undefined` where it could not be read. */
  readonly ja3: string | undefined
  readonly ja4: string | undefined
  /** The certificate that the client showed (with `requestCert`). */
  readonly peerCertificate: X509Certificate | undefined
  /** Whether it was issued by one of `ca`. */
  readonly authorized: boolean
  /** Why it is not authorized. */
  readonly authorizationError: string | undefined
}

/** A client over TLS: where it is, and what its handshake tells. Everything is only worked out when asked for. */
export class TlsEndpoint implements Endpoint, TlsDetails {
  readonly encrypted = true
  private readonly socket: TLSSocket
  private readonly under: Endpoint
  private readonly hello: ClientHello | undefined

  constructor(socket: TLSSocket, under: Endpoint, hello: ClientHello | undefined) {
    this.socket = socket
    this.under = under
    this.hello = hello
  }

  get proxied(): Endpoint['proxied'] {
    return this.under.proxied
  }

  get tls(): TlsDetails {
    return this
  }

  /** Node does not tell it of a session of TLS 1.2 that goes on. */
  get servername(): string | undefined {
    const { servername } = this.socket as TLSSocket & { servername?: string | false }
    return servername || this.hello?.serverName || undefined
  }

  get remoteAddress(): string | undefined {
    return this.under.remoteAddress
  }

  get remotePort(): number | undefined {
    return this.under.remotePort
  }

  get remoteFamily(): string | undefined {
    return this.under.remoteFamily
  }

  get localAddress(): string | undefined {
    return this.under.localAddress
  }

  get localPort(): number | undefined {
    return this.under.localPort
  }

  get version(): string | undefined {
    return this.socket.getProtocol() ?? undefined
  }

  get cipher(): string | undefined {
    // A socket that is closed has none, whatever its types say.
    return (this.socket.getCipher() as CipherNameAndProtocol | null)?.standardName
  }

  get serverName(): string | undefined {
    return this.servername?.toLowerCase()
  }

  get protocol(): string | undefined {
    return this.socket.alpnProtocol || undefined
  }

  get offeredProtocols(): readonly string[] {
    return this.hello?.protocols ?? []
  }

  /** Before TLS 1.3 a client offers one, and those before it (RFC 5246 §7.4.1.2). */
  get offeredVersions(): readonly number[] {
    const { hello } = this
    if (hello === undefined) return []
    return hello.versionsAt === 0 ? [hello.legacyVersion] : hello.versions
  }

  get ja3(): string | undefined {
    const md5 = (text: string) => createHash('md5').update(text, 'latin1').digest('hex')
    return this.hello && ja3(this.hello, { md5 })
  }

  get ja4(): string | undefined {
    const sha256 = (text: string) => createHash('sha256').update(text, 'latin1').digest('hex')
    return this.hello && ja4(this.hello, { protocol: 't', sha256 })
  }

  get peerCertificate(): X509Certificate | undefined {
    return this.socket.getPeerX509Certificate() ?? undefined
  }

  get authorized(): boolean {
    return this.socket.authorized
  }

  get authorizationError(): string | undefined {
    const error: unknown = this.socket.authorizationError
    return error === undefined || error === null ? undefined : String(error)
  }
}
