/**
 * What a client says of itself in its first TLS message (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2).
 *
 * A hello holds no list and no text, only where they begin, counted from its own start, so that it holds in the
 * chunk as in a copy; each list begins with its length. What is asked for is made then. The lists are as
 * the client sent them, in its order, GREASE included.
 */
import { parseAddress } from '../address.ts'
import { latin1 } from '../latin1.ts'
import { hostNameText } from './host-name.ts'

/**
 * Whether the number is one that clients send so that servers get used to what they do not know (RFC 8701 §2):
 * as a cipher suite, an extension, a group, a signature algorithm or a version.
 *
 * @example
 * import { isGrease } from 'portmanteau/sniff'
 *
 * isGrease(0x1a1a) // true
 */
export function isGrease(value: number): boolean {
  return (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff)
}

/**
 * A valid ClientHello, made by a {@link ClientHelloReader}.
 *
 * Until `detach` it lies in the chunk in which it ended (or in a buffer of its own, if it came in pieces): that
 * chunk must not be overwritten before all that is wanted has been asked for.
 *
 * @example
 * import { ClientHelloReader, ja4 } from 'portmanteau/sniff'
 *
 * const reader = new ClientHelloReader()
 * reader.push(chunk, 0, chunk.length)
 * const { hello } = reader
 * if (hello !== null) console.log(hello.serverName, hello.protocols, hello.versions.includes(0x0304))
 * hello?.detach() // for whoever asks it after the chunk is gone
 */
export class ClientHello {
  /** The message's body, from legacy_version on, lies here, … */
  bytes: Uint8Array
  /** … from here on, … */
  base: number
  /** … and is so long. */
  readonly length: number
  /** legacy_version: 0x0303 for TLS 1.2 and later; 0x0302, 0x0301, 0x0300 for those before. */
  legacyVersion: number
  // Where each list's length stands; 0 for a list that is not there. Set once, by the reader of the body.
  cipherSuitesAt: number
  extensionsAt: number
  serverNameAt: number
  protocolsAt: number
  versionsAt: number
  groupsAt: number
  pointFormatsAt: number
  signatureAlgorithmsAt: number
  private name: string | null
  private protocolNames: readonly string[] | null

  constructor(bytes: Uint8Array, base: number, length: number) {
    this.bytes = bytes
    this.base = base
    this.length = length
    this.legacyVersion = 0
    this.cipherSuitesAt = 0
    this.extensionsAt = 0
    this.serverNameAt = 0
    this.protocolsAt = 0
    this.versionsAt = 0
    this.groupsAt = 0
    this.pointFormatsAt = 0
    this.signatureAlgorithmsAt = 0
    this.name = null
    this.protocolNames = null
  }

  /**
   * The host that the client wants (SNI, RFC 6066 §3), in lower case; '' if it does not say. An IPv4 address in its
   * place is passed over, as §3 permits none; a hello with any other name that is none is refused.
   */
  get serverName(): string {
    return (this.name ??= this.readServerName())
  }

  /** The protocols that it offers (ALPN, RFC 7301 §3.1), a byte a character, in order of its preference; [] without. */
  get protocols(): readonly string[] {
    return (this.protocolNames ??= this.readProtocols())
  }

  /** supported_versions (RFC 8446 §4.2.1); [] in a hello of TLS 1.2 or before. Made anew each time, as all that follow. */
  get versions(): number[] {
    if (this.versionsAt === 0) return []
    const at = this.base + this.versionsAt
    return numbers(this.bytes, at + 1, at + 1 + this.bytes[at]!, 2)
  }

  get cipherSuites(): number[] {
    return this.list(this.cipherSuitesAt)
  }

  /** Types of the extensions. */
  get extensions(): number[] {
    const { bytes, base, extensionsAt, length } = this
    const types: number[] = []
    if (extensionsAt === 0) return types
    for (let at = base + extensionsAt + 2; at < base + length; at += 4 + uint16(bytes, at + 2)) {
      types.push(uint16(bytes, at))
    }
    return types
  }

  /** supported_groups, once named elliptic_curves (RFC 8446 §4.2.7). */
  get groups(): number[] {
    return this.list(this.groupsAt)
  }

  /** ec_point_formats (RFC 8422 §5.1.2). */
  get pointFormats(): number[] {
    if (this.pointFormatsAt === 0) return []
    const at = this.base + this.pointFormatsAt
    return numbers(this.bytes, at + 1, at + 1 + this.bytes[at]!, 1)
  }

  /** signature_algorithms (RFC 8446 §4.2.3). */
  get signatureAlgorithms(): number[] {
    return this.list(this.signatureAlgorithmsAt)
  }

  /** Copies the hello out of the chunk, so that it can be kept. */
  detach(): void {
    this.bytes = this.bytes.slice(this.base, this.base + this.length)
    this.base = 0
  }

  /** A list of 16-bit numbers behind a 16-bit length. */
  private list(offset: number): number[] {
    if (offset === 0) return []
    const at = this.base + offset
    return numbers(this.bytes, at + 2, at + 2 + uint16(this.bytes, at), 2)
  }

  private readServerName(): string {
    if (this.serverNameAt === 0) return ''
    const { bytes } = this
    const at = this.base + this.serverNameAt
    const end = at + 2 + uint16(bytes, at)
    const name = hostNameText(bytes, at + 2, end)
    return isDigit(bytes[end - 1]!) && parseAddress(name) !== undefined ? '' : name
  }

  private readProtocols(): readonly string[] {
    const names: string[] = []
    if (this.protocolsAt === 0) return names
    const { bytes } = this
    let at = this.base + this.protocolsAt
    const end = at + 2 + uint16(bytes, at)
    at += 2
    while (at < end) {
      const next = at + 1 + bytes[at]!
      names.push(protocolName(bytes, at + 1, next))
      at = next
    }
    return names
  }
}

export function uint16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}

function numbers(bytes: Uint8Array, start: number, end: number, width: number): number[] {
  const list: number[] = []
  for (let at = start; at < end; at += width) list.push(width === 2 ? uint16(bytes, at) : bytes[at]!)
  return list
}

/** The two names of nearly every list are not made each time. */
function protocolName(bytes: Uint8Array, start: number, end: number): string {
  if (matches(bytes, start, end, 'h2')) return 'h2'
  if (matches(bytes, start, end, 'http/1.1')) return 'http/1.1'
  return latin1(bytes, start, end)
}

function matches(bytes: Uint8Array, start: number, end: number, name: string): boolean {
  if (end - start !== name.length) return false
  for (let at = start; at < end; at++) if (bytes[at] !== name.charCodeAt(at - start)) return false
  return true
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}
