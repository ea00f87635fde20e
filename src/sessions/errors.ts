/** What each code leads to: the HTTP status to answer with, and the close code where the peer is a WebSocket. */
const outcomes = {
  // Messages
  ERR_SESSION_ENCODING_UNKNOWN: [400, 1002],
  ERR_SESSION_MARK_INVALID: [400, 1002],
  ERR_SESSION_TYPE_UNKNOWN: [400, 1002],
  ERR_SESSION_LENGTH_INVALID: [400, 1002],
  ERR_SESSION_END_INVALID: [400, 1002],
  ERR_SESSION_TRUNCATED: [400, 1002],
  ERR_SESSION_TEXT_INVALID: [400, 1007],
  ERR_SESSION_CONTENT_INVALID: [400, 1002],
  ERR_SESSION_HANDSHAKE_UNEXPECTED: [400, 1002],
  ERR_SESSION_ANNOTATION_INVALID: [400, 1002],
  ERR_SESSION_ANNOTATION_AMBIGUOUS: [400, 1002],
  ERR_SESSION_TOO_MANY_ANNOTATIONS: [413, 1008],
  ERR_SESSION_MESSAGE_TOO_LARGE: [413, 1009],
  ERR_SESSION_TOO_MANY_MESSAGES: [413, 1008],
  // Bodies and requests
  ERR_SESSION_BODY_INVALID: [400, 1002],
  ERR_SESSION_BODY_TOO_LARGE: [413, 1009],
  ERR_SESSION_METHOD: [405, 1002],
  ERR_SESSION_PATH_INVALID: [400, 1002],
  ERR_SESSION_ID_INVALID: [400, 1002],
  ERR_SESSION_TRANSPORT_DISABLED: [404, 1008],
  ERR_SESSION_TRANSPORT_MISMATCH: [400, 1008],
  ERR_SESSION_UNKNOWN: [404, 1008],
  ERR_SESSION_ORIGIN: [403, 1008],
  ERR_SESSION_TOO_MANY: [503, 1013],
  // The life of a session
  ERR_SESSION_HEARTBEAT_TIMEOUT: [404, 1001],
  ERR_SESSION_WRITE_LIMIT: [404, 1008],
  // What the caller asks for
  ERR_SESSION_ANNOTATION_UNSUPPORTED: [500, 1011],
  ERR_SESSION_OPTION: [500, 1011],
} as const

/** Every code that a {@link SessionError} may carry. They are stable. */
export type SessionErrorCode = keyof typeof outcomes

/** All of them. */
export const sessionErrorCodes: readonly SessionErrorCode[] = Object.keys(outcomes) as SessionErrorCode[]

/**
 * Why a message, a body or a request cannot be read, or a session has ended. `message` is one line that may be shown
 * to the peer.
 *
 * @example
 * import { SessionError } from 'portmanteau/sessions'
 *
 * const error = new SessionError('ERR_SESSION_UNKNOWN', 'Cannot find the session: it has ended, or never was')
 * error.status // 404
 */
export class SessionError extends Error {
  readonly code: SessionErrorCode
  /** The HTTP status that a request is answered with. */
  readonly status: number
  /** The close code that a WebSocket is closed with (RFC 6455 §7.4.1; 1013 is of its registry). */
  readonly closeCode: number

  constructor(code: SessionErrorCode, message: string) {
    super(message)
    this.name = 'SessionError'
    this.code = code
    this.status = outcomes[code][0]
    this.closeCode = outcomes[code][1]
  }
}

/** Checks a limit that the host sets: an integer from `least` up, or Infinity. */
export function checkLimit(name: string, value: number, least: number): number {
  if ((Number.isSafeInteger(value) || value === Number.POSITIVE_INFINITY) && value >= least) return value
  throw new SessionError(
    'ERR_SESSION_OPTION',
    `Cannot use the option ${name}: ${value} is not an integer from ${least} up`,
  )
}
