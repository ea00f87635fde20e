import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ServerOptions } from '../src/index.ts'
import { createLengthPrefixedFraming, type Framing } from '../src/raw/index.ts'
import { join, serve } from './support/serving.ts'
import { deliveries } from './support/splits.ts'

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
  const serving = await serve(t, { idleTimeout: 500 })
  const [idle, active] = [await join(t, serving.port), await join(t, serving.port)]
  idle.send('idle\n')
  for (let round = 0; round < 10; round++) {
    active.send('active\n')
    await sleep(70)
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

/** Messages as each framing has them, on the wire. */
interface Framed {
  readonly name: string
  readonly options: ServerOptions
  readonly messages: readonly string[]
  readonly wire: string
  /** What is told of a message that is cut off by the end; without one there is none. */
  readonly cut?: { readonly bytes: string; readonly fault: string }
  /** What is told of a message over 20 bytes. */
  readonly large?: { readonly bytes: string; readonly fault: string }
}

const u32 = (length: number) => String.fromCharCode(length >>> 24, length >>> 16, length >>> 8, length & 0xff)
const prefixed = (text: string) => `${u32(text.length)}${text}`
const INSIDE = 'Cannot read the message: the stream ended inside it'
const OVER = 'Cannot read the message: it is over 20 bytes'
const x30 = 'x'.repeat(30)

const FRAMINGS: readonly Framed[] = [
  {
    name: 'line',
    options: { framing: 'line' },
    messages: ['one', 'two words', '{"a":'],
    wire: 'one\ntwo words\n{"a":\n',
    large: { bytes: `${x30}\n`, fault: `${OVER}\n` },
  },
  {
    name: 'json',
    options: { framing: 'json' },
    messages: ['{"a":"}"}', '[1,[2]]', '"text"', '17'],
    wire: '{"a":"}"}\n[1,[2]]\n"text"\n17\n',
    cut: { bytes: '{"a":1}{"b"', fault: `{"a":1}\n"${INSIDE}"\n` },
    large: { bytes: `"${x30}"`, fault: `"${OVER}"\n` },
  },
  {
    name: 'netstring',
    options: { framing: 'netstring' },
    messages: ['one', 'two\nlines', '0:,'],
    wire: '3:one,9:two\nlines,3:0:,,',
    cut: { bytes: '3:one,5:tw', fault: `3:one,${INSIDE.length}:${INSIDE},` },
    large: { bytes: `30:${x30},`, fault: `${OVER.length}:${OVER},` },
  },
  {
    name: 'length-prefixed',
    options: { framing: 'length-prefixed' },
    messages: ['one', 'two\n\0', 'x'],
    wire: [prefixed('one'), prefixed('two\n\0'), prefixed('x')].join(''),
    cut: { bytes: `${prefixed('one')}${u32(5)}tw`, fault: prefixed('one') + prefixed(INSIDE) },
    large: { bytes: prefixed(x30), fault: prefixed(OVER) },
  },
  {
    name: 'length-prefixed, 2 bytes, little-endian',
    options: { framing: createLengthPrefixedFraming({ bytes: 2, littleEndian: true }) },
    messages: ['one', 'two'],
    wire: '\x03\x00one\x03\x00two',
    cut: { bytes: '\x05\x00tw', fault: `${String.fromCharCode(INSIDE.length)}\x00${INSIDE}` },
    large: { bytes: `\x1e\x00${x30}`, fault: `${String.fromCharCode(OVER.length)}\x00${OVER}` },
  },
]

for (const { name, options, messages, wire, cut, large } of FRAMINGS) {
  for (const [how, given] of [
    ['by option', options],
    ['by its first bytes', { raw: { detect: true } }],
  ] as const) {
    if (how !== 'by option' && name.includes(',')) continue
    test(`${name}, ${how}: at every split the same messages, and answers in the same framing`, async (t) => {
      const serving = await serve(t, { ...given, sniffTimeout: 500 })
      await Promise.all(
        Array.from(deliveries(Buffer.from(wire, 'latin1')), async ({ how: delivered, chunks }) => {
          const peer = await join(t, serving.port)
          for (const chunk of chunks) {
            peer.send(chunk)
            await sleep(1)
          }
          peer.finish()
          assert.equal(await peer.finished(), wire, delivered)
        }),
      )
      const each = serving.messages.length / messages.length
      assert.deepEqual(
        serving.messages.slice().sort(),
        messages.flatMap((text) => Array(each).fill(text)).sort(),
      )
      assert.deepEqual(serving.errors, [])
    })

    for (const [what, failure] of Object.entries({ cut, large })) {
      if (failure === undefined || (how !== 'by option' && what === 'large')) continue
      test(`${name}, ${how}: a message that is ${what} is told of in the peer's own framing`, async (t) => {
        const serving = await serve(t, { ...given, messageLimit: 20 })
        const peer = await join(t, serving.port)
        peer.finish(failure.bytes)
        assert.equal(await peer.finished(), failure.fault)
        const code = what === 'cut' ? 'ERR_MESSAGE_INCOMPLETE' : 'ERR_MESSAGE_TOO_LARGE'
        assert.deepEqual(serving.errors, [code])
      })
    }
  }
}

test('none: whatever one read gives, as it is', async (t) => {
  const serving = await serve(t, { framing: 'none' })
  const peer = await join(t, serving.port)
  await peer.send('one\ntwo').receives('one\ntwo')
  await peer.send('\0').receives('\0')
  assert.deepEqual(serving.messages, ['one\ntwo', '\0'])
})

test('what is no JSON, and what is nested too deep', async (t) => {
  const serving = await serve(t, { framing: 'json' })
  for (const [bytes, code] of [
    ['{"a":x}', 'ERR_JSON_INVALID'],
    ['['.repeat(1_000), 'ERR_JSON_TOO_DEEP'],
  ] as const) {
    const peer = await join(t, serving.port)
    peer.send(bytes)
    assert.match(await peer.finished(), /^"Cannot read the message: [^"]*"\n$/)
    assert.equal(serving.errors.pop(), code)
  }
})

test('what is no netstring', async (t) => {
  const serving = await serve(t, { framing: 'netstring' })
  const peer = await join(t, serving.port)
  peer.send('3:onex')
  assert.match(await peer.finished(), /^\d+:Cannot read the message: it is not a netstring,$/)
  assert.deepEqual(serving.errors, ['ERR_NETSTRING_INVALID'])
})

/** A message, and what it is on the wire, by a client that has chosen that framing. */
const CHOICES: readonly [hello: string, broadcast: string][] = [
  ['line\n', 'to all\n'],
  ['{"json":1}', 'to all\n'],
  ['4:nets,', '6:to all,'],
  [prefixed('pre'), prefixed('to all')],
]

test('a broadcast reaches each client in its own framing', async (t) => {
  const serving = await serve(t, { raw: { detect: true } }, () => {})
  const peers = await Promise.all(CHOICES.map(async ([hello]) => (await join(t, serving.port)).send(hello)))
  await serving.until(() => serving.messages.length === CHOICES.length)
  serving.server.broadcast('to all')
  await Promise.all(peers.map((peer, index) => peer.receives(CHOICES[index]![1])))
  peers.forEach((peer, index) => void assert.equal(peer.text, CHOICES[index]![1]))
})

test('one whose framing cannot carry a broadcast is told of, and all others get it', async (t) => {
  const serving = await serve(t, { framing: createLengthPrefixedFraming({ bytes: 1 }) }, () => {})
  const short = await join(t, serving.port)
  short.send('\x01a')
  await serving.until(() => serving.messages.length === 1)
  serving.server.broadcast('x'.repeat(256))
  assert.deepEqual(serving.errors, ['ERR_LENGTH_PREFIX_TOO_SMALL'])
  const { client, writer } = serving.clients[0]!
  assert.equal(serving.server.send(client, 'x'.repeat(256)), false)
  assert.throws(() => writer.write('x'.repeat(256)), { code: 'ERR_LENGTH_PREFIX_TOO_SMALL' })
  serving.server.broadcast('fits')
  await short.receives('\x04fits')
})

test('a framing that cannot carry its own fault ends all the same', async (t) => {
  const tiny: Framing = { ...createLengthPrefixedFraming({ bytes: 1 }), fault: (text) => text.repeat(10) }
  const serving = await serve(t, { framing: tiny })
  const peer = await join(t, serving.port)
  peer.finish('\x05tw')
  assert.equal(await peer.finished(), '')
  assert.deepEqual(serving.errors, ['ERR_MESSAGE_INCOMPLETE', 'ERR_LENGTH_PREFIX_TOO_SMALL'])
})

test('with detect HTTP bodies stay framed by option, and a silent client is greeted in lines', async (t) => {
  const serving = await serve(t, { raw: { detect: true }, sniffTimeout: 40 })
  serving.server.on('clientConnect', (client, writer) => {
    if (client.protocol === 'raw') writer.write('welcome')
  })
  const http = await join(t, serving.port)
  http.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n3:one,\n')
  await http.receives('3:one,')
  assert.equal(serving.messages.at(-1), '3:one,')
  const silent = await join(t, serving.port)
  await silent.receives('welcome\n')
  await silent.send('3:two,').receives('3:two,')
})

test('an empty message goes out as one', async (t) => {
  const serving = await serve(
    t,
    { framing: 'netstring' },
    (_message, _client, writer) => void writer.write(''),
  )
  const peer = await join(t, serving.port)
  await peer.send('0:,').receives('0:,')
})

test('a stream is gathered: its length goes ahead', async (t) => {
  const serving = await serve(t, { framing: 'netstring' }, (_message, _client, writer) => {
    const stream = writer.stream()
    stream.write('one ')
    setImmediate(() => stream.end('two'))
  })
  const peer = await join(t, serving.port)
  await peer.send('1:x,').receives('7:one two,')
})
