import { type Signature, Verdict } from '../signature.ts'
import { isDigit, literal, run, sequence } from './sequence.ts'

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
