import type { DeflateSettings } from '../../ws-codec/handshake/permessage-deflate.ts'
import { PortmanteauError } from '../errors.ts'
import type { Role } from './compression.ts'
import { DEFAULT_CONCURRENCY } from './zlib-pool.ts'

/** How permessage-deflate is used (RFC 7692). */
export interface CompressionOptions {
  /** Bytes from which on a message is deflated. Default 1,024. */
  threshold?: number
  /**
   * Let messages refer to earlier ones, in both directions, where the peer agrees: smaller, for up to 300 KiB a
   * connection. Default `false`.
   */
  takeover?: boolean
  /** Bits of the window to deflate with, 8 to 15. Default 15: 32 KiB. */
  windowBits?: number
  /** Bits of the peer's window, 8 to 15; below 15 a peer that cannot be told is not compressed with. Default 15. */
  peerWindowBits?: number
  /** zlib's level, 0 to 9. Default 3. */
  level?: number
  /** zlib's memLevel, 1 to 9. Default 8: 128 KiB. */
  memoryLevel?: number
  /** Messages that are worked on at once off the main thread, in the whole process. Default 10. */
  concurrency?: number
}

/** Every option of compression, with its value. */
export type CompressionSettings = Readonly<Required<CompressionOptions>>

const DEFAULTS: CompressionSettings = {
  threshold: 1024,
  takeover: false,
  windowBits: 15,
  peerWindowBits: 15,
  level: 3,
  memoryLevel: 8,
  concurrency: DEFAULT_CONCURRENCY,
}

/** The least and the most of each whole number. */
const RANGES: ReadonlyMap<keyof CompressionOptions, readonly [least: number, most: number]> = new Map([
  ['threshold', [0, Number.POSITIVE_INFINITY]],
  ['windowBits', [8, 15]],
  ['peerWindowBits', [8, 15]],
  ['level', [0, 9]],
  ['memoryLevel', [1, 9]],
  ['concurrency', [1, 1024]],
])

/**
 * The application's `compression` with every default filled in; undefined when it is off. Throws `ERR_OPTION` where
 * one is no possible value.
 */
export function resolveCompression(
  compression: boolean | CompressionOptions = true,
): CompressionSettings | undefined {
  if (compression === false) return undefined
  if (compression === true) return DEFAULTS
  if (typeof compression !== 'object' || compression === null) {
    throw refusal('compression', compression, 'a boolean or an object')
  }
  const given = Object.entries(compression).filter(([, value]) => value !== undefined)
  const settings = { ...DEFAULTS, ...Object.fromEntries(given) }
  if (typeof settings.takeover !== 'boolean') {
    throw refusal('compression.takeover', settings.takeover, 'a boolean')
  }
  for (const [name, [least, most]] of RANGES) checkRange(name, settings[name], least, most)
  return settings
}

/** What to negotiate with. */
export function deflateSettings(settings: CompressionSettings, role: Role): DeflateSettings {
  const { takeover, windowBits, peerWindowBits } = settings
  const [server, client] = role === 'server' ? [windowBits, peerWindowBits] : [peerWindowBits, windowBits]
  return {
    serverTakeover: takeover,
    clientTakeover: takeover,
    serverMaxWindowBits: server,
    clientMaxWindowBits: client,
  }
}

function checkRange(name: string, value: unknown, least: number, most: number): void {
  const whole = Number.isInteger(value) || value === Number.POSITIVE_INFINITY
  if (whole && (value as number) >= least && (value as number) <= most) return
  const range = most === Number.POSITIVE_INFINITY ? `from ${least}` : `from ${least} to ${most}`
  throw refusal(`compression.${name}`, value, `a whole number ${range}`)
}

function refusal(name: string, value: unknown, expected: string): PortmanteauError {
  return new PortmanteauError('ERR_OPTION', `Cannot use option ${name}: ${String(value)} is not ${expected}`)
}
