import { MATCH, NO, type Signature, SniffError, Verdict } from './signature.ts'

/** The most states a table may have: 4 MiB of rows. */
const MAX_STATES = 4096

/**
 * Signatures compiled into one automaton, once, and shared by every sniffer: nothing in here changes afterwards.
 *
 * A state of the automaton is the list of signatures that are still possible, each in its own state, in order of
 * precedence. The first byte leaves nearly always one, so there are hardly more states than the signatures have
 * between them (by default 86, 86 KiB), and whatever the number of signatures a byte costs one load.
 * A signature that has matched stays on the list behind those that may still win over it; when it becomes
 * the first it is the verdict. An empty list is raw.
 */
export class SignatureTable {
  /** At state | byte: the next state, or a verdict, negated. A state is a multiple of 256; the first is 0. */
  readonly rows: Int32Array
  /** The verdict for each state, at state / 256, when the bytes end, … */
  readonly atEnd: Int32Array
  /** … when the deadline passes, … */
  readonly atDeadline: Int32Array
  /** … and when the limit is reached. */
  readonly atLimit: Int32Array

  /**
   * @param signatures in order of precedence: the earlier wins where two could match.
   * @throws {SniffError} ERR_SIGNATURE_INVALID for a name given twice, a verdict that is not an integer above 0,
   * or a `step` that answers something else than a state, NO or MATCH; ERR_SIGNATURE_STATES when the table
   * would have more than 4,096 states, because signatures that count go along side by side.
   * @example
   * const table = new SignatureTable([...signatures, pattern('ssh', 17, 'SSH-2.0-')])
   * const sniffer = new Sniffer(table)
   */
  constructor(signatures: readonly Signature[]) {
    checkSignatures(signatures)
    const states = explore(signatures)
    this.rows = flatten(states)
    this.atEnd = Int32Array.from(states, ({ candidates }) => claim(candidates, () => false))
    this.atDeadline = Int32Array.from(states, ({ candidates }) => claim(candidates, claimsAtDeadline))
    this.atLimit = Int32Array.from(states, ({ candidates }) => claim(candidates, claimsAtLimit))
  }
}

/** A signature that is still possible, and its own state. */
interface Candidate {
  readonly signature: Signature
  /** Its place in the order of precedence. */
  readonly rank: number
  /** At least 0, or MATCH. */
  readonly state: number
}

type Candidates = readonly Candidate[]

/** A state of the automaton. */
interface State {
  readonly candidates: Candidates
  /** -1 until it has its place. */
  row: number
  /** By byte: a state, or a verdict where it is decided. */
  readonly next: (State | number)[]
}

/** Every state that can be reached, in the order of rows. Depth first: a signature's rows lie next to each other. */
function explore(signatures: readonly Signature[]): State[] {
  const states: State[] = []
  const known = new Map<string, State>()
  const start = signatures.map((signature, rank) => ({ signature, rank, state: 0 }))
  const pending: State[] = [{ candidates: start, row: -1, next: [] }]
  for (let state = pending.pop(); state !== undefined; state = pending.pop()) {
    if (state.row >= 0) continue
    state.row = states.push(state) - 1
    checkCount(states)
    for (const next of expand(state, known)) if (next.row < 0) pending.push(next)
  }
  return states
}

/** Sets where the state leads, and returns the undecided of these states, a first byte's last. */
function expand(state: State, known: Map<string, State>): State[] {
  const { candidates, next } = state
  const reached: State[] = []
  // Most bytes do what the byte before them does: only where an answer changes is there a state to look up.
  const answers = candidates.map(() => 0)
  for (let byte = 0; byte <= 0xff; byte++) {
    if (!answer(candidates, byte, answers) && byte > 0) {
      next.push(next[byte - 1]!)
      continue
    }
    const target = resolve(candidates, answers, known)
    next.push(target)
    if (typeof target !== 'number') reached.push(target)
  }
  return reached.reverse()
}

/** Writes what each candidate answers to the byte, and returns whether any answer changed by that. */
function answer(candidates: Candidates, byte: number, answers: number[]): boolean {
  let changed = false
  for (let index = 0; index < candidates.length; index++) {
    const { signature, state } = candidates[index]!
    const next = state === MATCH ? MATCH : signature.step(state, byte)
    if (next === answers[index]) continue
    if (next !== NO && next !== MATCH && !(Number.isSafeInteger(next) && next >= 0)) {
      throw invalid(signature, `its step answers ${next}`)
    }
    answers[index] = next
    changed = true
  }
  return changed
}

/** The state, or the verdict, that these answers of the candidates lead to. Behind a match nobody is possible. */
function resolve(
  candidates: Candidates,
  answers: readonly number[],
  known: Map<string, State>,
): State | number {
  const after: Candidate[] = []
  for (const [index, { signature, rank }] of candidates.entries()) {
    if (answers[index] !== NO) after.push({ signature, rank, state: answers[index]! })
    if (answers[index] === MATCH) break
  }
  const verdict = verdictOf(after)
  if (verdict !== Verdict.undecided) return verdict
  const key = after.map(({ rank, state }) => `${rank}:${state}`).join()
  let state = known.get(key)
  if (state === undefined) known.set(key, (state = { candidates: after, row: -1, next: [] }))
  return state
}

/** Verdict.undecided while the first of them is. */
function verdictOf(candidates: Candidates): number {
  const [first] = candidates
  if (first === undefined) return Verdict.raw
  return first.state === MATCH ? first.signature.verdict : Verdict.undecided
}

function flatten(states: readonly State[]): Int32Array {
  const rows = new Int32Array(states.length << 8)
  for (const { row, next } of states) {
    for (let byte = 0; byte <= 0xff; byte++) {
      const target = next[byte]!
      rows[(row << 8) | byte] = typeof target === 'number' ? -target : target.row << 8
    }
  }
  return rows
}

/** The verdict where no byte follows: of the first that claims what there is, or has matched. */
function claim(candidates: Candidates, claims: (signature: Signature, state: number) => boolean): number {
  for (const { signature, state } of candidates) {
    if (state === MATCH || claims(signature, state)) return signature.verdict
  }
  return Verdict.raw
}

function claimsAtDeadline(signature: Signature, state: number): boolean {
  return signature.atDeadline?.(state) ?? false
}

function claimsAtLimit(signature: Signature, state: number): boolean {
  return signature.atLimit?.(state) ?? false
}

function checkSignatures(signatures: readonly Signature[]): void {
  const names = new Set<string>()
  for (const signature of signatures) {
    const { name, verdict } = signature
    if (names.has(name)) throw invalid(signature, 'its name is taken')
    // A verdict stands negated in an Int32Array.
    if (verdict < 1 || verdict !== (verdict | 0)) throw invalid(signature, `its verdict is ${verdict}`)
    names.add(name)
  }
}

function checkCount(states: readonly State[]): void {
  if (states.length <= MAX_STATES) return
  throw new SniffError(
    'ERR_SIGNATURE_STATES',
    `Cannot make the table: the number of states is above ${MAX_STATES}`,
  )
}

function invalid(signature: Signature, problem: string): SniffError {
  return new SniffError('ERR_SIGNATURE_INVALID', `Cannot use the signature "${signature.name}": ${problem}`)
}
