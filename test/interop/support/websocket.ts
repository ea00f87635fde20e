import type { TestContext } from 'node:test'
import WebSocket from 'ws'
import { PATIENCE_MS } from './process.ts'

export interface Received {
  data: Buffer
  binary: boolean
}

type ClientOptions = NonNullable<ConstructorParameters<typeof WebSocket>[1]>

/** The client of the npm package ws, with a queue of what it has received. */
export class WebSocketClient {
  readonly socket: WebSocket
  readonly received: Received[] = []
  readonly pongs: string[] = []
  closed: { code: number; reason: string } | undefined
  readonly #watchers = new Set<() => void>()

  constructor(t: TestContext, url: string, options: ClientOptions = {}) {
    this.socket = new WebSocket(url, { rejectUnauthorized: false, ...options })
    this.socket.on('message', (data: Buffer, binary: boolean) => {
      this.received.push({ data, binary })
      this.#tell()
    })
    this.socket.on('pong', (data: Buffer) => {
      this.pongs.push(String(data))
      this.#tell()
    })
    this.socket.on('close', (code: number, reason: Buffer) => {
      this.closed = { code, reason: String(reason) }
      this.#tell()
    })
    this.socket.on('error', () => {})
    t.after(() => this.socket.terminate())
  }

  #tell(): void {
    for (const watcher of this.#watchers) watcher()
  }

  /** The first defined thing that `look` finds, looked for again whenever something has come. */
  until<T>(what: string, look: () => T | undefined, patience: number = PATIENCE_MS): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#watchers.delete(watch)
        const seen = this.received.map(({ data }) => data.toString('utf8', 0, 100))
        reject(
          new Error(
            `Cannot see ${what} within ${patience} ms: ${JSON.stringify({ seen, closed: this.closed })}`,
          ),
        )
      }, patience)
      const watch = (): void => {
        const found = look()
        if (found === undefined) return
        clearTimeout(timer)
        this.#watchers.delete(watch)
        resolve(found)
      }
      this.#watchers.add(watch)
      watch()
    })
  }

  /** The oldest message that has not been taken yet. */
  next(patience?: number): Promise<Received> {
    return this.until('a message', () => this.received.shift(), patience)
  }

  async nextText(patience?: number): Promise<string> {
    const { data, binary } = await this.next(patience)
    if (binary) throw new Error(`Cannot read text: the message is binary (${data.length} bytes)`)
    return String(data)
  }

  /** The code and the reason that it was closed with. */
  closing(patience?: number): Promise<{ code: number; reason: string }> {
    return this.until('the close', () => this.closed, patience)
  }
}

/** Connects, and waits until the connection is open. */
export async function connectWebSocket(
  t: TestContext,
  url: string,
  options: ClientOptions = {},
): Promise<WebSocketClient> {
  const client = new WebSocketClient(t, url, options)
  await new Promise<void>((resolve, reject) => {
    client.socket.once('open', resolve)
    client.socket.once('error', reject)
  })
  return client
}
