import type { Annotations } from '../../sessions/index.ts'

/** What a client of the Socket.IO era has besides: of its session, and of the message at hand. */
export interface SessionDetails {
  /** How often it has connected: each poll, and each stream, is once. */
  readonly connections: number
  /** Whether the message at hand is JSON. */
  readonly json: boolean
  /** The annotations of the message at hand, those of the encoding 0.7pre; none in 0.6. */
  readonly annotations: Annotations
  /** Once the client is gone: messages to it that are not known to have arrived. Before: 0. */
  readonly undelivered: number
}
