import { explore, type State } from './automaton.ts'
import { MATCH, type Signature, SniffError, Verdict } from './signature.ts'
import { inOrder, invalidSignature, numbered } from './signature-order.ts'

/**
 * Signatures compiled into one automaton, once, and shared by every sniffer: nothing in here changes afterwards.
 *
 * The first byte leaves nearly always one signature, so there are hardly more states than the signatures have between
 * them, and whatever their number a byte costs the same two loads: its column, and in that the state's cell.
 *
 * Bytes that do the same in every state share a column: the default's 86 states take 6 KiB that way, where a row of 256
 * cells for each took 86 KiB; a short request line costs 41 ns instead of 37 by that, one of 80 bytes 159 instead of 170.
 * The column, and not the state, is what is multiplied, because the state is what the next load waits for.
 */
export class SignatureTable {
  /** The signatures in it, in order of precedence. */
  readonly signatures: readonly Signature[]
  /** Where the column of each byte begins in `cells`. */
  readonly columns: Int32Array
  /** At a column's begin + state: the next state, or DECIDED + the place of the verdict in `verdicts`. */
  readonly cells: Uint16Array
  readonly verdicts: Int32Array
  /** The verdict for each state when the bytes end, … */
  readonly atEnd: Int32Array
  /** … when the deadline passes, … */
  readonly atDeadline: Int32Array
  /** … and when the limit is reached. */
  readonly atLimit: Int32Array
  private readonly numbers: ReadonlyMap<Signature, number>

  /**
   * @param signatures in order of precedence: the earlier wins where two could match. One with `before` goes in front
   * of the one that it names, wherever it stands.
   * @param names which of them are in the running; what only the others would recognise is raw. Default: all.
   * @throws {SniffError} ERR_SIGNATURE_INVALID for a name that is empty, taken or not among them, a verdict that is not
   * an integer above 0 or is reserved, or a `step` that throws, or answers something else than a state, NO or
   * MATCH; ERR_SIGNATURE_STATES when the table would have more than 4,096 states, because signatures that count go
   * along side by side.
   * @example
   * const mine = defineSignature({ name: 'mine', match: 'HELO mine', before: 'http1' })
   * const table = new SignatureTable([...knownSignatures, mine], ['tls', 'http1', 'ssh', 'mine'])
   * const sniffer = new Sniffer(table)
   */
  constructor(signatures: readonly Signature[], names?: Iterable<string>) {
    this.numbers = numbered(signatures)
    this.signatures = chosen(inOrder(signatures), names)
    const states = explore(this.signatures)
    const { columns, cells } = intoColumns(states)
    this.columns = columns
    this.cells = cells
    this.verdicts = Int32Array.of(Verdict.raw, ...this.signatures.map((each) => this.numbers.get(each)!))
    this.atEnd = Int32Array.from(states, (state) => this.claim(state))
    this.atDeadline = Int32Array.from(states, (state) => this.claim(state, 'atDeadline'))
    this.atLimit = Int32Array.from(states, (state) => this.claim(state, 'atLimit'))
  }

  /** The verdict that a signature of this table stands for, or undefined if it has none of that name. */
  verdictOf(name: string): number | undefined {
    const signature = this.signatures.find((each) => each.name === name)
    return signature && this.numbers.get(signature)
  }

  /** The name of the first signature of this table that stands for the verdict; `raw` for what none wants. */
  nameOf(verdict: number): string | undefined {
    if (verdict === Verdict.raw) return 'raw'
    return this.signatures.find((each) => this.numbers.get(each) === verdict)?.name
  }

  /** The verdict where no byte follows: of the first that claims what there is, or has matched. */
  private claim({ candidates }: State, when?: 'atDeadline' | 'atLimit'): number {
    for (const { signature, rank, state } of candidates) {
      if (state === MATCH || (when && claims(signature, state, when))) return this.verdicts[1 + rank]!
    }
    return Verdict.raw
  }
}

/** Those that are named, in the order of all. */
function chosen(ordered: readonly Signature[], names: Iterable<string> | undefined): readonly Signature[] {
  if (names === undefined) return ordered
  const wanted = new Set(names)
  for (const name of wanted) {
    if (ordered.some((signature) => signature.name === name)) continue
    throw new SniffError('ERR_SIGNATURE_INVALID', `Cannot make the table: there is no signature "${name}"`)
  }
  return ordered.filter(({ name }) => wanted.has(name))
}

function intoColumns(states: readonly State[]): { columns: Int32Array; cells: Uint16Array } {
  const size = states.length
  const all = new Uint16Array(size << 8)
  const columns = new Int32Array(256)
  let end = 0
  for (let byte = 0; byte <= 0xff; byte++) {
    for (let at = 0; at < size; at++) all[end + at] = states[at]!.next[byte]!
    columns[byte] = firstAlike(all, end, size)
    if (columns[byte] === end) end += size
  }
  return { columns, cells: all.slice(0, end) }
}

/** Where the first column begins that equals the one at `column`. */
function firstAlike(cells: Uint16Array, column: number, size: number): number {
  let at = 0
  for (; at < column; at += size) {
    let row = 0
    while (row < size && cells[at + row] === cells[column + row]) row++
    if (row === size) break
  }
  return at
}

function claims(signature: Signature, state: number, when: 'atDeadline' | 'atLimit'): boolean {
  try {
    return signature[when]?.(state) === true
  } catch (error) {
    throw invalidSignature(signature, `its ${when} has thrown`, error)
  }
}
