/** The TLS alert (RFC 8446 §6.2, RFC 6066 §3) that each code leads to. */
const alerts = {
  ERR_CLIENT_HELLO_RECORD_INVALID: 10, // unexpected_message
  ERR_CLIENT_HELLO_RECORD_TOO_LARGE: 22, // record_overflow
  ERR_CLIENT_HELLO_MESSAGE_INVALID: 10, // unexpected_message
  ERR_CLIENT_HELLO_TOO_LARGE: 47, // illegal_parameter
  ERR_CLIENT_HELLO_INVALID: 50, // decode_error
  ERR_CLIENT_HELLO_EXTENSION_REPEATED: 47, // illegal_parameter
  ERR_CLIENT_HELLO_EXTENSIONS_TOO_MANY: 47, // illegal_parameter
  ERR_CLIENT_HELLO_SERVER_NAME_INVALID: 112, // unrecognized_name
} as const

/** A code of a {@link ClientHelloError}. */
export type ClientHelloErrorCode = keyof typeof alerts

/** Every code that a {@link ClientHelloError} may carry. They are stable. */
export const clientHelloErrorCodes: readonly ClientHelloErrorCode[] = Object.keys(
  alerts,
) as ClientHelloErrorCode[]

/**
 * Why a ClientHello cannot be read. `alert` is the description that a fatal alert would carry; a TLS engine that
 * is given the same bytes sends one of its own.
 */
export class ClientHelloError extends Error {
  readonly code: ClientHelloErrorCode
  readonly alert: number

  constructor(code: ClientHelloErrorCode, reason: string) {
    super('Cannot read the ClientHello: ' + reason)
    this.name = 'ClientHelloError'
    this.code = code
    this.alert = alerts[code]
  }
}
