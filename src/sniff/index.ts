export { canonicalAddress, formatAddress, parseAddress } from './address.ts'
export { AddressError, addressMatcher } from './address-matcher.ts'
export { ClientHello, isGrease } from './client-hello/client-hello.ts'
export {
  ClientHelloError,
  type ClientHelloErrorCode,
  clientHelloErrorCodes,
} from './client-hello/client-hello-error.ts'
export { type ClientHelloLimits, ClientHelloReader } from './client-hello/client-hello-reader.ts'
export type { BytePattern, Bytes, Matcher, SignatureDefinition } from './define-signature.ts'
export { defineSignature } from './define-signature.ts'
export {
  type Digest,
  type FingerprintedHello,
  type Ja4Protocol,
  ja3,
  ja3Text,
  ja4,
  ja4Text,
} from './fingerprint.ts'
export {
  type ProxyCommand,
  type ProxyEndpoint,
  type ProxyFamily,
  type ProxyHeader,
  type ProxySsl,
  ProxySslClient,
  type ProxyTlv,
  type ProxyTlvs,
  type ProxyTransport,
} from './proxy-header/proxy-header.ts'
export {
  ProxyHeaderError,
  type ProxyHeaderErrorCode,
  proxyHeaderErrorCodes,
} from './proxy-header/proxy-header-error.ts'
export { formatProxyHeader, type ProxyHeaderOptions } from './proxy-header/proxy-header-format.ts'
export { type ProxyHeaderLimits, ProxyHeaderReader } from './proxy-header/proxy-header-reader.ts'
export type { Signature } from './signature.ts'
export { MATCH, NO, OWN_VERDICT, SniffError, Verdict } from './signature.ts'
export { SignatureTable } from './signature-table.ts'
export { dns } from './signatures/dns.ts'
export { http1, http2Preface } from './signatures/http.ts'
export { knownSignatures, signatures } from './signatures/known.ts'
export { mqtt } from './signatures/mqtt.ts'
export { amqp, bittorrent, flashPolicy, redis, ssh } from './signatures/openings.ts'
export { postgresql } from './signatures/postgresql.ts'
export { proxyV1, proxyV2 } from './signatures/proxy.ts'
export { rdp } from './signatures/rdp.ts'
export { rtmp } from './signatures/rtmp.ts'
export { socks4, socks5 } from './signatures/socks.ts'
export { sslv2, tls } from './signatures/tls.ts'
export { Sniffer } from './sniffer.ts'
