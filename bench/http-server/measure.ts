/**
 * HTTP servers end to end: answers per second of the server's own CPU time, beside node:http, and beside a bare node:net
 * server that sends fixed bytes without looking at what it gets. Contenders take turns within each round.
 */
import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from '../server/build.ts'
import { Child } from '../server/child.ts'
import { figures, type ServerCase } from '../server/measure.ts'
import type { Usage } from '../server/protocol.ts'
import { type HttpTraffic, hasWrk, requestLength, runWrk, writeScript } from './wrk.ts'

const CONTENDERS = ['portmanteau', 'node:http', 'net'] as const
type Contender = (typeof CONTENDERS)[number]

interface Effort {
  readonly warmUpRounds: number
  readonly rounds: number
  readonly milliseconds: number
}

const FULL: Effort = { warmUpRounds: 1, rounds: 7, milliseconds: 2_000 }
const QUICK: Effort = { warmUpRounds: 0, rounds: 1, milliseconds: 1_000 }

const TRAFFICS: readonly HttpTraffic[] = [
  { name: 'GET hello, 64 keep-alive connections', method: 'GET', body: '', pipelined: 1 },
  {
    name: 'POST echo of 14 B, 64 keep-alive connections',
    method: 'POST',
    body: 'Hello, server!',
    pipelined: 1,
  },
  { name: 'GET hello, 16 pipelined', method: 'GET', body: '', pipelined: 16 },
  { name: 'POST echo of 14 B, 16 pipelined', method: 'POST', body: 'Hello, server!', pipelined: 16 },
]

interface Running {
  readonly contender: Contender
  readonly child: Child
  readonly port: number
}

/** Measures everything; `report` gets each case as it is done. */
export async function measureHttpServers(quick: boolean, report: (done: ServerCase) => void): Promise<void> {
  if (!hasWrk()) {
    process.stderr.write('HTTP servers are not measured: wrk is not installed\n')
    return
  }
  const built = build('bench/http-server/serve.ts')
  try {
    for (const traffic of TRAFFICS) report(await measure(built, traffic, quick ? QUICK : FULL))
  } finally {
    rmSync(built, { recursive: true, force: true })
  }
}

async function measure(built: string, traffic: HttpTraffic, effort: Effort): Promise<ServerCase> {
  const script = writeScript(traffic)
  const running: Running[] = []
  const samples = new Map<string, number[]>(CONTENDERS.map((contender) => [contender, []]))
  try {
    for (const contender of CONTENDERS) running.push(await start(built, contender, traffic))
    for (let round = -effort.warmUpRounds; round < effort.rounds; round++) {
      for (let turn = 0; turn < running.length; turn++) {
        const each = running[(round + effort.warmUpRounds + turn) % running.length]!
        const sample = await run(each, script, effort.milliseconds)
        if (round >= 0) samples.get(each.contender)!.push(sample)
      }
    }
  } finally {
    for (const { child } of running) child.end()
    rmSync(dirname(script), { recursive: true, force: true })
  }
  return { name: traffic.name, unit: 'per CPU-second', figures: figures(samples) }
}

async function start(built: string, contender: Contender, traffic: HttpTraffic): Promise<Running> {
  const script = pathToFileURL(join(built, 'bench/http-server/serve.js')).href
  if (contender !== 'net') {
    const path = pathToFileURL(join(built, 'src/index.js')).href
    const { child, first } = await Child.start<{ port: number }>(script, [contender, path, '0'])
    return { contender, child, port: first.port }
  }
  // Its requests' length depends on the port's: a port is found first.
  const probe = await Child.start<{ port: number }>(script, [contender, '1', '0'])
  probe.child.end()
  const { port } = probe.first
  const length = String(requestLength(traffic, port))
  const { child } = await Child.start<{ port: number }>(script, [contender, length, String(port)])
  return { contender, child, port }
}

async function run({ child, port }: Running, script: string, milliseconds: number): Promise<number> {
  const before = await child.ask<Usage>('usage')
  const answers = await runWrk(script, port, milliseconds)
  const after = await child.ask<Usage>('usage')
  return (answers * 1e6) / (after.cpu - before.cpu)
}
