/**
 * Where a request comes from. Browsers name the origin in a field of its own on requests that read across origins, on POST and
 * on WebSockets (RFC 6454 §7); not when a script or a frame of a page loads, as jsonp-polling and htmlfile do, nor on GET
 * within one origin. There the page's address tells (Referer, RFC 9110 §10.1.3), or at least whether it is another's
 * (Sec-Fetch-Site, W3C Fetch Metadata §2). A page that keeps its address to itself and is of another origin counts as
 * `null`, the origin that no other is equal to.
 */

/** The origin of a request, as far as it shows. */
export interface RequestOrigin {
  /** As browsers write it; undefined if none is to be seen. */
  readonly origin: string | undefined
  /** The request has named it in its Origin field. */
  readonly declared: boolean
}

const OPAQUE = 'null'

/**
 * Reads the origin of a request.
 *
 * @param field the value of a field by its name in lower case
 * @example
 * import { requestOrigin } from 'portmanteau/sessions'
 *
 * const fields = new Map([['referer', 'https://example.com/chat?room=1']])
 * requestOrigin((name) => fields.get(name)) // { origin: 'https://example.com', declared: false }
 */
export function requestOrigin(field: (name: string) => string | undefined): RequestOrigin {
  const declared = field('origin')
  const site = field('sec-fetch-site')
  if (declared !== undefined) {
    // A form of a page that has Referer switched off says null even to its own server (WHATWG Fetch §3.2).
    const own = declared === OPAQUE && site === 'same-origin'
    return own ? { origin: undefined, declared: false } : { origin: declared, declared: true }
  }
  const page = originOf(field('referer') ?? '')
  const foreign = site === 'cross-site' || site === 'same-site'
  return { origin: page ?? (foreign ? OPAQUE : undefined), declared: false }
}

/** The origin of an http or https address, as browsers write it; undefined if it has none. */
function originOf(address: string): string | undefined {
  const secure = startsWithFolded(address, 'https://')
  if (!secure && !startsWithFolded(address, 'http://')) return undefined
  const start = secure ? 8 : 7
  const authority = address.slice(start, authorityEnd(address, start)).toLowerCase()
  // User information is never sent; what has some is no address of a browser.
  if (authority === '' || authority.includes('@')) return undefined
  const defaultPort = secure ? ':443' : ':80'
  const host = authority.endsWith(defaultPort) ? authority.slice(0, -defaultPort.length) : authority
  return (secure ? 'https://' : 'http://') + host
}

function startsWithFolded(text: string, prefix: string): boolean {
  return text.slice(0, prefix.length).toLowerCase() === prefix
}

/** RFC 3986 §3.2; a backslash ends it for browsers. */
function authorityEnd(address: string, start: number): number {
  let at = start
  while (at < address.length && !'/?#\\'.includes(address[at]!)) at++
  return at
}
