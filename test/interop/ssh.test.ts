/** OpenSSH, client and server, through a route on the port that serves HTTPS and lines, too. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { before, type TestContext, test } from 'node:test'
import { certificate, type Serving, serve, until } from '../support/serving.ts'
import { curlAnswer, type Finished, nc } from './support/clients.ts'
import { findTool } from './support/process.ts'
import { folderWith, runProgram, startListening, startProgram } from './support/programs.ts'

const SSHD = findTool(['/usr/sbin/sshd', 'sshd'], 'openssh-server')

/** Where sshd locks itself up as long as nobody has logged in; it only asks for it when it is root. */
const PRIVILEGE_SEPARATION = '/run/sshd'

before(() => {
  if (process.getuid?.() === 0 && !existsSync(PRIVILEGE_SEPARATION)) {
    mkdirSync(PRIVILEGE_SEPARATION, { mode: 0o755 })
  }
})

/** A host and a user with their keys, who know each other, in a folder. */
async function makeKeys(t: TestContext): Promise<string> {
  const folder = await folderWith(t)
  for (const name of ['host', 'user']) {
    const args = ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)]
    const { code, stderr } = await runProgram(t, 'ssh-keygen', 'openssh-client', args)
    assert.equal(code, 0, stderr)
  }
  const host = await readFile(join(folder, 'host.pub'), 'utf8')
  await writeFile(join(folder, 'known_hosts'), `* ${host}`)
  await writeFile(join(folder, 'sshd_config'), serverConfiguration(folder))
  return folder
}

function serverConfiguration(folder: string): string {
  return `
ListenAddress 127.0.0.1
HostKey ${folder}/host
PidFile none
AuthorizedKeysFile ${folder}/user.pub
StrictModes no
UsePAM no
UseDNS no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
PrintMotd no
Subsystem sftp internal-sftp
`
}

async function startSshd(t: TestContext, folder: string): Promise<number> {
  const { port } = await startListening((port) =>
    startProgram(t, 'sshd', 'openssh-server', [
      '-D',
      '-e',
      '-f',
      join(folder, 'sshd_config'),
      '-p',
      String(port),
    ]),
  )
  return port
}

/** What the client needs to know: keys, and nothing from this machine's own configuration. */
function clientOptions(folder: string, more: readonly string[] = []): string[] {
  const options = [
    'BatchMode=yes',
    'IdentitiesOnly=yes',
    'StrictHostKeyChecking=yes',
    `UserKnownHostsFile=${folder}/known_hosts`,
    'GlobalKnownHostsFile=none',
    'LogLevel=ERROR',
    ...more,
  ]
  return ['-F', 'none', '-i', join(folder, 'user'), ...options.flatMap((option) => ['-o', option])]
}

/** Runs a command by ssh, with this for its standard input. */
function ssh(
  t: TestContext,
  folder: string,
  { port }: Serving,
  command: string,
  input: string | Uint8Array = '',
  more: readonly string[] = [],
): Promise<Finished> {
  const at = ['-p', String(port), `${userInfo().username}@127.0.0.1`, command]
  return runProgram(t, 'ssh', 'openssh-client', [...clientOptions(folder, more), ...at], input)
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

test('commands, both ways, whole; beside HTTPS, HTTP and lines on the same port', async (t) => {
  const folder = await makeKeys(t)
  const serving = await serve(t, certificate)
  serving.server.route('ssh', { host: '127.0.0.1', port: await startSshd(t, folder) })
  const lines = nc(t, serving.port)
  lines.write('before\n')
  await lines.says('before\n')

  assert.deepEqual(await ssh(t, folder, serving, 'echo hello by ssh'), {
    code: 0,
    stdout: 'hello by ssh\n',
    stderr: '',
  })
  assert.equal((await ssh(t, folder, serving, 'exit 7')).code, 7)
  const upload = Buffer.alloc(8 * 1024 * 1024, 'up and up ')
  assert.equal((await ssh(t, folder, serving, 'sha256sum', upload)).stdout, `${digest(upload)}  -\n`)
  const { stdout } = await ssh(t, folder, serving, 'yes down and down | head -c 8388608')
  assert.ok(stdout === 'down and down\n'.repeat(599187).slice(0, 8_388_608), `${stdout.length} bytes`)

  for (const scheme of ['https', 'http']) {
    const answer = await curlAnswer(t, ['-k', '-d', scheme, `${scheme}://127.0.0.1:${serving.port}/`])
    assert.equal(answer.body, scheme)
  }
  lines.write('after\n')
  await lines.says('after\n')
  assert.deepEqual(serving.messages, ['before', 'https', 'http', 'after'])
  assert.equal(serving.server.stats().verdicts.ssh, 4)
  await until(() => serving.server.stats().forwarded === 0)
  assert.deepEqual(serving.errors, [])
})

test('three sessions at the same time, and one that is killed', async (t) => {
  const folder = await makeKeys(t)
  const serving = await serve(t)
  serving.server.route('ssh', { host: '127.0.0.1', port: await startSshd(t, folder) })
  const at = ['-p', String(serving.port), `${userInfo().username}@127.0.0.1`, 'cat']
  const [first, second, third] = ['first', 'second', 'third'].map((word) => {
    const client = startProgram(t, 'ssh', 'openssh-client', [...clientOptions(folder), ...at])
    client.write(`${word}\n`)
    return client
  })
  await Promise.all([first!.says('first\n'), second!.says('second\n'), third!.says('third\n')])
  assert.equal(serving.server.stats().forwarded, 3)
  await second!.cut()
  await until(() => serving.server.stats().forwarded === 2)
  for (const client of [first!, third!]) {
    client.write('still there\n')
    await client.says('still there\n')
    client.end()
    assert.equal((await client.ends()).code, 0, client.describe())
  }
  await until(() => serving.server.stats().forwarded === 0)
})

test('inside TLS, as where only 443 is let through', async (t) => {
  const folder = await makeKeys(t)
  const serving = await serve(t, certificate)
  serving.server.route('ssh', { host: '127.0.0.1', port: await startSshd(t, folder) })
  const openssl = findTool(['openssl'], 'openssl')
  const tunnel = `ProxyCommand=${openssl} s_client -quiet -connect 127.0.0.1:${serving.port} 2>/dev/null`
  const { stdout, stderr } = await ssh(t, folder, serving, 'echo hello by TLS; cat', 'and back', [tunnel])
  assert.equal(stdout, 'hello by TLS\nand back', stderr)
  const { verdicts } = serving.server.stats()
  assert.deepEqual([verdicts.tls, verdicts.ssh], [1, 1])
})

test('a function gets the socket as if nobody had read from it: sshd for one connection', async (t) => {
  const folder = await makeKeys(t)
  const serving = await serve(t)
  serving.server.route('ssh', (socket) => inetd(t, folder, socket))
  const { stdout, stderr } = await ssh(t, folder, serving, 'cat', 'hello to sshd -i')
  assert.equal(stdout, 'hello to sshd -i', stderr)
})

/** As inetd starts it: one connection on its standard input and output. */
function inetd(t: TestContext, folder: string, socket: Socket): void {
  const child = spawn(SSHD, ['-i', '-e', '-f', join(folder, 'sshd_config')], {
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  t.after(() => child.kill('SIGKILL'))
  child.stdin.on('error', () => {})
  socket.on('error', () => {})
  socket.pipe(child.stdin)
  child.stdout.pipe(socket)
}

test('a client that waits for the server to speak first: to the route of what is nothing else', async (t) => {
  const folder = await makeKeys(t)
  const serving = await serve(t, { sniffTimeout: 300 })
  const port = await startSshd(t, folder)
  serving.server.route('raw', { host: '127.0.0.1', port })
  const scan = ['-t', 'ed25519', '-p', String(serving.port), '127.0.0.1']
  const { stdout } = await runProgram(t, 'ssh-keyscan', 'openssh-client', scan)
  const [, key] = (await readFile(join(folder, 'host.pub'), 'utf8')).split(' ')
  assert.ok(stdout.includes(`ssh-ed25519 ${key}`), stdout)
  assert.equal(serving.server.stats().timeouts, 1)
})

test('without a route its first line is a message; a target that is not there is told of', async (t) => {
  const folder = await makeKeys(t)
  const serving = await serve(t, {}, (_message, _client, writer) => writer.close())
  assert.equal((await ssh(t, folder, serving, 'true')).code, 255)
  assert.match(serving.messages[0] ?? '', /^SSH-2\.0-OpenSSH_/)

  serving.server.route('ssh', { host: '127.0.0.1', port: 1 })
  assert.equal((await ssh(t, folder, serving, 'true')).code, 255)
  assert.deepEqual(serving.errors, ['ERR_ROUTE_UNREACHABLE'])
  await serving.until(() => serving.server.stats().forwarded === 0)
})
