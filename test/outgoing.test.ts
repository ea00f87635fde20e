import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { connect } from '../src/index.ts'
import { frameRaw, Outgoing } from '../src/node/outgoing.ts'
import { type Framing, LineReader, lineFraming } from '../src/raw/index.ts'
import { codecOf } from '../src/ws-codec/index.ts'
import { join, serve } from './support/serving.ts'

const counted: Framing = {
  name: 'counted',
  createReader: (sink, limit) => new LineReader(sink, limit),
  header: (length) => Uint8Array.of(length),
  trailer: Uint8Array.of(0xff),
}

test('a raw frame has the framing around its bytes', () => {
  assert.equal(frameRaw('é', lineFraming).toString(), 'é\n')
  assert.deepEqual([...frameRaw('é', counted)], [2, 0xc3, 0xa9, 0xff])
  assert.deepEqual([...frameRaw(Uint8Array.of(1, 2, 3), counted)], [3, 1, 2, 3, 0xff])
})

const rfc = codecOf('13')

test('a WebSocket frame says its kind', () => {
  const outgoing = new Outgoing('é', undefined)
  assert.deepEqual([...outgoing.frame(rfc, false)], [0x81, 2, 0xc3, 0xa9])
  assert.deepEqual([...outgoing.frame(rfc, true)], [0x82, 2, 0xc3, 0xa9])
})

test('for many it is framed once for each protocol and version', () => {
  const outgoing = new Outgoing('x', undefined)
  assert.equal(outgoing.raw(lineFraming), outgoing.raw(lineFraming))
  assert.equal(outgoing.frame(rfc, false), outgoing.frame(rfc, false))
  assert.notDeepEqual(outgoing.frame(rfc, false), outgoing.frame(rfc, true))
  assert.deepEqual([...outgoing.frame(codecOf('hixie-75'), false)], [0x00, 0x78, 0xff])
})

test('strings are text, bytes binary, unless it is said', () => {
  const isBinary = (data: string | Uint8Array, binary?: boolean) => new Outgoing(data, binary).isBinary
  assert.deepEqual(
    [isBinary('x'), isBinary('x', true), isBinary(Uint8Array.of(1)), isBinary(Uint8Array.of(65), false)],
    [false, true, true, false],
  )
})

test('what a message is besides its text goes with it', () => {
  const annotations = new Map([['r', 'chat']])
  assert.deepEqual(new Outgoing('{}', undefined, { json: true, annotations }).form, {
    json: true,
    annotations,
  })
  assert.deepEqual(new Outgoing('x', undefined).form, {})
})

test('what is neither a string nor bytes is thrown back, whatever the client speaks, before anything of it is sent', async (t) => {
  const none = { code: 'ERR_DATA' }
  const serving = await serve(t, {}, (_message, client, writer) => {
    for (const data of [5, null, {}, { length: 3 }, [1, 2, 3], () => {}, new DataView(new ArrayBuffer(2))]) {
      const anything = data as unknown as Uint8Array
      assert.throws(() => writer.write(anything), none)
      assert.throws(() => serving.server.send(client, anything), none)
      assert.throws(() => serving.server.broadcast(anything), none)
    }
    writer.write('fine')
  })
  const line = await join(t, serving.port)
  await line.send('hi\n').receives('fine\n')
  const http = await join(t, serving.port)
  await http.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi').receives('\r\n\r\nfine')
  const client = await connect(`ws://127.0.0.1:${serving.port}/`)
  client.write('hi')
  const answer = await once(client, 'message')
  assert.equal(String(answer[0]), 'fine')
  client.close()
  assert.deepEqual(serving.errors, [])
})
