import type { Codec } from './codec.ts'
import { FrameDecoder } from './frames/decoder.ts'
import { encodeClose, encodeFrame, encodeHeader } from './frames/encoder.ts'
import type { Version } from './versions.ts'

/** The frames of RFC 6455, which were the drafts' from 07 on: 7, 8 and 13 differ in their handshakes only. */
function codec(version: Version): Codec {
  return {
    version,
    hasBinary: true,
    hasPing: true,
    hasClose: true,
    hasCloseCodes: true,
    masked: true,
    createDecoder: (sink, options) => new FrameDecoder(sink, options),
    header: encodeHeader,
    trailer: new Uint8Array(0),
    frame: encodeFrame,
    close: encodeClose,
  }
}

export const RFC_6455_CODEC: Codec = codec('13')
export const HYBI_8: Codec = codec('8')
export const HYBI_7: Codec = codec('7')
