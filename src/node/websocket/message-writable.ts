import { Writable } from 'node:stream'
import { afterDrain } from '../writer-streams.ts'
import type { Slot } from './outbox.ts'
import type { WebSocketSession } from './session.ts'

const CONTINUATION = 0
const EMPTY = new Uint8Array(0)

type Done = (error?: Error | null) => void

/** One message in fragments (RFC 6455 §5.4): each chunk that is written is one. Other messages wait for its end. */
export class MessageWritable extends Writable {
  private readonly session: WebSocketSession
  private readonly slot: Slot
  private readonly gone: () => void
  private opcode: number

  constructor(session: WebSocketSession, opcode: number) {
    super()
    // A peer that goes must not end the process of an application that does not listen for it.
    this.on('error', () => {})
    this.session = session
    this.slot = session.outbox.reserve()
    this.opcode = opcode
    this.gone = () => this.destroy()
    session.writer.once('close', this.gone)
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.slot.whenTurn(() => {
      if (!this.session.open) done(new Error('Cannot write: the client is gone'))
      else if (this.send(chunk, false)) done()
      // Not the writer's: what waits behind this message would have to go first.
      else afterDrain(this.session.connection.socket, () => done())
    })
  }

  override _final(done: Done): void {
    this.slot.whenTurn(() => {
      if (this.session.open) this.send(EMPTY, true)
      this.slot.finish()
      done()
    })
  }

  /** A message that is given up half-way cannot be ended in order: the connection is cut. */
  override _destroy(error: Error | null, done: Done): void {
    this.session.writer.removeListener('close', this.gone)
    if (!this.writableFinished && this.opcode === CONTINUATION && this.session.open)
      this.session.connection.destroy()
    else this.slot.finish()
    done(error)
  }

  private send(payload: Uint8Array, final: boolean): boolean {
    const { codec, maskKey } = this.session
    const frame = codec.frame(this.opcode, final, payload, 0, payload.length, maskKey?.())
    this.opcode = CONTINUATION
    return this.slot.write(frame)
  }
}
