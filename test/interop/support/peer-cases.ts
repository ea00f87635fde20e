import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Command, startCommand } from './command.ts'
import type { Peer, PeerOptions } from './peer.ts'

/** What a peer can do in a version; what is missing is its own limit, or the version's. */
export interface Abilities {
  binary?: boolean
  ping?: boolean
  fragments?: boolean
  /** `handshake`: the version's close, without a code; `codes`: with one; else TCP alone. */
  close?: 'codes' | 'handshake'
  tls?: boolean
  deflate?: boolean
  /** It can say where its page comes from. */
  origin?: boolean
  protocols?: boolean
  deliveries?: readonly NonNullable<PeerOptions['delivery']>[]
}

export type Connect = (t: TestContext, url: string, version: string, options: PeerOptions) => Promise<Peer>

/** What the command calls a version, by the number that its draft's peers call it. */
const VERSION_NAMES = new Map([
  ['75', 'hixie-75'],
  ['76', 'hixie-76'],
  ['3', 'hybi-03'],
])

const LENGTHS = [0, 1, 125, 126, 127, 128, 16_383, 16_384, 65_535, 65_536]
const MEBIBYTE = 1024 * 1024

type Open = (t: TestContext, options?: PeerOptions) => Promise<Peer>

/** Runs a client of somebody else against the command, through everything that it can do in a version. */
export function testClient(name: string, version: string, connect: Connect, abilities: Abilities): void {
  test(`${name}: ${VERSION_NAMES.get(version) ?? `version ${version}`}`, async (t) => {
    const command = await startCommand(t, '--tls', '--echo')
    const open: Open = (t, options = {}) => connect(t, command.url('ws'), version, options)
    const secret: Open = (t, options = {}) => connect(t, command.url('wss'), version, options)
    const cases: [applies: unknown, name: string, run: (t: TestContext) => Promise<void>][] = [
      [true, 'text of every kind comes back', (t) => testText(t, command, open, version)],
      [true, 'a mebibyte of text', (t) => testMebibyte(t, open)],
      [true, 'a hundred messages in one go keep their order', (t) => testOrder(t, open)],
      [abilities.binary, 'binary comes back as binary', (t) => testBinary(t, open)],
      [abilities.ping, 'a ping is answered by its pong', (t) => testPing(t, open)],
      [abilities.fragments, 'a message in fragments', (t) => testFragments(t, open)],
      [abilities.protocols, 'the first subprotocol is chosen', (t) => testProtocols(t, open)],
      [abilities.origin, 'an origin that is not allowed is refused with 403', (t) => testOrigin(t, open)],
      [abilities.tls, 'over TLS, on the same port', (t) => testSecret(t, command, secret)],
      [abilities.deflate, 'permessage-deflate', (t) => testDeflate(t, open)],
      ...(abilities.deliveries ?? []).map(
        (delivery) =>
          [
            true,
            `the handshake comes ${delivery}`,
            (t) => testDelivery(t, open, delivery),
          ] as (typeof cases)[0],
      ),
      [true, 'the client closes', (t) => testClose(t, command, open, abilities)],
    ]
    for (const [applies, name, run] of cases) if (applies) await t.test(name, run)
    await t.test('the server closes', (t) => testGoingAway(t, command, open, abilities))
  })
}

async function echoes(peer: Peer, text: string): Promise<void> {
  peer.text(text)
  const back = await peer.nextText()
  assert.ok(back === text, `${back.length} characters came back for ${text.length}: ${back.slice(0, 50)}`)
}

async function testText(t: TestContext, command: Command, open: Open, version: string): Promise<void> {
  const peer = await open(t)
  const { subprotocol } = await peer.sees('open')
  assert.ok(!subprotocol, `${subprotocol} was chosen, none was offered`)
  for (const length of LENGTHS) await echoes(peer, 'x'.repeat(length))
  await echoes(peer, 'ASCII, ümläut, € and 😀')
  const message = await command.message('ASCII, ümläut, € and 😀')
  assert.equal(message.protocol, 'websocket')
  assert.equal(message.version, VERSION_NAMES.get(version) ?? version)
  assert.equal(message.encrypted, false)
}

async function testMebibyte(t: TestContext, open: Open): Promise<void> {
  await echoes(await open(t), 'mebibyté'.repeat(MEBIBYTE / 8))
}

async function testOrder(t: TestContext, open: Open): Promise<void> {
  const peer = await open(t)
  for (let index = 0; index < 100; index += 1) peer.text(`number ${index}`)
  for (let index = 0; index < 100; index += 1) assert.equal(await peer.nextText(), `number ${index}`)
}

async function testBinary(t: TestContext, open: Open): Promise<void> {
  const peer = await open(t)
  const large = Buffer.from(Uint8Array.from({ length: MEBIBYTE }, (_, index) => (index * 7919) >> 3))
  for (const data of [Buffer.from([0, 255, 128, 10]), large]) {
    peer.act({ do: 'binary', data })
    const back = await peer.next()
    assert.equal(back.kind, 'binary')
    assert.ok(back.data.equals(data), `${back.data.length} bytes came back for ${data.length}`)
  }
}

async function testPing(t: TestContext, open: Open): Promise<void> {
  const peer = await open(t)
  peer.act({ do: 'ping', data: Buffer.from('are you there') })
  const { data } = await peer.sees('pong')
  assert.equal(String(data), 'are you there')
  await echoes(peer, 'after the ping')
}

async function testFragments(t: TestContext, open: Open): Promise<void> {
  const peer = await open(t, { inFragments: true })
  const parts = ['one €', ' ', 'two 😀', ' three']
  peer.act({ do: 'fragments', parts: parts.map((part) => Buffer.from(part)) })
  assert.equal(await peer.nextText(), parts.join(''))
  await echoes(peer, 'whole')
}

async function testProtocols(t: TestContext, open: Open): Promise<void> {
  const peer = await open(t, { protocols: ['chat.example'] })
  assert.equal((await peer.sees('open')).subprotocol, 'chat.example')
}

async function testOrigin(t: TestContext, open: Open): Promise<void> {
  const refused = await open(t, { origin: 'http://evil.example' }).then(
    () => 'it was accepted',
    (error: Error) => error.message,
  )
  assert.match(refused, /403/)
}

async function testSecret(t: TestContext, command: Command, open: Open): Promise<void> {
  const peer = await open(t)
  await echoes(peer, 'by wss')
  assert.equal((await command.message('by wss')).encrypted, true)
  await echoes(peer, 'w'.repeat(100_000))
}

async function testDeflate(t: TestContext, open: Open): Promise<void> {
  const peer = await open(t, { deflate: true })
  const { extensions } = await peer.sees('open')
  assert.match(extensions ?? '', /^permessage-deflate(;|$)/)
  for (const length of [0, 10, 5_000, 5_000, MEBIBYTE]) await echoes(peer, 'deflate'.repeat(length / 7))
  const noise = Array.from({ length: 20_000 }, (_, index) => ((index * 2_654_435_761) >>> 0).toString(36))
  await echoes(peer, noise.join(''))
}

async function testDelivery(t: TestContext, open: Open, delivery: PeerOptions['delivery']): Promise<void> {
  const peer = await open(t, { delivery: delivery! })
  if (delivery === 'late') assert.ok(peer.events.some(({ event }) => event === 'headed'))
  if (delivery === 'glued') assert.equal(await peer.nextText(), 'glued to the handshake')
  await echoes(peer, 'and after it')
}

async function testClose(t: TestContext, command: Command, open: Open, abilities: Abilities): Promise<void> {
  const leaves = (): number => command.events.filter(({ event }) => event === 'leave').length
  const closes =
    abilities.close === 'codes'
      ? [
          { code: 1000, reason: '' },
          { code: 4999, reason: 'über' },
        ]
      : [{}]
  for (const status of closes) {
    const peer = await open(t)
    await echoes(peer, 'the last word')
    const before = leaves()
    peer.act({ do: 'close', ...status })
    if (abilities.close !== undefined) {
      const { code } = await peer.sees('close')
      if ('code' in status) assert.equal(code, status.code)
    }
    await peer.sees('end')
    await command.sees('its leaving', () => leaves() > before)
  }
}

/** RFC 6455 §7.4.1: 1001, where the version has codes. */
async function testGoingAway(
  t: TestContext,
  command: Command,
  open: Open,
  abilities: Abilities,
): Promise<void> {
  const peer = await open(t)
  await echoes(peer, 'before the end')
  const stopped = command.stop()
  if (abilities.close !== undefined) {
    const { code } = await peer.sees('close')
    if (abilities.close === 'codes') assert.equal(code, 1001)
  }
  await peer.sees('end')
  await stopped
}
