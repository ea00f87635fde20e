/** The zlib streams that the sources make, so that a test can tell whether all of them were freed. */
import { syncBuiltinESMExports } from 'node:module'
import type { Transform } from 'node:stream'
import zlib from 'node:zlib'

const CREATE = [
  'createGzip',
  'createGunzip',
  'createInflate',
  'createInflateRaw',
  'createBrotliCompress',
  'createBrotliDecompress',
] as const

const AT_ONCE = [
  'gzipSync',
  'gunzipSync',
  'inflateSync',
  'inflateRawSync',
  'brotliCompressSync',
  'brotliDecompressSync',
] as const

const made: Transform[] = []
let memory = true

function checkMemory(): void {
  if (memory) return
  throw Object.assign(new Error('Initialization failed'), { code: 'ERR_ZLIB_INITIALIZATION_FAILED' })
}

for (const name of CREATE) {
  const create = zlib[name] as (options?: object) => Transform
  const value = (options?: object) => {
    checkMemory()
    const stream = create(options)
    made.push(stream)
    return stream
  }
  Object.defineProperty(zlib, name, { value })
}

for (const name of AT_ONCE) {
  const work = zlib[name] as (input: Uint8Array, options?: object) => Buffer
  const value = (input: Uint8Array, options?: object) => {
    checkMemory()
    return work(input, options)
  }
  Object.defineProperty(zlib, name, { value })
}

syncBuiltinESMExports()

/** How many were made since this was called last, once all of them are closed; fails when some are not in time. */
export async function allClosed(): Promise<number> {
  const { length } = made
  for (let attempt = 0; made.some((stream) => !stream.closed); attempt++) {
    if (attempt === 200) throw new Error(`${made.filter((stream) => !stream.closed).length} streams are open`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  made.length = 0
  return length
}

/** Runs `run` while zlib finds no memory. */
export async function withoutMemory(run: () => Promise<void>): Promise<void> {
  memory = false
  try {
    await run()
  } finally {
    memory = true
  }
}
