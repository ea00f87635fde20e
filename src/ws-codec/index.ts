export { CloseCode, isSendableCloseCode } from './close-codes.ts'
export { type Codec, codecOf, type Decoder } from './codec.ts'
export { FAILURES, WebSocketError, WebSocketErrorCode } from './errors.ts'
export { FrameDecoder } from './frames/decoder.ts'
export {
  encodeClose,
  encodeFrame,
  encodeFrameInto,
  encodeHeader,
} from './frames/encoder.ts'
export { frameHeaderLength, writeFrameHeader } from './frames/frame-header.ts'
export { COMPRESSED, type DecoderOptions, FIRST, type FrameSink, LAST } from './frames/frame-sink.ts'
export { HixieDecoder } from './frames/hixie-decoder.ts'
export { type AssemblerOptions, MessageAssembler, type MessageSink } from './frames/message-assembly.ts'
export { base64Length, encodeBase64 } from './handshake/base64.ts'
export type { Field } from './handshake/field-lines.ts'
export {
  type AcceptedHandshake,
  type Handshake,
  type HandshakeOptions,
  type RefusedHandshake,
  readHandshake,
  type UpgradeRequest,
} from './handshake/handshake.ts'
export {
  type AcceptOptions,
  acceptHandshake,
  acceptKey,
  answerChallenge,
} from './handshake/handshake-answer.ts'
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
} from './handshake/handshake-client.ts'
export { md5 } from './handshake/md5.ts'
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
} from './handshake/permessage-deflate.ts'
export { sha1 } from './handshake/sha1.ts'
export { mask, unmask, unmaskText } from './payload/mask.ts'
export { encodeUtf8, isUtf8, Utf8Validator, utf8Length } from './payload/utf8.ts'
export { isVersion, VERSIONS, type Version } from './versions.ts'
