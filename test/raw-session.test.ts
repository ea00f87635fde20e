import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { join, serve } from './support/serving.ts'

test('lines are messages, and each is answered with a line', async (t) => {
  const serving = await serve(t)
  const peer = await join(t, serving.port)
  peer.send('one\r\ntwo\n\nthree\n')
  assert.equal(await peer.receives('three\n'), 'one\ntwo\nthree\n')
  assert.deepEqual(serving.messages, ['one', 'two', 'three'])
  assert.deepEqual(serving.log, ['connect raw'])
  assert.equal(serving.clients[0]!.client.isText, true)
})

test('what is left at FIN is delivered, answered, and then the server ends its side', async (t) => {
  const serving = await serve(t)
  const peer = await join(t, serving.port)
  peer.finish('first\nrest')
  assert.equal(await peer.finished(), 'first\nrest\n')
  assert.deepEqual(serving.messages, ['first', 'rest'])
  await serving.until(() => serving.log.includes('disconnect raw'))
})

for (const text of [
  'GETTING x\n',
  'GET lost\n',
  '{"a":1}\n',
  'hello',
  'GET',
  'PRI * HTTP/2',
  '\x16\x03',
  '\n\nx\n',
]) {
  test(`${JSON.stringify(text)} is raw and nothing of it is lost`, async (t) => {
    const serving = await serve(t)
    const peer = await join(t, serving.port)
    peer.finish(text)
    await peer.finished()
    assert.equal(serving.messages.join('\n'), text.replace(/^\n+|\n$/g, ''))
  })
}

test('a lone line end makes a client without a message', async (t) => {
  const serving = await serve(t)
  const peer = await join(t, serving.port)
  peer.send('\n')
  await serving.until(() => serving.log.length > 0)
  assert.deepEqual(serving.log, ['connect raw'])
  peer.finish()
  await peer.finished()
  assert.deepEqual(serving.messages, [])
})

test('a silent client is raw after the sniff timeout, so that the server can speak first', async (t) => {
  const serving = await serve(t, { sniffTimeout: 40 })
  serving.server.on('clientConnect', (_client, writer) => writer.write('welcome'))
  const peer = await join(t, serving.port)
  assert.equal(await peer.receives('\n'), 'welcome\n')
  peer.send('thanks\n')
  await serving.until(() => serving.messages.length === 1)
})

test('without rawFallback what is no protocol is closed', async (t) => {
  const serving = await serve(t, { rawFallback: false, sniffTimeout: 40 })
  const talking = await join(t, serving.port)
  talking.send('hello\n')
  await serving.until(() => talking.closed || talking.ended)
  const silent = await join(t, serving.port)
  await serving.until(() => silent.closed || silent.ended)
  assert.deepEqual(serving.errors, ['ERR_PROTOCOL_UNKNOWN', 'ERR_PROTOCOL_UNKNOWN'])
  assert.deepEqual(serving.messages, [])
})

test('a message over the limit is answered with a line and FIN', async (t) => {
  const serving = await serve(t, { messageLimit: 10 })
  const peer = await join(t, serving.port)
  peer.send('ten bytes!\n' + 'x'.repeat(20) + '\nnever\n')
  assert.equal(await peer.finished(), 'ten bytes!\nCannot read the message: it is over 10 bytes\n')
  assert.deepEqual(serving.messages, ['ten bytes!'])
  assert.deepEqual(serving.errors, ['ERR_MESSAGE_TOO_LARGE'])
})

test('an idle client is closed, an active one is not', async (t) => {
  const serving = await serve(t, { idleTimeout: 120 })
  const [idle, active] = [await join(t, serving.port), await join(t, serving.port)]
  idle.send('idle\n')
  for (let round = 0; round < 8; round++) {
    active.send('active\n')
    await sleep(40)
  }
  assert.equal(await idle.finished(), 'idle\n')
  assert.equal(active.ended, false)
  assert.deepEqual(serving.errors, ['ERR_IDLE_TIMEOUT'])
})

test('an answer that is still being worked on at FIN goes out', async (t) => {
  const serving = await serve(t, {}, async (message, _client, writer) => {
    await sleep(30)
    writer.write(`late ${message}`)
  })
  const peer = await join(t, serving.port)
  peer.finish('a\nb')
  assert.equal(await peer.finished(), 'late a\nlate b\n')
})

test('with allowHalfOpen the application decides when our side ends', async (t) => {
  const serving = await serve(t, { allowHalfOpen: true })
  const peer = await join(t, serving.port)
  peer.finish('a\n')
  await peer.receives('a\n')
  await sleep(30)
  assert.equal(peer.ended, false)
  serving.clients[0]!.writer.write('later')
  serving.clients[0]!.writer.close()
  assert.equal(await peer.finished(), 'a\nlater\n')
})

test('end leaves a raw client connected, close sends FIN behind what was written, destroy cuts', async (t) => {
  const serving = await serve(t, {}, (message, _client, writer) => {
    if (String(message) === 'end') writer.end('ended')
    else if (String(message) === 'close') {
      writer.write('closed')
      writer.close()
    } else writer.destroy()
  })
  const peer = await join(t, serving.port)
  peer.send('end\nend\n')
  await peer.receives('ended\nended\n')
  peer.send('close\n')
  assert.equal(await peer.finished(), 'ended\nended\nclosed\n')
  const cut = await join(t, serving.port)
  cut.send('destroy\nnot delivered\n')
  await serving.until(() => cut.closed || cut.ended)
  assert.equal(serving.messages.at(-1), 'destroy')
})

test('bytes that are no text are marked so, and come back as they are', async (t) => {
  const serving = await serve(t)
  const peer = await join(t, serving.port)
  peer.send('\xff\xfe\x00\n')
  await peer.receives('\xff\xfe\x00\n')
  assert.equal(serving.clients[0]!.client.isText, false)
})

test('with raw.verbatim what is written goes out as it is, and what is read is still framed', async (t) => {
  const serving = await serve(t, { raw: { verbatim: true } }, (message, _client, writer) => {
    writer.write(`<${message}>`)
  })
  const peer = await join(t, serving.port)
  await peer.send('one\r\ntwo\n').receives('<one><two>')
  serving.server.broadcast('|')
  await peer.receives('<one><two>|')
  serving.clients[0]!.writer.stream().end('streamed')
  await peer.receives('<one><two>|streamed')
})
