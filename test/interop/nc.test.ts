import assert from 'node:assert/strict'
import { test } from 'node:test'
import { curlAnswer, nc } from './support/clients.ts'
import { type CommandEvent, startCommand } from './support/command.ts'

test('lines both ways, each to all the others and not back', async (t) => {
  const command = await startCommand(t)
  const [first, second, third] = [nc(t, command.port), nc(t, command.port), nc(t, command.port)]
  first.write('I am the first\n')
  await command.message('I am the first')
  second.write('I am the second\n')
  await first.says('I am the second\n')
  third.write('I am the third\n')
  await second.says('I am the third\n')
  await first.says('I am the third\n')
  assert.equal(first.stdout, 'I am the second\nI am the third\n')
  assert.equal(second.stdout, 'I am the third\n')
  assert.equal(third.stdout, '')
  const message = await command.message('I am the first')
  assert.equal(message.protocol, 'raw')
  assert.equal(message.encrypted, false)
  await command.stop()
})

test('a half-close (-N) delivers the rest, which has no newline', async (t) => {
  const command = await startCommand(t)
  const client = nc(t, command.port, '-N')
  client.end('one\ntwo\nunfinished')
  await command.message('unfinished')
  assert.deepEqual(command.texts, ['one', 'two', 'unfinished'])
  assert.deepEqual(await client.ends(), { code: 0, signal: null })
  await command.sees('its leaving', ({ event }) => event === 'leave')
})

test('after a half-close the answers still come back (--echo)', async (t) => {
  const command = await startCommand(t, '--echo')
  const client = nc(t, command.port, '-N')
  client.end('one\ntwo\nthree')
  assert.deepEqual(await client.ends(), { code: 0, signal: null })
  assert.equal(client.stdout, 'one\ntwo\nthree\n')
})

test('CRLF lines lose their CR, and empty lines are none', async (t) => {
  const command = await startCommand(t)
  const client = nc(t, command.port, '-C', '-N')
  client.end('one\n\n\ntwo\n')
  await command.message('two')
  assert.deepEqual(command.texts, ['one', 'two'])
})

test('a silent client joins after 3 s, and hears the others', async (t) => {
  const command = await startCommand(t)
  const before = Date.now()
  const client = nc(t, command.port)
  const join = await command.sees('a join', ({ event }) => event === 'join', 8_000)
  const waited = Date.now() - before
  assert.ok(waited > 2_500 && waited < 4_500, `it joined after ${waited} ms`)
  assert.equal(join.protocol, 'raw')
  await curlAnswer(t, ['-d', 'hear this', command.url('http')])
  await client.says('hear this\n')
  client.write('I can speak too\n')
  assert.equal((await command.message('I can speak too')).id, join.id)
})

test('what only begins like a request is lines, and none is lost', async (t) => {
  const command = await startCommand(t)
  for (const [index, line] of [
    'GETTING there',
    'GET lost',
    'POST it',
    'PRI',
    '{"json": 1}',
    '\u0016 no record',
    'é ü 日本',
  ].entries()) {
    const client = nc(t, command.port, '-N')
    client.end(`${line}\n`)
    await command.message(line)
    assert.equal(command.messages.length, index + 1)
    assert.equal(command.messages[index]?.protocol, 'raw')
    await client.ends()
  }
})

test('bytes that are no UTF-8 arrive as they are', async (t) => {
  const command = await startCommand(t)
  const bytes = Buffer.from([0xff, 0x00, 0xc3, 0x28])
  nc(t, command.port, '-N').end(Buffer.concat([bytes, Buffer.from('\n')]))
  const isMessage = ({ event }: CommandEvent): boolean => event === 'message'
  const message = await command.sees('a message', isMessage)
  assert.equal(message.base64, bytes.toString('base64'))
  assert.equal(message.text, undefined)
})

test('a line of one mebibyte', async (t) => {
  const command = await startCommand(t, '--echo')
  const client = nc(t, command.port, '-N')
  const line = 'm'.repeat(1024 * 1024)
  client.end(`${line}\n`)
  await client.ends()
  assert.equal(client.stdout.length, line.length + 1)
  await command.message(line)
})

test('a request typed by hand', async (t) => {
  const command = await startCommand(t, '--echo')
  const client = nc(t, command.port)
  for (const piece of ['PO', 'ST / HT', 'TP/1.1\r\nHost: me\r', '\nContent-Length: 5\r\n\r', '\nhel']) {
    client.write(piece)
    await new Promise((resolve) => setTimeout(resolve, 30))
  }
  client.write('lo')
  await client.says('\r\n\r\nhello')
  assert.match(client.stdout, /^HTTP\/1\.1 200 /)
  assert.equal((await command.message('hello')).protocol, 'http')
})

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} ends the connections and the command`, async (t) => {
    const command = await startCommand(t)
    const [talker, silent] = [nc(t, command.port), nc(t, command.port)]
    talker.write('here\n')
    await command.message('here')
    await command.stop(signal)
    for (const client of [talker, silent]) {
      client.end() // nc ends only when both directions have: the other one is the server's FIN
      assert.deepEqual(await client.ends(), { code: 0, signal: null })
    }
  })
}
