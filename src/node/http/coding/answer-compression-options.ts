import { PortmanteauError } from '../../errors.ts'

/** What an answer may be compressed with. `deflate` is not: clients differ in what they take it for. */
export type AnswerCoding = 'br' | 'gzip'

/** How HTTP answers are compressed, for clients that accept it (RFC 9110 §12.5.3). */
export interface AnswerCompressionOptions {
  /** Bytes from which on an answer is compressed. One whose length is not known at its head always is. Default 1,024. */
  threshold?: number
  /** What to compress with, the best first. Default `['br', 'gzip']`. */
  codings?: readonly AnswerCoding[]
  /** zlib's level for gzip, 0 to 9. Default 4. */
  level?: number
  /** Brotli's quality, 0 to 11; from 10 on it takes very long and much memory. Default 4. */
  quality?: number
  /**
   * Answers of unknown length that are compressed at a time, in the whole process; more go out as they are. Each takes
   * up to 1 MiB (br) or 250 KiB (gzip) until it ends. Default 128.
   */
  streams?: number
}

/** Every option of the compression of answers, with its value. */
export type AnswerCompressionSettings = Readonly<Required<AnswerCompressionOptions>>

/**
 * Level 4 and quality 4 take about as long (1.1 and 1.2 ms for 96 KiB of TypeScript) and leave 29 and 28 %; level 6 takes
 * 1.9 ms for 27.5 %, level 3 as long as 4 for 31 % (Node 20).
 */
const DEFAULTS: AnswerCompressionSettings = {
  threshold: 1024,
  codings: ['br', 'gzip'],
  level: 4,
  quality: 4,
  streams: 128,
}

const CODINGS: readonly unknown[] = ['br', 'gzip']

/** The least and the most of each whole number. */
const RANGES: ReadonlyMap<
  Exclude<keyof AnswerCompressionOptions, 'codings'>,
  readonly [least: number, most: number]
> = new Map([
  ['threshold', [0, Number.POSITIVE_INFINITY]],
  ['level', [0, 9]],
  ['quality', [0, 11]],
  ['streams', [0, Number.POSITIVE_INFINITY]],
])

/**
 * The application's `answerCompression` with every default filled in; undefined when it is off, as it is unless it is
 * given. Throws `ERR_OPTION` where one is no possible value.
 */
export function resolveAnswerCompression(
  option: boolean | AnswerCompressionOptions = false,
): AnswerCompressionSettings | undefined {
  if (option === false) return undefined
  if (option === true) return DEFAULTS
  if (typeof option !== 'object' || option === null) {
    throw refusal('answerCompression', option, 'a boolean or an object')
  }
  const given = Object.entries(option).filter(([, value]) => value !== undefined)
  const settings: AnswerCompressionSettings = { ...DEFAULTS, ...Object.fromEntries(given) }
  checkCodings(settings.codings)
  for (const [name, [least, most]] of RANGES) checkRange(name, settings[name], least, most)
  return settings
}

function checkCodings(codings: unknown): void {
  const list = Array.isArray(codings) ? codings : []
  const known = list.every((coding) => CODINGS.includes(coding))
  if (known && list.length > 0 && new Set(list).size === list.length) return
  throw refusal('answerCompression.codings', codings, "a list of 'br' and 'gzip', or one of them")
}

function checkRange(name: string, value: unknown, least: number, most: number): void {
  const whole = Number.isInteger(value) || value === Number.POSITIVE_INFINITY
  if (whole && (value as number) >= least && (value as number) <= most) return
  const range = most === Number.POSITIVE_INFINITY ? `from ${least}` : `from ${least} to ${most}`
  throw refusal(`answerCompression.${name}`, value, `a whole number ${range}`)
}

function refusal(name: string, value: unknown, expected: string): PortmanteauError {
  return new PortmanteauError('ERR_OPTION', `Cannot use option ${name}: ${String(value)} is not ${expected}`)
}
