/** Protocols that begin with bytes that are always the same. */
import { defineSignature } from '../define-signature.ts'
import { type Signature, Verdict } from '../signature.ts'

/** SSH 2.0, and 1.99, which speaks 2.0 too, by the identification string (RFC 4253 §4.2, §5.1): decides at its last dash. */
export const ssh: Signature = defineSignature({
  name: 'ssh',
  verdict: Verdict.ssh,
  match: ['SSH-2.0-', 'SSH-1.99-'],
})

/**
 * AMQP by its protocol header of 8 bytes: 0-9-1 (§4.2.2 of its specification), and 1.0 with protocol id 0 (part 2,
 * §2.2), 2 for TLS (part 5, §5.2.1) and 3 for SASL (§5.3.2).
 */
export const amqp: Signature = defineSignature({
  name: 'amqp',
  verdict: Verdict.amqp,
  match: ['AMQP\x00\x00\x09\x01', 'AMQP\x00\x01\x00\x00', 'AMQP\x02\x01\x00\x00', 'AMQP\x03\x01\x00\x00'],
})

/** BitTorrent, by the start of its handshake (BEP 3, "peer protocol"): decides at the 20th byte. Encrypted streams have no mark. */
export const bittorrent: Signature = defineSignature({
  name: 'bittorrent',
  verdict: Verdict.bittorrent,
  match: '\x13BitTorrent protocol',
})

/** Flash's request for a socket policy file: decides at the NUL, its 23rd byte (Adobe, "Policy file changes in Flash Player 9", socket policy files). */
export const flashPolicy: Signature = defineSignature({
  name: 'flashPolicy',
  verdict: Verdict.flashPolicy,
  match: '<policy-file-request/>\x00',
})
