/** The program of peers/socket.io.mjs, and a client that does the same to it whichever Socket.IO it is on. */
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { connect as connectTcp } from 'node:net'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { connect, type WebSocketClient } from '../../../src/index.ts'
import { Child } from './process.ts'

export type Which = 'original' | 'ours'

const PROGRAM = fileURLToPath(new URL('../peers/socket.io.mjs', import.meta.url))

/** What the program has printed, as text; and what it was done to, step by step. */
export class Program {
  readonly port: number
  readonly transcript: string[]
  private readonly child: Child
  private told: number

  private constructor(child: Child, port: number) {
    this.port = port
    this.transcript = []
    this.child = child
    this.told = 1
  }

  static async start(t: TestContext, which: Which): Promise<Program> {
    const child = new Child(t, 'node', process.execPath, ['--no-warnings', PROGRAM, which])
    const port = await child.until('a port', () => {
      const [, found] = /^\["listening",(\d+)\]$/m.exec(child.stdout) ?? []
      return found === undefined ? undefined : Number(found)
    })
    return new Program(child, port)
  }

  get running(): boolean {
    return this.child.running
  }

  note(step: string): void {
    this.transcript.push(step)
  }

  /** Waits until the program has printed so many lines more, and notes them. */
  async hears(count: number): Promise<void> {
    const { child } = this
    const lines = () => child.stdout.split('\n').slice(0, -1)
    await child.until(`${count} events`, () => (lines().length >= this.told + count ? true : undefined))
    for (const line of lines().slice(this.told, this.told + count)) this.note(`heard ${line}`)
    this.told += count
  }

  /** Waits until it has ended. */
  async ended(): Promise<void> {
    await this.child.ends()
  }

  ask(path: string, options: AskOptions = {}): Promise<Answer> {
    return ask(this.port, path, options)
  }

  /** Notes what is asked, and what comes. */
  async asks(what: string, path: string, options: AskOptions = {}): Promise<Answer | undefined> {
    try {
      const answer = await this.ask(path, options)
      this.shows(what, answer, options.fields)
      return answer
    } catch (error) {
      this.note(`${what}: ${(error as Error).message}`)
      return undefined
    }
  }

  shows(what: string, { status, headers, body }: Answer, fields: readonly string[] = ['content-type']): void {
    const shown = fields.map((name) => `${name}: ${headers[name] ?? 'none'}`)
    this.note(`${what}: ${[status, ...shown, JSON.stringify(masked(body))].join(', ')}`)
  }

  /** What a socket that sends these bytes gets, to the end. */
  async tells(what: string, bytes: string): Promise<void> {
    const socket = connectTcp(this.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.end(bytes)
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    await once(socket, 'close')
    this.note(`${what}: ${JSON.stringify(text)}`)
  }
}

export interface AskOptions {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Fields of the answer that are noted. */
  readonly fields?: readonly string[]
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

async function ask(port: number, path: string, options: AskOptions): Promise<Answer> {
  const { body } = options
  const outgoing = request({
    host: '127.0.0.1',
    port,
    path,
    method: options.method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' }),
      ...options.headers,
    },
    agent: false,
    timeout: 2_000,
  })
  outgoing.on('timeout', () => outgoing.destroy(new Error('no answer')))
  outgoing.end(body)
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  let text = ''
  response.setEncoding('utf8')
  for await (const chunk of response) text += chunk
  return { status: response.statusCode!, headers: response.headers, body: text }
}

/** An answer that goes on. */
export class Stream {
  readonly headers: IncomingMessage['headers']
  text: string
  ended: boolean
  private readonly response: IncomingMessage

  constructor(response: IncomingMessage) {
    this.headers = response.headers
    this.text = ''
    this.ended = false
    this.response = response
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => {
      this.text += chunk
    })
    response.on('error', () => {})
    response.on('close', () => {
      this.ended = true
    })
  }

  static async open(port: number, path: string): Promise<Stream> {
    const outgoing = request({ host: '127.0.0.1', port, path, agent: false })
    outgoing.end()
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    return new Stream(response)
  }

  close(): void {
    this.response.destroy()
  }
}

/** A WebSocket, and what has come. */
export async function openSocket(
  program: Program,
  version: 'hixie-75' | 'hixie-76',
): Promise<{ socket: WebSocketClient; batches: string[]; isClosed: () => boolean }> {
  const socket = await connect(`ws://127.0.0.1:${program.port}/socket.io/websocket`, { version })
  const batches: string[] = []
  let closed = false
  socket.on('message', (message) => batches.push(String(message)))
  socket.on('close', () => {
    closed = true
  })
  return { socket, batches, isClosed: () => closed }
}

const ID = /~m~(\d+)~m~([0-9]{10,20}|[A-Za-z0-9_-]{22})/

/** The id of a session, out of its first batch. */
export function idIn(batch: string): string {
  const id = ID.exec(batch)?.[2]
  if (id === undefined) throw new Error(`Cannot find an id in ${JSON.stringify(batch)}`)
  return id
}

/** Ids differ from run to run, and in length. */
export function masked(text: string): string {
  return text.replace(ID, '~m~N~m~ID')
}

/** A message as 0.6 frames it. */
export function framed(text: string): string {
  return `~m~${text.length}~m~${text}`
}

/** The body that sends these messages. */
export function sending(...messages: string[]): string {
  return `data=${encodeURIComponent(messages.map(framed).join(''))}`
}

/** A difference: a line of the original's transcript, ours in its place, and why. */
export type Difference = readonly [original: string, ours: string, reason: string]

/** What the original's transcript would be with these differences; each has to be in it. */
export function withDifferences(transcript: readonly string[], differences: readonly Difference[]): string[] {
  const lines = [...transcript]
  for (const [original, ours] of differences) {
    const at = lines.indexOf(original)
    if (at < 0) throw new Error(`Not in the original's transcript: ${original}\n${lines.join('\n')}`)
    lines[at] = ours
  }
  return lines
}
