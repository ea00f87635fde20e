/**
 * Headers of frames that are not masked (RFC 6455 §5.2), made once: one that is at hand costs 5 ns, a buffer for
 * a new one 50 to 80 (Node 20 and 26), which is most of what a frame costs whose payload is sent from where it lies.
 *
 * All lengths below 126 have a place of their own; of longer ones, those that agree modulo 64 share one, where the latest
 * stays. A table is made for each first byte that is seen, a header when it is first wanted: at most 64 times 190 headers.
 */
import { frameHeaderLength, writeFrameHeader } from './frame-header.ts'

const SHORT_LENGTHS = 126
const LONG_PLACES = 64
/** First bytes: FIN, RSV1 and four bits of opcode. */
const FIRST_BYTES = 64

class HeaderTable {
  private readonly firstByte: number
  private readonly headers: (Uint8Array | undefined)[]
  private readonly lengths: Float64Array

  constructor(firstByte: number) {
    this.firstByte = firstByte
    this.headers = new Array(SHORT_LENGTHS + LONG_PLACES).fill(undefined)
    this.lengths = new Float64Array(SHORT_LENGTHS + LONG_PLACES)
  }

  header(length: number): Uint8Array {
    const place = length < SHORT_LENGTHS ? length : SHORT_LENGTHS + (length & (LONG_PLACES - 1))
    const header = this.headers[place]
    return header !== undefined && this.lengths[place] === length ? header : this.make(place, length)
  }

  private make(place: number, length: number): Uint8Array {
    const header = new Uint8Array(frameHeaderLength(length, false))
    writeFrameHeader(header, 0, this.firstByte, length)
    this.headers[place] = header
    this.lengths[place] = length
    return header
  }
}

const tables: (HeaderTable | undefined)[] = new Array(FIRST_BYTES).fill(undefined)

/**
 * The header of an unmasked frame, to be read only: others are given the same.
 *
 * @param firstByte FIN, RSV1 and the opcode, as they go out
 * @example
 * sharedHeader(0x81, 5) // 81 05
 */
export function sharedHeader(firstByte: number, length: number): Uint8Array {
  const index = ((firstByte >>> 2) & 0x30) | (firstByte & 0x0f)
  const table = tables[index] ?? (tables[index] = new HeaderTable(firstByte))
  return table.header(length)
}
