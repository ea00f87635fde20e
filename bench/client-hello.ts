/**
 * One operation is one client's hello, read by a new reader up to its server name and its protocols. The hellos are
 * recorded ones: test/vectors/client-hello.
 *
 * npm read-tls-client-hello reads from a stream and answers with a promise: it is timed apart, one hello after the
 * other, with a stream that has the whole of it. It makes every list and takes its time to; what it is asked
 * for is the same.
 */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { ClientHelloReader, ja4 } from '../src/sniff/index.ts'
import { hexBytes } from '../test/support/hex.ts'
import { readVectorFile } from '../test/support/vectors.ts'
import type { Case } from './case.ts'
import type { Effort, Figure } from './measure.ts'

const GROUP = 'client-hello'
const openssl = recorded('openssl.md', '-servername a.example -alpn h2,http/1.1')
const chromium = recorded('chromium.md', 'https://a.example/')
const twoRecords = recorded(
  'openssl.md',
  '-servername a.example -max_send_frag 512 and 31 protocols: two records',
)

export const cases: readonly Case[] = [
  { group: GROUP, name: 'OpenSSL', bytes: openssl.length, contenders: { portmanteau: whole(openssl) } },
  { group: GROUP, name: 'Chromium', bytes: chromium.length, contenders: { portmanteau: whole(chromium) } },
  {
    group: GROUP,
    name: 'Chromium, two packets',
    bytes: chromium.length,
    contenders: { portmanteau: cut(chromium, 1400) },
  },
  {
    group: GROUP,
    name: 'Chromium, bytewise',
    bytes: chromium.length,
    contenders: { portmanteau: cut(chromium, 1) },
  },
  {
    group: GROUP,
    name: 'OpenSSL, two records, 31 protocols',
    bytes: twoRecords.length,
    contenders: { portmanteau: whole(twoRecords) },
  },
  {
    group: GROUP,
    name: 'JA4 of Chromium',
    bytes: chromium.length,
    contenders: { portmanteau: fingerprint(chromium) },
  },
]

/** What npm read-tls-client-hello has of use here. */
export interface Peer {
  readTlsClientHello(stream: Readable): Promise<{
    extensions: { id: number; data: Record<string, unknown> | null }[]
  }>
}

/** The peer's figure for a case of the same name. */
export interface PeerFigure {
  readonly name: string
  readonly figure: Figure
}

export async function measurePeer(peer: Peer, effort: Effort): Promise<PeerFigure[]> {
  return [
    { name: 'OpenSSL', figure: await timed(peer, openssl, effort) },
    { name: 'Chromium', figure: await timed(peer, chromium, effort) },
  ]
}

async function timed(peer: Peer, data: Uint8Array, { rounds, milliseconds }: Effort): Promise<Figure> {
  const samples: number[] = []
  // The first round is the warm-up.
  for (let round = 0; round <= rounds; round++) {
    const started = performance.now()
    let times = 0
    for (; times === 0 || performance.now() - started < milliseconds; times++) await readByPeer(peer, data)
    if (round > 0) samples.push(((performance.now() - started) * 1e6) / times)
  }
  samples.sort((one, other) => one - other)
  return {
    contender: 'read-tls-client-hello',
    median: samples[samples.length >> 1]!,
    least: samples[0]!,
    most: samples.at(-1)!,
  }
}

async function readByPeer(peer: Peer, data: Uint8Array): Promise<void> {
  const { extensions } = await peer.readTlsClientHello(Readable.from([data], { objectMode: false }))
  if (!extensions.some(({ data }) => data?.serverName === 'a.example'))
    throw new Error('Cannot measure: no name')
}

function whole(data: Uint8Array): () => number {
  return cut(data, data.length)
}

function cut(data: Uint8Array, size: number): () => number {
  return () => {
    const reader = new ClientHelloReader()
    for (let at = 0; at < data.length; at += size) reader.push(data, at, Math.min(at + size, data.length))
    const { serverName, protocols } = reader.hello!
    return serverName.length + protocols.length
  }
}

function fingerprint(data: Uint8Array): () => number {
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
  return () => {
    const reader = new ClientHelloReader()
    reader.push(data, 0, data.length)
    return ja4(reader.hello!, { protocol: 't', sha256 }).length
  }
}

function recorded(file: string, name: string): Uint8Array {
  const cases = readVectorFile(new URL(`../test/vectors/client-hello/${file}`, import.meta.url))
  return hexBytes(cases.find((one) => one.name === name)!.blocks.get('hex')!)
}
