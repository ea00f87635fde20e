/** The option `sessions`: clients of the Socket.IO era. */
import {
  Encoding,
  MAX_SESSIONS,
  resolveSession,
  SessionError,
  type SessionOptions,
  TRANSPORT_NAMES,
  type TransportName,
  transportOf,
} from '../../sessions/index.ts'
import { PortmanteauError } from '../errors.ts'

export type { TransportName }

/** How sessions are served. Times are in milliseconds, sizes in bytes. */
export interface SessionsOptions extends Omit<SessionOptions, 'decode'> {
  /** The first segments of the paths that are theirs. Default `socket.io`. */
  readonly resource?: string
  /** The transports that are served. Default: all. */
  readonly transports?: readonly TransportName[]
  /** What differs for one transport. */
  readonly transportOptions?: { readonly [Name in TransportName]?: Omit<SessionOptions, 'decode'> }
  /** Sessions that there may be; one more is answered with 503. Default 10,000. */
  readonly maxSessions?: number
  /** Sessions from one address; one more is answered with 503. Default: no limit. */
  readonly maxSessionsPerAddress?: number
}

/** Every option of sessions, with its value. */
export interface SessionsSettings {
  readonly resource: string
  readonly transports: readonly TransportName[]
  readonly maxSessions: number
  readonly maxSessionsPerAddress: number
  /** Decoded bytes of a body that sends. */
  readonly maxBody: number
  /** The shortest time that a session may wait for anything. */
  readonly shortest: number
  /** Of the transports that are served. */
  readonly options: ReadonlyMap<TransportName, SessionOptions & { readonly encoding: Encoding }>
}

/** What of the server's own limits holds for sessions. */
export interface OwnLimits {
  readonly messageLimit: number
  readonly writeLimit: number
}

/**
 * Fills in the defaults; undefined where sessions are not served.
 *
 * @throws {PortmanteauError} `ERR_OPTION` where an option is no possible value
 */
export function resolveSessions(
  option: boolean | SessionsOptions | undefined,
  limits: OwnLimits,
): SessionsSettings | undefined {
  if (option === undefined || option === false) return undefined
  const {
    resource,
    transports,
    transportOptions,
    maxSessions = MAX_SESSIONS,
    maxSessionsPerAddress = Number.POSITIVE_INFINITY,
    ...common
  } = option === true ? {} : option
  const served = readTransports(transports)
  const own = { encoding: Encoding.v06, writeLimit: whole(limits.writeLimit) }
  const optionsOf = (name: TransportName) => ({ ...own, ...common, ...transportOptions?.[name], decode })
  const options = new Map(served.map((name) => [name, optionsOf(name)]))
  return {
    resource: readResource(resource),
    transports: served,
    maxSessions: readCount('maxSessions', maxSessions),
    maxSessionsPerAddress: readCount('maxSessionsPerAddress', maxSessionsPerAddress),
    maxBody: whole(limits.messageLimit),
    shortest: Math.min(...served.map((name) => shortestTime(name, options.get(name)!))),
    options,
  }
}

/** The bytes were checked. */
function decode(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString()
}

/** The server's own limits need not be whole numbers. */
function whole(limit: number): number {
  return Math.max(1, Math.floor(limit))
}

function readResource(resource: string = 'socket.io'): string {
  if (typeof resource === 'string' && resource.split('/').every(isSegment)) return resource
  throw invalid('resource', resource, 'segments of a path')
}

/** RFC 3986 §3.3, without what may be escaped: a path is compared as it comes. */
function isSegment(segment: string): boolean {
  return /^[A-Za-z0-9._~!$&'()*+,;=:@-]+$/.test(segment) && segment !== '.' && segment !== '..'
}

function readTransports(transports: unknown = TRANSPORT_NAMES): readonly TransportName[] {
  const valid =
    Array.isArray(transports) &&
    transports.length > 0 &&
    transports.every((name) => TRANSPORT_NAMES.includes(name))
  if (valid) return [...transports]
  throw invalid('transports', transports, `a list of ${TRANSPORT_NAMES.join(', ')}`)
}

function readCount(name: string, count: number): number {
  if ((Number.isSafeInteger(count) || count === Number.POSITIVE_INFINITY) && count > 0) return count
  throw invalid(name, count, 'a whole number above 0')
}

/** Checks the options of a transport by the way. */
function shortestTime(name: TransportName, options: SessionOptions): number {
  try {
    const settings = resolveSession(transportOf(name)!, options)
    const { heartbeatInterval, heartbeatTimeout, pollDuration, closeTimeout, graceTimeout } = settings
    const times = [heartbeatInterval, heartbeatTimeout, pollDuration, closeTimeout, graceTimeout]
    return Math.min(...times.filter((time) => time > 0))
  } catch (cause) {
    if (!(cause instanceof SessionError)) throw cause
    const reason = `${cause.message} (${name})`
    throw new PortmanteauError('ERR_OPTION', `Cannot use option sessions: ${reason}`, { cause })
  }
}

function invalid(name: string, value: unknown, what: string): PortmanteauError {
  return new PortmanteauError(
    'ERR_OPTION',
    `Cannot use option sessions.${name}: ${String(value)} is not ${what}`,
  )
}
