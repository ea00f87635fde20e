/**
 * What one request costs to read: heads, and heads with a body. An operation is one request, whole in one
 * chunk; the peers' cost includes making the texts of a head where they cannot do without, so that each
 * contender stands here twice: `portmanteau` reads, `portmanteau, all texts` also asks for every text.
 */
import { BodyFraming, BodyReader, RequestHead } from '../src/http/index.ts'
import type { Case } from './case.ts'

const requests = {
  'GET hello': ['GET /hello HTTP/1.1', 'Host: localhost:8080', '', ''].join('\r\n'),
  'GET of a browser, 12 headers': [
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

/** The host's native Latin-1 decoder, as src/node hands it in. */
function decode(bytes: Uint8Array, start: number, end: number): string {
  return (bytes as Buffer).toString('latin1', start, end)
}

function own(chunk: Buffer, texts: boolean): () => number {
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
    let pos = head.push(chunk, 0, chunk.length)
    if (texts) received += head.rawFields().length + head.target.length
    if (head.framing !== BodyFraming.none) {
      body.start(head.framing, head.contentLength)
      pos = body.push(chunk, pos, chunk.length)
    }
    if (pos !== chunk.length) throw new Error('Cannot measure: the request was not read whole')
    head.reset()
    return received
  }
}

export const cases: Case[] = Object.entries(requests).map(([name, text]) => {
  const chunk = Buffer.from(text, 'latin1')
  return {
    group: 'http',
    name,
    bytes: chunk.length,
    contenders: { portmanteau: own(chunk, false), 'portmanteau, all texts': own(chunk, true) },
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
    const chunk = Buffer.from(text, 'latin1')
    const contenders = Object.fromEntries(
      Object.entries(parsers).map(([name, parser]) => [name, peerRun(parser, chunk)]),
    )
    return { group: 'http', name, bytes: chunk.length, contenders }
  })
}

/** Both llhttp's binding and http-parser-js have node's internal interface. */
function peerRun(HTTPParser: new (type: unknown) => object, chunk: Buffer): () => number {
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
    parser.execute(chunk, 0, chunk.length)
    return received
  }
}
