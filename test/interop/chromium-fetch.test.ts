/** Chromium's fetch from a page of another origin, with its preflight, and its EventSource. */
import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import type { ServerOptions } from 'portmanteau'
import { type Serving, serve } from '../support/serving.ts'
import { launchChromium } from './support/browser.ts'

let browser: Browser
before(async () => {
  browser = await launchChromium()
})
after(() => browser?.close())

/** A page whose origin is `http://localhost:PORT`. */
async function openPage(t: TestContext): Promise<Page> {
  const pages = await serve(t)
  pages.server.on('request', (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>page</title>')
  })
  const context = await browser.newContext({})
  const page = await context.newPage()
  t.after(() => context.close())
  await page.goto(`http://localhost:${pages.port}/`)
  return page
}

function serveMessages(t: TestContext, options: ServerOptions): Promise<Serving> {
  return serve(t, options, (message, _client, writer) => {
    writer.setHeader('X-Answer', 'yes')
    writer.write(`answer to ${message}`)
  })
}

/** What the page gets, or the name of its error. */
function put(page: Page, { port }: Serving): Promise<string> {
  const init = {
    method: 'PUT',
    headers: { 'X-Custom': 'a', 'Content-Type': 'application/json' },
    body: '"hi"',
  }
  return page.evaluate<string>(
    `fetch('http://127.0.0.1:${port}/', ${JSON.stringify(init)}).then((answer) => answer.text(), (error) => error.name)`,
  )
}

test('a page of an allowed origin may ask after its preflight, and read the answer', async (t) => {
  const page = await openPage(t)
  const serving = await serveMessages(t, { allowOrigin: 'localhost:*' })
  assert.equal(await put(page, serving), 'answer to "hi"')
  assert.deepEqual(serving.messages, ['"hi"'])
})

test('a page of any other origin may not: no message arrives', async (t) => {
  const page = await openPage(t)
  const serving = await serveMessages(t, { allowOrigin: 'example.com' })
  assert.equal(await put(page, serving), 'TypeError')
  await serving.until(() => serving.errors.includes('ERR_ORIGIN_REFUSED'))
  assert.deepEqual(serving.messages, [])
})

test('an event stream is heard event by event, and a page that leaves ends it', async (t) => {
  const page = await openPage(t)
  const options: ServerOptions = { allowOrigin: 'localhost:*', isMessage: () => true, explicitEnd: true }
  let aborted = false
  const serving = await serve(t, options, (_message, _client, writer) => {
    let count = 0
    writer.setHeader('Content-Type', 'text/event-stream')
    const timer = setInterval(() => writer.write(`id: ${++count}\ndata: event ${count}\n\n`), 20)
    writer.signal.addEventListener('abort', () => {
      aborted = true
      clearInterval(timer)
    })
  })
  const events = await page.evaluate<string[]>(`new Promise((resolve) => {
    const events = []
    const source = new EventSource('http://127.0.0.1:${serving.port}/')
    source.onmessage = ({ data }) => events.push(data) === 5 && resolve(events)
  })`)
  assert.deepEqual(
    events,
    [1, 2, 3, 4, 5].map((number) => `event ${number}`),
  )
  // It leaves.
  await page.goto('about:blank')
  await serving.until(() => aborted && serving.log.at(-1) === 'disconnect http')
})
