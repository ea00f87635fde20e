/** The order of precedence in a table, and what each of its signatures is called: by a name, and by a verdict. */
import { OWN_VERDICT, type Signature, SniffError, Verdict } from './signature.ts'

const RESERVED_NAMES = ['raw', 'undecided']
const OURS: readonly number[] = Object.values(Verdict).filter((verdict) => verdict !== Verdict.undecided)

/**
 * Checks names and verdicts; then those without `before` in the order given, and each of the others in front of
 * the one that it names, several in front of the same one in the order given.
 */
export function inOrder(signatures: readonly Signature[]): Signature[] {
  checkNames(signatures)
  checkVerdicts(signatures)
  const ordered = signatures.filter(({ before }) => before === undefined)
  const waiting = signatures.filter(({ before }) => before !== undefined)
  while (waiting.length > 0) {
    const ready = waiting.findIndex(({ before }) => place(ordered, before) >= 0)
    if (ready < 0) {
      throw invalidSignature(waiting[0]!, `there is no "${waiting[0]!.before}" that it can go before`)
    }
    const [signature] = waiting.splice(ready, 1) as [Signature]
    ordered.splice(place(ordered, signature.before), 0, signature)
  }
  return ordered
}

function place(ordered: readonly Signature[], wanted: string | undefined): number {
  return ordered.findIndex(({ name }) => name === wanted)
}

/** The verdict of each: its own, or the first from 64 on that no other has. */
export function numbered(signatures: readonly Signature[]): Map<Signature, number> {
  const taken = new Set(signatures.map(({ verdict }) => verdict))
  let free = OWN_VERDICT
  return new Map(
    signatures.map((signature) => {
      if (signature.verdict !== undefined) return [signature, signature.verdict]
      while (taken.has(free)) free++
      return [signature, free++]
    }),
  )
}

function checkNames(signatures: readonly Signature[]): void {
  const names = new Set<string>()
  for (const signature of signatures) {
    const { name } = signature
    if (typeof name !== 'string' || name === '') throw invalidSignature(signature, 'it has no name')
    if (RESERVED_NAMES.includes(name)) throw invalidSignature(signature, 'its name is reserved')
    if (names.has(name)) throw invalidSignature(signature, 'its name is taken')
    names.add(name)
  }
}

function checkVerdicts(signatures: readonly Signature[]): void {
  for (const signature of signatures) {
    const { verdict } = signature
    if (verdict === undefined || OURS.includes(verdict)) continue
    // A verdict stands in an Int32Array.
    if (verdict !== (verdict | 0) || verdict < 1)
      throw invalidSignature(signature, `its verdict is ${verdict}`)
    if (verdict < OWN_VERDICT) throw invalidSignature(signature, `its verdict ${verdict} is reserved`)
  }
}

export function invalidSignature({ name }: Signature, problem: string, cause?: unknown): SniffError {
  return new SniffError('ERR_SIGNATURE_INVALID', `Cannot use the signature "${name}": ${problem}`, cause)
}
