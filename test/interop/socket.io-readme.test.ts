/** Both sides of Socket.IO-node's README: its program on our facade, and its page in Chromium with the published script. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import type { Browser } from 'playwright-core'
import io, { type Client } from '../../src/compat/socket.io/index.ts'
import { until } from '../support/serving.ts'
import { collectComplaints, launchChromium } from './support/browser.ts'

const SCRIPT = readFileSync(
  createRequire(import.meta.url).resolve('socket.io/support/socket.io-client/socket.io.js'),
)

/** As it is printed, but that its functions do something; and the published client connects when it is told to. */
const PAGE = `<!doctype html><title>README</title>
<script src="/socket.io/socket.io.js"></script>
<script>
	var log = []
	var socket = new io.Socket();
	socket.on('connect', function(){ log.push('connect') })
	socket.on('message', function(message){ log.push('message ' + message) })
	socket.on('disconnect', function(){ log.push('disconnect') })
	socket.connect()
</script>`

let browser: Browser
before(async () => {
  browser = await launchChromium()
})
after(() => browser?.close())

test('README: implementing it on your project, on the server and on the client', async (t) => {
  const server = createServer((request, response) => {
    if (request.url === '/socket.io/socket.io.js') return void response.end(SCRIPT)
    // your normal server code
    response.writeHead(request.url === '/' ? 200 : 404, { 'Content-Type': 'text/html' })
    response.end(PAGE)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // socket.io, I choose you
  const socket = io.listen(server, { log: false, flashPolicyServer: false })
  const log: unknown[] = []
  const clients: Client[] = []
  socket.on('connection', (client) => {
    // new client is here!
    clients.push(client)
    client.on('message', (message) => log.push(message))
    client.on('disconnect', () => log.push('disconnect'))
  })
  const page = await (await browser.newContext()).newPage()
  t.after(async () => {
    await page.close()
    server.closeAllConnections()
    server.close()
  })
  const complaints = await collectComplaints(page)
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, { waitUntil: 'commit' })
  const seen = async (length: number) => {
    await page.waitForFunction(`window.log?.length === ${length}`)
    return page.evaluate('log')
  }
  assert.deepEqual(await seen(1), ['connect'])
  await until(() => clients.length === 1)
  clients[0]!.send('from the server')
  assert.deepEqual(await seen(2), ['connect', 'message from the server'])
  await page.evaluate("socket.send('from the page')")
  await until(() => log.length === 1)
  await page.evaluate('socket.disconnect()')
  await until(() => log.length === 2)
  assert.deepEqual(log, ['from the page', 'disconnect'])
  assert.deepEqual(await seen(3), ['connect', 'message from the server', 'disconnect'])
  assert.deepEqual(
    complaints.filter((line) => line.startsWith('exception')),
    [],
  )
})
