import type { SecureContextOptions } from 'node:tls'
import {
  detectFraming,
  type Framing,
  jsonFraming,
  lengthPrefixedFraming,
  lineFraming,
  netstringFraming,
  noneFraming,
} from '../../raw/index.ts'
import type { Signature } from '../../sniff/index.ts'
import { VERSIONS, type Version } from '../../ws-codec/index.ts'
import type { ForwardedOption, ProxyOption } from '../door/proxy-trust.ts'
import { PortmanteauError } from '../errors.ts'
import {
  type AnswerCompressionSettings,
  resolveAnswerCompression,
} from '../http/coding/answer-compression-options.ts'
import { resolveSessions, type SessionsSettings } from '../sessions/options.ts'
import { resolveUdp, type UdpSettings } from '../udp/udp-options.ts'
import { type CompressionSettings, resolveCompression } from '../websocket/compression-options.ts'
import type { UpgradeHook } from '../websocket/upgrade.ts'
import type { PolicyRule, ServerOptions } from './server-options.ts'

/** Options that are read one by one. */
type Passed =
  | 'allowOrigin'
  | 'protocols'
  | 'upgrade'
  | 'isMessage'
  | 'http'
  | 'sni'
  | 'tls'
  | 'proxy'
  | 'forwarded'
  | 'signatures'
  | 'udp'
  | 'flashPolicy'
  | 'flashPolicyPort'
  | 'sessions'
  | 'raw'

type TlsKeys = keyof SecureContextOptions | 'requestCert' | 'rejectUnauthorized'

/** Every option of the server's own, with its value. */
export interface Settings
  extends Required<
    Omit<ServerOptions, TlsKeys | Passed | 'framing' | 'versions' | 'compression' | 'answerCompression'>
  > {
  framing: Framing
  allowOrigin: ServerOptions['allowOrigin'] | undefined
  protocols: readonly string[] | undefined
  upgrade: UpgradeHook | undefined
  isMessage: ServerOptions['isMessage'] | undefined
  /** How raw connections are framed; HTTP bodies are by `framing`. */
  rawFraming: Framing
  /** Whether HTTP is spoken. */
  http1: boolean
  tls: 'optional' | 'required'
  proxy: ProxyOption | undefined
  forwarded: ForwardedOption | undefined
  signatures: readonly Signature[]
  udp: UdpSettings | undefined
  flashPolicy: readonly PolicyRule[] | undefined
  flashPolicyPort: number | undefined
  sessions: SessionsSettings | undefined
  versions: readonly Version[]
  compression: CompressionSettings | undefined
  answerCompression: AnswerCompressionSettings | undefined
}

const MIB = 1024 * 1024

const LIMITS = {
  sniffTimeout: 3_000,
  sniffLimit: 8_192,
  requestLineLimit: 8_192,
  headLimit: 16_384,
  fieldLimit: 100,
  headTimeout: 10_000,
  bodyTimeout: 300_000,
  keepAliveTimeout: 5_000,
  messageLimit: 16 * MIB,
  frameLimit: 131_072,
  handshakeTimeout: 10_000,
  closeTimeout: 5_000,
  pingInterval: 30_000,
  idleTimeout: 120_000,
  writeLimit: 16 * MIB,
  bufferLimit: 256 * MIB,
  maxConnections: Number.POSITIVE_INFINITY,
  maxConnectionsPerAddress: Number.POSITIVE_INFINITY,
  maxSniffing: 10_000,
}

/** Needed as a whole number: it counts bytes that are kept. */
const LARGEST_SNIFF_LIMIT = 1024 * 1024

const FLAGS = {
  rawFallback: true,
  wholeBody: false,
  explicitEnd: false,
  allowHalfOpen: false,
  stream: false,
  http2: true,
  allowUndefinedOrigin: true,
  allowCredentials: false,
}

/** The application's options with every default filled in; throws `ERR_OPTION` where one is no possible value. */
export function resolveOptions(options: ServerOptions): Settings {
  const settings = { ...LIMITS, ...FLAGS }
  for (const name of Object.keys(LIMITS) as (keyof typeof LIMITS)[]) {
    settings[name] = readLimit(name, options[name] ?? LIMITS[name])
  }
  for (const name of Object.keys(FLAGS) as (keyof typeof FLAGS)[]) {
    settings[name] = readFlag(name, options[name] ?? FLAGS[name])
  }
  if (!Number.isInteger(settings.sniffLimit) || settings.sniffLimit > LARGEST_SNIFF_LIMIT) {
    throw new PortmanteauError(
      'ERR_OPTION',
      `Cannot use option sniffLimit: ${settings.sniffLimit} is not a whole number up to 1 MiB`,
    )
  }
  const framing = readFraming(options.framing)
  return {
    ...settings,
    framing,
    rawFraming: readRawFraming(options.raw, framing),
    http1: options.http !== false,
    tls: readTls(options.tls),
    proxy: options.proxy,
    forwarded: options.forwarded,
    signatures: options.signatures ?? [],
    udp: resolveUdp(options.udp),
    flashPolicy: readFlashPolicy(options),
    flashPolicyPort: readFlashPolicyPort(options),
    sessions: resolveSessions(options.sessions, settings),
    versions: readVersions(options.versions),
    compression: resolveCompression(options.compression),
    answerCompression: resolveAnswerCompression(options.answerCompression),
    allowOrigin: options.allowOrigin,
    protocols: options.protocols,
    upgrade: options.upgrade,
    isMessage: options.isMessage,
  }
}

function readVersions(versions: readonly Version[] | undefined): readonly Version[] {
  if (versions === undefined) return VERSIONS
  if (
    Array.isArray(versions) &&
    versions.length > 0 &&
    versions.every((version) => VERSIONS.includes(version))
  ) {
    return versions
  }
  throw new PortmanteauError(
    'ERR_OPTION',
    `Cannot use option versions: ${String(versions)} is not a list of ${VERSIONS.join(', ')}`,
  )
}

function readLimit(name: string, value: unknown): number {
  if (typeof value === 'number' && value > 0) return value
  throw new PortmanteauError(
    'ERR_OPTION',
    `Cannot use option ${name}: ${String(value)} is not a number above 0`,
  )
}

function readFlag(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw new PortmanteauError('ERR_OPTION', `Cannot use option ${name}: ${String(value)} is not a boolean`)
}

function readTls(tls: ServerOptions['tls']): Settings['tls'] {
  if (tls === undefined || tls === 'optional' || tls === 'required') return tls ?? 'optional'
  throw new PortmanteauError(
    'ERR_OPTION',
    `Cannot use option tls: ${String(tls)} is neither optional nor required`,
  )
}

/** The hosts of `allowOrigin`, where they can be written in a policy. */
function readFlashPolicy({ flashPolicy: option, allowOrigin }: ServerOptions): Settings['flashPolicy'] {
  if (option === undefined || option === false) return undefined
  if (option !== true) return option
  const patterns = allowOrigin === undefined ? [] : [allowOrigin].flat()
  return patterns.map((pattern) => {
    if (typeof pattern === 'string') return { domain: pattern.replace(/:.*$/, '') }
    throw new PortmanteauError(
      'ERR_OPTION',
      `Cannot use option flashPolicy: ${String(pattern)} of allowOrigin cannot be written in a policy`,
    )
  })
}

function readFlashPolicyPort(options: ServerOptions): number | undefined {
  const { flashPolicyPort: port } = options
  if (port === undefined) return undefined
  const problem = !Number.isInteger(port) || port < 1 || port > 65_535 ? `${String(port)} is not a port` : ''
  if (problem === '' && readFlashPolicy(options) !== undefined) return port
  throw new PortmanteauError(
    'ERR_OPTION',
    `Cannot use option flashPolicyPort: ${problem || 'there is no flashPolicy to be served there'}`,
  )
}

const FRAMINGS: ReadonlyMap<unknown, Framing> = new Map<unknown, Framing>([
  [undefined, lineFraming],
  ['line', lineFraming],
  ['json', jsonFraming],
  ['netstring', netstringFraming],
  ['length-prefixed', lengthPrefixedFraming],
  ['none', noneFraming],
])

function readFraming(framing: ServerOptions['framing']): Framing {
  const named = FRAMINGS.get(framing)
  if (named !== undefined) return named
  if (typeof framing === 'object' && typeof framing.createReader === 'function') return framing
  throw new PortmanteauError('ERR_OPTION', `Cannot use option framing: ${String(framing)} is not a framing`)
}

function readRawFraming(raw: ServerOptions['raw'], framing: Framing): Framing {
  const detect = readFlag('raw.detect', raw?.detect ?? false)
  const verbatim = readFlag('raw.verbatim', raw?.verbatim ?? false)
  if (detect && verbatim) {
    throw new PortmanteauError(
      'ERR_OPTION',
      'Cannot use option raw: what is detected is answered in its framing, and what is verbatim in none',
    )
  }
  if (verbatim) return { ...noneFraming, name: framing.name, createReader: framing.createReader }
  return detect ? detectFraming : framing
}
