/**
 * The challenge of hixie-76 and hybi-03 (draft-hixie-thewebsocketprotocol-76 §1.3, §4.1 and §5.2). Two fields hide a number
 * each: its digits, taken together, are the number times the count of spaces. The MD5 of both numbers and of the eight
 * bytes behind the request is the answer, sixteen bytes behind the head.
 */
import { WebSocketError, WebSocketErrorCode } from '../errors.ts'
import { md5 } from './md5.ts'

/** Bytes behind the request. */
export const CHALLENGE_BYTES = 8
/** Bytes behind the answer. */
export const RESPONSE_BYTES = 16

const SPACE = 0x20
const DIGIT_0 = 0x30
const DIGIT_9 = 0x39
const MAX_NUMBER = 0xffff_ffff

/**
 * The number that a Sec-WebSocket-Key1 or -Key2 hides (§5.2 items 4 to 6), or -1 when there is none: it has no digit or no space,
 * or the digits are no multiple of the spaces, or the number has more than 32 bits.
 *
 * @example
 * keyNumber('18x 6]8vM;54 *(5:  {   U1]8  z [  8') // 155712099
 */
export function keyNumber(key: string): number {
  let digits = -1
  let spaces = 0
  for (let at = 0; at < key.length; at++) {
    const character = key.charCodeAt(at)
    if (character === SPACE) spaces++
    else if (character >= DIGIT_0 && character <= DIGIT_9) {
      digits = Math.max(digits, 0) * 10 + character - DIGIT_0
      if (digits > Number.MAX_SAFE_INTEGER) return -1
    }
  }
  if (spaces === 0 || digits < 0 || digits % spaces !== 0) return -1
  const number = digits / spaces
  return number <= MAX_NUMBER ? number : -1
}

/** The answer to a challenge: 16 bytes (§5.2 items 8 and 9). */
export function respond(
  number1: number,
  number2: number,
  challenge: Uint8Array,
  hash: (bytes: Uint8Array) => Uint8Array = md5,
): Uint8Array {
  if (challenge.length !== CHALLENGE_BYTES) {
    const message = `Cannot answer the challenge: it has ${challenge.length} bytes, and not ${CHALLENGE_BYTES}`
    throw new WebSocketError(WebSocketErrorCode.option, message)
  }
  const question = new Uint8Array(2 * 4 + CHALLENGE_BYTES)
  const view = new DataView(question.buffer)
  view.setUint32(0, number1)
  view.setUint32(4, number2)
  question.set(challenge, 8)
  return hash(question)
}

/** What a client asks with. */
export interface Challenge {
  readonly key1: string
  readonly key2: string
  readonly body: Uint8Array
  /** The answer that proves the server. */
  readonly response: Uint8Array
}

const MAX_SPACES = 12
const MAX_NOISE = 12
/** A byte for the count of spaces, four for the number, one for the count of noise, two for each of it, one a space. */
const KEY_RANDOM = 1 + 4 + 1 + 2 * MAX_NOISE + MAX_SPACES

/** Random bytes that `makeChallenge` takes. */
export const CHALLENGE_RANDOM: number = 2 * KEY_RANDOM + CHALLENGE_BYTES

/** Makes a challenge (§4.1 items 16 to 26) of `CHALLENGE_RANDOM` random bytes. */
export function makeChallenge(random: Uint8Array): Challenge {
  const key1 = makeKey(random, 0)
  const key2 = makeKey(random, KEY_RANDOM)
  const body = random.slice(2 * KEY_RANDOM, CHALLENGE_RANDOM)
  return { key1, key2, body, response: respond(keyNumber(key1), keyNumber(key2), body) }
}

function makeKey(random: Uint8Array, at: number): string {
  const spaces = 1 + (random[at++] % MAX_SPACES)
  const drawn = new DataView(random.buffer, random.byteOffset + at, 4).getUint32(0)
  at += 4
  let key = String((drawn % (Math.floor(MAX_NUMBER / spaces) + 1)) * spaces)
  const noise = 1 + (random[at++] % MAX_NOISE)
  for (let index = 0; index < noise; index++, at += 2) {
    key = insert(key, random[at] % (key.length + 1), noiseCharacter(random[at + 1]))
  }
  // §4.1 item 21: neither at the start nor at the end. There are two characters at least.
  for (let index = 0; index < spaces; index++) key = insert(key, 1 + (random[at++] % (key.length - 1)), ' ')
  return key
}

/** U+0021 to U+002F and U+003A to U+007E (§4.1 item 20): 15 and 69 characters. */
function noiseCharacter(random: number): string {
  const index = random % 84
  return String.fromCharCode(index < 15 ? 0x21 + index : 0x3a + index - 15)
}

function insert(text: string, at: number, character: string): string {
  return text.slice(0, at) + character + text.slice(at)
}
