import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Finished } from './clients.ts'
import { Child, findTool, PATIENCE_MS } from './process.ts'

/** Starts a program, which may be one of those that are for root. */
export function startProgram(
  t: TestContext,
  name: string,
  debianPackage: string,
  args: readonly string[],
): Child {
  return new Child(t, name, findTool([name, `/usr/sbin/${name}`], debianPackage), args)
}

/** Runs a program to its end. */
export async function runProgram(
  t: TestContext,
  name: string,
  debianPackage: string,
  args: readonly string[],
  input: string | Uint8Array = '',
): Promise<Finished> {
  const child = startProgram(t, name, debianPackage, args)
  child.end(input)
  const { code } = await child.ends(30_000)
  return { code, stdout: child.stdout, stderr: child.stderr }
}

/** A folder for one test, with these files in it, which only their owner may read. */
export async function folderWith(
  t: TestContext,
  files: Readonly<Record<string, string | Uint8Array>> = {},
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'portmanteau-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(folder, name), content, { mode: 0o600 })
  }
  return folder
}

/** How often a program that cannot choose its port by itself is started, when another one has taken it. */
const ATTEMPTS = 5

/**
 * Starts a program that listens on the port which it is given, on the loopback address; waits until it takes connections.
 * A port that is free is not kept free for it: with another one it is tried again.
 */
export async function startListening(
  start: (port: number) => Promise<Child> | Child,
): Promise<{ child: Child; port: number }> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    const child = await start(port)
    if (await accepting(child, port)) return { child, port }
    await child.cut()
    if (attempt === ATTEMPTS) throw new Error(`Cannot reach the program\n${child.describe()}`)
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Whether the program takes connections, before it ends or patience does. */
async function accepting(child: Child, port: number): Promise<boolean> {
  const late = Date.now() + PATIENCE_MS
  while (child.running && Date.now() < late) {
    if (await accepts(port)) return true
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return false
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const tell = (accepted: boolean): void => {
      socket.destroy()
      resolve(accepted)
    }
    socket.on('connect', () => tell(true)).on('error', () => tell(false))
  })
}
