/**
 * Messages out, in both encodings. What is written is text: the transport makes bytes of it, and batches are plain
 * concatenations. Lengths count UTF-16 units, as `length` of a JavaScript string does.
 *
 *     0.6      ~m~length~m~text    JSON ~m~length~m~~j~text    heartbeat ~m~length~m~~h~index    the first text is the id
 *     0.7pre   type:length:data,   0 disconnection, 1 message (see annotations.ts), 2 heartbeat, 3 session id
 *
 * In 0.6 a text that begins with `~j~` or `~h~` would be read as JSON or as a heartbeat. It is sent as the JSON of that
 * text, which every client turns back into it.
 */

import { SessionError } from '../errors.ts'
import { type Annotations, checkAnnotations, NO_ANNOTATIONS, writeAnnotated } from './annotations.ts'

/** The two encodings: what every published client speaks, and what the README documents. */
export const Encoding = { v06: '0.6', v07pre: '0.7pre' } as const
export type Encoding = (typeof Encoding)[keyof typeof Encoding]

/** Marks of 0.6. */
export const FRAME_MARK = '~m~'
export const JSON_MARK = '~j~'
export const HEARTBEAT_MARK = '~h~'

/** What is sent; the numbers are the types of 0.7pre. */
export const FrameType = { disconnect: 0, message: 1, heartbeat: 2, handshake: 3 } as const
export type FrameType = (typeof FrameType)[keyof typeof FrameType]

/** What one message is, besides its text. */
export interface MessageForm {
  /** The text is JSON, to be parsed by the receiver. Default false. */
  readonly json?: boolean
  /** Of 0.7pre only. Default none. */
  readonly annotations?: Annotations
}

/** One frame, before it is encoded. */
export interface Frame {
  readonly type: FrameType
  /** The message; of the others the index, the session id, or nothing. */
  readonly text: string
  readonly json: boolean
  readonly annotations: Annotations
}

/**
 * Makes the frame of a message.
 *
 * @throws {SessionError} `ERR_SESSION_ANNOTATION_INVALID`: see `checkAnnotations`
 */
export function messageFrame(text: string, form: MessageForm = {}): Frame {
  const annotations = form.annotations ?? NO_ANNOTATIONS
  checkAnnotations(annotations)
  return { type: FrameType.message, text, json: form.json === true, annotations }
}

/** Makes a frame that is no message; the text as {@link Frame} says. */
export function controlFrame(type: FrameType, text: string): Frame {
  return { type, text, json: false, annotations: NO_ANNOTATIONS }
}

/**
 * Encodes one frame. A disconnection is nothing in 0.6.
 *
 * @param withoutReturns write no CR, for a transport that cannot carry one: such a text is sent as the JSON of it
 * @throws {SessionError} `ERR_SESSION_ANNOTATION_UNSUPPORTED` if it has annotations, which 0.6 has not
 */
export function encodeFrame(frame: Frame, encoding: Encoding, withoutReturns = false): string {
  const sent = withoutReturns && frame.text.includes('\r') ? replaceReturns(frame) : frame
  return encoding === Encoding.v06 ? encode06(sent) : encode07(sent)
}

/**
 * Encodes a message.
 *
 * @example
 * import { encodeMessage } from 'portmanteau/sessions'
 *
 * encodeMessage('hello', '0.6') // '~m~5~m~hello'
 * encodeMessage('{"a":1}', '0.6', { json: true }) // '~m~10~m~~j~{"a":1}'
 * encodeMessage('Hello world', '0.7pre', { annotations: new Map([['r', 'chat']]) })
 * // '1:19:r:chat\n:Hello world,'
 */
export function encodeMessage(text: string, encoding: Encoding, form?: MessageForm): string {
  return encodeFrame(messageFrame(text, form), encoding)
}

/** Encodes a heartbeat; its index is sent back by the peer. */
export function encodeHeartbeat(index: number, encoding: Encoding): string {
  return encodeFrame(controlFrame(FrameType.heartbeat, String(index)), encoding)
}

/** Encodes the first frame that a client gets: the id of its session. */
export function encodeHandshake(id: string, encoding: Encoding): string {
  return encodeFrame(controlFrame(FrameType.handshake, id), encoding)
}

/** Encodes a forced disconnection: '' in 0.6, which has none. */
export function encodeDisconnect(encoding: Encoding): string {
  return encodeFrame(controlFrame(FrameType.disconnect, ''), encoding)
}

function encode06({ type, text, json, annotations }: Frame): string {
  if (type === FrameType.disconnect) return ''
  if (annotations.size > 0) {
    throw new SessionError(
      'ERR_SESSION_ANNOTATION_UNSUPPORTED',
      'Cannot send the message: the encoding 0.6 has no annotations',
    )
  }
  if (type === FrameType.heartbeat) return frame06(HEARTBEAT_MARK + text)
  if (json) return frame06(JSON_MARK + text)
  const marked = text.startsWith(JSON_MARK) || text.startsWith(HEARTBEAT_MARK)
  return frame06(marked ? JSON_MARK + JSON.stringify(text) : text)
}

function frame06(text: string): string {
  return FRAME_MARK + text.length + FRAME_MARK + text
}

function encode07({ type, text, json, annotations }: Frame): string {
  const data = type === FrameType.message ? writeAnnotated(text, json, annotations) : text
  return `${type}:${data.length}:${data},`
}

/** JSON has CR only as white space, where a space means the same; the JSON of a text has none. */
function replaceReturns(frame: Frame): Frame {
  const { type, text, json, annotations } = frame
  return { type, text: json ? text.replaceAll('\r', ' ') : JSON.stringify(text), json: true, annotations }
}
