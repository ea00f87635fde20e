/** Which pages may speak to the server: those of its own origin, and those that the option `allowOrigin` names. */
import { compileOrigins, sameOrigin } from '../../http/index.ts'
import type { Settings } from './options.ts'
import type { OriginTest } from './server-options.ts'

export { compileOrigins, type OriginPattern } from '../../http/index.ts'

/** Asks the application; what it throws is no `true`. */
export type Ask = (question: () => boolean) => unknown

export class AllowedOrigins {
  private readonly missing: boolean
  private readonly matches: ((origin: string) => boolean) | undefined
  private readonly test: OriginTest | undefined
  private readonly ask: Ask

  constructor(options: Pick<Settings, 'allowOrigin' | 'allowUndefinedOrigin'>, ask: Ask) {
    const { allowOrigin } = options
    this.missing = options.allowUndefinedOrigin
    this.test = typeof allowOrigin === 'function' ? allowOrigin : undefined
    this.matches =
      allowOrigin === undefined || typeof allowOrigin === 'function' ? undefined : compileOrigins(allowOrigin)
    this.ask = ask
  }

  /** @param host what the server is called in the request; it is its own origin's, too */
  allow(origin: string | undefined, host: string | undefined, encrypted: boolean): boolean {
    const { test } = this
    if (origin === undefined && this.missing) return true
    if (test !== undefined) return this.ask(() => test(origin)) === true
    if (origin === undefined) return false
    if (host !== undefined && sameOrigin(origin, host, encrypted)) return true
    return this.matches?.(origin) === true
  }
}
