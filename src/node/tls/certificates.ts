/** The certificates of a server, by the name that a client asks for (RFC 6066 §3). They may be replaced while it runs. */
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import { PortmanteauError } from '../errors.ts'

/** Asked for the certificate of a server name; nothing: the default one. */
export type SniCallback = (
  serverName: string,
) => SecureContextOptions | undefined | Promise<SecureContextOptions | undefined>

/** Certificates by server name (`*.example.com` is any name below `example.com`), or who gives them. */
export type SniOption = Readonly<Record<string, SecureContextOptions>> | SniCallback

type Found = SecureContext | undefined

export class Certificates {
  private readonly exact: Map<string, SecureContext>
  /** By what follows the `*`. */
  private readonly below: Map<string, SecureContext>
  private readonly callback: SniCallback | undefined
  private readonly defaults: SecureContextOptions

  /** `defaults` are what every context has besides its key and certificate, such as `minVersion` and `ca`. */
  constructor(sni: SniOption | undefined, defaults: SecureContextOptions) {
    this.exact = new Map()
    this.below = new Map()
    this.callback = typeof sni === 'function' ? sni : undefined
    const { key: _key, cert: _cert, pfx: _pfx, passphrase: _passphrase, ...shared } = defaults
    this.defaults = shared
    if (typeof sni === 'object') for (const [name, options] of Object.entries(sni)) this.set(name, options)
  }

  get empty(): boolean {
    return this.callback === undefined && this.exact.size === 0 && this.below.size === 0
  }

  /** Sets the certificate of a name; handshakes that begin from now on get it. */
  set(name: string, options: SecureContextOptions): void {
    const context = this.context(options)
    const lower = readServerName(name)
    if (lower.startsWith('*')) this.below.set(lower.slice(1), context)
    else this.exact.set(lower, context)
  }

  /** Finds the context of a name, and reports it as Node's `SNICallback` does. */
  find(serverName: string, done: (error: Error | null, context?: SecureContext) => void): void {
    if (this.callback === undefined) return done(null, this.lookUp(serverName.toLowerCase()))
    // Whatever the application throws or rejects with ends this handshake, and nothing else.
    Promise.resolve(serverName.toLowerCase())
      .then(this.callback)
      .then((options): Found => (options === undefined ? undefined : this.context(options)))
      .then(
        (context) => done(null, context),
        (error) => done(error instanceof Error ? error : new Error(String(error))),
      )
  }

  private lookUp(name: string): Found {
    const context = this.exact.get(name)
    if (context !== undefined) return context
    for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
      const found = this.below.get(name.slice(dot))
      if (found !== undefined) return found
    }
    return undefined
  }

  private context(options: SecureContextOptions): SecureContext {
    return createSecureContext({ ...this.defaults, ...options })
  }
}

/** A host name, or `*.` and one, in lower case; throws `ERR_OPTION` for anything else. */
export function readServerName(name: string): string {
  const lower = name.toLowerCase()
  if (/^(?:\*\.)?[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/.test(lower)) return lower
  throw new PortmanteauError('ERR_OPTION', `Cannot use ${JSON.stringify(name)}: it is not a server name`)
}
