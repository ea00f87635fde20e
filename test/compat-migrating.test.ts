/** The programs of docs/migrating do what those of before did: each as it stands there, and what its clients get. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ask, collect, get, open, post, receives } from './support/facades.ts'
import { join, until } from './support/serving.ts'
import { frame06, frames06 } from './support/session-clients.ts'
import { HANDSHAKE, MIB } from './support/wesos-serving.ts'

/** Has whatever listens take a port of the system's choice, on the loopback address, and tell it beside the one that was asked for. */
const LISTENING = `
import { Server } from 'node:net'
const { listen } = Server.prototype
Server.prototype.listen = function (port, ...rest) {
  const asked = typeof port === 'object' ? port.port : port
  this.once('listening', () => process.send([asked, this.address().port]))
  return listen.call(this, 0, '127.0.0.1', ...rest.filter((each) => typeof each === 'function'))
}`

const root = fileURLToPath(new URL('..', import.meta.url))
const preload = `data:text/javascript,${encodeURIComponent(LISTENING)}`

/** What those of before get their seed by. */
const REQUIRED: Readonly<Record<string, string>> = {
  'websocket-server': 'websocket-server',
  'websocket.io': 'websocket.io',
  wesos: 'wesos',
  'socket.io': './path/to/socket.io',
}

/** A program of a page, and how it is to be run; the first is the one of before, and gets its seed from us. */
function programOf(page: string, at: number): [program: string, type: string] {
  const text = readFileSync(new URL(`../docs/migrating/${page}.md`, import.meta.url), 'utf8')
  const [, program = ''] = [...text.matchAll(/^```js\n(.*?)^```$/gms)][at]!
  if (at > 0) return [program, '--input-type=module']
  const ours = program.replace(`require('${REQUIRED[page]}')`, `require('portmanteau/compat/${page}')`)
  assert.notEqual(ours, program)
  return [ours, '--input-type=commonjs']
}

const BEFORE_AND_AFTER = [
  ['before, by changing what it requires', 0],
  ['after', 1],
] as const

interface Running {
  readonly port: number
  readonly child: ChildProcess
  /** What it has printed. */
  printed(): string
}

/** Runs a program of a page; ended with the test. */
async function run(t: TestContext, page: string, at: number, listensOn: number): Promise<Running> {
  const [program, type] = programOf(page, at)
  const child = spawn(process.execPath, ['--import', preload, type, '-e', program], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  t.after(async () => {
    if (child.exitCode !== null || !child.kill('SIGKILL')) return
    await once(child, 'close')
  })
  let printed = ''
  child.stdout!.on('data', (text: Buffer) => (printed += text))
  child.stderr!.on('data', (text: Buffer) => (printed += text))
  let port = 0
  child.on('message', ([asked, given]: [number, number]) => {
    if (asked === listensOn) port = given
  })
  await until(() => {
    assert.equal(child.exitCode, null, printed)
    return port !== 0
  })
  return { port, child, printed: () => printed }
}

for (const at of [1, 2]) {
  test(`portluck.md, program ${at}: who sends what gets it back, whatever it speaks`, async (t) => {
    const { port } = await run(t, 'portluck', at, 9999)
    await (await join(t, port)).send('a line\n').receives('got a line')
    const Origin = 'https://www.example.com'
    assert.match(await ask(t, port, post('posted', `Origin: ${Origin}\r\n`)), /\r\n\r\ngot posted$/)
    const socket = await open(t, port, { headers: { Origin } })
    socket.write('text')
    assert.deepEqual(await receives(socket), { text: 'got text', isText: true })
    assert.match(await ask(t, port, get('/')), /^HTTP\/1\.1 405 /)
    await assert.rejects(open(t, port, { headers: { Origin: 'https://evilexample.com' } }), { status: 403 })
  })
}

for (const [which, at] of BEFORE_AND_AFTER) {
  test(`websocket-server.md, ${which}: each has its own messages back, with its id`, async (t) => {
    const { port, printed } = await run(t, 'websocket-server', at, 8000)
    for (const version of ['hixie-75', 'hixie-76', '13'] as const) {
      const socket = await open(t, port, { version })
      socket.write('hello')
      const [, id] = /^<(\S+)> hello$/.exec((await receives(socket)).text)!
      await until(() => printed().includes(`WS: ${id} recv: hello`))
    }
  })
}

for (const [which, at] of BEFORE_AND_AFTER) {
  test(`websocket.io.md, ${which}: an echo, and 501 for a page`, async (t) => {
    const { port } = await run(t, 'websocket.io', at, 3000)
    for (const version of ['hixie-75', 'hixie-76', '7', '8', '13'] as const) {
      const socket = await open(t, port, { version })
      socket.write('hello')
      assert.deepEqual(await receives(socket), { text: 'hello', isText: true })
    }
    assert.match(await ask(t, port, get('/', 'Connection: close\r\n')), /^HTTP\/1\.1 501 /)
  })
}

for (const [which, at] of BEFORE_AND_AFTER) {
  test(`wesos.md, ${which}: all incoming messages go to all sockets`, async (t) => {
    const { port } = await run(t, 'wesos', at, 8080)
    const clients = [await open(t, port), await open(t, port, { version: 'hixie-76' })]
    const received = clients.map(collect)
    clients[0]!.write('one')
    await until(() => received.every(({ length }) => length === 1))
    clients[1]!.write('two')
    await until(() => received.every(({ length }) => length === 2))
    for (const messages of received)
      assert.deepEqual(
        messages.map(({ text }) => text),
        ['one', 'two'],
      )
  })
}

test('wesos.md: a message of any length passes through, text as text and bytes as bytes', async (t) => {
  const { port } = await run(t, 'wesos', 2, 8080)
  const socket = await open(t, port)
  socket.write('text')
  assert.deepEqual(await receives(socket), { text: 'text', isText: true })
  socket.write(Buffer.from('bytes'))
  assert.deepEqual(await receives(socket), { text: 'bytes', isText: false })
  const peer = await join(t, port)
  await peer.send(get('/', HANDSHAKE)).receives('\r\n\r\n')
  // Larger than any message may be by default; the mask is 0.
  const size = 17 * MIB
  const length = Buffer.alloc(8)
  length.writeBigUInt64BE(BigInt(size))
  peer.send('\x82\xff').send(length).send('\0\0\0\0').send(Buffer.alloc(size, 'x'))
  await until(() => peer.length > size || peer.ended)
  // Behind all of its fragments, which no error interrupts.
  await until(() => peer.received.subarray(-2).equals(Buffer.from([0x80, 0x00])))
  assert.equal(peer.ended, false)
})

/** A client of Socket.IO, over a WebSocket. */
async function joinSession(t: TestContext, port: number) {
  const socket = await open(t, port, { path: '/socket.io/websocket' })
  const frames: string[] = []
  socket.on('message', (message) => frames.push(...frames06(message.toString())))
  await until(() => frames.length > 0)
  return { socket, frames }
}

for (const [which, at] of BEFORE_AND_AFTER) {
  test(`socket.io.md, ${which}: what one says all others hear; the page is the application’s`, async (t) => {
    const { port, printed } = await run(t, 'socket.io', at, 80)
    assert.match(await ask(t, port, get('/', 'Connection: close\r\n')), /<h1>Hello world<\/h1>/)
    const one = await joinSession(t, port)
    const two = await joinSession(t, port)
    one.socket.write(frame06('hello'))
    await until(() => two.frames.length === 2)
    assert.equal(two.frames[1], 'hello')
    assert.equal(one.frames.length, 1)
    two.socket.close()
    await until(() => printed().includes('gone\n'))
  })
}

test('socket.io.md: without the facade, sessions are clients like any other', async (t) => {
  const { port } = await run(t, 'socket.io', 2, 8080)
  const { socket, frames } = await joinSession(t, port)
  socket.write(frame06('hello'))
  await until(() => frames.length === 2)
  assert.equal(frames[1], 'hello')
  await (await join(t, port)).send('a line\n').receives('a line\n')
})
