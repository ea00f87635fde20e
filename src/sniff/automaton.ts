/**
 * Signatures side by side, as one automaton: a state is the list of those that are still possible, each in its own
 * state, in order of precedence. One that has matched stays on the list behind those that may still win over it; when
 * it becomes the first it is the verdict. An empty list is raw.
 */
import { MATCH, NO, type Signature, SniffError } from './signature.ts'
import { invalidSignature } from './signature-order.ts'

/** The most states a table may have, and the most signatures: 2 MiB, where no two bytes do the same. */
export const MAX_STATES = 4096

/** From here on a target is a decision, not a state: this one is raw, and DECIDED + 1 + n the signature of rank n. */
export const DECIDED: number = MAX_STATES

/** A signature that is still possible, and its own state. */
export interface Candidate {
  readonly signature: Signature
  /** Its place in the order of precedence. */
  readonly rank: number
  /** At least 0, or MATCH. */
  readonly state: number
}

/** A state of the automaton. Its number is its place among all. */
export interface State {
  readonly candidates: readonly Candidate[]
  /** By byte: the number of a state, or a decision. */
  readonly next: Uint16Array
}

/**
 * Every state that can be reached.
 *
 * @param signatures in order of precedence.
 * @throws {SniffError} ERR_SIGNATURE_STATES above 4,096 states, ERR_SIGNATURE_INVALID for what a `step` must not answer.
 */
export function explore(signatures: readonly Signature[]): readonly State[] {
  if (signatures.length > MAX_STATES) throw tooMany('signatures')
  const states = new States()
  states.numberOf(signatures.map((signature, rank) => ({ signature, rank, state: 0 })))
  for (const state of states.found) expand(state, states)
  return states.found
}

class States {
  readonly found: State[]
  private readonly numbers: Map<string, number>

  constructor() {
    this.found = []
    this.numbers = new Map()
  }

  /** The number of this state, a new one if it is. */
  numberOf(candidates: readonly Candidate[]): number {
    const key = candidates.map(({ rank, state }) => `${rank}:${state}`).join()
    const known = this.numbers.get(key)
    if (known !== undefined) return known
    if (this.found.length === MAX_STATES) throw tooMany('states')
    this.numbers.set(key, this.found.length)
    return this.found.push({ candidates, next: new Uint16Array(256) }) - 1
  }
}

/** Sets where the state leads. */
function expand({ candidates, next }: State, states: States): void {
  // Most bytes do what the byte before them does: only where an answer changes is there a state to look up.
  const answers = candidates.map(() => 0)
  for (let byte = 0; byte <= 0xff; byte++) {
    const changed = answer(candidates, byte, answers)
    next[byte] = changed || byte === 0 ? resolve(candidates, answers, states) : next[byte - 1]!
  }
}

/** Writes what each candidate answers to the byte, and returns whether any answer changed by that. */
function answer(candidates: readonly Candidate[], byte: number, answers: number[]): boolean {
  let changed = false
  for (let index = 0; index < candidates.length; index++) {
    const next = step(candidates[index]!, byte)
    if (next === answers[index]) continue
    answers[index] = next
    changed = true
  }
  return changed
}

function step({ signature, state }: Candidate, byte: number): number {
  if (state === MATCH) return MATCH
  let next: number
  try {
    next = signature.step(state, byte)
  } catch (error) {
    throw invalidSignature(signature, 'its step has thrown', error)
  }
  if (next === NO || next === MATCH || (Number.isSafeInteger(next) && next >= 0)) return next
  throw invalidSignature(signature, `its step answers ${String(next)}`)
}

/** Where these answers of the candidates lead. Behind a match nobody is possible. */
function resolve(candidates: readonly Candidate[], answers: readonly number[], states: States): number {
  const after: Candidate[] = []
  for (const [index, { signature, rank }] of candidates.entries()) {
    if (answers[index] !== NO) after.push({ signature, rank, state: answers[index]! })
    if (answers[index] === MATCH) break
  }
  const [first] = after
  if (first === undefined) return DECIDED
  return first.state === MATCH ? DECIDED + 1 + first.rank : states.numberOf(after)
}

function tooMany(what: string): SniffError {
  return new SniffError(
    'ERR_SIGNATURE_STATES',
    `Cannot make the table: the number of ${what} is above ${MAX_STATES}`,
  )
}
