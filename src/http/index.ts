export {
  acceptedBodyCodings,
  type BodyCoding,
  type CodableHead,
  chooseCoding,
  markCoded,
  mayTransform,
  readContentCodings,
  varyByEncoding,
} from './answer/accept-encoding.ts'
export {
  AnswerFraming,
  AnswerHead,
  type AnswerOptions,
  chunkHeader,
  continueAnswer,
  isBodyless,
  lastChunk,
} from './answer/answer.ts'
export { AnswerHeadReader } from './answer/answer-head.ts'
export {
  type CorsOptions,
  corsFields,
  type Field,
  type PreflightOptions,
  preflightFields,
} from './answer/cors.ts'
export { type ErrorAnswerOptions, errorAnswer, errorAnswerText } from './answer/error-answer.ts'
export { reasonPhrases } from './answer/reasons.ts'
export { type BodyLimits, BodyReader, type BodySink } from './body/body.ts'
export { BodyFraming } from './body/framing.ts'
export { HttpError, type HttpErrorCode, httpErrorCodes } from './errors.ts'
export {
  type ForwardedClient,
  type ForwardedTrust,
  readForwarded,
  readXForwardedFor,
  type XForwardedFields,
} from './forwarded.ts'
export { type Decode, decodeLatin1, encodeLatin1 } from './latin1.ts'
export { compileOrigins, type OriginPattern, sameOrigin } from './origin.ts'
export { joinFields } from './request/fields.ts'
export { isKnownMethod } from './request/methods.ts'
export { type HeadLimits, RequestHead } from './request/request-head.ts'
