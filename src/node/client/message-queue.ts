/** A message as the web-standard faces give it: text as a string, anything else as bytes. */
export type WebMessage = string | Buffer

/** What keeps a queue from growing: the connection that fills it. */
export interface Faucet {
  halt(): void
  unhalt(): void
}

const MESSAGES_LIMIT = 256
const BYTES_LIMIT = 1024 * 1024

type Waiter = (result: IteratorResult<WebMessage>) => void

/**
 * Messages that wait for a consumer that asks for them one by one. Bounded: above 256 messages or 1 MiB the
 * connection is not read from until half of it is taken; only what one chunk still holds comes on top.
 */
export class MessageQueue {
  private readonly faucet: Faucet
  private messages: WebMessage[]
  private bytes: number
  private waiters: Waiter[]
  private halted: boolean
  private ended: boolean

  constructor(faucet: Faucet) {
    this.faucet = faucet
    this.messages = []
    this.bytes = 0
    this.waiters = []
    this.halted = false
    this.ended = false
  }

  push(message: WebMessage): void {
    const waiter = this.waiters.shift()
    if (waiter !== undefined) return waiter({ done: false, value: message })
    this.messages.push(message)
    this.bytes += message.length
    if (this.halted || (this.messages.length < MESSAGES_LIMIT && this.bytes < BYTES_LIMIT)) return
    this.halted = true
    this.faucet.halt()
  }

  /** The next message; `done` once the client is gone and all are taken. */
  next(): Promise<IteratorResult<WebMessage>> {
    const message = this.take()
    if (message !== undefined) return Promise.resolve({ done: false, value: message })
    if (this.ended) return Promise.resolve({ done: true, value: undefined })
    return new Promise((resolve) => this.waiters.push(resolve))
  }

  /** The next message that is there already. */
  take(): WebMessage | undefined {
    const message = this.messages.shift()
    if (message === undefined) return undefined
    this.bytes -= message.length
    if (this.halted && this.messages.length <= MESSAGES_LIMIT / 2 && this.bytes <= BYTES_LIMIT / 2) {
      this.halted = false
      this.faucet.unhalt()
    }
    return message
  }

  /** Nothing will follow. */
  end(): void {
    this.ended = true
    this.settle()
  }

  /** The consumer has had enough: what waits is dropped, and the connection is read again. */
  drop(): void {
    this.messages = []
    this.bytes = 0
    this.settle()
    if (!this.halted) return
    this.halted = false
    this.faucet.unhalt()
  }

  /** Nobody waits any longer. */
  private settle(): void {
    for (const waiter of this.waiters) waiter({ done: true, value: undefined })
    this.waiters = []
  }
}
