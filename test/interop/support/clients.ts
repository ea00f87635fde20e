import type { TestContext } from 'node:test'
import { Child, findTool } from './process.ts'

export interface Finished {
  code: number | null
  stdout: string
  stderr: string
}

async function run(
  t: TestContext,
  name: string,
  path: string,
  args: readonly string[],
  input: string | Uint8Array,
): Promise<Finished> {
  const child = new Child(t, name, path, args)
  child.end(input)
  const { code } = await child.ends(20_000)
  return { code, stdout: child.stdout, stderr: child.stderr }
}

/** Runs curl to its end: silent but for errors, no configuration file, no proxy. */
export function curl(
  t: TestContext,
  args: readonly string[],
  input: string | Uint8Array = '',
): Promise<Finished> {
  const path = findTool(['curl'], 'curl')
  return run(t, 'curl', path, ['-q', '-sS', '--noproxy', '*', '--max-time', '15', ...args], input)
}

export interface Answer {
  version: string
  status: number
  headers: Map<string, string>
  body: string
}

/** Runs curl for one answer, and takes that answer apart. Fails when curl does. */
export async function curlAnswer(
  t: TestContext,
  args: readonly string[],
  input: string | Uint8Array = '',
): Promise<Answer> {
  const { code, stdout, stderr } = await curl(t, ['-i', ...args], input)
  if (code !== 0)
    throw new Error(
      `Cannot finish curl ${args.join(' ').slice(0, 300)}: exit code ${code}\n${stderr}\n${stdout.slice(0, 500)}`,
    )
  return parseAnswer(stdout)
}

/** The last answer of a curl output: 1xx answers come before it. */
export function parseAnswer(output: string): Answer {
  let rest = output
  for (;;) {
    const end = rest.indexOf('\r\n\r\n')
    if (end < 0) throw new Error(`Cannot read the answer: it has no head\n${output.slice(0, 500)}`)
    const [line = '', ...fields] = rest.slice(0, end).split('\r\n')
    rest = rest.slice(end + 4)
    const [version = '', status = ''] = line.split(' ')
    if (status.startsWith('1')) continue
    const headers = new Map(
      fields.map((field) => [
        field.slice(0, field.indexOf(':')).toLowerCase(),
        field.slice(field.indexOf(':') + 1).trim(),
      ]),
    )
    return { version, status: Number(status), headers, body: rest }
  }
}

/** Debian's netcat-openbsd, connected to the port; what it is given to write goes out as it is. */
export function nc(t: TestContext, port: number, ...options: string[]): Child {
  return new Child(t, 'nc', findTool(['nc.openbsd', 'nc'], 'netcat-openbsd'), [
    ...options,
    '127.0.0.1',
    String(port),
  ])
}

/** A line-by-line TLS client: `openssl s_client -quiet`. */
export function openssl(t: TestContext, port: number, ...options: string[]): Child {
  return new Child(t, 'openssl', findTool(['openssl'], 'openssl'), [
    's_client',
    '-quiet',
    '-connect',
    `127.0.0.1:${port}`,
    ...options,
  ])
}

/** Runs an openssl sub-command to its end. */
export function opensslCommand(t: TestContext, ...args: string[]): Promise<Finished> {
  return run(t, 'openssl', findTool(['openssl'], 'openssl'), args, '')
}
