/** What a session has to do with: the carriers that the host gives it, and the application that it reports to. */
import type { Annotations } from './coding/annotations.ts'

/** Where a session is, in order of frequency. */
export const SessionState = { open: 0, between: 1, connecting: 2, closing: 3, closed: 4 } as const
export type SessionState = (typeof SessionState)[keyof typeof SessionState]

/** How a session has ended. */
export const SessionEnd = {
  /** By `close`. */
  closed: 'closed',
  /** The client said so. */
  disconnected: 'disconnected',
  /** The client did not come back in time. */
  lost: 'lost',
  /** Because of the session's `error`. */
  failed: 'failed',
} as const
export type SessionEnd = (typeof SessionEnd)[keyof typeof SessionEnd]

/** What brings batches to the client: the answer to one poll, or one stream. The host's. */
export interface Carrier {
  /**
   * Sends a batch. For a poll it is the answer, '' one without frames. For a stream: whether it takes more right away; after
   * false nothing more is given to it before `drained`.
   */
  deliver(batch: string): boolean
  /**
   * The session needs it no longer: a poll is to be answered without frames, a stream to be ended behind its last batch. A
   * session that has failed has its `error` set.
   */
  end(): void
}

/** Where a session reports to the application. */
export interface SessionSink {
  /** The session id has been handed to the first carrier. */
  connected(): void
  message(text: string, json: boolean, annotations: Annotations): void
  /** After `send` has returned false for what waits: nothing waits any more. */
  drained(): void
  /** Once, and only after `connected`. `undelivered` messages are not known to have arrived. */
  disconnected(end: SessionEnd, undelivered: number): void
}
