/** The fields of cross-origin answers (WHATWG Fetch §3.2). */
import { allOf, TOKEN } from '../characters.ts'

/** What an allowed origin may do. */
export interface CorsOptions {
  /** Let the browser send cookies and show the answer. Default false; never together with an open origin. */
  credentials?: boolean
}

/** What the answer to a preflight allows. */
export interface PreflightOptions extends CorsOptions {
  /** Methods that may be used. */
  methods: readonly string[]
  /** The request's Access-Control-Request-Headers: echoed if it is a list of tokens, otherwise left out. */
  requestHeaders?: string | undefined
  /** Seconds for which the browser may remember this. Default: not said, the browser's own. */
  maxAge?: number
}

/** Name and value of a field. */
export type Field = readonly [name: string, value: string]

/**
 * The fields of an answer to an allowed origin, which is echoed: never `*`, so that a cache must keep the
 * answers apart (Vary), and credentials can go with it.
 *
 * @example
 * import { corsFields } from 'portmanteau/http'
 *
 * corsFields('https://example.com')
 * // [['Access-Control-Allow-Origin', 'https://example.com'], ['Vary', 'Origin']]
 */
export function corsFields(origin: string, options: CorsOptions = {}): Field[] {
  const fields: Field[] = [
    ['Access-Control-Allow-Origin', origin],
    ['Vary', 'Origin'],
  ]
  if (options.credentials === true) fields.push(['Access-Control-Allow-Credentials', 'true'])
  return fields
}

/**
 * The fields of the answer to an allowed origin's preflight (OPTIONS with Access-Control-Request-Method).
 *
 * @example
 * import { preflightFields } from 'portmanteau/http'
 *
 * preflightFields('https://example.com', { methods: ['POST'], requestHeaders: 'x-id', maxAge: 600 })
 */
export function preflightFields(origin: string, options: PreflightOptions): Field[] {
  const fields = corsFields(origin, options)
  fields.push(['Access-Control-Allow-Methods', options.methods.join(', ')])
  const headers = tokenList(options.requestHeaders ?? '')
  if (headers !== '') fields.push(['Access-Control-Allow-Headers', headers])
  if (options.maxAge !== undefined) fields.push(['Access-Control-Max-Age', String(options.maxAge)])
  return fields
}

/** A comma-separated list of tokens, written anew; '' if it is none. */
function tokenList(text: string): string {
  const tokens = text.split(',').map((token) => token.trim())
  return tokens.every((token) => token !== '' && allOf(token, TOKEN)) ? tokens.join(', ') : ''
}
