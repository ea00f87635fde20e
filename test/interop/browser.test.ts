import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { artifact, collectComplaints, launchChromium, openRoom } from './support/browser.ts'
import { curlAnswer, nc } from './support/clients.ts'
import { startCommand } from './support/command.ts'

let browser: Browser
before(async () => {
  browser = await launchChromium()
})
after(() => browser?.close())

interface Look {
  colorScheme?: 'dark' | 'light'
  viewport?: { width: number; height: number }
}

async function newPage(look: Look = {}): Promise<Page> {
  const viewport = { width: 1200, height: 760 }
  const context = await browser.newContext({ viewport, ignoreHTTPSErrors: true, ...look })
  return context.newPage()
}

async function shows(page: Page, text: string): Promise<void> {
  await page.getByTestId('message-text').filter({ hasText: text }).first().waitFor({ timeout: 10_000 })
}

async function say(page: Page, text: string): Promise<void> {
  await page.getByTestId('line').fill(text)
  await page.getByTestId('line').press('Enter')
}

test('the page joins the room: what nc says is shown, what is typed reaches nc', async (t) => {
  const command = await startCommand(t)
  const page = await newPage()
  const complaints = await collectComplaints(page)
  await openRoom(page, command.url('http'))
  assert.ok(await page.getByTestId('join').isVisible(), 'how to join is not shown in the empty state')
  const ways = await page.getByTestId('ways').textContent()
  assert.ok(ways?.includes(`nc 127.0.0.1 ${command.port}`), `${ways}`)
  assert.ok(ways?.includes(`curl -d 'hello' http://127.0.0.1:${command.port}/`), `${ways}`)
  assert.ok(ways?.includes(`ws://127.0.0.1:${command.port}/`), `${ways}`)

  const raw = nc(t, command.port)
  raw.write('a line by <b>nc</b>\n')
  await shows(page, 'a line by <b>nc</b>')
  assert.equal(await page.getByTestId('join').isVisible(), false)
  assert.equal(await page.getByTestId('message').first().getAttribute('data-protocol'), 'raw')

  await say(page, 'typed in the page')
  await raw.says('typed in the page\n')
  await shows(page, 'typed in the page')
  assert.equal(await page.locator('.message.own').count(), 1)
  assert.equal(raw.stdout, 'typed in the page\n')

  await curlAnswer(t, ['--data-binary', '@-', command.url('http')], Buffer.from([0xde, 0xad, 0xbe, 0xef]))
  await shows(page, 'de ad be ef')
  assert.deepEqual(complaints, [])
  await command.stop()
})

test('the list shows who comes and who goes', async (t) => {
  const command = await startCommand(t)
  const page = await newPage()
  await openRoom(page, command.url('http'))
  await page.locator('[data-testid=client].own').waitFor()
  const raw = nc(t, command.port)
  raw.write('hello\n')
  const client = page.locator('[data-testid=client][data-protocol=raw]')
  await client.waitFor()
  await raw.cut()
  await client.waitFor({ state: 'hidden' })
})

test('a page that is left alone hears of nobody but itself: spare connections of the browser are no clients', async (t) => {
  const command = await startCommand(t)
  const page = await newPage()
  await openRoom(page, command.url('http'))
  await new Promise((resolve) => setTimeout(resolve, 4_500))
  const others = command.events.filter(({ event, protocol }) => event === 'join' && protocol === 'raw')
  assert.deepEqual(others, [])
  assert.deepEqual(command.messages, [])
})

test('the server goes away and comes back: the page says so, and joins again', async (t) => {
  const command = await startCommand(t)
  const page = await newPage()
  await openRoom(page, command.url('http'))
  await page.getByTestId('line').fill('kept while away')
  await command.stop()
  await page.locator('[data-testid=state][data-state=waiting]').waitFor({ timeout: 10_000 })
  assert.equal(await page.getByTestId('state').textContent(), 'Disconnected')
  assert.ok(await page.getByTestId('retry').isVisible())

  const again = await startCommand(t, '--port', String(command.port))
  await page.locator('[data-testid=state][data-state=open]').waitFor({ timeout: 10_000 })
  await page.getByTestId('line').press('Enter')
  await again.message('kept while away')
})

test('no more than 500 messages are kept', async (t) => {
  const command = await startCommand(t)
  const page = await newPage()
  await openRoom(page, command.url('http'))
  const lines = Array.from({ length: 700 }, (_, index) => `line number ${index}.`)
  await curlAnswer(t, ['--data-binary', '@-', command.url('http')], lines.join('\n'))
  await shows(page, 'line number 699.')
  assert.equal(await page.getByTestId('message').count(), 500)
  assert.equal(await page.getByTestId('message-text').first().textContent(), 'line number 200.')
})

test('https: the page joins by wss', async (t) => {
  const command = await startCommand(t, '--tls')
  const page = await newPage()
  const complaints = await collectComplaints(page)
  await openRoom(page, command.url('https'))
  const ways = await page.getByTestId('ways').textContent()
  assert.ok(ways?.includes(`openssl s_client -quiet -connect 127.0.0.1:${command.port}`), `${ways}`)
  await say(page, 'by wss')
  const message = await command.message('by wss')
  assert.equal(message.protocol, 'websocket')
  assert.equal(message.encrypted, true)
  await page.locator('[data-testid=client].own [data-encrypted]').waitFor({ state: 'attached' })
  assert.deepEqual(complaints, [])
})

for (const [name, look] of [
  ['dark', { colorScheme: 'dark' }],
  ['light', { colorScheme: 'light' }],
  ['phone', { colorScheme: 'light', viewport: { width: 390, height: 844 } }],
] as const) {
  test(`a picture: ${name}`, async (t) => {
    const command = await startCommand(t)
    const page = await newPage(look)
    await openRoom(page, command.url('http'))
    await page.screenshot({ path: artifact(`page-${name}-empty.png`) })
    const raw = nc(t, command.port)
    raw.write('hello from netcat\n')
    await shows(page, 'hello from netcat')
    await curlAnswer(t, ['-d', '{"temperature":21.4}', command.url('http')])
    await shows(page, 'temperature')
    await say(page, 'and hello from the page')
    await shows(page, 'hello from the page')
    const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
    assert.ok(overflow <= 0, `the page is ${overflow} px too wide`)
    await page.screenshot({ path: artifact(`page-${name}.png`) })
  })
}
