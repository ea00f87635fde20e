/**
 * Bytes as a vector has them in hexadecimal: white space is nothing, `#` begins a comment to the end of its
 * line, and `00*32` is that many times the bytes before the star.
 */
export function hexBytes(block: string): Uint8Array {
  const words = block.replace(/#.*$/gm, '').split(/\s+/).filter(Boolean)
  return Uint8Array.from(words.flatMap(wordBytes))
}

function wordBytes(word: string): number[] {
  const [, digits, times] = /^((?:[0-9a-f]{2})+)(?:\*([0-9]+))?$/.exec(word) ?? []
  if (digits === undefined) throw new Error(`Cannot read "${word}": it is not hexadecimal`)
  const bytes = digits.match(/../g)!.map((pair) => Number.parseInt(pair, 16))
  return Array.from({ length: Number(times ?? 1) }, () => bytes).flat()
}

/** The other way round. */
export function hexText(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
