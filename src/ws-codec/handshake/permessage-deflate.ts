/**
 * The rules of permessage-deflate (RFC 7692): what is offered, what is agreed on, and the bytes around a message's
 * DEFLATE data. Deflating and inflating themselves are the host's: the core has neither.
 *
 * A server takes the first offer that it can agree to (§5.1); an offer with a parameter that is unknown, repeated or
 * has an impossible value is declined (§7.1), and the next one is looked at. Nothing that a peer sends makes
 * anything here throw.
 */
import { WebSocketError, WebSocketErrorCode } from '../errors.ts'
import { ExtensionListReader } from './permessage-deflate-list.ts'

/** §7 */
const NAME = 'permessage-deflate'
// §7.1.2
const LEAST_BITS = 8
const MOST_BITS = 15

/** What Z_SYNC_FLUSH ends with: an empty block that is not sent (§7.2.1), and is put back to inflate (§7.2.2). */
export const DEFLATE_TAIL: Uint8Array = Uint8Array.of(0x00, 0x00, 0xff, 0xff)

/**
 * What to put behind a message to inflate it alone: the tail, then an empty block with BFINAL (RFC 1951 §3.2.3).
 * An inflater that is told that this is all comes to its end exactly here, unless the message was cut.
 */
export const DEFLATE_END: Uint8Array = Uint8Array.of(0x00, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0xff, 0xff)

/** The empty message, deflated (§7.2.3.6). */
export const DEFLATED_EMPTY: Uint8Array = Uint8Array.of(0x00)

/** What one side wants. A window of n bits has 2^n bytes. */
export interface DeflateSettings {
  /** Whether the server may refer to its earlier messages (§7.1.1.1). Default `false`. */
  readonly serverTakeover?: boolean
  /** Whether the client may refer to its earlier messages (§7.1.1.2). Default `false`. */
  readonly clientTakeover?: boolean
  /** The largest window of the server in bits, 8 to 15 (§7.1.2.1). Default 15. */
  readonly serverMaxWindowBits?: number
  /** The largest window of the client in bits, 8 to 15 (§7.1.2.2). Default 15. */
  readonly clientMaxWindowBits?: number
}

/** What both sides hold to. */
export interface DeflateAgreement {
  /** Whether each message of the server stands for itself. */
  readonly serverNoContextTakeover: boolean
  /** Whether each message of the client stands for itself. */
  readonly clientNoContextTakeover: boolean
  readonly serverMaxWindowBits: number
  readonly clientMaxWindowBits: number
  /** The value of `Sec-WebSocket-Extensions` in the server's answer. */
  readonly answer: string
}

/** The parameters of one offer or answer; bits are 0 where the parameter is absent. */
interface Parameters {
  serverNoContextTakeover: boolean
  clientNoContextTakeover: boolean
  serverMaxWindowBits: number
  clientMaxWindowBits: number
  /** `client_max_window_bits` without a value: an offer only (§7.1.2.2). */
  clientBitsOpen: boolean
}

/**
 * The server's side of the negotiation: takes the first acceptable offer. A list that is malformed anywhere (RFC 6455
 * §9.1) is declined as a whole.
 *
 * `server_max_window_bits=8` is agreed to: a host whose deflater has no window of 8 bits (zlib's has none) can keep
 * to it with matches of distance one only.
 *
 * @param offers the value of the request's `Sec-WebSocket-Extensions`
 * @returns the agreement, whose `answer` goes into the answer's `Sec-WebSocket-Extensions`; undefined: not compressed
 * @throws WebSocketError `ERR_WS_OPTION` when a window of `settings` is not 8 to 15 bits
 * @example
 * import { negotiateDeflate } from 'portmanteau/ws-codec'
 *
 * negotiateDeflate('permessage-deflate; client_max_window_bits')?.answer
 * // 'permessage-deflate; server_no_context_takeover; client_no_context_takeover'
 */
export function negotiateDeflate(
  offers: string | undefined,
  settings: DeflateSettings = {},
): DeflateAgreement | undefined {
  const wanted = resolve(settings)
  if (offers === undefined) return undefined
  const reader = new ExtensionListReader(offers)
  let agreement: DeflateAgreement | undefined
  while (reader.nextExtension()) {
    const offer = readParameters(reader, reader.name === NAME)
    if (agreement === undefined && offer !== undefined) agreement = agree(offer, wanted)
  }
  return reader.malformed ? undefined : agreement
}

/**
 * The client's offer: the value of its `Sec-WebSocket-Extensions`.
 *
 * @throws WebSocketError `ERR_WS_OPTION` when a window of `settings` is not 8 to 15 bits
 * @example
 * import { offerDeflate } from 'portmanteau/ws-codec'
 *
 * offerDeflate({ serverTakeover: true, clientTakeover: true }) // 'permessage-deflate; client_max_window_bits'
 */
export function offerDeflate(settings: DeflateSettings = {}): string {
  const { serverTakeover, clientTakeover, serverMaxWindowBits, clientMaxWindowBits } = resolve(settings)
  let offer = NAME
  if (!serverTakeover) offer += '; server_no_context_takeover'
  if (!clientTakeover) offer += '; client_no_context_takeover'
  if (serverMaxWindowBits < MOST_BITS) offer += `; server_max_window_bits=${serverMaxWindowBits}`
  offer += '; client_max_window_bits'
  return clientMaxWindowBits < MOST_BITS ? `${offer}=${clientMaxWindowBits}` : offer
}

/**
 * The client's reading of the server's answer to `offerDeflate(offered)`.
 *
 * @param answer the value of the answer's `Sec-WebSocket-Extensions`
 * @returns the agreement; undefined when the server declined; `'invalid'` when it answers what was not offered: then the
 *   connection has to be failed (RFC 6455 §9.1, RFC 7692 §7.1)
 * @throws WebSocketError `ERR_WS_OPTION` when a window of `offered` is not 8 to 15 bits
 * @example
 * import { acceptDeflate } from 'portmanteau/ws-codec'
 *
 * acceptDeflate('permessage-deflate; server_no_context_takeover') // { serverNoContextTakeover: true, … }
 * acceptDeflate('permessage-deflate') // 'invalid': the server would refer to its earlier messages
 */
export function acceptDeflate(
  answer: string | undefined,
  offered: DeflateSettings = {},
): DeflateAgreement | undefined | 'invalid' {
  const wanted = resolve(offered)
  if (answer === undefined) return undefined
  const reader = new ExtensionListReader(answer)
  if (!reader.nextExtension() || reader.name !== NAME) return 'invalid'
  const parameters = readParameters(reader, true)
  if (parameters === undefined || reader.nextExtension() || reader.malformed) return 'invalid'
  if (!answersOffer(parameters, wanted)) return 'invalid'
  return {
    serverNoContextTakeover: parameters.serverNoContextTakeover,
    clientNoContextTakeover: parameters.clientNoContextTakeover || !wanted.clientTakeover,
    serverMaxWindowBits: parameters.serverMaxWindowBits || MOST_BITS,
    clientMaxWindowBits: parameters.clientMaxWindowBits || wanted.clientMaxWindowBits,
    answer,
  }
}

/**
 * Deflated and flushed data without its tail (§7.2.1), where it lies.
 *
 * @example
 * import { withoutDeflateTail } from 'portmanteau/ws-codec'
 *
 * withoutDeflateTail(Uint8Array.of(0x02, 0x00, 0x00, 0x00, 0xff, 0xff)) // 02 00
 */
export function withoutDeflateTail(flushed: Uint8Array): Uint8Array {
  const end = flushed.length - DEFLATE_TAIL.length
  for (let index = 0; index < DEFLATE_TAIL.length; index++) {
    if (flushed[end + index] !== DEFLATE_TAIL[index]) return flushed
  }
  return flushed.subarray(0, end)
}

/** §7.1.1, §7.1.2: what we answer, and so hold to. */
function agree(offer: Parameters, wanted: Required<DeflateSettings>): DeflateAgreement | undefined {
  const clientMayBound = offer.clientBitsOpen || offer.clientMaxWindowBits > 0
  // §7.1.2.2: a client that does not offer it cannot be told to keep its window smaller.
  if (wanted.clientMaxWindowBits < MOST_BITS && !clientMayBound) return undefined
  const serverNoContextTakeover = offer.serverNoContextTakeover || !wanted.serverTakeover
  const clientNoContextTakeover = offer.clientNoContextTakeover || !wanted.clientTakeover
  const serverMaxWindowBits = Math.min(offer.serverMaxWindowBits || MOST_BITS, wanted.serverMaxWindowBits)
  const clientMaxWindowBits = Math.min(offer.clientMaxWindowBits || MOST_BITS, wanted.clientMaxWindowBits)
  let answer = NAME
  if (serverNoContextTakeover) answer += '; server_no_context_takeover'
  if (clientNoContextTakeover) answer += '; client_no_context_takeover'
  if (offer.serverMaxWindowBits > 0 || serverMaxWindowBits < MOST_BITS) {
    answer += `; server_max_window_bits=${serverMaxWindowBits}`
  }
  if (clientMaxWindowBits < MOST_BITS) answer += `; client_max_window_bits=${clientMaxWindowBits}`
  return {
    serverNoContextTakeover,
    clientNoContextTakeover,
    serverMaxWindowBits,
    clientMaxWindowBits,
    answer,
  }
}

/** Whether an answer says what it has to, and no more than what the offer allows (§7.1.1.1, §7.1.2). */
function answersOffer(answer: Parameters, wanted: Required<DeflateSettings>): boolean {
  if (answer.clientBitsOpen) return false
  if (!answer.serverNoContextTakeover && !wanted.serverTakeover) return false
  const serverBits = answer.serverMaxWindowBits || MOST_BITS
  return serverBits <= wanted.serverMaxWindowBits && answer.clientMaxWindowBits <= wanted.clientMaxWindowBits
}

/** Reads an extension's parameters to the end; undefined unless all are known, single and possible. */
function readParameters(reader: ExtensionListReader, known: boolean): Parameters | undefined {
  const parameters: Parameters = {
    serverNoContextTakeover: false,
    clientNoContextTakeover: false,
    serverMaxWindowBits: 0,
    clientMaxWindowBits: 0,
    clientBitsOpen: false,
  }
  let valid = known
  while (reader.nextParameter()) valid = valid && setParameter(parameters, reader.name, reader.value)
  return valid && !reader.malformed ? parameters : undefined
}

function setParameter(parameters: Parameters, name: string, value: string | undefined): boolean {
  switch (name) {
    case 'server_no_context_takeover':
      if (value !== undefined || parameters.serverNoContextTakeover) return false
      return (parameters.serverNoContextTakeover = true)
    case 'client_no_context_takeover':
      if (value !== undefined || parameters.clientNoContextTakeover) return false
      return (parameters.clientNoContextTakeover = true)
    case 'server_max_window_bits':
      if (parameters.serverMaxWindowBits > 0) return false
      return (parameters.serverMaxWindowBits = windowBits(value)) > 0
    case 'client_max_window_bits':
      if (parameters.clientMaxWindowBits > 0 || parameters.clientBitsOpen) return false
      if (value === undefined) return (parameters.clientBitsOpen = true)
      return (parameters.clientMaxWindowBits = windowBits(value)) > 0
    default:
      return false
  }
}

/** §7.1.2.1: a decimal number from 8 to 15 without leading zeros; 0 for everything else. */
function windowBits(value: string | undefined): number {
  switch (value) {
    case '8':
      return 8
    case '9':
      return 9
    case '10':
      return 10
    case '11':
      return 11
    case '12':
      return 12
    case '13':
      return 13
    case '14':
      return 14
    case '15':
      return 15
    default:
      return 0
  }
}

function resolve(settings: DeflateSettings): Required<DeflateSettings> {
  return {
    serverTakeover: settings.serverTakeover ?? false,
    clientTakeover: settings.clientTakeover ?? false,
    serverMaxWindowBits: readBits('serverMaxWindowBits', settings.serverMaxWindowBits),
    clientMaxWindowBits: readBits('clientMaxWindowBits', settings.clientMaxWindowBits),
  }
}

function readBits(name: string, bits: number = MOST_BITS): number {
  if (Number.isInteger(bits) && bits >= LEAST_BITS && bits <= MOST_BITS) return bits
  const message = `Cannot negotiate permessage-deflate: ${name} is ${String(bits)}, not 8 to 15`
  throw new WebSocketError(WebSocketErrorCode.option, message)
}
