/**
 * The answer to a Flash Player that asks with `<policy-file-request/>` NUL whether a page may open a socket here: a
 * cross-domain policy (Adobe, "Cross-domain policy file specification"; "Setting up a socket policy file server"), in
 * XML, with NUL behind it. The connection is closed after it.
 *
 *     <allow-access-from domain="*.example.com" to-ports="8080,9000-9010"/>
 *
 * Rules are checked, so that nothing is left to escape: a domain is a host name or an IPv4 address, `*.` before a name
 * takes the name and all below it, and a lone `*` everybody; ports are numbers, ranges of them, or `*`. A `*` is
 * never there unless a rule says so, and without a rule nobody is let in.
 */
import { RawError } from './errors.ts'

/** Who may connect, and to which ports. */
export interface FlashPolicyRule {
  /** `example.com`, `*.example.com` (that and all below it), `192.0.2.1`, or `*` for pages from anywhere. */
  readonly domain: string
  /**
   * Ports from 1 to 65,535, ranges `[first, last]` of them, or `'*'` for all. A Flash Player heeds ports
   * below 1,024 only in a policy that it got from such a port.
   */
  readonly ports: '*' | readonly FlashPolicyPorts[]
}

/** A port, or the first and the last of a range. */
export type FlashPolicyPorts = number | readonly [first: number, last: number]

/** A host name (RFC 1035 §2.3.4). */
const LONGEST_NAME = 253
const LONGEST_LABEL = 63

/**
 * The policy as the bytes to send: XML and its NUL.
 *
 * @throws {RawError} `ERR_FLASH_POLICY_INVALID` if a domain or a port cannot be one
 *
 * @example
 * import { flashPolicy } from 'portmanteau/raw'
 *
 * const answer = flashPolicy([
 *   { domain: '*.example.com', ports: [8080, [9000, 9010]] },
 *   { domain: '192.0.2.1', ports: '*' },
 * ])
 */
export function flashPolicy(rules: readonly FlashPolicyRule[]): Uint8Array {
  const lines = rules.map(
    ({ domain, ports }) =>
      `<allow-access-from domain="${readDomain(domain)}" to-ports="${readPorts(ports)}"/>\n`,
  )
  const xml =
    '<?xml version="1.0"?>\n' +
    '<!DOCTYPE cross-domain-policy SYSTEM "http://www.adobe.com/xml/dtds/cross-domain-policy.dtd">\n' +
    `<cross-domain-policy>\n${lines.join('')}</cross-domain-policy>\n`
  return Uint8Array.from(`${xml}\0`, (character) => character.charCodeAt(0))
}

function readDomain(domain: string): string {
  if (domain === '*') return domain
  const below = typeof domain === 'string' && domain.startsWith('*.')
  const name = below ? domain.slice(2) : domain
  // A policy knows no wildcard for addresses: what ends in a number is one.
  if (typeof domain === 'string' && isName(name) && !(below && isNumeric(name))) return domain
  return invalid(`the domain ${JSON.stringify(domain)} is not a host name, an IPv4 address, *.name or *`)
}

function isName(name: string): boolean {
  return (
    name.length <= LONGEST_NAME && name.split('.').every(isLabel) && (!isNumeric(name) || isAddress(name))
  )
}

/** Letters, digits, hyphens and underscores; no hyphen at an end. */
function isLabel(label: string): boolean {
  if (label === '' || label.length > LONGEST_LABEL || label.startsWith('-') || label.endsWith('-'))
    return false
  for (let at = 0; at < label.length; at++) {
    const code = label.charCodeAt(at)
    const letter = (code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a
    if (!letter && !isDigit(code) && code !== 0x2d && code !== 0x5f) return false
  }
  return true
}

/** Whether the last label is a number, so that the name can only be an address. */
function isNumeric(name: string): boolean {
  const label = name.slice(name.lastIndexOf('.') + 1)
  for (let at = 0; at < label.length; at++) if (!isDigit(label.charCodeAt(at))) return false
  return label !== ''
}

/** Four decimal numbers up to 255, without leading zeros. */
function isAddress(name: string): boolean {
  const parts = name.split('.')
  return parts.length === 4 && parts.every((part) => Number(part) <= 255 && String(Number(part)) === part)
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

function readPorts(ports: FlashPolicyRule['ports']): string {
  if (ports === '*') return ports
  if (!Array.isArray(ports) || ports.length === 0) invalid('ports are neither a list of some nor *')
  return ports.map((each) => (Array.isArray(each) ? readRange(each) : readPort(each))).join(',')
}

function readRange(range: readonly number[]): string {
  const [first, last] = range
  if (range.length !== 2 || !(first! <= last!)) invalid(`${JSON.stringify(range)} is not a range of ports`)
  return `${readPort(first!)}-${readPort(last!)}`
}

function readPort(port: number): string {
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return String(port)
  return invalid(`${JSON.stringify(port)} is not a port`)
}

function invalid(problem: string): never {
  throw new RawError('ERR_FLASH_POLICY_INVALID', `Cannot make the Flash policy: ${problem}`)
}
