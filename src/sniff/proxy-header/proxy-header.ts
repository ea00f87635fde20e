/**
 * What a PROXY header says (haproxy.org, doc/proxy-protocol.txt, to which the sections here refer): the same for what is read
 * and what is written.
 */

/** One end of a connection. */
export interface ProxyEndpoint {
  /** Canonical (RFC 5952) where it was read; any way of writing it where it is to be written. */
  readonly address: string
  /** 0 to 65535. */
  readonly port: number
}

/** What the proxy did: it passes a client on, or has connected for itself (§2.2). */
export type ProxyCommand = 'PROXY' | 'LOCAL'
/** What the addresses are; `unspecified`: there are none, or none that are known. */
export type ProxyFamily = 'IPv4' | 'IPv6' | 'unix' | 'unspecified'
/** What the client came over: a stream, such as TCP, or datagrams. */
export type ProxyTransport = 'stream' | 'datagram' | 'unspecified'

/** What a reader gives. */
export interface ProxyHeader {
  readonly version: 1 | 2
  /** `LOCAL`: the proxy itself has connected, to see whether anybody is there (§2.2). Version 1 has `PROXY` only. */
  readonly command: ProxyCommand
  readonly family: ProxyFamily
  readonly transport: ProxyTransport
  /**
   * The client, as the proxy saw it. Null where the header does not tell (`LOCAL`, `UNKNOWN`, `unix`, `unspecified`):
   * the connection's own address is to be used then.
   */
  readonly source: ProxyEndpoint | null
  /** Where the client had connected to; null when `source` is. */
  readonly destination: ProxyEndpoint | null
  /** Empty in version 1. */
  readonly tlvs: ProxyTlvs
}

/** What version 2 may say besides (§2.2); what is not there is undefined. */
export interface ProxyTlvs {
  /** The protocol that was negotiated with the client (§2.2.1), a byte a character. */
  readonly alpn?: string | undefined
  /** The host that the client asked for, such as SNI (§2.2.2). */
  readonly authority?: string | undefined
  /** At most 128 bytes (§2.2.5). */
  readonly uniqueId?: Uint8Array | undefined
  readonly ssl?: ProxySsl | undefined
  /** The name of a network namespace (§2.2.7). */
  readonly netns?: string | undefined
  /** Whether there is a CRC32C (§2.2.3); where it was read, it was right. */
  readonly crc32c?: boolean | undefined
  /** All of other types, in their order. */
  readonly others?: readonly ProxyTlv[] | undefined
}

/** A type, 0x00 to 0xff, and a value that may mean anything. */
export interface ProxyTlv {
  readonly type: number
  readonly value: Uint8Array
}

/** TLS between the client and the proxy (§2.2.6). */
export interface ProxySsl {
  /** Bits of {@link ProxySslClient}. */
  readonly client: number
  /** 0 when the client gave a certificate and it was verified. Any 32-bit number otherwise. */
  readonly verify: number
  /** Such as `TLSv1.3`. */
  readonly version?: string | undefined
  /** Of the client's certificate. */
  readonly commonName?: string | undefined
  readonly cipher?: string | undefined
  /** What the proxy's certificate is signed with, such as `SHA256`. */
  readonly signatureAlgorithm?: string | undefined
  /** Such as `RSA2048`. */
  readonly keyAlgorithm?: string | undefined
  /** Such as `secp256r1`. */
  readonly group?: string | undefined
  /** Such as `rsa_pss_rsae_sha256`. */
  readonly signatureScheme?: string | undefined
  /** The client's certificate, DER. */
  readonly clientCertificate?: Uint8Array | undefined
  /** All of other types, in their order. */
  readonly others?: readonly ProxyTlv[] | undefined
}

/** §2.2.6: the bits of `client`. */
export const ProxySslClient = { ssl: 0x01, certificateNow: 0x02, certificateInSession: 0x04 } as const

/** §2.2: the registered types. 0xe0 to 0xef are the application's (§2.2.8). */
export const TlvType = {
  alpn: 0x01,
  authority: 0x02,
  crc32c: 0x03,
  noop: 0x04,
  uniqueId: 0x05,
  ssl: 0x20,
  netns: 0x30,
} as const

/** §2.2.6: the types inside of `ssl`. */
export const SslTlvType = {
  version: 0x21,
  commonName: 0x22,
  cipher: 0x23,
  signatureAlgorithm: 0x24,
  keyAlgorithm: 0x25,
  group: 0x26,
  signatureScheme: 0x27,
  clientCertificate: 0x28,
} as const

/** Types that may stand there once, for they have a field of their own; padding has none. */
export const knownTlvs: ReadonlySet<number> = new Set(
  Object.values(TlvType).filter((type) => type !== TlvType.noop),
)
export const knownSslTlvs: ReadonlySet<number> = new Set(Object.values(SslTlvType))

/** §2.2: what version 2 begins with; there is a NUL in it. */
export const SIGNATURE: Uint8Array = Uint8Array.of(
  0x0d,
  0x0a,
  0x0d,
  0x0a,
  0x00,
  0x0d,
  0x0a,
  0x51,
  0x55,
  0x49,
  0x54,
  0x0a,
)
/** Signature, version and command, family and transport, length. */
export const FIXED_LENGTH = 16
/** Bytes of a checksum, and of what comes before the values inside of `ssl`. */
export const CHECKSUM_LENGTH = 4
export const SSL_FIXED_LENGTH = 5
/** §2.2.5 */
export const MAX_UNIQUE_ID = 128
/** Type and length. */
export const TLV_HEADER = 3
