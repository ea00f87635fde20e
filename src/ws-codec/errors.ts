import { CloseCode } from './close-codes.ts'

/** What can go wrong with a WebSocket, by the stable `code` that hosts and applications see. */
export const WebSocketErrorCode = {
  // Frames (RFC 6455 §5)
  reservedBit: 'ERR_WS_RESERVED_BIT',
  opcode: 'ERR_WS_OPCODE',
  controlFragmented: 'ERR_WS_CONTROL_FRAGMENTED',
  controlTooLarge: 'ERR_WS_CONTROL_TOO_LARGE',
  continuationUnexpected: 'ERR_WS_CONTINUATION_UNEXPECTED',
  continuationMissing: 'ERR_WS_CONTINUATION_MISSING',
  maskMissing: 'ERR_WS_MASK_MISSING',
  maskUnexpected: 'ERR_WS_MASK_UNEXPECTED',
  lengthInvalid: 'ERR_WS_LENGTH_INVALID',
  lengthNotMinimal: 'ERR_WS_LENGTH_NOT_MINIMAL',
  messageTooLarge: 'ERR_WS_MESSAGE_TOO_LARGE',
  tooManyFrames: 'ERR_WS_TOO_MANY_FRAMES',
  textInvalid: 'ERR_WS_TEXT_INVALID',
  closeLength: 'ERR_WS_CLOSE_LENGTH',
  closeCode: 'ERR_WS_CLOSE_CODE',
  closeReason: 'ERR_WS_CLOSE_REASON',
  compressionInvalid: 'ERR_WS_COMPRESSION_INVALID',
  binaryUnsupported: 'ERR_WS_BINARY_UNSUPPORTED',
  // Handshakes (RFC 6455 §4)
  method: 'ERR_WS_METHOD',
  httpVersion: 'ERR_WS_HTTP_VERSION',
  body: 'ERR_WS_BODY',
  upgrade: 'ERR_WS_UPGRADE',
  connection: 'ERR_WS_CONNECTION',
  version: 'ERR_WS_VERSION',
  key: 'ERR_WS_KEY',
  protocols: 'ERR_WS_PROTOCOLS',
  protocolNotOffered: 'ERR_WS_PROTOCOL_NOT_OFFERED',
  extensionNotOffered: 'ERR_WS_EXTENSION_NOT_OFFERED',
  status: 'ERR_WS_STATUS',
  accept: 'ERR_WS_ACCEPT',
  echo: 'ERR_WS_ECHO',
  field: 'ERR_WS_FIELD',
  // What the caller asks for
  option: 'ERR_WS_OPTION',
} as const
export type WebSocketErrorCode = (typeof WebSocketErrorCode)[keyof typeof WebSocketErrorCode]

/** The close code that a frame error leads to (RFC 6455 §7.4.1). */
export function closeCodeOf(code: WebSocketErrorCode): number {
  switch (code) {
    case WebSocketErrorCode.textInvalid:
    case WebSocketErrorCode.closeReason:
    case WebSocketErrorCode.compressionInvalid:
      return CloseCode.invalidPayload
    case WebSocketErrorCode.tooManyFrames:
      return CloseCode.policyViolation
    case WebSocketErrorCode.messageTooLarge:
      return CloseCode.messageTooBig
    default:
      return CloseCode.protocolError
  }
}

/** The message of each error that frames fail with, by its code. */
export const FAILURES: ReadonlyMap<string, string> = new Map<string, string>([
  [WebSocketErrorCode.reservedBit, 'Cannot read the frame: a reserved bit is set'],
  [WebSocketErrorCode.opcode, 'Cannot read the frame: its opcode is not known'],
  [WebSocketErrorCode.controlFragmented, 'Cannot read the frame: a control frame is fragmented'],
  [WebSocketErrorCode.controlTooLarge, 'Cannot read the frame: a control frame is larger than 125 bytes'],
  [WebSocketErrorCode.continuationUnexpected, 'Cannot read the frame: it continues no message'],
  [WebSocketErrorCode.continuationMissing, 'Cannot read the frame: the message before it is not finished'],
  [WebSocketErrorCode.maskMissing, 'Cannot read the frame: it is not masked'],
  [WebSocketErrorCode.maskUnexpected, 'Cannot read the frame: it is masked'],
  [WebSocketErrorCode.lengthInvalid, 'Cannot read the frame: the top bit of its length is set'],
  [WebSocketErrorCode.lengthNotMinimal, 'Cannot read the frame: its length is not in the shortest form'],
  [WebSocketErrorCode.messageTooLarge, 'Cannot read the message: it is larger than the limit'],
  [WebSocketErrorCode.tooManyFrames, 'Cannot read the message: it has more frames than the limit'],
  [WebSocketErrorCode.textInvalid, 'Cannot read the message: its text is not UTF-8'],
  [WebSocketErrorCode.compressionInvalid, 'Cannot read the message: it cannot be inflated'],
  [WebSocketErrorCode.closeLength, 'Cannot read the close frame: its code is cut off'],
  [WebSocketErrorCode.closeCode, 'Cannot read the close frame: its code must not be sent'],
  [WebSocketErrorCode.closeReason, 'Cannot read the close frame: its reason is not UTF-8'],
])

/** Thrown at the caller who asks for what must not be sent. Peers never cause it. */
export class WebSocketError extends Error {
  readonly code: WebSocketErrorCode
  /** The close code that this leads to, where it does not only go to the caller: 1002, 1007, 1008 or 1009. */
  readonly closeCode: number

  constructor(code: WebSocketErrorCode, message: string) {
    super(message)
    this.name = 'WebSocketError'
    this.code = code
    this.closeCode = closeCodeOf(code)
  }
}
