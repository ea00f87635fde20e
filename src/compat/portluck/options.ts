import type { OriginPattern, OriginTest, ServerOptions } from '../../index.ts'

/** Portluck's options; what else portmanteau's `Server` takes goes to it as it is. */
export interface Options
  extends Omit<ServerOptions, 'allowOrigin' | 'http' | 'idleTimeout' | 'isMessage' | 'raw' | 'stream'> {
  /** Quiet time in milliseconds after which a raw or WebSocket client is closed; 0 for never. Default 120,000. */
  timeout?: number
  /**
   * Origin that pages may come from, without a protocol; `*.example.com` is `example.com` and its subdomains, elsewhere `*` is
   * one label, `:*` any port. A RegExp is asked of `host[:port]`. Default: every origin.
   */
  allowOrigin?: OriginPattern
  /** Another name of `explicitEnd`. */
  explicitDone?: boolean
  /** Bytes of a message; 0 for no limit. Default 16 MiB. */
  messageLimit?: number
}

export const DEFAULT_TIMEOUT = 120_000
export const DEFAULT_MESSAGE_LIMIT: number = 16 * 1024 * 1024

/** Whether an HTTP answer has to be ended by the application. */
export function explicitEnd(options: Options): boolean {
  return options.explicitEnd ?? options.explicitDone ?? false
}

/** What portmanteau's `Server` takes in their place. */
export function translateOptions(options: Options, allowOrigin: OriginTest): ServerOptions {
  const { timeout, explicitDone: _other, allowOrigin: _pattern, messageLimit, ...others } = options
  return {
    ...others,
    idleTimeout: limitOf(timeout ?? DEFAULT_TIMEOUT),
    messageLimit: limitOf(messageLimit ?? DEFAULT_MESSAGE_LIMIT),
    explicitEnd: explicitEnd(options),
    raw: { verbatim: true },
    allowOrigin,
    // A missing one is asked about, too.
    allowUndefinedOrigin: false,
  }
}

function limitOf(value: number): number {
  return value === 0 ? Number.POSITIVE_INFINITY : value
}
