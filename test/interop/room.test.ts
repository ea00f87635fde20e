import assert from 'node:assert/strict'
import { test } from 'node:test'
import { artifact, collectComplaints, launchChromium, openRoom } from './support/browser.ts'
import { curlAnswer, nc, openssl } from './support/clients.ts'
import { startCommand } from './support/command.ts'
import { connectWebSocket } from './support/websocket.ts'

test('one process, one port, one room: curl, Chromium, nc, openssl and ws', async (t) => {
  const command = await startCommand(t, '--tls')
  const browser = await launchChromium()
  t.after(() => browser.close())
  const context = await browser.newContext({
    ignoreHTTPSErrors: true,
    viewport: { width: 1200, height: 760 },
  })
  const page = await context.newPage()
  const complaints = await collectComplaints(page)
  await openRoom(page, command.url('https'))

  const raw = nc(t, command.port)
  raw.write('nc is here\n')
  await command.message('nc is here')
  const secret = openssl(t, command.port)
  secret.write('openssl is here\n')
  await command.message('openssl is here')
  const socket = await connectWebSocket(t, command.url('ws'))

  const heard = new Map<string, (text: string) => Promise<void>>([
    [
      'the page',
      (text) =>
        page.getByTestId('message-text').filter({ hasText: text }).first().waitFor({ timeout: 10_000 }),
    ],
    ['nc', (text) => raw.says(`${text}\n`)],
    ['openssl', (text) => secret.says(`${text}\n`)],
    ['ws', async (text) => assert.equal(await socket.nextText(), text)],
  ])
  const says: [string, string, boolean, (text: string) => unknown][] = [
    ['curl', 'http', false, (text) => curlAnswer(t, ['-d', text, command.url('http')])],
    ['curl -k', 'http', true, (text) => curlAnswer(t, ['-k', '-d', text, command.url('https')])],
    ['nc', 'raw', false, (text) => raw.write(`${text}\n`)],
    ['openssl', 'raw', true, (text) => secret.write(`${text}\n`)],
    ['ws', 'websocket', false, (text) => socket.socket.send(text)],
    [
      'the page',
      'websocket',
      true,
      async (text) => {
        await page.getByTestId('line').fill(text)
        await page.getByTestId('line').press('Enter')
      },
    ],
  ]
  for (const [speaker, protocol, encrypted, say] of says) {
    const text = `hello from ${speaker}.`
    await say(text)
    const message = await command.message(text)
    assert.equal(message.protocol, protocol, text)
    assert.equal(message.encrypted, encrypted, text)
    for (const [listener, hears] of heard) if (listener !== speaker) await hears(text)
  }

  const own = new Map([
    ['hello from nc.', raw.stdout],
    ['hello from openssl.', secret.stdout],
    ['hello from ws.', socket.received.map(({ data }) => String(data)).join()],
  ])
  for (const [text, received] of own) assert.ok(!received.includes(text), `${text} came back to its sender`)
  await page.getByTestId('message-text').filter({ hasText: 'hello from the page.' }).first().waitFor()
  await page.screenshot({ path: artifact('room.png') })
  assert.deepEqual(complaints, [])
  await command.stop()
  raw.end()
  assert.equal((await raw.ends()).code, 0)
  assert.equal((await secret.ends()).code, 0)
  assert.equal((await socket.closing()).code, 1001)
})
