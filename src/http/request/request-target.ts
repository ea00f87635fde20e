/** The forms of a request target (RFC 9112 §3.2). */

import { COLON, hexValue, matchesFolded, SLASH } from '../characters.ts'
import { isAuthority } from './authority.ts'

export const TargetForm = { origin: 0, absolute: 1, authority: 2, asterisk: 3, invalid: 4 } as const
export type TargetForm = (typeof TargetForm)[keyof typeof TargetForm]

const PERCENT = 0x25
const ASTERISK = 0x2a
const QUESTION = 0x3f

/**
 * Which form the target has, and whether its method may have it. The absolute form is taken for `http` and
 * `https` only: for anything else this server is not the origin. `escaped`: it holds a percent sign.
 */
export function targetForm(
  bytes: Uint8Array,
  start: number,
  end: number,
  method: string,
  escaped: boolean,
): TargetForm {
  if (method === 'CONNECT') {
    // RFC 9112 §3.2.3: host and port, both required (RFC 9110 §9.3.6).
    const valid = isAuthority(bytes, start, end) && hasPort(bytes, start, end)
    return valid ? TargetForm.authority : TargetForm.invalid
  }
  if (bytes[start] === SLASH)
    return !escaped || isPath(bytes, start, end) ? TargetForm.origin : TargetForm.invalid
  if (bytes[start] === ASTERISK && end - start === 1)
    return method === 'OPTIONS' ? TargetForm.asterisk : TargetForm.invalid
  const authority = authorityStart(bytes, start, end)
  if (authority === start) return TargetForm.invalid
  const path = authorityEnd(bytes, authority, end)
  return isAuthority(bytes, authority, path) && (!escaped || isPath(bytes, path, end))
    ? TargetForm.absolute
    : TargetForm.invalid
}

/**
 * Whether each percent sign of the path begins an octet (RFC 3986 §2.1) that is not NUL (§7.3), as nginx has it:
 * what else it could mean, each decoder decides for itself. A query is not looked at: browsers send any in it.
 */
function isPath(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end && bytes[at] !== QUESTION; at++) {
    if (bytes[at] !== PERCENT) continue
    if (at + 2 >= end) return false
    const high = hexValue[bytes[at + 1]!]!
    const low = hexValue[bytes[at + 2]!]!
    if (high > 15 || low > 15 || high + low === 0) return false
  }
  return true
}

/** Where the authority of an absolute target begins; `start` if it has none. */
export function authorityStart(bytes: Uint8Array, start: number, end: number): number {
  if (end - start > 7 && matchesFolded(bytes, start, 'http://')) return start + 7
  if (end - start > 8 && matchesFolded(bytes, start, 'https://')) return start + 8
  return start
}

export function authorityEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && bytes[at] !== SLASH && bytes[at] !== QUESTION) at++
  return at
}

function hasPort(bytes: Uint8Array, start: number, end: number): boolean {
  let at = end - 1
  while (at > start && bytes[at] !== COLON && bytes[at] !== 0x5d) at--
  return bytes[at] === COLON && at < end - 1
}
