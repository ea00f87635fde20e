/**
 * What WebSocket frames cost: to decode, to encode, to mask. The decoders get 64 KiB chunks full of masked
 * frames, as a socket delivers them; larger messages come in several chunks. An operation is one message.
 *
 * Decoding unmasks in place, so a chunk that is decoded again is masked again. The masking key is therefore
 * 01 01 01 01, and the texts are chosen so that flipping the lowest bit of each byte makes them other valid texts of the
 * same shape: every run does the same work, and nothing is restored in between.
 */
import { isUtf8 } from 'node:buffer'
import {
  encodeFrame,
  encodeFrameInto,
  encodeHeader,
  FrameDecoder,
  type FrameSink,
  frameHeaderLength,
  MessageAssembler,
  Utf8Validator,
  unmask,
  unmaskText,
} from '../src/ws-codec/index.ts'
import type { Case } from './case.ts'

const KEY = 0x01010101
const KEY_OCTETS: Buffer = Buffer.from([1, 1, 1, 1])
const CHUNK = 64 * 1024
const TEXT = 1
const BINARY = 2

const sizes: readonly [name: string, bytes: number][] = [
  ['16 B', 16],
  ['125 B', 125],
  ['1 KiB', 1024],
  ['16 KiB', 16 * 1024],
  ['64 KiB', 64 * 1024],
  ['1 MiB', 1024 * 1024],
]

/** The groups of decoding: what is sent, and what a contender makes of it. */
const DECODE_OFFSETS = 'ws decode binary to offsets'
const DECODE_BUFFER = 'ws decode binary to a Buffer'
const DECODE_ASCII = 'ws decode text to a string, ASCII'
const DECODE_WIDE = 'ws decode text to a string, 3-byte characters'
const ENCODE = 'ws encode, header beside the payload'
const ENCODE_MASKED = 'ws encode, masked copy'
const MASK = 'ws mask in place'

const asciiTexts = (bytes: number): Buffer => Buffer.alloc(bytes, 'Hello, WebSocket! ')
/** E2 82 AC flips to E3 83 AD, and back. */
const wideTexts = (bytes: number): Buffer => {
  const text = Buffer.alloc(bytes, 'a')
  return text.fill('€', 0, bytes - (bytes % 3))
}

interface Stream {
  readonly chunks: readonly Buffer[]
  readonly messages: number
}

/** Masked frames: as many as fit in one chunk, or one in several chunks. */
function stream(opcode: number, payload: Buffer): Stream {
  const frame = encodeFrame(opcode, true, payload, 0, payload.length, KEY)
  const messages = Math.max(1, Math.floor(CHUNK / frame.length))
  const wire = Buffer.concat(Array.from({ length: messages }, () => frame))
  const chunks: Buffer[] = []
  for (let at = 0; at < wire.length; at += CHUNK) chunks.push(Buffer.from(wire.subarray(at, at + CHUNK)))
  return { chunks, messages }
}

/** Takes a chunk, and returns something that each of its messages went into. */
type Decode = (chunk: Buffer) => number

function decodeCases(
  group: string,
  contender: string,
  opcode: number,
  payloads: (bytes: number) => Buffer,
  create: () => Decode,
): Case[] {
  return sizes.map(([name, bytes]) => {
    const { chunks, messages } = stream(opcode, payloads(bytes))
    const decode = create()
    const run = () => {
      let sum = 0
      for (const chunk of chunks) sum = (sum + decode(chunk)) | 0
      return sum
    }
    return { group, name, bytes, operations: messages, contenders: { [contender]: run } }
  })
}

/** A decoder that hands pieces on where they lie. */
function toOffsets(): Decode {
  let sum = 0
  const decoder = new FrameDecoder({
    data: (_chunk, start, end) => {
      sum = (sum + end - start) | 0
    },
    control: unexpected,
    fail: unexpected,
  })
  return (chunk) => {
    decoder.push(chunk, 0, chunk.length)
    return sum
  }
}

/** A decoder whose messages go to `take`, where they lie. */
function assembled(take: (chunk: Uint8Array, start: number, end: number) => number): Decode {
  let sum = 0
  const sink = {
    message: (chunk: Uint8Array, start: number, end: number) => {
      sum = (sum + take(chunk, start, end)) | 0
    },
  }
  const assembler = new MessageAssembler(sink, { allocate: Buffer.allocUnsafe, keepChunks: true })
  const frames: FrameSink = {
    data: (chunk, start, end, opcode, flags, rest) => assembler.data(chunk, start, end, opcode, flags, rest),
    control: unexpected,
    fail: unexpected,
  }
  const decoder = new FrameDecoder(frames, { isUtf8 })
  return (chunk) => {
    decoder.push(chunk, 0, chunk.length)
    return sum
  }
}

/** A Buffer over each message's bytes, as `ws` makes one. */
function toBuffers(): Decode {
  return assembled((chunk, start, end) => (chunk as Buffer).subarray(start, end).length)
}

/** A string of each message's bytes, without a Buffer for it. */
function toStrings(): Decode {
  return assembled((chunk, start, end) => (chunk as Buffer).toString('utf8', start, end).length)
}

function unexpected(): never {
  throw new Error('Cannot measure: a decoder met something else than a message')
}

const byLength = (message: Buffer): number => message.length
const byText = (message: Buffer): number => message.toString().length

const ENCODERS: readonly { group: string; create: (payload: Buffer) => () => number }[] = [
  {
    group: ENCODE,
    create: (payload) => () => encodeHeader(BINARY, true, payload.length).length,
  },
  {
    group: ENCODE_MASKED,
    create: (payload) => () => {
      const frame = Buffer.allocUnsafe(frameHeaderLength(payload.length, true) + payload.length)
      return encodeFrameInto(frame, 0, BINARY, true, payload, 0, payload.length, KEY)
    },
  },
  {
    group: 'ws encode, copied behind its header',
    create: (payload) => () => encodeFrame(BINARY, true, payload, 0, payload.length).length,
  },
  { group: MASK, create: (payload) => () => unmask(payload, 0, payload.length, KEY, 0) },
  {
    group: 'ws mask in place, looking for ASCII',
    create: (payload) => () => unmaskText(payload, 0, payload.length, KEY, 0),
  },
]

function validateCase(kind: string, payloads: (bytes: number) => Buffer): Case[] {
  return sizes.map(([name, bytes]) => {
    const validator = new Utf8Validator()
    const text = payloads(bytes)
    const run = () => validator.push(text, 0, text.length)
    return { group: `ws validate UTF-8, ${kind}`, name, bytes, contenders: { portmanteau: run } }
  })
}

function perPayload(group: string, contender: string, create: (payload: Buffer) => () => number): Case[] {
  return sizes.map(([name, bytes]) => {
    return { group, name, bytes, contenders: { [contender]: create(asciiTexts(bytes)) } }
  })
}

const OURS = 'portmanteau'

export const cases: readonly Case[] = [
  ...decodeCases(DECODE_OFFSETS, OURS, BINARY, asciiTexts, toOffsets),
  ...decodeCases('ws decode text to offsets, ASCII', OURS, TEXT, asciiTexts, toOffsets),
  ...decodeCases(DECODE_BUFFER, OURS, BINARY, asciiTexts, toBuffers),
  ...decodeCases(DECODE_ASCII, OURS, TEXT, asciiTexts, toStrings),
  ...decodeCases(DECODE_WIDE, OURS, TEXT, wideTexts, toStrings),
  ...ENCODERS.flatMap(({ group, create }) => perPayload(group, OURS, create)),
  ...validateCase('ASCII', asciiTexts),
  ...validateCase('3-byte characters', wideTexts),
]

/** What is used of npm `ws`. */
export interface WsPeer {
  readonly Receiver: new (options: object) => WsReceiver
  readonly Sender: { frame(data: Buffer, options: object): Buffer[] }
}

interface WsReceiver {
  on(event: string, listener: (data: Buffer) => void): void
  _write(chunk: Buffer, encoding: string, callback: (error?: Error) => void): void
}

/** What is used of npm `bufferutil`. */
export interface BufferUtil {
  unmask(buffer: Buffer, mask: Buffer): void
}

const PEER = 'ws + bufferutil'

/**
 * The same cases with npm `ws` as the contender, which uses bufferutil by itself when it is installed beside it. Its
 * receiver is fed below its Writable side, which would only add to its cost.
 */
export function peerCases(ws: WsPeer, bufferutil: BufferUtil): readonly Case[] {
  return [
    // `ws` has no cheaper way than a Buffer: what it costs stands beside our offsets, too.
    ...decodeCases(DECODE_OFFSETS, PEER, BINARY, asciiTexts, () => wsDecoder(ws, byLength)),
    ...decodeCases(DECODE_BUFFER, PEER, BINARY, asciiTexts, () => wsDecoder(ws, byLength)),
    ...decodeCases(DECODE_ASCII, PEER, TEXT, asciiTexts, () => wsDecoder(ws, byText)),
    ...decodeCases(DECODE_WIDE, PEER, TEXT, wideTexts, () => wsDecoder(ws, byText)),
    ...perPayload(ENCODE, PEER, (payload) => {
      const options = { fin: true, opcode: BINARY, mask: false, readOnly: true, rsv1: false }
      return () => ws.Sender.frame(payload, options)[0]!.length
    }),
    ...perPayload(ENCODE_MASKED, PEER, (payload) => {
      const generateMask = (octets: Buffer) => octets.set(KEY_OCTETS)
      const options = { fin: true, opcode: BINARY, mask: true, readOnly: true, rsv1: false, generateMask }
      return () => ws.Sender.frame(payload, options)[0]!.length
    }),
    ...perPayload(MASK, 'bufferutil', (payload) => () => {
      bufferutil.unmask(payload, KEY_OCTETS)
      return payload[0]!
    }),
  ]
}

function wsDecoder({ Receiver }: WsPeer, take: (message: Buffer) => number): Decode {
  let sum = 0
  const receiver = new Receiver({ isServer: true, maxPayload: 16 * 1024 * 1024 })
  receiver.on('message', (message) => {
    sum = (sum + take(message)) | 0
  })
  receiver.on('error', unexpected)
  const done = (error?: Error) => {
    if (error) throw error
  }
  return (chunk) => {
    receiver._write(chunk, 'buffer', done)
    return sum
  }
}
