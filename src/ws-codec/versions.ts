/**
 * The versions of the protocol that were ever shipped.
 *
 * `hixie-75` and `hixie-76` are draft-hixie-thewebsocketprotocol-75 and -76 (the latter also went by the name of
 * draft-ietf-hybi-thewebsocketprotocol-00); `hybi-03`, `7` and `8` are drafts of the IETF's, of which 7 and 8 have
 * RFC 6455's frames and the number that Sec-WebSocket-Version carries; `13` is RFC 6455.
 */
export type Version = '13' | '8' | '7' | 'hybi-03' | 'hixie-76' | 'hixie-75'

/** Every version, the newest first. */
export const VERSIONS: readonly Version[] = ['13', '8', '7', 'hybi-03', 'hixie-76', 'hixie-75']

/** A Set, since names may come from a peer. */
const NAMES: ReadonlySet<string> = new Set(VERSIONS)

/**
 * Whether a text names a version.
 *
 * @example
 * isVersion('hixie-76') // true
 * isVersion('toString') // false
 */
export function isVersion(name: string): name is Version {
  return NAMES.has(name)
}
