export { MAX_SESSIONS, type Opening, SessionBook } from './book.ts'
export { type Annotations, NO_ANNOTATIONS, REALM } from './coding/annotations.ts'
export { DECODER_LIMITS, type DecoderLimits, type DecoderSink, MessageDecoder } from './coding/decoder.ts'
export {
  Encoding,
  encodeDisconnect,
  encodeHandshake,
  encodeHeartbeat,
  encodeMessage,
  type MessageForm,
} from './coding/encoder.ts'
export { type DecodeText, decodeUtf8 } from './coding/utf8.ts'
export { SessionError, type SessionErrorCode, sessionErrorCodes } from './errors.ts'
export { resolveSession, type SessionOptions, type SessionSettings } from './options.ts'
export { type RequestOrigin, requestOrigin } from './origin.ts'
export {
  isSessionId,
  type RefusedSessionRequest,
  RequestKind,
  type RequestOptions,
  readSessionRequest,
  refusedBy,
  type SessionRequest,
  sessionIdOf,
} from './request.ts'
export { MAX_BODY, SendBodyReader } from './send-body.ts'
export { Session } from './session.ts'
export { type Carrier, SessionEnd, type SessionSink, SessionState } from './session-sink.ts'
export {
  type AnswerBody,
  type AnswerContext,
  answerFields,
  type SendAnswer,
  scriptString,
  sendAnswer,
  TRANSPORT_NAMES,
  type Transport,
  type TransportName,
  transportOf,
} from './transports.ts'
