/** What can go wrong in this folder: what a peer did (a code, at its sink), and what a caller asked for (thrown). */

/** Codes that a reader may fail with. They are stable. */
export const FramingError = {
  /** A message is larger than the limit. */
  messageTooLarge: 'ERR_MESSAGE_TOO_LARGE',
  /** The stream has ended inside a message. */
  messageIncomplete: 'ERR_MESSAGE_INCOMPLETE',
  /** The bytes cannot be a message. For framings of one's own: those here say which rule was broken. */
  messageInvalid: 'ERR_MESSAGE_INVALID',
  /** A byte that no JSON text has at its place. */
  jsonInvalid: 'ERR_JSON_INVALID',
  /** A JSON value is nested deeper than the limit. */
  jsonTooDeep: 'ERR_JSON_TOO_DEEP',
  /** A length that is no number, or no comma behind the bytes. */
  netstringInvalid: 'ERR_NETSTRING_INVALID',
} as const
/** A code that a reader fails with. */
export type FramingErrorCode = (typeof FramingError)[keyof typeof FramingError]

/**
 * What a failure means, as one line that may be shown to the peer.
 *
 * @param limit what bounds a message, in bytes
 *
 * @example
 * import { FramingError, framingFault } from 'portmanteau/raw'
 *
 * framingFault(FramingError.messageTooLarge, 1024) // 'Cannot read the message: it is over 1024 bytes'
 */
export function framingFault(code: FramingErrorCode, limit: number): string {
  switch (code) {
    case FramingError.messageTooLarge:
      return `Cannot read the message: it is over ${limit} bytes`
    case FramingError.messageIncomplete:
      return 'Cannot read the message: the stream ended inside it'
    case FramingError.jsonInvalid:
      return 'Cannot read the message: it is not JSON'
    case FramingError.jsonTooDeep:
      return 'Cannot read the message: its JSON is nested too deep'
    case FramingError.netstringInvalid:
      return 'Cannot read the message: it is not a netstring'
    default:
      return 'Cannot read the message: it is malformed'
  }
}

/** Codes of {@link RawError}. They are stable. */
export type RawErrorCode = 'ERR_RAW_OPTION' | 'ERR_LENGTH_PREFIX_TOO_SMALL' | 'ERR_FLASH_POLICY_INVALID'

/** Thrown at the caller who asks for what cannot be. Peers never cause it. */
export class RawError extends Error {
  readonly code: RawErrorCode

  constructor(code: RawErrorCode, message: string) {
    super(message)
    this.name = 'RawError'
    this.code = code
  }
}
