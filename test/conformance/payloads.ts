/** Seeded payloads: the same in every run. `CONFORMANCE_SEED` gives others. */
import { Random } from '../support/random.ts'

export const SEED = Number(process.env.CONFORMANCE_SEED ?? 20_261_122)

const MIB = 1024 * 1024
const LARGEST = 16 * MIB
const BLOCK = 16

/** Characters of one to four octets. */
const CHARACTERS = ['aB3 {"', 'éßΩд', '€漢ก', '😀𝒳']

let texts: Buffer | undefined
let binaries: Buffer | undefined

/** Text with characters of every length. `length` is a multiple of 16, so that none is cut. */
export function textPayload(length: number): Uint8Array {
  texts ??= repeated(textBlocks())
  return texts.subarray(0, length)
}

export function binaryPayload(length: number): Uint8Array {
  binaries ??= repeated(Buffer.from(new Random(SEED).bytes(MIB)))
  return binaries.subarray(0, length)
}

function repeated(first: Buffer): Buffer {
  return Buffer.alloc(LARGEST, first)
}

/** A MiB of blocks of 16 octets, each of whole characters. */
function textBlocks(): Buffer {
  const random = new Random(SEED)
  const bytes = Buffer.alloc(MIB)
  for (let block = 0; block < MIB; block += BLOCK) {
    for (let at = 0; at < BLOCK; ) {
      const width = random.below(Math.min(4, BLOCK - at))
      at += bytes.write(random.pick([...CHARACTERS[width]!]), block + at)
    }
  }
  return bytes
}
