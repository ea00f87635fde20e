import { MATCH, NO, type Signature, Verdict } from '../signature.ts'

/*
 * PostgreSQL: the first message of a client, which has no type byte (PostgreSQL's documentation, "Message Formats").
 *
 *   length(4), itself counted; code(4)
 *
 *   StartupMessage  9–10,000  0003 and any minor version: a server answers one that it does not know
 *   SSLRequest      8         04D2 162F (80877103)
 *   GSSENCRequest   8         04D2 1630 (80877104)
 *   CancelRequest   16–268    04D2 162E (80877102): since protocol 3.2 its key has 4 to 256 bytes
 *
 * 10,000 is the server's own bound (MAX_STARTUP_PACKET_LENGTH).
 */
const LENGTH_1 = 0
const LENGTH_2 = 1
const LENGTH_3 = 2
const LENGTH_4_UNDER_256 = 3
const LENGTH_4_FROM_256 = 4
const LENGTH_4 = 5
const LENGTH_4_LAST = 6 // after 27: 10,000 is 2710
const REQUEST = 7 // REQUEST + n: n bytes of its code read
const CANCEL_OR_STARTUP = REQUEST + 4
const CANCEL = CANCEL_OR_STARTUP // CANCEL + n: n bytes of its code read, 1 at least
const STARTUP = CANCEL + 4 // STARTUP + n: n bytes of its version read

const REQUEST_CODE = [0x04, 0xd2, 0x16]
const MAJOR_VERSION = [0x00, 0x03]

/** PostgreSQL, by length and code of the client's first message: decides at the 8th byte. */
export const postgresql: Signature = {
  name: 'postgresql',
  verdict: Verdict.postgresql,
  step: (state, byte) => (state < REQUEST ? stepLength(state, byte) : stepCode(state, byte)),
}

function stepLength(state: number, byte: number): number {
  switch (state) {
    case LENGTH_1:
    case LENGTH_2:
      return byte === 0x00 ? state + 1 : NO
    case LENGTH_3:
      if (byte === 0x00) return LENGTH_4_UNDER_256
      if (byte === 0x01) return LENGTH_4_FROM_256
      if (byte === 0x27) return LENGTH_4_LAST
      return byte < 0x27 ? LENGTH_4 : NO
    case LENGTH_4_UNDER_256:
      if (byte < 8) return NO
      if (byte === 8) return REQUEST
      return byte < 16 ? STARTUP : CANCEL_OR_STARTUP
    case LENGTH_4_FROM_256:
      return byte <= 268 - 256 ? CANCEL_OR_STARTUP : STARTUP
    case LENGTH_4:
      return STARTUP
    default: // LENGTH_4_LAST
      return byte <= 0x10 ? STARTUP : NO
  }
}

function stepCode(state: number, byte: number): number {
  if (state === CANCEL_OR_STARTUP && byte === MAJOR_VERSION[0]) return STARTUP + 1
  if (state >= STARTUP) return stepVersion(state - STARTUP, byte)
  const cancels = state >= CANCEL
  const read = state - (cancels ? CANCEL : REQUEST)
  if (read < REQUEST_CODE.length) return byte === REQUEST_CODE[read] ? state + 1 : NO
  if (cancels) return byte === 0x2e ? MATCH : NO
  return byte === 0x2f || byte === 0x30 ? MATCH : NO
}

function stepVersion(read: number, byte: number): number {
  if (read < MAJOR_VERSION.length) return byte === MAJOR_VERSION[read] ? STARTUP + read + 1 : NO
  return read === 3 ? MATCH : STARTUP + read + 1
}
