/** Chromium's WebSocket, which offers permessage-deflate by itself: version 13 over ws and wss. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { launchChromium } from './support/browser.ts'
import { type Command, startCommand } from './support/command.ts'

let browser: Browser
before(async () => {
  browser = await launchChromium()
})
after(() => browser?.close())

/** A page of the command itself, so that its origin is allowed. */
async function openPage(command: Command, scheme: 'http' | 'https'): Promise<Page> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true })
  const page = await context.newPage()
  await page.goto(command.url(scheme, '/'))
  return page
}

/** In the page: `echo(data)` sends, and resolves to what comes back. */
const CONNECT = `
const connect = (url, ...protocols) => new Promise((resolve, reject) => {
  const socket = new WebSocket(url, protocols)
  socket.binaryType = 'arraybuffer'
  const waiting = []
  socket.echo = (data) => new Promise((resolve) => { waiting.push(resolve); socket.send(data) })
  socket.onmessage = ({ data }) => waiting.shift()(data)
  socket.ended = new Promise((resolve) => {
    socket.onclose = ({ code, wasClean }) => resolve({ code, wasClean })
  })
  socket.onopen = () => resolve(socket)
  socket.onerror = () => reject(new Error('Cannot connect'))
})
const same = (a, b) => a.byteLength === b.byteLength && new Uint8Array(a).every((byte, at) => byte === b[at])
`

const EVERYTHING = `
const socket = await connect(url, 'chat.example', 'other.example')
const seen = { extensions: socket.extensions, protocol: socket.protocol, texts: 0, binaries: 0 }
const noise = Array.from({ length: 20000 }, (_, index) => (index * 2654435761 >>> 0).toString(36)).join('')
const texts = ['', 'ASCII, ümläut, € and 😀', 'x'.repeat(65536), 'deflate'.repeat(149797), 'again'.repeat(1000), noise]
for (const text of texts) seen.texts += (await socket.echo(text)) === text
for (const length of [0, 1, 126, 65536, 1048576]) {
  const bytes = Uint8Array.from({ length }, (_, index) => (index * 7919) >> 3)
  seen.binaries += same(await socket.echo(bytes), bytes)
}
const order = await Promise.all(Array.from({ length: 100 }, (_, index) => socket.echo('number ' + index)))
seen.order = order.every((text, index) => text === 'number ' + index)
socket.close(3456, 'über')
seen.ended = await socket.ended
return seen
`

function run<T>(page: Page, url: string, body: string): Promise<T> {
  return page.evaluate<T>(`(async () => { const url = ${JSON.stringify(url)}; ${CONNECT} ${body} })()`)
}

for (const [web, scheme, encrypted] of [
  ['http', 'ws', false],
  ['https', 'wss', true],
] as const) {
  test(`Chromium over ${scheme}: text, binary, a mebibyte, subprotocol, close, permessage-deflate`, async (t) => {
    const command = await startCommand(t, '--tls', '--echo')
    const page = await openPage(command, web)
    const { extensions, ...seen } = await run<Record<string, unknown>>(
      page,
      command.url(scheme, '/echo'),
      EVERYTHING,
    )
    assert.deepEqual(seen, {
      protocol: 'chat.example',
      texts: 6,
      binaries: 5,
      order: true,
      ended: { code: 3456, wasClean: true },
    })
    const message = await command.message('number 99')
    assert.deepEqual([message.version, message.encrypted], ['13', encrypted])
    assert.match(String(extensions), /^permessage-deflate(;|$)/)
  })

  test(`Chromium over ${scheme}: the server goes away with 1001`, async (t) => {
    const command = await startCommand(t, '--tls', '--echo')
    const page = await openPage(command, web)
    const script = `
      const socket = await connect(url)
      await socket.echo('before the end')
      return await socket.ended`
    const ended = run<{ code: number; wasClean: boolean }>(page, command.url(scheme, '/echo'), script)
    await command.message('before the end')
    await command.stop()
    const { code, wasClean } = await ended
    assert.deepEqual({ code, wasClean }, { code: 1001, wasClean: true })
  })
}

test('Chromium from an origin that is not allowed', async (t) => {
  const [command, other] = [await startCommand(t, '--echo'), await startCommand(t, '--echo')]
  const page = await openPage(other, 'http')
  const answer = await run<string>(
    page,
    command.url('ws'),
    "return await connect(url).then(() => 'open', ({ message }) => message)",
  )
  assert.equal(answer, 'Cannot connect')
  const error = await command.sees('the refusal', ({ event }) => event === 'error')
  assert.equal(error.code, 'ERR_ORIGIN_REFUSED')
})
