import { type Codec, type DecoderOptions, MessageAssembler } from '../../src/ws-codec/index.ts'
import { concat, feed } from './splits.ts'

export interface Reading {
  events: string[]
  /** Bytes consumed: where it failed, if it did. */
  consumed: number
}

/** What a version's decoder makes of the chunks, message by message. */
export function decode(codec: Codec, chunks: Uint8Array[], options?: DecoderOptions): Reading {
  const events: string[] = []
  const assembler = new MessageAssembler({
    message: (chunk, start, end, isText) => {
      const data = Buffer.from(chunk.subarray(start, end))
      events.push(isText ? `text ${data.toString()}` : `binary ${data.toString('hex')}`)
    },
  })
  const decoder = codec.createDecoder(
    {
      data: (...piece) => assembler.data(...piece),
      control: (opcode, chunk, start, end) =>
        events.push(`control ${opcode} ${Buffer.from(chunk.subarray(start, end)).toString('hex')}`),
      fail: (closeCode, code) => events.push(`fail ${closeCode} ${code}`),
    },
    options,
  )
  const left = feed(decoder, chunks)
  return { events, consumed: concat(chunks).length - left.length }
}

export function fromHex(digits: string): Uint8Array {
  return Uint8Array.from(Buffer.from(digits.replaceAll(' ', ''), 'hex'))
}

export function toHex(data: Uint8Array): string {
  return Buffer.from(data).toString('hex')
}
