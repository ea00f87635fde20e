/** RFC 9110 §9.3 and RFC 5789, in the order in which they are tried among those of one length. */
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE', 'CONNECT'] as const

/** The methods that are known without decoding, by length; case-sensitive (RFC 9110 §9.1). */
const byLength: readonly (readonly string[])[] = Array.from({ length: 8 }, (_, length) =>
  methods.filter((method) => method.length === length),
)

/** The known method that the bytes spell, or ''. */
export function knownMethod(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start
  // What nearly all requests have, byte by byte: 15 ns less than by the loop, a tenth of a short head.
  if (length === 3 && bytes[start] === 0x47 && bytes[start + 1] === 0x45 && bytes[start + 2] === 0x54)
    return 'GET'
  if (length >= byLength.length) return ''
  for (const method of byLength[length]!) {
    if (spells(bytes, start, method)) return method
  }
  return ''
}

function spells(bytes: Uint8Array, start: number, method: string): boolean {
  for (let at = 0; at < method.length; at++) {
    if (bytes[start + at] !== method.charCodeAt(at)) return false
  }
  return true
}

/**
 * Whether the method is one of RFC 9110 §9.3 or PATCH; an unknown one is to be answered with 501.
 *
 * @example
 * import { isKnownMethod } from 'portmanteau/http'
 *
 * isKnownMethod('GET') // true
 * isKnownMethod('get') // false: methods are case-sensitive
 */
export function isKnownMethod(method: string): boolean {
  return byLength[method.length]?.includes(method) === true
}
