/** A seeded generator (mulberry32): the same seed gives the same test. */
export class Random {
  private state: number

  constructor(seed: number) {
    this.state = seed >>> 0
  }

  /** A fraction in [0, 1). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let mixed = this.state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }

  /** A whole number below `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256))
  }
}

/** Bytes that parsers care about: more likely to hit a rule than a random one. */
const TELLING = [
  0x00, 0x09, 0x0a, 0x0d, 0x20, 0x22, 0x2c, 0x3a, 0x3b, 0x7e, 0x7f, 0x80, 0x81, 0x88, 0xc0, 0xed, 0xf4, 0xfe,
  0xff,
]

/** One small damage: a byte changed, put in or taken out, a piece doubled, cut off, or taken from elsewhere. */
function damage(random: Random, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  const at = random.below(bytes.length + 1)
  const until = Math.min(bytes.length, at + random.below(8))
  const [before, piece, after] = [bytes.subarray(0, at), bytes.subarray(at, until), bytes.subarray(until)]
  const byte = Uint8Array.of(random.next() < 0.5 ? random.pick(TELLING) : random.below(256))
  switch (random.below(7)) {
    case 0:
      return Buffer.concat([before, byte, bytes.subarray(Math.min(at + 1, bytes.length))])
    case 1:
      return Buffer.concat([before, byte, bytes.subarray(at)])
    case 2:
      return Buffer.concat([before, after])
    case 3:
      return Buffer.concat([before, piece, piece, after])
    case 4:
      return before
    case 5:
      return Buffer.concat([before, other.subarray(random.below(other.length + 1))])
    default: {
      const flipped = Uint8Array.from(bytes)
      if (at < flipped.length) flipped[at]! ^= 1 << random.below(8)
      return flipped
    }
  }
}

/** A valid input with none to four damages, or now and then plain noise. */
export function mutate(random: Random, corpus: readonly Uint8Array[]): Uint8Array {
  if (random.next() < 0.05) return random.bytes(random.below(64))
  let bytes = Uint8Array.from(random.pick(corpus))
  for (let damages = random.below(5); damages > 0; damages--)
    bytes = Uint8Array.from(damage(random, bytes, random.pick(corpus)))
  return bytes
}

/** The same bytes in pieces cut at random places. */
export function cutAtRandom(random: Random, bytes: Uint8Array): Uint8Array[] {
  const chunks: Uint8Array[] = []
  for (let at = 0; at < bytes.length; ) {
    const until = Math.min(bytes.length, at + 1 + random.below(random.next() < 0.5 ? 4 : 40))
    chunks.push(bytes.slice(at, until))
    at = until
  }
  return chunks
}

export function byteByByte(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (byte) => Uint8Array.of(byte))
}
