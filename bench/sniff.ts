/** One operation is one connection's first bytes, up to the verdict, on a sniffer that is used again. */
import { knownSignatures, SignatureTable, Sniffer, signatures } from '../src/sniff/index.ts'
import type { Case } from './case.ts'

const hello = Uint8Array.of(0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03)
const shortLine = ascii('GET / HTTP/1.1\r\n')
const browserLine = ascii(`GET ${'/assets/'.padEnd(65, 'application-bundle/')} HTTP/1.1\r\n`)
const jsonLine = ascii('{"a":1}\n')
const longLine = ascii(`GET /${'a'.repeat(8192)}`)

/** As many connections as one run of a contender has: calling it costs as much as a verdict does. */
const CONNECTIONS = 64
/** The same at each run, in no order that a branch predictor could learn from its length. */
const tlsOrRaw = Array.from({ length: CONNECTIONS }, (_, index) =>
  (Math.imul(index + 1, 0x9e3779b1) >>> 13) % 2 === 0 ? hello : jsonLine,
)

const standard = new SignatureTable(signatures)
const all = new SignatureTable(knownSignatures)

export const cases: readonly Case[] = [
  connections('GET line, short', standard, [shortLine], shortLine.length - 1),
  connections('GET line, short, all signatures', all, [shortLine], shortLine.length - 1),
  connections('GET line, 80 bytes', standard, [browserLine], browserLine.length - 1),
  connections('TLS ClientHello', standard, [hello], 6),
  connections('raw JSON line', standard, [jsonLine], 1),
  connections('TLS or raw', standard, tlsOrRaw, 3.5),
  connections('TLS or raw, all signatures', all, tlsOrRaw, 3.5),
  {
    group: 'sniff',
    name: '8 KiB target, bytewise',
    bytes: 8192,
    contenders: { portmanteau: bytewise(longLine) },
  },
  {
    group: 'sniff',
    name: 'making the table of all signatures',
    bytes: all.cells.byteLength,
    contenders: { portmanteau: () => new SignatureTable(knownSignatures).cells.length },
  },
]

function connections(
  name: string,
  table: SignatureTable,
  firsts: readonly Uint8Array[],
  bytes: number,
): Case {
  const sniffer = new Sniffer(table)
  const inputs = Array.from({ length: CONNECTIONS }, (_, index) => firsts[index % firsts.length]!)
  const portmanteau = (): number => {
    let sum = 0
    for (const input of inputs) {
      sniffer.reset()
      sniffer.push(input, 0, input.length)
      sum += sniffer.verdict
    }
    return sum
  }
  return { group: 'sniff', name, bytes, operations: CONNECTIONS, contenders: { portmanteau } }
}

function bytewise(data: Uint8Array): () => number {
  const sniffer = new Sniffer()
  return () => {
    sniffer.reset()
    for (let at = 0; sniffer.verdict === 0; at++) sniffer.push(data, at, at + 1)
    return sniffer.verdict
  }
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}
