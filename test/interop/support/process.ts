import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, resolve } from 'node:path'
import type { TestContext } from 'node:test'

/** How long a test waits for anything, in milliseconds, before it fails with what it has seen. */
export const PATIENCE_MS = 10_000

export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

/** The full path of a program, which may be given by its full path already. Fails when none of the names is on the PATH: a missing client is never a skipped test. */
export function findTool(names: readonly string[], debianPackage: string): string {
  for (const name of names) {
    for (const folder of (process.env.PATH ?? '').split(delimiter)) {
      const path = resolve(folder, name)
      if (isExecutable(path)) return path
    }
  }
  throw new Error(
    `Cannot find ${names.join(' or ')}: it is not on the PATH (apt-get install ${debianPackage})`,
  )
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** A child process with everything that it has written, ended through its own handle when its test ends. */
export class Child {
  stdout = ''
  stderr = ''
  exited: Exit | undefined
  readonly exit: Promise<Exit>
  readonly #name: string
  readonly #process: ChildProcessWithoutNullStreams
  readonly #watchers = new Set<() => void>()

  constructor(t: TestContext, name: string, path: string, args: readonly string[]) {
    this.#name = `${name} ${args.join(' ')}`
    this.#process = spawn(path, args, { stdio: 'pipe' })
    this.#process.stdout.setEncoding('utf8').on('data', (text: string) => this.#saw('stdout', text))
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => this.#saw('stderr', text))
    this.#process.stdin.on('error', () => {})
    this.exit = new Promise((resolve, reject) => {
      this.#process.once('error', reject)
      this.#process.once('close', (code, signal) => {
        this.exited = { code, signal }
        this.#tell()
        resolve(this.exited)
      })
    })
    this.exit.catch(() => {})
    t.after(() => this.cut())
  }

  #saw(stream: 'stdout' | 'stderr', text: string): void {
    this[stream] += text
    this.#tell()
  }

  #tell(): void {
    for (const watcher of this.#watchers) watcher()
  }

  get running(): boolean {
    return this.exited === undefined
  }

  write(data: string | Uint8Array): void {
    this.#process.stdin.write(data)
  }

  /** Ends its standard input. */
  end(data: string | Uint8Array = ''): void {
    this.#process.stdin.end(data)
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  /** Kills it, and waits until it is gone. */
  async cut(): Promise<void> {
    if (this.running) this.#process.kill('SIGKILL')
    await this.exit.catch(() => {})
  }

  /** The first defined thing that `look` finds, looked for again after each output. */
  until<T>(what: string, look: (child: this) => T | undefined, patience: number = PATIENCE_MS): Promise<T> {
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        clearTimeout(timer)
        this.#watchers.delete(watch)
      }
      const watch = (): void => {
        const found = look(this)
        if (found !== undefined) {
          finish()
          resolve(found)
        } else if (!this.running) {
          finish()
          reject(new Error(`Cannot see ${what}: the program has ended\n${this.describe()}`))
        }
      }
      const timer = setTimeout(() => {
        finish()
        reject(new Error(`Cannot see ${what} within ${patience} ms\n${this.describe()}`))
      }, patience)
      this.#watchers.add(watch)
      watch()
    })
  }

  /** Waits until its standard output contains `text`. */
  async says(text: string, patience?: number): Promise<void> {
    await this.until(
      JSON.stringify(text.slice(0, 200)),
      (child) => child.stdout.includes(text) || undefined,
      patience,
    )
  }

  /** Waits for its end, for so long and no longer. */
  async ends(patience: number = PATIENCE_MS): Promise<Exit> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      const fail = (): void => reject(new Error(`Cannot end within ${patience} ms\n${this.describe()}`))
      timer = setTimeout(fail, patience)
    })
    try {
      return await Promise.race([this.exit, late])
    } finally {
      clearTimeout(timer)
    }
  }

  describe(): string {
    const cut = (text: string): string => (text.length > 2000 ? `${text.slice(0, 2000)}…` : text)
    return `$ ${this.#name}\n--- stdout\n${cut(this.stdout)}\n--- stderr\n${cut(this.stderr)}\n--- exit ${JSON.stringify(this.exited)}`
  }
}
