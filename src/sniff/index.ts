export { canonicalAddress, formatAddress, parseAddress } from './address.ts'
export { AddressError, addressMatcher } from './address-matcher.ts'
export { ClientHello, isGrease } from './client-hello/client-hello.ts'
export {
  ClientHelloError,
  type ClientHelloErrorCode,
  clientHelloErrorCodes,
} from './client-hello/client-hello-error.ts'
export { type ClientHelloLimits, ClientHelloReader } from './client-hello/client-hello-reader.ts'
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
export { MATCH, NO, pattern, SniffError, Verdict } from './signature.ts'
export { SignatureTable } from './signature-table.ts'
export { http1, http2Preface, signatures, tls } from './signatures.ts'
export { Sniffer } from './sniffer.ts'
