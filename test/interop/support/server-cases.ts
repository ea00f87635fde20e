import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { type ConnectOptions, connect } from 'portmanteau'
import { PATIENCE_MS } from './process.ts'

/**
 * A server made by somebody else's code, for one test; resolves to its URL. It sends back what comes, answers
 * `close me` with a close (3001, "as you like") and `ping me` with a ping, whose pong it tells as `pong: knock`.
 */
export type StartServer = (t: TestContext) => Promise<string>

/** What a server can do in a version. */
export interface ServerAbilities {
  binary?: boolean
  ping?: boolean
  close?: 'codes' | 'handshake'
  /** It closes by TCP alone, although the version has a close handshake, and although it answers one. */
  closesByTcp?: boolean
  deflate?: boolean
  /** How many bytes a large message has: a mebibyte, unless its reading is quadratic. */
  large?: number
  /** The subprotocol that it chooses. */
  subprotocol?: string
}

type Version = NonNullable<ConnectOptions['version']>
type Socket = Awaited<ReturnType<typeof connect>>

const LENGTHS = [0, 1, 125, 126, 127, 128, 16_383, 16_384, 65_535, 65_536]
const MEBIBYTE = 1024 * 1024
const NORMAL_CLOSURE = 1000
const NO_STATUS = 1005
const ABNORMAL = 1006

/** Runs our client against a server, through everything that both can do in a version. */
export function testServer(
  name: string,
  version: Version,
  start: StartServer,
  abilities: ServerAbilities = {},
): void {
  const { binary, ping, subprotocol, deflate } = abilities
  test(`our client at ${name}: ${/^\d/.test(version) ? `version ${version}` : version}`, async (t) => {
    const url = await start(t)
    const open: Open = async (t, options = {}) => {
      const tls = { rejectUnauthorized: false }
      const socket = await connect(url, { version, tls, compression: false, ...options })
      t.after(() => socket.destroy())
      return socket
    }
    const cases: [applies: unknown, name: string, run: (t: TestContext) => Promise<void>][] = [
      [true, 'text comes back', (t) => testText(t, open, version)],
      [true, 'a large text', (t) => testLarge(t, open, abilities.large ?? MEBIBYTE)],
      [true, 'messages by async iteration', (t) => testIteration(t, open)],
      [binary, 'binary comes back as binary', (t) => testBinary(t, open)],
      [!binary, 'a write of bytes throws', (t) => testNoBinary(t, open)],
      [ping, 'a ping is answered', (t) => testPing(t, open)],
      [subprotocol, 'a subprotocol is chosen', (t) => testProtocol(t, open, subprotocol!)],
      [deflate, 'permessage-deflate', (t) => testDeflate(t, open)],
      [true, 'we close', (t) => testClose(t, open, abilities)],
      [true, 'the server closes', (t) => testClosed(t, open, abilities)],
    ]
    for (const [applies, name, run] of cases) if (applies) await t.test(name, run)
  })
}

type Open = (t: TestContext, options?: ConnectOptions) => Promise<Socket>

async function patiently<T>(what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Cannot see ${what} within ${PATIENCE_MS} ms`)), PATIENCE_MS)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

async function nextMessage(socket: Socket): Promise<{ data: Buffer; isText: boolean }> {
  const [data, isText] = await patiently('a message', once(socket, 'message'))
  return { data, isText }
}

async function echoes(socket: Socket, text: string): Promise<void> {
  const answer = nextMessage(socket)
  socket.write(text)
  const { data, isText } = await answer
  assert.ok(isText, 'binary came back')
  assert.ok(String(data) === text, `${data.length} bytes came back for ${text.length} characters`)
}

async function testText(t: TestContext, open: Open, version: Version): Promise<void> {
  const socket = await open(t)
  assert.equal(socket.version, version)
  assert.equal(socket.subprotocol, undefined)
  for (const length of LENGTHS) await echoes(socket, 'x'.repeat(length))
  await echoes(socket, 'ASCII, ümläut, € and 😀')
}

async function testLarge(t: TestContext, open: Open, bytes: number): Promise<void> {
  await echoes(await open(t), 'mebibyté'.repeat(bytes / 8))
}

async function testIteration(t: TestContext, open: Open): Promise<void> {
  const socket = await open(t)
  for (let index = 0; index < 100; index += 1) socket.write(`number ${index}`)
  const seen: unknown[] = []
  const all = (async () => {
    for await (const message of socket) if (seen.push(message) === 100) break
  })()
  await patiently('a hundred messages', all)
  assert.deepEqual(
    seen,
    Array.from({ length: 100 }, (_, index) => `number ${index}`),
  )
}

async function testBinary(t: TestContext, open: Open): Promise<void> {
  const socket = await open(t)
  const large = Buffer.from(Uint8Array.from({ length: MEBIBYTE }, (_, index) => (index * 7919) >> 3))
  for (const bytes of [Buffer.from([0, 255, 128, 10]), large]) {
    const answer = nextMessage(socket)
    socket.write(bytes)
    const { data, isText } = await answer
    assert.equal(isText, false)
    assert.ok(data.equals(bytes), `${data.length} bytes came back for ${bytes.length}`)
  }
}

async function testNoBinary(t: TestContext, open: Open): Promise<void> {
  const socket = await open(t)
  assert.throws(() => socket.write(Buffer.from([0xff])), { code: 'ERR_WS_BINARY_UNSUPPORTED' })
  await echoes(socket, 'still there')
}

async function testPing(t: TestContext, open: Open): Promise<void> {
  const socket = await open(t)
  const answer = nextMessage(socket)
  socket.write('ping me')
  assert.equal(String((await answer).data), 'pong: knock')
}

async function testProtocol(t: TestContext, open: Open, subprotocol: string): Promise<void> {
  const socket = await open(t, { protocols: [subprotocol] })
  assert.equal(socket.subprotocol, subprotocol)
  await echoes(socket, 'in the subprotocol')
}

async function testDeflate(t: TestContext, open: Open): Promise<void> {
  const socket = await open(t, { compression: true })
  for (const length of [0, 10, 5_000, 5_000, MEBIBYTE]) await echoes(socket, 'deflate'.repeat(length / 7))
  const noise = Array.from({ length: 20_000 }, (_, index) => ((index * 2_654_435_761) >>> 0).toString(36))
  await echoes(socket, noise.join(''))
}

async function testClose(t: TestContext, open: Open, abilities: ServerAbilities): Promise<void> {
  const socket = await open(t)
  await echoes(socket, 'the last word')
  const closed = once(socket, 'close')
  socket.close(3002, 'bye')
  const [code] = await patiently('the close', closed)
  if (abilities.close === 'codes') assert.ok([3002, NORMAL_CLOSURE].includes(code), `code ${code}`)
  else assert.equal(code, abilities.close === 'handshake' ? NO_STATUS : ABNORMAL)
}

async function testClosed(t: TestContext, open: Open, abilities: ServerAbilities): Promise<void> {
  const socket = await open(t)
  const closed = once(socket, 'close')
  socket.write('close me')
  const [code, reason] = await patiently('the close', closed)
  if (abilities.close === 'codes') assert.deepEqual([code, reason], [3001, 'as you like'])
  else assert.equal(code, abilities.close === 'handshake' && !abilities.closesByTcp ? NO_STATUS : ABNORMAL)
}
