import { WebSocketError, WebSocketErrorCode } from './errors.ts'

/** What a decoder takes when it is not told otherwise. */
export const MAX_MESSAGE_BYTES: number = 16 * 1024 * 1024
export const MAX_FRAMES = 131_072

/** Checks a limit that the host sets: an integer from `least` up. */
export function limit(name: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new WebSocketError(
    WebSocketErrorCode.option,
    `Cannot make a decoder: ${name} is ${value}, and not an integer from ${least} up`,
  )
}
