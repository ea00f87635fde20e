/**
 * A client as the web's own interfaces: an async iterator, a `ReadableStream` and a `WritableStream`. They are
 * made when they are asked for; a client that nobody asks so costs nothing.
 */
import { ReadableStream, WritableStream } from 'node:stream/web'
import type { Data, Writer } from '../writer.ts'
import { afterDrain } from '../writer-streams.ts'
import { type Faucet, MessageQueue, type WebMessage } from './message-queue.ts'

/** What the faces stand on. */
export interface Source {
  /** What can be written to now. */
  readonly writer: Writer | undefined
  readonly connection: Faucet
}

export class Faces {
  private readonly source: Source
  /** Whether somebody has asked for a face; until then messages only wait. */
  private asked: boolean
  private queue: MessageQueue | undefined
  private readableFace: ReadableStream<WebMessage> | undefined
  private writableFace: WritableStream<Data> | undefined
  private ended: boolean

  constructor(source: Source) {
    this.source = source
    this.asked = false
    this.queue = undefined
    this.readableFace = undefined
    this.writableFace = undefined
    this.ended = false
  }

  /** Whether messages are taken here. */
  get listening(): boolean {
    return this.queue !== undefined
  }

  push(message: WebMessage): void {
    this.queue?.push(message)
  }

  /** The client is gone. */
  end(): void {
    this.ended = true
    this.queue?.end()
  }

  /** Starts to keep messages, from the next one on. */
  open(): MessageQueue {
    if (this.queue !== undefined) return this.queue
    this.queue = new MessageQueue(this.source.connection)
    if (this.ended) this.queue.end()
    return this.queue
  }

  iterate(): AsyncIterableIterator<WebMessage> {
    this.asked = true
    const queue = this.open()
    const close = () => this.stop()
    return {
      next: () => queue.next(),
      return: () => {
        close()
        return Promise.resolve({ done: true, value: undefined })
      },
      [Symbol.asyncIterator]() {
        return this
      },
    }
  }

  get readable(): ReadableStream<WebMessage> {
    this.asked = true
    const queue = this.open()
    return (this.readableFace ??= new ReadableStream<WebMessage>(
      {
        async pull(controller) {
          const { done, value } = await queue.next()
          if (done) controller.close()
          else controller.enqueue(value)
        },
        cancel: () => this.stop(),
      },
      { highWaterMark: 0 },
    ))
  }

  get writable(): WritableStream<Data> {
    const { source } = this
    return (this.writableFace ??= new WritableStream<Data>({
      write: (data) => writeAndWait(source.writer, data),
      close: () => source.writer?.close(),
      abort: () => source.writer?.destroy(),
    }))
  }

  /** What waits, unless somebody has asked for a face: then it is his. */
  takeKept(): WebMessage[] {
    const kept: WebMessage[] = []
    if (this.asked || this.queue === undefined) return kept
    for (let message = this.queue.take(); message !== undefined; message = this.queue.take())
      kept.push(message)
    this.queue = undefined
    return kept
  }

  private stop(): void {
    this.asked = false
    this.queue?.drop()
    this.queue = undefined
    this.readableFace = undefined
  }
}

/** Resolves when there is room for more; rejects when the client is gone. */
async function writeAndWait(writer: Writer | undefined, data: Data): Promise<void> {
  if (writer === undefined || writer.ended) throw new Error('Cannot write: the client is gone')
  if (writer.write(data) || !writer.writableNeedDrain) return
  await new Promise<void>((resolve) => afterDrain(writer, resolve))
  if (writer.ended) throw new Error('Cannot write: the client is gone')
}
