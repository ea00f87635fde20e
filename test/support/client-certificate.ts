/** A certificate that may be shown by a client, which those for servers may not: signed by itself, version 1, for nothing special. */
import { generateKeyPairSync, sign } from 'node:crypto'
import {
  bitString,
  integer,
  objectIdentifier,
  sequence,
  set,
  time,
  utf8String,
} from '../../src/node/tls/der.ts'

const DAY = 24 * 60 * 60 * 1000

export function clientCertificate(name: string): { key: string; cert: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const now = Date.now()
  const subject = sequence(set(sequence(objectIdentifier('2.5.4.3'), utf8String(name))))
  const algorithm = sequence(objectIdentifier('1.2.840.10045.4.3.2'))
  const validity = sequence(time(new Date(now - DAY)), time(new Date(now + DAY)))
  const publicDer = publicKey.export({ type: 'spki', format: 'der' })
  const body = sequence(integer(Buffer.of(1)), algorithm, subject, validity, subject, publicDer)
  const certificate = sequence(body, algorithm, bitString(sign('sha256', body, privateKey)))
  const lines = certificate
    .toString('base64')
    .match(/.{1,64}/g)!
    .join('\n')
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  }
}
