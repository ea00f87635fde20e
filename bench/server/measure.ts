/**
 * Whole servers, on loopback: messages per second of the server's own CPU time, and memory of idle connections. The clients
 * are a third process, whose cost does not count. Contenders take turns within each round.
 */
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from './build.ts'
import { Child } from './child.ts'
import type { Behaviour, Contender, LoadAnswer, LoadRequest, Usage } from './protocol.ts'

export interface ServerCase {
  readonly name: string
  readonly unit: string
  readonly figures: ServerFigure[]
}

export interface ServerFigure {
  readonly contender: string
  readonly median: number
  readonly least: number
  readonly most: number
}

interface Traffic {
  readonly name: string
  readonly behaviour: Behaviour
  readonly connections: number
  readonly inFlight: number
  readonly bytes: number
}

interface Effort {
  /** Before what counts: long enough for the compiler. */
  readonly warmUpRounds: number
  readonly rounds: number
  readonly milliseconds: number
  readonly listeners: number
  readonly idle: number
  readonly idleRounds: number
}

const FULL: Effort = {
  warmUpRounds: 2,
  rounds: 7,
  milliseconds: 400,
  listeners: 1000,
  idle: 10_000,
  idleRounds: 3,
}
const QUICK: Effort = {
  warmUpRounds: 0,
  rounds: 1,
  milliseconds: 10,
  listeners: 50,
  idle: 100,
  idleRounds: 1,
}
const CONNECTIONS = 64

function traffics({ listeners }: Effort): Traffic[] {
  const echo = (name: string, inFlight: number, bytes: number): Traffic => {
    return { name, behaviour: 'echo', connections: CONNECTIONS, inFlight, bytes }
  }
  return [
    echo('echo of 20 B, one in flight on each of 64 connections', 1, 20),
    echo('echo of 1 KiB, one in flight', 1, 1024),
    echo('echo of 16 KiB, one in flight', 1, 16 * 1024),
    echo('echo of 64 B, 16 in flight', 16, 64),
    {
      name: `broadcast of 64 B to ${listeners} clients, deliveries`,
      behaviour: 'broadcast',
      connections: listeners,
      inFlight: 1,
      bytes: 64,
    },
  ]
}

interface Setting {
  readonly contenders: readonly Contender[]
  readonly load: Child
  readonly paths: Readonly<Record<Contender, string>>
  readonly effort: Effort
  /** The built serve.ts. */
  readonly script: string
}

/** How many rounds count; of memory, three. */
export function roundsOf(quick: boolean): number {
  return (quick ? QUICK : FULL).rounds
}

/** Measures everything; `report` gets each case as it is done. */
export async function measureServers(
  options: { quick: boolean; peers: boolean },
  report: (done: ServerCase) => void,
): Promise<void> {
  const built = build('bench/server/serve.ts')
  const { child: load } = await Child.start('load.ts')
  const setting: Setting = {
    contenders: options.peers ? ['portmanteau', 'ws', 'net'] : ['portmanteau', 'net'],
    load,
    paths: {
      portmanteau: pathToFileURL(join(built, 'src/index.js')).href,
      ws: options.peers ? peerPath() : '',
      net: '',
    },
    effort: options.quick ? QUICK : FULL,
    script: pathToFileURL(join(built, 'bench/server/serve.js')).href,
  }
  try {
    for (const behaviour of ['echo', 'broadcast'] as const) await measureBehaviour(setting, behaviour, report)
    report(await measureIdle(setting))
  } finally {
    load.end()
    rmSync(built, { recursive: true, force: true })
  }
}

function peerPath(): string {
  return pathToFileURL(createRequire(new URL('../peers/package.json', import.meta.url)).resolve('ws')).href
}

async function ask(load: Child, request: LoadRequest): Promise<number> {
  const { messages, error } = await load.ask<LoadAnswer>(request)
  if (error !== undefined) throw new Error(error)
  return messages
}

async function start({ paths, script }: Setting, contender: Contender, behaviour: Behaviour) {
  const args = [contender, behaviour, paths[contender]]
  const { child, first } = await Child.start<{ port: number }>(script, args)
  return { server: child, port: first.port }
}

async function measureBehaviour(
  setting: Setting,
  behaviour: Behaviour,
  report: (done: ServerCase) => void,
): Promise<void> {
  const started = setting.contenders.map(async (contender) => ({
    contender,
    ...(await start(setting, contender, behaviour)),
  }))
  try {
    const running = await Promise.all(started)
    for (const traffic of traffics(setting.effort)) {
      if (traffic.behaviour === behaviour) report(await measureTraffic(setting, traffic, running))
    }
  } finally {
    for (const each of await Promise.allSettled(started)) {
      if (each.status === 'fulfilled') each.value.server.end()
    }
  }
}

interface Running {
  readonly contender: Contender
  readonly server: Child
  readonly port: number
}

async function measureTraffic(
  { load, effort }: Setting,
  traffic: Traffic,
  running: readonly Running[],
): Promise<ServerCase> {
  const { behaviour, connections, inFlight, bytes } = traffic
  const samples = new Map<Contender, number[]>(running.map(({ contender }) => [contender, []]))
  for (const { contender, port } of running) {
    const webSocket = contender !== 'net'
    await ask(load, { kind: 'connect', name: contender, port, connections, webSocket, bytes })
  }
  for (let round = -effort.warmUpRounds; round < effort.rounds; round++) {
    for (let turn = 0; turn < running.length; turn++) {
      const { contender, server } = running[(round + effort.warmUpRounds + turn) % running.length]!
      const { milliseconds } = effort
      const before = await server.ask<Usage>('usage')
      const messages = await ask(load, { kind: 'run', name: contender, behaviour, inFlight, milliseconds })
      const after = await server.ask<Usage>('usage')
      if (round >= 0) samples.get(contender)!.push((messages * 1e6) / (after.cpu - before.cpu))
    }
  }
  for (const { contender } of running) await ask(load, { kind: 'disconnect', name: contender })
  return { name: traffic.name, unit: 'per CPU-second', figures: figures(samples) }
}

async function measureIdle(setting: Setting): Promise<ServerCase> {
  const { contenders, effort } = setting
  const connections = Math.min(effort.idle, openFiles() - 200)
  const samples = new Map<Contender, number[]>(contenders.map((contender) => [contender, []]))
  for (let round = 0; round < effort.idleRounds; round++) {
    for (const contender of contenders)
      samples.get(contender)!.push(await growth(setting, contender, connections))
  }
  const fewer = connections < effort.idle ? ` (of ${effort.idle}: the limit of open files)` : ''
  return {
    name: `memory of ${connections} idle connections${fewer}`,
    unit: 'B each',
    figures: figures(samples),
  }
}

/** Bytes by which a fresh server's memory grows for each connection, after its garbage is collected. */
async function growth(setting: Setting, contender: Contender, connections: number): Promise<number> {
  const { load } = setting
  const { server, port } = await start(setting, contender, 'echo')
  const name = 'idle'
  const webSocket = contender !== 'net'
  try {
    // One connection first: what is loaded and compiled by it is not counted.
    await ask(load, { kind: 'connect', name, port, connections: 1, webSocket, bytes: 20 })
    await ask(load, { kind: 'disconnect', name })
    const before = await server.ask<Usage>('collect garbage')
    await ask(load, { kind: 'connect', name, port, connections, webSocket, bytes: 20 })
    await server.ask<Usage>('collect garbage')
    const after = await server.ask<Usage>('collect garbage')
    await ask(load, { kind: 'disconnect', name })
    return (after.rss - before.rss) / connections
  } finally {
    server.end()
  }
}

/** How many files a child may have open. */
function openFiles(): number {
  if (process.platform === 'win32') return Number.POSITIVE_INFINITY
  const limit = execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim()
  return limit === 'unlimited' ? Number.POSITIVE_INFINITY : Number(limit)
}

export function figures(samples: ReadonlyMap<string, number[]>): ServerFigure[] {
  return [...samples].map(([contender, all]) => {
    const sorted = all.sort((one, other) => one - other)
    return { contender, median: sorted[sorted.length >> 1]!, least: sorted[0]!, most: sorted.at(-1)! }
  })
}
