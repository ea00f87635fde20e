/**
 * The transports: in what form the server's batches reach each kind of client. A batch is a concatenation of encoded
 * frames; what is written here is text, which the host sends as UTF-8.
 *
 * A polling transport answers one request with one batch, and an empty one after the longest wait. A streaming one answers
 * once, with what opens the stream, and then writes batches; for the WebSockets a batch is the text of one message.
 *
 * Nothing that a batch holds can end what surrounds it. In script it is a JSON string without `<`, `>` and `&`, and without
 * U+2028 and U+2029, which end a line of JavaScript but not of JSON. Between the boundaries of a multipart answer it stands
 * bare: so the boundary must be one that nobody can guess. In an event stream it may have no CR, which `encodeFrame` sees to.
 */
import type { Field } from '../http/index.ts'
import { SessionError } from './errors.ts'

/** A transport, by the name that it has in paths. */
export type TransportName =
  | 'websocket'
  | 'flashsocket'
  | 'htmlfile'
  | 'xhr-multipart'
  | 'xhr-polling'
  | 'jsonp-polling'
  | 'server-events'

/** How a transport's answer is delimited: frames of a WebSocket, Content-Length, chunks, or the connection's end. */
export type AnswerBody = 'frames' | 'length' | 'chunked' | 'close'

/** What an answer is written with, besides the batch. */
export interface AnswerContext {
  readonly sessionId: string
  /** Which callback of the page is called, from the request's path; -1 where there is none. */
  readonly jsonpIndex: number
  /** What separates the parts of a multipart answer: unguessable, `[A-Za-z0-9_-]` up to 60 characters, or ''. */
  readonly boundary: string
}

/** One way to reach a client. */
export interface Transport {
  readonly name: TransportName
  /** Each batch is an answer of its own, and the client asks for the next. */
  readonly polling: boolean
  /** Clients come back to their session by themselves; others open a new one. */
  readonly comesBack: boolean
  readonly body: AnswerBody
  /** The page reads the answer itself, so that one of another origin needs the CORS fields and preflights. */
  readonly crossOrigin: boolean
  /** A batch must have no CR (see `encodeFrame`). */
  readonly withoutReturns: boolean
  /** What the client posts went through a form, which writes each line end as CR LF. */
  readonly formNewlines: boolean
  /** The answer's Content-Type; '' for the WebSockets. */
  contentType(context: AnswerContext): string
  /** What goes before the first batch of a stream. */
  opening(context: AnswerContext): string
  /** One batch, as it is written; '' is the empty answer to a poll. */
  batch(payload: string, context: AnswerContext): string
}

/** Internet Explorer shows nothing of a page before it has this much. */
const PADDING = ' '.repeat(244)

const nothing = (): string => ''
const bare = (payload: string): string => payload

const socket = {
  polling: false,
  comesBack: false,
  body: 'frames',
  crossOrigin: false,
  withoutReturns: false,
  formNewlines: false,
  contentType: nothing,
  opening: nothing,
  batch: bare,
} as const

const websocket: Transport = { name: 'websocket', ...socket }
const flashsocket: Transport = { name: 'flashsocket', ...socket }

const htmlfile: Transport = {
  name: 'htmlfile',
  polling: false,
  comesBack: false,
  body: 'chunked',
  // The iframe calls its parent, which browsers allow within one origin only.
  crossOrigin: false,
  withoutReturns: false,
  formNewlines: false,
  contentType: () => 'text/html; charset=UTF-8',
  opening: () => '<html><body>' + PADDING,
  batch: (payload) => `<script>parent.s._(${scriptString(payload)}, document);</script>`,
}

const xhrMultipart: Transport = {
  name: 'xhr-multipart',
  polling: false,
  comesBack: false,
  body: 'close',
  crossOrigin: true,
  withoutReturns: false,
  formNewlines: false,
  contentType: (context) => `multipart/x-mixed-replace;boundary="${boundaryOf(context)}"`,
  // Line ends are LF, as the only browsers that ever read this were sent them.
  opening: (context) => `--${boundaryOf(context)}\n`,
  batch: (payload, context) => `Content-Type: text/plain\n\n${payload}\n--${boundaryOf(context)}\n`,
}

const xhrPolling: Transport = {
  name: 'xhr-polling',
  polling: true,
  comesBack: true,
  body: 'length',
  crossOrigin: true,
  withoutReturns: false,
  formNewlines: false,
  contentType: () => 'text/plain; charset=UTF-8',
  opening: nothing,
  batch: bare,
}

const jsonpPolling: Transport = {
  name: 'jsonp-polling',
  polling: true,
  comesBack: true,
  body: 'length',
  crossOrigin: false,
  withoutReturns: false,
  formNewlines: true,
  contentType: () => 'text/javascript; charset=UTF-8',
  opening: nothing,
  batch: (payload, context) => `io.JSONP[${callbackIndex(context)}]._(${scriptString(payload)});`,
}

/**
 * WHATWG HTML §9.2. The id goes first, in an event without data, which browsers remember and do not dispatch: an
 * EventSource that connects again names it as Last-Event-ID.
 */
const serverEvents: Transport = {
  name: 'server-events',
  polling: false,
  comesBack: true,
  body: 'chunked',
  crossOrigin: true,
  withoutReturns: true,
  formNewlines: false,
  contentType: () => 'text/event-stream',
  opening: (context) => `id: ${context.sessionId}\n\n`,
  batch: (payload) => `data: ${payload.replaceAll('\n', '\ndata: ')}\n\n`,
}

/** A Map, since the peer chooses the name. */
const transports: ReadonlyMap<string, Transport> = new Map(
  [websocket, flashsocket, htmlfile, xhrMultipart, xhrPolling, jsonpPolling, serverEvents].map((each) => [
    each.name,
    each,
  ]),
)

/** Every transport, in the order in which clients prefer them. */
export const TRANSPORT_NAMES: readonly TransportName[] = [...transports.values()].map(({ name }) => name)

/** The transport of that name, or undefined. */
export function transportOf(name: string): Transport | undefined {
  return transports.get(name)
}

/**
 * The fields of a poll's or a stream's answer; none for the WebSockets. The CORS fields, and those that frame the answer,
 * are the host's to add.
 *
 * @throws {SessionError} `ERR_SESSION_OPTION` if a boundary is needed that is none
 * @example
 * import { answerFields, transportOf } from 'portmanteau/sessions'
 *
 * const context = { sessionId: 'x', jsonpIndex: -1, boundary: '' }
 * answerFields(transportOf('xhr-polling')!, context)
 * // [['Content-Type', 'text/plain; charset=UTF-8'], ['Cache-Control', 'no-store'], …]
 */
export function answerFields(transport: Transport, context: AnswerContext): Field[] {
  const type = transport.contentType(context)
  if (type === '') return []
  // No proxy may keep, transform or, as far as it can be told, gather what is meant for now.
  if (transport.polling) return plainFields(type, 'no-store')
  return [...plainFields(type, 'no-store, no-transform'), ['X-Accel-Buffering', 'no']]
}

/** The answer to a `send` that was read. */
export interface SendAnswer {
  readonly status: number
  readonly fields: Field[]
  readonly body: string
}

/** Makes the answer to a `send`: the same for every transport. */
export function sendAnswer(): SendAnswer {
  return { status: 200, fields: plainFields('text/plain; charset=UTF-8', 'no-store'), body: 'ok' }
}

function plainFields(type: string, cache: string): Field[] {
  return [
    ['Content-Type', type],
    ['Cache-Control', cache],
    ['X-Content-Type-Options', 'nosniff'],
  ]
}

/**
 * A text as a string of JavaScript that may stand in a script element.
 *
 * @example
 * import { scriptString } from 'portmanteau/sessions'
 *
 * scriptString('</script>') // '"\\u003c/script\\u003e"'
 */
export function scriptString(text: string): string {
  return JSON.stringify(text).replace(/[<>&\u2028\u2029]/g, escapeUnit)
}

function escapeUnit(unit: string): string {
  return '\\u' + unit.charCodeAt(0).toString(16).padStart(4, '0')
}

function callbackIndex({ jsonpIndex }: AnswerContext): number {
  if (Number.isSafeInteger(jsonpIndex) && jsonpIndex >= 0) return jsonpIndex
  throw new SessionError('ERR_SESSION_OPTION', `Cannot call the page back: ${jsonpIndex} is no index`)
}

/** RFC 2046 §5.1.1, without the characters that would need care inside quotes. */
function boundaryOf({ boundary }: AnswerContext): string {
  if (/^[A-Za-z0-9_-]{1,60}$/.test(boundary)) return boundary
  throw new SessionError('ERR_SESSION_OPTION', `Cannot use the boundary: ${JSON.stringify(boundary)} is none`)
}
