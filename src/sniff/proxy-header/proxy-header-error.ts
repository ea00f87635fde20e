/** Every code that a {@link ProxyHeaderError} may carry. They are stable. */
export const proxyHeaderErrorCodes = [
  'ERR_PROXY_SIGNATURE_INVALID',
  'ERR_PROXY_LINE_INVALID',
  'ERR_PROXY_LINE_TOO_LONG',
  'ERR_PROXY_VERSION_INVALID',
  'ERR_PROXY_COMMAND_INVALID',
  'ERR_PROXY_FAMILY_INVALID',
  'ERR_PROXY_LENGTH_INVALID',
  'ERR_PROXY_TOO_LARGE',
  'ERR_PROXY_ADDRESS_INVALID',
  'ERR_PROXY_PORT_INVALID',
  'ERR_PROXY_TLV_INVALID',
  'ERR_PROXY_TLV_REPEATED',
  'ERR_PROXY_TLVS_TOO_MANY',
  'ERR_PROXY_CHECKSUM_INVALID',
] as const

/** A code of a {@link ProxyHeaderError}. */
export type ProxyHeaderErrorCode = (typeof proxyHeaderErrorCodes)[number]

/**
 * Why a PROXY header cannot be read, or not be written. A connection whose header is wrong is to be cut without
 * an answer (§2.1, §2.2.3): nobody knows who is at its other end.
 */
export class ProxyHeaderError extends Error {
  readonly code: ProxyHeaderErrorCode

  constructor(code: ProxyHeaderErrorCode, message: string) {
    super(message)
    this.name = 'ProxyHeaderError'
    this.code = code
  }
}

/** For what came from a peer. */
export function unreadable(code: ProxyHeaderErrorCode, reason: string): ProxyHeaderError {
  return new ProxyHeaderError(code, 'Cannot read the PROXY header: ' + reason)
}

/** For what the application gave. */
export function unwritable(code: ProxyHeaderErrorCode, reason: string): ProxyHeaderError {
  return new ProxyHeaderError(code, 'Cannot write the PROXY header: ' + reason)
}
