/** The published browser's side of Socket.IO 0.6.18 in Chromium, on our facade: each transport, through a reconnect. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { after, before, type TestContext, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { type Client, listen } from '../../src/compat/socket.io/index.ts'
import { until } from '../support/serving.ts'
import { collectComplaints, launchChromium } from './support/browser.ts'
import { HARD, MESSAGES, type PageResult, socketPage } from './support/socket.io-page.ts'

const SCRIPT = readFileSync(
  createRequire(import.meta.url).resolve('socket.io/support/socket.io-client/socket.io.js'),
)

const TRANSPORTS = ['websocket', 'xhr-polling', 'xhr-multipart', 'jsonp-polling', 'htmlfile'] as const
type Transport = (typeof TRANSPORTS)[number]

let browser: Browser
before(async () => {
  browser = await launchChromium()
})
after(() => browser?.close())

/** One user, whatever session he is in. */
class User {
  got: number
  readonly wrong: unknown[]
  readonly transports: string[]
  private current: Client | undefined

  constructor() {
    this.got = 0
    this.wrong = []
    this.transports = []
    this.current = undefined
  }

  connect(client: Client): void {
    this.current = client
    this.transports.push(client.connection.protocol)
    client.send({ resume: this.got })
    client.on('message', (message) => {
      // What a session of before still brings is sent once more.
      if (client === this.current) this.take(client, message)
    })
  }

  private take(client: Client, message: unknown): void {
    if (typeof message === 'object') return this.send(client, (message as { resume: number }).resume)
    const expected = `c${this.got}${this.got % 7 === 0 ? HARD : ''}`
    if (message === expected) this.got++
    else this.wrong.push(message)
    if (this.got === MESSAGES) client.send({ done: true })
  }

  /** A few at a time, while the client is there. */
  private send(client: Client, from: number): void {
    let index = from
    const timer = setInterval(() => {
      for (let count = 0; count < 5 && index < MESSAGES; count++, index++)
        client.send(`s${index}${index % 7 === 0 ? HARD : ''}`)
      if (index === MESSAGES || !client.connected) clearInterval(timer)
    }, 2)
  }
}

async function openPage(
  t: TestContext,
  transport: Transport,
  user: User,
): Promise<{ page: Page; complaints: string[] }> {
  const server = createServer((request, response) => {
    // The script is the application's own to serve.
    if (request.url === '/socket.io/socket.io.js') response.end(SCRIPT)
    else if (request.url === '/') response.setHeader('Content-Type', 'text/html').end(socketPage(transport))
    else response.writeHead(404).end()
  })
  const listener = listen(server, { log: false, flashPolicyServer: false })
  listener.on('connection', (client) => user.connect(client))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const page = await (await browser.newContext()).newPage()
  const complaints = await collectComplaints(page)
  t.after(async () => {
    await page.close()
    server.closeAllConnections()
    server.close()
  })
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, { waitUntil: 'commit' })
  return { page, complaints }
}

for (const transport of TRANSPORTS) {
  test(`${transport}: ${MESSAGES} messages each way, in order, none lost, through a reconnect`, async (t) => {
    const user = new User()
    const { page, complaints } = await openPage(t, transport, user)
    let result: PageResult | undefined
    const look = async (): Promise<void> => {
      result = (await page.evaluate('window.result')) as PageResult
    }
    const since = Date.now()
    while (result?.done !== true || result.got < MESSAGES) {
      await look()
      if (Date.now() - since > 30_000) break
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await until(() => user.got === MESSAGES)
    assert.deepEqual([result?.got, result?.wrong], [MESSAGES, []])
    assert.deepEqual([user.got, user.wrong], [MESSAGES, []])
    assert.deepEqual(user.transports, [transport, transport])
    assert.deepEqual([result?.connects, result?.disconnects], [2, 1])
    assert.deepEqual(
      complaints.filter((line) => line.startsWith('exception')),
      [],
    )
  })
}
