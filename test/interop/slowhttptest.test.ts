/** slowhttptest: hundreds of clients that take their time, beside one that does not, and is served as if it were alone. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { type TestContext, test } from 'node:test'
import type { ServerOptions } from 'portmanteau'
import { certificate, type Serving, serve, until } from '../support/serving.ts'
import type { Child } from './support/process.ts'
import { startProgram } from './support/programs.ts'

const CONNECTIONS = 300

/** Short, so that the slow ones are found out soon. */
const OPTIONS: ServerOptions = {
  wholeBody: true,
  isMessage: () => true,
  sniffTimeout: 1_000,
  headTimeout: 2_000,
  bodyTimeout: 2_000,
  keepAliveTimeout: 1_000,
  closeTimeout: 500,
}

/** Answers by path: one that the system keeps for a client that does not read it, and one that it does not. */
const ANSWERS: ReadonlyMap<string | undefined, Buffer> = new Map([
  ['/large', Buffer.alloc(512 * 1024, 'large ')],
  ['/larger', Buffer.alloc(4 * 1024 * 1024, 'larger ')],
])

/** A machine that has other things to do is slower now and then by so many milliseconds, whoever is connected. */
const FLOOR_MS = 20

function serveSlowly(t: TestContext, options: ServerOptions = {}): Promise<Serving> {
  return serve(t, { ...OPTIONS, ...options }, (_message, client, writer) => {
    writer.write(ANSWERS.get(client.request?.url) ?? 'answered')
  })
}

/** One request on a connection of its own. Returns the milliseconds that it took. */
async function ask({ port }: Serving): Promise<number> {
  const start = performance.now()
  const asked = request({ port, host: '127.0.0.1', method: 'POST', agent: false })
  asked.end('asked')
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  let body = ''
  for await (const chunk of response.setEncoding('utf8')) body += chunk
  assert.deepEqual([response.statusCode, body], [200, 'answered'])
  return performance.now() - start
}

function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[times.length >> 1]!
}

async function unloaded(serving: Serving): Promise<number> {
  for (let warm = 0; warm < 100; warm++) await ask(serving)
  const times: number[] = []
  for (let count = 0; count < 300; count++) times.push(await ask(serving))
  return median(times)
}

function slowhttptest(t: TestContext, { port }: Serving, path: string, args: readonly string[]): Child {
  const scheme = path.startsWith('s') ? 'https' : 'http'
  const url = `${scheme}://127.0.0.1:${port}${path.replace('s', '')}`
  const all = ['-c', String(CONNECTIONS), '-r', '1000', '-p', '3', '-v', '1', ...args, '-u', url]
  return startProgram(t, 'slowhttptest', 'slowhttptest', all)
}

/** Without its colors. */
function plainText(output: string): string {
  return output.replace(/\x1b\[[\d;]*[A-Za-z]/g, '')
}

interface Attack {
  readonly args: readonly string[]
  /** Behind an `s`: over TLS. */
  readonly path: string
  readonly options?: ServerOptions
  /** How many are there at a time, at least. */
  readonly together: number
  /** What becomes of the slow clients, and of how many of them at least; the others end by themselves. */
  readonly code: string
  readonly ended: number
}

const SLOW_HEADS: Attack = {
  args: ['-H', '-i', '1', '-x', '10', '-l', '10'],
  path: '/',
  together: CONNECTIONS / 5,
  code: 'ERR_HTTP_HEAD_TIMEOUT',
  ended: CONNECTIONS,
}

const SLOW_READERS: Attack = {
  args: ['-X', '-n', '1', '-z', '32', '-w', '1', '-y', '64', '-k', '2', '-l', '2'],
  path: '/large',
  together: CONNECTIONS / 5,
  code: 'ERR_BUFFER_LIMIT',
  ended: 0,
}

const ATTACKS: Readonly<Record<string, Attack>> = {
  'slow heads': SLOW_HEADS,
  // On a busy machine it sends a few fields before their request, which then is none.
  'slow heads over TLS': {
    ...SLOW_HEADS,
    path: 's/',
    options: { ...certificate, rawFallback: false },
    ended: CONNECTIONS * 0.8,
  },
  'slow bodies': {
    args: ['-B', '-i', '1', '-x', '10', '-s', '8192', '-l', '10'],
    path: '/',
    together: CONNECTIONS / 5,
    code: 'ERR_HTTP_BODY_TIMEOUT',
    ended: CONNECTIONS,
  },
  'slow readers': SLOW_READERS,
  'slow readers of more than may wait': {
    ...SLOW_READERS,
    path: '/larger',
    options: { bufferLimit: 64 * 1024 * 1024 },
    together: 10,
    ended: CONNECTIONS / 2,
  },
}

for (const [name, { args, path, options, together, code, ended }] of Object.entries(ATTACKS)) {
  test(`${CONNECTIONS} connections with ${name}: all of them end, and nobody else is slower for it`, async (t) => {
    const serving = await serveSlowly(t, options)
    const alone = await unloaded(serving)
    const { accepted } = serving.server.stats()
    const attack = slowhttptest(t, serving, path, args)
    const times: number[] = []
    let most = 0
    while (attack.running) {
      times.push(await ask(serving))
      most = Math.max(most, serving.server.stats().connections)
    }
    assert.equal((await attack.ends()).code, 0, attack.describe())
    assert.match(plainText(attack.stdout), /service available: +YES/, attack.describe())
    assert.doesNotMatch(plainText(attack.stdout), /service available: +NO\b/, attack.describe())

    await until(() => serving.server.stats().connections === 0)
    const slow = serving.server.stats().accepted - accepted - times.length
    assert.ok(slow >= CONNECTIONS, `${slow} connections came`)
    assert.ok(most >= together, `${most} at a time`)
    const found = serving.errors.filter((error) => error === code).length
    assert.ok(found >= ended, `${found} ended with ${code}`)
    assert.ok(times.length >= 100, `${times.length} answers meanwhile`)
    const beside = median(times)
    assert.ok(beside <= 2 * alone + FLOOR_MS, `${beside} ms beside them, ${alone} ms alone`)
    t.diagnostic(`median ${beside.toFixed(2)} ms beside them, ${alone.toFixed(2)} ms alone`)
  })
}
