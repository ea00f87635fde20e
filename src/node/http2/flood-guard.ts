/**
 * Floods on one connection of HTTP/2: what costs its sender next to nothing, and us a piece of work. All of it adds up to one
 * score, in bytes that carried nothing, which falls with the time; a connection whose score is too high is cut.
 *
 * - A stream that the client resets costs a request (CVE-2023-44487), a SETTINGS frame an answer (CVE-2019-9515).
 * - Every byte read that is no part of a head or a body is counted by looking, once in a while, at how many were read: so
 *   PING, PRIORITY, WINDOW_UPDATE, empty frames and frames of unknown types are bounded alike (CVE-2019-9511 to -9518).
 *   A body may come in frames of one byte, and who is sent much acknowledges much.
 */

/** The score at which a connection is cut. */
const LIMIT = 1024 * 1024
/** Up to 200 streams may be reset at once, and 33 a second (nghttp2's own rate). */
const RESET = Math.floor(LIMIT / 200)
/** Up to 100 SETTINGS frames may come at once, and 16 a second. */
const SETTINGS = Math.floor(LIMIT / 100)
/** By how much the score falls in a millisecond. */
const FALL = LIMIT / 6_000

/** A frame has 9 bytes around it (RFC 9113 §4.1): so many bytes may come for each that carries something. */
const WITH_EACH = 16
/** And one for so many that are sent: acknowledging them takes 26 bytes for some thousands. */
const ONE_FOR_SENT = 16

export class FloodGuard {
  private score: number
  private time: number
  private read: number
  private sent: number
  /** Bytes of heads and bodies since the last look. */
  private carried: number

  /** `read` and `sent` are counts of the socket's bytes so far, `now` is in milliseconds. */
  constructor(read: number, sent: number, now: number) {
    this.score = 0
    this.time = now
    this.read = read
    this.sent = sent
    this.carried = 0
  }

  /** Whether the connection is to be cut. */
  get flooded(): boolean {
    return this.score > LIMIT
  }

  /** So many bytes have brought something. */
  carries(bytes: number): void {
    this.carried += bytes
  }

  /** The client has given a request up. */
  reset(): void {
    this.score += RESET
  }

  settings(): void {
    this.score += SETTINGS
  }

  /** Looks at how many bytes have gone either way since the last time. */
  look(read: number, sent: number, now: number): void {
    const useful = this.carried * WITH_EACH + (sent - this.sent) / ONE_FOR_SENT
    const useless = Math.max(0, read - this.read - useful)
    this.score = Math.max(0, this.score - (now - this.time) * FALL) + useless
    this.time = now
    this.read = read
    this.sent = sent
    this.carried = 0
  }
}
