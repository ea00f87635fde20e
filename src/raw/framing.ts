/**
 * What every message framing over a bare byte stream has in common. A framing is an object without state,
 * shared by all connections; its reader holds the state of one stream.
 */
import type { FramingErrorCode } from './errors.ts'

/** Where a reader reports. One per stream. */
export interface MessageSink {
  /**
   * A whole message, in `chunk` from `start` up to `end`; it may be empty. The bytes are the sink's only until
   * it returns.
   */
  message(chunk: Uint8Array, start: number, end: number): void
  /** The stream cannot be framed any further. The reader is dead afterwards and consumes nothing more. */
  fail(code: FramingErrorCode): void
}

/** Reads the messages out of one byte stream. */
export interface FramingReader {
  /** Bytes of an unfinished message that the reader keeps. */
  readonly held: number
  /**
   * The framing that answers go out in, of a reader that chooses one by what it reads; it may change once, with
   * the first bytes. Without it answers go out in the framing that made the reader.
   */
  readonly chosen?: Framing
  /** Reads `chunk` from `pos` up to `end`; returns `end`, or less once it has failed. */
  push(chunk: Uint8Array, pos: number, end: number): number
  /** The stream has ended: what is left is a message, or a failure where it cannot be a whole one. */
  end(): void
}

/**
 * A message framing: how messages are told apart in a byte stream, in both directions.
 *
 * @example
 * import type { Framing } from 'portmanteau/raw'
 * import { LineReader } from 'portmanteau/raw'
 *
 * // Lines in, NUL-terminated messages out.
 * const mixed: Framing = {
 *   name: 'mixed',
 *   createReader: (sink, limit) => new LineReader(sink, limit),
 *   header: () => new Uint8Array(0),
 *   trailer: new Uint8Array([0]),
 * }
 */
export interface Framing {
  readonly name: string
  /** A reader for one stream; `limit` bounds a message, in bytes. */
  createReader(sink: MessageSink, limit: number): FramingReader
  /**
   * The bytes that go before a message of `length` bytes. May throw, before a byte has gone out, for a message
   * that the framing cannot carry.
   */
  header(length: number): Uint8Array
  /** The bytes that go behind every message. */
  readonly trailer: Uint8Array
  /** The message by which a peer is told a fault, made from a line of text. Default: the text. */
  fault?(text: string): string
}
