/** Debian's HAProxy in front of us, which tells who the client is, and behind us, which is told. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Client, ServerOptions } from 'portmanteau'
import { certificate, type Serving, serve, until } from '../support/serving.ts'
import { curl } from './support/clients.ts'
import type { Child } from './support/process.ts'
import { folderWith, startListening, startProgram } from './support/programs.ts'

/** Where the client is that HAProxy tells of: not where HAProxy itself is. */
const CLIENT = '127.0.0.7'

/** One process in the foreground; `section` gets the port that it listens on. */
async function startHaproxy(
  t: TestContext,
  section: (bind: string, folder: string) => string,
): Promise<number> {
  const { port } = await startListening(async (port) => {
    const folder = await folderWith(t, { 'haproxy.pem': certificate.cert + certificate.key })
    const file = join(folder, 'haproxy.cfg')
    await writeFile(file, configuration(section(`127.0.0.1:${port}`, folder)))
    return startProgram(t, 'haproxy', 'haproxy', ['-db', '-f', file])
  })
  return port
}

function configuration(section: string): string {
  return `
global
  maxconn 200
  nbthread 1
defaults
  timeout connect 5s
  timeout client 20s
  timeout server 20s
${section}
`
}

/** HAProxy passes bytes on to `backend`, with these words about how. */
function inFront(t: TestContext, { port }: Serving, words: string, bind = ''): Promise<number> {
  return startHaproxy(
    t,
    (at, folder) => `
listen door
  mode tcp
  bind ${at} ${bind.replace('FOLDER', folder)}
  server ours 127.0.0.1:${port} ${words}
`,
  )
}

interface Seen {
  readonly protocol: string
  readonly encrypted: boolean
  readonly remoteAddress: string | undefined
  readonly localPort: number | undefined
}

interface Proxied extends Serving {
  readonly seen: Seen[]
}

async function serveProxied(t: TestContext, options: ServerOptions = {}): Promise<Proxied> {
  const seen: Seen[] = []
  const serving = await serve(
    t,
    { proxy: 'required', ...certificate, ...options },
    (message, client, writer) => {
      seen.push(seenOf(client))
      writer.write(message)
    },
  )
  return { ...serving, seen }
}

function seenOf({ protocol, encrypted, remoteAddress, localPort }: Client): Seen {
  return { protocol, encrypted, remoteAddress, localPort }
}

function ncFrom(t: TestContext, port: number): Child {
  return startProgram(t, 'nc.openbsd', 'netcat-openbsd', ['-s', CLIENT, '127.0.0.1', String(port)])
}

function opensslFrom(t: TestContext, port: number): Child {
  const at = ['-connect', `127.0.0.1:${port}`, '-bind', `${CLIENT}:0`]
  return startProgram(t, 'openssl', 'openssl', ['s_client', '-quiet', ...at])
}

for (const words of [
  'send-proxy',
  'send-proxy-v2',
  'send-proxy-v2 proxy-v2-options crc32c,unique-id,authority,ssl',
]) {
  test(`${words}: lines, HTTP and TLS passed through have the client's address`, async (t) => {
    const serving = await serveProxied(t)
    const port = await inFront(t, serving, words)
    const lines = ncFrom(t, port)
    lines.write('a line\n')
    await lines.says('a line\n')
    const secret = opensslFrom(t, port)
    secret.write('a secret line\n')
    await secret.says('a secret line\n')
    for (const scheme of ['http', 'https']) {
      const args = ['-k', '--interface', CLIENT, '-d', scheme, `${scheme}://127.0.0.1:${port}/`]
      assert.equal((await curl(t, args)).stdout, scheme)
    }
    assert.deepEqual(serving.seen, [
      { protocol: 'raw', encrypted: false, remoteAddress: CLIENT, localPort: port },
      { protocol: 'raw', encrypted: true, remoteAddress: CLIENT, localPort: port },
      { protocol: 'http', encrypted: false, remoteAddress: CLIENT, localPort: port },
      { protocol: 'http', encrypted: true, remoteAddress: CLIENT, localPort: port },
    ])
    assert.deepEqual(serving.errors, [])
  })

  test(`${words}: HTTP/2, and requests for the application, have the client's address`, async (t) => {
    const serving = await serveProxied(t, {
      http: ({ httpVersion, socket }, response) =>
        response.end(`${httpVersion} from ${socket.remoteAddress}`),
    })
    const port = await inFront(t, serving, words)
    for (const [version, expected] of [
      ['--http1.1', '1.1'],
      ['--http2', '2.0'],
    ] as const) {
      const args = ['-k', '--interface', CLIENT, version, `https://127.0.0.1:${port}/`]
      assert.equal((await curl(t, args)).stdout, `${expected} from ${CLIENT}`)
      await curl(t, [...args.slice(0, -1), '-d', 'a message', args.at(-1)!])
    }
    assert.deepEqual(
      serving.seen.map(({ protocol, remoteAddress }) => [protocol, remoteAddress]),
      new Array(2).fill(['http', CLIENT]),
    )
  })
}

test('HAProxy has decrypted: the header has its details, and the bytes are plain', async (t) => {
  const serving = await serveProxied(t)
  const bind = 'ssl crt FOLDER/haproxy.pem'
  for (const words of [
    'send-proxy',
    'send-proxy-v2-ssl-cn',
    'send-proxy-v2 proxy-v2-options ssl,cert-cn,ssl-cipher',
  ]) {
    const secret = opensslFrom(t, await inFront(t, serving, words, bind))
    secret.write('decrypted\n')
    await secret.says('decrypted\n')
    assert.deepEqual([serving.seen.at(-1)?.protocol, serving.seen.at(-1)?.remoteAddress], ['raw', CLIENT])
  }
  assert.deepEqual(serving.errors, [])
})

test('HAProxy encrypts anew: the header comes before our TLS', async (t) => {
  const serving = await serveProxied(t)
  const port = await inFront(t, serving, 'send-proxy-v2 ssl verify none')
  const lines = ncFrom(t, port)
  lines.write('a line\n')
  await lines.says('a line\n')
  assert.deepEqual(serving.seen, [
    { protocol: 'raw', encrypted: true, remoteAddress: CLIENT, localPort: port },
  ])
})

for (const words of ['send-proxy', 'send-proxy-v2']) {
  test(`${words}: HAProxy asks every 50 ms whether we are there, and nobody hears of it`, async (t) => {
    const serving = await serveProxied(t)
    const port = await inFront(t, serving, `${words} check inter 50 rise 1 fall 1 check-send-proxy`)
    await until(() => serving.server.stats().accepted >= 5)
    // It resets the connection once it is there.
    assert.ok(
      serving.log.every((entry) => entry === 'error ECONNRESET'),
      `${serving.log}`,
    )
    const lines = ncFrom(t, port)
    lines.write('a line\n')
    await lines.says('a line\n')
    assert.equal(serving.seen[0]?.remoteAddress, CLIENT)
  })
}

/** Says a line, and waits until the connection is cut. */
async function cutOff(t: TestContext, port: number): Promise<void> {
  const lines = ncFrom(t, port)
  lines.write('a line\n')
  lines.end()
  await lines.ends()
  assert.equal(lines.stdout, '')
}

test('without a header where one is required, and with one where none is expected: cut, and by name', async (t) => {
  const required = await serveProxied(t)
  await cutOff(t, await inFront(t, required, ''))
  assert.match(ours(required).join(), /^ERR_PROXY_/)
  assert.deepEqual(required.messages, [])

  for (const words of ['send-proxy', 'send-proxy-v2']) {
    for (const proxy of ['off', { trusted: ['192.0.2.0/24'] }] as const) {
      const serving = await serveProxied(t, { proxy })
      await cutOff(t, await inFront(t, serving, words))
      assert.deepEqual([[...new Set(ours(serving))], serving.messages], [['ERR_PROXY_UNEXPECTED'], []])
    }
  }
})

/** HAProxy ends its looks at who is there by resets, some of which are heard of. */
function ours({ errors }: Serving): string[] {
  return errors.filter((code) => code !== 'ECONNRESET')
}

test('only from where the proxy is: the others are taken at their own address', async (t) => {
  const serving = await serveProxied(t, { proxy: { trusted: ['127.0.0.1'] } })
  const port = await inFront(t, serving, 'send-proxy-v2')
  for (const at of [port, serving.port]) {
    const lines = ncFrom(t, at)
    lines.write('a line\n')
    await lines.says('a line\n')
  }
  assert.deepEqual(
    serving.seen.map(({ remoteAddress, localPort }) => [remoteAddress, localPort]),
    [
      [CLIENT, port],
      [CLIENT, serving.port],
    ],
  )
})

for (const proxyProtocol of [1, 2] as const) {
  test(`HAProxy behind us reads the header of version ${proxyProtocol} that a route writes`, async (t) => {
    const behind = await startHaproxy(
      t,
      (at) => `
frontend told
  mode http
  bind ${at} accept-proxy
  http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] %[dst] %[dst_port]"
`,
    )
    const serving = await serve(t)
    serving.server.route('http1', { host: '127.0.0.1', port: behind, proxyProtocol })
    const args = ['--interface', CLIENT, '-w', '\n%{local_port}', `http://127.0.0.1:${serving.port}/`]
    const [told, port] = (await curl(t, args)).stdout.split('\n')
    assert.equal(told, `${CLIENT} ${port} 127.0.0.1 ${serving.port}`)
  })
}
