import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Child, PATIENCE_MS } from './process.ts'

const CLI = fileURLToPath(new URL('../../../dist/cli.js', import.meta.url))

/** One line of `portmanteau --json`. */
export interface CommandEvent {
  event: 'listening' | 'join' | 'message' | 'leave' | 'error'
  id?: string
  port?: number
  tls?: boolean
  protocol?: string
  version?: string
  encrypted?: boolean
  address?: string
  text?: string
  base64?: string
  code?: string
  message?: string
}

/** The built command with exactly these options, on the loopback address and a port that the system chooses. */
export function startCli(t: TestContext, ...args: string[]): Child {
  assert.ok(existsSync(CLI), `Cannot start ${CLI}: it is not built (npm run build)`)
  return new Child(t, 'portmanteau', process.execPath, [CLI, '--host', '127.0.0.1', '--port', '0', ...args])
}

/** The portmanteau command itself, running for one test on a port that the system chose. */
export class Command {
  readonly child: Child
  port = 0
  #parsed = 0
  readonly #events: CommandEvent[] = []

  constructor(t: TestContext, args: readonly string[]) {
    this.child = startCli(t, '--json', ...args)
  }

  /** Every event so far. A line of standard output that is no JSON object fails here. */
  get events(): readonly CommandEvent[] {
    const { stdout } = this.child
    for (let end = stdout.indexOf('\n', this.#parsed); end >= 0; end = stdout.indexOf('\n', this.#parsed)) {
      this.#events.push(JSON.parse(stdout.slice(this.#parsed, end)) as CommandEvent)
      this.#parsed = end + 1
    }
    return this.#events
  }

  get messages(): readonly CommandEvent[] {
    return this.events.filter(({ event }) => event === 'message')
  }

  get texts(): (string | undefined)[] {
    return this.messages.map(({ text }) => text)
  }

  /** The first event that `match` accepts, past or to come. */
  sees(what: string, match: (event: CommandEvent) => boolean, patience?: number): Promise<CommandEvent> {
    return this.child.until(`${what} among the events`, () => this.events.find(match), patience)
  }

  message(text: string, patience?: number): Promise<CommandEvent> {
    const match = (event: CommandEvent): boolean => event.event === 'message' && event.text === text
    return this.sees(`the message ${JSON.stringify(text.slice(0, 100))}`, match, patience)
  }

  url(scheme: string, path = '/'): string {
    return `${scheme}://127.0.0.1:${this.port}${path}`
  }

  /** Asks it to end, and requires a graceful end: exit code 0, nothing on standard error. */
  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<void> {
    this.child.signal(signal)
    const exit = await this.child.ends()
    assert.deepEqual(exit, { code: 0, signal: null }, this.child.describe())
    assert.equal(this.child.stderr, '', 'the command wrote to standard error')
  }
}

/** Starts the command and waits until it listens. It is killed, at the latest, when the test ends. */
export async function startCommand(t: TestContext, ...args: string[]): Promise<Command> {
  const command = new Command(t, args)
  const first = await command.sees('the first line', () => true, PATIENCE_MS)
  assert.equal(first.event, 'listening', 'the first event is another')
  assert.ok(typeof first.port === 'number' && first.port > 0, 'the listening event has no port')
  command.port = first.port
  return command
}
