/** What a conformance case is made of. The numbers and the groups are those of the Autobahn Testsuite. */
import { type Frame, headerLength } from '../support/frames.ts'

/** How the bytes are cut: in one piece, a piece a frame, pieces of so many bytes, or of these many in turn. */
export type Chop = 'once' | 'frames' | number | readonly number[]

export interface Step {
  readonly frames: readonly Frame[]
  readonly chop: Chop
  /** So many frames have come back, and no more, before the next step. */
  readonly answers?: number
}

/** Where in its frame a fault is proven: at a byte of the header, or of the payload, counted from 1. */
export type Place =
  | { readonly frame: number; readonly header: number }
  | { readonly frame: number; readonly payload: number }

export interface Case {
  readonly id: string
  readonly description: string
  readonly sends: readonly Step[]
  /** The frames that come back, exactly, before the close frame. */
  readonly answers: readonly Frame[]
  /**
   * The server must fail the connection with this code, with the very byte that proves the fault: not earlier,
   * and whatever follows not later. Without it the peer closes, the server answers in kind.
   */
  readonly fails?: { readonly code: number; readonly at: Place }
  /** The case itself sends a close frame, which is answered with this code (1005: none). */
  readonly closes?: number
}

export function once(...frames: Frame[]): Step[] {
  return [{ frames, chop: 'once' }]
}

export function frameWise(...frames: Frame[]): Step[] {
  return [{ frames, chop: 'frames' }]
}

export function chopped(size: number, ...frames: Frame[]): Step[] {
  return [{ frames, chop: size }]
}

/** The three ways in which the suite sends most of its sequences, for three cases in a row. */
export const CHOPS: readonly (readonly [how: string, cut: (...frames: Frame[]) => Step[]])[] = [
  ['in one chop', once],
  ['frame by frame', frameWise],
  ['octet by octet', (...frames) => chopped(1, ...frames)],
]

export function allFrames(each: Case): Frame[] {
  return each.sends.flatMap(({ frames }) => frames)
}

/** The number of bytes with which the fault is proven. */
export function provenAfter(each: Case): number {
  if (each.fails === undefined) return Number.POSITIVE_INFINITY
  const { at } = each.fails
  const frames = allFrames(each)
  let bytes = 0
  for (const { payload } of frames.slice(0, at.frame)) bytes += headerLength(payload.length) + payload.length
  return bytes + ('header' in at ? at.header : headerLength(frames[at.frame]!.payload.length) + at.payload)
}
