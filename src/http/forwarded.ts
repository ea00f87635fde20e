/**
 * Who is behind the proxies that are trusted: Forwarded (RFC 7239) and X-Forwarded-For, which no standard has.
 *
 *     Forwarded: for=192.0.2.43, for="[2001:db8::17]:4711";proto=https;by=203.0.113.43
 *     X-Forwarded-For: 192.0.2.43, 2001:db8::17
 *
 * Each proxy appends whom it was connected to by. So what stands at the right end was written by the peer, and what
 * stands left of it can be believed exactly if whoever is named there is trusted in turn; where the trust
 * ends, everything further left is what a stranger wrote. The fields are therefore read from the right, and
 * not a character further than that: a stranger's open quote or bad list cannot spoil what a proxy has
 * appended to it. From the right, the opening quote of a string is the next one that no backslash precedes,
 * as one that stands inside has a backslash before it.
 *
 * What is malformed, unknown or obfuscated ends the walk at the last hop that was good. Nothing throws, the time is
 * linear in the field, and of hops there is a limit.
 *
 * Which of the two fields the proxies write is the application's to say, never to be guessed: what they do
 * not write they pass on, from anybody.
 */

import { allOf, characterClass, DIGIT, HTAB, SP, TOKEN } from './characters.ts'
import { encodeLatin1 } from './latin1.ts'
import { isAuthority } from './request/authority.ts'

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const SEMICOLON = 0x3b
const EQUALS = 0x3d
const BACKSLASH = 0x5c
const MAX_PORT = 65535
const MAX_SCHEME = 32
/** A host of 253 characters, a colon and a port. */
const MAX_HOST = 259

/** How addresses are read and who is trusted: `portmanteau/sniff` has both. */
export interface ForwardedTrust {
  /** Whether what this address says of others is believed; called with canonical addresses. */
  isTrusted(address: string): boolean
  /** The one text of an IP address; undefined for what is none. */
  canonicalAddress(text: string): string | undefined
  /** Hops that are read at most; default 32. */
  hops?: number
}

/** Whom the request is from, as far as that can be believed. */
export interface ForwardedClient {
  /** The first address from the right that is not trusted, or the last one there is; the peer's if the field tells none. */
  readonly address: string
  /** Its port; undefined where it is not told. */
  readonly port: number | undefined
  /** The scheme of its request, in lower case: how it had connected to the proxy that names it. */
  readonly protocol: string | undefined
  /** The authority of its request, as it had sent it to that proxy. */
  readonly host: string | undefined
  /** How many hops the field has told; 0 if the address is the peer's. */
  readonly hops: number
}

/** X-Forwarded-For, and what goes with it; repeated fields joined by comma. */
export interface XForwardedFields {
  readonly for?: string | undefined
  readonly proto?: string | undefined
  readonly host?: string | undefined
}

interface Node {
  /** Undefined if it is unknown or obfuscated. */
  readonly address: string | undefined
  readonly port: number | undefined
}

/** A forwarded-element, its values unquoted; undefined where there is none. */
interface Element {
  /** Where it begins: before it is a comma, or nothing. */
  start: number
  for: string | undefined
  by: string | undefined
  proto: string | undefined
  host: string | undefined
}

/**
 * The client by a Forwarded field. Deviation: white space around `;` is accepted, as around any parameter
 * (RFC 9110 §5.6.6).
 *
 * @param peer the address of the connection's other end
 * @param field the field's value, repeated ones joined by comma
 * @example
 * import { readForwarded } from 'portmanteau/http'
 * import { addressMatcher, canonicalAddress } from 'portmanteau/sniff'
 *
 * const trust = { isTrusted: addressMatcher(['10.0.0.0/8']), canonicalAddress }
 * readForwarded('10.0.0.1', 'for=192.0.2.43;proto=https, for=10.0.0.2', trust)
 * // { address: '192.0.2.43', port: undefined, protocol: 'https', host: undefined, hops: 2 }
 */
export function readForwarded(
  peer: string,
  field: string | undefined,
  trust: ForwardedTrust,
): ForwardedClient {
  const { canonicalAddress, hops: most = 32 } = trust
  const client = ofPeer(peer, trust)
  if (field === undefined || !trust.isTrusted(client.address)) return client
  let end = field.length
  for (let count = 0; end >= 0 && count < most; count++) {
    const last = skipSpace(field, end)
    const element = readElement(field, last)
    if (element === null) break
    end = element.start - 1
    // RFC 9110 §5.6.1.2: an empty element of a list is none.
    if (element.start === last) continue
    const node = element.for === undefined ? NOBODY : readNode(element.for, canonicalAddress)
    if (node === undefined) break
    client.protocol = scheme(element.proto)
    client.host = authority(element.host)
    if (!accept(client, node) || !trust.isTrusted(client.address)) break
  }
  return client
}

/**
 * The client by X-Forwarded-For. An entry may have a port (`192.0.2.1:80`, `[2001:db8::1]:80`); an empty one ends the
 * walk. X-Forwarded-Proto and X-Forwarded-Host are believed where they have one value, or as many as there are
 * addresses: then the one at the client's place. Otherwise nobody knows whose they are.
 *
 * @param peer the address of the connection's other end
 * @example
 * import { readXForwardedFor } from 'portmanteau/http'
 * import { addressMatcher, canonicalAddress } from 'portmanteau/sniff'
 *
 * const trust = { isTrusted: addressMatcher(['10.0.0.0/8']), canonicalAddress }
 * readXForwardedFor('10.0.0.1', { for: '192.0.2.43, 10.0.0.2', proto: 'https' }, trust)
 * // { address: '192.0.2.43', port: undefined, protocol: 'https', host: undefined, hops: 2 }
 */
export function readXForwardedFor(
  peer: string,
  fields: XForwardedFields,
  trust: ForwardedTrust,
): ForwardedClient {
  const { canonicalAddress, hops: most = 32 } = trust
  const client = ofPeer(peer, trust)
  if (!trust.isTrusted(client.address)) return client
  const list = fields.for ?? ''
  for (let end = list.length; end >= 0 && client.hops < most; ) {
    const comma = list.lastIndexOf(',', end - 1)
    const start = end === 0 ? 0 : comma + 1
    const node = readEntry(trim(list, start, end), canonicalAddress)
    if (node === undefined || !accept(client, node) || !trust.isTrusted(client.address)) break
    end = start - 1
  }
  const place = Math.max(client.hops, 1)
  client.protocol = scheme(valueAt(fields.proto, place, list))
  client.host = authority(valueAt(fields.host, place, list))
  return client
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] }

const NOBODY: Node = { address: undefined, port: undefined }

function ofPeer(peer: string, { canonicalAddress }: ForwardedTrust): Writable<ForwardedClient> {
  const address = canonicalAddress(peer) ?? peer
  return { address, port: undefined, protocol: undefined, host: undefined, hops: 0 }
}

/** Goes one hop further, if there is an address. */
function accept(client: Writable<ForwardedClient>, { address, port }: Node): boolean {
  if (address === undefined) return false
  client.address = address
  client.port = port
  client.hops++
  return true
}

/**
 * RFC 7239 §4: the forwarded-element that ends at `end`, read from the right; null if it is none.
 *
 *     forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] )
 *     forwarded-pair    = token "=" ( token / quoted-string )
 */
function readElement(text: string, end: number): Element | null {
  const element: Element = { start: 0, for: undefined, by: undefined, proto: undefined, host: undefined }
  let at = end
  let isSeparated = true
  while (at > 0 && text.charCodeAt(at - 1) !== COMMA) {
    if (text.charCodeAt(at - 1) === SEMICOLON) {
      at = skipSpace(text, at - 1)
      isSeparated = true
      continue
    }
    if (!isSeparated) return null
    const valueStart = text.charCodeAt(at - 1) === QUOTE ? quotedStart(text, at) : tokenStart(text, at)
    if (valueStart === at || valueStart === 0 || text.charCodeAt(valueStart - 1) !== EQUALS) return null
    const nameStart = tokenStart(text, valueStart - 1)
    if (nameStart === valueStart - 1) return null
    if (!assign(element, text.slice(nameStart, valueStart - 1), text.slice(valueStart, at))) return null
    at = skipSpace(text, nameStart)
    isSeparated = false
  }
  element.start = at
  return element
}

/** Sets the parameter, if it is a known one; false if it is repeated (§4) or its value is malformed. */
function assign(element: Element, name: string, written: string): boolean {
  const value = written.charCodeAt(0) === QUOTE ? unquote(written) : written
  if (value === undefined) return false
  const key = name.toLowerCase()
  if (key !== 'for' && key !== 'by' && key !== 'proto' && key !== 'host') return true
  if (element[key] !== undefined) return false
  element[key] = value
  return true
}

/** Where the string begins whose closing quote is before `end`; `end` if nowhere. */
function quotedStart(text: string, end: number): number {
  let at = end - 2
  while (at >= 0 && (text.charCodeAt(at) !== QUOTE || text.charCodeAt(at - 1) === BACKSLASH)) at--
  return at < 0 ? end : at
}

function tokenStart(text: string, end: number): number {
  let at = end
  while (at > 0 && isOf(text.charCodeAt(at - 1), TOKEN)) at--
  return at
}

function skipSpace(text: string, end: number): number {
  let at = end
  while (at > 0 && isSpace(text.charCodeAt(at - 1))) at--
  return at
}

/** RFC 9110 §5.6.4: what is in the quotes, or undefined if they are not around all of it. */
function unquote(quoted: string): string | undefined {
  let value = ''
  let from = 1
  const end = quoted.length - 1
  for (let at = 1; at < end; at++) {
    const code = quoted.charCodeAt(at)
    if (code === QUOTE || code === 0x7f || (code < SP && code !== HTAB)) return undefined
    if (code !== BACKSLASH) continue
    if (at + 1 === end) return undefined
    value += quoted.slice(from, at)
    from = ++at
  }
  return value + quoted.slice(from, end)
}

/**
 * RFC 7239 §6, undefined if it is none:
 *
 *     node = ( IPv4address / "[" IPv6address "]" / "unknown" / obfnode ) [ ":" ( 1*5DIGIT / obfport ) ]
 */
function readNode(text: string, canonicalAddress: ForwardedTrust['canonicalAddress']): Node | undefined {
  const nameEnd = endOfName(text)
  const name = text.slice(0, nameEnd)
  const portText = text.slice(nameEnd)
  const port = portText === '' ? undefined : parsePort(portText)
  if (portText !== '' && port === undefined && !isObfuscated(portText.slice(1))) return undefined
  if (name.toLowerCase() === 'unknown' || isObfuscated(name)) return NOBODY
  const address = readAddress(name, canonicalAddress)
  return address === undefined ? undefined : { address, port }
}

/** The entry of an X-Forwarded-For: as a node, but IPv6 also without brackets, and nobody is undefined. */
function readEntry(text: string, canonicalAddress: ForwardedTrust['canonicalAddress']): Node | undefined {
  const bare = canonicalAddress(text)
  return bare === undefined ? readNode(text, canonicalAddress) : { address: bare, port: undefined }
}

/** Where the port's colon is, or the end. */
function endOfName(text: string): number {
  const colon = text.indexOf(':', text.startsWith('[') ? text.indexOf(']') : 0)
  return colon < 0 ? text.length : colon
}

/** IPv6 in brackets, or IPv4. */
function readAddress(name: string, canonicalAddress: ForwardedTrust['canonicalAddress']): string | undefined {
  if (!name.startsWith('[')) return canonicalAddress(name)
  const inside = name.endsWith(']') ? name.slice(1, -1) : ''
  return inside.includes(':') ? canonicalAddress(inside) : undefined
}

/** `:` and up to five digits. */
function parsePort(text: string): number | undefined {
  if (text.length < 2 || text.length > 6 || text.charCodeAt(0) !== COLON || !allOf(text.slice(1), DIGIT))
    return undefined
  const port = Number(text.slice(1))
  return port <= MAX_PORT ? port : undefined
}

/** §6.3: `_` and at least one of ALPHA, DIGIT, `.`, `_`, `-`. */
function isObfuscated(text: string): boolean {
  if (text.length < 2 || text[0] !== '_') return false
  for (let at = 1; at < text.length; at++) {
    const letter = text.charCodeAt(at) | 0x20
    if (!isOf(text.charCodeAt(at), DIGIT) && (letter < 0x61 || letter > 0x7a) && !'._-'.includes(text[at]!))
      return false
  }
  return true
}

/** RFC 3986 §3.1, in lower case. */
function scheme(text: string | undefined): string | undefined {
  if (text === undefined || text === '' || text.length > MAX_SCHEME) return undefined
  const lower = text.toLowerCase()
  for (let at = 0; at < lower.length; at++) {
    const code = lower.charCodeAt(at)
    const isLetter = code >= 0x61 && code <= 0x7a
    if (!isLetter && (at === 0 || (!isOf(code, DIGIT) && !'+-.'.includes(lower[at]!)))) return undefined
  }
  return lower
}

/** RFC 9110 §7.2. */
function authority(text: string | undefined): string | undefined {
  if (text === undefined || text.length > MAX_HOST) return undefined
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7e) return undefined
  const bytes = new Uint8Array(text.length)
  encodeLatin1(text, bytes, 0)
  return isAuthority(bytes, 0, bytes.length) ? text : undefined
}

/** Of a list, its only value, or the one at `place` from the right if it has as many as `other`. */
function valueAt(list: string | undefined, place: number, other: string): string | undefined {
  if (list === undefined) return undefined
  const values = list.split(',')
  if (values.length > 1 && values.length !== other.split(',').length) return undefined
  const value = values[values.length === 1 ? 0 : values.length - place]
  return value === undefined ? undefined : trim(value, 0, value.length)
}

function trim(text: string, start: number, end: number): string {
  let from = start
  while (from < end && isSpace(text.charCodeAt(from))) from++
  return text.slice(from, Math.max(from, skipSpace(text, end)))
}

function isSpace(code: number): boolean {
  return code === SP || code === HTAB
}

function isOf(code: number, bit: number): boolean {
  return code < 0x80 && (characterClass[code]! & bit) !== 0
}
