/** The certificates of a server, by the name that a client asks for (RFC 6066 §3). They may be replaced while it runs. */
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import { PortmanteauError } from '../errors.ts'

/** What a certificate is given as: the options of `tls.createSecureContext`, or what it has made of them. */
export type Credentials = SecureContextOptions | SecureContext

/**
 * Asked for the certificate of a server name, in lower case; nothing: the default one. What it throws or rejects with ends
 * that handshake. Options that are given again as the same object are not read again.
 */
export type SniCallback = (serverName: string) => Credentials | undefined | Promise<Credentials | undefined>

/** Certificates by server name (`*.example.com` is any name below `example.com`), or who gives them. */
export type SniOption = Readonly<Record<string, Credentials>> | SniCallback

export class Certificates {
  private readonly named: Map<string, SecureContext>
  private readonly callback: SniCallback | undefined
  /** Of options that the callback has given, for as long as it has them. */
  private readonly made: WeakMap<object, SecureContext>
  private readonly shared: SecureContextOptions

  /**
   * `options` are those of the server: every context has what is not its own from them, such as `minVersion` and `ca`.
   * Throws `ERR_OPTION` for a name that is none, and whatever `tls.createSecureContext` throws.
   */
  constructor(sni: SniOption | undefined, options: SecureContextOptions) {
    this.named = new Map()
    this.callback = typeof sni === 'function' ? sni : undefined
    this.made = new WeakMap()
    const { key: _key, cert: _cert, pfx: _pfx, passphrase: _passphrase, ...shared } = options
    this.shared = shared
    if (typeof sni === 'object') for (const [name, given] of Object.entries(sni)) this.set(name, given)
  }

  /** Whether there is nothing to look for. */
  get empty(): boolean {
    return this.callback === undefined && this.named.size === 0
  }

  /** Sets the certificate of a name, whatever a callback says; handshakes that begin from now on get it. */
  set(name: string, given: Credentials): void {
    this.named.set(readServerName(name), this.contextOf(given))
  }

  /** What the options mean together with those that all contexts share. */
  complete(options: SecureContextOptions): SecureContextOptions {
    return { ...this.shared, ...options }
  }

  /** Finds the context of a name, and reports it as Node's `SNICallback` does. */
  find(serverName: string, done: (error: Error | null, context?: SecureContext) => void): void {
    const name = serverName.toLowerCase()
    const { callback } = this
    const named = forName(this.named, name)
    if (named !== undefined || callback === undefined) return done(null, named)
    Promise.resolve(name)
      .then(callback)
      .then((given) => (given === undefined ? undefined : this.remember(given)))
      .then(
        (context) => done(null, context),
        (error) => done(error instanceof Error ? error : new Error(String(error))),
      )
  }

  /** To make a context takes longer than a handshake. */
  private remember(given: Credentials): SecureContext {
    const known = this.made.get(given)
    if (known !== undefined) return known
    const context = this.contextOf(given)
    this.made.set(given, context)
    return context
  }

  private contextOf(given: Credentials): SecureContext {
    return 'context' in given ? (given as SecureContext) : createSecureContext(this.complete(given))
  }
}

/** What stands for a name: itself, or the longest `*.` that it is below. */
export function forName<Value>(values: ReadonlyMap<string, Value>, name: string): Value | undefined {
  const exact = values.get(name)
  if (exact !== undefined) return exact
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
    const below = values.get(`*${name.slice(dot)}`)
    if (below !== undefined) return below
  }
  return undefined
}

/** RFC 1035 §2.3.4. */
const LONGEST_NAME = 253

/** A host name, or `*.` and one, in lower case; throws `ERR_OPTION` for anything else. */
export function readServerName(name: string): string {
  const lower = typeof name === 'string' ? name.toLowerCase() : ''
  if (lower.length <= LONGEST_NAME + 2 && isServerName(lower)) return lower
  throw new PortmanteauError('ERR_OPTION', `Cannot use ${JSON.stringify(name)}: it is not a server name`)
}

function isServerName(name: string): boolean {
  return /^(?:\*\.)?[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/.test(name)
}
