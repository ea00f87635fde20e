/**
 * One delivery of the client: the body of a POST, or a message of a WebSocket. It is read whole before anything of it is
 * reported, so that of one that cannot be read nothing is.
 *
 * A form, which jsonp-polling posts with, writes every line end as CR LF (WHATWG HTML §4.10.21.4), after the client has
 * counted its units. So CR LF is read as LF first; if the lengths do not agree with that, as it came. Only a delivery
 * with both kinds of messages, of which one had CR LF from the start, cannot be read.
 */

import { SessionError } from '../errors.ts'
import type { Annotations } from './annotations.ts'
import { type DecoderLimits, type DecoderSink, MessageDecoder } from './decoder.ts'
import { type Encoding, FrameType } from './encoder.ts'
import type { DecodeText } from './utf8.ts'

/** A frame that a client has sent. */
export interface ReceivedFrame {
  readonly type: FrameType
  /** The message, or ''. */
  readonly text: string
  readonly json: boolean
  readonly annotations: Annotations | undefined
  /** Of a heartbeat, or -1. */
  readonly index: number
}

/** What a delivery held. */
export interface Delivery {
  readonly frames: readonly ReceivedFrame[]
  /** What the decoder expected, or was shown; undefined if there was no byte. */
  readonly encoding: Encoding | undefined
}

export interface DeliveryOptions {
  readonly limits: DecoderLimits
  /** The only encoding that is read; undefined: the one that the first byte shows. */
  readonly encoding: Encoding | undefined
  readonly formNewlines: boolean
  readonly decode: DecodeText
}

const CR = 0x0d
const LF = 0x0a

/** Reads a delivery: `bytes` from `start` up to `end`. */
export function readDelivery(
  bytes: Uint8Array,
  start: number,
  end: number,
  options: DeliveryOptions,
): Delivery | SessionError {
  if (!options.formNewlines) return readFrames(bytes, start, end, options)
  const normal = withoutFormReturns(bytes, start, end)
  const read = readFrames(normal, 0, normal.length, options)
  if (!(read instanceof SessionError) || normal.length === end - start) return read
  const asItCame = readFrames(bytes, start, end, options)
  return asItCame instanceof SessionError ? read : asItCame
}

function readFrames(
  bytes: Uint8Array,
  start: number,
  end: number,
  options: DeliveryOptions,
): Delivery | SessionError {
  const collector = new Collector()
  const decoder = new MessageDecoder(collector, options.limits, options.encoding, options.decode)
  decoder.push(bytes, start, end)
  const error = decoder.end() ?? collector.error
  return error ?? { frames: collector.frames, encoding: decoder.encoding }
}

class Collector implements DecoderSink {
  readonly frames: ReceivedFrame[]
  error: SessionError | null

  constructor() {
    this.frames = []
    this.error = null
  }

  message(text: string, json: boolean, annotations: Annotations): void {
    this.frames.push({ type: FrameType.message, text, json, annotations, index: -1 })
  }

  heartbeat(index: number): void {
    this.frames.push({ type: FrameType.heartbeat, text: '', json: false, annotations: undefined, index })
  }

  disconnect(): void {
    this.frames.push({ type: FrameType.disconnect, text: '', json: false, annotations: undefined, index: -1 })
  }

  /** Ids are the server's to give. */
  handshake(): void {
    this.error = new SessionError(
      'ERR_SESSION_HANDSHAKE_UNEXPECTED',
      'Cannot read the message: a client has no session id to give',
    )
  }
}

/** A copy in which CR LF is LF. */
function withoutFormReturns(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const copy = new Uint8Array(end - start)
  let length = 0
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!
    if (byte !== CR || at + 1 === end || bytes[at + 1] !== LF) copy[length++] = byte
  }
  return copy.subarray(0, length)
}
