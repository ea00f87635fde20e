/** Protocols that are known by an opening of fixed bytes, or nearly so. */
import { defineSignature } from '../define-signature.ts'
import { type Signature, Verdict } from '../signature.ts'
import { isDigit, literal, run, sequence } from './sequence.ts'

/** SSH 2.0, and 1.99, which speaks 2.0 too, by the identification string (RFC 4253 §4.2, §5.1): decides at its last dash. */
export const ssh: Signature = defineSignature({
  name: 'ssh',
  verdict: Verdict.ssh,
  match: ['SSH-2.0-', 'SSH-1.99-'],
})

/**
 * AMQP by its protocol header of 8 bytes: 0-9-1 (§4.2.2 of its specification), and 1.0 with protocol id 0 (part 2,
 * §2.2), 2 for TLS (part 5, §5.2) and 3 for SASL (§5.3).
 */
export const amqp: Signature = defineSignature({
  name: 'amqp',
  verdict: Verdict.amqp,
  match: ['AMQP\x00\x00\x09\x01', 'AMQP\x00\x01\x00\x00', 'AMQP\x02\x01\x00\x00', 'AMQP\x03\x01\x00\x00'],
})

/**
 * BitTorrent, by the start of its handshake (BEP 3, "peer protocol"): decides at the 20th byte. An encrypted stream has
 * nothing to be known by.
 */
export const bittorrent: Signature = defineSignature({
  name: 'bittorrent',
  verdict: Verdict.bittorrent,
  match: '\x13BitTorrent protocol',
})

/**
 * Flash's request for a socket policy file (Adobe, "Policy file changes in Flash Player 9 and Flash Player 10"): decides at
 * its NUL, the 23rd byte.
 */
export const flashPolicy: Signature = defineSignature({
  name: 'flashPolicy',
  verdict: Verdict.flashPolicy,
  match: '<policy-file-request/>\x00',
})

/*
 * Redis: a command as RESP has it, an array of bulk strings ("Redis serialization protocol specification").
 *
 *   "*" count CRLF "$"
 *
 * The count is at least 1, and at most 1,048,576, the server's bound: up to 7 digits. Inline commands are free text, and
 * raw like the rest of it.
 */
const command = sequence(
  ...literal('*'),
  run((byte) => isDigit(byte) && byte !== 0x30),
  run(isDigit, 0, 6),
  ...literal('\r\n$'),
)

/** Redis, by the start of a command in RESP: decides at the 5th to 11th byte. */
export const redis: Signature = { name: 'redis', verdict: Verdict.redis, step: command.step }
