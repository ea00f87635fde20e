/** Datagrams of socat, on the number of the TCP port, over IPv4 and IPv6; DTLS of openssl, which goes on to a route. */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type MessageListener, Server, type ServerOptions } from 'portmanteau'
import { certificate, echo, until } from '../support/serving.ts'
import { curlAnswer } from './support/clients.ts'
import { startCommand } from './support/command.ts'
import type { Child } from './support/process.ts'
import { folderWith, startProgram } from './support/programs.ts'

const HAS_IPV6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
)

/** The loopback addresses that there are. */
const HOSTS = HAS_IPV6 ? ['127.0.0.1', '::1'] : ['127.0.0.1']

interface Served {
  readonly server: Server
  readonly host: string
  readonly port: number
  /** Who has said what. */
  readonly heard: { readonly id: string; readonly text: string }[]
  readonly gone: string[]
}

async function serveAt(
  t: TestContext,
  host: string,
  options: ServerOptions = {},
  onMessage: MessageListener = echo,
): Promise<Served> {
  const server = new Server(onMessage, { udp: true, ...options })
  const heard: Served['heard'] = []
  const gone: string[] = []
  server.on('message', (message, { id }) => heard.push({ id, text: message.toString('latin1') }))
  server.on('clientDisconnect', ({ id }) => gone.push(id))
  server.listen(0, host)
  await once(server, 'listening')
  t.after(() => server.shutdown({ timeout: 5 }))
  return { server, host, port: (server.address() as AddressInfo).port, heard, gone }
}

/** What it is given to write in one piece is one datagram; what comes is on its standard output. */
function socat(t: TestContext, { host, port }: Pick<Served, 'host' | 'port'>, options = ''): Child {
  const address = host.includes(':') ? `UDP6:[${host}]:${port}` : `UDP4:${host}:${port}`
  return startProgram(t, 'socat', 'socat', ['-b', '65536', '-t', '0.2', '-', `${address}${options}`])
}

for (const host of HOSTS) {
  test(`datagrams and answers at ${host}, beside HTTP and lines on the same number`, async (t) => {
    const served = await serveAt(t, host)
    const client = socat(t, served)
    for (const text of ['one\n', 'two lines\nof one datagram', '\0\x01']) {
      client.write(Buffer.from(text, 'latin1'))
      await client.says(text)
    }
    assert.equal(client.stdout, 'one\ntwo lines\nof one datagram\0\x01')
    assert.equal(new Set(served.heard.map(({ id }) => id)).size, 1, 'it was taken for several clients')
    assert.equal(served.heard.length, 3)

    const authority = host.includes(':') ? `[${host}]` : host
    const answer = await curlAnswer(t, ['-d', 'by HTTP', `http://${authority}:${served.port}/`])
    assert.equal(answer.body, 'by HTTP')
    const family = host.includes(':') ? 'TCP6' : 'TCP4'
    const lines = startProgram(t, 'socat', 'socat', ['-', `${family}:${authority}:${served.port}`])
    lines.write('a line\n')
    await lines.says('a line\n')
    assert.deepEqual(
      served.heard.slice(3).map(({ text }) => text),
      ['by HTTP', 'a line'],
    )
  })

  test(`large and empty datagrams at ${host}`, async (t) => {
    const served = await serveAt(t, host)
    const client = socat(t, served, ',sndbuf=262144,rcvbuf=262144')
    const text = 'datagram'.repeat(5_000)
    client.write(text)
    await client.says(text)
    const empty = socat(t, served, ',shut-null')
    empty.end()
    await until(() => served.heard.length === 2)
    assert.deepEqual(
      served.heard.map(({ text }) => text),
      [text, ''],
    )
  })
}

test('fifty senders at a time: each gets its own answer, and each is a client until it is quiet', async (t) => {
  const served = await serveAt(t, '127.0.0.1', { udp: { idleTimeout: 400 } })
  const clients = Array.from({ length: 50 }, () => socat(t, served))
  const texts = clients.map((_, index) => `sender ${index}.`)
  for (const [index, client] of clients.entries()) client.write(texts[index]!)
  await Promise.all(clients.map((client, index) => client.says(texts[index]!)))
  assert.deepEqual(
    clients.map(({ stdout }) => stdout),
    texts,
  )
  assert.equal(new Set(served.heard.map(({ id }) => id)).size, 50)
  await until(() => served.gone.length === 50)
  assert.equal(served.server.stats().udp?.peers, 0)
  clients[0]!.write('back again')
  await clients[0]!.says('back again')
})

test('an address that has proven nothing gets three times what it has sent, and no more', async (t) => {
  let proves = false
  const served = await serveAt(t, '127.0.0.1', {}, (_message, _client, writer) => {
    if (proves) (writer as unknown as { prove(): void }).prove()
    for (let index = 0; index < 10; index++) writer.write('0123456789')
  })
  const client = socat(t, served)
  client.write('ten bytes\n')
  await client.says('0123456789'.repeat(3))
  await until(() => served.server.stats().udp?.refused === 7)
  assert.equal(client.stdout.length, 30)
  proves = true
  client.write('ten bytes\n')
  await client.says('0123456789'.repeat(13))
})

test('the server writes to a sender whenever it likes', async (t) => {
  const served = await serveAt(t, '127.0.0.1', {}, () => {})
  const client = socat(t, served)
  client.write('I am here, and long enough for some answers')
  await until(() => served.server.clients.size === 1)
  served.server.broadcast('to all of you')
  await client.says('to all of you')
  const [id] = served.server.clients.keys()
  served.server.send(id!, 'to you')
  await client.says('to all of youto you')
})

test('the command takes datagrams, too (--udp)', async (t) => {
  const command = await startCommand(t, '--udp', '--echo')
  const client = socat(t, { host: '127.0.0.1', port: command.port })
  client.write('by datagram')
  await client.says('by datagram')
  const message = await command.message('by datagram')
  assert.deepEqual([message.protocol, message.encrypted], ['udp', false])
  await command.stop()
})

test('shutdown ends datagrams with the rest: the number is free again', async (t) => {
  const served = await serveAt(t, '127.0.0.1')
  const client = socat(t, served)
  client.write('before')
  await client.says('before')
  await served.server.shutdown({ timeout: 5 })
  const socket = createSocket('udp4')
  t.after(() => socket.close())
  socket.bind(served.port, '127.0.0.1')
  await once(socket, 'listening')
})

/** `openssl s_server` by DTLS: prints what comes, and says what it is given to write. */
async function startDtls(t: TestContext, folder: string): Promise<{ server: Child; port: number }> {
  for (let attempt = 1; ; attempt++) {
    const socket = createSocket('udp4').bind(0, '127.0.0.1')
    await once(socket, 'listening')
    const { port } = socket.address()
    await new Promise<void>((resolve) => socket.close(resolve))
    const pem = join(folder, 'server.pem')
    const args = ['s_server', '-dtls1_2', '-accept', `127.0.0.1:${port}`, '-cert', pem, '-key', pem]
    const server = startProgram(t, 'openssl', 'openssl', args)
    try {
      await server.says('ACCEPT')
      return { server, port }
    } catch (error) {
      // Another program may have taken the port meanwhile.
      if (attempt === 5) throw error
    }
  }
}

test('DTLS is recognised by its first datagram, and goes on to another server both ways', async (t) => {
  const folder = await folderWith(t, { 'server.pem': certificate.key + certificate.cert })
  const { server: behind, port } = await startDtls(t, folder)
  const served = await serveAt(t, '127.0.0.1')
  served.server.route('dtls', { host: '127.0.0.1', port })
  const at = ['-connect', `127.0.0.1:${served.port}`]
  const client = startProgram(t, 'openssl', 'openssl', ['s_client', '-dtls1_2', ...at])
  await client.says('Cipher is ')
  client.write('hello by DTLS\n')
  await behind.says('hello by DTLS\n')
  behind.write('and back\n')
  await client.says('and back\n')
  assert.deepEqual(served.heard, [])

  const plain = socat(t, served)
  plain.write('no DTLS')
  await plain.says('no DTLS')
})
