import { MATCH, NO, type Signature, Verdict } from '../signature.ts'

/*
 * RTMP: C0 and the start of C1 (Adobe's RTMP specification 1.0, §5.2.2, §5.2.3). The state is the number of bytes read.
 *
 *   version 3; time(4); zero(4)
 *
 * Wider: in the place of the zero, Flash Player since 9, and FFmpeg in its name, have the player's version, of which the
 * first two bytes are the major (9–32, or 128) and the minor (0–9).
 */
const VERSION = 0
const ZERO = 5
const ZERO_LAST = 8
const PLAYER_MINOR = 9
const PLAYER_BUILD = 10
const PLAYER_REVISION = 11

/** RTMP, by version, time and zero of the client's handshake: decides at the 9th byte. */
export const rtmp: Signature = { name: 'rtmp', verdict: Verdict.rtmp, step: stepRtmp }

function stepRtmp(state: number, byte: number): number {
  switch (state) {
    case VERSION:
      return byte === 0x03 ? state + 1 : NO
    case ZERO:
      if (byte === 0x00) return state + 1
      return (byte >= 9 && byte <= 32) || byte === 128 ? PLAYER_MINOR : NO
    case ZERO_LAST:
      return byte === 0x00 ? MATCH : NO
    case PLAYER_MINOR:
      return byte <= 9 ? PLAYER_BUILD : NO
    case PLAYER_BUILD:
      return PLAYER_REVISION
    case PLAYER_REVISION:
      return MATCH
    default:
      return state < ZERO || byte === 0x00 ? state + 1 : NO
  }
}
