/** Who may say where a client really is: a mode, and never a guess. */
import { AddressError, addressMatcher } from '../../sniff/index.ts'
import type { Endpoint } from '../endpoint.ts'
import { PortmanteauError } from '../errors.ts'

/**
 * Whether connections begin with a PROXY header: never (and one is refused), always, or just those from these addresses and
 * ranges. The same peers are believed in `Forwarded` and `X-Forwarded-For`.
 */
export type ProxyOption = 'off' | 'required' | { readonly trusted: readonly string[] }

export class ProxyTrust {
  readonly mode: 'off' | 'required' | 'trusted'
  private readonly matches: (address: string) => boolean

  constructor(option: ProxyOption | undefined) {
    const trusted = typeof option === 'object' ? option?.trusted : undefined
    if (trusted === undefined && option !== undefined && option !== 'off' && option !== 'required') {
      throw unusable(`${JSON.stringify(option)} is neither 'off', nor 'required', nor { trusted: […] }`)
    }
    this.mode = trusted !== undefined ? 'trusted' : option === 'required' ? 'required' : 'off'
    this.matches = trusted === undefined ? () => this.mode === 'required' : matcherOf(trusted)
  }

  /** Whether a peer is one of the proxies. */
  isProxy({ remoteAddress }: Endpoint): boolean {
    return this.mode !== 'off' && this.matches(remoteAddress ?? '')
  }

  isTrusted(address: string): boolean {
    return this.mode !== 'off' && this.matches(address)
  }
}

function matcherOf(ranges: readonly string[]): (address: string) => boolean {
  try {
    return addressMatcher(ranges)
  } catch (error) {
    if (error instanceof AddressError) throw unusable(error.message)
    throw error
  }
}

function unusable(problem: string): PortmanteauError {
  return new PortmanteauError('ERR_OPTION', `Cannot use option proxy: ${problem}`)
}
