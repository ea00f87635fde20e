import { constants } from 'node:buffer'
import { PortmanteauError } from '../../index.ts'

export interface SocketOptions {
  /**
   * Bytes of a message that is read whole; a larger one ends the client with 1009. Default 16 MiB. Text has to fit in a string
   * besides, of `buffer.constants.MAX_STRING_LENGTH`.
   */
  gatherLimit?: number
  /** Bytes of an `Incoming` that wait for its reader before the client is not read from. Default: that of Node's streams. */
  highWaterMark?: number
}

/** The same, with what is not given. */
export interface SocketSettings {
  readonly textLimit: number
  readonly binaryLimit: number
  readonly highWaterMark: number | undefined
}

const GATHER_LIMIT = 16 * 1024 * 1024

/** @throws {PortmanteauError} `ERR_OPTION` when one is no possible value */
export function resolveSocketOptions({ gatherLimit, highWaterMark }: SocketOptions): SocketSettings {
  const binaryLimit = gatherLimit ?? GATHER_LIMIT
  if (typeof binaryLimit !== 'number' || !(binaryLimit >= 0)) throw noOption('gatherLimit', binaryLimit)
  if (highWaterMark !== undefined && !(Number.isInteger(highWaterMark) && highWaterMark >= 0)) {
    throw noOption('highWaterMark', highWaterMark)
  }
  return { textLimit: Math.min(binaryLimit, constants.MAX_STRING_LENGTH), binaryLimit, highWaterMark }
}

function noOption(name: string, value: unknown): PortmanteauError {
  return new PortmanteauError(
    'ERR_OPTION',
    `Cannot use option ${name}: ${String(value)} is no number of bytes`,
  )
}
