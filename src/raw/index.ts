export { classifyDatagram, DatagramVerdict } from './datagram/datagram.ts'
export {
  type DatagramPeer,
  DatagramPeers,
  type DatagramPeersOptions,
  type DatagramPeersSink,
} from './datagram/datagram-peers.ts'
export { FramingError, type FramingErrorCode, framingFault, RawError, type RawErrorCode } from './errors.ts'
export { type FlashPolicyPorts, type FlashPolicyRule, flashPolicy } from './flash-policy.ts'
export type { Framing, FramingReader, MessageSink } from './framing.ts'
export { DETECTION_LIMIT, DetectingReader, detectFraming } from './framing-detection.ts'
export { createJsonFraming, JSON_DEPTH, type JsonLimits, JsonReader, jsonFraming } from './json.ts'
export {
  createLengthPrefixedFraming,
  type LengthPrefix,
  LengthPrefixedReader,
  lengthPrefixedFraming,
} from './length-prefixed.ts'
export { LineReader, lineFraming } from './line.ts'
export { NetstringReader, netstringFraming } from './netstring.ts'
export { NoneReader, noneFraming } from './none-framing.ts'
