/**
 * Runs of bytes one behind the other, as one resumable step. A run takes every byte that fits until it is full; the
 * first that does not fit is the next run's. So the last byte of a run and the first of the next must differ, where
 * the run may be shorter than its most.
 */
import { MATCH, NO } from '../signature.ts'

export interface Run {
  fits(byte: number): boolean
  readonly least: number
  readonly most: number
}

export interface Sequence {
  /** States are below it. */
  readonly size: number
  /** As a signature's: MATCH at the byte with which the last run has its least. */
  step(state: number, byte: number): number
}

export function literal(text: string): Run[] {
  return Array.from(text, (character) => run((byte) => byte === character.charCodeAt(0)))
}

export function run(fits: Run['fits'], least = 1, most: number = least): Run {
  return { fits, least, most }
}

export function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}

/** A state is a run and the number of bytes that it has. A run of one length is left when it is full. */
export function sequence(...runs: readonly Run[]): Sequence {
  const states = runs.flatMap(({ least, most }, index) =>
    Array.from({ length: least === most ? most : most + 1 }, (_, count) => ({ index, count })),
  )
  const first = runs.map((_, index) => states.findIndex((state) => state.index === index))
  return {
    size: states.length,
    step(state, byte) {
      let { index, count } = states[state]!
      while (!takes(runs[index]!, count, byte)) {
        if (count < runs[index]!.least || index === runs.length - 1) return NO
        index++
        count = 0
      }
      const { least, most } = runs[index]!
      if (index === runs.length - 1 && count + 1 === least) return MATCH
      return least === most && count + 1 === most ? first[index + 1]! : first[index]! + count + 1
    },
  }
}

function takes({ fits, most }: Run, count: number, byte: number): boolean {
  return count < most && fits(byte)
}
