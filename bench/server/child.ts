/** A process of the bench: started, asked, and ended by its handle. */
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Milliseconds after which a child that does not answer is ended. */
const PATIENCE = 60_000

export class Child {
  private readonly process: ChildProcess

  private constructor(process: ChildProcess) {
    this.process = process
  }

  /** Starts a script of this folder, or one that was built, by its URL; resolves with what it says first. Its limit of open files is raised where that is allowed. */
  static async start<First>(
    script: string,
    args: readonly string[] = [],
  ): Promise<{ child: Child; first: First }> {
    const path = fileURLToPath(new URL(script, import.meta.url))
    // What is measured runs as it was built: a loader between it and the engine would be measured, too.
    const loader = path.endsWith('.ts') ? ['--import', 'tsx'] : []
    const node = [process.execPath, '--expose-gc', ...loader, path, ...args]
    const raised = ['-c', 'ulimit -n "$(ulimit -Hn)" 2>/dev/null; exec "$0" "$@"', ...node]
    const [command, ...rest] =
      process.platform === 'win32' ? (node as [string]) : (['sh', ...raised] as [string])
    const child = new Child(spawn(command, rest, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }))
    return { child, first: await child.next<First>() }
  }

  ask<Answer>(request: unknown): Promise<Answer> {
    const answer = this.next<Answer>()
    this.process.send(request as object)
    return answer
  }

  end(): void {
    this.process.kill()
  }

  private next<Answer>(): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer)
        this.process.off('message', onMessage)
        this.process.off('exit', onExit)
        act()
      }
      const onMessage = (message: unknown): void => settle(() => resolve(message as Answer))
      const onExit = (code: number | null): void =>
        settle(() => reject(new Error(`Cannot measure: a process has ended with ${code}`)))
      const timer = setTimeout(() => {
        this.end()
        settle(() => reject(new Error(`Cannot measure: a process is silent for ${PATIENCE} ms`)))
      }, PATIENCE)
      this.process.on('message', onMessage)
      this.process.on('exit', onExit)
    })
  }
}
