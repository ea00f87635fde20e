import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { createSecureContext } from 'node:tls'
import { selfSignedCertificate } from '../src/node/tls/self-signed.ts'

test('the certificate is for its names, valid now, and signed by its own key', () => {
  const { key, cert, fingerprint } = selfSignedCertificate(['hub.example', '10.0.0.7'], 3)
  const certificate = new X509Certificate(cert)
  assert.equal(certificate.subject, 'CN=hub.example')
  assert.equal(certificate.issuer, certificate.subject)
  assert.equal(certificate.checkHost('hub.example'), 'hub.example')
  assert.equal(certificate.checkHost('other.example'), undefined)
  assert.equal(certificate.checkIP('10.0.0.7'), '10.0.0.7')
  assert.equal(certificate.ca, false)
  assert.ok(certificate.verify(certificate.publicKey))
  assert.ok(certificate.checkPrivateKey(createPrivateKey(key)))
  assert.equal(certificate.fingerprint256, fingerprint)
  const day = 24 * 60 * 60 * 1000
  assert.ok(Date.parse(certificate.validFrom) < Date.now())
  assert.ok(Math.abs(Date.parse(certificate.validTo) - Date.now() - 3 * day) < 60_000)
})

test('OpenSSL takes key and certificate as they are', () => {
  assert.ok(createSecureContext(selfSignedCertificate()))
})

test('an IPv6 address is named as an address', () => {
  const certificate = new X509Certificate(selfSignedCertificate(['localhost', '::1', 'fe80::1:2']).cert)
  assert.equal(certificate.checkIP('::1'), '::1')
  assert.equal(certificate.checkIP('fe80::1:2'), 'fe80::1:2')
})

test('no two are alike', () => {
  const [one, other] = [selfSignedCertificate(), selfSignedCertificate()]
  assert.notEqual(one.fingerprint, other.fingerprint)
  assert.notEqual(new X509Certificate(one.cert).serialNumber, new X509Certificate(other.cert).serialNumber)
})
