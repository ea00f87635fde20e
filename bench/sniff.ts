/** One operation is one connection's first bytes, up to the verdict, on a sniffer that is used again. */
import { Sniffer } from '../src/sniff/index.ts'
import type { Case } from './case.ts'

const hello = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]
const shortLine = ascii('GET / HTTP/1.1\r\n')
const browserLine = ascii(`GET ${'/assets/'.padEnd(65, 'application-bundle/')} HTTP/1.1\r\n`)
const jsonLine = ascii('{"a":1}\n')
const longLine = ascii(`GET /${'a'.repeat(8192)}`)

export const cases: readonly Case[] = [
  {
    group: 'sniff',
    name: 'GET line, short',
    bytes: shortLine.length - 1,
    contenders: { portmanteau: whole(shortLine) },
  },
  {
    group: 'sniff',
    name: 'GET line, 80 bytes',
    bytes: browserLine.length - 1,
    contenders: { portmanteau: whole(browserLine) },
  },
  {
    group: 'sniff',
    name: 'TLS ClientHello',
    bytes: 6,
    contenders: { portmanteau: whole(Uint8Array.from(hello)) },
  },
  { group: 'sniff', name: 'raw JSON line', bytes: 1, contenders: { portmanteau: whole(jsonLine) } },
  {
    group: 'sniff',
    name: '8 KiB target, bytewise',
    bytes: 8192,
    contenders: { portmanteau: bytewise(longLine) },
  },
]

function whole(data: Uint8Array): () => number {
  const sniffer = new Sniffer()
  return () => {
    sniffer.reset()
    sniffer.push(data, 0, data.length)
    return sniffer.verdict
  }
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
