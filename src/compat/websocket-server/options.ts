import type { Server as HttpServer } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import { compileOrigins, type OriginTest, type ServerOptions, type Version } from '../../index.ts'

/** Its options; what else portmanteau's `Server` takes goes to it as it is. */
export interface Options
  extends Omit<
    ServerOptions,
    'allowOrigin' | 'isMessage' | 'protocols' | 'rawFallback' | 'stream' | 'versions'
  > {
  /** Tell on standard error what happens. Default `false`. */
  debug?: boolean
  /** The versions that are spoken: all, `draft75` or `draft76` alone, or another one alone. Default `'auto'`. */
  version?: 'auto' | 'draft75' | 'draft76' | Version
  /** Origins that pages may come from, with a protocol or without. Default `'*'`. */
  origin?: string | readonly string[] | null
  /** Subprotocols of which one is spoken with a client that asks for any. Default: whichever it asks for first. */
  subprotocol?: string | readonly string[] | null
  /** The server that listens. Default: one of its own. */
  server?: HttpServer | HttpsServer
}

const VERSIONS: ReadonlyMap<string, Version> = new Map([
  ['draft75', 'hixie-75'],
  ['draft76', 'hixie-76'],
])

/** The name that a version has here: those of the drafts are older. */
export function nameOf(version: string | undefined): string {
  for (const [name, other] of VERSIONS) if (other === version) return name
  return version ?? 'unknown'
}

/** What portmanteau's `Server` takes in their place. */
export function translateOptions(options: Options): ServerOptions {
  const { debug: _debug, version = 'auto', origin, subprotocol, server: _server, ...others } = options
  const name = String(version).toLowerCase()
  const origins = [origin ?? '*'].flat()
  const protocols = subprotocol == null || subprotocol === '*' ? undefined : [subprotocol].flat()
  return {
    ...others,
    ...(name === 'auto' ? {} : { versions: [VERSIONS.get(name) ?? (name as Version)] }),
    ...(protocols === undefined ? {} : { protocols, upgrade: requireProtocol(protocols, others.upgrade) }),
    allowOrigin: origins.includes('*') ? '*' : originTest(origins),
    isMessage: () => false,
    rawFallback: false,
  }
}

/** With a protocol an origin has to have the same one. */
function originTest(origins: readonly string[]): OriginTest {
  const tests = origins.map((origin) => {
    const hostAt = origin.indexOf('://') < 0 ? 0 : origin.indexOf('://') + 3
    const protocol = origin.slice(0, hostAt).toLowerCase()
    const matches = compileOrigins(origin.slice(hostAt))
    return (asked: string) => asked.toLowerCase().startsWith(protocol) && matches(asked)
  })
  return (asked) => asked !== undefined && tests.some((test) => test(asked))
}

/** A client that asks for subprotocols of which none is spoken would not understand what it is sent. */
function requireProtocol(
  protocols: readonly string[],
  upgrade: ServerOptions['upgrade'],
): NonNullable<ServerOptions['upgrade']> {
  return (request, offer) => {
    const known = offer.protocols.length === 0 || offer.protocols.some((each) => protocols.includes(each))
    if (known) return upgrade?.(request, offer)
    return {
      status: 400,
      message: `Cannot accept the WebSocket: its subprotocol is not ${protocols.join(' or ')}`,
    }
  }
}
