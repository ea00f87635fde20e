/**
 * The same bytes to ours, node:http and Debian's nginx. Where ours takes what one of them refuses, or reads it
 * otherwise, it is a bug, unless it stands in the table below with the rule that it follows.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  excess,
  LATE,
  type Outcome,
  observe,
  type Reader,
  startNginxBefore,
  startNode,
  startOurs,
} from './support/differential.ts'
import { differentialInputs, type Input } from './support/differential-inputs.ts'

/** Milliseconds of silence after which a server is taken to wait for more; and where it matters, a second time. */
const QUIET_MS = 80
const QUIETER_MS = 1_500
const AT_ONCE = 48
const AT_ONCE_AGAIN = 8
const END_OF_HEAD = Buffer.from('\r\n\r\n')

interface Tolerated {
  readonly reason: string
  /** Beside whom. */
  readonly other: RegExp
  /** How ours differs. */
  readonly how: RegExp
  /** Inputs in which it may, as Latin-1. */
  readonly input: RegExp
}

const TAKES = /^takes request/

const TOLERATED: readonly Tolerated[] = [
  {
    reason: 'RFC 9110 §5.5: white space around a value MUST be excluded; a tab is white space (§5.6.3)',
    other: /nginx|node/,
    how: TAKES,
    input: /^(Host|Content-Length|Transfer-Encoding):(?=[^\r\n]*\t)[ \t]*\w+[ \t]*\r\n/m,
  },
  {
    reason: 'RFC 9112 §7.1.1, RFC 9110 §5.6.3: white space in chunk extensions MUST be parsed',
    other: /node/,
    how: TAKES,
    input: /\r\n[0-9a-f]+([ \t]+;|;[ \t]|;[^\r\n]*[ \t])/,
  },
  {
    reason: 'RFC 9112 §3.2.4: OPTIONS of the server as a whole has an asterisk for its target',
    other: /nginx/,
    how: TAKES,
    input: /^OPTIONS \* HTTP/m,
  },
  {
    reason:
      'RFC 9110 §9.1: which methods are allowed is for the application to say; node:http gives it TRACE, too',
    other: /nginx/,
    how: TAKES,
    input: /^TRACE /m,
  },
  {
    reason:
      'RFC 3986 §5.2.4: what goes above the root has a meaning; where a path leads is the application’s',
    other: /nginx/,
    how: TAKES,
    input: /^[A-Z]+ (http:\/\/[^/ ]*)?[^ ?]*\/\.\./m,
  },
  {
    reason:
      'RFC 3986 §3.2.2: the name in an absolute target may be any that Host may be, which nginx takes there',
    other: /nginx/,
    how: TAKES,
    input: /^[A-Z]+ http:\/\/[^/ ]*[_%!][^/ ]*\/ HTTP/m,
  },
  {
    reason:
      'RFC 9110 §7.6.1: connection options are compared whole; nginx looks for close anywhere in the field',
    other: /nginx/,
    how: /^goes on/,
    input: /^Connection: [^\r\n]*("close"|closed|close;|close close)/m,
  },
  {
    reason:
      'RFC 9112 §9.3: keep-alive is honoured on HTTP/1.0; node:http does not where an answer has no body',
    other: /node/,
    how: /^goes on/,
    input: /^[A-Z]+ \S+ HTTP\/1\.0\r\n(.+\r\n)*Connection: [^\r\n]*keep-alive/m,
  },
  {
    reason: 'RFC 9110 §7.8: an Upgrade may be ignored; node:http then reads nothing of what follows it',
    other: /node/,
    how: /^answers where the other waits/,
    input: /^Upgrade: /m,
  },
  {
    reason: 'RFC 6455 §4.2: a WebSocket handshake is answered as that',
    other: /nginx|node/,
    how: /^reads request/,
    input: /^Upgrade: [^\r\n]*websocket/m,
  },
]

/** Those that were needed: one that is not must go. */
const used = new Set<Tolerated>()

function tolerates(name: string, what: string, text: string): boolean {
  const found = TOLERATED.find(
    ({ other, how, input }) => other.test(name) && how.test(what) && input.test(text),
  )
  if (found !== undefined) used.add(found)
  return found !== undefined
}

/** What is wrong with ours beside another reader, if anything is. */
async function difference(
  [ours, others]: readonly [Reader, readonly Reader[]],
  { bytes }: Input,
  quiet: number,
): Promise<string | undefined> {
  const [own, ...outcomes] = await Promise.all(
    [ours, ...others].map((reader) => observe(reader, bytes, quiet)),
  )
  const text = Buffer.from(bytes).toString('latin1')
  for (const [index, outcome] of outcomes.entries()) {
    const { name } = others[index]!
    const what = excess(own!, outcome)
    if (what === undefined || (what === LATE && (await refusesLater(ours, own!, bytes, quiet)))) continue
    if (tolerates(name, what, text)) continue
    return `${what}: ${name}\n  ${JSON.stringify(text.slice(0, 300))}\n  ${JSON.stringify(own)}\n  ${JSON.stringify(outcome)}`
  }
  return undefined
}

/** Whether it refuses once the head ends, in which the bytes do. */
async function refusesLater(
  ours: Reader,
  before: Outcome,
  bytes: Uint8Array,
  quiet: number,
): Promise<boolean> {
  const after = await observe(ours, Buffer.concat([bytes, END_OF_HEAD]), quiet)
  return after.refused !== undefined && after.taken.length === before.taken.length
}

test('ours is never more lenient than node:http or nginx', async (t) => {
  const node = await startNode(t)
  const readers = [await startOurs(t), [node, await startNginxBefore(t, node)]] as const
  const inputs = differentialInputs()
  assert.ok(inputs.length > 2_000, `only ${inputs.length} inputs`)
  const doubtful: Input[] = []
  await eachOf(inputs, AT_ONCE, async (input) => {
    if ((await difference(readers, input, QUIET_MS)) !== undefined) doubtful.push(input)
  })
  const found: string[] = []
  await eachOf(doubtful, AT_ONCE_AGAIN, async (input) => {
    const what = await difference(readers, input, QUIETER_MS)
    if (what !== undefined) found.push(`${input.name} ${what}`)
  })
  assert.equal(found.length, 0, `${found.length} differences\n${found.join('\n')}`)
  const unused = TOLERATED.filter((tolerated) => !used.has(tolerated)).map(({ reason }) => reason)
  assert.deepEqual(unused, [], 'nothing differs any more by these rules')
})

async function eachOf<T>(
  items: readonly T[],
  atOnce: number,
  run: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0
  const work = async (): Promise<void> => {
    while (next < items.length) await run(items[next++]!)
  }
  await Promise.all(Array.from({ length: atOnce }, work))
}
