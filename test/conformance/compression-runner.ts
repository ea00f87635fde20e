/** The client's side of permessage-deflate (RFC 7692) for groups 12 and 13, on node:zlib, apart from the server's. */
import assert from 'node:assert/strict'
import { deflateRawSync, inflateRawSync, constants as zlib } from 'node:zlib'
import { closeCode, closing, encode, type Frame, fragments, Opcode } from '../support/frames.ts'
import { Random } from '../support/random.ts'
import type { Agreed, CompressionCase } from './cases/compression.ts'
import { slicer } from './compression-data.ts'
import { SEED } from './payloads.ts'
import type { EchoServer, Line } from './runner.ts'

const COMPRESSED = 4
/** §7.2.1: taken off what is sent, put back on what was received. */
const TAIL = Uint8Array.of(0, 0, 0xff, 0xff)
const LARGEST_WINDOW = 32 * 1024
/** A server compresses what is clearly over its threshold. */
const SURELY_COMPRESSED = 4 * 1024

/**
 * Octets that one case sends at most, unless `CONFORMANCE_MESSAGES` says how many messages: the suite sends 1,000 of
 * each size, 11 GB in all. Three at least, so that a context, or its absence, matters.
 */
const BUDGET = 64 * 1024
const MOST = 200
const LEAST = 3

export function messagesOf({ size }: CompressionCase): number {
  const asked = process.env.CONFORMANCE_MESSAGES
  return asked === undefined ? Math.min(MOST, Math.max(LEAST, Math.floor(BUDGET / size))) : Number(asked)
}

/** Reads the answer to an offer; an answer that is none of permessage-deflate is a failure. */
export function readAgreement(head: string): Agreed {
  const line = /\r\nSec-WebSocket-Extensions: ([^\r]*)\r\n/i.exec(head)
  assert.ok(line, 'an extension is agreed on')
  const [name, ...parameters] = line[1]!.split(';').map((parameter) => parameter.trim())
  assert.equal(name, 'permessage-deflate')
  const values = new Map(
    parameters.map((parameter): [string, string | undefined] => {
      const [key, value] = parameter.split('=')
      return [key!, value]
    }),
  )
  assert.equal(values.size, parameters.length, 'a parameter comes once')
  const bits = (parameter: string): number => Number(values.get(parameter) ?? 15)
  return {
    serverNoContextTakeover: values.has('server_no_context_takeover'),
    clientNoContextTakeover: values.has('client_no_context_takeover'),
    serverMaxWindowBits: bits('server_max_window_bits'),
    clientMaxWindowBits: bits('client_max_window_bits'),
  }
}

/** What a side has sent lately: a dictionary of it is the same as a context that is kept. */
class Context {
  private recent = Buffer.alloc(0)
  private readonly kept: boolean

  constructor(kept: boolean) {
    this.kept = kept
  }

  get options(): { dictionary?: Buffer } {
    return this.recent.length === 0 ? {} : { dictionary: this.recent }
  }

  add(message: Buffer): void {
    if (this.kept) this.recent = Buffer.concat([this.recent, message]).subarray(-LARGEST_WINDOW)
  }
}

class Deflater {
  private readonly context: Context
  private readonly windowBits: number

  constructor(takeover: boolean, windowBits: number) {
    this.context = new Context(takeover)
    this.windowBits = windowBits
  }

  deflate(message: Buffer): Buffer {
    const { windowBits, context } = this
    const dictionary = context.options.dictionary?.subarray(-(2 ** windowBits))
    const flushed = deflateRawSync(message, {
      windowBits,
      finishFlush: zlib.Z_SYNC_FLUSH,
      ...(dictionary && { dictionary }),
    })
    context.add(message)
    assert.ok(Buffer.compare(flushed.subarray(-4), TAIL) === 0)
    return flushed.subarray(0, -4)
  }
}

class Inflater {
  private readonly context: Context
  private readonly windowBits: number

  constructor(takeover: boolean, windowBits: number) {
    this.context = new Context(takeover)
    this.windowBits = windowBits
  }

  /** In small steps where the window is small, so that zlib notices what refers to something outside of it. */
  inflate(payload: Uint8Array): Buffer {
    const { windowBits } = this
    const message = inflateRawSync(Buffer.concat([payload, TAIL]), {
      windowBits,
      finishFlush: zlib.Z_SYNC_FLUSH,
      ...(windowBits < 15 && { chunkSize: 64 }),
      ...this.context.options,
    })
    this.context.add(message)
    return message
  }
}

export async function runCompression(each: CompressionCase, echoes: EchoServer, line: Line): Promise<void> {
  echoes.reset()
  const agreed = readAgreement(line.head)
  assert.deepEqual(agreed, each.agreed)
  const deflater = new Deflater(!agreed.clientNoContextTakeover, agreed.clientMaxWindowBits)
  const inflater = new Inflater(!agreed.serverNoContextTakeover, agreed.serverMaxWindowBits)
  const keys = new Random(SEED)
  const next = slicer(each.data, each.size)
  const count = messagesOf(each)
  const opcode = each.data.binary ? Opcode.binary : Opcode.text
  const { frames } = line.reader
  for (let index = 0; index < count; index++) {
    const message = next()
    const compressed = deflater.deflate(message)
    const size = each.fragment === 0 ? compressed.length : each.fragment
    for (const one of fragments(opcode, compressed, size, COMPRESSED)) {
      line.send(encode(one, keys.below(0x1_0000_0000)))
    }
    await line.until(() => frames.length > index || line.ended, `message ${index} of ${each.id} comes back`)
    assert.ok(frames[index] !== undefined, `message ${index} is answered`)
    check(each, frames[index]!, opcode, message, inflater)
  }
  line.send(encode(closing(1000), keys.below(0x1_0000_0000)))
  await line.until(() => line.ended, `the server ends its side of ${each.id}`)
  assert.equal(frames.length, count + 1)
  assert.equal(closeCode(frames.at(-1)!), 1000)
  assert.equal(echoes.messages, count)
  assert.deepEqual(echoes.errors, [])
  line.finish()
  await line.until(() => line.closed, `the connection of ${each.id} is closed`)
}

function check(each: CompressionCase, one: Frame, opcode: number, message: Buffer, inflater: Inflater): void {
  assert.equal(one.opcode, opcode)
  assert.equal(one.fin, true)
  assert.ok(one.rsv === 0 || one.rsv === COMPRESSED, `RSV is ${one.rsv}`)
  if (each.data.deflates && each.size >= SURELY_COMPRESSED) {
    assert.equal(one.rsv, COMPRESSED, 'a large message is compressed')
    assert.ok(one.payload.length < message.length, 'compressed, it is smaller')
  }
  const inflated = one.rsv === COMPRESSED ? inflater.inflate(one.payload) : Buffer.from(one.payload)
  assert.ok(Buffer.compare(inflated, message) === 0, `the message comes back as it was sent`)
}
