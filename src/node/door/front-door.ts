/** What the door of one server recognises, and where each protocol goes. */
import type { Duplex } from 'node:stream'
import { flashPolicy } from '../../raw/index.ts'
import { knownSignatures, type Signature, SignatureTable } from '../../sniff/index.ts'
import type { Settings } from '../limits/options.ts'
import { DoorCounters } from './counters.ts'
import { ProxyTrust } from './proxy-trust.ts'
import { nameOfProtocol, type RouteMatch, Routes, type RouteTarget } from './routes.ts'

/**
 * What every server recognises: what it speaks itself, and what is refused by name instead of reaching the application as
 * lines. Whatever else is known is only in the running while a route takes it.
 */
const ALWAYS: ReadonlySet<string> = new Set(['tls', 'sslv2', 'proxyV1', 'proxyV2', 'http1', 'http2'])

/** The names of our verdicts. */
const OURS: ReadonlyMap<number, string> = new Map(
  knownSignatures.map(({ name, verdict }) => [verdict!, name] as const),
)

/** Tables of our own signatures are shared by all servers of the process: to compile one takes milliseconds. */
const sharedTables = new Map<string, SignatureTable>()

/** Any port, to see whether a policy can be made. */
const SOME_PORT = 1

export class FrontDoor {
  readonly routes: Routes
  readonly counters: DoorCounters
  readonly trust: ProxyTrust
  private readonly settings: Settings
  private readonly signatures: readonly Signature[]
  private readonly names: ReadonlySet<string>
  private compiled: SignatureTable | undefined

  /** Throws `ERR_OPTION`, `ERR_SIGNATURE_…` or `ERR_FLASH_POLICY_INVALID` where an option is no possible value. */
  constructor(settings: Settings) {
    this.settings = settings
    this.routes = new Routes()
    this.counters = new DoorCounters()
    this.trust = new ProxyTrust(settings.proxy, settings.forwarded)
    this.signatures = [...knownSignatures, ...settings.signatures]
    this.names = new Set(['raw', ...this.signatures.filter(isNamed).map(({ name }) => name)])
    this.compiled = undefined
    // What cannot be made is told at once, and not to the first peer that asks.
    if (settings.signatures.length > 0) void new SignatureTable(this.signatures)
    this.flashPolicy(SOME_PORT)
  }

  /** The signatures that are in the running. */
  get table(): SignatureTable {
    return (this.compiled ??= this.compile())
  }

  /** What a verdict of the table is called: of several ways to recognise one protocol, by our own. */
  nameOf(verdict: number): string {
    return OURS.get(verdict) ?? this.table.nameOf(verdict)!
  }

  /** What ALPN may choose from, the best first. */
  get alpnProtocols(): readonly string[] {
    const { routes } = this
    const { http1, http2 } = this.settings
    const protocols = [...routes.alpnProtocols]
    if ((http1 && http2) || routes.has('http2')) protocols.push('h2')
    if (http1 || routes.has('http1')) protocols.push('http/1.1', 'http/1.0')
    return protocols
  }

  /** Where what ALPN has chosen leads; `undefined`: the bytes must tell. What is ours is counted as if they had told. */
  agreed(socket: Duplex, protocol: string | undefined): RouteTarget | 'http1' | 'http2' | undefined {
    if (protocol === undefined) return undefined
    const name = nameOfProtocol(protocol)
    if (name !== undefined) this.counters.countVerdict(socket, name, 0, 0)
    return this.routes.forProtocol(protocol) ?? name
  }

  /** Holds for connections that are still to be recognised. */
  route(match: RouteMatch, target: RouteTarget): void {
    this.routes.add(match, target, this.names)
    this.compiled = undefined
  }

  /** The Flash policy for a port; where there is none (a socket of the file system), only of rules that name theirs. */
  flashPolicy(port: number | undefined): Uint8Array {
    const rules = this.settings.flashPolicy ?? []
    const forPort = rules.map(({ domain, ports }) => ({ domain, ports: ports ?? (port ? [port] : []) }))
    return flashPolicy(forPort.filter(({ ports }) => ports.length > 0))
  }

  private compile(): SignatureTable {
    const chosen = this.signatures.filter((signature) => this.isInTheRunning(signature))
    const names = chosen.map(({ name }) => name)
    if (chosen.some((signature) => !knownSignatures.includes(signature))) {
      return new SignatureTable(this.signatures, names)
    }
    const key = names.join()
    const shared = sharedTables.get(key) ?? new SignatureTable(knownSignatures, names)
    sharedTables.set(key, shared)
    return shared
  }

  private isInTheRunning({ name, verdict }: Signature): boolean {
    const called = (verdict === undefined ? undefined : OURS.get(verdict)) ?? name
    if (ALWAYS.has(called) || this.routes.has(called)) return true
    return called === 'flashPolicy' && this.settings.flashPolicy !== undefined
  }
}

/** One of the application's own may be another way to recognise a protocol of ours: then it has no name of its own. */
function isNamed(signature: Signature): boolean {
  const { name, verdict } = signature
  return verdict === undefined || !OURS.has(verdict) || OURS.get(verdict) === name
}
