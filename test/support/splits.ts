import assert from 'node:assert/strict'

/** Copies: a decoder may unmask in place, so that no run may see the bytes of another. */
function cut(bytes: Uint8Array, offsets: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = []
  let from = 0
  for (const offset of [...offsets, bytes.length]) {
    chunks.push(bytes.slice(from, offset))
    from = offset
  }
  return chunks
}

/** Every way the tests deliver the same bytes: whole, byte by byte, and in two pieces at every offset. */
export function* deliveries(bytes: Uint8Array): Generator<{ how: string; chunks: Uint8Array[] }> {
  yield { how: 'whole', chunks: cut(bytes, []) }
  const offsets = Array.from({ length: Math.max(0, bytes.length - 1) }, (_, index) => index + 1)
  yield { how: 'byte by byte', chunks: cut(bytes, offsets) }
  for (const offset of offsets) yield { how: `split at ${offset}`, chunks: cut(bytes, [offset]) }
}

/** Runs `run` on every delivery of `bytes`, requires the same result each time, and returns that result. */
export function everySplit<T>(bytes: Uint8Array, run: (chunks: Uint8Array[]) => T): T {
  let first: { result: T } | undefined
  for (const { how, chunks } of deliveries(bytes)) {
    const result = run(chunks)
    if (first === undefined) first = { result }
    else assert.deepEqual(result, first.result, `delivered ${how}, the result differs from whole delivery`)
  }
  return first!.result
}

/** A stage of the core: it returns the position up to which it has consumed. */
export interface Stage {
  push(chunk: Uint8Array, pos: number, end: number): number
}

/**
 * Pushes chunks into a stage the way a connection does: each chunk lies inside a larger buffer, at an
 * offset, so that a stage that reads outside `pos`..`end` is caught. Stops when the stage stops consuming;
 * returns the bytes that it left.
 */
export function feed(stage: Stage, chunks: readonly Uint8Array[]): Uint8Array {
  for (const [index, chunk] of chunks.entries()) {
    const padded = new Uint8Array(chunk.length + 8).fill(0xee)
    padded.set(chunk, 3)
    const end = 3 + chunk.length
    const pos = stage.push(padded, 3, end)
    if (pos < end) return concat([padded.slice(pos, end), ...chunks.slice(index + 1)])
  }
  return new Uint8Array(0)
}

export function concat(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}

/** Latin-1 text to bytes, and back: what a test vector is written in. */
export function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

export function text(data: Uint8Array): string {
  return String.fromCharCode(...data)
}
