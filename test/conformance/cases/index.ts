import type { Case } from '../case.ts'
import { closingCases } from './closing.ts'
import { fragmentation } from './fragmentation.ts'
import { framing } from './framing.ts'
import { limits, misc } from './limits.ts'
import { opcodes } from './opcodes.ts'
import { pings } from './pings.ts'
import { reservedBits } from './reserved-bits.ts'
import { utf8 } from './utf8.ts'

/** The groups without compression: number, name, how many cases it has. */
export interface Group {
  readonly number: number
  readonly name: string
  readonly count: number
  readonly cases: readonly Case[]
}

export const GROUPS: readonly Group[] = [
  { number: 1, name: 'framing', count: 16, cases: framing },
  { number: 2, name: 'pings and pongs', count: 11, cases: pings },
  { number: 3, name: 'reserved bits', count: 7, cases: reservedBits },
  { number: 4, name: 'opcodes', count: 10, cases: opcodes },
  { number: 5, name: 'fragmentation', count: 20, cases: fragmentation },
  { number: 6, name: 'UTF-8', count: 145, cases: utf8 },
  { number: 7, name: 'close', count: 37, cases: closingCases },
  { number: 9, name: 'limits', count: 54, cases: limits },
  { number: 10, name: 'misc', count: 1, cases: misc },
]
