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
import type { LoadAnswer, Usage } from '../server/protocol.ts'
import { type HttpTraffic, hasWrk, requestLength, runWrk, writeScript } from './wrk.ts'

const CONTENDERS = ['portmanteau', 'node:http', 'net'] as const

/** Who is measured by connections, over TLS too: with certificates of the same kind. */
const ACCEPTING = [
  {
    name: 'connections: connect, one request, close',
    encrypted: false,
    contenders: ['portmanteau', 'node:http'],
  },
  {
    name: 'connections over TLS: handshake, one request, close',
    encrypted: true,
    contenders: ['portmanteau TLS', 'node:https TLS'],
  },
] as const

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
  readonly contender: string
  readonly child: Child
  readonly port: number
}

/** Measures everything; `report` gets each case as it is done. */
export async function measureHttpServers(quick: boolean, report: (done: ServerCase) => void): Promise<void> {
  const effort = quick ? QUICK : FULL
  const built = build('bench/http-server/serve.ts')
  try {
    if (!hasWrk()) process.stderr.write('Requests are not measured: wrk is not installed\n')
    else for (const traffic of TRAFFICS) report(await measure(built, traffic, effort))
    for (const accepting of ACCEPTING) report(await measureAccepting(built, accepting, effort))
  } finally {
    rmSync(built, { recursive: true, force: true })
  }
}

async function measure(built: string, traffic: HttpTraffic, effort: Effort): Promise<ServerCase> {
  const script = writeScript(traffic)
  const running: Running[] = []
  try {
    for (const contender of CONTENDERS) running.push(await start(built, contender, traffic))
    const figures = await inTurns(running, effort, ({ port }) => runWrk(script, port, effort.milliseconds))
    return { name: traffic.name, unit: 'per CPU-second', figures }
  } finally {
    for (const { child } of running) child.end()
    rmSync(dirname(script), { recursive: true, force: true })
  }
}

async function measureAccepting(
  built: string,
  { name, encrypted, contenders }: (typeof ACCEPTING)[number],
  effort: Effort,
): Promise<ServerCase> {
  const { child: load } = await Child.start('../http-server/connections.ts')
  const running: Running[] = []
  const { milliseconds } = effort
  try {
    for (const contender of contenders) running.push(await startServer(built, contender))
    const measured = await inTurns(running, effort, async ({ port }) => {
      const { messages, error } = await load.ask<LoadAnswer>({ port, encrypted, milliseconds })
      if (error !== undefined) throw new Error(error)
      return messages
    })
    // The name of ours is what ratios are to.
    const figures = measured.map((each) => ({ ...each, contender: each.contender.replace(' TLS', '') }))
    return { name, unit: 'per CPU-second', figures }
  } finally {
    for (const { child } of running) child.end()
    load.end()
  }
}

/** Answers for each CPU-second of each server, of so many rounds. */
async function inTurns(
  running: readonly Running[],
  effort: Effort,
  run: (server: Running) => Promise<number>,
): Promise<ServerCase['figures']> {
  const samples = new Map<string, number[]>(running.map(({ contender }) => [contender, []]))
  for (let round = -effort.warmUpRounds; round < effort.rounds; round++) {
    for (let turn = 0; turn < running.length; turn++) {
      const each = running[(round + effort.warmUpRounds + turn) % running.length]!
      const before = await each.child.ask<Usage>('usage')
      const answers = await run(each)
      const after = await each.child.ask<Usage>('usage')
      if (round >= 0) samples.get(each.contender)!.push((answers * 1e6) / (after.cpu - before.cpu))
    }
  }
  return figures(samples)
}

function scriptOf(built: string): string {
  return pathToFileURL(join(built, 'bench/http-server/serve.js')).href
}

async function startServer(built: string, contender: string): Promise<Running> {
  const path = pathToFileURL(join(built, 'src/index.js')).href
  const { child, first } = await Child.start<{ port: number }>(scriptOf(built), [contender, path, '0'])
  return { contender, child, port: first.port }
}

async function start(built: string, contender: string, traffic: HttpTraffic): Promise<Running> {
  if (contender !== 'net') return startServer(built, contender)
  const script = scriptOf(built)
  // Its requests' length depends on the port's: a port is found first.
  const probe = await Child.start<{ port: number }>(script, [contender, '1', '0'])
  probe.child.end()
  const { port } = probe.first
  const length = String(requestLength(traffic, port))
  const { child } = await Child.start<{ port: number }>(script, [contender, length, String(port)])
  return { contender, child, port }
}
