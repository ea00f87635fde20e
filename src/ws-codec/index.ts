export { base64Length, encodeBase64 } from './base64.ts'
export { CloseCode, isSendableCloseCode } from './close-codes.ts'
export { FrameDecoder } from './decoder.ts'
export {
  encodeClose,
  encodeFrame,
  encodeFrameInto,
  frameHeaderLength,
  writeFrameHeader,
} from './encoder.ts'
export { FAILURES, WebSocketError, WebSocketErrorCode } from './errors.ts'
export { type DecoderOptions, FIRST, type FrameSink, LAST } from './frame-sink.ts'
export {
  type AcceptedHandshake,
  type AcceptOptions,
  acceptHandshake,
  acceptKey,
  type Handshake,
  type RefusedHandshake,
  readHandshake,
  type UpgradeRequest,
} from './handshake.ts'
export { mask, unmask, unmaskText } from './mask.ts'
export { MessageAssembler, type MessageSink } from './message-assembly.ts'
export { sha1 } from './sha1.ts'
export { encodeUtf8, isUtf8, Utf8Validator, utf8Length } from './utf8.ts'
