/** The command as a process: what it prints, how it ends. What its clients see is in room.test.ts and test/interop. */
import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { selfSignedCertificate } from '../src/node/tls/self-signed.ts'
import { until } from './support/serving.ts'

const command = fileURLToPath(new URL('../dist/cli.js', import.meta.url))
type Context = { after(end: () => unknown): void }

interface Running {
  readonly child: ChildProcess
  output: string
  readonly port: number
}

async function start(context: Context, ...flags: string[]): Promise<Running> {
  const child = spawn(process.execPath, [command, '--port', '0', '--host', '127.0.0.1', ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  context.after(() => child.kill('SIGKILL'))
  const running = { child, output: '', port: 0 }
  child.stdout!.on('data', (chunk) => {
    running.output += chunk
  })
  await until(() => /port"?:? ?(\d+)/.test(running.output))
  running.port = Number(/port"?:? ?(\d+)/.exec(running.output)![1])
  return running
}

function lines(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = ''
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => socket.end(text))
    socket.on('data', (chunk) => {
      answer += chunk
    })
    socket.on('end', () => resolve(answer))
    // A command that ends while it is spoken to may reset the connection.
    socket.on('error', () => resolve(answer))
  })
}

test('it says first how to reach it, then what happens, and ends with 0', async (t) => {
  const running = await start(t)
  const { port, child } = running
  await until(() => running.output.includes('hear'))
  for (const paste of [
    `http://127.0.0.1:${port}/`,
    `curl -d hello http://127.0.0.1:${port}/`,
    `nc 127.0.0.1 ${port}`,
    `ws://127.0.0.1:${port}/`,
  ]) {
    assert.ok(running.output.includes(paste), paste)
  }
  await lines(port, 'to the room \x1b[31m\n')
  await until(() => running.output.includes('to the room'))
  assert.match(running.output, /raw: to the room \\x1b\[31m\n/, 'a terminal is not steered')
  child.kill('SIGTERM')
  const [code] = await once(child, 'exit')
  assert.equal(code, 0)
})

test('--json prints an object a line', async (t) => {
  const running = await start(t, '--json')
  await lines(running.port, 'text\n\xff\n')
  await until(() => running.output.includes('"leave"'))
  const events = running.output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual(
    events.map(({ event }) => event),
    ['listening', 'join', 'message', 'message', 'leave'],
  )
  assert.deepEqual(events[0], { event: 'listening', port: running.port, tls: false, udp: false, echo: false })
  assert.equal(events[2].text, 'text')
  assert.equal(events[2].protocol, 'raw')
  assert.equal(events[2].id, events[1].id)
  assert.equal(Buffer.from(events[3].text).toString(), 'ÿ')
})

test('--echo answers each client with its own message', async (t) => {
  const { port } = await start(t, '--echo')
  assert.equal(await lines(port, 'a\nb'), 'a\nb\n')
})

test('--cert and --key, and --tls', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'portmanteau-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const { key, cert } = selfSignedCertificate()
  writeFileSync(join(folder, 'key.pem'), key)
  writeFileSync(join(folder, 'cert.pem'), cert)
  const given = await start(t, '--json', '--key', join(folder, 'key.pem'), '--cert', join(folder, 'cert.pem'))
  assert.match(given.output, /"tls":true/)
  const made = await start(t, '--tls')
  await until(() => made.output.includes('hear'))
  assert.match(made.output, /SHA-256 ([0-9A-F]{2}:){31}[0-9A-F]{2}\n/)
})

const wrong: [flags: string[], message: RegExp][] = [
  [['--port', '70000'], /--port takes a number/],
  [['--port', 'x'], /--port takes a number/],
  [['--cert', 'only.pem'], /--cert and --key go together/],
  [['--cert', 'no.pem', '--key', 'no.pem'], /--cert: .*no such file/],
  [['--allow-origin', 'https://a'], /./],
  [['--unknown'], /--unknown/],
  [['stray'], /stray/],
]

for (const [flags, message] of wrong) {
  test(`portmanteau ${flags.join(' ')} says what is wrong and ends with 2`, async () => {
    const ended = promisify(execFile)(process.execPath, [command, ...flags])
    await assert.rejects(ended, (error: Error & { code: number; stderr: string }) => {
      assert.equal(error.code, 2)
      assert.match(error.stderr, /^portmanteau: /)
      assert.match(error.stderr, message)
      return true
    })
  })
}

test('a port that is taken is said', async (t) => {
  const { port } = await start(t)
  const ended = promisify(execFile)(process.execPath, [
    command,
    '--port',
    String(port),
    '--host',
    '127.0.0.1',
  ])
  await assert.rejects(ended, /EADDRINUSE/)
})

test('when nobody reads what it prints any more it shuts down in order', async (t) => {
  const { child, port } = await start(t)
  child.stdout!.destroy()
  const ended = once(child, 'exit')
  await lines(port, 'x\n')
  const [code] = await ended
  assert.equal(code, 0)
})

test('--help and --version', async () => {
  const run = promisify(execFile)
  assert.match((await run(process.execPath, [command, '--help'])).stdout, /usage: portmanteau \[options\]/)
  assert.match((await run(process.execPath, [command, '--version'])).stdout, /^\d+\.\d+\.\d+\n$/)
})
