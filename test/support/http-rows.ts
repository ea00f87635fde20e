/** Requests that must be refused, sent to a real server in every way the checklist asks for. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import type { TestContext } from 'node:test'
import type { ServerOptions } from '../../src/index.ts'
import { join, type Serving, serve } from './serving.ts'
import { bytes, deliveries } from './splits.ts'

export interface Refused {
  readonly status: number
  /** The `code` that `clientError` reports, or what it matches. */
  readonly code: string | RegExp
  readonly options?: ServerOptions
  /** Whether it can be told to be HTTP by its first line. Otherwise it is sent as a second request only. Default `true`. */
  readonly sniffed?: boolean
}

/** One answer, taken apart. */
export interface Answer {
  readonly status: number
  /** Names in lower case. */
  readonly fields: ReadonlyMap<string, string>
  readonly body: string
}

const FIRST = post('first')
const AT_ONCE = 48
/** An input of up to so many bytes is cut at every offset, a longer one at so many of them. */
const CUT_EVERYWHERE = 700
const CUTS = 60
/** A longer input is not sent byte by byte. */
const BYTE_BY_BYTE = 3_000

export function post(body: string, fields = ''): string {
  return `POST / HTTP/1.1\r\nHost: a\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`
}

export function get(fields = '', target = '/'): string {
  return `GET ${target} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`
}

/**
 * Each input ends in the answer of this status, one line of text that says why, the end of the connection and one
 * error; no message of it reaches the application, and the server serves the next client. As the first request of a
 * connection whole and byte by byte, as the second one also cut at every offset.
 */
export async function refuses(t: TestContext, inputs: readonly string[], refused: Refused): Promise<void> {
  const serving = await serve(t, refused.options)
  const { port } = serving
  for (const input of inputs) {
    let sent = 0
    serving.errors.length = 0
    serving.messages.length = 0
    await atOnce(ways(input, refused.sniffed !== false), async ({ how, lead, chunks }) => {
      sent++
      const text = await exchange(port, lead, chunks)
      checkRefusal(text, refused.status, `${JSON.stringify(input.slice(0, 200))}, delivered ${how}: ${text}`)
    })
    const [code, ...others] = new Set(serving.errors)
    assert.deepEqual(others, [], JSON.stringify(input.slice(0, 200)))
    if (typeof refused.code === 'string')
      assert.equal(code, refused.code, JSON.stringify(input.slice(0, 200)))
    else assert.match(code!, refused.code)
    assert.equal(serving.errors.length, sent)
    assert.ok(serving.messages.every((message) => message === 'first'))
  }
  await servesNext(t, serving)
}

/** Each input leads to the same answers, in whatever pieces it comes. The connection may stay open. */
export async function everyWay(
  serving: Serving,
  input: string,
  done: (text: string) => boolean,
  check: (text: string, how: string) => void,
): Promise<void> {
  await atOnce(ways(input, true), async ({ how, lead, chunks }) => {
    check(await exchange(serving.port, lead, chunks, done), `delivered ${how}`)
  })
}

export async function servesNext(t: TestContext, serving: Serving): Promise<void> {
  const peer = await join(t, serving.port)
  const [answer] = answersOf(await peer.send(post('still here')).receives('still here'))
  assert.equal(answer!.status, 200)
}

interface Way {
  readonly how: string
  /** What is sent, and answered, before. */
  readonly lead: string
  readonly chunks: Uint8Array[]
}

function* ways(input: string, first: boolean): Generator<Way> {
  const { length } = input
  const every = length <= CUT_EVERYWHERE ? 1 : Math.ceil(length / CUTS)
  let cut = -2
  for (const { how, chunks } of deliveries(bytes(input))) {
    cut++
    if (cut === 0 && length > BYTE_BY_BYTE) continue
    if (cut > 0 && cut % every !== 0 && length - cut > 4) continue
    if (cut <= 0 && first) yield { how: `${how}, first`, lead: '', chunks }
    yield { how, lead: FIRST, chunks }
  }
}

async function atOnce<T>(items: Iterable<T>, run: (item: T) => Promise<void>): Promise<void> {
  const rest = items[Symbol.iterator]()
  const work = async (): Promise<void> => {
    for (let next = rest.next(); next.done !== true; next = rest.next()) await run(next.value)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}

/**
 * Sends `lead`, waits for its answer, then sends the chunks, each in a turn of its own. Resolves to what came behind
 * the lead's answer, once the server has ended its side, or `done` is content with it.
 */
function exchange(
  port: number,
  lead: string,
  chunks: readonly Uint8Array[],
  done: (text: string) => boolean = () => false,
): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    let leading = lead !== ''
    let next = 0
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    const late = setTimeout(() => finish(new Error(`Waited in vain behind ${JSON.stringify(text)}`)), 15_000)
    const finish = (error?: Error): void => {
      clearTimeout(late)
      socket.destroy()
      if (error === undefined) resolve(text)
      else reject(error)
    }
    const sendNext = (): void => {
      if (next === chunks.length || socket.destroyed) return
      socket.write(chunks[next++]!)
      setImmediate(sendNext)
    }
    socket.on('connect', () => (leading ? socket.write(lead) : sendNext()))
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      if (leading && text.endsWith('first')) {
        leading = false
        text = ''
        sendNext()
      } else if (!leading && done(text)) finish()
    })
    socket.on('end', () => finish())
    socket.on('error', (error) => finish(error))
  })
}

function checkRefusal(text: string, status: number, where: string): void {
  const [answer, ...rest] = answersOf(text)
  assert.deepEqual(rest, [], where)
  assert.equal(answer?.status, status, where)
  const { fields, body } = answer!
  assert.equal(fields.get('connection'), 'close', where)
  assert.match(fields.get('content-type')!, /^text\/plain/, where)
  assert.equal(fields.get('x-content-type-options'), 'nosniff', where)
  assert.equal(fields.get('content-length'), String(body.length), where)
  assert.ok(Number.isFinite(Date.parse(fields.get('date')!)), where)
  assert.match(body, /^Cannot [^\r\n]*[^.\r\n]\n$/, where)
}

/** Takes answers apart; strict enough to notice a byte too many. `bodyless`: which answers have none, as HEAD's. */
export function answersOf(text: string, bodyless: (index: number) => boolean = () => false): Answer[] {
  const found: Answer[] = []
  const head = /HTTP\/1\.1 (\d{3}) [^\r\n]*\r\n((?:[^\s:]+: [^\r\n]*\r\n)*)\r\n/y
  while (head.lastIndex < text.length) {
    const from = head.lastIndex
    const match = head.exec(text)
    if (match === null) assert.fail(`no answer at ${from}: ${JSON.stringify(text.slice(from, from + 1000))}`)
    const status = Number(match[1])
    const fields = fieldsOf(match[2]!)
    const bodiless = status < 200 || status === 204 || status === 304 || bodyless(found.length)
    const start = head.lastIndex
    let body = ''
    if (fields.get('transfer-encoding') === 'chunked' && !bodiless) {
      ;[body, head.lastIndex] = dechunk(text, start)
    } else if (!bodiless) {
      body = text.slice(start, start + Number(fields.get('content-length') ?? text.length))
      head.lastIndex = start + body.length
    }
    found.push({ status, fields, body })
  }
  return found
}

function fieldsOf(lines: string): Map<string, string> {
  return new Map(
    lines
      .split('\r\n')
      .filter((line) => line !== '')
      .map((line) => {
        const colon = line.indexOf(': ')
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 2)]
      }),
  )
}

function dechunk(text: string, start: number): [body: string, end: number] {
  const size = /([0-9a-f]+)\r\n/y
  let body = ''
  size.lastIndex = start
  for (;;) {
    const from = size.lastIndex
    const match = size.exec(text)
    if (match === null) assert.fail(`no chunk at ${from}: ${JSON.stringify(text.slice(from, from + 1000))}`)
    const end = size.lastIndex + Number.parseInt(match[1]!, 16)
    body += text.slice(size.lastIndex, end)
    assert.equal(text.slice(end, end + 2), '\r\n')
    size.lastIndex = end + 2
    if (match[1] === '0') return [body, size.lastIndex]
  }
}
