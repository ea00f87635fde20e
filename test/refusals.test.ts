import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { test } from 'node:test'
import { HTTP_1_1_REQUIRED, INADEQUATE_SECURITY, REFUSED, TLS_REFUSAL } from '../src/node/door/refusals.ts'
import { join, serve } from './support/serving.ts'

test('SETTINGS and GOAWAY, with their reasons', () => {
  const settings = '000000040000000000'
  assert.equal(HTTP_1_1_REQUIRED.toString('hex'), `${settings}000008070000000000000000000000000d`)
  assert.equal(INADEQUATE_SECURITY.toString('hex'), `${settings}000008070000000000000000000000000c`)
  assert.equal(TLS_REFUSAL.toString('hex'), '15030100020228')
})

test('a client of HTTP/2 understands the refusal', async (t) => {
  const serving = await serve(t, { http2: false })
  const client = connectHttp2(`http://127.0.0.1:${serving.port}`)
  t.after(() => client.destroy())
  client.on('error', () => {})
  const [code] = (await once(client, 'goaway')) as [number]
  assert.equal(code, 0x0d)
  assert.deepEqual(serving.errors, ['ERR_HTTP2_UNSUPPORTED'])
})

const hellos: Record<string, string> = {
  'SSL 2.0': '802e010002001500000010' + '0100800200800300800400800500806006'.repeat(2),
  'TLS 1.0 in the language of SSL 2.0':
    '802e010301001500000010' + '0100800200800300800400800500806006'.repeat(2),
}

for (const [name, hello] of Object.entries(hellos)) {
  test(`a hello of ${name} is refused by name, with an alert`, async (t) => {
    const serving = await serve(t)
    const peer = await join(t, serving.port)
    peer.send(Buffer.from(hello, 'hex'))
    assert.equal(Buffer.from(await peer.finished(), 'latin1').toString('hex'), '15030100020246')
    assert.deepEqual([serving.errors, serving.messages], [['ERR_SSLV2'], []])
    assert.equal(serving.server.stats().refused, 1)
  })
}

test('a PROXY header where none is expected is refused by name, without an answer', async (t) => {
  const serving = await serve(t)
  const signature = '\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c'
  for (const header of ['PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n', 'PROXY UNKNOWN\r\n', signature]) {
    const peer = await join(t, serving.port)
    peer.send(header)
    assert.equal(await peer.finished(), '')
  }
  assert.deepEqual([...new Set(serving.errors)], ['ERR_PROXY_UNEXPECTED'])
  assert.deepEqual([serving.messages, serving.server.stats().refused], [[], 3])
})

test('each says why in one line', () => {
  for (const { code, message } of REFUSED.values()) {
    assert.match(code, /^ERR_[A-Z0-9_]+$/)
    assert.match(message, /^Cannot [^.\n]*(?:\.\d[^.\n]*)?$/)
  }
})
