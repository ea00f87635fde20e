/**
 * Content codings (RFC 9110 §8.4): which one an answer goes out in, whether it may be coded at all, and what a
 * request's content is coded in. Only what is written in fields is decided here; whoever has a coder codes.
 *
 * Every list is read in one pass, each character a bounded number of times. Names of codings are compared, never
 * looked up.
 */
import { COMMA, characterClass, HTAB, SEMICOLON, SP, TOKEN } from '../characters.ts'

const DQUOTE = 0x22
const DOT = 0x2e
const ZERO = 0x30
const EQUALS = 0x3d
const BACKSLASH = 0x5c

const IDENTITY = 'identity'

/** RFC 9110 §12.4.2: a weight has three digits; here it is counted in thousandths. */
const FULL_WEIGHT = 1000
const UNLISTED = -1
const MALFORMED = -1

/** RFC 9110 §12.5.3: no coding is acceptable unless it is excluded; but whatever a client lists it wants more. */
const UNLISTED_IDENTITY = 0.5

interface Weights {
  /** Of each coding that is offered. */
  codings: number[]
  identity: number
  /** Of `*`: what is not listed. */
  others: number
}

/**
 * The coding to answer in (RFC 9110 §12.5.3): of those offered, the one of the greatest weight, or `'identity'`, for
 * none, where that weighs more, nothing else is acceptable, or there is no Accept-Encoding. Undefined when the client
 * excludes everything, no coding included; a server may answer that without coding (§12.4.1) or with 406.
 *
 * - Among equal weights the order of `offered` decides; `identity` comes last.
 * - `*` stands for what is not listed, `identity` included. `x-gzip` is `gzip` (§8.4.1.3).
 * - A member that is malformed counts as absent: a weight over 1 or of four digits, another parameter, no token.
 * - Of a coding that is listed twice the lower weight counts, so that what is excluded anywhere is never sent.
 *
 * So `chooseCoding(acceptEncoding, [])` is undefined just when an answer without coding is refused.
 *
 * @param acceptEncoding the field's value, repeated ones joined by comma
 * @param offered names in lower case, the best first; not `identity`
 *
 * @example
 * import { chooseCoding } from 'portmanteau/http'
 *
 * chooseCoding('gzip, deflate, br', ['br', 'gzip']) // 'br'
 * chooseCoding('br;q=0.5, *;q=0.8', ['br', 'gzip']) // 'gzip'
 * chooseCoding('deflate', ['br', 'gzip']) // 'identity'
 * chooseCoding('identity;q=0, zstd', ['br', 'gzip']) // undefined
 */
export function chooseCoding<Coding extends string>(
  acceptEncoding: string | undefined,
  offered: readonly Coding[],
): Coding | 'identity' | undefined {
  if (acceptEncoding === undefined) return IDENTITY
  const { codings, identity, others } = readWeights(acceptEncoding, offered)
  let best: Coding | undefined
  let greatest = 0
  for (let at = 0; at < offered.length; at++) {
    const weight = codings[at] === UNLISTED ? others : codings[at]!
    if (weight <= greatest) continue
    best = offered[at]
    greatest = weight
  }
  const unlisted = others === UNLISTED ? UNLISTED_IDENTITY : others
  return (identity === UNLISTED ? unlisted : identity) > greatest ? IDENTITY : best
}

/** What a request's content may be coded in, besides not at all; `deflate` is the zlib format (RFC 9110 §8.4.1.2). */
export type BodyCoding = 'gzip' | 'deflate' | 'br'

/** For the Accept-Encoding of an answer with 415 (RFC 9110 §15.5.16). */
export const acceptedBodyCodings = 'gzip, deflate, br'

/**
 * What a request's content is coded in, by its Content-Encoding (RFC 9110 §8.4); undefined for what has to be refused
 * with 415 and {@link acceptedBodyCodings}.
 *
 * `identity` says nothing, though it should not be sent; nor does an empty element. Two codings, one on top of the
 * other, are refused, also twice the same: no client means it, and what a byte expands to would multiply.
 *
 * @param contentEncoding the field's value, repeated ones joined by comma
 *
 * @example
 * import { readContentCodings } from 'portmanteau/http'
 *
 * readContentCodings(undefined) // 'identity'
 * readContentCodings('X-GZip') // 'gzip'
 * readContentCodings('gzip, br') // undefined
 * readContentCodings('zstd') // undefined
 */
export function readContentCodings(contentEncoding: string | undefined): BodyCoding | 'identity' | undefined {
  if (contentEncoding === undefined) return IDENTITY
  let coding: BodyCoding | 'identity' = IDENTITY
  for (const element of contentEncoding.split(',')) {
    const next = bodyCoding(trimmed(element).toLowerCase())
    if (next === undefined) return undefined
    if (next === IDENTITY) continue
    if (coding !== IDENTITY) return undefined
    coding = next
  }
  return coding
}

/** The head of an answer, as far as coding its content goes: an `AnswerHead`, or what is like it. */
export interface CodableHead {
  readonly status: number
  getField(name: string): string | readonly string[] | undefined
  setField(name: string, value: string): void
  removeField(name: string): void
}

/** What is over the bytes as they are sent: coding them would make it wrong (RFC 9530 §2, §3, RFC 3230 §4.3.2). */
const digests: readonly string[] = ['content-digest', 'repr-digest', 'digest', 'content-md5']

/**
 * Whether an answer's content may be coded on its way out. Not:
 * - where there is none (1xx, 204, 205, 304) or only a part of it (206, Content-Range);
 * - when it has a Content-Encoding already, also `identity`: so an application opts out;
 * - with `Cache-Control: no-transform` (RFC 9110 §7.7), or a digest of the content among the fields;
 * - when its Content-Type is of something that is compressed in itself: `image/`, `audio/` and `video/`, but for XML such
 *   as SVG; woff; PDF and OGG; archives, and what is one inside, as office documents are.
 *
 * @example
 * import { AnswerHead, mayTransform } from 'portmanteau/http'
 *
 * const answer = new AnswerHead()
 * answer.setField('Content-Type', 'image/png')
 * mayTransform(answer) // false
 */
export function mayTransform(head: CodableHead): boolean {
  const { status } = head
  if (status < 200 || (status >= 204 && status <= 206) || status === 304) return false
  if (head.getField('content-encoding') !== undefined || head.getField('content-range') !== undefined)
    return false
  if (hasNoTransform(joined(head.getField('cache-control')))) return false
  if (isCompressed(mediaType(joined(head.getField('content-type'))))) return false
  return digests.every((name) => head.getField(name) === undefined)
}

/**
 * Notes that an answer depends on the request's Accept-Encoding (RFC 9110 §12.5.5), besides what its Vary says. It has to be
 * done wherever {@link mayTransform} says yes, also to answers that go out as they are.
 *
 * @example
 * import { AnswerHead, varyByEncoding } from 'portmanteau/http'
 *
 * const answer = new AnswerHead()
 * answer.setField('Vary', 'Origin')
 * varyByEncoding(answer) // Vary: Origin, Accept-Encoding
 */
export function varyByEncoding(head: CodableHead): void {
  const before = trimmed(joined(head.getField('vary')))
  const names = before.split(',').map((name) => trimmed(name).toLowerCase())
  if (names.includes('*') || names.includes('accept-encoding')) return
  head.setField('Vary', before === '' ? 'Accept-Encoding' : before + ', Accept-Encoding')
}

/**
 * Makes the head that of an answer whose content is coded: Content-Encoding is set; a strong ETag becomes weak, for the
 * bytes are not those it was given for (RFC 9110 §8.8.1); Accept-Ranges goes, and so does a Content-Length that was set:
 * whoever declared it has to be held to it before.
 *
 * @example
 * import { AnswerHead, markCoded } from 'portmanteau/http'
 *
 * const answer = new AnswerHead()
 * answer.setField('ETag', '"1"')
 * markCoded(answer, 'gzip') // ETag: W/"1", Content-Encoding: gzip
 */
export function markCoded(head: CodableHead, coding: string): void {
  head.setField('Content-Encoding', coding)
  head.removeField('content-length')
  head.removeField('accept-ranges')
  const tag = head.getField('etag')
  if (typeof tag === 'string' && tag.startsWith('"')) head.setField('ETag', 'W/' + tag)
}

function readWeights(list: string, offered: readonly string[]): Weights {
  const weights = { codings: offered.map(() => UNLISTED), identity: UNLISTED, others: UNLISTED }
  for (let at = 0; at <= list.length; ) {
    const comma = list.indexOf(',', at)
    const end = comma < 0 ? list.length : comma
    readMember(list, skipSpace(list, at, end), end, offered, weights)
    at = end + 1
  }
  return weights
}

/** RFC 9110 §12.5.3: codings [ weight ] */
function readMember(
  list: string,
  start: number,
  end: number,
  offered: readonly string[],
  weights: Weights,
): void {
  const nameEnd = tokenEnd(list, start, end)
  const weight = nameEnd === start ? MALFORMED : readWeight(list, nameEnd, end)
  if (weight === MALFORMED) return
  const name = list.slice(start, nameEnd).toLowerCase()
  if (name === '*') weights.others = lower(weights.others, weight)
  else if (name === IDENTITY) weights.identity = lower(weights.identity, weight)
  else {
    const index = offered.indexOf(name === 'x-gzip' ? 'gzip' : name)
    if (index >= 0) weights.codings[index] = lower(weights.codings[index]!, weight)
  }
}

function lower(before: number, weight: number): number {
  return before === UNLISTED ? weight : Math.min(before, weight)
}

/** RFC 9110 §12.4.2: weight = OWS ";" OWS "q=" qvalue; 1 when there is none. */
function readWeight(list: string, start: number, end: number): number {
  let at = skipSpace(list, start, end)
  if (at === end) return FULL_WEIGHT
  if (list.charCodeAt(at) !== SEMICOLON) return MALFORMED
  at = skipSpace(list, at + 1, end)
  if (at + 2 >= end || (list[at] !== 'q' && list[at] !== 'Q') || list.charCodeAt(at + 1) !== EQUALS)
    return MALFORMED
  return readQvalue(list, at + 2, end)
}

/** qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] ), in thousandths; OWS may follow. */
function readQvalue(list: string, start: number, end: number): number {
  let weight = digitAt(list, start) * FULL_WEIGHT
  let at = start + 1
  if (at < end && list.charCodeAt(at) === DOT) {
    at++
    for (let unit = FULL_WEIGHT / 10; unit >= 1 && at < end && digitAt(list, at) >= 0; unit /= 10)
      weight += digitAt(list, at++) * unit
  }
  return weight >= 0 && weight <= FULL_WEIGHT && skipSpace(list, at, end) === end ? weight : MALFORMED
}

/** The digit, or -1. */
function digitAt(list: string, at: number): number {
  const digit = list.charCodeAt(at) - ZERO
  return digit >= 0 && digit <= 9 ? digit : -1
}

function bodyCoding(name: string): BodyCoding | 'identity' | undefined {
  switch (name) {
    case '':
    case IDENTITY:
      return IDENTITY
    case 'gzip':
    case 'x-gzip':
      return 'gzip'
    case 'deflate':
    case 'br':
      return name
    default:
      return undefined
  }
}

/** RFC 9111 §5.2: cache-directive = token [ "=" ( token / quoted-string ) ]; a comma in quotes ends none. */
function hasNoTransform(list: string): boolean {
  for (let at = 0; at < list.length; at = elementEnd(list, at) + 1) {
    const start = skipSpace(list, at, list.length)
    if (list.slice(start, tokenEnd(list, start, list.length)).toLowerCase() === 'no-transform') return true
  }
  return false
}

function elementEnd(list: string, start: number): number {
  let quoted = false
  for (let at = start; at < list.length; at++) {
    const character = list.charCodeAt(at)
    if (character === DQUOTE) quoted = !quoted
    else if (quoted && character === BACKSLASH) at++
    else if (!quoted && character === COMMA) return at
  }
  return list.length
}

/** Type and subtype, without parameters (RFC 9110 §8.3.1). */
function mediaType(contentType: string): string {
  const semicolon = contentType.indexOf(';')
  return trimmed(semicolon < 0 ? contentType : contentType.slice(0, semicolon)).toLowerCase()
}

const compressedFamilies: ReadonlySet<string> = new Set(['image', 'audio', 'video'])

const compressedTypes: ReadonlySet<string> = new Set([
  'application/gzip',
  'application/java-archive',
  'application/ogg',
  'application/pdf',
  'application/vnd.android.package-archive',
  'application/vnd.rar',
  'application/x-7z-compressed',
  'application/x-bzip',
  'application/x-bzip2',
  'application/x-gzip',
  'application/x-rar-compressed',
  'application/x-xz',
  'application/zip',
  'application/zstd',
  'font/woff',
  'font/woff2',
])

/** Archives under another name: structured suffixes (RFC 6839, RFC 8460, RFC 8878), and office documents. */
const compressedSuffixes: ReadonlySet<string> = new Set(['gzip', 'zip', 'zstd'])
const officePrefixes: readonly string[] = [
  'application/vnd.openxmlformats-officedocument.',
  'application/vnd.oasis.opendocument.',
]

function isCompressed(type: string): boolean {
  const suffix = type.slice(type.lastIndexOf('+') + 1)
  if (suffix === 'xml') return false
  if (compressedFamilies.has(type.split('/', 1)[0]!)) return true
  if (compressedTypes.has(type) || compressedSuffixes.has(suffix)) return true
  return officePrefixes.some((prefix) => type.startsWith(prefix))
}

function joined(value: string | readonly string[] | undefined): string {
  return typeof value === 'object' ? value.join(', ') : (value ?? '')
}

function trimmed(text: string): string {
  let end = text.length
  const start = skipSpace(text, 0, end)
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

function skipSpace(text: string, start: number, end: number): number {
  let at = start
  while (at < end && isSpace(text.charCodeAt(at))) at++
  return at
}

function isSpace(character: number): boolean {
  return character === SP || character === HTAB
}

function tokenEnd(text: string, start: number, end: number): number {
  let at = start
  while (at < end && (characterClass[text.charCodeAt(at)]! & TOKEN) !== 0) at++
  return at
}
