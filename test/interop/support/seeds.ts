/** A program of peers/seeds on a seed as it was published, or on our facade of it; and connections that do the same to both. */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Child } from './process.ts'

export type Which = 'original' | 'ours'

const OLD_NODE = fileURLToPath(new URL('old-node.cjs', import.meta.url))

/** A difference: a line of the original's transcript, or some behind each other; ours in their place; and why. */
export type Difference = readonly [
  original: string | readonly string[],
  ours: string | readonly string[],
  reason: string,
]

export interface Scenario {
  readonly name: string
  /** What the program is started with, besides. */
  readonly args?: readonly string[]
  readonly differences: readonly Difference[]
  run(program: SeedProgram): Promise<void>
}

/** A test for each scenario: the same is done to both, and ours differs from the original as it is said to, and not else. */
export function compare(seed: string, scenarios: readonly Scenario[]): void {
  for (const { name, args = [], run, differences } of scenarios) {
    test(name, async (t) => {
      const original = await SeedProgram.start(t, seed, 'original', ...args)
      const ours = await SeedProgram.start(t, seed, 'ours', ...args)
      await run(original)
      await run(ours)
      assert.deepEqual(ours.transcript, withDifferences(original.transcript, differences))
      assert.deepEqual(ours.untold, [], 'more than what was waited for')
    })
  }
}

/** The program, what it was done to, and what came of it. */
export class SeedProgram {
  readonly which: Which
  readonly port: number
  readonly transcript: string[]
  private readonly t: TestContext
  private readonly child: Child
  private told: number

  private constructor(t: TestContext, which: Which, child: Child, port: number) {
    this.which = which
    this.port = port
    this.transcript = []
    this.t = t
    this.child = child
    this.told = 1
  }

  static async start(t: TestContext, name: string, which: Which, ...args: string[]): Promise<SeedProgram> {
    const program = fileURLToPath(new URL(`../peers/seeds/${name}.mjs`, import.meta.url))
    const shims = which === 'original' ? ['--require', OLD_NODE] : []
    const child = new Child(t, 'node', process.execPath, ['--no-warnings', ...shims, program, which, ...args])
    const port = await child.until('a port', () => {
      const [, found] = /^\["listening",(\d+)\]$/m.exec(child.stdout) ?? []
      return found === undefined ? undefined : Number(found)
    })
    return new SeedProgram(t, which, child, port)
  }

  get running(): boolean {
    return this.child.running
  }

  note(step: string): void {
    this.transcript.push(step)
  }

  /** Waits until the program has said so many things more, of which ours may say others, and notes them. */
  async tells(original: number, ours: number = original): Promise<void> {
    const { child } = this
    const count = this.which === 'ours' ? ours : original
    const lines = (): string[] => child.stdout.split('\n').slice(0, -1)
    await child.until(`${count} events`, () => (lines().length >= this.told + count ? true : undefined))
    for (const line of lines().slice(this.told, this.told + count)) this.note(`tells ${line}`)
    this.told += count
  }

  /** Everything that it has said and that is not noted. */
  get untold(): string[] {
    return this.child.stdout.split('\n').slice(this.told, -1)
  }

  /** Waits until it has ended. */
  async ended(): Promise<void> {
    await this.child.ends()
  }

  /** A connection; of the answers to its requests these fields are noted, or all. */
  join(name: string, fields?: readonly string[]): Wire {
    const socket = connect({ port: this.port, host: '127.0.0.1', allowHalfOpen: true })
    this.t.after(() => socket.destroy())
    return new Wire(this, name, socket, fields)
  }

  /** Does with a connection what an HTTP client of one request does. */
  async asks(name: string, request: string, fields?: readonly string[]): Promise<void> {
    const wire = await this.join(name, fields).send(request).ends()
    wire.socket.destroy()
  }
}

/** One connection, of which every byte is noted. */
export class Wire {
  readonly socket: Socket
  private readonly program: SeedProgram
  private readonly name: string
  private readonly fields: readonly string[] | undefined
  private text: string
  private over: boolean
  private watcher: () => void

  constructor(program: SeedProgram, name: string, socket: Socket, fields?: readonly string[]) {
    this.program = program
    this.name = name
    this.fields = fields
    this.socket = socket
    this.text = ''
    this.over = false
    this.watcher = () => {}
    socket.on('data', (chunk: Buffer) => {
      this.text += chunk.toString('latin1')
      this.watcher()
    })
    const end = (): void => {
      this.over = true
      this.watcher()
    }
    socket.on('end', end)
    socket.on('error', end)
    socket.on('close', end)
  }

  /** Sends bytes; strings as Latin-1. */
  send(bytes: string): this {
    this.socket.write(Buffer.from(bytes, 'latin1'))
    return this
  }

  /** Ends this side. */
  finish(bytes = ''): this {
    this.socket.end(Buffer.from(bytes, 'latin1'))
    return this
  }

  /** Waits until what came ends with this, or for the end; notes what came. */
  async gets(ending: string): Promise<this> {
    await this.waits(() => this.text.endsWith(ending) || this.over)
    this.noteText(this.text.endsWith(ending) ? '' : ' and the end')
    return this
  }

  /** Waits for the end, for so long; notes what came, and how it was. */
  async ends(patience = 3_000): Promise<this> {
    const inTime = await this.waits(() => this.over, patience)
    this.noteText(inTime ? ' and the end' : ' and no end')
    return this
  }

  private noteText(how: string): void {
    this.program.note(`${this.name} gets ${shown(this.text, this.fields)}${how}`)
    this.text = ''
  }

  private waits(is: () => boolean, patience = 10_000): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (): void => {
        clearTimeout(timer)
        this.watcher = () => {}
        resolve(is())
      }
      const timer = setTimeout(settle, patience)
      this.watcher = () => {
        if (is()) settle()
      }
      this.watcher()
    })
  }
}

/** HTTP answers with their fields in the order of their names, each in lower case; anything else as it is. */
function shown(text: string, only: readonly string[] | undefined): string {
  return text
    .split(/(?=HTTP\/1\.1 \d{3} )/)
    .map((part) => shownPart(part, only))
    .join('; ')
}

function shownPart(text: string, only: readonly string[] | undefined): string {
  const end = text.indexOf('\r\n\r\n')
  if (!text.startsWith('HTTP/1.1 ') || end < 0) return quoted(text)
  const [status, ...lines] = text.slice(0, end).split('\r\n')
  const fields = lines.map(field).filter(([name]) => (only ? only.includes(name) : name !== 'date'))
  const body = text.slice(end + 4)
  const head = [status!.slice(9), ...fields.map((each) => each.join(': ')).sort()].join('; ')
  return body === '' ? head : `${head}; ${quoted(body)}`
}

function quoted(text: string): string {
  const escaped = text.replace(/[^ -~]/g, (each) => `\\x${each.charCodeAt(0).toString(16).padStart(2, '0')}`)
  return `"${escaped}"`
}

/** Ports differ from run to run. */
function field(line: string): [name: string, value: string] {
  const [name, ...value] = line.split(':')
  return [
    name!.toLowerCase(),
    value
      .join(':')
      .trim()
      .replace(/127\.0\.0\.1:\d+/, 'HOST'),
  ]
}

/** What the original's transcript would be with these differences; each has to be in it. */
function withDifferences(transcript: readonly string[], differences: readonly Difference[]): string[] {
  const lines = [...transcript]
  for (const [one, other] of differences) {
    const original = [one].flat()
    const at = lines.findIndex((_, index) => original.every((line, offset) => lines[index + offset] === line))
    if (at < 0) {
      throw new Error(`Not in the original's transcript: ${original.join('\n')}\n---\n${lines.join('\n')}`)
    }
    lines.splice(at, original.length, ...[other].flat())
  }
  return lines
}

export function post(body: string, fields = 'Connection: close\r\n'): string {
  return `POST / HTTP/1.1\r\nHost: a\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`
}

export function request(method: string, fields = 'Connection: close\r\n', path = '/'): string {
  return `${method} ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`
}

/** What asks for a WebSocket of one of the versions that have a number. */
export function upgrade(version: string, fields = '', path = '/'): string {
  return request(
    'GET',
    `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: ${version}\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${fields}`,
    path,
  )
}

// RFC 6455 §5.2
export const Opcode = { more: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** A frame as a client sends it, with the mask 0, of less than 126 bytes. */
export function frame(opcode: number, payload = '', final = true): string {
  return `${String.fromCharCode((final ? 0x80 : 0) | opcode, 0x80 | payload.length)}\0\0\0\0${payload}`
}

/** The request of draft 75; with the keys of draft 76 (§1.3 of it has them), whose eight bytes come behind it. */
export const DRAFT_75 = 'Connection: Upgrade\r\nUpgrade: WebSocket\r\nOrigin: http://a.example\r\n'
export const DRAFT_76 = `${DRAFT_75}Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n`
export const CHALLENGE = '^n:ds[4U'
export const CHALLENGE_ANSWER = "8jKS'y:G*Co,Wxa-"

/** A text frame of those drafts. */
export function draftFrame(text: string): string {
  return `\0${text}\xff`
}
