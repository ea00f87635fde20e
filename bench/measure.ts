/**
 * Times the contenders of a case in interleaved rounds: each round runs every contender once, for the same
 * time, starting with another one each time, so that a machine that slows down slows all of them. What counts
 * is the median of the rounds; the spread says what it is worth.
 */
import type { Case } from './case.ts'

export interface Figure {
  readonly contender: string
  /** Nanoseconds an operation: median, smallest and largest of the rounds. */
  readonly median: number
  readonly least: number
  readonly most: number
}

export interface Effort {
  readonly rounds: number
  /** Milliseconds a contender runs in each round. */
  readonly milliseconds: number
}

interface Runner {
  readonly contender: string
  readonly run: () => number
  readonly samples: number[]
  times: number
}

/** Keeps results alive. */
let sink = 0

export function measure({ contenders, operations = 1 }: Case, effort: Effort): Figure[] {
  const runners: Runner[] = Object.entries(contenders).map(([contender, run]) => ({
    contender,
    run,
    samples: [],
    times: 1,
  }))
  for (const runner of runners) calibrate(runner, effort.milliseconds)
  for (let round = 0; round < effort.rounds; round++) {
    for (let turn = 0; turn < runners.length; turn++) {
      const runner = runners[(round + turn) % runners.length]!
      runner.samples.push((time(runner) * 1e6) / (runner.times * operations))
    }
  }
  return runners.map(figure)
}

/** Doubles the times until a round is long enough; that is the warm-up, too. */
function calibrate(runner: Runner, milliseconds: number): void {
  for (let taken = time(runner); ; taken = time(runner)) {
    if (taken >= milliseconds / 2) {
      runner.times = Math.max(1, Math.round((runner.times * milliseconds) / taken))
      return
    }
    runner.times *= 2
  }
}

function time({ run, times }: Runner): number {
  const started = performance.now()
  for (let index = 0; index < times; index++) sink = (sink + run()) | 0
  return performance.now() - started
}

function figure({ contender, samples }: Runner): Figure {
  const sorted = [...samples].sort((one, other) => one - other)
  return { contender, median: sorted[sorted.length >> 1]!, least: sorted[0]!, most: sorted.at(-1)! }
}

/** So that an engine cannot know that nobody looks. */
export function sunk(): number {
  return sink
}
