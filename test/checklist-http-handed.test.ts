/**
 * The checklist on a connection that node:http reads: behind a first request that the application answered, what the
 * engine refuses is refused, too. Every refused vector of test/vectors/http that needs no limit of its own is sent there.
 */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { answersOf, post } from './support/http-rows.ts'
import { type Serving, serve } from './support/serving.ts'
import { bytesOf, readVectorFolder, type VectorCase } from './support/vectors.ts'

const LEAD = 'GET /lead HTTP/1.1\r\nHost: a\r\n\r\n'
const QUIET_MS = 200
const AT_ONCE = 32

/**
 * What node:http reads before anybody can look at it, and what harm that does: none of these changes where a request
 * ends, or whose it is.
 */
const LEFT_TO_NODE: readonly RegExp[] = [
  /^(two empty lines|H9 a bare LF) before the request line$/,
  /^H9 two line ends too many behind a body$/,
  /^H16 two spaces behind it$/,
  /^H15 (RTSP|ICE)$/,
  /^H5 seventeen zeros$/,
  /^H8 .*(in a trailer|although Trailer announces it|in any case)/,
]

interface Seen {
  readonly statuses: number[]
  readonly text: string
  readonly open: boolean
}

/** What comes of the bytes behind the lead, until the server ends its side or is silent. */
function seen(serving: Serving, bytes: Uint8Array): Promise<Seen> {
  return new Promise((resolve) => {
    const socket = connect(serving.port, '127.0.0.1')
    let text = ''
    let led = false
    const finish = (open: boolean): void => {
      clearTimeout(silence)
      socket.destroy()
      const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]))
      resolve({ statuses: statuses.filter((status) => status !== 100), text, open })
    }
    const silence = setTimeout(() => finish(true), 2_000)
    socket.write(LEAD)
    socket.on('data', (chunk) => {
      if (led) text += chunk.toString('latin1')
      else socket.write(bytes, () => setTimeout(() => finish(true), QUIET_MS))
      led = true
    })
    socket.on('error', () => finish(false))
    socket.on('end', () => finish(false))
  })
}

async function faults(
  serving: Serving,
  { where, name, group, values, blocks }: VectorCase,
): Promise<string[]> {
  const events = blocks.get('events')!.split('\n')
  const refusal = events.at(-1)!
  if (!refusal.startsWith('refused') || values.has('limits')) return []
  if (LEFT_TO_NODE.some((left) => left.test(name)) || (group === 'Forbidden' && where.startsWith('trailers')))
    return []
  const good = events.filter((event) => event === 'end').length
  const { statuses, open } = await seen(serving, bytesOf(blocks.get('input')!))
  const taken = statuses.filter((status) => status < 300).length
  if (taken > good) return [`${where} ${name}: taken, instead of ${refusal}`]
  return statuses.at(-1) === 400 && open ? [`${where} ${name}: 400, and left open`] : []
}

test('what the engine refuses is refused behind a request that the application answered', async (t) => {
  const serving = await serve(t, { wholeBody: true })
  serving.server.on('request', (request, response) => {
    request.resume()
    request.on('end', () => response.end('taken'))
  })
  const wrong: string[] = []
  const rest = readVectorFolder(new URL('vectors/http/', import.meta.url)).values()
  const work = async (): Promise<void> => {
    for (const vector of rest) wrong.push(...(await faults(serving, vector)))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  assert.deepEqual(wrong, [])
})

test('a refusal there is one line of text that says why', async (t) => {
  const serving = await serve(t)
  serving.server.on('request', (_request, response) => response.end('taken'))
  const inputs = [
    'GET / HTTP/1.1\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a b\r\n\r\n',
    'GET /x\r\n\r\n',
    'GET /x HTTP/0.9\r\nHost: a\r\n\r\n',
    'GET /x HTTP/2.0\r\nHost: a\r\n\r\n',
    post('hi', 'Expect: x\r\n'),
    'GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
  ]
  for (const input of inputs) {
    const { text } = await seen(serving, Buffer.from(input, 'latin1'))
    const [answer, ...rest] = answersOf(text)
    assert.deepEqual(rest, [], input)
    assert.ok(answer!.status >= 400, input)
    assert.match(answer!.fields.get('content-type') ?? '', /^text\/plain/, input)
    assert.match(answer!.body, /^Cannot [^\r\n]*[^.\r\n]\n$/, input)
  }
})

test('H24 the absolute form’s host wins there, too', async (t) => {
  const serving = await serve(t)
  serving.server.on('request', (_request, response) => response.end('taken'))
  const absolute = (origin: string): Buffer =>
    Buffer.from(
      post('hi', `Origin: http://${origin}\r\nConnection: close\r\n`).replace(' / ', ' http://b.example/x '),
    )
  assert.deepEqual((await seen(serving, absolute('b.example'))).statuses, [200])
  assert.deepEqual((await seen(serving, absolute('a'))).statuses, [403])
})
