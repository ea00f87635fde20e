/** The zlib streams that the sources make, so that a test can tell whether all of them were freed. */
import { syncBuiltinESMExports } from 'node:module'
import type { Transform } from 'node:stream'
import zlib from 'node:zlib'

type Create = (options?: object) => Transform

const NAMES = [
  'createGzip',
  'createGunzip',
  'createInflate',
  'createInflateRaw',
  'createBrotliCompress',
  'createBrotliDecompress',
] as const

const made: Transform[] = []
let memory = true

function replace(name: (typeof NAMES)[number]): void {
  const original = zlib[name] as Create
  const value: Create = (options) => {
    if (!memory)
      throw Object.assign(new Error('Initialization failed'), { code: 'ERR_ZLIB_INITIALIZATION_FAILED' })
    const stream = original(options)
    made.push(stream)
    return stream
  }
  Object.defineProperty(zlib, name, { value })
}

NAMES.forEach(replace)
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

/** Runs `run` while no stream can be made. */
export async function withoutMemory(run: () => Promise<void>): Promise<void> {
  memory = false
  try {
    await run()
  } finally {
    memory = true
  }
}
