/** Who may say where a client really is: a mode, and never a guess. */
import { isIPv6 } from 'node:net'
import { type ForwardedTrust, readForwarded, readXForwardedFor } from '../../http/index.ts'
import { AddressError, addressMatcher, canonicalAddress } from '../../sniff/index.ts'
import { bareAddress, type Endpoint } from '../endpoint.ts'
import { PortmanteauError } from '../errors.ts'

/**
 * Whether connections begin with a PROXY header: never (and one is refused), always, or just those from these addresses and
 * ranges, and then always. With `header: false` none do: those addresses are only believed in the field that the option
 * `forwarded` names.
 */
export type ProxyOption =
  | 'off'
  | 'required'
  | { readonly trusted: readonly string[]; readonly header?: boolean }

/**
 * The field of HTTP that the proxies of `{ trusted }` write, each behind those before it. There is no safe guess: a proxy passes
 * on what it does not write, from anybody.
 */
export type ForwardedOption = 'x-forwarded-for' | 'forwarded' | false

/** The fields of one request. */
export interface RequestFields {
  /** The value of a field, by its name in lower case. */
  field(name: string): string | undefined
}

type Matcher = (address: string) => boolean

export class ProxyTrust implements ForwardedTrust {
  readonly canonicalAddress: (text: string) => string | undefined
  /** Whether what an address says of others is believed. */
  readonly isTrusted: Matcher
  private readonly sendsHeader: Matcher
  private readonly forwarded: ForwardedOption

  /** Throws `ERR_OPTION` for what is no mode, no range or no field. */
  constructor(option: ProxyOption | undefined, forwarded: ForwardedOption | undefined) {
    const trusted = readTrusted(option)
    const header = readHeader(option)
    this.canonicalAddress = canonicalAddress
    this.isTrusted = trusted === undefined ? nobody : matcherOf(trusted)
    this.sendsHeader = option === 'required' ? everybody : header ? this.isTrusted : nobody
    this.forwarded = readForwardedOption(forwarded)
    if (this.forwarded !== false && trusted === undefined) {
      throw unusable('forwarded', 'proxy has no { trusted: […] }, so that nobody would be believed')
    }
    if (this.forwarded === false && trusted !== undefined && !header) {
      throw unusable('proxy', 'without a header, forwarded must name the field that is believed')
    }
  }

  /** Whether requests of one connection may be from different clients. */
  get readsFields(): boolean {
    return this.forwarded !== false
  }

  /** Whether a connection from there begins with a PROXY header. */
  isProxy(endpoint: Endpoint): boolean {
    // Of a socket the address is only asked for where it matters: it costs a call of the system, and is kept.
    return this.sendsHeader !== nobody && this.sendsHeader(bareAddress(endpoint.remoteAddress ?? ''))
  }

  /** Whether a connection has not said yet what a PROXY header must say. */
  isOwed(endpoint: Endpoint): boolean {
    return endpoint.proxied === undefined && this.isProxy(endpoint)
  }

  /**
   * Where a request is from: from the client that its fields name, as far as whoever wrote them is believed, or else from
   * the other end of its connection. After a PROXY header that end is who it has told, and nobody where it has told nothing.
   */
  endpointOf(under: Endpoint, request: RequestFields): Endpoint {
    if (this.forwarded === false) return under
    const { remoteAddress, proxied } = under
    if (remoteAddress === undefined || proxied?.source === null) return under
    const { address, port, protocol, hops } = this.read(bareAddress(remoteAddress), request)
    if (hops === 0 && protocol === undefined) return under
    const from =
      hops === 0
        ? under
        : { remoteAddress: address, remotePort: port, remoteFamily: isIPv6(address) ? 'IPv6' : 'IPv4' }
    return {
      encrypted: protocol === undefined ? under.encrypted : protocol === 'https' || protocol === 'wss',
      servername: under.servername,
      remoteAddress: from.remoteAddress,
      remotePort: from.remotePort,
      remoteFamily: from.remoteFamily,
      localAddress: under.localAddress,
      localPort: under.localPort,
      tls: under.tls,
      proxied,
    }
  }

  private read(peer: string, request: RequestFields): ReturnType<typeof readForwarded> {
    if (this.forwarded === 'forwarded') return readForwarded(peer, request.field('forwarded'), this)
    const fields = { for: request.field('x-forwarded-for'), proto: request.field('x-forwarded-proto') }
    return readXForwardedFor(peer, fields, this)
  }
}

function nobody(): boolean {
  return false
}

function everybody(): boolean {
  return true
}

function readTrusted(option: ProxyOption | undefined): readonly string[] | undefined {
  if (option === undefined || option === 'off' || option === 'required') return undefined
  const trusted: unknown = typeof option === 'object' ? option?.trusted : undefined
  if (Array.isArray(trusted) && trusted.every((range) => typeof range === 'string')) return trusted
  throw unusable('proxy', `${JSON.stringify(option)} is neither 'off', nor 'required', nor { trusted: […] }`)
}

function readHeader(option: ProxyOption | undefined): boolean {
  const header: unknown = typeof option === 'object' ? (option.header ?? true) : true
  if (typeof header === 'boolean') return header
  throw unusable('proxy', `header is ${JSON.stringify(header)}, and not a boolean`)
}

function readForwardedOption(option: ForwardedOption | undefined): ForwardedOption {
  if (option === undefined || option === false) return false
  if (option === 'x-forwarded-for' || option === 'forwarded') return option
  throw unusable(
    'forwarded',
    `${JSON.stringify(option)} is neither 'x-forwarded-for', nor 'forwarded', nor false`,
  )
}

function matcherOf(ranges: readonly string[]): Matcher {
  try {
    return addressMatcher(ranges)
  } catch (error) {
    if (error instanceof AddressError) throw unusable('proxy', error.message)
    throw error
  }
}

function unusable(name: string, problem: string): PortmanteauError {
  return new PortmanteauError('ERR_OPTION', `Cannot use option ${name}: ${problem}`)
}
