/** How nearly every request line ends (RFC 9112 §2.3). */
import { CR, LF, SLASH } from '../characters.ts'

export const LINE_END_LENGTH = 10

/** `HTTP/1.1` CRLF. In a loop over a text it takes 25 ns more, a seventh of a short head. */
export function isLineEnd(bytes: Uint8Array, at: number): boolean {
  return (
    bytes[at] === 0x48 &&
    bytes[at + 1] === 0x54 &&
    bytes[at + 2] === 0x54 &&
    bytes[at + 3] === 0x50 &&
    bytes[at + 4] === SLASH &&
    bytes[at + 5] === 0x31 &&
    bytes[at + 6] === 0x2e &&
    bytes[at + 7] === 0x31 &&
    bytes[at + 8] === CR &&
    bytes[at + 9] === LF
  )
}
