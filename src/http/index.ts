export {
  acceptedBodyCodings,
  type BodyCoding,
  type CodableHead,
  chooseCoding,
  markCoded,
  mayTransform,
  readContentCodings,
  varyByEncoding,
} from './accept-encoding.ts'
export {
  AnswerFraming,
  AnswerHead,
  type AnswerOptions,
  chunkHeader,
  continueAnswer,
  isBodyless,
  lastChunk,
} from './answer.ts'
export { AnswerHeadReader } from './answer-head.ts'
export { type BodyLimits, BodyReader, type BodySink } from './body.ts'
export { type CorsOptions, corsFields, type Field, type PreflightOptions, preflightFields } from './cors.ts'
export { type ErrorAnswerOptions, errorAnswer, errorAnswerText } from './error-answer.ts'
export { HttpError, type HttpErrorCode, httpErrorCodes } from './errors.ts'
export { joinFields } from './fields.ts'
export {
  type ForwardedClient,
  type ForwardedTrust,
  readForwarded,
  readXForwardedFor,
  type XForwardedFields,
} from './forwarded.ts'
export { BodyFraming } from './framing.ts'
export { type Decode, decodeLatin1, encodeLatin1 } from './latin1.ts'
export { isKnownMethod } from './methods.ts'
export { compileOrigins, type OriginPattern, sameOrigin } from './origin.ts'
export { reasonPhrases } from './reasons.ts'
export { type HeadLimits, RequestHead } from './request-head.ts'
