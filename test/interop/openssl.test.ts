import assert from 'node:assert/strict'
import { test } from 'node:test'
import { curlAnswer, nc, openssl } from './support/clients.ts'
import { startCommand } from './support/command.ts'

for (const version of ['tls1_2', 'tls1_3']) {
  test(`raw lines over ${version}, both ways`, async (t) => {
    const command = await startCommand(t, '--tls')
    const plain = nc(t, command.port)
    plain.write('from nc\n')
    await command.message('from nc')
    const secret = openssl(t, command.port, `-${version}`)
    secret.write('from openssl\n')
    const message = await command.message('from openssl')
    assert.equal(message.protocol, 'raw')
    assert.equal(message.encrypted, true)
    await plain.says('from openssl\n')
    plain.write('and back\n')
    await secret.says('and back\n')
    assert.equal(secret.stdout, 'and back\n')
    await command.stop()
    await secret.ends()
  })
}

test('with --echo each line comes back, and nothing else', async (t) => {
  const command = await startCommand(t, '--tls', '--echo')
  const client = openssl(t, command.port)
  client.write('one\ntwo\n')
  await client.says('two\n')
  client.write('three\n')
  await client.says('three\n')
  assert.equal(client.stdout, 'one\ntwo\nthree\n')
})

test('a line longer than many TLS records', async (t) => {
  const command = await startCommand(t, '--tls', '--echo')
  const client = openssl(t, command.port, '-max_send_frag', '512')
  const line = 'r'.repeat(300_000)
  client.write(`${line}\n`)
  await client.until('the whole line', ({ stdout }) => stdout.length > line.length || undefined)
  assert.equal(client.stdout, `${line}\n`)
})

test('the end of the input delivers the rest of it', async (t) => {
  const command = await startCommand(t, '--tls')
  const client = openssl(t, command.port, '-no_ign_eof')
  client.end('whole\nunfinished')
  await command.message('unfinished')
  assert.deepEqual(command.texts, ['whole', 'unfinished'])
  await client.ends()
  await command.sees('its leaving', ({ event }) => event === 'leave')
})

test('a silent client joins over TLS after 3 s, and hears the others', async (t) => {
  const command = await startCommand(t, '--tls')
  const client = openssl(t, command.port)
  const join = await command.sees('a join', ({ event }) => event === 'join', 8_000)
  assert.equal(join.protocol, 'raw')
  assert.equal(join.encrypted, true)
  await curlAnswer(t, ['-d', 'hear this', command.url('http')])
  await client.says('hear this\n')
})

for (const version of ['tls1_2', 'tls1_3']) {
  test(`without a key ${version} is refused by an alert, and the server lives`, async (t) => {
    const command = await startCommand(t)
    const client = openssl(t, command.port, `-${version}`)
    const { code } = await client.ends()
    assert.notEqual(code, 0)
    assert.match(client.stderr, /alert/, client.describe())
    assert.equal((await curlAnswer(t, ['-d', 'alive', command.url('http')])).status, 200)
    await command.message('alive')
    assert.deepEqual(command.texts, ['alive'], 'the bytes of the ClientHello were taken for a message')
    await command.stop()
  })
}
