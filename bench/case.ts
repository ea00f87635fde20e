/** One thing that is measured, by every contender that can do it. */
export interface Case {
  readonly group: string
  readonly name: string
  /** Bytes handled in one operation. */
  readonly bytes: number
  /** Operations that one run of a contender makes. Default 1. */
  readonly operations?: number
  /** Each returns a number, so that its work cannot be optimised away. */
  readonly contenders: Readonly<Record<string, () => number>>
}

/** The first case of each group and name, with the contenders of all. */
export function merge(cases: readonly Case[]): Case[] {
  const merged = new Map<string, Case>()
  for (const each of cases) {
    const key = `${each.group}: ${each.name}`
    const before = merged.get(key)
    merged.set(
      key,
      before === undefined ? each : { ...before, contenders: { ...before.contenders, ...each.contenders } },
    )
  }
  return [...merged.values()]
}
