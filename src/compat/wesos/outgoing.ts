import { Writable } from 'node:stream'
import { ignore } from './drain.ts'
import { Socket } from './socket.ts'

type Done = (error?: Error | null) => void

export interface OutgoingOptions {
  /** Whether the message is binary. Default: it is, unless the first that is written is a string. */
  binary?: boolean
  /** Bytes that may be written ahead of what the client takes. Default: that of Node's streams. */
  highWaterMark?: number
}

/**
 * One message to a client, in fragments: each `write` is one. What is only given to `end` goes out in one piece. What else is
 * written to the client waits for its end.
 *
 * @example
 * const outgoing = new Outgoing(socket)
 * fs.createReadStream('large.txt', 'utf8').pipe(outgoing)
 */
export class Outgoing extends Writable {
  private readonly socket: Socket
  private readonly binary: boolean | undefined
  private message: Writable | undefined
  /** Whether something was written, instead of only given to `end`. */
  private fragmented: boolean
  private sent: boolean

  /** @throws {TypeError} where it is bound to something else than a `Socket` */
  constructor(socket: Socket, options: OutgoingOptions = {}) {
    const { highWaterMark } = options
    super({ decodeStrings: false, ...(highWaterMark === undefined ? {} : { highWaterMark }) })
    if (!(socket instanceof Socket))
      throw new TypeError('Cannot make the message: it is not bound to a Socket')
    this.on('error', ignore)
    this.socket = socket
    this.binary = options.binary
    this.message = undefined
    this.fragmented = false
    this.sent = false
  }

  // biome-ignore lint/suspicious/noExplicitAny: as Node types it
  override write(...args: any[]): boolean {
    this.fragmented = true
    return super.write(...(args as [unknown]))
  }

  override _write(chunk: string | Buffer, encoding: BufferEncoding, done: Done): void {
    if (!this.fragmented) return this.sendWhole(decoded(chunk, encoding), done)
    try {
      this.message ??= this.begin({ binary: this.isBinary(chunk) })
    } catch (error) {
      return done(error as Error)
    }
    this.message.write(decoded(chunk, encoding), done)
  }

  override _final(done: Done): void {
    if (this.message !== undefined) this.message.end(done)
    else if (this.sent) done()
    else this.sendWhole('', done)
  }

  /** A message that is given up half-way cannot be ended in order: the client is cut. */
  override _destroy(error: Error | null, done: Done): void {
    this.message?.destroy()
    done(error)
  }

  /** Its client may go while nothing is written. */
  private begin(options: { binary: boolean }): Writable {
    const message = this.socket.writer.stream(options)
    message.once('close', () => {
      if (!message.writableFinished) this.destroy(new Error('Cannot write the message: the client is gone'))
    })
    return message
  }

  private sendWhole(message: string | Buffer, done: Done): void {
    this.sent = true
    this.socket.transmit(message, this.binary, done)
  }

  /** The oldest versions have text alone. */
  private isBinary(first: string | Buffer): boolean {
    if (this.binary !== undefined) return this.binary
    return typeof first !== 'string' && this.socket.client.version?.startsWith('hixie') !== true
  }
}

function decoded(chunk: string | Buffer, encoding: BufferEncoding): string | Buffer {
  return typeof chunk === 'string' && encoding !== 'utf8' ? Buffer.from(chunk, encoding) : chunk
}
