/** Clients of HTTP/1, in process: what curl can do besides curl.test.ts, and programs that measure, which count every answer. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import type { ServerOptions } from 'portmanteau'
import { certificate, type Serving, serve, until } from '../support/serving.ts'
import { curl, curlAnswer } from './support/clients.ts'
import { folderWith, runProgram } from './support/programs.ts'

/** Bodies are echoed whole; requests without one are answered, too. */
const WHOLE: ServerOptions = { wholeBody: true, isMessage: () => true }

function url({ port }: Serving, path = '/', scheme = 'http'): string {
  return `${scheme}://127.0.0.1:${port}${path}`
}

for (const [option, version] of [
  ['--http1.0', '1.0'],
  ['--http1.1', '1.1'],
] as const) {
  test(`curl ${option}: several answers, by GET, POST and PUT`, async (t) => {
    const versions: unknown[] = []
    const serving = await serve(t, WHOLE, (message, client, writer) => {
      versions.push(client.request?.httpVersion)
      writer.write(`${client.request?.method} ${message}`)
    })
    assert.equal((await curlAnswer(t, [option, url(serving)])).body, 'GET ')
    assert.equal((await curlAnswer(t, [option, '-d', 'posted', url(serving)])).body, 'POST posted')
    const upload = join(await folderWith(t, { upload: 'put' }), 'upload')
    assert.equal((await curlAnswer(t, [option, '-T', upload, url(serving)])).body, 'PUT put')
    assert.deepEqual(versions, [version, version, version])
    assert.deepEqual(serving.errors, [])
  })
}

test('curl --http1.0: an answer over time ends with the connection', async (t) => {
  const serving = await serve(t, { ...WHOLE, explicitEnd: true }, async (_message, _client, writer) => {
    for (let index = 0; index < 5; index++) {
      writer.write(`part ${index}\n`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    writer.end()
  })
  const { headers, body } = await curlAnswer(t, ['--http1.0', url(serving)])
  assert.equal(body, 'part 0\npart 1\npart 2\npart 3\npart 4\n')
  assert.deepEqual([headers.get('transfer-encoding'), headers.get('content-length')], [undefined, undefined])
  assert.equal((await curlAnswer(t, [url(serving)])).headers.get('transfer-encoding'), 'chunked')
})

test('curl -T -: an upload of unknown length while it comes into being, longer than any buffer', async (t) => {
  const serving = await serve(t, WHOLE, (message, client, writer) => {
    writer.write(`${client.request?.headers['transfer-encoding']} ${message.length} ${message.at(-1)}`)
  })
  const upload = Buffer.alloc(12 * 1024 * 1024, 'chunked ')
  const { stdout, stderr } = await curl(t, ['-T', '-', url(serving, '/upload')], upload)
  assert.equal(stdout, `chunked ${upload.length} ${' '.charCodeAt(0)}`, stderr)
})

test('curl with Expect: 100-continue: a large body goes out once it is asked for, and not once it is refused', async (t) => {
  const serving = await serve(t, { ...WHOLE, messageLimit: 4 * 1024 * 1024 }, (message, _client, writer) => {
    writer.write(String(message.length))
  })
  const args = ['-v', '-H', 'Expect: 100-continue', '--expect100-timeout', '10', '--data-binary', '@-']
  const taken = await curl(t, [...args, url(serving)], Buffer.alloc(3 * 1024 * 1024))
  assert.equal(taken.stdout, String(3 * 1024 * 1024), taken.stderr)
  assert.match(taken.stderr, /< HTTP\/1\.1 100 Continue/)

  const uploaded = [...args, '-o', '/dev/null', '-w', '%{http_code} %{size_upload}', url(serving)]
  const refused = await curl(t, uploaded, Buffer.alloc(5 * 1024 * 1024))
  assert.equal(refused.stdout, '413 0', refused.stderr)
})

test('curl keeps one connection for twenty URLs, of which it knows each answer by its length', async (t) => {
  const serving = await serve(t, WHOLE, (_message, client, writer) =>
    writer.write(`at ${client.request?.url}\n`),
  )
  const urls = url(serving, '/[1-20]')
  const { stdout, stderr } = await curl(t, ['-w', '%{num_connects} %{http_code}\n', urls])
  const expected = Array.from({ length: 20 }, (_, index) => `at /${index + 1}\n${index === 0 ? 1 : 0} 200\n`)
  assert.equal(stdout, expected.join(''), stderr)
  assert.equal(serving.server.stats().accepted, 1)
})

test('requests that came in one piece are answered in order (nc)', async (t) => {
  const serving = await serve(t, WHOLE, async (_message, client, writer) => {
    const { url } = client.request!
    await new Promise((resolve) => setTimeout(resolve, url === '/0' ? 100 : 0))
    writer.write(`<${url}>`)
  })
  const requests = Array.from({ length: 50 }, (_, index) => `GET /${index} HTTP/1.1\r\nHost: a\r\n\r\n`)
  const last = 'GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
  const args = ['-N', '127.0.0.1', String(serving.port)]
  const { stdout } = await runProgram(t, 'nc.openbsd', 'netcat-openbsd', args, requests.join('') + last)
  const numbers = stdout.match(/<\/\w+>/g)
  assert.deepEqual(numbers, [...requests.map((_, index) => `</${index}>`), '</last>'])
})

test('curl -I: a HEAD that is a message has the length and nothing behind it', async (t) => {
  const serving = await serve(t, WHOLE, (_message, _client, writer) => writer.write('eleven long'))
  const { stdout } = await curl(t, ['-I', url(serving), '--next', '-sS', url(serving)])
  assert.match(stdout, /^content-length: 11\r\n/im)
  assert.equal(stdout.indexOf('eleven long'), stdout.length - 'eleven long'.length)
  assert.equal(serving.server.stats().accepted, 1)
})

test('curl -X OPTIONS: a preflight is granted or not, on one connection with what follows it', async (t) => {
  const serving = await serve(t, { allowOrigin: '*.example.com', wholeBody: true })
  const asked = ['-H', 'Access-Control-Request-Method: PUT', '-H', 'Access-Control-Request-Headers: x-a']
  const preflight = ['-i', '-X', 'OPTIONS', ...asked, '-H']
  const post = ['--next', '-sS', '-i', '-d', 'after', '-H', 'Origin: https://a.example.com', url(serving)]
  const granted = await curl(t, [...preflight, 'Origin: https://a.example.com', url(serving), ...post])
  const [first, second] = granted.stdout.split(/(?=HTTP\/1\.1 200)/).slice(-2)
  assert.match(first!, /^access-control-allow-origin: https:\/\/a\.example\.com\r$/im)
  assert.match(first!, /^access-control-allow-methods:.*\bPUT\b/im)
  assert.match(second!, /^access-control-allow-origin: https:\/\/a\.example\.com\r$/im)
  assert.match(second!, /\r\n\r\nafter$/)
  assert.equal(serving.server.stats().accepted, 1)

  const { headers } = await curlAnswer(t, [
    ...preflight.slice(1),
    'Origin: https://example.org',
    url(serving),
  ])
  assert.equal(headers.get('access-control-allow-origin'), undefined)
})

test('curl --compressed: answers in br or gzip, whole and over time', async (t) => {
  const text = 'compressible '.repeat(10_000)
  const options: ServerOptions = { ...WHOLE, explicitEnd: true, answerCompression: true }
  const serving = await serve(t, options, async (_message, client, writer) => {
    writer.write(text)
    if (client.request?.url === '/slow') {
      await new Promise((resolve) => setTimeout(resolve, 20))
      writer.write('and more')
    }
    writer.end()
  })
  for (const [path, expected] of [
    ['/', text],
    ['/slow', `${text}and more`],
  ] as const) {
    for (const [args, coding] of [
      [['--compressed'], 'br'],
      [['--compressed', '-H', 'Accept-Encoding: gzip'], 'gzip'],
      [[], undefined],
    ] as const) {
      const { headers, body } = await curlAnswer(t, [...args, url(serving, path)])
      assert.equal(headers.get('content-encoding'), coding)
      assert.match(headers.get('vary') ?? '', /accept-encoding/i)
      assert.ok(body === expected, `${body.length} characters for ${expected.length}, ${coding} at ${path}`)
    }
  }
})

test('curl sends bodies in gzip, deflate and br', async (t) => {
  const text = 'a body that is compressed '.repeat(5_000)
  const serving = await serve(t, { wholeBody: true, messageLimit: 1024 * 1024 })
  for (const [coding, compress] of [
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ] as const) {
    const args = ['--data-binary', '@-', '-H', `Content-Encoding: ${coding}`, url(serving)]
    const { status, body } = await curlAnswer(t, args, compress(text))
    assert.equal(status, 200, coding)
    assert.ok(body === text, `${body.length} characters for ${text.length} in ${coding}`)
    const bomb = await curlAnswer(t, args, compress(Buffer.alloc(8 * 1024 * 1024)))
    assert.equal(bomb.status, 413, coding)
  }
  const args = ['-d', 'x', '-H', 'Content-Encoding: compress', url(serving)]
  const unknown = await curlAnswer(t, args)
  assert.deepEqual([unknown.status, unknown.headers.has('accept-encoding')], [415, true])
})

/** A script of wrk's that prints what it has counted. */
const COUNT = `
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format('\\nCOUNTED %d %d %d %d %d %d\\n', summary.requests,
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
`
const POST = `
wrk.method = 'POST'
wrk.body = 'a message'
wrk.headers['Content-Type'] = 'text/plain'
`
const PIPELINED = `
init = function() batch = string.rep(wrk.format('GET', '/'), 16) end
request = function() return batch end
`

async function wrk(t: TestContext, serving: Serving, script: string): Promise<number> {
  const file = join(await folderWith(t, { 'script.lua': COUNT + script }), 'script.lua')
  const args = ['-t1', '-c16', '-d1s', '-s', file, url(serving)]
  const { code, stdout, stderr } = await runProgram(t, 'wrk', 'wrk', args)
  assert.equal(code, 0, stdout + stderr)
  const [, counted = ''] = /^COUNTED (.*)$/m.exec(stdout) ?? []
  const [requests = 0, ...errors] = counted.split(' ').map(Number)
  assert.deepEqual(errors, [0, 0, 0, 0, 0], stdout)
  return requests
}

for (const [name, script, inFlight] of [
  ['GET', '', 16],
  ['POST', POST, 16],
  ['GET, 16 at a time', PIPELINED, 16 * 16],
] as const) {
  test(`wrk: ${name}; no error, and as many answers as messages`, async (t) => {
    const serving = await serve(t, WHOLE)
    const answers = await wrk(t, serving, script)
    const messages = serving.messages.length
    assert.ok(answers > 100, `${answers} answers in a second`)
    assert.ok(
      messages >= answers && messages <= answers + inFlight,
      `${messages} messages, ${answers} answers`,
    )
    assert.equal(new Set(serving.messages).size, 1)
  })
}

async function ab(t: TestContext, serving: Serving, args: readonly string[]): Promise<Map<string, string>> {
  const all = ['-q', '-n', '2000', '-c', '16', ...args, url(serving)]
  const { code, stdout, stderr } = await runProgram(t, 'ab', 'apache2-utils', all)
  assert.equal(code, 0, stdout + stderr)
  const lines = stdout.matchAll(/^([^:\n]+): +(\S+)/gm)
  return new Map(Array.from(lines, ([, name, value]) => [name!, value!]))
}

for (const [name, option, connections] of [
  ['a connection each', [], 2000],
  ['-k', ['-k'], 16],
] as const) {
  test(`ab, ${name}: GET and POST, all of them answered alike`, async (t) => {
    const serving = await serve(t, WHOLE)
    const body = join(await folderWith(t, { body: 'a body for ab' }), 'body')
    for (const method of [[], ['-p', body, '-T', 'text/plain']]) {
      const counted = await ab(t, serving, [...option, ...method])
      assert.equal(counted.get('Complete requests'), '2000')
      assert.equal(counted.get('Failed requests'), '0')
      assert.equal(counted.get('Non-2xx responses'), undefined)
      assert.equal(counted.get('Keep-Alive requests'), option.length === 0 ? undefined : '2000')
    }
    // Without -k it begins connections that it does not need any more.
    const spare = option.length === 0 ? 2 * 16 : 0
    const within = (count: number, least: number): boolean => count >= least && count <= least + spare
    const { accepted } = serving.server.stats()
    assert.ok(within(serving.messages.length, 4000), `${serving.messages.length} messages`)
    assert.ok(within(accepted, 2 * connections), `${accepted} connections`)
    assert.ok(
      serving.errors.every((code) => code === 'ECONNRESET'),
      `${serving.errors}`,
    )
  })
}

for (const [scheme, option, protocol] of [
  ['http', [], /h2c/],
  ['https', [], /h2$/],
  ['http', ['--h1'], /http\/1\.1/],
  ['https', ['--h1'], /http\/1\.1/],
] as const) {
  test(`h2load ${option.join('')} by ${scheme}: every request is a message and is answered`, async (t) => {
    const serving = await serve(t, { ...WHOLE, ...(scheme === 'https' ? certificate : {}) })
    const body = join(await folderWith(t, { body: 'a body for h2load' }), 'body')
    const args = [...option, '-n1000', '-c8', '-m8', '-d', body, url(serving, '/', scheme)]
    const { code, stdout, stderr } = await runProgram(t, 'h2load', 'nghttp2-client', args)
    assert.equal(code, 0, stdout + stderr)
    assert.match(/^Application protocol: (.*)$/m.exec(stdout)?.[1] ?? '', protocol, stdout)
    assert.match(stdout, /1000 done, 1000 succeeded, 0 failed, 0 errored, 0 timeout/)
    assert.match(stdout, /status codes: 1000 2xx/)
    assert.equal(serving.messages.length, 1000)
    assert.equal(new Set(serving.messages).size, 1)
    await until(() => serving.server.stats().connections === 0)
  })
}
