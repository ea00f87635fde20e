import { type Readable, Writable } from 'node:stream'
import type { Data, Server, Writer } from '../../index.ts'
import { whenDrained } from './drain.ts'

type Done = (error?: Error | null) => void

/** What is written goes to every client, a message a chunk: strings as text, bytes as binary. The slowest one sets the pace. */
export abstract class Broadcast extends Writable {
  constructor() {
    super({ objectMode: true })
  }

  protected abstract readonly core: Server<Readable>
  protected abstract writers(): Iterable<Writer>

  override _write(message: Data, _encoding: BufferEncoding, done: Done): void {
    if (!isData(message)) return done(new TypeError('Cannot send the message: it is neither text nor bytes'))
    this.core.broadcast(message)
    let waiting = 1
    const settle = () => {
      if (--waiting === 0) done()
    }
    for (const writer of this.writers()) {
      waiting++
      whenDrained(writer, settle)
    }
    settle()
  }
}

/** One client's messages on their way to all: its end, and an error that the server tells of another, are not the others'. */
export class Relay extends Writable {
  private readonly target: Broadcast

  constructor(target: Broadcast) {
    super({ objectMode: true, highWaterMark: 1 })
    this.target = target
  }

  override _write(message: Data, _encoding: BufferEncoding, done: Done): void {
    if (this.target.destroyed) done()
    else this.target.write(message, () => done())
  }
}

export function isData(message: unknown): message is Data {
  return typeof message === 'string' || message instanceof Uint8Array
}
