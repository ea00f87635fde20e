import { Duplex } from 'node:stream'

/** A socket without a network: what a connection uses of one. `push` is what the peer sends. */
export class Wire extends Duplex {
  readonly remoteAddress = '192.0.2.1'
  readonly remotePort = 1
  /** Bytes that reached the peer. */
  answered = 0
  private held: (() => void) | undefined
  private blocked = false

  constructor() {
    super({ allowHalfOpen: true })
  }

  /** Called with what reaches the peer. */
  onAnswer: (chunk: Buffer) => void = () => {}

  /** Whether the server has ended its side, and all that it wrote has reached the peer. */
  get ended(): boolean {
    return this.writableFinished
  }

  /** The peer stops reading: the next write does not end before `unblock`. */
  block(): void {
    this.blocked = true
  }

  unblock(): void {
    this.blocked = false
    const { held } = this
    this.held = undefined
    held?.()
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.answered += chunk.length
    this.onAnswer(chunk)
    if (this.blocked) this.held = done
    else done()
  }
}

/** Two turns of the event loop: what was pushed is read, and what that led to is written. */
export async function turn(): Promise<void> {
  for (let immediate = 0; immediate < 2; immediate++) await new Promise((resolve) => setImmediate(resolve))
}

/** Turns the event loop until the condition holds. Fails after five seconds. */
export async function turnUntil(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 5_000
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`Waited in vain until ${what}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}
