import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { curl, curlAnswer, opensslCommand, parseAnswer } from './support/clients.ts'
import { startCli, startCommand } from './support/command.ts'

const PAGE = readFileSync(new URL('../../page/index.html', import.meta.url), 'utf8')

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'portmanteau-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

test('a POST in the hub is a message, answered 200 and empty', async (t) => {
  const command = await startCommand(t)
  const answer = await curlAnswer(t, ['-d', 'hi', command.url('http')])
  assert.equal(answer.version, 'HTTP/1.1')
  assert.equal(answer.status, 200)
  assert.equal(answer.body, '')
  const message = await command.message('hi')
  assert.equal(message.protocol, 'http')
  assert.equal(message.encrypted, false)
  const join = command.events.find(({ event }) => event === 'join')
  assert.equal(join?.id, message.id)
  assert.match(join?.address ?? '', /^127\.0\.0\.1:\d+$/)
  await command.sees('its leaving', ({ event, id }) => event === 'leave' && id === message.id)
  await command.stop()
})

test('for people it prints how to reach it, then each message, harmless to the terminal', async (t) => {
  const child = startCli(t)
  const port = await child.until(
    'the port',
    ({ stdout }) => /^portmanteau listening on port (\d+)$/m.exec(stdout)?.[1],
  )
  await child.says(`curl -d hello http://127.0.0.1:${port}/`)
  await curlAnswer(t, ['-d', 'read \u001b[31mthis', `http://127.0.0.1:${port}/`])
  await child.until('the message', ({ stdout }) => /http: read .*this$/m.exec(stdout)?.[0])
  assert.ok(!child.stdout.includes('\u001b'), child.describe())
  child.signal('SIGINT')
  assert.deepEqual(await child.ends(), { code: 0, signal: null })
})

test('with --echo the answer to a POST is the message', async (t) => {
  const command = await startCommand(t, '--echo')
  const { code, stdout, stderr } = await curl(t, ['-d', 'hi', command.url('http')])
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'hi', stderr: '' })
})

test('a body of several lines is several messages, at any path, by PUT as by POST', async (t) => {
  const command = await startCommand(t)
  await curlAnswer(t, ['--data-binary', 'one\ntwo\r\n\nthree', command.url('http', '/some/where?x=1')])
  await command.message('three')
  assert.deepEqual(command.texts, ['one', 'two', 'three'])
  const file = join(await temporaryFolder(t), 'lines')
  await writeFile(file, 'four\nfive\n')
  assert.equal((await curlAnswer(t, ['-T', file, command.url('http', '/lines')])).status, 200)
  await command.message('five')
  assert.deepEqual(command.texts.slice(3), ['four', 'five'])
})

test('an empty body is answered and is no message', async (t) => {
  const command = await startCommand(t)
  assert.equal((await curlAnswer(t, ['-X', 'POST', command.url('http')])).status, 200)
  assert.equal((await curlAnswer(t, ['-d', '', command.url('http')])).status, 200)
  await curlAnswer(t, ['-d', 'after', command.url('http')])
  await command.message('after')
  assert.deepEqual(command.texts, ['after'])
})

test('a body that is not UTF-8 arrives as base64', async (t) => {
  const command = await startCommand(t)
  const bytes = Buffer.from([0x00, 0xff, 0xfe, 0x80, 0x41])
  await curlAnswer(t, ['--data-binary', '@-', command.url('http')], bytes)
  const message = await command.sees('a message', ({ event }) => event === 'message')
  assert.equal(message.text, undefined)
  assert.equal(message.base64, bytes.toString('base64'))
})

test('a chunked upload of unknown length', async (t) => {
  const command = await startCommand(t, '--echo')
  const line = 'chunked '.repeat(20_000)
  const answer = await curlAnswer(
    t,
    ['-T', '-', '-H', 'Transfer-Encoding: chunked', command.url('http', '/upload')],
    line,
  )
  assert.equal(answer.status, 200)
  assert.equal(answer.body, line)
  await command.message(line)
})

test('two requests on one connection', async (t) => {
  const command = await startCommand(t)
  const url = command.url('http')
  const { code, stdout } = await curl(t, ['-d', 'same', '-w', '%{http_code} %{num_connects}\n', url, url])
  assert.equal(code, 0)
  assert.equal(stdout, '200 1\n200 0\n')
  await command.sees('both messages', () => command.texts.length === 2)
})

test('twenty clients at the same time', async (t) => {
  const command = await startCommand(t)
  const numbers = Array.from({ length: 20 }, (_, index) => index)
  const answers = await Promise.all(
    numbers.map((number) => curlAnswer(t, ['-d', `client ${number}`, command.url('http')])),
  )
  assert.ok(answers.every(({ status }) => status === 200))
  await command.sees('all messages', () => command.texts.length === 20)
  assert.deepEqual([...command.texts].sort(), numbers.map((number) => `client ${number}`).sort())
})

test('GET / is the page as it is in the repository, under its policy', async (t) => {
  const command = await startCommand(t)
  const { status, headers, body } = await curlAnswer(t, [command.url('http')])
  assert.equal(status, 200)
  assert.equal(body, PAGE)
  assert.match(headers.get('content-type') ?? '', /^text\/html; ?charset=utf-8$/i)
  assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'.*frame-ancestors 'none'/)
  assert.equal(headers.get('content-length'), String(Buffer.byteLength(PAGE)))
  assert.deepEqual(command.texts, [])
})

test('HEAD / has the head of the page and no body', async (t) => {
  const command = await startCommand(t)
  const { code, stdout } = await curl(t, ['-I', command.url('http')])
  assert.equal(code, 0)
  const { status, headers, body } = parseAnswer(stdout)
  assert.equal(status, 200)
  assert.equal(headers.get('content-length'), String(Buffer.byteLength(PAGE)))
  assert.equal(body, '')
})

test('another method is 405 with what is allowed, and another page is not found', async (t) => {
  const command = await startCommand(t)
  const refused = await curlAnswer(t, ['-X', 'DELETE', command.url('http')])
  assert.equal(refused.status, 405)
  const allowed = (refused.headers.get('allow') ?? '').split(/, */)
  for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'OPTIONS'])
    assert.ok(allowed.includes(method), `Allow: ${allowed}`)
  const missing = await curlAnswer(t, [command.url('http', '/no/such/page')])
  assert.ok(missing.status === 404 || missing.status === 405, `status ${missing.status}`)
  assert.deepEqual(command.texts, [])
})

test('a preflight is answered for the origins that are allowed', async (t) => {
  const command = await startCommand(t, '--allow-origin', '*.example.com')
  const preflight = [
    '-X',
    'OPTIONS',
    '-H',
    'Access-Control-Request-Method: POST',
    '-H',
    'Access-Control-Request-Headers: content-type',
  ]
  const answer = await curlAnswer(t, [
    ...preflight,
    '-H',
    'Origin: https://chat.example.com',
    command.url('http'),
  ])
  assert.ok(answer.status === 200 || answer.status === 204, `status ${answer.status}`)
  assert.equal(answer.headers.get('access-control-allow-origin'), 'https://chat.example.com')
  assert.match(answer.headers.get('access-control-allow-methods') ?? '', /POST/)
  assert.match(answer.headers.get('access-control-allow-headers') ?? '', /content-type|\*/i)
  assert.match(answer.headers.get('vary') ?? '', /origin/i)

  const post = await curlAnswer(t, ['-d', 'mine', '-H', 'Origin: https://example.com', command.url('http')])
  assert.equal(post.status, 200)
  assert.equal(post.headers.get('access-control-allow-origin'), 'https://example.com')
})

test('an origin that is not allowed is 403, and what it says is dropped', async (t) => {
  const command = await startCommand(t, '--allow-origin', '*.example.com')
  for (const origin of ['https://evilexample.com', 'https://example.com.evil.org', 'null']) {
    const answer = await curlAnswer(t, ['-d', 'refused', '-H', `Origin: ${origin}`, command.url('http')])
    assert.equal(answer.status, 403, origin)
    assert.equal(answer.headers.get('access-control-allow-origin'), undefined)
  }
  await curlAnswer(t, ['-d', 'no origin', command.url('http')])
  await command.message('no origin')
  assert.deepEqual(command.texts, ['no origin'])
})

test('Expect: 100-continue is answered before a large body', async (t) => {
  const command = await startCommand(t)
  const line = 'x'.repeat(2 * 1024 * 1024)
  const args = ['-v', '-H', 'Expect: 100-continue', '--expect100-timeout', '10', '--data-binary', '@-']
  const { code, stdout, stderr } = await curl(
    t,
    [...args, '-w', '%{http_code} %{time_total}', command.url('http')],
    line,
  )
  assert.equal(code, 0, stderr)
  assert.match(stderr, /< HTTP\/1\.1 100 Continue/)
  const [status = '', seconds = ''] = stdout.split(' ')
  assert.equal(status, '200')
  assert.ok(Number(seconds) < 5, `it took ${seconds} s`)
  await command.message(line)
})

test('a body over the limit is 413 before it is sent', async (t) => {
  const command = await startCommand(t)
  const args = ['-H', 'Expect: 100-continue', '--expect100-timeout', '10', '--data-binary', '@-']
  const answer = await curlAnswer(t, [...args, command.url('http')], Buffer.alloc(17 * 1024 * 1024, 0x61))
  assert.equal(answer.status, 413)
  assert.equal((await curlAnswer(t, ['-d', 'still here', command.url('http')])).status, 200)
  await command.message('still here')
  assert.deepEqual(command.texts, ['still here'])
})

test('HTTP/1.0', async (t) => {
  const command = await startCommand(t, '--echo')
  const answer = await curlAnswer(t, ['-0', '-d', 'old', command.url('http')])
  assert.equal(answer.status, 200)
  assert.equal(answer.body, 'old')
  assert.equal((await curlAnswer(t, ['-0', command.url('http')])).body, PAGE)
})

for (const [name, option] of [
  ['1.2', ['--tls-max', '1.2']],
  ['1.3', ['--tlsv1.3']],
] as const) {
  test(`https with TLS ${name}, and plain HTTP on the same port`, async (t) => {
    const command = await startCommand(t, '--tls', '--echo')
    const { body } = await curlAnswer(t, ['-k', ...option, '-d', 'secret', command.url('https')])
    assert.equal(body, 'secret')
    const message = await command.message('secret')
    assert.equal(message.protocol, 'http')
    assert.equal(message.encrypted, true)
    assert.equal((await curlAnswer(t, ['-d', 'open', command.url('http')])).body, 'open')
    assert.equal((await command.message('open')).encrypted, false)
    await command.stop()
  })
}

test("https with a certificate of one's own, which curl verifies", async (t) => {
  const folder = await temporaryFolder(t)
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const made = await opensslCommand(
    t,
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    ...subject,
    '-keyout',
    key,
    '-out',
    cert,
  )
  assert.equal(made.code, 0, made.stderr)
  const command = await startCommand(t, '--cert', cert, '--key', key)
  assert.equal((await curlAnswer(t, ['--cacert', cert, '-d', 'verified', command.url('https')])).status, 200)
  assert.equal((await command.message('verified')).encrypted, true)
})
