import { Readable } from 'node:stream'
import { Utf8Validator } from '../../ws-codec/index.ts'
import type { Connection } from '../connection.ts'
import type { ConnectionHost } from '../host.ts'
import type { InflateError, MessageInflater } from './compression.ts'

/** A message as it arrives. While nobody reads it, the connection is not read from. */
export class MessageReadable extends Readable {
  private readonly connection: Connection<ConnectionHost>
  /** Whether it is why the connection is not read from; where another one is, that stays so. */
  private halting: boolean

  constructor(connection: Connection<ConnectionHost>) {
    super()
    this.connection = connection
    this.halting = false
    // A peer that breaks off must not end the process of an application that does not listen for it.
    this.on('error', () => {})
  }

  /** Takes a piece where it lies, and calls back when it can take the next one: here, at once. */
  receive(chunk: Uint8Array, start: number, end: number, last: boolean, next: () => void): void {
    if (end > start && !this.destroyed) {
      const piece = Buffer.from(chunk.buffer, chunk.byteOffset + start, end - start)
      if (!this.push(piece)) this.halt()
    }
    if (last) this.push(null)
    next()
  }

  override _read(): void {
    this.unhalt()
  }

  /** Whoever gives up a message lets the rest of it pass. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.unhalt()
    done(error)
  }

  private halt(): void {
    this.halting = true
    this.connection.halt()
  }

  private unhalt(): void {
    if (!this.halting) return
    this.halting = false
    this.connection.unhalt()
  }
}

/** Why a compressed message cannot be read on. */
export type InflationFailure = InflateError | 'textInvalid'

/** A compressed message as it arrives: no more of it is inflated than is read. */
export class InflatedReadable extends MessageReadable {
  private readonly pieces: ReturnType<MessageInflater['stream']>
  /** For text; what is compressed can only be checked here. */
  private readonly validator: Utf8Validator | undefined
  private readonly fail: (failure: InflationFailure) => void
  private next: () => void

  constructor(
    connection: Connection<ConnectionHost>,
    inflater: MessageInflater,
    isText: boolean,
    fail: (failure: InflationFailure) => void,
  ) {
    super(connection)
    this.validator = isText ? new Utf8Validator() : undefined
    this.fail = fail
    this.next = () => {}
    this.pieces = inflater.stream({
      output: (chunk) => this.output(chunk),
      ended: (error) => this.inflated(error),
    })
  }

  override receive(chunk: Uint8Array, start: number, end: number, last: boolean, next: () => void): void {
    this.next = next
    this.pieces.push(chunk, start, end, last, next)
  }

  override _read(): void {
    this.pieces.resume()
  }

  /** With takeover later messages refer to this one, so that it is inflated to its end, for nobody. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.pieces.resume()
    done(error)
  }

  private output(chunk: Buffer): boolean {
    if (this.validator !== undefined && this.validator.push(chunk, 0, chunk.length) < 0) {
      this.pieces.close()
      this.fail('textInvalid')
      return false
    }
    return this.destroyed || this.push(chunk)
  }

  private inflated(error: InflateError | undefined): void {
    if (error !== undefined) return this.fail(error)
    if (this.validator?.complete === false) return this.fail('textInvalid')
    this.push(null)
    this.next()
  }
}
