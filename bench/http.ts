/**
 * What one request costs to read: heads, and heads with a body. An operation is one request, whole in one
 * chunk unless the case says otherwise; the peers' cost includes making the texts of a head where they cannot do without, so that each
 * contender stands here twice: `portmanteau` reads, `portmanteau, all texts` also asks for every text.
 */
import { BodyFraming, BodyReader, RequestHead } from '../src/http/index.ts'
import type { Case } from './case.ts'

const browser = [
  'GET /articles/2024/portmanteau?page=2&sort=new HTTP/1.1',
  'Host: www.example.com',
  'Connection: keep-alive',
  'Cache-Control: max-age=0',
  'sec-ch-ua: "Chromium";v="124", "Google Chrome";v="124", "Not-A.Brand";v="99"',
  'Upgrade-Insecure-Requests: 1',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36',
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8',
  'Sec-Fetch-Site: same-origin',
  'Referer: https://www.example.com/articles/2024/',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Accept-Language: en-GB,en;q=0.9,de;q=0.8',
  'Cookie: session=6f1c0a9b7d3e4852; theme=dark; consent=1; _ga=GA1.2.1234567890.1700000000',
  '',
  '',
].join('\r\n')

const IN_TWO = ', in two pieces'

const requests = {
  'GET hello': ['GET /hello HTTP/1.1', 'Host: localhost:8080', '', ''].join('\r\n'),
  'GET of a browser, 12 headers': browser,
  [`GET of a browser, 12 headers${IN_TWO}`]: browser,
  'GET of node, 7 headers': [
    'GET /hello HTTP/1.1',
    'host: localhost:8080',
    'connection: keep-alive',
    'accept: */*',
    'accept-language: *',
    'sec-fetch-mode: cors',
    'user-agent: node',
    'accept-encoding: gzip, deflate',
    '',
    '',
  ].join('\r\n'),
  'POST of an API client, 8 headers': [
    'POST /api/v1/messages HTTP/1.1',
    'Host: api.example.com',
    'User-Agent: example-client/2.31.0',
    'Accept: application/json',
    'Accept-Encoding: gzip, deflate',
    'Connection: keep-alive',
    'Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U',
    'Content-Type: application/json',
    'Content-Length: 17',
    '',
    '{"text":"hello!"}',
  ].join('\r\n'),
  'POST of 1 KiB': [
    'POST /messages HTTP/1.1',
    'Host: localhost:8080',
    'Content-Type: text/plain',
    'Content-Length: 1024',
    '',
    'x'.repeat(1024),
  ].join('\r\n'),
  'POST of 1 KiB in 16 chunks': [
    'POST /messages HTTP/1.1',
    'Host: localhost:8080',
    'Content-Type: text/plain',
    'Transfer-Encoding: chunked',
    '',
    `40\r\n${'x'.repeat(64)}\r\n`.repeat(16) + '0\r\n\r\n',
  ].join('\r\n'),
}

/** The host's native Latin-1 decoder, as src/node hands it in: a head that came in pieces is no Buffer. */
function decode(bytes: Uint8Array, start: number, end: number): string {
  if (bytes instanceof Buffer) return bytes.toString('latin1', start, end)
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1')
}

/** Each piece in memory of its own, as what comes from a socket. */
function chunksOf(name: string, text: string): Buffer[] {
  const bytes = Buffer.from(text, 'latin1')
  const cut = name.endsWith(IN_TWO) ? Math.floor(bytes.length * 0.6) : bytes.length
  const pieces = [bytes.subarray(0, cut), bytes.subarray(cut)].filter(({ length }) => length > 0)
  return pieces.map((piece) => Buffer.from(Uint8Array.from(piece).buffer))
}

function own(chunks: readonly Buffer[], texts: boolean): () => number {
  const head = new RequestHead(undefined, decode)
  let received = 0
  const body = new BodyReader({
    bodyData: (_, start, end) => {
      received += end - start
    },
    bodyEnd: () => {
      received++
    },
  })
  return () => {
    let chunk = chunks[0]!
    let pos = head.push(chunk, 0, chunk.length)
    for (let next = 1; next < chunks.length; next++) {
      chunk = chunks[next]!
      pos = head.push(chunk, 0, chunk.length)
    }
    if (texts) received += head.rawFields().length + head.target.length
    if (head.framing !== BodyFraming.none) {
      body.start(head.framing, head.contentLength)
      pos = body.push(chunk, pos, chunk.length)
    }
    if (pos !== chunk.length || !head.complete)
      throw new Error('Cannot measure: the request was not read whole')
    head.reset()
    return received
  }
}

export const cases: Case[] = Object.entries(requests).map(([name, text]) => {
  const chunks = chunksOf(name, text)
  return {
    group: 'http',
    name,
    bytes: text.length,
    contenders: { portmanteau: own(chunks, false), 'portmanteau, all texts': own(chunks, true) },
  }
})

interface PeerParser {
  initialize?(type: unknown, resource: object): void
  execute(chunk: Buffer, start?: number, length?: number): unknown
  [callback: number]: (...args: never[]) => unknown
}

/** The same requests read by other parsers: their HTTPParser classes, by name. */
export function peerCases(parsers: Readonly<Record<string, new (type: unknown) => object>>): Case[] {
  return Object.entries(requests).map(([name, text]) => {
    const chunks = chunksOf(name, text)
    const contenders = Object.fromEntries(
      Object.entries(parsers).map(([name, parser]) => [name, peerRun(parser, chunks)]),
    )
    return { group: 'http', name, bytes: text.length, contenders }
  })
}

/** Both llhttp's binding and http-parser-js have node's internal interface. */
function peerRun(HTTPParser: new (type: unknown) => object, chunks: readonly Buffer[]): () => number {
  const statics = HTTPParser as unknown as Record<string, number>
  let received = 0
  const parser = new HTTPParser(statics.REQUEST) as PeerParser
  parser.initialize?.(statics.REQUEST, {})
  parser[statics.kOnHeadersComplete!] = () => {
    received++
    return 0
  }
  parser[statics.kOnBody!] = () => {
    received++
  }
  parser[statics.kOnMessageComplete!] = () => {
    received++
  }
  return () => {
    for (let next = 0; next < chunks.length; next++) {
      const chunk = chunks[next]!
      parser.execute(chunk, 0, chunk.length)
    }
    return received
  }
}
