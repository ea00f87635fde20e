/** The fields that say how long a request is and what becomes of its connection, read from their bytes. */
import { COMMA, characterClass, DIGIT, HTAB, matchesFolded, SEMICOLON, SP, TOKEN } from '../characters.ts'

/** How a body is delimited (RFC 9112 §6). */
export const BodyFraming = { none: 0, length: 1, chunked: 2 } as const
export type BodyFraming = (typeof BodyFraming)[keyof typeof BodyFraming]

/** Content-Length = 1*DIGIT (RFC 9110 §8.6), at most 2^53-1; -1 for anything else. */
export function readContentLength(bytes: Uint8Array, start: number, end: number): number {
  if (start === end) return -1
  let length = 0
  for (let at = start; at < end; at++) {
    if ((characterClass[bytes[at]!]! & DIGIT) === 0) return -1
    length = length * 10 + (bytes[at]! - 0x30)
    if (length > Number.MAX_SAFE_INTEGER) return -1
  }
  return length
}

/** What the Transfer-Encoding fields so far amount to. */
export const Codings = {
  none: 0,
  /** `chunked`, and nothing else. */
  chunked: 1,
  /** Codings that are not known, `chunked` not among them. */
  unknown: 2,
  /** Codings that are not known, and then `chunked`. */
  unknownThenChunked: 3,
  invalid: 4,
} as const
export type Codings = (typeof Codings)[keyof typeof Codings]

/**
 * Goes on with one more Transfer-Encoding field (RFC 9112 §6.1, §7). Empty list elements, which RFC 9110
 * §5.6.1.2 has a recipient ignore, are invalid here: parsers differ in them, and no client sends them.
 */
export function readCodings(bytes: Uint8Array, start: number, end: number, before: Codings): Codings {
  let codings = before
  let at = start
  for (;;) {
    const comma = elementEnd(bytes, at, end)
    codings = nextCoding(codings, bytes, skipSpace(bytes, at, comma), trimSpace(bytes, at, comma))
    if (comma === end) return codings
    at = comma + 1
  }
}

function nextCoding(before: Codings, bytes: Uint8Array, start: number, end: number): Codings {
  let at = start
  while (at < end && (characterClass[bytes[at]!]! & TOKEN) !== 0) at++
  const hasParameters = at < end && (bytes[at] === SEMICOLON || bytes[at] === SP || bytes[at] === HTAB)
  if (at === start || (at < end && !hasParameters)) return Codings.invalid
  // Whatever follows `chunked` was not meant for it: it must be the last coding, and only once.
  if (before !== Codings.none && before !== Codings.unknown) return Codings.invalid
  if (at - start !== 7 || !matchesFolded(bytes, start, 'chunked')) return Codings.unknown
  // RFC 9112 §7.1: chunked has no parameters, their presence is an error.
  if (hasParameters) return Codings.invalid
  return before === Codings.none ? Codings.chunked : Codings.unknownThenChunked
}

/** Bits of {@link readConnection}. */
export const CLOSE = 1
export const KEEP_ALIVE = 2
export const UPGRADE = 4

/** The connection options that matter, of one Connection field (RFC 9110 §7.6.1); others are ignored. */
export function readConnection(bytes: Uint8Array, start: number, end: number): number {
  let options = 0
  let at = start
  for (;;) {
    const comma = elementEnd(bytes, at, end)
    options |= connectionOption(bytes, skipSpace(bytes, at, comma), trimSpace(bytes, at, comma))
    if (comma === end) return options
    at = comma + 1
  }
}

function connectionOption(bytes: Uint8Array, start: number, end: number): number {
  switch (end - start) {
    case 5:
      return matchesFolded(bytes, start, 'close') ? CLOSE : 0
    case 7:
      return matchesFolded(bytes, start, 'upgrade') ? UPGRADE : 0
    case 10:
      return matchesFolded(bytes, start, 'keep-alive') ? KEEP_ALIVE : 0
    default:
      return 0
  }
}

function elementEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && bytes[at] !== COMMA) at++
  return at
}

function skipSpace(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && (bytes[at] === SP || bytes[at] === HTAB)) at++
  return at
}

function trimSpace(bytes: Uint8Array, start: number, end: number): number {
  let at = end
  while (at > start && (bytes[at - 1] === SP || bytes[at - 1] === HTAB)) at--
  return at
}
