/**
 * What a message costs on a bare stream, in each framing: 64 KiB chunks full of messages, read over and over. An
 * operation is one message, reported and not copied; messages a second are 10⁹ by the figure. The other contenders are
 * what one would write by hand: they make a text of each message, and keep what is left of a chunk as one.
 */
import {
  classifyDatagram,
  createLengthPrefixedFraming,
  DatagramPeers,
  detectFraming,
  type Framing,
  jsonFraming,
  lineFraming,
  netstringFraming,
  noneFraming,
} from '../src/raw/index.ts'
import type { Case } from './case.ts'

const CHUNK = 64 * 1024
const LIMIT = 16 * 1024 * 1024

const small = JSON.stringify({ id: 1234, type: 'move', x: 10.5, y: -3, to: ['a', 'b'] })
const large = JSON.stringify({ id: 1234, text: 'The quick brown fox jumps over the lazy dog. '.repeat(90) })

function framed(framing: Framing, message: string, times: number): Buffer {
  const bytes = Buffer.from(message)
  const frame = Buffer.concat([framing.header(bytes.length), bytes, framing.trailer])
  return Buffer.concat(Array.from({ length: times }, () => frame))
}

function timesIn(message: string): number {
  return Math.floor(CHUNK / (message.length + 8))
}

/** Reads the chunk whole, or in pieces of so many bytes. */
function own(framing: Framing, chunk: Buffer, times: number, piece: number): () => number {
  let received = 0
  let messages = 0
  const reader = framing.createReader(
    {
      message: (_, start, end) => {
        received += end - start
        messages++
      },
      fail: (code) => {
        throw new Error(`Cannot measure: ${code}`)
      },
    },
    LIMIT,
  )
  return () => {
    messages = 0
    for (let at = 0; at < chunk.length; at += piece)
      reader.push(chunk, at, Math.min(at + piece, chunk.length))
    if (messages !== times) throw new Error('Cannot measure: not every message was read')
    return received
  }
}

/** Split as text. */
function splitLines(chunk: Buffer, parse: (line: string) => number): () => number {
  let rest = ''
  return () => {
    let received = 0
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop()!
    for (const line of lines) received += parse(line)
    return received
  }
}

/** The netstrings of a text, found with a regular expression. */
function matchNetstrings(chunk: Buffer): () => number {
  return () => {
    const text = chunk.toString('latin1')
    const length = /(\d+):/y
    let received = 0
    for (let match = length.exec(text); match !== null; match = length.exec(text)) {
      const message = text.slice(length.lastIndex, length.lastIndex + Number(match[1]))
      received += message.length
      length.lastIndex += message.length + 1
    }
    return received
  }
}

function readCases(label: string, message: string): Case[] {
  const times = timesIn(message)
  const prefixed = createLengthPrefixedFraming({ bytes: 4 })
  const one = (framing: Framing, others: (chunk: Buffer) => Record<string, () => number>): Case => {
    const chunk = framed(framing, message, times)
    return {
      group: 'raw',
      name: `${framing.name}, ${label}`,
      bytes: message.length,
      operations: times,
      contenders: { portmanteau: own(framing, chunk, times, chunk.length), ...others(chunk) },
    }
  }
  return [
    one(lineFraming, (chunk) => ({ "toString, split('\\n')": splitLines(chunk, (line) => line.length) })),
    one(jsonFraming, (chunk) => ({
      'split, JSON.parse': splitLines(chunk, (line) => (JSON.parse(line) as { id: number }).id),
    })),
    one(prefixed, (chunk) => ({ 'readUInt32BE, subarray': prefixedByHand(chunk) })),
    one(netstringFraming, (chunk) => ({ 'regular expression': matchNetstrings(chunk) })),
    one(detectFraming, () => ({})),
  ]
}

function prefixedByHand(chunk: Buffer): () => number {
  return () => {
    let received = 0
    for (let at = 0; at < chunk.length; ) {
      const length = chunk.readUInt32BE(at)
      received += chunk.subarray(at + 4, at + 4 + length).length
      at += 4 + length
    }
    return received
  }
}

/** One message a read, and messages dripped in. */
function cutCases(): Case[] {
  const dripped = (framing: Framing): Case => {
    const chunk = framed(framing, small, 16)
    return {
      group: 'raw',
      name: `${framing.name}, ${small.length} bytes, byte by byte`,
      bytes: small.length,
      operations: 16,
      contenders: { portmanteau: own(framing, chunk, 16, 1) },
    }
  }
  const read = Buffer.from(small)
  const each = own(noneFraming, read, 1, read.length)
  return [
    { group: 'raw', name: 'none, one read', bytes: read.length, contenders: { portmanteau: each } },
    ...[lineFraming, jsonFraming, createLengthPrefixedFraming(), netstringFraming].map(dripped),
  ]
}

function datagramCases(): Case[] {
  const kinds = [Buffer.from(small), quicInitial(), stunRequest()]
  const keys = Array.from({ length: 1000 }, (_, index) => `192.0.2.${index % 250} ${5000 + index}`)
  const peers = new DatagramPeers({ peerGone() {} })
  let now = 0
  let at = 0
  const classify = () => kinds.reduce((sum, kind) => sum + classifyDatagram(kind, 0, kind.length), 0)
  const book = () => {
    at = (at + 1) % keys.length
    const peer = peers.receive(keys[at]!, 100, now++)
    return peer !== null && peers.grant(peer, 100) ? 1 : 0
  }
  return [
    {
      group: 'raw',
      name: 'datagram, classified',
      bytes: 0,
      operations: 3,
      contenders: { portmanteau: classify },
    },
    { group: 'raw', name: 'datagram, booked and answered', bytes: 0, contenders: { portmanteau: book } },
  ]
}

function quicInitial(): Buffer {
  const datagram = Buffer.alloc(1200)
  datagram.set([0xc3, 0, 0, 0, 1, 8])
  return datagram
}

function stunRequest(): Buffer {
  const datagram = Buffer.alloc(20)
  datagram.set([0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42])
  return datagram
}

export const cases: readonly Case[] = [
  ...readCases(`${small.length} bytes`, small),
  ...readCases(`${large.length} bytes`, large),
  ...cutCases(),
  ...datagramCases(),
]
