import type { EventEmitter } from 'node:events'
import { Writable } from 'node:stream'
import { PortmanteauError } from './errors.ts'
import type { WriteOptions, Writer } from './writer.ts'

type Done = (error?: Error | null) => void

/** Calls back once there is room again, or the client is gone. */
export function afterDrain(writer: Pick<EventEmitter, 'on' | 'removeListener'>, callback: () => void): void {
  const settle = () => {
    writer.removeListener('drain', settle)
    writer.removeListener('close', settle)
    callback()
  }
  writer.on('drain', settle)
  writer.on('close', settle)
}

/** What a stream of Node tells of what it was given; an answer of node:http is no `Writable` by its type. */
export interface Sending {
  readonly destroyed: boolean
  readonly writableEnded: boolean
  readonly writableFinished: boolean
  write(chunk: Uint8Array, callback: (error?: Error | null) => void): unknown
  on(event: 'finish' | 'close', listener: () => void): unknown
  removeListener(event: 'finish' | 'close', listener: () => void): unknown
}

const NOTHING = new Uint8Array(0)

/** Calls back once all that a stream was given is written; with `false`, if it breaks before. */
export function whenWritten(stream: Sending, callback: (written: boolean) => void): void {
  if (stream.writableFinished || stream.destroyed) return callback(stream.writableFinished)
  if (!stream.writableEnded) {
    stream.write(NOTHING, (error) => callback(error === undefined || error === null))
    return
  }
  const settle = () => {
    stream.removeListener('finish', settle)
    stream.removeListener('close', settle)
    callback(stream.writableFinished)
  }
  stream.on('finish', settle)
  stream.on('close', settle)
}

/** A stream onto a writer: it ends with the writer's client. */
abstract class WriterWritable extends Writable {
  protected readonly writer: Writer
  private readonly gone: () => void

  constructor(writer: Writer) {
    super()
    this.writer = writer
    // A peer that goes must not end the process of an application that does not listen for it.
    this.on('error', () => {})
    this.gone = () => this.destroy()
    writer.once('close', this.gone)
  }

  override _destroy(error: Error | null, done: Done): void {
    this.writer.removeListener('close', this.gone)
    done(error)
  }
}

/** Each chunk is a part of an HTTP answer; its end does not end the answer. */
export class PartsWritable extends WriterWritable {
  private readonly writeOptions: WriteOptions | undefined

  constructor(writer: Writer, writeOptions: WriteOptions | undefined) {
    super(writer)
    this.writeOptions = writeOptions
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    if (this.writer.ended) return done(new Error('Cannot write: the answer has ended'))
    if (this.writer.write(chunk, this.writeOptions) || !this.writer.writableNeedDrain) done()
    else afterDrain(this.writer, () => done())
  }
}

/** One message that is sent once it is whole: what is around it may depend on its length. */
export class GatheringWritable extends WriterWritable {
  private readonly limit: number
  private readonly writeOptions: WriteOptions | undefined
  private readonly pieces: Buffer[]
  private length: number

  constructor(writer: Writer, limit: number, writeOptions?: WriteOptions) {
    super(writer)
    this.limit = limit
    this.writeOptions = writeOptions
    this.pieces = []
    this.length = 0
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.length += chunk.length
    this.pieces.push(chunk)
    if (this.length <= this.limit) return done()
    done(
      new PortmanteauError(
        'ERR_MESSAGE_TOO_LARGE',
        `Cannot send the message: it is over ${this.limit} bytes`,
      ),
    )
  }

  override _final(done: Done): void {
    this.writer.write(Buffer.concat(this.pieces), this.writeOptions)
    done()
  }
}
