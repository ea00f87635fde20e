/** HTTP/2 with curl, nghttp, h2load and Chromium. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { ServerOptions } from '../../src/index.ts'
import { certificate, echo, type Serving, serve } from '../support/serving.ts'
import { launchChromium } from './support/browser.ts'
import { curl, curlAnswer, parseAnswer } from './support/clients.ts'
import { Child, findTool } from './support/process.ts'

/** A server that echoes messages, and answers requests with their line and the version that they came by. */
async function serveAll(t: TestContext, options: ServerOptions = {}): Promise<Serving> {
  const serving = await serve(t, options, echo)
  serving.server.on('request', async (request, response) => {
    let length = 0
    for await (const chunk of request) length += chunk.length
    response.setHeader('Content-Type', 'text/html')
    response.end(`<title>${request.method} ${request.url} ${request.httpVersion} ${length}</title>`)
  })
  return serving
}

async function nghttp(t: TestContext, ...args: string[]): Promise<string> {
  const child = new Child(t, 'nghttp', findTool(['nghttp'], 'nghttp2-client'), args)
  child.end()
  const { code } = await child.ends(20_000)
  assert.equal(code, 0, child.describe())
  return child.stdout
}

/** Runs h2load, and requires every request to succeed. */
async function h2load(t: TestContext, requests: number, ...args: string[]): Promise<void> {
  const path = findTool(['h2load'], 'nghttp2-client')
  const child = new Child(t, 'h2load', path, ['-n', String(requests), ...args])
  child.end()
  const { code } = await child.ends(60_000)
  assert.equal(code, 0, child.describe())
  const done = `${requests} total, ${requests} started, ${requests} done, ${requests} succeeded, 0 failed, 0 errored`
  assert.ok(child.stdout.includes(done), child.describe())
  assert.ok(child.stdout.includes(`${requests} 2xx`), child.describe())
}

for (const [name, scheme, options, args] of [
  ['in clear text', 'http', {}, ['--http2-prior-knowledge']],
  ['over TLS', 'https', certificate, ['-k', '--http2']],
] as const) {
  test(`curl ${name}: messages, pages, uploads, HEAD, and what is too much`, async (t) => {
    const serving = await serveAll(t, { ...options, messageLimit: 2 * 1024 * 1024 })
    const url = `${scheme}://127.0.0.1:${serving.port}`
    const message = await curlAnswer(t, [...args, '-d', 'hello', url])
    assert.deepEqual([message.version, message.status, message.body], ['HTTP/2', 200, 'hello'])
    assert.equal(serving.clients[0]!.client.version, '2')
    const page = await curlAnswer(t, [...args, `${url}/page?x`])
    assert.equal(page.body, '<title>GET /page?x 2.0 0</title>')
    const line = 'upload '.repeat(200_000)
    assert.equal((await curlAnswer(t, [...args, '-T', '-', `${url}/up`], line)).body, line)
    const patched = await curlAnswer(t, [...args, '-X', 'PATCH', '-T', '-', url], line)
    assert.equal(patched.body, `<title>PATCH / 2.0 ${line.length}</title>`)
    const { stdout } = await curl(t, [...args, '-I', url])
    assert.deepEqual([parseAnswer(stdout).status, parseAnswer(stdout).body], [200, ''])
    const large = await curlAnswer(t, [...args, '-T', '-', url], 'x'.repeat(3 * 1024 * 1024))
    assert.equal(large.status, 413)
    const expecting = ['-H', 'Expect: 100-continue', '--expect100-timeout', '10']
    const continued = await curlAnswer(t, [...args, ...expecting, '--data-binary', '@-', url], line)
    assert.equal(continued.body, line)
    const preflight = ['-X', 'OPTIONS', '-H', `Origin: ${url}`, '-H', 'Access-Control-Request-Method: PUT']
    const allowed = await curlAnswer(t, [...args, ...preflight, url])
    assert.match(allowed.headers.get('access-control-allow-methods') ?? '', /PUT/)
  })

  test(`h2load ${name}: requests and messages`, async (t) => {
    const serving = await serve(t, options)
    serving.server.on('request', (_request, response) => response.end('hello'))
    const url = `${scheme}://127.0.0.1:${serving.port}`
    await h2load(t, 2_000, '-c', '4', '-m', '10', url)
    const file = new URL('./support/message.txt', import.meta.url).pathname
    await h2load(t, 2_000, '-c', '4', '-m', '10', '-d', file, url)
    assert.equal(serving.messages.length, 2_000)
    assert.equal(serving.server.clients.size, 0)
    assert.deepEqual(serving.errors, [])
  })
}

test('curl over TLS: many requests at once on one connection', async (t) => {
  const serving = await serveAll(t, certificate)
  const paths = Array.from({ length: 60 }, (_, index) => `/${index}`)
  const urls = paths.map((path) => `https://127.0.0.1:${serving.port}${path}`)
  const { code, stdout, stderr } = await curl(t, ['-k', '--http2', '-Z', ...urls])
  assert.equal(code, 0, stderr)
  assert.deepEqual(
    stdout.split('</title>').sort(),
    ['', ...paths.map((path) => `<title>GET ${path} 2.0 0`)].sort(),
  )
  assert.equal(serving.server.stats().verdicts.http2, 1)
})

test('curl offers h2c with a request of HTTP/1.1: it is served as such', async (t) => {
  const serving = await serveAll(t)
  const url = `http://127.0.0.1:${serving.port}`
  for (const args of [['-d', 'hello'], []]) {
    const answer = await curlAnswer(t, ['--http2', ...args, url])
    assert.deepEqual([answer.version, answer.status], ['HTTP/1.1', 200])
  }
})

test('nghttp: priorities, padding, trailers, 100-continue', async (t) => {
  const serving = await serveAll(t)
  const url = `http://127.0.0.1:${serving.port}/`
  const file = new URL('./support/message.txt', import.meta.url).pathname
  assert.match(
    await nghttp(t, '-m', '20', '--padding', '100', '-w', '20', url),
    /^(<title>GET \/ 2\.0 0<\/title>){20}$/,
  )
  const posted = await nghttp(t, '-d', file, '--trailer', 'x-sum: 1', '--expect-continue', url)
  assert.equal(posted, serving.messages[0])
  const verbose = await nghttp(t, '-nv', '-H', ':method: PATCH', '-d', file, '--trailer', 'x-sum: 1', url)
  assert.match(verbose, /:status: 200/)
})

test('Chromium: pages and messages over HTTP/2, and of another origin after its preflight', async (t) => {
  const [own, other] = [
    await serveAll(t, certificate),
    await serveAll(t, { ...certificate, allowOrigin: 'localhost:*', allowCredentials: true }),
  ]
  const browser = await launchChromium()
  t.after(() => browser.close())
  const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage()
  await page.goto(`https://localhost:${own.port}/page`)
  assert.equal(await page.evaluate('document.title'), 'GET /page 2.0 0')
  const script = `(async () => {
    const ask = async (url, options) => {
      const answer = await fetch(url, options)
      return [answer.status, await answer.text()]
    }
    const messages = Array.from({ length: 50 }, (_, index) => ask('/', { method: 'POST', body: 'message ' + index }))
    const large = 'x'.repeat(1048576)
    return {
      messages: await Promise.all(messages),
      large: (await ask('/', { method: 'PUT', body: large }))[1] === large,
      other: await ask('https://localhost:${other.port}/', {
        method: 'PUT',
        body: 'from elsewhere',
        headers: { 'X-Custom': 'a' },
        credentials: 'include',
      }),
      protocols: performance.getEntriesByType('resource').map(({ nextHopProtocol }) => nextHopProtocol),
    }
  })()`
  const {
    messages,
    large,
    other: elsewhere,
    protocols,
  } = await page.evaluate<{
    messages: [number, string][]
    large: boolean
    other: [number, string]
    protocols: string[]
  }>(script)
  assert.deepEqual(
    messages,
    messages.map((_, index) => [200, `message ${index}`]),
  )
  assert.deepEqual([large, elsewhere], [true, [200, 'from elsewhere']])
  assert.ok(
    protocols.length >= 51 && protocols.filter((protocol) => protocol === 'h2').length >= 51,
    protocols.join(),
  )
  const [{ client }] = other.clients as [(typeof other.clients)[0]]
  assert.deepEqual([client.version, client.encrypted], ['2', true])
})

test('Chromium: an origin that is not allowed does not get the answer', async (t) => {
  const [own, other] = [await serveAll(t, certificate), await serveAll(t, certificate)]
  const browser = await launchChromium()
  t.after(() => browser.close())
  const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage()
  await page.goto(`https://localhost:${own.port}/page`)
  const script = `fetch('https://localhost:${other.port}/', { method: 'PUT', body: 'x' }).then(() => 'read', () => 'refused')`
  assert.equal(await page.evaluate(script), 'refused')
  assert.deepEqual(other.messages, [])
})
