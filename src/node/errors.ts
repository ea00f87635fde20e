/**
 * What `clientError` reports. `code` is stable; `docs/errors.md` lists the codes with what the peer is told.
 * Errors of the operating system (`ECONNRESET`, `EPIPE`) and of TLS pass through as Node made them.
 */
export class PortmanteauError extends Error {
  readonly code: string

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'PortmanteauError'
    this.code = code
  }
}

/** An HTTP request that is refused, with the status that answers it. */
export class RefusedError extends PortmanteauError {
  readonly status: number

  constructor(code: string, status: number, message: string, options?: { cause?: unknown }) {
    super(code, message, options)
    this.name = 'RefusedError'
    this.status = status
  }
}
