/**
 * Which origins may talk to this server (RFC 6454 §7, WHATWG Fetch). A pattern is `host[:port]`, without
 * a protocol, and always matches the whole of it:
 *
 *     *                    any origin, also `null` and such that are no http URL
 *     example.com          that host, on the default port of the origin's own scheme
 *     *.example.com        example.com and all its subdomains, however deep
 *     app-*.example.com    elsewhere `*` is one or more of [a-zA-Z0-9_-], never a dot; one per label
 *     example.com:8080     that port only            example.com:*    any port, the default one included
 *     [::1]:8080           an IPv6 address, as the browser writes it
 *
 * Hosts are compared without regard to case. Matching goes label by label and is linear in the origin;
 * no RegExp is made from a pattern.
 */
import { HttpError } from './errors.ts'

/** A pattern as above, or a RegExp, which must match the whole `host[:port]` (host in lower case). */
export type OriginPattern = string | RegExp

const ANY_PORT = -1
const DEFAULT_PORT = 0
/** A host has at most 253 characters (RFC 1035 §2.3.4). */
const MAX_ORIGIN = 300

interface Origin {
  encrypted: boolean
  host: string
  /** 0 for the scheme's default. */
  port: number
}

interface HostPattern {
  labels: readonly string[]
  subdomains: boolean
  port: number
}

/**
 * Makes the test for a list of allowed origins; an empty list allows none.
 *
 * @throws {HttpError} `ERR_HTTP_ORIGIN_PATTERN_INVALID` if a pattern cannot be one
 *
 * @example
 * import { compileOrigins } from 'portmanteau/http'
 *
 * const allowed = compileOrigins(['*.example.com', 'localhost:*'])
 * allowed('https://www.example.com') // true
 * allowed('https://evilexample.com') // false
 * allowed('http://localhost:3000') // true
 */
export function compileOrigins(allow: OriginPattern | readonly OriginPattern[]): (origin: string) => boolean {
  const patterns: readonly OriginPattern[] = Array.isArray(allow) ? allow : [allow as OriginPattern]
  if (patterns.includes('*')) return (origin) => origin !== ''
  const hosts = patterns.filter((pattern) => typeof pattern === 'string').map(compilePattern)
  const expressions = patterns.filter((pattern) => typeof pattern !== 'string').map(anchor)
  return (text) => {
    const origin = parseOrigin(text)
    if (origin === null) return false
    const labels = origin.host.split('.')
    const authority = origin.host + (origin.port === DEFAULT_PORT ? '' : ':' + origin.port)
    return (
      hosts.some((pattern) => matchesPattern(origin, labels, pattern)) ||
      expressions.some((expression) => expression.test(authority))
    )
  }
}

/**
 * Whether `origin` is the server's own: the same scheme, host and port as the request was sent to.
 *
 * @param host the request's `host`
 * @param encrypted whether the request came by TLS
 *
 * @example
 * import { sameOrigin } from 'portmanteau/http'
 *
 * sameOrigin('https://example.com', 'Example.com:443', true) // true
 */
export function sameOrigin(origin: string, host: string, encrypted: boolean): boolean {
  const own = parseOrigin((encrypted ? 'https://' : 'http://') + host)
  const other = parseOrigin(origin)
  if (own === null || other === null) return false
  return own.encrypted === other.encrypted && own.host === other.host && own.port === other.port
}

/** `http` or `https` `://` host [`:` port], or null. */
function parseOrigin(text: string): Origin | null {
  if (text.length > MAX_ORIGIN) return null
  const lower = text.toLowerCase()
  const encrypted = lower.startsWith('https://')
  if (!encrypted && !lower.startsWith('http://')) return null
  const authority = lower.slice(encrypted ? 8 : 7)
  const hostEnd = endOfHost(authority)
  const host = authority.slice(0, hostEnd)
  const port = parsePort(authority.slice(hostEnd))
  if (!isHost(host) || port < 0) return null
  return { encrypted, host, port: port === (encrypted ? 443 : 80) ? DEFAULT_PORT : port }
}

/** Where the port's colon is, or the end. */
function endOfHost(authority: string): number {
  const colon = authority.indexOf(':', authority.startsWith('[') ? authority.indexOf(']') : 0)
  return colon < 0 ? authority.length : colon
}

/** `:8080` to a number, nothing to 0; -1 if it is neither. */
function parsePort(text: string): number {
  if (text === '' || text === ':') return DEFAULT_PORT
  let port = 0
  for (let at = 1; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 0x30
    if (digit < 0 || digit > 9 || port > 65535) return -1
    port = port * 10 + digit
  }
  return port > 0 && port <= 65535 ? port : -1
}

/** A name of non-empty labels, or an address in brackets; in lower case. */
function isHost(host: string): boolean {
  if (host.startsWith('[')) return host.endsWith(']') && every(host.slice(1, -1), isAddressCharacter)
  return host.split('.').every((label) => every(label, isLabelCharacter))
}

function every(text: string, is: (code: number) => boolean): boolean {
  for (let at = 0; at < text.length; at++) if (!is(text.charCodeAt(at))) return false
  return text !== ''
}

/** [a-z0-9_-] */
function isLabelCharacter(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39) || code === 0x2d || code === 0x5f
}

/** [0-9a-f:.] */
function isAddressCharacter(code: number): boolean {
  return (code >= 0x61 && code <= 0x66) || (code >= 0x2e && code <= 0x3a && code !== 0x2f)
}

function compilePattern(pattern: string): HostPattern {
  const lower = pattern.toLowerCase()
  const subdomains = lower.startsWith('*.')
  const authority = subdomains ? lower.slice(2) : lower
  const hostEnd = endOfHost(authority)
  const host = authority.slice(0, hostEnd)
  const portText = authority.slice(hostEnd)
  const port = portText === ':*' ? ANY_PORT : parsePort(portText)
  const labels = host.split('.')
  // A star stands for characters of a label: with one in its place the pattern must be a host.
  const valid = isHost(host.replaceAll('*', 'x')) && labels.every((label) => label.split('*').length <= 2)
  const badPort = portText === ':' || (port < 0 && portText !== ':*')
  if (!valid || badPort || (host.startsWith('[') && (subdomains || host.includes('*'))))
    throw new HttpError(
      'ERR_HTTP_ORIGIN_PATTERN_INVALID',
      `Cannot allow the origin ${JSON.stringify(pattern)}: it is not host[:port] without a protocol`,
    )
  return { labels, subdomains, port }
}

function matchesPattern(origin: Origin, labels: readonly string[], pattern: HostPattern): boolean {
  const extra = labels.length - pattern.labels.length
  if (extra < 0 || (extra > 0 && !pattern.subdomains)) return false
  return (
    matchesPort(origin, pattern.port) &&
    pattern.labels.every((label, index) => matchesLabel(labels[extra + index]!, label))
  )
}

function matchesPort(origin: Origin, port: number): boolean {
  if (port === ANY_PORT || port === origin.port) return true
  return origin.port === DEFAULT_PORT && port === (origin.encrypted ? 443 : 80)
}

function matchesLabel(label: string, pattern: string): boolean {
  const star = pattern.indexOf('*')
  if (star < 0) return label === pattern
  const tail = pattern.slice(star + 1)
  return label.length >= pattern.length && label.startsWith(pattern.slice(0, star)) && label.endsWith(tail)
}

/** The user's own RegExp, made to match the whole text; `g` and `y` would make it remember. */
function anchor(expression: RegExp): RegExp {
  return new RegExp(`^(?:${expression.source})$`, expression.flags.replace(/[gy]/g, ''))
}
