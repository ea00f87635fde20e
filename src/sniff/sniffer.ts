import { DECIDED } from './automaton.ts'
import { SniffError, Verdict } from './signature.ts'
import { SignatureTable } from './signature-table.ts'
import { signatures } from './signatures/known.ts'

/**
 * Which protocol does a client speak? Bytes in, verdict out.
 *
 * The states are those of the table's automaton: which signatures are still possible, and how far each has
 * come. The sniffer is the loop over it, and the one integer that lasts from push to push.
 *
 * The contract:
 * - undecided as long as the earliest signature that is still possible needs more bytes. One that has
 *   matched waits for the earlier ones to fall; a NO takes out nobody but its own signature;
 * - a match decides at that very byte, and so does the last NO, which is raw;
 * - at `limit` bytes it is decided in any case; `end` and `expire` decide at once;
 * - the bytes are the host's: it keeps them and pushes them all, from the first, into the stage that the
 *   verdict names. The sniffer keeps none, reads none twice, allocates nothing, and knows no time.
 */

const defaultLimit = 8192
let builtIn: SignatureTable | null = null

/** Made when first asked for: who brings a table of his own does not pay for it. */
function defaultTable(): SignatureTable {
  builtIn ??= new SignatureTable(signatures)
  return builtIn
}

/**
 * @example
 * const sniffer = new Sniffer()
 * sniffer.push(chunk, 0, chunk.length)
 * if (sniffer.verdict === Verdict.http1) http.push(chunk, 0, chunk.length) // all of it, from the first byte on
 */
export class Sniffer {
  /** Verdict.undecided until decided; then a Verdict, or that of a signature of one's own. Only to be read. */
  verdict: number
  /** Bytes read so far; the one that decided is the last of them. Only to be read. */
  bytes: number
  private readonly table: SignatureTable
  private readonly limit: number
  private state: number

  /**
   * @param table the signatures; by default TLS, HTTP/1 and the HTTP/2 preface.
   * @param limit bytes after which it decides in any case, 8,192 by default.
   * @throws {SniffError} ERR_SNIFF_LIMIT_INVALID when the limit is not an integer above 0.
   */
  constructor(table: SignatureTable = defaultTable(), limit: number = defaultLimit) {
    if (!Number.isSafeInteger(limit) || limit < 1) {
      throw new SniffError('ERR_SNIFF_LIMIT_INVALID', `Cannot make a sniffer: the limit is ${limit}`)
    }
    this.verdict = Verdict.undecided
    this.bytes = 0
    this.table = table
    this.limit = limit
    this.state = 0
  }

  /**
   * Reads from `pos` until decided or `end`, and sets `verdict`. Once decided it reads nothing.
   *
   * @returns the position read up to.
   */
  push(chunk: Uint8Array, pos: number, end: number): number {
    if (this.verdict !== Verdict.undecided || pos >= end) return pos
    const { columns, cells } = this.table
    const left = this.limit - this.bytes
    const stop = end - pos > left ? pos + left : end
    let state = this.state
    let at = pos
    do state = cells[columns[chunk[at++]!]! + state]!
    while (state < DECIDED && at < stop)
    this.bytes += at - pos
    this.state = state
    if (state >= DECIDED) this.verdict = this.table.verdicts[state - DECIDED]!
    else if (this.bytes === this.limit) this.verdict = this.table.atLimit[state]!
    return at
  }

  /** No byte will follow. What is undecided is raw: nothing that was received is lost. Returns the verdict. */
  end(): number {
    if (this.verdict === Verdict.undecided) this.verdict = this.table.atEnd[this.state]!
    return this.verdict
  }

  /**
   * The deadline has passed. What is undecided is raw, silence too, unless a signature claims it: HTTP/1
   * claims what has begun like a browser's request. Returns the verdict.
   */
  expire(): number {
    if (this.verdict === Verdict.undecided) this.verdict = this.table.atDeadline[this.state]!
    return this.verdict
  }

  /** As if new, with the same table and limit. */
  reset(): void {
    this.verdict = Verdict.undecided
    this.bytes = 0
    this.state = 0
  }
}
