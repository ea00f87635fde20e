/** The status that each code leads to (RFC 9110 §15); 500 where the application erred, not the peer. */
const statuses = {
  ERR_HTTP_LINE_END_INVALID: 400,
  ERR_HTTP_METHOD_INVALID: 400,
  ERR_HTTP_METHOD_TOO_LONG: 501,
  ERR_HTTP_METHOD_UNSUPPORTED: 501,
  ERR_HTTP_TARGET_INVALID: 400,
  ERR_HTTP_REQUEST_LINE_TOO_LONG: 414,
  ERR_HTTP_VERSION_INVALID: 400,
  ERR_HTTP_VERSION_UNSUPPORTED: 505,
  ERR_HTTP_FIELD_NAME_INVALID: 400,
  ERR_HTTP_FIELD_VALUE_INVALID: 400,
  ERR_HTTP_FIELD_FOLDED: 400,
  ERR_HTTP_FIELDS_TOO_LARGE: 431,
  ERR_HTTP_FIELDS_TOO_MANY: 431,
  ERR_HTTP_HOST_MISSING: 400,
  ERR_HTTP_HOST_REPEATED: 400,
  ERR_HTTP_HOST_INVALID: 400,
  ERR_HTTP_CONTENT_LENGTH_INVALID: 400,
  ERR_HTTP_CONTENT_LENGTH_REPEATED: 400,
  ERR_HTTP_TRANSFER_ENCODING_INVALID: 400,
  ERR_HTTP_TRANSFER_CODING_UNKNOWN: 501,
  ERR_HTTP_FRAMING_AMBIGUOUS: 400,
  ERR_HTTP_EXPECTATION_UNKNOWN: 417,
  ERR_HTTP_BODY_TOO_LARGE: 413,
  ERR_HTTP_CHUNK_SIZE_INVALID: 400,
  ERR_HTTP_CHUNK_END_INVALID: 400,
  ERR_HTTP_CHUNK_EXTENSION_INVALID: 400,
  ERR_HTTP_CHUNK_EXTENSIONS_TOO_LARGE: 413,
  ERR_HTTP_TRAILER_FORBIDDEN: 400,
  ERR_HTTP_ANSWER_STATUS_INVALID: 500,
  ERR_HTTP_ANSWER_REASON_INVALID: 500,
  ERR_HTTP_ANSWER_NAME_INVALID: 500,
  ERR_HTTP_ANSWER_VALUE_INVALID: 500,
  ERR_HTTP_ANSWER_FRAMING_RESERVED: 500,
  ERR_HTTP_ANSWER_LENGTH_INVALID: 500,
  ERR_HTTP_ORIGIN_PATTERN_INVALID: 500,
} as const

/** A code of an {@link HttpError}. */
export type HttpErrorCode = keyof typeof statuses

/** Every code that an {@link HttpError} may carry. They are stable. */
export const httpErrorCodes: readonly HttpErrorCode[] = Object.keys(statuses) as HttpErrorCode[]

/**
 * Why a request cannot be read, or an answer not be written. `message` is one line that may be shown to
 * the peer, `status` the answer it leads to, after which the connection must be closed: where the next
 * request would begin is not known.
 *
 * @example
 * import { HttpError } from 'portmanteau/http'
 *
 * const error = new HttpError('ERR_HTTP_HOST_MISSING', 'Cannot read the request: Host is missing')
 * // error.status is 400
 */
export class HttpError extends Error {
  readonly code: HttpErrorCode
  readonly status: number

  constructor(code: HttpErrorCode, message: string) {
    super(message)
    this.name = 'HttpError'
    this.code = code
    this.status = statuses[code]
  }
}
