export { base64Length, encodeBase64 } from './base64.ts'
export { CloseCode, isSendableCloseCode } from './close-codes.ts'
export { type Codec, codecOf, type Decoder } from './codec.ts'
export { FrameDecoder } from './decoder.ts'
export {
  encodeClose,
  encodeFrame,
  encodeFrameInto,
  encodeHeader,
} from './encoder.ts'
export { FAILURES, WebSocketError, WebSocketErrorCode } from './errors.ts'
export type { Field } from './field-lines.ts'
export { frameHeaderLength, writeFrameHeader } from './frame-header.ts'
export { COMPRESSED, type DecoderOptions, FIRST, type FrameSink, LAST } from './frame-sink.ts'
export {
  type AcceptedHandshake,
  type Handshake,
  type HandshakeOptions,
  type RefusedHandshake,
  readHandshake,
  type UpgradeRequest,
} from './handshake.ts'
export { type AcceptOptions, acceptHandshake, acceptKey, answerChallenge } from './handshake-answer.ts'
export {
  type AcceptedAnswer,
  type ExpectedAnswer,
  type HandshakeRequest,
  nonceBytes,
  type OpeningRequest,
  provesServer,
  type RefusedAnswer,
  readAnswer,
  requestHandshake,
  type UpgradeAnswer,
} from './handshake-client.ts'
export { HixieDecoder } from './hixie-decoder.ts'
export { mask, unmask, unmaskText } from './mask.ts'
export { md5 } from './md5.ts'
export { type AssemblerOptions, MessageAssembler, type MessageSink } from './message-assembly.ts'
export {
  acceptDeflate,
  DEFLATE_END,
  DEFLATE_TAIL,
  DEFLATED_EMPTY,
  type DeflateAgreement,
  type DeflateSettings,
  negotiateDeflate,
  offerDeflate,
  withoutDeflateTail,
} from './permessage-deflate.ts'
export { sha1 } from './sha1.ts'
export { encodeUtf8, isUtf8, Utf8Validator, utf8Length } from './utf8.ts'
export { isVersion, VERSIONS, type Version } from './versions.ts'
