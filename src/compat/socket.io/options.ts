import {
  type PolicyRule,
  PortmanteauError,
  type ServerOptions,
  type SessionsOptions,
  type TransportName,
} from '../../index.ts'

/** Options of one transport, as Socket.IO-node calls them. Times are in milliseconds. */
export interface TransportOptions {
  /** Time that a client gets to come back. */
  readonly closeTimeout?: number
  /** Time that a client gets to answer a heartbeat; `null`, 0: there are none. */
  readonly timeout?: number | null
  readonly heartbeatInterval?: number
  /** Time for which a poll is held. */
  readonly duration?: number
}

/** Options of `listen`. One whose name begins with `on` is a listener: `onClientConnect`. */
export interface Options {
  /** Pages that may connect, as `host:port` with `*` for any. Default `*:*`. */
  readonly origins?: string | readonly string[]
  /** The first segment of the paths that are taken. Default `socket.io`. */
  readonly resource?: string
  /** The transports that are accepted. Default: all, `server-events` among them. */
  readonly transports?: readonly TransportName[]
  readonly transportOptions?:
    | { readonly [Name in TransportName]?: TransportOptions | null | undefined }
    | null
  /** Called with a line for what happens; `false`, `null`: nobody is. Default: to standard output. */
  readonly log?: ((line: string) => void) | false | null
  /** Answer Flash's policy request on port 843, or this one, too. Default `true`. */
  readonly flashPolicyServer?: boolean | number
  /** What is spoken until a client shows otherwise: `0.6`, or what this fork's README documents, `0.7pre`. Default `0.6`. */
  readonly encoding?: '0.6' | '0.7pre'
  // biome-ignore lint/suspicious/noExplicitAny: each event has arguments of its own
  readonly [listener: `on${string}`]: ((...args: any[]) => void) | undefined
}

/** Those that a listener shows. */
export type ResolvedOptions = Options & {
  readonly [Name in
    | 'origins'
    | 'resource'
    | 'transports'
    | 'transportOptions'
    | 'flashPolicyServer']-?: NonNullable<Options[Name]>
} & { readonly log: (line: string) => void }

const DEFAULTS = {
  origins: '*:*',
  resource: 'socket.io',
  flashPolicyServer: true,
  transports: [
    'websocket',
    'server-events',
    'flashsocket',
    'htmlfile',
    'xhr-multipart',
    'xhr-polling',
    'jsonp-polling',
  ],
  transportOptions: {},
} as const

/** Flash asks there first. */
const FLASH_POLICY_PORT = 843

/** One that is undefined has its default, and so have `transportOptions` that are null. */
export function resolveOptions(options: Options): ResolvedOptions {
  const { log = (line: string) => console.log(line) } = options
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  const all = { ...DEFAULTS, ...Object.fromEntries(given), log: log || (() => {}) } as ResolvedOptions
  return { ...all, transportOptions: all.transportOptions ?? {} }
}

/** What the server that has the sessions is made with. */
export function serverOptions(options: ResolvedOptions): ServerOptions {
  const { origins, resource, transports, transportOptions, encoding } = options
  const flash = transports.includes('flashsocket')
  const names = Object.keys(transportOptions) as TransportName[]
  const own = names.map((name) => [name, readTransport(transportOptions[name] ?? {})] as const)
  const port = flashPolicyPort(options)
  return {
    sessions: {
      resource,
      transports,
      transportOptions: Object.fromEntries(own),
      ...(encoding === undefined ? {} : { encoding }),
    },
    allowOrigin: [origins].flat().map(readOrigin),
    ...(flash ? { flashPolicy: [origins].flat().map(readRule) } : {}),
    ...(flash && port !== undefined ? { flashPolicyPort: port } : {}),
    // On a port of its own there is nothing else.
    rawFallback: false,
    isMessage: () => false,
  }
}

/** The port that is for Flash's policy alone. */
export function flashPolicyPort({ flashPolicyServer }: ResolvedOptions): number | undefined {
  if (typeof flashPolicyServer === 'number') return flashPolicyServer
  return flashPolicyServer ? FLASH_POLICY_PORT : undefined
}

type OwnOptions = NonNullable<NonNullable<SessionsOptions['transportOptions']>[TransportName]>

function readTransport({ closeTimeout, timeout, heartbeatInterval, duration }: TransportOptions): OwnOptions {
  const interval = timeout === null || timeout === 0 ? Number.POSITIVE_INFINITY : heartbeatInterval
  return {
    ...(closeTimeout === undefined ? {} : { closeTimeout }),
    ...(timeout ? { heartbeatTimeout: timeout } : {}),
    ...(interval === undefined ? {} : { heartbeatInterval: interval }),
    ...(duration === undefined ? {} : { pollDuration: duration }),
  }
}

/** `host:port` to a pattern of the core's, which takes no star for a whole host beside a port. */
function readOrigin(origin: unknown): string | RegExp {
  const [host, port] = splitOrigin(origin)
  if (host !== '*') return `${host}:${port}`
  if (port === '*') return '*'
  // A default port is not written.
  return port === '80' || port === '443'
    ? new RegExp(`(?:[^:]+|\\[[^\\]]+\\])(?::${port})?`)
    : new RegExp(`.+:${Number(port)}`)
}

function readRule(origin: unknown): PolicyRule {
  const [domain, port] = splitOrigin(origin)
  return { domain, ports: port === '*' ? '*' : [Number(port)] }
}

function splitOrigin(origin: unknown): [host: string, port: string] {
  if (typeof origin !== 'string') throw noOrigin(origin)
  const colon = origin.lastIndexOf(':')
  const whole = colon < 0 || origin.endsWith(']')
  const [host, port] = whole ? [origin, '*'] : [origin.slice(0, colon), origin.slice(colon + 1)]
  if (host === '' || !(port === '*' || /^[1-9][0-9]{0,4}$/.test(port))) throw noOrigin(origin)
  return [host, port]
}

function noOrigin(origin: unknown): PortmanteauError {
  const reason = `${String(origin)} is not host:port`
  return new PortmanteauError('ERR_OPTION', `Cannot use option origins: ${reason}`)
}
