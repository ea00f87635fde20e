/** Clients of other protocols: recognised by what they say first, and content with what a route answers them. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { ServerOptions } from 'portmanteau'
import { certificate, type Serving, serve, until } from '../support/serving.ts'
import { curl, curlAnswer, type Finished, nc } from './support/clients.ts'
import {
  mqtt,
  type PostgresqlSeen,
  type Published,
  postgresql,
  redis,
  socks,
} from './support/minimal-servers.ts'
import { folderWith, runProgram, startProgram } from './support/programs.ts'

const ROUTES = 'ssh socks4 socks5 mqtt amqp postgresql rdp dns redis rtmp bittorrent flashPolicy'.split(' ')

function psqlArguments({ port }: Serving, sslmode: string, query: string): string[] {
  const at = `host=127.0.0.1 port=${port} user=user dbname=base sslmode=${sslmode} gssencmode=disable connect_timeout=5`
  return ['-X', '-A', '-t', at, '-c', query]
}

function psql(t: TestContext, serving: Serving, sslmode: string, query: string): Promise<Finished> {
  return runProgram(t, 'psql', 'postgresql-client', psqlArguments(serving, sslmode, query))
}

function redisCli(
  t: TestContext,
  { port }: Serving,
  args: readonly string[],
  input: string | Uint8Array = '',
): Promise<Finished> {
  return runProgram(t, 'redis-cli', 'redis-tools', ['-p', String(port), ...args], input)
}

function mosquitto(t: TestContext, { port }: Serving, args: readonly string[]): Promise<Finished> {
  const at = ['-h', '127.0.0.1', '-p', String(port), '-t', 'a/topic', ...args]
  return runProgram(t, 'mosquitto_pub', 'mosquitto-clients', at)
}

type Run = (t: TestContext, serving: Serving) => Promise<unknown>

function curlTo(prefix: string, rest: string, ...args: readonly string[]): Run {
  return (t, { port }) => curl(t, [...args, `${prefix}127.0.0.1:${port}${rest}`])
}

/** For all hosts, whatever is said before. */
function via(proxy: string): string[] {
  return ['--noproxy', '', '-x', proxy]
}

function curlVia(proxy: string): Run {
  return (t, { port }) => curl(t, [...via(`${proxy}127.0.0.1:${port}`), 'http://a.example/'])
}

/** Who runs, as what it is recognised, and its first bytes in hex, as far as they are always the same. */
const CLIENTS: readonly [name: string, run: Run, protocol: string, first: RegExp][] = [
  [
    'psql',
    (t, serving) => psql(t, serving, 'disable', 'select 1'),
    'postgresql',
    /^000000..00030000757365720075/,
  ],
  [
    'psql, TLS asked for',
    (t, serving) => psql(t, serving, 'require', 'select 1'),
    'postgresql',
    /^0000000804d2162f$/,
  ],
  ['redis-cli', (t, serving) => redisCli(t, serving, ['PING']), 'redis', /^2a310d0a24340d0a50494e470d0a$/],
  [
    'redis-cli -3',
    (t, serving) => redisCli(t, serving, ['-3', 'PING']),
    'redis',
    /^2a320d0a24350d0a48454c4c4f/,
  ],
  [
    'redis-cli --tls',
    (t, serving) => redisCli(t, serving, ['--tls', '--insecure', 'PING']),
    'redis',
    /^2a310d0a/,
  ],
  [
    'mosquitto_pub 3.1',
    (t, serving) => mosquitto(t, serving, ['-V', '31', '-m', 'x']),
    'mqtt',
    /^10..00064d5149736470/,
  ],
  ['mosquitto_pub 3.1.1', (t, serving) => mosquitto(t, serving, ['-m', 'x']), 'mqtt', /^10..00044d51545404/],
  [
    'mosquitto_pub 5',
    (t, serving) => mosquitto(t, serving, ['-V', '5', '-m', 'x']),
    'mqtt',
    /^10..00044d51545405/,
  ],
  ['curl by mqtt', curlTo('mqtt://', '/a/topic', '-d', 'x'), 'mqtt', /^10..00044d51545404/],
  ['curl by rtmp', curlTo('rtmp://', '/app/stream'), 'rtmp', /^03/],
  ['curl by SOCKS 4', curlVia('socks4a://user@'), 'socks4', /^0401005000000001/],
  ['curl by SOCKS 5', curlVia('socks5h://'), 'socks5', /^05020001$/],
  ['curl by SOCKS 5 with a password', curlVia('socks5h://user:password@'), 'socks5', /^0503000102$/],
]

interface Recording extends Serving {
  /** The protocol and the first bytes, in hex, of each connection that went to a route. */
  readonly recorded: [protocol: string, first: string][]
}

async function record(t: TestContext, options: ServerOptions = {}): Promise<Recording> {
  const serving = await serve(t, { ...certificate, ...options })
  const recorded: Recording['recorded'] = []
  for (const name of ROUTES) {
    serving.server.route(name, (socket) => {
      socket.on('error', () => {})
      socket.once('data', (first) => {
        recorded.push([name, first.toString('hex')])
        socket.end()
      })
    })
  }
  return { ...serving, recorded }
}

for (const [name, run, protocol, first] of CLIENTS) {
  test(`${name} is recognised among ${ROUTES.length} routes, and beside our own protocols`, async (t) => {
    const serving = await record(t)
    await run(t, serving)
    assert.ok(serving.recorded.length > 0, 'it has not come')
    for (const [recognised, bytes] of serving.recorded) {
      assert.equal(recognised, protocol)
      assert.match(bytes, first)
    }
    assert.deepEqual(serving.messages, [])
    assert.equal((await curlAnswer(t, ['-d', 'HTTP', `http://127.0.0.1:${serving.port}/`])).body, 'HTTP')
    const lines = nc(t, serving.port)
    lines.write('a line\n')
    await lines.says('a line\n')
  })
}

test('without a route none of them is held up: what they say is raw at once', async (t) => {
  const serving = await serve(t, { sniffTimeout: 60_000, framing: 'none' }, (_message, _client, writer) => {
    writer.close()
  })
  await psql(t, serving, 'disable', 'select 1')
  await redisCli(t, serving, ['PING'])
  await mosquitto(t, serving, ['-m', 'x'])
  await curlVia('socks5h://')(t, serving)
  const { verdicts, timeouts } = serving.server.stats()
  assert.deepEqual([Object.keys(verdicts), timeouts], [['raw'], 0])
  assert.ok(verdicts.raw! >= 4)
  assert.ok(serving.messages.includes('*1\r\n$4\r\nPING\r\n'))
})

async function startPostgresql(t: TestContext): Promise<{ serving: Serving; seen: PostgresqlSeen }> {
  const seen: PostgresqlSeen = { queries: [], encrypted: 0, canceled: 0 }
  const serving = await serve(t, certificate)
  serving.server.route('postgresql', postgresql(seen, certificate))
  return { serving, seen }
}

for (const [sslmode, encrypted] of [
  ['disable', 0],
  ['require', 1],
] as const) {
  test(`psql with sslmode=${sslmode} gets its rows from a route`, async (t) => {
    const { serving, seen } = await startPostgresql(t)
    const query = `select '${'long '.repeat(10_000)}'`
    const { code, stdout, stderr } = await psql(t, serving, sslmode, query)
    assert.deepEqual([code, stderr], [0, ''])
    assert.equal(stdout, `${query}\n`)
    assert.deepEqual([seen.queries, seen.encrypted], [[query], encrypted])
    assert.deepEqual(serving.messages, [])
  })
}

test('psql cancels a query by a connection of its own', async (t) => {
  const { serving, seen } = await startPostgresql(t)
  const client = startProgram(
    t,
    'psql',
    'postgresql-client',
    psqlArguments(serving, 'disable', 'wait for me'),
  )
  await until(() => seen.queries.length === 1)
  client.signal('SIGINT')
  assert.equal((await client.ends()).code, 1)
  assert.match(client.stderr, /canceled as you like/)
  assert.equal(seen.canceled, 1)
  assert.equal(serving.server.stats().verdicts.postgresql, 2)
})

for (const tls of [[], ['--tls', '--insecure']]) {
  test(`redis-cli ${tls.join(' ')} sets and gets, one by one and 10,000 at a time`, async (t) => {
    const serving = await serve(t, certificate)
    const values = new Map<string, string>()
    serving.server.route('redis', redis(values))
    const cli = (args: readonly string[], input = '') => redisCli(t, serving, [...tls, ...args], input)
    assert.equal((await cli(['PING'])).stdout.trim(), 'PONG')
    assert.equal((await cli(['-x', 'SET', 'long'], 'x'.repeat(200_000))).stdout.trim(), 'OK')
    assert.equal((await cli(['GET', 'long'])).stdout.trim().length, 200_000)
    const sets = Array.from(
      { length: 10_000 },
      (_, index) => `*3\r\n$3\r\nSET\r\n$5\r\n${10_000 + index}\r\n$1\r\nv\r\n`,
    )
    const { stdout } = await cli(['--pipe'], sets.join(''))
    assert.match(stdout, /^errors: 0, replies: 10000$/m)
    assert.equal(values.size, 10_001)
    assert.deepEqual(serving.messages, [])
  })
}

for (const [version, level] of [
  ['mqttv31', 3],
  ['mqttv311', 4],
  ['mqttv5', 5],
] as const) {
  test(`mosquitto_pub ${version} publishes to a route, also over TLS by ALPN`, async (t) => {
    const serving = await serve(t, certificate)
    const published: Published[] = []
    serving.server.route('mqtt', mqtt(published)).route({ alpn: 'mqtt' }, mqtt(published))
    const file = join(await folderWith(t, { 'cert.pem': certificate.cert }), 'cert.pem')
    const secure = ['--cafile', file, '--insecure', '--tls-alpn', 'mqtt']
    const payload = 'published '.repeat(10_000)
    for (const args of [['-m', 'short'], ['-q', '1', '-m', payload], secure]) {
      const message = args === secure ? ['-q', '1', '-m', 'over TLS'] : []
      const { code, stderr } = await mosquitto(t, serving, ['-V', version, ...args, ...message])
      assert.equal(code, 0, stderr)
    }
    await until(() => published.length === 3)
    assert.deepEqual(
      published,
      ['short', payload, 'over TLS'].map((payload) => ({ level, topic: 'a/topic', payload })),
    )
    assert.equal(serving.server.stats().verdicts.mqtt, 2)
    assert.deepEqual(serving.messages, [])
  })
}

for (const version of ['socks4', 'socks4a', 'socks5', 'socks5h']) {
  test(`curl by ${version} comes back to the same port, by HTTP`, async (t) => {
    const serving = await serve(t, certificate)
    const targets: string[] = []
    serving.server.route('socks4', socks(targets)).route('socks5', socks(targets))
    for (const scheme of ['http', 'https']) {
      const host = version.endsWith('a') || version.endsWith('h') ? 'localhost' : '127.0.0.1'
      const proxy = via(`${version}://127.0.0.1:${serving.port}`)
      const args = [...proxy, '-k', '-d', `by ${scheme}`, `${scheme}://${host}:${serving.port}/`]
      assert.equal((await curlAnswer(t, args)).body, `by ${scheme}`)
      assert.equal(targets.at(-1), `${version.slice(0, 6)} ${host}`)
    }
  })
}
