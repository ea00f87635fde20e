/** What the door of one server recognises, and where each protocol goes. */
import { flashPolicy } from '../../raw/index.ts'
import { knownSignatures, type Signature, SignatureTable } from '../../sniff/index.ts'
import type { Settings } from '../limits/options.ts'
import { DoorCounters } from './counters.ts'
import { ProxyTrust } from './proxy-trust.ts'
import { type RouteMatch, Routes, type RouteTarget } from './routes.ts'

/**
 * What every server recognises: what it speaks itself, and what is refused by name instead of reaching the application as
 * lines. Whatever else is known is only in the running while a route takes it.
 */
const ALWAYS = ['tls', 'sslv2', 'proxyV1', 'proxyV2', 'http1', 'http2']

/** Tables of our own signatures are shared by all servers of the process: to compile one takes milliseconds. */
const sharedTables = new Map<string, SignatureTable>()

export class FrontDoor {
  readonly routes: Routes
  readonly counters: DoorCounters
  readonly trust: ProxyTrust
  private readonly settings: Settings
  private readonly signatures: readonly Signature[]
  private compiled: SignatureTable | undefined
  private policy: Uint8Array | undefined

  constructor(settings: Settings) {
    this.settings = settings
    this.routes = new Routes()
    this.counters = new DoorCounters()
    this.trust = new ProxyTrust(settings.proxy)
    this.signatures = [...knownSignatures, ...settings.signatures]
    this.compiled = undefined
    this.policy = undefined
    // What cannot be compiled is told at once.
    if (settings.signatures.length > 0) void new SignatureTable(this.signatures)
  }

  /** The signatures that are in the running. */
  get table(): SignatureTable {
    return (this.compiled ??= this.compile())
  }

  route(match: RouteMatch, target: RouteTarget): void {
    const names = new Set(['raw', ...DATAGRAMS, ...this.signatures.map(({ name }) => name)])
    this.routes.add(match, target, names)
    this.compiled = undefined
  }

  /** The Flash policy for a port, or nothing where it is not served. */
  flashPolicy(port: number): Uint8Array | undefined {
    const { flashPolicy: rules } = this.settings
    if (rules === undefined) return undefined
    this.policy ??= flashPolicy(rules.map(({ domain, ports }) => ({ domain, ports: ports ?? [port] })))
    return this.policy
  }

  private compile(): SignatureTable {
    const names = this.signatures.map(({ name }) => name).filter((name) => this.isInTheRunning(name))
    const own = this.settings.signatures.some(({ name }) => names.includes(name))
    if (own) return new SignatureTable(this.signatures, names)
    const key = names.join()
    const shared = sharedTables.get(key) ?? new SignatureTable(knownSignatures, names)
    sharedTables.set(key, shared)
    return shared
  }

  private isInTheRunning(name: string): boolean {
    if (ALWAYS.includes(name) || this.routes.names.has(name)) return true
    return name === 'flashPolicy' && this.settings.flashPolicy !== undefined
  }
}

/** Kinds of datagrams that may have a route. */
export const DATAGRAMS: readonly string[] = ['stun', 'dtls', 'turnChannel', 'quic', 'wireguard']

interface Reason {
  readonly code: string
  readonly message: string
}

const UNEXPECTED: Reason = {
  code: 'ERR_PROXY_UNEXPECTED',
  message: 'Cannot accept the connection: it begins with a PROXY header, and is from no proxy',
}

/** What is refused by name, and why. */
export const REFUSED: ReadonlyMap<string, Reason> = new Map([
  ['sslv2', { code: 'ERR_SSLV2', message: 'Cannot start TLS: the client asks for SSL 2.0' }],
  ['proxyV1', UNEXPECTED],
  ['proxyV2', UNEXPECTED],
])
