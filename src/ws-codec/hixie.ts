/**
 * The frames of draft-hixie-thewebsocketprotocol-75 and -76, which went out with Safari 5, Chrome 4 and iOS 4.2:
 * `00`, text in UTF-8, `FF`. There is no length, so a message that is sent in fragments is one frame all the same: the
 * first fragment brings the 00, the last one the FF.
 */
import type { Codec } from './codec.ts'
import { WebSocketError, WebSocketErrorCode } from './errors.ts'
import { checkClose, checkUncompressed } from './frames/encoder.ts'
import { HixieDecoder } from './frames/hixie-decoder.ts'

// Opcodes of RFC 6455
const CONTINUATION = 0
const TEXT = 1
const BINARY = 2
const CLOSE = 8

const START_BYTE = 0x00
const END_BYTE = 0xff
const EMPTY = new Uint8Array(0)
const TRAILER = Uint8Array.of(END_BYTE)

/** draft-hixie-thewebsocketprotocol-76 §5.3 */
const closingFrame = (): Uint8Array => Uint8Array.of(END_BYTE, 0x00)
const noFrame = (): Uint8Array => EMPTY

function header(opcode: number): Uint8Array {
  checkOpcode(opcode)
  return opcode === TEXT ? Uint8Array.of(START_BYTE) : EMPTY
}

function textFrame(
  opcode: number,
  final: boolean,
  payload: Uint8Array,
  start: number,
  end: number,
): Uint8Array {
  checkOpcode(opcode)
  const text = payload.subarray(start, end)
  if (text.includes(END_BYTE)) {
    throw new WebSocketError(WebSocketErrorCode.textInvalid, 'Cannot encode the frame: its text is not UTF-8')
  }
  const begin = opcode === TEXT ? 1 : 0
  const frame = new Uint8Array(begin + text.length + (final ? 1 : 0))
  frame.set(text, begin)
  if (final) frame[frame.length - 1] = END_BYTE
  return frame
}

function checkOpcode(opcode: number): void {
  if (opcode === TEXT || opcode === CONTINUATION) return
  if (opcode === BINARY) {
    const message = 'Cannot encode the frame: this version of the protocol has no binary messages'
    throw new WebSocketError(WebSocketErrorCode.binaryUnsupported, message)
  }
  const message = `Cannot encode the frame: this version of the protocol has none with the opcode ${opcode}`
  throw new WebSocketError(WebSocketErrorCode.opcode, message)
}

function codec(version: 'hixie-75' | 'hixie-76', closeFrame: () => Uint8Array): Codec {
  const closes = version === 'hixie-76'
  return {
    version,
    hasBinary: false,
    hasPing: false,
    hasClose: closes,
    hasCloseCodes: false,
    masked: false,
    createDecoder: (sink, options) => new HixieDecoder(sink, closes, options),
    header(opcode, _final, _length, _maskKey, compressed) {
      checkUncompressed(compressed)
      return opcode === CLOSE ? closeFrame() : header(opcode)
    },
    trailer: TRAILER,
    frame(opcode, final, payload, start, end, _maskKey, compressed) {
      checkUncompressed(compressed)
      return opcode === CLOSE ? closeFrame() : textFrame(opcode, final, payload, start, end)
    },
    close(code, reason = '') {
      checkClose(code, reason)
      return closeFrame()
    },
  }
}

export const HIXIE_76: Codec = codec('hixie-76', closingFrame)
export const HIXIE_75: Codec = codec('hixie-75', noFrame)
