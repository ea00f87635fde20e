import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Child, findTool, PATIENCE_MS } from './process.ts'

/** How a message of a version is asked of a peer. Bytes everywhere: what is text is the kind's business. */
export type PeerAction =
  | { do: 'text' | 'binary' | 'ping'; data: Buffer }
  | { do: 'fragments'; parts: readonly Buffer[] }
  | { do: 'close'; code?: number; reason?: string }

/** What a peer tells: `close` is the version's close handshake, `end` the end of the connection below it. */
export interface PeerEvent {
  event: 'headed' | 'open' | 'text' | 'binary' | 'pong' | 'close' | 'end' | 'error'
  data?: Buffer
  code?: number | undefined
  reason?: string | undefined
  subprotocol?: string | undefined
  extensions?: string | undefined
  message?: string
}

export interface PeerOptions {
  protocols?: readonly string[]
  origin?: string
  /** Offer permessage-deflate. Default: no. */
  deflate?: boolean
  /** Send `text` in fragments of a few bytes: for peers that only fragment by a threshold. */
  inFragments?: boolean
  /** How the opening handshake is put on the wire, and a first message "glued" behind it without waiting. */
  delivery?: 'late' | 'split' | 'glued'
}

/** One WebSocket connection made by somebody else's code. */
export abstract class Peer {
  readonly events: PeerEvent[] = []
  #taken = 0

  abstract act(action: PeerAction): void
  abstract until<T>(what: string, look: () => T | undefined, patience?: number): Promise<T>

  text(data: string): void {
    this.act({ do: 'text', data: Buffer.from(data) })
  }

  /** The first event of these kinds, past or to come. An error among the events fails. */
  sees(...kinds: PeerEvent['event'][]): Promise<PeerEvent> {
    return this.until(`${kinds.join(' or ')} among the events`, () => this.#look(kinds, 0))
  }

  /** The oldest message that has not been taken yet. */
  async next(): Promise<{ kind: 'text' | 'binary'; data: Buffer }> {
    const found = await this.until('a message', () => this.#look(['text', 'binary'], this.#taken))
    this.#taken = this.events.indexOf(found) + 1
    return { kind: found.event as 'text' | 'binary', data: found.data ?? Buffer.alloc(0) }
  }

  async nextText(): Promise<string> {
    const { kind, data } = await this.next()
    if (kind !== 'text') throw new Error(`Cannot read text: the message is binary (${data.length} bytes)`)
    return String(data)
  }

  /** A short form of the events, for failures. */
  describe(): string {
    return JSON.stringify(
      this.events.map((event) => ({ ...event, data: event.data?.toString('latin1', 0, 60) })),
    )
  }

  #look(kinds: readonly string[], from: number): PeerEvent | undefined {
    for (let at = from; at < this.events.length; at += 1) {
      const event = this.events[at]!
      if (kinds.includes(event.event)) return event
      if (event.event === 'error') throw new Error(`Cannot go on: the peer failed: ${event.message}`)
    }
    return undefined
  }
}

/** A peer in this process: its events are told through `tell`. */
export abstract class LocalPeer extends Peer {
  readonly #watchers = new Set<() => void>()

  tell(event: PeerEvent): void {
    this.events.push(event)
    for (const watcher of this.#watchers) watcher()
  }

  override until<T>(what: string, look: () => T | undefined, patience: number = PATIENCE_MS): Promise<T> {
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        clearTimeout(timer)
        this.#watchers.delete(watch)
      }
      const watch = (): void => {
        try {
          const found = look()
          if (found === undefined) return
          finish()
          resolve(found)
        } catch (error) {
          finish()
          reject(error)
        }
      }
      const timer = setTimeout(() => {
        finish()
        reject(new Error(`Cannot see ${what} within ${patience} ms: ${this.describe()}`))
      }, patience)
      this.#watchers.add(watch)
      watch()
    })
  }
}

/** The programs of `peers/`: the interpreter that Debian's packages install for, and those packages. */
const PROGRAMS = {
  'client.rb': ['/usr/bin/ruby', 'ruby ruby-websocket'],
  'client.pl': ['/usr/bin/perl', 'perl libprotocol-websocket-perl'],
  'client.py': ['/usr/bin/python3', 'python3 python3-websockets'],
  'server.rb': ['/usr/bin/ruby', 'ruby ruby-em-websocket'],
} as const

/** Starts a program of `peers/`; it speaks JSON, a line an action or event. */
export function startProgram(t: TestContext, name: keyof typeof PROGRAMS, ...args: string[]): Child {
  const [interpreter, packages] = PROGRAMS[name]
  const path = fileURLToPath(new URL(`../peers/${name}`, import.meta.url))
  return new Child(t, name, findTool([interpreter], packages), [path, ...args])
}

/** A peer that is a program of `peers/`. */
export class ProgramPeer extends Peer {
  readonly child: Child
  #parsed = 0

  constructor(child: Child) {
    super()
    this.child = child
  }

  override act(action: PeerAction): void {
    const line =
      action.do === 'fragments'
        ? { ...action, parts: action.parts.map((part) => part.toString('base64')) }
        : action.do === 'close'
          ? action
          : { ...action, data: action.data.toString('base64') }
    this.child.write(`${JSON.stringify(line)}\n`)
  }

  override async until<T>(what: string, look: () => T | undefined, patience?: number): Promise<T> {
    let failure: unknown
    const found = await this.child.until(
      what,
      () => {
        this.#parse()
        try {
          return look()
        } catch (error) {
          failure = error
          return null
        }
      },
      patience,
    )
    if (failure !== undefined) throw failure
    return found as T
  }

  #parse(): void {
    const { stdout } = this.child
    for (let end = stdout.indexOf('\n', this.#parsed); end >= 0; end = stdout.indexOf('\n', this.#parsed)) {
      const { data, ...rest } = JSON.parse(stdout.slice(this.#parsed, end)) as Record<string, string>
      const bytes = data === undefined ? {} : { data: Buffer.from(data, 'base64') }
      this.events.push({ ...rest, ...bytes } as unknown as PeerEvent)
      this.#parsed = end + 1
    }
  }
}

/** Starts a client of `peers/` and waits until it is open, or has failed. */
export async function connectProgram(
  t: TestContext,
  name: keyof typeof PROGRAMS,
  url: string,
  version: string,
  options: PeerOptions,
): Promise<Peer> {
  const peer = new ProgramPeer(startProgram(t, name, url, version, JSON.stringify(options)))
  await peer.sees('open')
  return peer
}
