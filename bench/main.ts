/**
 * `npm run bench [-- GROUP…] [--quick] [--json] [--no-peers]`: what the core costs, part by part, beside others; and
 * then whole servers, which are the group `server`.
 *
 * GROUP is a part of the group's name. `--quick` only shows that everything runs: its figures mean nothing.
 */
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { type Case, merge } from './case.ts'
import { cases as helloCases, measurePeer } from './client-hello.ts'
import { cases as httpCases, peerCases as httpPeers } from './http.ts'
import { measureHttpServers } from './http-server/measure.ts'
import { type Effort, type Figure, measure, sunk } from './measure.ts'
import { installPeers, loadPeer, peerVersions } from './peers.ts'
import { cases as rawCases } from './raw.ts'
import { measureServers, roundsOf, type ServerCase } from './server/measure.ts'
import { cases as sniffCases } from './sniff.ts'
import { cases as codecCases, peerCases as codecPeers } from './ws-codec.ts'

const { values: flags, positionals: groups } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean' }, json: { type: 'boolean' }, 'no-peers': { type: 'boolean' } },
})

const QUICK: Effort = { rounds: 1, milliseconds: 1 }
const FULL: Effort = { rounds: 11, milliseconds: 60 }

const OURS = 'portmanteau'

function collect(): Case[] {
  const own = [...sniffCases, ...helloCases, ...httpCases, ...codecCases, ...rawCases]
  return merge(flags['no-peers'] ? own : [...own, ...peers()]).filter(isAskedFor)
}

function peers(): readonly Case[] {
  installPeers()
  const codecs = codecPeers(loadPeer('ws'), loadPeer('bufferutil'))
  return isGroupAskedFor('http') ? [...codecs, ...httpPeers(loadHttpParsers())] : codecs
}

/** llhttp is reached through Node's own binding, which has the interface that http-parser-js imitates. Newer Nodes hide it. */
function loadHttpParsers(): Parameters<typeof httpPeers>[0] {
  const { HTTPParser } = loadPeer('http-parser-js') as { HTTPParser: never }
  const { binding } = process as unknown as { binding(name: string): { HTTPParser: never } }
  try {
    return { 'http-parser-js': HTTPParser, llhttp: binding.call(process, 'http_parser').HTTPParser }
  } catch {
    return { 'http-parser-js': HTTPParser }
  }
}

function isAskedFor({ group }: Case): boolean {
  return isGroupAskedFor(group)
}

function isGroupAskedFor(group: string): boolean {
  return groups.length === 0 || groups.some((name) => group.includes(name))
}

/** Three significant digits. */
function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}

function row({ bytes }: Case, figure: Figure, ours: Figure | undefined): string {
  const { contender, median, least, most } = figure
  const spread = `${digits(least)}–${digits(most)}`
  const throughput = `${digits((bytes / median) * 1000)} MB/s`
  const ratio =
    ours === undefined || contender === OURS ? '' : `${OURS} is ${(median / ours.median).toFixed(2)}×`
  const columns = [
    contender.padEnd(34),
    `${digits(median)} ns`.padStart(12),
    spread.padStart(20),
    throughput.padStart(14),
  ]
  return `    ${columns.join('')}  ${ratio}`.trimEnd()
}

function versions(): Record<string, string> {
  const { node, v8 } = process.versions
  return { node: node!, v8: v8!, ...(flags['no-peers'] ? {} : peerVersions()) }
}

const SERVER = 'server'

function serverLine({ contender, median, least, most }: ServerCase['figures'][number], ours: number): string {
  const [middle, ...spread] = [median, least, most].map((value) => Math.round(value).toLocaleString('en'))
  const ratio = contender === OURS ? '' : `  ${OURS} is ${(ours / median).toFixed(2)}×`
  return `    ${contender.padEnd(34)}${middle!.padStart(12)}${spread.join('–').padStart(20)}${ratio}`
}

async function measureWhole(): Promise<ServerCase[]> {
  const results: ServerCase[] = []
  const options = { quick: flags.quick === true, peers: !flags['no-peers'] }
  if (!flags.json)
    process.stdout.write(`\nserver, median of ${roundsOf(options.quick)} interleaved rounds, least–most\n`)
  const show = (done: ServerCase) => {
    results.push(done)
    if (flags.json) return
    const ours = done.figures.find(({ contender }) => contender === OURS)!.median
    const lines = done.figures.map((each) => serverLine(each, ours))
    process.stdout.write(`  ${done.name}, ${done.unit}\n${lines.join('\n')}\n`)
  }
  await measureHttpServers(options.quick, show)
  await measureServers(options, show)
  return results
}

/** Figures of a peer that answers with promises, and is timed by itself. */
function peerFigures(peer: Awaited<ReturnType<typeof measurePeer>>, { group, name }: Case): Figure[] {
  return peer.filter((each) => group === 'client-hello' && each.name === name).map(({ figure }) => figure)
}

async function main(): Promise<void> {
  const effort = flags.quick ? QUICK : FULL
  const cases = collect()
  const whole = isGroupAskedFor(SERVER)
  if (cases.length === 0 && !whole)
    throw new Error(`Cannot measure: no group is named ${groups.join(' or ')}`)
  const results = []
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}`
  if (!flags.json) {
    process.stdout.write(
      `${machine}\n${Object.entries(versions())
        .map(([name, version]) => `${name} ${version}`)
        .join(', ')}\n`,
    )
    process.stdout.write(`median of ${effort.rounds} interleaved rounds, least–most, an operation\n`)
  }
  const helloPeer =
    flags['no-peers'] || !isGroupAskedFor('client-hello')
      ? []
      : await measurePeer(loadPeer('read-tls-client-hello'), effort)
  let group = ''
  for (const each of cases) {
    const figures = [...measure(each, effort), ...peerFigures(helloPeer, each)]
    results.push({ group: each.group, name: each.name, bytes: each.bytes, figures })
    if (flags.json) continue
    if (each.group !== group) process.stdout.write(`\n${each.group}\n`)
    group = each.group
    const ours = figures.find(({ contender }) => contender === OURS)
    process.stdout.write(`  ${each.name}\n${figures.map((figure) => row(each, figure, ours)).join('\n')}\n`)
  }
  const servers = whole ? await measureWhole() : []
  if (flags.json) {
    const all = { machine, versions: versions(), effort, results, servers }
    process.stdout.write(`${JSON.stringify(all, null, 2)}\n`)
  }
  if (Number.isNaN(sunk())) throw new Error('Cannot measure: a contender returned no number')
}

await main()
