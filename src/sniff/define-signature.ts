/**
 * Signatures of one's own, written as what is to be matched: bytes, several alternatives of bytes, or a function
 * that is resumed byte by byte.
 */
import { MAX_STATES } from './automaton.ts'
import { MATCH, NO, type Signature, SniffError } from './signature.ts'

/** ASCII (or Latin-1) text, or bytes. */
export type Bytes = string | readonly number[]

/** Bytes at a fixed place. */
export interface BytePattern {
  readonly bytes: Bytes
  /** As long as `bytes`: a byte fits when its masked bits equal the masked bits of the pattern. Default: all bits. */
  readonly mask?: readonly number[]
  /** How many bytes, whichever they are, stand in front of it. Default: 0. */
  readonly offset?: number
}

/** Resumed byte by byte: the functions of a Signature, under its contract. */
export type Matcher = Pick<Signature, 'step' | 'atLimit' | 'atDeadline'>

/** What `defineSignature` makes a signature of. */
export interface SignatureDefinition extends Pick<Signature, 'name' | 'verdict' | 'before'> {
  /** A pattern, at most 32 alternatives of which the first complete one matches, or a matcher (or its `step` alone). */
  readonly match: Bytes | BytePattern | readonly (Bytes | BytePattern)[] | Matcher | Matcher['step']
}

/** The bits of an alternative that has fallen are kept in a 32-bit integer. */
const MAX_ALTERNATIVES = 32

/**
 * A signature of one's own, to be put into a table. One that goes before `http1` may take from HTTP what a browser can be
 * made to send: let it match nothing that a request line can begin with, or treat what it gets as such.
 *
 * @throws {SniffError} ERR_SIGNATURE_INVALID for a `match` that is none of these, no bytes at all, a value outside
 * 0x00–0xff, a mask of another length, an offset that is not an integer from 0 to 4,095, or more than 32 alternatives.
 * @example
 * const sip = defineSignature({ name: 'sip', match: ['REGISTER sip:', 'INVITE sip:'], before: 'http1' })
 * const dtls = defineSignature({ name: 'dtls', match: { bytes: [0x16, 0xfe, 0xfc], mask: [0xff, 0xff, 0xfc] } })
 * const stun = defineSignature({ name: 'stun', match: { bytes: [0x21, 0x12, 0xa4, 0x42], offset: 4 } })
 * const digits = defineSignature({
 *   name: 'digits',
 *   match: (_, byte) => (byte === 0x0a ? MATCH : byte >= 0x30 && byte <= 0x39 ? 1 : NO),
 * })
 * const table = new SignatureTable([...signatures, sip, dtls, stun, digits])
 */
export function defineSignature({ name, verdict, before, match }: SignatureDefinition): Signature {
  return {
    name,
    ...(verdict !== undefined && { verdict }),
    ...(before !== undefined && { before }),
    ...matcherOf(name, match),
  }
}

function matcherOf(name: string, match: SignatureDefinition['match']): Matcher {
  if (typeof match === 'function') return { step: match }
  if (isMatcher(match)) return pickMatcher(match)
  if (!isAlternatives(match)) return alternatives([compile(name, match)])
  if (match.length > MAX_ALTERNATIVES)
    throw invalid(name, `it has ${match.length} alternatives, above ${MAX_ALTERNATIVES}`)
  return alternatives(match.map((each) => compile(name, each)))
}

function isMatcher(match: object | string): match is Matcher {
  return typeof match === 'object' && match !== null && 'step' in match && typeof match.step === 'function'
}

/** Called as methods: a matcher may be an instance of a class. */
function pickMatcher(matcher: Matcher): Matcher {
  return {
    step: (state, byte) => matcher.step(state, byte),
    ...(matcher.atLimit && { atLimit: (state: number) => matcher.atLimit!(state) }),
    ...(matcher.atDeadline && { atDeadline: (state: number) => matcher.atDeadline!(state) }),
  }
}

function isAlternatives(match: object | string): match is readonly (Bytes | BytePattern)[] {
  return Array.isArray(match) && match.length > 0 && typeof match[0] !== 'number'
}

/** A pattern whose form is checked. */
interface Compiled {
  readonly bytes: readonly number[]
  readonly mask: readonly number[]
  readonly offset: number
  /** The position of its last byte. */
  readonly last: number
}

function compile(name: string, pattern: Bytes | BytePattern): Compiled {
  const given: Partial<BytePattern> = isBytes(pattern) ? { bytes: pattern } : (pattern ?? {})
  const { bytes: wanted, mask: bits, offset = 0 } = given
  if (!isBytes(wanted)) throw invalid(name, 'it has no bytes to match')
  const bytes =
    typeof wanted === 'string' ? Array.from(wanted, (character) => character.codePointAt(0)!) : wanted
  const mask = bits ?? bytes.map(() => 0xff)
  if (bytes.length === 0) throw invalid(name, 'the pattern is empty')
  if (mask.length !== bytes.length)
    throw invalid(name, `the mask has ${mask.length} bytes for ${bytes.length}`)
  if (![...bytes, ...mask].every(isByte)) throw invalid(name, 'a value is outside 0x00–0xff')
  if (!Number.isInteger(offset) || offset < 0 || offset >= MAX_STATES)
    throw invalid(name, `the offset is ${offset}`)
  return { bytes, mask, offset, last: offset + bytes.length - 1 }
}

/** The state is the number of bytes read, and in its low bits, one for each alternative, which of them have fallen. */
function alternatives(patterns: readonly Compiled[]): Matcher {
  const bits = 2 ** patterns.length
  return {
    step(state, byte) {
      const position = Math.floor(state / bits)
      let fallen = state % bits
      for (const [index, pattern] of patterns.entries()) {
        const bit = 2 ** index
        if (Math.floor(fallen / bit) % 2 === 1) continue
        if (!fits(pattern, position, byte)) fallen += bit
        else if (position === pattern.last) return MATCH
      }
      return fallen === bits - 1 ? NO : (position + 1) * bits + fallen
    },
  }
}

function fits({ bytes, mask, offset }: Compiled, position: number, byte: number): boolean {
  const at = position - offset
  return at < 0 || ((byte ^ bytes[at]!) & mask[at]!) === 0
}

function isBytes(value: unknown): value is Bytes {
  return typeof value === 'string' || Array.isArray(value)
}

function isByte(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0x00 && (value as number) <= 0xff
}

function invalid(name: string, problem: string): SniffError {
  return new SniffError('ERR_SIGNATURE_INVALID', `Cannot make the signature "${name}": ${problem}`)
}
