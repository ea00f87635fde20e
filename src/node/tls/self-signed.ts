/**
 * A certificate for trying things out: made in a millisecond with node:crypto, for one run of a process. It
 * proves nothing to anybody, so clients must be told to accept it; it is no way to run a service.
 */
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'
import {
  bitString,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  tagged,
  time,
  utf8String,
} from './der.ts'

/** What TLS needs, in PEM, with the certificate's SHA-256 fingerprint to compare. */
export interface Certificate {
  readonly key: string
  readonly cert: string
  /** `AB:CD:…`, as programs print it. */
  readonly fingerprint: string
}

const COMMON_NAME = '2.5.4.3' // RFC 5280 §4.1.2.4, X.520
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2' // RFC 5758 §3.2
const BASIC_CONSTRAINTS = '2.5.29.19' // RFC 5280 §4.2.1.9
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17' // RFC 5280 §4.2.1.6
const EXTENDED_KEY_USAGE = '2.5.29.37' // RFC 5280 §4.2.1.12
const SERVER_AUTHENTICATION = '1.3.6.1.5.5.7.3.1'

const VERSION_3 = Buffer.from([0xa0, 0x03, 0x02, 0x01, 0x02])
const CONTEXT_EXTENSIONS = 0xa3
const CONTEXT_DNS_NAME = 0x82
const CONTEXT_IP_ADDRESS = 0x87

const DAY = 24 * 60 * 60 * 1000
/** A clock that is a little behind must not refuse it. */
const BACKDATED = DAY

/**
 * Makes a P-256 key and a certificate for it, signed by itself.
 *
 * @param names host names, IPv4 and IPv6 addresses that it is for; the first is its subject. Default: localhost
 * @param days how long it is valid. Default 30
 *
 * @example
 * import { selfSignedCertificate, Server } from 'portmanteau'
 *
 * const { key, cert } = selfSignedCertificate()
 * new Server((message, socket, writer) => writer.write(message), { key, cert }).listen(8443)
 */
export function selfSignedCertificate(
  names: readonly string[] = ['localhost', '127.0.0.1'],
  days: number = 30,
): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const now = Date.now()
  const body = certificateBody(
    names,
    publicKey.export({ type: 'spki', format: 'der' }),
    now - BACKDATED,
    now + days * DAY,
  )
  const certificate = sequence(body, algorithm(), bitString(sign('sha256', body, privateKey)))
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    cert: pem(certificate),
    fingerprint: createHash('sha256').update(certificate).digest('hex').toUpperCase().match(/../g)!.join(':'),
  }
}

/** RFC 5280 §4.1: TBSCertificate. */
function certificateBody(names: readonly string[], publicKey: Buffer, from: number, until: number): Buffer {
  const name = sequence(set(sequence(objectIdentifier(COMMON_NAME), utf8String(names[0] ?? 'localhost'))))
  const validity = sequence(time(new Date(from)), time(new Date(until)))
  const extensions = tagged(CONTEXT_EXTENSIONS, sequence(...extensionsFor(names)))
  return sequence(
    VERSION_3,
    integer(randomBytes(16)),
    algorithm(),
    name,
    validity,
    name,
    publicKey,
    extensions,
  )
}

function algorithm(): Buffer {
  return sequence(objectIdentifier(ECDSA_WITH_SHA256))
}

function extensionsFor(names: readonly string[]): Buffer[] {
  return [
    extension(BASIC_CONSTRAINTS, sequence()),
    extension(EXTENDED_KEY_USAGE, sequence(objectIdentifier(SERVER_AUTHENTICATION))),
    extension(SUBJECT_ALTERNATIVE_NAME, sequence(...names.map(generalName))),
  ]
}

function extension(identifier: string, value: Buffer): Buffer {
  return sequence(objectIdentifier(identifier), octetString(value))
}

function generalName(name: string): Buffer {
  const family = isIP(name)
  if (family !== 0) return tagged(CONTEXT_IP_ADDRESS, family === 4 ? fromIpv4(name) : fromIpv6(name))
  return tagged(CONTEXT_DNS_NAME, Buffer.from(name, 'latin1'))
}

function fromIpv4(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number))
}

/** RFC 4291 §2.2: groups of 16 bits in hex; `::` stands for as many zero groups as are missing. */
function fromIpv6(address: string): Buffer {
  const [head, tail] = address.split('::').map((half) => half.split(':').filter((group) => group !== ''))
  const groups = [...head!, ...(tail ?? [])].map((group) => Number.parseInt(group, 16))
  groups.splice(head!.length, 0, ...new Array<number>(8 - groups.length).fill(0))
  return Buffer.from(groups.flatMap((group) => [group >> 8, group & 0xff]))
}

function pem(certificate: Buffer): string {
  const lines = certificate.toString('base64').match(/.{1,64}/g)!
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
