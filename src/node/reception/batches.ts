/** What leaves together: the writes of one turn of the event loop, and answers that a turn did not end. */
import type { Connection } from '../connection.ts'
import type { ConnectionHost } from '../host.ts'
import type { HttpWriter } from '../http/writer.ts'

export class Batches {
  private corked: Connection<ConnectionHost>[]
  private unfinished: HttpWriter[]

  constructor() {
    this.corked = []
    this.unfinished = []
  }

  flushSoon(connection: Connection<ConnectionHost>): void {
    if (this.corked.push(connection) === 1) process.nextTick(() => this.flushConnections())
  }

  flushAnswerSoon(answer: HttpWriter): void {
    if (this.unfinished.push(answer) === 1) setImmediate(() => this.flushAnswers())
  }

  private flushConnections(): void {
    const { corked } = this
    this.corked = []
    for (const connection of corked) connection.flush()
  }

  private flushAnswers(): void {
    const { unfinished } = this
    this.unfinished = []
    for (const answer of unfinished) answer.flush()
  }
}
