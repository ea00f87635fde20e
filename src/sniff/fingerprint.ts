/**
 * JA3 and JA4: short texts that name the program behind a ClientHello by what it offers, not by whom it talks to.
 *
 * JA3 as in github.com/salesforce/ja3, README.md ("How it works"); JA4 as in github.com/FoxIO-LLC/ja4,
 * technical_details/JA4.md, quoted below by its headings. Both leave out GREASE wherever it stands. Hashing is
 * the host's: a function from ASCII text to lower-case hexadecimal.
 */
import { isGrease } from './client-hello/client-hello.ts'

/** What is taken from a hello: a {@link ClientHello} has it. All lists as sent, GREASE included. */
export interface FingerprintedHello {
  readonly legacyVersion: number
  readonly versions: readonly number[]
  readonly cipherSuites: readonly number[]
  readonly extensions: readonly number[]
  readonly groups: readonly number[]
  readonly pointFormats: readonly number[]
  readonly signatureAlgorithms: readonly number[]
  readonly protocols: readonly string[]
}

/** Hashes ASCII text; hexadecimal, in lower case. */
export type Digest = (text: string) => string

/** Over what the hello came: TLS over TCP, QUIC, DTLS ("QUIC and DTLS"). */
export type Ja4Protocol = 't' | 'q' | 'd'

const SERVER_NAME = 0x0000
const ALPN = 0x0010
const SUPPORTED_VERSIONS = 0x002b

/** "TLS and DTLS Version" */
const VERSIONS: ReadonlyMap<number, string> = new Map([
  [0x0304, '13'],
  [0x0303, '12'],
  [0x0302, '11'],
  [0x0301, '10'],
  [0x0300, 's3'],
  [0x0002, 's2'],
  [0xfeff, 'd1'],
  [0xfefd, 'd2'],
  [0xfefc, 'd3'],
])

/** "…rather than running a sha256 hash of nothing" */
const NO_VALUES = '000000000000'

/**
 * The text whose MD5 is JA3: version, cipher suites, extensions, groups and point formats, in decimal.
 *
 * @example
 * import { ja3Text } from 'portmanteau/sniff'
 *
 * ja3Text(reader.hello) // '771,4865-4866-4867,0-23-65281-10-11,29-23-24,0'
 */
export function ja3Text(hello: FingerprintedHello): string {
  const lists = [hello.cipherSuites, hello.extensions, hello.groups, hello.pointFormats]
  return [hello.legacyVersion, ...lists.map((list) => withoutGrease(list).join('-'))].join(',')
}

/**
 * JA3.
 *
 * @example
 * import { createHash } from 'node:crypto'
 * import { ja3 } from 'portmanteau/sniff'
 *
 * ja3(reader.hello, { md5: (text) => createHash('md5').update(text).digest('hex') })
 * // 'ada70206e40642a3e4461f35503241d5'
 */
export function ja3(hello: FingerprintedHello, { md5 }: { md5: Digest }): string {
  return md5(ja3Text(hello))
}

/**
 * JA4.
 *
 * @example
 * import { createHash } from 'node:crypto'
 * import { ja4 } from 'portmanteau/sniff'
 *
 * ja4(reader.hello, { protocol: 't', sha256: (text) => createHash('sha256').update(text).digest('hex') })
 * // 't13d1516h2_8daaf6152771_e5627efa2ab1'
 */
export function ja4(
  hello: FingerprintedHello,
  { protocol, sha256 }: { protocol: Ja4Protocol; sha256: Digest },
): string {
  const { ciphers, extensions, signatures } = sorted(hello)
  // "Cipher hash", "Extension hash"
  const part = (list: string, rest: string) => (list === '' ? NO_VALUES : sha256(list + rest).slice(0, 12))
  return `${prefix(hello, protocol)}_${part(ciphers, '')}_${part(extensions, signatures)}`
}

/**
 * JA4_r, the same with its lists instead of their hashes ("Raw Output").
 *
 * @example
 * import { ja4Text } from 'portmanteau/sniff'
 *
 * ja4Text(reader.hello, 't') // 't13d0303h2_1301,1302,1303_002b_0403,0804'
 */
export function ja4Text(hello: FingerprintedHello, protocol: Ja4Protocol): string {
  const { ciphers, extensions, signatures } = sorted(hello)
  return `${prefix(hello, protocol)}_${ciphers}_${extensions}${signatures}`
}

/** JA4_a. */
function prefix(hello: FingerprintedHello, protocol: Ja4Protocol): string {
  const version = VERSIONS.get(highestVersion(hello)) ?? '00'
  const destination = hello.extensions.includes(SERVER_NAME) ? 'd' : 'i'
  return (
    protocol +
    version +
    destination +
    count(hello.cipherSuites) +
    count(hello.extensions) +
    ends(hello.protocols[0] ?? '')
  )
}

function sorted(hello: FingerprintedHello): { ciphers: string; extensions: string; signatures: string } {
  const ciphers = withoutGrease(hello.cipherSuites).sort(ascending)
  const extensions = withoutGrease(hello.extensions)
    .filter((type) => type !== SERVER_NAME && type !== ALPN)
    .sort(ascending)
  const signatures = withoutGrease(hello.signatureAlgorithms)
  return {
    ciphers: hexList(ciphers),
    extensions: hexList(extensions),
    // "If there are no signature algorithms … then the string ends without an underscore"
    signatures: signatures.length === 0 ? '' : '_' + hexList(signatures),
  }
}

/** "If extension 0x002b exists …, then the version is the highest value in the extension." */
function highestVersion(hello: FingerprintedHello): number {
  if (!hello.extensions.includes(SUPPORTED_VERSIONS)) return hello.legacyVersion
  return Math.max(0, ...withoutGrease(hello.versions))
}

/** "Number of Ciphers": two digits, at most 99. */
function count(list: readonly number[]): string {
  return String(Math.min(99, withoutGrease(list).length)).padStart(2, '0')
}

/** "ALPN Extension Value": the first and last character, of the bytes or else of their hexadecimal digits. */
function ends(name: string): string {
  if (name === '') return '00'
  const [first, last] = [name.charCodeAt(0), name.charCodeAt(name.length - 1)]
  if (isAlphanumeric(first) && isAlphanumeric(last)) return name[0]! + name.at(-1)!
  return hex(first, 2)[0]! + hex(last, 2)[1]!
}

function isAlphanumeric(code: number): boolean {
  const letter = code | 0x20
  return (code >= 0x30 && code <= 0x39) || (letter >= 0x61 && letter <= 0x7a)
}

function withoutGrease(list: readonly number[]): number[] {
  return list.filter((value) => !isGrease(value))
}

function ascending(one: number, other: number): number {
  return one - other
}

function hexList(list: readonly number[]): string {
  return list.map((value) => hex(value, 4)).join(',')
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}
