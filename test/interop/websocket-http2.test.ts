/** Chromium's WebSocket over HTTP/2 (RFC 8441), which it uses where a connection of HTTP/2 to the same origin is open. */
import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import type { ServerOptions } from '../../src/index.ts'
import { certificate, echo, type Serving, serve, until } from '../support/serving.ts'
import { launchChromium } from './support/browser.ts'

let browser: Browser
before(async () => {
  browser = await launchChromium()
})
after(() => browser?.close())

/** A server that echoes, and a page of it. */
async function open(t: TestContext, options: ServerOptions = {}): Promise<{ serving: Serving; page: Page }> {
  const serving = await serve(t, { ...certificate, ...options }, echo)
  serving.server.on('request', (_request, response) => {
    response.setHeader('Content-Type', 'text/html')
    response.end('<title>page</title>')
  })
  const context = await browser.newContext({ ignoreHTTPSErrors: true })
  t.after(() => context.close())
  const page = await context.newPage()
  await page.goto(`https://localhost:${serving.port}/`)
  return { serving, page }
}

/** In the page: `connect` resolves to an open WebSocket with `echo` and `ended`. */
const CONNECT = `
const connect = (path, ...protocols) => new Promise((resolve, reject) => {
  const socket = new WebSocket('wss://' + location.host + path, protocols)
  socket.binaryType = 'arraybuffer'
  const waiting = []
  socket.echo = (data) => new Promise((resolve) => { waiting.push(resolve); socket.send(data) })
  socket.onmessage = ({ data }) => waiting.shift()?.(data)
  socket.ended = new Promise((resolve) => {
    socket.onclose = ({ code, reason, wasClean }) => resolve({ code, reason, wasClean })
  })
  socket.onopen = () => resolve(socket)
  socket.onerror = () => reject(new Error('Cannot connect'))
})
`

function run<T>(page: Page, body: string): Promise<T> {
  return page.evaluate<T>(`(async () => { ${CONNECT} ${body} })()`)
}

/** How the WebSockets of a server came. */
function versions({ clients }: Serving): (string | undefined)[] {
  return clients
    .filter(({ client }) => client.protocol === 'websocket')
    .map(({ client }) => client.request?.httpVersion)
}

test('text, binary, a mebibyte, a subprotocol, permessage-deflate, and the close', async (t) => {
  const { serving, page } = await open(t)
  const script = `
    const socket = await connect('/chat?a', 'chat.example', 'other.example')
    const seen = { extensions: socket.extensions, protocol: socket.protocol, texts: 0, binaries: 0 }
    const noise = Array.from({ length: 20000 }, (_, index) => (index * 2654435761 >>> 0).toString(36)).join('')
    for (const text of ['', 'ümläut, € and 😀', 'x'.repeat(65536), 'deflate'.repeat(149797), noise]) {
      seen.texts += (await socket.echo(text)) === text
    }
    for (const length of [0, 1, 126, 65536, 1048576]) {
      const bytes = Uint8Array.from({ length }, (_, index) => (index * 7919) >> 3)
      const back = new Uint8Array(await socket.echo(bytes))
      seen.binaries += back.length === length && back.every((byte, at) => byte === bytes[at])
    }
    const order = await Promise.all(Array.from({ length: 1000 }, (_, index) => socket.echo('number ' + index)))
    seen.order = order.every((text, index) => text === 'number ' + index)
    socket.close(3456, 'über')
    seen.ended = await socket.ended
    return seen`
  const { extensions, ...seen } = await run<Record<string, unknown>>(page, script)
  assert.deepEqual(seen, {
    protocol: 'chat.example',
    texts: 5,
    binaries: 5,
    order: true,
    ended: { code: 3456, reason: '', wasClean: true },
  })
  assert.match(String(extensions), /^permessage-deflate(;|$)/)
  assert.deepEqual(versions(serving), ['2.0'])
  const [{ client }] = serving.clients as [(typeof serving.clients)[0]]
  assert.deepEqual([client.protocol, client.version, client.encrypted], ['websocket', '13', true])
  assert.deepEqual([client.request!.url, client.closeCode], ['/chat?a', 3456])
  assert.match(client.request!.headers['user-agent'] ?? '', /Chrom/)
  await until(() => serving.server.clients.size === 0)
})

test('many on one connection, with requests beside them', async (t) => {
  const { serving, page } = await open(t)
  const script = `
    const sockets = await Promise.all(Array.from({ length: 20 }, (_, index) => connect('/' + index)))
    const echoes = await Promise.all(sockets.map((socket, index) => socket.echo('from ' + index)))
    const answer = await (await fetch('/', { method: 'POST', body: 'beside' })).text()
    return [echoes, answer]`
  const [echoes, answer] = await run<[string[], string]>(page, script)
  assert.deepEqual(
    echoes,
    echoes.map((_, index) => `from ${index}`),
  )
  assert.equal(answer, 'beside')
  assert.deepEqual(versions(serving), Array(20).fill('2.0'))
  assert.equal(serving.server.stats().verdicts.http2, 1)
})

test('what the server does: a close, a cut, going away', async (t) => {
  const { serving, page } = await open(t)
  const ended = run<unknown[]>(
    page,
    `const sockets = [await connect('/close'), await connect('/cut'), await connect('/away')]
    return await Promise.all(sockets.map((socket) => socket.ended))`,
  )
  await until(() => serving.clients.length === 3)
  serving.clients[0]!.writer.close(4001, 'enough')
  serving.clients[1]!.writer.destroy()
  await until(() => serving.server.clients.size === 1)
  await serving.server.shutdown()
  assert.deepEqual(await ended, [
    { code: 4001, reason: 'enough', wasClean: true },
    { code: 1006, reason: '', wasClean: false },
    { code: 1001, reason: 'the server goes away', wasClean: true },
  ])
})

test('a refusal, of the origin or by the application', async (t) => {
  const { page } = await open(t)
  const { serving } = await open(t, { upgrade: ({ url }) => url !== '/refused' })
  const script = (path: string) =>
    `const socket = new WebSocket('wss://localhost:${serving.port}${path}')
    return await new Promise((resolve) => { socket.onopen = () => resolve('open'); socket.onerror = () => resolve('refused') })`
  assert.equal(await run(page, script('/other-origin')), 'refused')
  // Before, some handshakes of TLS that try the certificate have failed.
  assert.equal(serving.errors.at(-1), 'ERR_ORIGIN_REFUSED')
  const { page: own, serving: hooked } = await open(t, { upgrade: ({ url }) => url !== '/refused' })
  assert.equal(
    await run(own, "return await connect('/refused').then(() => 'open', () => 'refused')"),
    'refused',
  )
  assert.equal(hooked.errors.at(-1), 'ERR_UPGRADE_REFUSED')
  assert.equal(await run(own, "return (await connect('/allowed')).echo('hello')"), 'hello')
  assert.deepEqual(versions(hooked), ['2.0'])
})

test('without HTTP/2 it comes over HTTP/1.1', async (t) => {
  const { serving, page } = await open(t, { http2: false })
  assert.equal(await run(page, "return (await connect('/')).echo('hello')"), 'hello')
  assert.deepEqual(versions(serving), ['1.1'])
})
